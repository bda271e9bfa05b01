//! The head of one client's frame (RFC 6455, section 5.2), judged as far as it has come.
//!
//! Under the decoder. Invariant: each rule is applied as soon as the bytes that it is about are there, in their order, so
//! that a head in pieces fails as the whole one does.
//!
//! ```text
//!  byte 0                 byte 1             2 .. 3, or 2 .. 9          4 bytes
//! ┌───┬──────┬────────┐ ┌──────┬────────┐ ┌──────────────────────────┐ ┌──────┐
//! │FIN│RSV1-3│ opcode │ │MASK 1│ length │ │length, if that is 126, 127│ │ mask │
//! └───┴──────┴────────┘ └──────┴────────┘ └──────────────────────────┘ └──────┘
//! ```

use std::mem;

use watershed_protocol::client::Opcode;

use super::{FrameError, Rules};

/// Longest head of a client's frame: two bytes, eight of length, four of mask.
const BYTES_MAX: usize = 14;
/// Longest payload of a control frame (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: u8 = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = Opcode::Text as u8;
const BINARY: u8 = Opcode::Binary as u8;
const CLOSE: u8 = Opcode::Close as u8;
pub(super) const PING: u8 = Opcode::Ping as u8;
pub(super) const PONG: u8 = Opcode::Pong as u8;

/// A frame whose head is whole, and how much of its payload is still to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) opcode: u8,
    /// Whether it ends its message.
    pub(super) last: bool,
    /// The mask, turned so that its lowest byte is the key of the next one.
    mask: u32,
    pub(super) left: usize,
}

impl Frame {
    pub(super) fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// The kind of the message that it begins.
    pub(super) fn kind(&self) -> Option<Opcode> {
        match self.opcode {
            TEXT => Some(Opcode::Text),
            BINARY => Some(Opcode::Binary),
            _ => None,
        }
    }

    /// Unmasks the next piece of the payload.
    pub(super) fn unmask(&mut self, piece: &mut [u8]) {
        let wide = u64::from(self.mask) << 32 | u64::from(self.mask);
        let (words, rest) = piece.as_chunks_mut::<8>();
        for word in words {
            *word = (u64::from_le_bytes(*word) ^ wide).to_le_bytes();
        }
        rest.iter_mut().zip(wide.to_le_bytes()).for_each(|(byte, key)| *byte ^= key);
        self.mask = self.mask.rotate_right(8 * (piece.len() % 4) as u32);
        self.left -= piece.len();
    }
}

/// What has come of a head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeadBytes {
    bytes: [u8; BYTES_MAX],
    length: u8,
}

impl HeadBytes {
    pub(super) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The frame, when its head is whole with this input, and how much of the input belongs to the head. What is not whole
    /// is kept.
    pub(super) fn take(&mut self, input: &[u8], due: &Due<'_>) -> Result<(Option<Frame>, usize), FrameError> {
        let before = usize::from(mem::take(&mut self.length));
        if before == 0
            && let Some((frame, bytes)) = parse(input, due)?
        {
            return Ok((Some(frame), bytes));
        }
        let end = BYTES_MAX.min(before + input.len());
        self.bytes[before..end].copy_from_slice(&input[..end - before]);
        if let Some((frame, bytes)) = parse(&self.bytes[..end], due)? {
            return Ok((Some(frame), bytes - before));
        }
        self.length = end as u8;
        Ok((None, end - before))
    }
}

/// What a head must agree with.
pub(super) struct Due<'a> {
    pub(super) rules: &'a Rules,
    /// Whether a message has begun that is not done.
    pub(super) begun: bool,
    /// Bytes of that message so far.
    pub(super) message_bytes: usize,
}

/// The frame, and the length of its head. `None`: the head is not whole, and what has come of it breaks no rule.
fn parse(bytes: &[u8], due: &Due<'_>) -> Result<Option<(Frame, usize)>, FrameError> {
    let [first, rest @ ..] = bytes else { return Ok(None) };
    let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
    check_first(*first, due)?;
    let [second, rest @ ..] = rest else { return Ok(None) };
    let short = second & 0x7f;
    if second & 0x80 == 0 {
        return Err(FrameError::Protocol("a client's frame must be masked"));
    }
    if opcode >= CLOSE && short > CONTROL_BYTES_MAX {
        return Err(FrameError::Protocol("a control frame is whole and at most 125 bytes"));
    }
    let Some((length, wide)) = length(short, rest)? else { return Ok(None) };
    let max = due.rules.message_bytes_max;
    // A length beyond the machine's numbers is beyond any limit.
    let left = usize::try_from(length).unwrap_or(usize::MAX);
    if opcode < CLOSE && left > max.saturating_sub(due.message_bytes) {
        return Err(FrameError::TooLarge { max });
    }
    let Some(mask) = rest[wide..].first_chunk::<4>() else { return Ok(None) };
    Ok(Some((Frame { opcode, last, mask: u32::from_le_bytes(*mask), left }, 2 + wide + 4)))
}

/// The rules of the first byte: what there is, and what may follow what.
fn check_first(first: u8, due: &Due<'_>) -> Result<(), FrameError> {
    let (last, opcode) = (first & 0x80 != 0, first & 0x0f);
    if first & 0x70 != 0 {
        return Err(FrameError::Protocol("reserved bits are set"));
    }
    match (opcode, due.begun) {
        (CLOSE | PING | PONG, _) if last => Ok(()),
        (CLOSE | PING | PONG, _) => Err(FrameError::Protocol("a control frame is whole and at most 125 bytes")),
        (CONTINUATION, true) => Ok(()),
        (CONTINUATION, false) => Err(FrameError::Protocol("a continuation of nothing")),
        (TEXT | BINARY, true) => Err(FrameError::Protocol("a new message inside a fragmented one")),
        (TEXT | BINARY, false) if due.rules.kind.is_none_or(|kind| kind as u8 == opcode) => Ok(()),
        (TEXT | BINARY, false) => Err(FrameError::Kind),
        _ => Err(FrameError::Protocol("a reserved opcode")),
    }
}

/// The length of the payload, and in how many bytes behind the second it is written.
fn length(short: u8, rest: &[u8]) -> Result<Option<(u64, usize)>, FrameError> {
    let (length, least, wide) = match (short, rest) {
        (127, [top, ..]) if top & 0x80 != 0 => return Err(FrameError::Protocol("a length has at most 63 bits")),
        (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 0x1_0000, 8),
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 126, 2),
        (126 | 127, _) => return Ok(None),
        _ => (u64::from(short), 0, 0),
    };
    if length < least {
        return Err(FrameError::Protocol("a length must have its shortest form"));
    }
    Ok(Some((length, wide)))
}
