//! The most liked comments of one stream: of those that processors name, each its own, the ones with the most likes.
//!
//! Reports bring names, `counts` has the likes, frames and snapshots take the ranking out. Invariant: whole comments rank as
//! their owners count them; of a spread one the owner of the home guesses whether to name it, and its true sum ranks it.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use watershed_protocol::{Comment, CommentId, NodeName, Shown, limits, peer::report::TallyRow};

use crate::counts::Counts;

/// What each processor named last.
#[derive(Debug, Default)]
pub(crate) struct Top {
    named: BTreeMap<NodeName, Vec<Arc<Comment>>>,
    /// Whether anything that ranks may have changed since it was last ranked.
    pub(crate) dirty: bool,
}

impl Top {
    /// A processor names its most liked comments.
    pub(crate) fn name(&mut self, node: &NodeName, comments: &[(Arc<Comment>, TallyRow)]) {
        let named = comments.iter().take(limits::TOP_COMMENTS_MAX).map(|(comment, _)| comment.clone());
        self.named.insert(node.clone(), named.collect());
        self.dirty = true;
    }

    /// A comment is gone.
    pub(crate) fn delete(&mut self, id: CommentId) {
        for named in self.named.values_mut() {
            named.retain(|comment| comment.id != id);
        }
        self.dirty = true;
    }

    /// Whether one of them holds.
    pub(crate) fn any(&self, holds: impl Fn(CommentId) -> bool) -> bool {
        self.named.values().flatten().any(|comment| holds(comment.id))
    }

    /// The most liked first, the older of equals. `seen` is the count that viewers have, where no tally is held any more.
    pub(crate) fn ranked(&self, counts: &Counts, seen: impl Fn(CommentId) -> Option<u64>) -> Vec<Shown> {
        let shown = |comment: &Arc<Comment>| {
            let likes = counts.count(comment.id).or_else(|| seen(comment.id)).unwrap_or(0);
            Shown::new(comment.clone(), likes)
        };
        let mut ranked: Vec<Shown> = self.named.values().flatten().map(shown).filter(|shown| shown.likes > 0).collect();
        ranked.sort_by_key(|shown| (Reverse(shown.likes), shown.comment.order()));
        ranked.dedup_by_key(|shown| shown.comment.id);
        ranked.truncate(limits::TOP_COMMENTS_MAX);
        ranked
    }
}

/// Whether two rankings name the same comments in the same order: counts travel by themselves.
pub(crate) fn same(one: &[Shown], other: &[Shown]) -> bool {
    one.iter().map(|shown| shown.comment.id).eq(other.iter().map(|shown| shown.comment.id))
}
