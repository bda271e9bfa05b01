//! Why the server ends a connection: the close frame's code and reason (RFC 6455, section 7.4).
//!
//! Invariant: only the codes that the client protocol names are ever sent, besides the echo of a client's own.

use bytes::Bytes;
use watershed_protocol::client::{Opcode, frame_of};

/// A code and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Words(&'static str),
    RetryAfter(u64),
}

impl Close {
    /// Data of a kind that the subprotocol does not carry.
    pub(super) const DATA: Self = Self::new(1003, "this subprotocol does not carry this kind of frame");
    /// Text that is not UTF-8.
    pub(super) const TEXT: Self = Self::new(1007, "text must be UTF-8");
    /// A message beyond the limit.
    pub(super) const TOO_LARGE: Self = Self::new(1009, "at most 32768 bytes fit into a message");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason: Reason::Words(reason) }
    }

    /// The frames break a rule of RFC 6455.
    pub(super) const fn protocol(reason: &'static str) -> Self {
        Self::new(1002, reason)
    }

    /// Come back after so many milliseconds.
    pub(super) const fn try_later(retry_after_ms: u64) -> Self {
        Self { code: 1013, reason: Reason::RetryAfter(retry_after_ms) }
    }

    /// The close frame.
    pub(super) fn frame(&self) -> Bytes {
        let mut payload = self.code.to_be_bytes().to_vec();
        match self.reason {
            Reason::Words(words) => payload.extend_from_slice(words.as_bytes()),
            Reason::RetryAfter(ms) => payload.extend_from_slice(format!("retry_after_ms={ms}").as_bytes()),
        }
        frame_of(Opcode::Close, &payload)
    }

    /// The answer to a client's close: its own code, or none.
    pub(super) fn echo(code: Option<u16>) -> Bytes {
        match code {
            Some(code) => frame_of(Opcode::Close, &code.to_be_bytes()),
            None => frame_of(Opcode::Close, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn try_later_names_the_delay() {
        assert_eq!(&Close::try_later(1_200).frame()[4..], b"retry_after_ms=1200");
        assert_eq!(Close::try_later(1).frame()[2..4], 1013_u16.to_be_bytes());
    }

    #[test]
    fn the_largest_message_is_the_one_named() {
        let limit = watershed_protocol::limits::CLIENT_MESSAGE_BYTES_MAX.to_string();
        assert!(matches!(Close::TOO_LARGE.reason, Reason::Words(words) if words.contains(&limit)));
    }
}
