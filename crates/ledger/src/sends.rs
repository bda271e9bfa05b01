//! Sendings and their fates: acknowledged, refused, or unknown.
//!
//! A device (see `screen`) holds its sendings by ref until their fate is settled. After Jepsen: a lost
//! connection or the code `unknown` is no failure, the sending may have taken effect or not, now or later.
//! Invariant: a sending whose fate was once unknown is never counted as refused, for an earlier attempt may have worked.

use watershed_protocol::{CommentId, Register};

/// What is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A comment with this body, as the server will show it.
    Comment {
        /// Its text, without characters that the server removes.
        body: String,
    },
    /// A like or an unlike.
    Like {
        /// Which comment.
        id: CommentId,
        /// What the viewer says, and when.
        register: Register,
    },
    /// The removal of a comment.
    Delete {
        /// Which comment.
        id: CommentId,
    },
    /// A comment is pinned, or none.
    Pin {
        /// Which comment; `None` unpins.
        id: Option<CommentId>,
    },
}

/// What became of a sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// No answer yet.
    Open,
    /// It is durable.
    Acknowledged,
    /// It certainly had no effect.
    Refused,
    /// It may have had an effect, or may yet.
    Unknown,
}

/// A sending under its ref.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) what: What,
    /// A comment's number among all that were written.
    pub(crate) number: Option<usize>,
    pub(crate) fate: Fate,
    /// Attempts on the present connection that have no answer.
    pub(crate) waiting: u32,
    /// Its ref was that of another sending before.
    pub(crate) reuses: bool,
    /// An attempt ended without a definite answer.
    pub(crate) tainted: bool,
    /// When the first attempt that waits was made.
    pub(crate) waiting_since_ms: u64,
}

impl Op {
    /// What kind of sending it is, for the counts of reports.
    pub(crate) fn kind(&self) -> Kind {
        match self.what {
            What::Comment { .. } => Kind::Comment,
            What::Like { register, .. } if register.liked => Kind::Like,
            What::Like { .. } => Kind::Unlike,
            What::Delete { .. } => Kind::Delete,
            What::Pin { .. } => Kind::Pin,
        }
    }
}

/// Kinds of sendings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Comment,
    Like,
    Unlike,
    Delete,
    Pin,
}
