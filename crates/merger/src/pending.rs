//! What the next frame will say, but for counts: comments, deletions, the pin.
//!
//! Reports gather in it until there is a token. Invariant: it holds at most `comments_max` comments, and which of more they
//! are depends on nothing but their ids: those with the smallest. Ids are keyed hashes, so that is a fair sample that nobody
//! can aim for, and it is the same for all viewers because it is taken here.

use std::{collections::BTreeSet, sync::Arc};

use watershed_protocol::{Comment, CommentId, Delta, Empty, Shown};

use crate::counts::Counts;

/// The frame that gathers.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// In the root's order.
    pub(crate) comments: Vec<Arc<Comment>>,
    pub(crate) deleted: BTreeSet<CommentId>,
    pub(crate) pin: bool,
    /// Comments shown, those included that have been deleted since.
    pub(crate) shown: u64,
    /// Comments written.
    pub(crate) total: u64,
}

impl Empty for Pending {
    const EMPTY: &'static Self =
        &Self { comments: Vec::new(), deleted: BTreeSet::new(), pin: false, shown: 0, total: 0 };
}

impl Pending {
    /// Whether there is nothing to spend a token on.
    pub(crate) fn is_empty(&self) -> bool {
        self.comments.is_empty() && self.deleted.is_empty() && !self.pin && self.total == 0
    }

    /// Adds a comment. Of more than a frame takes, one is left out.
    pub(crate) fn push(&mut self, comment: &Arc<Comment>, comments_max: usize) {
        self.comments.push(comment.clone());
        self.shown += 1;
        if self.comments.len() <= comments_max {
            return;
        }
        let greatest = self.comments.iter().enumerate().max_by_key(|(_, comment)| comment.id);
        if let Some((at, _)) = greatest {
            self.comments.remove(at);
            self.shown -= 1;
        }
    }

    pub(crate) fn delete(&mut self, id: CommentId) {
        self.comments.retain(|comment| comment.id != id);
        self.deleted.insert(id);
    }

    /// Moves all comments, and up to `limit` deletions and counts each, into a frame. The pin is the caller's.
    pub(crate) fn take(&mut self, frame: &mut Delta, limit: usize, counts: &mut Counts) {
        for comment in self.comments.drain(..) {
            counts.told(comment.id);
            let likes = counts.count(comment.id).unwrap_or(0);
            frame.comments.push(Shown::new(comment, likes));
        }
        while frame.deleted.len() < limit
            && let Some(id) = self.deleted.pop_first()
        {
            frame.deleted.push(id);
        }
        frame.likes = counts.take(limit);
        frame.shown = std::mem::take(&mut self.shown);
        frame.total = std::mem::take(&mut self.total);
    }

    pub(crate) fn holds(&self, id: CommentId) -> bool {
        self.comments.iter().any(|comment| comment.id == id)
    }
}
