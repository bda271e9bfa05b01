//! Broadcast node ↔ write processor: writes and questions up, answers down.
//!
//! Every write carries its stream, its slot's epoch and the map's epoch, as the sender knows them, so that an owner that
//! is not (or no longer) the owner says so instead of taking it. Write numbers are the sender's; an answer names them.

use serde::{Deserialize, Serialize};

use crate::client::Refusal;
use crate::{
    CommentBody, CommentId, DisplayName, Epoch, Invalid, OrderKey, Part, Reactions, Register, Shown, Slot, Spread,
    StreamId, ViewerId, ViewerKey,
};

/// From a broadcast node to a processor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "a batch is encoded where it is made; nothing keeps many of these")]
pub enum ToProcessor {
    /// Writes of its viewers.
    Writes(WriteBatch),
    /// A question that changes nothing.
    Query {
        /// The asker's number of it.
        number: u64,
        /// What is asked.
        query: Query,
    },
}

/// From a processor to a broadcast node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromProcessor {
    /// Answers to writes, each resting on what is durable.
    Answers(AnswerBatch),
    /// The answer to a question, from what is durable.
    Reply {
        /// The asker's number of the question.
        number: u64,
        /// The answer.
        reply: Reply,
    },
}

/// Writes that travel together. Each has a number of the sender, and each is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WriteBatch {
    /// Epoch of the map by which the sender chose this processor.
    pub map_epoch: Epoch,
    /// Every slot that the batch touches, ascending, with its epoch in the sender's map.
    pub slots: Vec<(Slot, Epoch)>,
    /// The streams that rows name by index.
    pub streams: Vec<StreamId>,
    /// Likes and unlikes.
    pub likes: LikeColumns,
    /// New comments.
    pub comments: Vec<CommentWrite>,
    /// What the owners of a spread comment's other parts must know of it.
    pub headers: Vec<HeaderWrite>,
    /// Deletions.
    pub deletes: Vec<DeleteWrite>,
    /// Pins and unpins.
    pub pins: Vec<PinWrite>,
    /// Taps, as cumulative counts.
    pub reactions: Vec<ReactionWrite>,
}

impl WriteBatch {
    /// How many writes are in it.
    pub fn len(&self) -> usize {
        let likes = self.likes.len();
        likes + self.comments.len() + self.headers.len() + self.deletes.len() + self.pins.len() + self.reactions.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The epoch that the sender believes `slot` to have.
    pub fn slot_epoch(&self, slot: Slot) -> Option<Epoch> {
        let at = self.slots.binary_search_by_key(&slot, |(slot, _)| *slot).ok()?;
        Some(self.slots[at].1)
    }

    /// The stream that a row names.
    pub fn stream(&self, index: u16) -> Option<&StreamId> {
        self.streams.get(usize::from(index))
    }
}

/// One like or unlike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LikeRow {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// Which comment.
    pub comment: CommentId,
    /// Whose like.
    pub viewer: ViewerKey,
    /// What the viewer says.
    pub register: Register,
    /// Which part of the comment's viewers this viewer is in.
    pub part: Part,
}

/// Likes as columns: 50 bytes a like, no array and no allocation for each.
///
/// Invariant: all columns have the same number of rows, every register is a valid one, parts are sorted by row.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawLikeColumns")]
pub struct LikeColumns {
    #[serde(with = "serde_bytes")]
    numbers: Vec<u8>,
    #[serde(with = "serde_bytes")]
    streams: Vec<u8>,
    #[serde(with = "serde_bytes")]
    comments: Vec<u8>,
    #[serde(with = "serde_bytes")]
    viewers: Vec<u8>,
    #[serde(with = "serde_bytes")]
    registers: Vec<u8>,
    /// Only the rows whose comment is spread.
    parts: Vec<(u32, Part)>,
}

#[derive(Deserialize)]
struct RawLikeColumns(
    #[serde(with = "serde_bytes")] Vec<u8>,
    #[serde(with = "serde_bytes")] Vec<u8>,
    #[serde(with = "serde_bytes")] Vec<u8>,
    #[serde(with = "serde_bytes")] Vec<u8>,
    #[serde(with = "serde_bytes")] Vec<u8>,
    Vec<(u32, Part)>,
);

impl TryFrom<RawLikeColumns> for LikeColumns {
    type Error = Invalid;

    fn try_from(raw: RawLikeColumns) -> Result<Self, Invalid> {
        let RawLikeColumns(numbers, streams, comments, viewers, registers, parts) = raw;
        let rows = numbers.len() / 8;
        let coherent = numbers.len() == rows * 8
            && streams.len() == rows * 2
            && comments.len() == rows * 16
            && viewers.len() == rows * 16
            && registers.len() == rows * 8
            && parts.is_sorted_by(|a, b| a.0 < b.0)
            && parts.last().is_none_or(|(row, _)| (*row as usize) < rows);
        if !coherent {
            return Err(Invalid::Form {
                what: "like columns",
                why: "their lengths or parts do not fit together".into(),
            });
        }
        for bits in registers.chunks_exact(8) {
            Register::from_bits(u64_of(bits))?;
        }
        Ok(Self { numbers, streams, comments, viewers, registers, parts })
    }
}

fn u64_of(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, byte| (value << 8) | u64::from(*byte))
}

fn bytes_of<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(bytes);
    array
}

impl LikeColumns {
    /// How many likes.
    pub fn len(&self) -> usize {
        self.numbers.len() / 8
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// Appends one.
    pub fn push(&mut self, row: LikeRow) {
        if row.part != Part::WHOLE {
            self.parts.push((self.len() as u32, row.part));
        }
        self.numbers.extend_from_slice(&row.number.to_le_bytes());
        self.streams.extend_from_slice(&row.stream.to_le_bytes());
        self.comments.extend_from_slice(row.comment.as_bytes());
        self.viewers.extend_from_slice(row.viewer.as_bytes());
        self.registers.extend_from_slice(&row.register.to_bits().to_le_bytes());
    }

    /// The likes, in order.
    pub fn iter(&self) -> impl Iterator<Item = LikeRow> + '_ {
        let mut parts = self.parts.iter().peekable();
        (0..self.len()).map(move |row| {
            let part = parts.next_if(|(at, _)| *at as usize == row).map_or(Part::WHOLE, |(_, part)| *part);
            let register = Register::from_bits(u64::from_le_bytes(bytes_of(&self.registers[row * 8..row * 8 + 8])));
            LikeRow {
                number: u64::from_le_bytes(bytes_of(&self.numbers[row * 8..row * 8 + 8])),
                stream: u16::from_le_bytes(bytes_of(&self.streams[row * 2..row * 2 + 2])),
                comment: CommentId::from_bytes(bytes_of(&self.comments[row * 16..row * 16 + 16])),
                viewer: ViewerKey::from_bytes(bytes_of(&self.viewers[row * 16..row * 16 + 16])),
                register: register.unwrap_or_else(|error| unreachable!("registers are checked on entry: {error}")),
                part,
            }
        })
    }
}

/// A new comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommentWrite {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// Its id, which names its slot.
    pub id: CommentId,
    /// Who wrote it.
    pub author: ViewerId,
    /// How the author is called.
    pub name: DisplayName,
    /// What was written.
    pub body: CommentBody,
    /// Into how many parts its viewers fall. All other parts have its header by now.
    pub spread: Spread,
}

/// A spread comment, as the owner of a part other than its home knows it: enough to count likes and to obey a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderWrite {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// Its id, which names the part's slot.
    pub id: CommentId,
    /// Who wrote it.
    pub author: ViewerId,
    /// Which part.
    pub part: Part,
}

/// The removal of a comment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteWrite {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// Which comment.
    pub id: CommentId,
    /// Who asks.
    pub viewer: ViewerId,
    /// Whether the viewer may remove others' comments.
    pub moderator: bool,
    /// Where: at home first, then in every other part.
    pub part: Part,
}

/// Pins a comment of the stream, or unpins. The sender has checked that the viewer is a moderator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinWrite {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// Where the pin is kept: the comment's slot, or the stream's home slot for an unpin.
    pub slot: Slot,
    /// Which comment; `None` unpins.
    pub id: Option<CommentId>,
}

/// Taps of one reporter on one stream, counted since the reporter's process started. Kept in the stream's home slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionWrite {
    /// The sender's number of this write.
    pub number: u64,
    /// Index into the batch's streams.
    pub stream: u16,
    /// The stream's home slot.
    pub slot: Slot,
    /// Fresh at each start of a broadcast node, so that its counts never fall.
    pub reporter: u64,
    /// Cumulative counts by kind.
    pub counts: Reactions,
}

/// Answers to writes, by the sender's numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AnswerBatch {
    /// Likes that are durable, with the register as it now is: number, [`Register::to_bits`].
    pub likes: Vec<(u64, u64)>,
    /// Other writes that are durable.
    pub done: Vec<u64>,
    /// Writes that were refused.
    pub refused: Vec<(u64, Refusal)>,
    /// Writes to slots that this processor does not own by the epoch they named: to be sent again by a newer map.
    pub moved: Vec<u64>,
    /// Epoch of the answerer's map; a sender with an older one should look for a newer.
    pub map_epoch: Epoch,
}

impl AnswerBatch {
    /// How many answers are in it.
    pub fn len(&self) -> usize {
        self.likes.len() + self.done.len() + self.refused.len() + self.moved.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A question to one processor about the slots that it owns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// The newest comments of a stream, newest first.
    History {
        /// Which stream.
        stream: StreamId,
        /// Only those that come before this key.
        before: Option<OrderKey>,
        /// At most this many.
        limit: u32,
    },
    /// Where a comment stands in its stream's history; asked of its owner. A deleted one still has its place.
    Order {
        /// Which stream.
        stream: StreamId,
        /// Which comment.
        id: CommentId,
    },
    /// Which of these comments the viewer likes.
    Likes {
        /// Which stream.
        stream: StreamId,
        /// Whose likes.
        viewer: ViewerKey,
        /// Which comments, each with the slot that counts this viewer; at most [`crate::limits::LIKES_QUERY_IDS_MAX`].
        comments: Vec<(Slot, CommentId)>,
    },
    /// How many viewers these parts of spread comments count.
    Counts {
        /// Which stream.
        stream: StreamId,
        /// Which comments, in which slot; at most [`crate::limits::COUNTS_QUERY_MAX`].
        comments: Vec<(Slot, CommentId)>,
    },
    /// What the stream holds in all.
    Totals {
        /// Which stream.
        stream: StreamId,
    },
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// A part of the stream's history, newest first.
    History(Vec<Shown>),
    /// Where the comment stands; `None` when it is unknown here.
    Order(Option<OrderKey>),
    /// Those that the viewer likes.
    Likes(Vec<CommentId>),
    /// The counts that were asked for, in that order; 0 of what is not known.
    Counts(Vec<u64>),
    /// Sums over this processor's slots.
    Totals {
        /// Comments that are not deleted.
        comments: u64,
        /// Their likes.
        likes: u64,
        /// Taps by kind.
        reactions: Reactions,
    },
    /// Not to be answered now, for example while recovering.
    Unavailable,
}
