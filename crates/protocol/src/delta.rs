//! Frames and the ranges they merge into, and the snapshots that a chain of them starts from.
//!
//! Made by the root merger, carried down by the feed, merged by a broadcast node for viewers that lag.
//! Invariant: (a to b) + (b to c) = (a to c): a viewer that is behind gets one merged frame and ends where the others are.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Comment, CommentId, Epoch, Mutant, Ordinal, ReactionKind, Seq};

/// Absolute counts of taps by kind.
pub type Reactions = BTreeMap<ReactionKind, u64>;

/// A comment with its count at that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// What was written.
    pub comment: Arc<Comment>,
    /// Viewers that like it.
    pub likes: u64,
    /// Its number in this epoch, once the root has delivered it; of `pinned` and `top`, if the root still knows it.
    #[serde(default)]
    pub ordinal: Option<Ordinal>,
}

impl Shown {
    /// A comment that has no ordinal yet, or is shown outside of all epochs.
    pub fn new(comment: Arc<Comment>, likes: u64) -> Self {
        Self { comment, likes, ordinal: None }
    }
}

/// What is pinned now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pinned {
    /// Nothing is.
    Nothing,
    /// This comment is.
    Comment(Shown),
}

impl Pinned {
    /// The pinned comment, if there is one.
    pub fn comment(&self) -> Option<&Shown> {
        match self {
            Self::Nothing => None,
            Self::Comment(shown) => Some(shown),
        }
    }

    /// The same, to change it.
    pub fn comment_mut(&mut self) -> Option<&mut Shown> {
        match self {
            Self::Nothing => None,
            Self::Comment(shown) => Some(shown),
        }
    }
}

/// The merged updates of one stream from one seq (exclusive) to another (inclusive). What is absent is unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delta {
    /// The stream's epoch.
    pub epoch: Epoch,
    /// What a view must have to take this.
    pub from: Seq,
    /// What a view has after it; greater than `from`.
    pub seq: Seq,
    /// New comments, in the root's order.
    pub comments: Vec<Shown>,
    /// Absolute counts of comments that changed, each id once.
    pub likes: Vec<(CommentId, u64)>,
    /// Comments that were removed.
    pub deleted: Vec<CommentId>,
    /// What is pinned, if that changed.
    pub pinned: Option<Pinned>,
    /// The most liked comments, if that changed.
    pub top: Option<Vec<Shown>>,
    /// Taps by kind, if they changed.
    pub reactions: Option<Reactions>,
    /// Viewers of the stream, if that changed.
    pub viewers: Option<u64>,
    /// How many comments of this range are in `comments` (before deletions).
    pub shown: u64,
    /// How many comments were written in this range, shown or not.
    pub total: u64,
    /// The ordinals of the comments in `likes`, place by place. None, or no place: whoever shows the comment may know it by
    /// its id only.
    #[serde(default)]
    pub likes_ordinals: Vec<Option<Ordinal>>,
    /// The same for `deleted`.
    #[serde(default)]
    pub deleted_ordinals: Vec<Option<Ordinal>>,
}

impl Delta {
    /// A range that changes nothing.
    pub fn empty(epoch: Epoch, from: Seq, seq: Seq) -> Self {
        Self {
            epoch,
            from,
            seq,
            comments: Vec::new(),
            likes: Vec::new(),
            deleted: Vec::new(),
            pinned: None,
            top: None,
            reactions: None,
            viewers: None,
            shown: 0,
            total: 0,
            likes_ordinals: Vec::new(),
            deleted_ordinals: Vec::new(),
        }
    }

    /// The counts, each with the ordinal of its comment.
    pub fn likes_numbered(&self) -> impl Iterator<Item = (CommentId, Option<Ordinal>, u64)> {
        let ordinals = self.likes_ordinals.iter().copied().chain(std::iter::repeat(None));
        self.likes.iter().zip(ordinals).map(|((id, count), ordinal)| (*id, ordinal, *count))
    }

    /// The deletions, each with the ordinal of its comment.
    pub fn deleted_numbered(&self) -> impl Iterator<Item = (CommentId, Option<Ordinal>)> {
        let ordinals = self.deleted_ordinals.iter().copied().chain(std::iter::repeat(None));
        self.deleted.iter().copied().zip(ordinals)
    }

    /// The range over consecutive frames; `None` when there are none. Panics when they do not chain: our own bug.
    pub fn merged<'a>(frames: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        let mut frames = frames.into_iter();
        let first = frames.next()?;
        let mut range = first.clone();
        let (mut likes, mut deleted) = (BTreeMap::new(), BTreeMap::new());
        range.gather(&mut likes, &mut deleted);
        for next in frames {
            assert!(range.epoch == next.epoch && range.seq == next.from, "frames must chain to be merged");
            range.seq = next.seq;
            range.comments.extend(next.comments.iter().cloned());
            next.gather(&mut likes, &mut deleted);
            range.pinned = next.pinned.clone().or(range.pinned);
            range.top = next.top.clone().or(range.top);
            range.reactions = next.reactions.clone().or(range.reactions);
            range.viewers = next.viewers.or(range.viewers);
            if !Mutant::ShownNotAdded.lives() {
                range.shown = range.shown.saturating_add(next.shown);
                range.total = range.total.saturating_add(next.total);
            }
        }
        for shown in [Some(&mut range.comments), range.top.as_mut()].into_iter().flatten() {
            shown.retain(|shown| !deleted.contains_key(&shown.comment.id));
        }
        likes.retain(|id, _| !deleted.contains_key(id));
        range.likes_ordinals = likes.values().map(|(_, ordinal)| *ordinal).collect();
        range.likes = likes.into_iter().map(|(id, (count, _))| (id, count)).collect();
        (range.deleted, range.deleted_ordinals) = deleted.into_iter().unzip();
        Some(range)
    }

    /// Puts its counts and deletions over those of the frames before it. One that any frame calls by its id keeps that: who
    /// lags by all of them may know no other name.
    fn gather(
        &self,
        likes: &mut BTreeMap<CommentId, (u64, Option<Ordinal>)>,
        deleted: &mut BTreeMap<CommentId, Option<Ordinal>>,
    ) {
        for (id, ordinal, count) in self.likes_numbered() {
            let before = likes.get(&id).is_none_or(|(_, ordinal)| ordinal.is_some());
            likes.insert(id, (count, ordinal.filter(|_| before)));
        }
        for (id, ordinal) in self.deleted_numbered().filter(|_| !Mutant::DeletionLostInRange.lives()) {
            let before = deleted.get(&id).is_none_or(Option::is_some);
            deleted.insert(id, ordinal.filter(|_| before));
        }
    }
}

/// A whole view of one stream. It replaces what a viewer had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The stream's epoch.
    pub epoch: Epoch,
    /// All frames up to this are in it.
    pub seq: Seq,
    /// Some owners of comments have not answered yet; theirs follow in a snapshot of a higher epoch.
    pub partial: bool,
    /// Viewers of the stream.
    pub viewers: u64,
    /// Taps by kind.
    pub reactions: Reactions,
    /// What is pinned.
    pub pinned: Pinned,
    /// The most liked comments.
    pub top: Vec<Shown>,
    /// The newest comments, oldest first.
    pub comments: Vec<Shown>,
}

#[cfg(test)]
mod tests;
