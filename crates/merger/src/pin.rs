//! The stream's pin as a register: the greatest time over all slots wins.
//!
//! Reports merge into it; frames and snapshots show it. Invariant: a deleted comment is not pinned, and stays so however
//! often its pin is repeated.

use std::sync::Arc;

use watershed_protocol::{Comment, CommentId, HybridTime, Pinned, Shown, peer::report::PinRow};

use crate::counts::Counts;

/// What is pinned, since when.
#[derive(Debug, Default)]
pub(crate) struct Pin {
    time: Option<HybridTime>,
    comment: Option<Arc<Comment>>,
}

impl Pin {
    /// Takes a pin if it is later; true when it is.
    pub(crate) fn merge(&mut self, row: &PinRow) -> bool {
        let later = self.time < Some(row.time);
        if later {
            self.time = Some(row.time);
            self.comment = row.comment.as_ref().map(|(comment, _)| comment.clone());
        }
        later
    }

    /// A comment was deleted; true when it was the pinned one.
    pub(crate) fn delete(&mut self, id: CommentId) -> bool {
        self.comment.take_if(|comment| comment.id == id).is_some()
    }

    /// The pinned comment.
    pub(crate) fn id(&self) -> Option<CommentId> {
        self.comment.as_ref().map(|comment| comment.id)
    }

    /// As viewers are to see it. The count that they saw last stands if its tally is no longer held.
    pub(crate) fn shown(&self, counts: &Counts, seen: Option<&Shown>) -> Pinned {
        let Some(comment) = &self.comment else { return Pinned::Nothing };
        let seen = seen.filter(|seen| seen.comment.id == comment.id).map(|seen| seen.likes);
        let likes = counts.count(comment.id).or(seen).unwrap_or(0);
        Pinned::Comment(Shown::new(comment.clone(), likes))
    }
}
