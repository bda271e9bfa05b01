//! A stream as it stands at one (epoch, seq): what a snapshot is taken from.
//!
//! The root keeps one per open stream, and each broadcast node one per room.
//! Invariant: the view after a range is the view after the range's frames one by one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    Comment, CommentId, Delta, Empty, Epoch, Ordinal, Rare, Reactions, Seq, Snapshot,
    delta::{Pinned, Shown},
    limits,
};

/// A delta that does not continue the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("view is at {epoch}:{seq}, the frame continues {frame_epoch}:{from}")]
pub struct Gap {
    /// The view's epoch.
    pub epoch: Epoch,
    /// The view's seq.
    pub seq: Seq,
    /// The frame's epoch.
    pub frame_epoch: Epoch,
    /// Where the frame starts.
    pub from: Seq,
}

/// The newest comments of one stream with their counts, and what is shown beside them.
#[derive(Clone, Debug)]
pub struct View {
    epoch: Epoch,
    seq: Seq,
    partial: bool,
    viewers: u64,
    said: Rare<Said>,
}

/// What people have said, and what they say to that: nothing in nearly all streams.
#[derive(Clone, Debug)]
struct Said {
    reactions: Reactions,
    pinned: Pinned,
    top: Vec<Shown>,
    comments: VecDeque<(Arc<Comment>, Option<Ordinal>)>,
    likes: BTreeMap<CommentId, u64>,
}

impl Empty for Said {
    const EMPTY: &'static Self = &Self {
        reactions: BTreeMap::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: VecDeque::new(),
        likes: BTreeMap::new(),
    };
}

impl Default for Said {
    fn default() -> Self {
        Self::EMPTY.clone()
    }
}

impl View {
    /// The view that a snapshot shows.
    pub fn new(snapshot: &Snapshot) -> Self {
        let Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments } = snapshot;
        let mut said = Rare::<Said>::default();
        if !(reactions.is_empty() && *pinned == Pinned::Nothing && top.is_empty() && comments.is_empty()) {
            let made = said.make();
            (made.reactions, made.pinned, made.top) = (reactions.clone(), pinned.clone(), top.clone());
            made.push(comments);
        }
        Self { epoch: *epoch, seq: *seq, partial: *partial, viewers: *viewers, said }
    }

    /// The stream's epoch.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The last frame in the view.
    pub fn seq(&self) -> Seq {
        self.seq
    }

    /// Viewers as last told.
    pub fn viewers(&self) -> u64 {
        self.viewers
    }

    /// The reactions as last told.
    pub fn reactions(&self) -> &Reactions {
        &self.said.reactions
    }

    /// The most liked comments as last told.
    pub fn top(&self) -> &[Shown] {
        &self.said.top
    }

    /// What is shown beside the newest comments: the most liked ones and the pinned one.
    pub fn beside(&self) -> impl Iterator<Item = &Shown> {
        self.said.top.iter().chain(self.said.pinned.comment())
    }

    /// The count that the view shows of this comment, wherever it shows it.
    pub fn likes(&self, id: CommentId) -> Option<u64> {
        let beside = || self.beside().find(|shown| shown.comment.id == id);
        self.said.likes.get(&id).copied().or_else(|| beside().map(|shown| shown.likes))
    }

    /// The comment of the view with this id, and its count.
    pub fn comment(&self, id: CommentId) -> Option<Shown> {
        let likes = *self.said.likes.get(&id)?;
        let (comment, ordinal) = self.said.comments.iter().find(|(comment, _)| comment.id == id)?;
        Some(Shown { comment: comment.clone(), likes, ordinal: *ordinal })
    }

    /// Takes a frame or a range that continues the view, and leads on from it.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Gap> {
        if (delta.epoch, delta.from) != (self.epoch, self.seq) || delta.seq <= delta.from {
            return Err(Gap { epoch: self.epoch, seq: self.seq, frame_epoch: delta.epoch, from: delta.from });
        }
        self.seq = delta.seq;
        self.viewers = delta.viewers.unwrap_or(self.viewers);
        self.take(delta);
        Ok(())
    }

    /// Takes what has been said. A frame that says nothing makes no room for it.
    fn take(&mut self, delta: &Delta) {
        if !delta.comments.is_empty() || delta.pinned.is_some() || delta.top.is_some() || delta.reactions.is_some() {
            self.said.make();
        }
        let Some(said) = self.said.made() else { return };
        said.push(&delta.comments);
        if let Some(pinned) = &delta.pinned {
            said.pinned = pinned.clone();
        }
        if let Some(top) = &delta.top {
            said.top = top.clone();
        }
        for (id, count) in &delta.likes {
            said.set_likes(*id, *count);
        }
        for id in &delta.deleted {
            said.remove(*id);
        }
        if let Some(reactions) = &delta.reactions {
            said.reactions = reactions.clone();
        }
    }

    /// The whole view, for somebody who has nothing.
    pub fn snapshot(&self) -> Snapshot {
        let shown = |(comment, ordinal): &(Arc<Comment>, Option<Ordinal>)| Shown {
            comment: comment.clone(),
            likes: self.said.likes[&comment.id],
            ordinal: *ordinal,
        };
        Snapshot {
            epoch: self.epoch,
            seq: self.seq,
            partial: self.partial,
            viewers: self.viewers,
            reactions: self.said.reactions.clone(),
            pinned: self.said.pinned.clone(),
            top: self.said.top.clone(),
            comments: self.said.comments.iter().map(shown).collect(),
        }
    }
}

impl Said {
    fn push(&mut self, comments: &[Shown]) {
        for Shown { comment, likes, ordinal } in comments {
            if self.likes.insert(comment.id, *likes).is_none() {
                self.comments.push_back((comment.clone(), *ordinal));
            }
        }
        while self.comments.len() > limits::SNAPSHOT_COMMENTS_MAX {
            let oldest = self.comments.pop_front();
            oldest.map(|(comment, _)| self.likes.remove(&comment.id));
        }
    }

    fn set_likes(&mut self, id: CommentId, count: u64) {
        if let Some(likes) = self.likes.get_mut(&id) {
            *likes = count;
        }
        for shown in self.top.iter_mut().chain(self.pinned.comment_mut()).filter(|shown| shown.comment.id == id) {
            shown.likes = count;
        }
    }

    fn remove(&mut self, id: CommentId) {
        if self.likes.remove(&id).is_some() {
            self.comments.retain(|(comment, _)| comment.id != id);
        }
        self.top.retain(|shown| shown.comment.id != id);
        if self.pinned.comment().is_some_and(|shown| shown.comment.id == id) {
            self.pinned = Pinned::Nothing;
        }
    }
}
