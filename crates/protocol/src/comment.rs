//! A comment as it travels from its owner to every screen, and the key that orders it.

use serde::{Deserialize, Serialize};

use crate::{CommentBody, CommentId, DisplayName, HybridTime, ViewerId};

/// Where a comment stands among all of its stream: history sorts by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OrderKey {
    /// Given by the owner when the comment entered its log.
    pub time: HybridTime,
    /// Breaks ties between owners.
    pub id: CommentId,
}

/// A durable comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comment {
    /// Its id.
    pub id: CommentId,
    /// Its owner's hybrid time; the client's `at` is its milliseconds.
    pub time: HybridTime,
    /// Who wrote it.
    pub author: ViewerId,
    /// How the author is called.
    pub name: DisplayName,
    /// What was written.
    pub body: CommentBody,
}

impl Comment {
    /// The key that orders it in history and in the first snapshot of an epoch.
    pub fn order(&self) -> OrderKey {
        OrderKey { time: self.time, id: self.id }
    }
}
