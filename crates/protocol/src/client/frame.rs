//! The header of a WebSocket frame that a server sends (RFC 6455, section 5.2): whole messages, never masked.

use bytes::{BufMut, Bytes, BytesMut};

/// Kind of a WebSocket frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opcode {
    /// UTF-8 text.
    Text = 0x1,
    /// Bytes.
    Binary = 0x2,
    /// Ends the connection; carries a code and a reason.
    Close = 0x8,
    /// Asks for a pong.
    Ping = 0x9,
    /// Answers a ping with its payload.
    Pong = 0xa,
}

/// Appends the header of a final, unmasked frame with a payload of `length` bytes.
pub fn frame_header(opcode: Opcode, length: usize, into: &mut impl BufMut) {
    into.put_u8(0x80 | opcode as u8);
    match length {
        0..=125 => into.put_u8(length as u8),
        126..=0xffff => {
            into.put_u8(126);
            into.put_u16(length as u16);
        }
        _ => {
            into.put_u8(127);
            into.put_u64(length as u64);
        }
    }
}

/// A whole frame: header and payload in one piece, ready for a socket.
pub fn frame_of(opcode: Opcode, payload: &[u8]) -> Bytes {
    let mut frame = BytesMut::with_capacity(payload.len() + 10);
    frame_header(opcode, payload.len(), &mut frame);
    frame.put_slice(payload);
    frame.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_length_has_its_shortest_form() {
        let head = |length: usize| {
            let mut header = Vec::new();
            frame_header(Opcode::Text, length, &mut header);
            header
        };
        assert_eq!(head(0), [0x81, 0]);
        assert_eq!(head(125), [0x81, 125]);
        assert_eq!(head(126), [0x81, 126, 0, 126]);
        assert_eq!(head(65_535), [0x81, 126, 0xff, 0xff]);
        assert_eq!(head(65_536), [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
