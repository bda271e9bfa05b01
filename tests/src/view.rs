//! What a viewer sees, folded from its messages as `docs/protocol.md` says.
//!
//! Under every viewer. It shares no code with the server's view. Invariant: a view without a point holds nothing.

use std::collections::BTreeMap;

use watershed_ledger::Point;
use watershed_protocol::{
    CommentId,
    client::{Line, Response},
};

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The last frame in it.
    pub point: Option<Point>,
    /// Some owners had not answered when it began.
    pub partial: bool,
    /// How many watch, as last told.
    pub viewers: u64,
    /// Taps by kind.
    pub reactions: BTreeMap<String, u64>,
    /// What is pinned.
    pub pinned: Option<Line>,
    /// The covered comments, oldest first, with their counts.
    pub comments: Vec<Line>,
}

impl View {
    /// Takes a message. Panics when a delta does not continue the view.
    pub fn apply(&mut self, message: &Response) {
        match message {
            Response::Snapshot { epoch, seq, partial, viewers, reactions, pinned, comments, .. } => {
                *self = Self {
                    point: Some(Point { epoch: *epoch, seq: *seq }),
                    partial: *partial,
                    viewers: *viewers,
                    reactions: reactions.clone(),
                    pinned: pinned.clone(),
                    comments: comments.clone(),
                };
            }
            Response::Delta { epoch, from, seq, comments, likes, deleted, pinned, reactions, viewers, .. } => {
                assert_eq!(self.point, Some(Point { epoch: *epoch, seq: *from }), "a delta does not continue the view");
                self.point = Some(Point { epoch: *epoch, seq: *seq });
                self.comments.extend(comments.iter().cloned());
                if let Some(pinned) = pinned {
                    self.pinned.clone_from(pinned);
                }
                for (id, count) in likes {
                    self.shown(*id).for_each(|line| line.likes = *count);
                }
                self.comments.retain(|line| !deleted.contains(&line.id));
                self.pinned.take_if(|line| deleted.contains(&line.id));
                if let Some(reactions) = reactions {
                    self.reactions.clone_from(reactions);
                }
                self.viewers = viewers.unwrap_or(self.viewers);
            }
            _ => {}
        }
    }

    /// The comment with this id.
    pub fn comment(&self, id: CommentId) -> Option<&Line> {
        self.comments.iter().find(|line| line.id == id)
    }

    /// The comment with this body.
    pub fn says(&self, body: &str) -> Option<&Line> {
        self.comments.iter().find(|line| line.body == body)
    }

    fn shown(&mut self, id: CommentId) -> impl Iterator<Item = &mut Line> {
        self.comments.iter_mut().chain(&mut self.pinned).filter(move |line| line.id == id)
    }
}
