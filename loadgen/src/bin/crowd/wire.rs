//! Bytes of a server as WebSocket frames (RFC 6455, section 5.2).
//!
//! Between the read buffer and the messages. Invariant: nothing is copied; what is not whole yet is left where it is.

use std::io::Cursor;

use tokio_tungstenite::tungstenite::protocol::frame::{
    FrameHeader,
    coding::{Control, Data, OpCode},
};

/// Largest payload that is taken: far above a snapshot of 100 comments.
const PAYLOAD_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What is in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// A message of the protocol.
    Message(&'a [u8]),
    Ping(&'a [u8]),
    Pong,
    Close {
        code: u16,
        reason: &'a [u8],
    },
}

/// A frame that a server of ours does not send.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the header of a frame cannot be read")]
    Header,
    #[error("a frame is masked, in parts, or of an unknown kind")]
    Kind,
    #[error("a frame has {0} bytes, at most {PAYLOAD_BYTES_MAX} are taken")]
    TooLarge(u64),
}

/// The first frame, and how many bytes it takes in all; `None` while it is not whole.
pub(crate) fn first_frame(bytes: &[u8]) -> Result<Option<(Content<'_>, usize)>, FrameError> {
    let mut cursor = Cursor::new(bytes);
    let Some((header, length)) = FrameHeader::parse(&mut cursor).map_err(|_| FrameError::Header)? else {
        return Ok(None);
    };
    if length > PAYLOAD_BYTES_MAX {
        return Err(FrameError::TooLarge(length));
    }
    if header.mask.is_some() || !header.is_final || header.rsv1 || header.rsv2 || header.rsv3 {
        return Err(FrameError::Kind);
    }
    let start = cursor.position() as usize;
    let end = start + length as usize;
    let Some(payload) = bytes.get(start..end) else { return Ok(None) };
    let content = match header.opcode {
        OpCode::Data(Data::Text | Data::Binary) => Content::Message(payload),
        OpCode::Control(Control::Ping) => Content::Ping(payload),
        OpCode::Control(Control::Pong) => Content::Pong,
        OpCode::Control(Control::Close) => match payload {
            [high, low, reason @ ..] => Content::Close { code: u16::from_be_bytes([*high, *low]), reason },
            // 1005: a close frame without a code.
            _ => Content::Close { code: 1005, reason: b"" },
        },
        _ => return Err(FrameError::Kind),
    };
    Ok(Some((content, end)))
}

/// The answer to a ping or a close: masked by zeroes, so that the payload is as it is. At most 125 bytes.
pub(crate) fn control(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let payload = &payload[..payload.len().min(125)];
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// The milliseconds in a reason such as `retry_after_ms=1000`.
pub(crate) fn retry_after_ms(reason: &[u8]) -> Option<u64> {
    std::str::from_utf8(reason).ok()?.strip_prefix("retry_after_ms=")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use watershed_protocol::client::{Opcode, frame_of};

    use super::*;

    #[test]
    fn a_frame_is_found_at_whatever_byte_it_is_cut() {
        let payload = vec![7; 300];
        let frame = frame_of(Opcode::Binary, &payload);
        for cut in 0..frame.len() {
            assert_eq!(first_frame(&frame[..cut]), Ok(None), "cut at {cut}");
        }
        assert_eq!(first_frame(&frame), Ok(Some((Content::Message(&payload), frame.len()))));
    }

    #[test]
    fn a_close_says_its_code_and_when_to_come_back() {
        let frame = frame_of(Opcode::Close, b"\x03\xf5retry_after_ms=1200");
        let Ok(Some((Content::Close { code, reason }, _))) = first_frame(&frame) else { panic!("it is a close frame") };
        assert_eq!((code, retry_after_ms(reason)), (1013, Some(1200)));
        assert_eq!(retry_after_ms(b"at most 32768 bytes fit into a message"), None);
    }

    #[test]
    fn frames_that_no_server_sends_are_refused() {
        assert_eq!(first_frame(&[0x01, 1, b'a']), Err(FrameError::Kind));
        assert_eq!(first_frame(&control(0x9, b"a")), Err(FrameError::Kind));
        assert_eq!(first_frame(&[0xc1, 1, b'a']), Err(FrameError::Kind));
        let huge = [0x82, 127, 0, 0, 0, 0, 0, 0x40, 0, 1];
        assert_eq!(first_frame(&huge), Err(FrameError::TooLarge(PAYLOAD_BYTES_MAX + 1)));
    }
}
