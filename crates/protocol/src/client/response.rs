//! What a viewer is told: the seven messages of the server, to and from each encoding.
//!
//! Frames are encoded once per encoding and shared by all viewers; decoding serves load generators and tests.
//! Invariant: the JSON has exactly the fields of `docs/protocol.md`, the MessagePack exactly its positions.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Deserialize, Serialize};

use super::{Code, Encoding, InflateError, Names, Refusal, compact, deflate};
use crate::{
    Comment, CommentId, Delta, DisplayName, Pinned, Ref, Register, Shown, Snapshot, StreamId, ViewerId, extent::extent,
};

/// How many elements the array of each message has, by the message's number.
const ELEMENTS: [u8; 7] = [6, 9, 13, 3, 5, 5, 3];

/// A message that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ResponseError {
    /// The text is not a message of the server.
    #[error("not a message of the server: {0}")]
    Json(#[from] serde_json::Error),
    /// The bytes are not a message of the server.
    #[error("not a message of the server: {0}")]
    MessagePack(#[from] rmp_serde::decode::Error),
    /// The bytes do not begin with an array, or that not with a number.
    #[error("not a message of the server: not a MessagePack array that begins with a number")]
    Array,
    /// The array does not end where the message does.
    #[error("not a message of the server: its array does not end after {bytes} bytes")]
    Extent {
        /// How many there are.
        bytes: usize,
    },
    /// The array's first element is not a known number.
    #[error("message number {0} is not known, 0 to 6 are")]
    Number(u8),
    /// What is behind the mark of a compact message.
    #[error("not a message of the server: {0}")]
    Deflate(#[from] InflateError),
}

/// What a viewer may do, as told in `welcome`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Longest comment in bytes.
    pub comment_bytes: u64,
    /// Comments a minute.
    pub comments_per_minute: u64,
    /// Shortest time between two `react` messages, in milliseconds.
    pub tap_interval_ms: u64,
    /// Something is sent at least this often, in milliseconds.
    pub beat_ms: u64,
}

/// A comment as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The comment's id.
    pub id: CommentId,
    /// The author's viewer id.
    pub author: ViewerId,
    /// The author's name.
    pub name: DisplayName,
    /// What was written.
    pub body: String,
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Viewers that like it.
    pub likes: u64,
}

impl From<&Shown> for Line {
    fn from(shown: &Shown) -> Self {
        let Comment { id, time, author, name, body } = &*shown.comment;
        Self {
            id: *id,
            author: author.clone(),
            name: name.clone(),
            body: body.as_str().into(),
            at: time.millis().get(),
            likes: shown.likes,
        }
    }
}

/// One message of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are documented, message by message, in docs/protocol.md")]
pub enum Response {
    /// The first message: who and where the viewer is.
    Welcome { viewer: ViewerId, node: String, stream: StreamId, placed: String, limits: Limits },
    /// The whole view.
    Snapshot {
        epoch: u64,
        seq: u64,
        partial: bool,
        viewers: u64,
        reactions: BTreeMap<String, u64>,
        pinned: Option<Line>,
        top: Vec<Line>,
        comments: Vec<Line>,
    },
    /// What changed from one seq to another. Absent fields are unchanged.
    Delta {
        epoch: u64,
        from: u64,
        seq: u64,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        comments: Vec<Line>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        likes: Vec<(CommentId, u64)>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        deleted: Vec<CommentId>,
        #[serde(default, skip_serializing_if = "Option::is_none", with = "maybe_null")]
        pinned: Option<Option<Line>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        top: Option<Vec<Line>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reactions: Option<BTreeMap<String, u64>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        viewers: Option<u64>,
        shown: u64,
        total: u64,
    },
    /// Nothing changed for a while; the connection is alive and the view is at this point.
    Beat { epoch: u64, seq: u64 },
    /// A write is durable.
    Ack {
        #[serde(rename = "ref")]
        reference: Ref,
        id: Option<CommentId>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        liked: Option<bool>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stamp: Option<u64>,
    },
    /// A write was refused.
    Reject {
        #[serde(rename = "ref")]
        reference: Option<Ref>,
        code: Code,
        message: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_ms: Option<u64>,
    },
    /// Reconnect there, after that many milliseconds.
    Move { url: String, after_ms: u64 },
}

impl Response {
    /// The acknowledgement of a comment, a deletion or a pin.
    pub fn ack(reference: Ref, id: Option<CommentId>) -> Self {
        Self::Ack { reference, id, liked: None, stamp: None }
    }

    /// The acknowledgement of a like or unlike, with the register as it now is.
    pub fn ack_like(reference: Ref, id: CommentId, register: Register) -> Self {
        Self::Ack { reference, id: Some(id), liked: Some(register.liked), stamp: Some(register.stamp.get()) }
    }

    /// A refusal, of the write with this ref or of one that could not be read.
    pub fn reject(reference: Option<Ref>, refusal: Refusal) -> Self {
        let Refusal { code, message, retry_after_ms } = refusal;
        Self::Reject { reference, code, message, retry_after_ms }
    }

    /// The message's payload. Frames and snapshots are better encoded by themselves: here they have no ordinals any more.
    pub fn encode(&self, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => {
                let encoded = serde_json::to_vec(self);
                encoded.unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}"))
            }
            Encoding::MessagePack => self.message_pack(),
            Encoding::Compact => compact::response(self),
            Encoding::CompactDeflate => match self {
                Self::Snapshot { .. } | Self::Delta { .. } => deflate::shared(&compact::response(self)),
                _ => deflate::plain(&compact::response(self)),
            },
        }
    }

    pub(super) fn message_pack(&self) -> Vec<u8> {
        // The writer fails only where the sink or a key's type does; a Vec and these types do neither.
        self.to_message_pack().unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}"))
    }

    /// Reads a message's payload by itself. A viewer of a compact encoding reads its messages with [`Names`] instead: here
    /// nobody knows which comments earlier messages have numbered.
    pub fn decode(encoding: Encoding, payload: &[u8]) -> Result<Self, ResponseError> {
        Names::default().read(encoding, payload)
    }

    fn to_message_pack(&self) -> Result<Vec<u8>, rmp_serde::encode::Error> {
        use rmp_serde::to_vec;
        match self {
            Self::Welcome { viewer, node, stream, placed, limits } => {
                to_vec(&(0, viewer, node, stream, placed, limits))
            }
            Self::Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments } => {
                to_vec(&(1, epoch, seq, partial, viewers, reactions, pinned, top, comments))
            }
            Self::Delta {
                epoch,
                from,
                seq,
                comments,
                likes,
                deleted,
                pinned,
                top,
                reactions,
                viewers,
                shown,
                total,
            } => {
                let pinned = pinned.as_ref().map(Option::as_slice);
                to_vec(&(2, epoch, from, seq, comments, likes, deleted, pinned, top, reactions, viewers, shown, total))
            }
            Self::Beat { epoch, seq } => to_vec(&(3, epoch, seq)),
            Self::Ack { reference, id, liked, stamp } => to_vec(&(4, reference, id, liked, stamp)),
            Self::Reject { reference, code, message, retry_after_ms } => {
                to_vec(&(5, reference, code.as_str(), message, retry_after_ms))
            }
            Self::Move { url, after_ms } => to_vec(&(6, url, after_ms)),
        }
    }

    /// The number of the message in an array, and the array without what a later version has appended.
    pub(super) fn array(payload: &[u8]) -> Result<(u8, Cow<'_, [u8]>), ResponseError> {
        let mut head = payload;
        let length = rmp::decode::read_array_len(&mut head).map_err(|_| ResponseError::Array)?;
        let elements = head;
        let number: u8 = rmp::decode::read_int(&mut head).map_err(|_| ResponseError::Array)?;
        if extent(payload, 1) != Some(payload.len()) {
            return Err(ResponseError::Extent { bytes: payload.len() });
        }
        let known = usize::from(*ELEMENTS.get(usize::from(number)).ok_or(ResponseError::Number(number))?);
        if length as usize <= known {
            return Ok((number, payload.into()));
        }
        let end = extent(elements, known as u64).unwrap_or(elements.len());
        Ok((number, [&[0x90 | known as u8], &elements[..end]].concat().into()))
    }

    pub(super) fn from_message_pack(payload: &[u8]) -> Result<Self, ResponseError> {
        use rmp_serde::from_slice;
        let (number, payload) = Self::array(payload)?;
        let payload = &*payload;
        Ok(match number {
            0 => {
                let (_, viewer, node, stream, placed, limits): (u8, _, _, _, _, _) = from_slice(payload)?;
                Self::Welcome { viewer, node, stream, placed, limits }
            }
            1 => {
                type Row = (u8, u64, u64, bool, u64, BTreeMap<String, u64>, Option<Line>, Vec<Line>, Vec<Line>);
                let (_, epoch, seq, partial, viewers, reactions, pinned, top, comments): Row = from_slice(payload)?;
                Self::Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments }
            }
            2 => {
                let row: DeltaRow = from_slice(payload)?;
                let DeltaRow(
                    _,
                    epoch,
                    from,
                    seq,
                    comments,
                    likes,
                    deleted,
                    pinned,
                    top,
                    reactions,
                    viewers,
                    shown,
                    total,
                ) = row;
                let pinned = pinned.map(|lines| lines.into_iter().next());
                Self::Delta {
                    epoch,
                    from,
                    seq,
                    comments,
                    likes,
                    deleted,
                    pinned,
                    top,
                    reactions,
                    viewers,
                    shown,
                    total,
                }
            }
            3 => {
                let (_, epoch, seq): (u8, _, _) = from_slice(payload)?;
                Self::Beat { epoch, seq }
            }
            4 => {
                let (_, reference, id, liked, stamp): (u8, _, _, _, _) = from_slice(payload)?;
                Self::Ack { reference, id, liked, stamp }
            }
            5 => {
                let (_, reference, code, message, retry_after_ms): (u8, _, CodeName, _, _) = from_slice(payload)?;
                Self::Reject { reference, code: code.0, message, retry_after_ms }
            }
            6 => {
                let (_, url, after_ms): (u8, _, _) = from_slice(payload)?;
                Self::Move { url, after_ms }
            }
            other => return Err(ResponseError::Number(other)),
        })
    }
}

impl From<&Snapshot> for Response {
    fn from(snapshot: &Snapshot) -> Self {
        Self::Snapshot {
            epoch: snapshot.epoch.get(),
            seq: snapshot.seq.get(),
            partial: snapshot.partial,
            viewers: snapshot.viewers,
            reactions: names(&snapshot.reactions),
            pinned: snapshot.pinned.comment().map(Line::from),
            top: lines(&snapshot.top),
            comments: lines(&snapshot.comments),
        }
    }
}

impl From<&Delta> for Response {
    fn from(delta: &Delta) -> Self {
        Self::Delta {
            epoch: delta.epoch.get(),
            from: delta.from.get(),
            seq: delta.seq.get(),
            comments: lines(&delta.comments),
            likes: delta.likes.clone(),
            deleted: delta.deleted.clone(),
            pinned: delta.pinned.as_ref().map(|pinned: &Pinned| pinned.comment().map(Line::from)),
            top: delta.top.as_deref().map(lines),
            reactions: delta.reactions.as_ref().map(names),
            viewers: delta.viewers,
            shown: delta.shown,
            total: delta.total,
        }
    }
}

fn lines(shown: &[Shown]) -> Vec<Line> {
    shown.iter().map(Line::from).collect()
}

fn names(reactions: &crate::Reactions) -> BTreeMap<String, u64> {
    reactions.iter().map(|(kind, count)| (kind.as_str().to_owned(), *count)).collect()
}

/// A delta in MessagePack. Pinned: nil unchanged, an empty array nothing, an array of one that comment.
#[derive(Deserialize)]
struct DeltaRow(
    #[expect(dead_code, reason = "the message's number, read before")] u8,
    u64,
    u64,
    u64,
    Vec<Line>,
    Vec<(CommentId, u64)>,
    Vec<CommentId>,
    Option<Vec<Line>>,
    Option<Vec<Line>>,
    Option<BTreeMap<String, u64>>,
    Option<u64>,
    u64,
    u64,
);

/// A code by its name, as MessagePack carries it.
struct CodeName(Code);

impl<'de> Deserialize<'de> for CodeName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let code = Code::ALL.into_iter().find(|code| code.as_str() == name);
        code.map(Self).ok_or_else(|| serde::de::Error::custom(format!("{name:?} is not a code")))
    }
}

/// Tells a field that is null from one that is absent.
mod maybe_null {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().and_then(Option::as_ref).serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(deserializer).map(Some)
    }
}

#[cfg(test)]
mod tests;
