//! A stream as it stands at one (epoch, seq): what a snapshot is taken from.
//!
//! The root keeps one per open stream, and each broadcast node one per room.
//! Invariant: the view after a range is the view after the range's frames one by one.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    Comment, CommentId, Delta, Epoch, Ordinal, Reactions, Seq, Snapshot,
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
    reactions: Reactions,
    pinned: Pinned,
    top: Vec<Shown>,
    comments: VecDeque<(Arc<Comment>, Option<Ordinal>)>,
    likes: BTreeMap<CommentId, u64>,
}

impl View {
    /// The view that a snapshot shows.
    pub fn new(snapshot: &Snapshot) -> Self {
        let mut view = Self {
            epoch: snapshot.epoch,
            seq: snapshot.seq,
            partial: snapshot.partial,
            viewers: snapshot.viewers,
            reactions: snapshot.reactions.clone(),
            pinned: snapshot.pinned.clone(),
            top: snapshot.top.clone(),
            comments: VecDeque::new(),
            likes: BTreeMap::new(),
        };
        view.push(&snapshot.comments);
        view
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
        &self.reactions
    }

    /// The most liked comments as last told.
    pub fn top(&self) -> &[Shown] {
        &self.top
    }

    /// What is shown beside the newest comments: the most liked ones and the pinned one.
    pub fn beside(&self) -> impl Iterator<Item = &Shown> {
        self.top.iter().chain(self.pinned.comment())
    }

    /// The count that the view shows of this comment, wherever it shows it.
    pub fn likes(&self, id: CommentId) -> Option<u64> {
        let beside = || self.beside().find(|shown| shown.comment.id == id);
        self.likes.get(&id).copied().or_else(|| beside().map(|shown| shown.likes))
    }

    /// The comment of the view with this id, and its count.
    pub fn comment(&self, id: CommentId) -> Option<Shown> {
        let likes = *self.likes.get(&id)?;
        let (comment, ordinal) = self.comments.iter().find(|(comment, _)| comment.id == id)?;
        Some(Shown { comment: comment.clone(), likes, ordinal: *ordinal })
    }

    /// Takes a frame or a range that continues the view, and leads on from it.
    pub fn apply(&mut self, delta: &Delta) -> Result<(), Gap> {
        if (delta.epoch, delta.from) != (self.epoch, self.seq) || delta.seq <= delta.from {
            return Err(Gap { epoch: self.epoch, seq: self.seq, frame_epoch: delta.epoch, from: delta.from });
        }
        self.seq = delta.seq;
        self.push(&delta.comments);
        if let Some(pinned) = &delta.pinned {
            self.pinned = pinned.clone();
        }
        if let Some(top) = &delta.top {
            self.top = top.clone();
        }
        for (id, count) in &delta.likes {
            self.set_likes(*id, *count);
        }
        for id in &delta.deleted {
            self.remove(*id);
        }
        if let Some(reactions) = &delta.reactions {
            self.reactions = reactions.clone();
        }
        self.viewers = delta.viewers.unwrap_or(self.viewers);
        Ok(())
    }

    /// The whole view, for somebody who has nothing.
    pub fn snapshot(&self) -> Snapshot {
        let shown = |(comment, ordinal): &(Arc<Comment>, Option<Ordinal>)| Shown {
            comment: comment.clone(),
            likes: self.likes[&comment.id],
            ordinal: *ordinal,
        };
        Snapshot {
            epoch: self.epoch,
            seq: self.seq,
            partial: self.partial,
            viewers: self.viewers,
            reactions: self.reactions.clone(),
            pinned: self.pinned.clone(),
            top: self.top.clone(),
            comments: self.comments.iter().map(shown).collect(),
        }
    }

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
