//! Why the server ends a connection: the close frame's code and reason (RFC 6455, section 7.4).
//!
//! Invariant: only the codes that the client protocol names are ever sent, besides the echo of a client's own.

use bytes::Bytes;
use watershed_broadcast::websocket::FrameError;
use watershed_protocol::client::{Opcode, frame_of};

/// A code and a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Close {
    pub(super) code: u16,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Framing(FrameError),
    RetryAfter(u64),
}

impl Close {
    /// What the client sent breaks a rule.
    pub(super) const fn of(error: FrameError) -> Self {
        Self { code: error.close_code(), reason: Reason::Framing(error) }
    }

    /// Come back after so many milliseconds.
    pub(super) const fn try_later(retry_after_ms: u64) -> Self {
        Self { code: 1013, reason: Reason::RetryAfter(retry_after_ms) }
    }

    /// The close frame.
    pub(super) fn frame(&self) -> Bytes {
        let mut payload = self.code.to_be_bytes().to_vec();
        match self.reason {
            Reason::Framing(error) => payload.extend_from_slice(error.to_string().as_bytes()),
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
    fn a_fault_is_told_with_its_code_and_its_limit() {
        let frame = Close::of(FrameError::TooLarge { max: 32_768 }).frame();
        assert_eq!(frame[2..4], 1009_u16.to_be_bytes());
        assert_eq!(&frame[4..], b"at most 32768 bytes fit into a message");
    }
}
