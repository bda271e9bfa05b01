//! The newest comments by order key: what the first snapshot of an epoch shows.
//!
//! Resyncs gather in it while a stream opens, or when a late owner comes in. Invariant: never more than a snapshot holds,
//! and always the newest of all that were put in and not removed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_protocol::{Comment, CommentId, OrderKey, Slot, limits};

/// Comments by order key.
#[derive(Debug, Default)]
pub(crate) struct Newest {
    comments: BTreeMap<OrderKey, Arc<Comment>>,
}

impl Newest {
    pub(crate) fn push(&mut self, comment: &Arc<Comment>) {
        self.comments.insert(comment.order(), comment.clone());
        if self.comments.len() > limits::SNAPSHOT_COMMENTS_MAX {
            self.comments.pop_first();
        }
    }

    pub(crate) fn remove(&mut self, id: CommentId) {
        self.comments.retain(|key, _| key.id != id);
    }

    /// Their owner tells these slots anew.
    pub(crate) fn remove_slots(&mut self, slots: &BTreeSet<Slot>) {
        self.comments.retain(|key, _| !slots.contains(&key.id.slot()));
    }

    /// Whether it shows a comment of which this is true.
    pub(crate) fn any(&self, holds: impl Fn(CommentId) -> bool) -> bool {
        self.comments.keys().any(|key| holds(key.id))
    }

    /// Oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Comment>> {
        self.comments.values()
    }
}
