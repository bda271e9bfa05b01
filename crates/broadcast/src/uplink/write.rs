//! One write of one viewer, as the session makes it and the uplink carries it.
//!
//! Invariant: a write knows its slot, so that it can be routed again whenever owners change.

use watershed_placement::Map;
use watershed_protocol::{
    CommentBody, CommentId, DisplayName, Part, Ref, Register, Slot, StreamId, ViewerId, ViewerKey,
};

/// Whom to answer. Opaque here: the carousel packs worker, place and generation into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(pub u64);

/// One write of one viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Whom to answer.
    pub origin: Origin,
    /// The stream that the viewer is on.
    pub stream: StreamId,
    /// What the viewer calls it. Without it nobody is answered.
    pub reference: Option<Ref>,
    /// What is to be done.
    pub op: Op,
}

/// What a write does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// A new comment.
    Comment {
        /// Its id.
        id: CommentId,
        /// Who wrote it.
        author: ViewerId,
        /// How the author is called.
        name: DisplayName,
        /// What was written.
        body: CommentBody,
    },
    /// A like or unlike.
    Like {
        /// Which comment.
        id: CommentId,
        /// Whose like.
        viewer: ViewerKey,
        /// What the viewer says.
        register: Register,
    },
    /// The removal of a comment.
    Delete {
        /// Which comment.
        id: CommentId,
        /// Who asks.
        viewer: ViewerId,
        /// Whether the viewer may remove others' comments.
        moderator: bool,
    },
    /// What the owner of a part must know of a spread comment that is about to be written. Made by the uplink itself.
    Header {
        /// Its id.
        id: CommentId,
        /// Who writes it.
        author: ViewerId,
    },
    /// Pins a comment, or unpins. Only of moderators: the session has checked.
    Pin {
        /// Which comment; `None` unpins.
        id: Option<CommentId>,
    },
}

impl Write {
    /// The comment that it speaks of.
    pub fn id(&self) -> Option<CommentId> {
        match self.op {
            Op::Comment { id, .. } | Op::Like { id, .. } | Op::Delete { id, .. } | Op::Header { id, .. } => Some(id),
            Op::Pin { id } => id,
        }
    }

    /// Where it is kept: in the part that counts the viewer for a like, else with the comment, or in the stream's home slot
    /// for an unpin.
    pub(super) fn place(&self, map: &Map) -> (Part, Slot) {
        let Some(id) = self.id() else { return (Part::WHOLE, map.key().home(&self.stream).slot()) };
        let spread = map.spread(&self.stream, &id);
        let part = match &self.op {
            Op::Like { viewer, .. } => spread.part_of(viewer),
            _ => spread.home(),
        };
        (part, part.slot(&id))
    }

    /// What the other parts of its comment are to be told: before a comment is written, and after it was deleted.
    pub(super) fn for_part(&self) -> Option<Self> {
        let op = match &self.op {
            Op::Comment { id, author, .. } => Op::Header { id: *id, author: author.clone() },
            Op::Delete { .. } => self.op.clone(),
            _ => return None,
        };
        Some(Self { origin: self.origin, stream: self.stream.clone(), reference: None, op })
    }
}
