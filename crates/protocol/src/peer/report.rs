//! Write processor ↔ root merger: one report a window up, openings of streams down.
//!
//! A report says what changed in the slots of one stream between two positions of each slot's log. The root keeps one
//! merged position per (stream, slot) and names them when it opens a stream; the processor reports from there. So
//! nothing needs to be remembered per comment to be safe against repeats, and a lost report is only a later one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Comment, CommentId, Epoch, HybridTime, Part, Position, Reactions, Slot, Spread, StreamId, Tally};

/// From a processor to the root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToMerger {
    /// What changed in one stream.
    Report(Report),
}

/// From the root to a processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromMerger {
    /// Report this stream from now on, first of all what lies beyond `merged`.
    Open {
        /// Which stream.
        stream: StreamId,
        /// The stream's epoch, to be named in its reports.
        epoch: Epoch,
        /// What to begin with.
        from: From,
    },
    /// Report the counts of these comments once more, every part that is here: the root holds some parts and not others.
    Count {
        /// Which stream.
        stream: StreamId,
        /// The epoch under which it was opened; ignored under another.
        epoch: Epoch,
        /// Spread comments; at most [`crate::limits::TALLIES_PER_FRAME_MAX`].
        comments: Vec<(CommentId, Spread)>,
    },
    /// Nobody watches this stream: report it no more.
    Close {
        /// Which stream.
        stream: StreamId,
    },
}

/// Where the reports of a stream begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum From {
    /// The root knows nothing: send the newest comments with their tallies, the pin and the reactions.
    Nothing,
    /// The root has merged each of these slots (of all owners) up to this position, and others up to zero.
    Merged(Vec<(Slot, Position)>),
}

/// What changed in one stream at one processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Which stream.
    pub stream: StreamId,
    /// The epoch under which the root opened it; reports for another epoch are dropped.
    pub epoch: Epoch,
    /// Whether this answers [`From::Nothing`]: the newest comments instead of all changes.
    pub resync: bool,
    /// The slots whose changes this report holds.
    pub spans: Vec<Span>,
    /// New comments, ascending by order key, deleted ones left out.
    pub comments: Vec<Arc<Comment>>,
    /// Current counts of comments that changed.
    pub tallies: Vec<TallyRow>,
    /// Comments that were deleted.
    pub deleted: Vec<CommentId>,
    /// The latest pin of these slots, if it changed.
    pub pin: Option<PinRow>,
    /// The stream's taps in all, if they changed; only from the owner of the stream's home slot.
    pub reactions: Option<ReactionRow>,
    /// How many comments were written in these spans, deleted ones too.
    pub total: u64,
    /// The most liked comments here, if they are others than before; at most [`crate::limits::TOP_COMMENTS_MAX`].
    pub top: Option<Vec<(Arc<Comment>, TallyRow)>>,
}

/// The changes of one slot that a report completes: all of this stream's in (from, to].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Which slot.
    pub slot: Slot,
    /// The epoch of the reporter's ownership; the root drops lower ones than it has seen.
    pub epoch: Epoch,
    /// Where the last report of this stream and slot ended. The root drops a report that would leave a gap.
    pub from: Position,
    /// Where this one ends.
    pub to: Position,
}

/// The count of (one part of) one comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyRow {
    /// Which comment.
    pub id: CommentId,
    /// Which part of its viewers.
    pub part: Part,
    /// The register.
    pub tally: Tally,
}

/// A pin as a register: the greatest time wins over all slots of the stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinRow {
    /// When it was pinned, by the owner's hybrid clock.
    pub time: HybridTime,
    /// The pinned comment, whole, with its tally; `None` unpins.
    pub comment: Option<(Arc<Comment>, TallyRow)>,
}

/// The stream's taps as a register of its home slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionRow {
    /// Epoch of the home slot.
    pub epoch: Epoch,
    /// The home slot's position of the last change.
    pub version: Position,
    /// Sums over all reporters.
    pub counts: Reactions,
}
