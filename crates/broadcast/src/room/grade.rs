//! What a viewer gets when its socket takes bytes again, by how far it is behind.
//!
//! For people who look at slow viewers; the room itself decides anew when it sends. Invariant: nothing is made or encoded for
//! an answer, so it may differ from what is sent where a snapshot turns out to be smaller than a range.

use watershed_protocol::{Millis, client::Encoding};

use super::{Behind, Cursor, LAGGING_COMMENTS_MAX, Room};

/// See the head of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// It has been sent all there is.
    Current,
    /// The newest frame.
    Frame,
    /// All frames since, in one.
    Range,
    /// The same, with a sample of their comments.
    Sample,
    /// A whole view.
    Snapshot,
}

impl Grade {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Frame => "frame",
            Self::Range => "range",
            Self::Sample => "sample",
            Self::Snapshot => "snapshot",
        }
    }
}

impl Room {
    /// What a viewer at `cursor` is sent next.
    pub fn grade(&self, now: Millis, cursor: Cursor, encoding: Encoding, behind: Behind) -> Grade {
        if cursor == self.head() {
            return Grade::Current;
        }
        if !self.has_since(now, cursor, encoding, behind) {
            return Grade::Snapshot;
        }
        match (self.head - cursor.0, behind) {
            (1, _) => Grade::Frame,
            (_, Behind::Lags) if self.comments_since(cursor) > LAGGING_COMMENTS_MAX as u64 => Grade::Sample,
            _ => Grade::Range,
        }
    }
}
