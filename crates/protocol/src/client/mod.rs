//! The client protocol, version 1: what a viewer's connection carries, as JSON text or as
//! MessagePack arrays, those also compact and deflated.
//!
//! `docs/protocol.md` has every message with a worked example. The server speaks first.

mod compact;
mod deflate;
mod frame;
mod names;
mod request;
mod response;
mod shared;

pub use deflate::{InflateError, deflate, inflate};
pub use frame::{Opcode, frame_header, frame_of};
pub use names::Names;
pub use request::{Request, RequestError, RequestLimits};
pub use response::{Limits, Line, Response, ResponseError};

use serde::{Deserialize, Serialize};

/// How messages of one connection are written: the WebSocket subprotocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Encoding {
    /// `live.v1.json`, text frames: the default when none is asked for.
    #[default]
    Json,
    /// `live.v1.msgpack`, binary frames: arrays with fixed positions.
    MessagePack,
    /// `live.v1.compact`, binary frames: the same arrays, in which comments are called by ordinals.
    Compact,
    /// `live.v1.compact.deflate`, binary frames: the same, the server's messages marked as plain or deflated.
    CompactDeflate,
}

impl Encoding {
    /// All encodings, for caches that hold one form of each.
    pub const ALL: [Self; 4] = [Self::Json, Self::MessagePack, Self::Compact, Self::CompactDeflate];

    /// The name of the subprotocol.
    pub const fn subprotocol(self) -> &'static str {
        match self {
            Self::Json => "live.v1.json",
            Self::MessagePack => "live.v1.msgpack",
            Self::Compact => "live.v1.compact",
            Self::CompactDeflate => "live.v1.compact.deflate",
        }
    }

    /// The encoding of a subprotocol.
    pub fn from_subprotocol(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|encoding| encoding.subprotocol() == name)
    }

    /// Whether its readers must know the ordinals of comments: see [`Names`].
    pub const fn is_compact(self) -> bool {
        matches!(self, Self::Compact | Self::CompactDeflate)
    }

    /// The kind of data frame that carries it.
    pub const fn opcode(self) -> Opcode {
        match self {
            Self::Json => Opcode::Text,
            Self::MessagePack | Self::Compact | Self::CompactDeflate => Opcode::Binary,
        }
    }
}

/// Why a write was refused: a closed list. A refusal speaks of one sending only and never closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The message is not JSON (or not MessagePack).
    BadJson,
    /// The message is not of a known form.
    BadMessage,
    /// The body holds nothing visible.
    EmptyBody,
    /// The body is longer than the limit.
    BodyTooLong,
    /// The body holds a control character.
    BadText,
    /// There is no such comment: never was, deleted, not yet durable, or of another stream.
    UnknownComment,
    /// The ref was used for another body.
    RefReused,
    /// The stamp is missing, out of range, or too far ahead.
    BadStamp,
    /// The viewer may not do this.
    Forbidden,
    /// Too many in a minute. Retryable.
    RateLimited,
    /// The node cannot take more now. Retryable.
    Overloaded,
    /// The comment's owner is down. Retryable.
    Unavailable,
    /// No answer came in time: it may have taken effect or not. Retryable.
    Unknown,
}

impl Code {
    /// All codes.
    pub const ALL: [Self; 13] = [
        Self::BadJson,
        Self::BadMessage,
        Self::EmptyBody,
        Self::BodyTooLong,
        Self::BadText,
        Self::UnknownComment,
        Self::RefReused,
        Self::BadStamp,
        Self::Forbidden,
        Self::RateLimited,
        Self::Overloaded,
        Self::Unavailable,
        Self::Unknown,
    ];

    /// Whether the same ref and stamp may be sent again.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimited | Self::Overloaded | Self::Unavailable | Self::Unknown)
    }

    /// The code as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadJson => "bad_json",
            Self::BadMessage => "bad_message",
            Self::EmptyBody => "empty_body",
            Self::BodyTooLong => "body_too_long",
            Self::BadText => "bad_text",
            Self::UnknownComment => "unknown_comment",
            Self::RefReused => "ref_reused",
            Self::BadStamp => "bad_stamp",
            Self::Forbidden => "forbidden",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
        }
    }
}

/// A refusal: its code, words for a person, and when to try again if that makes sense.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub code: Code,
    /// Why, in words that name the value and the limit.
    pub message: String,
    /// Send the same again after this many milliseconds; `None` means never.
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// A refusal that is final.
    pub fn last(code: Code, message: impl Into<String>) -> Self {
        debug_assert!(!code.is_retryable());
        Self { code, message: message.into(), retry_after_ms: None }
    }

    /// A refusal of this moment only.
    pub fn retry(code: Code, retry_after_ms: u64, message: impl Into<String>) -> Self {
        debug_assert!(code.is_retryable());
        Self { code, message: message.into(), retry_after_ms: Some(retry_after_ms) }
    }
}
