//! WebSocket frames of a client (RFC 6455, section 5), out of whatever bytes a read happened to bring.
//!
//! Between the worker's read buffer and the session. The decoder touches no socket; it unmasks in place and copies only
//! what is incomplete. Invariant: it never holds more than one message of [`CLIENT_MESSAGE_BYTES_MAX`] bytes and one
//! frame of as many, and after an error it is not asked again.

use watershed_protocol::{client::Opcode, limits::CLIENT_MESSAGE_BYTES_MAX};

use super::close::Close;

/// Longest header of a client's frame: two bytes, eight of length, four of mask.
const HEADER_BYTES_MAX: usize = 14;
/// Most bytes that wait for the rest of their frame.
pub(super) const INCOMPLETE_BYTES_MAX: usize = CLIENT_MESSAGE_BYTES_MAX + HEADER_BYTES_MAX;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = Opcode::Text as u8;
const BINARY: u8 = Opcode::Binary as u8;
const CLOSE: u8 = Opcode::Close as u8;
const PING: u8 = Opcode::Ping as u8;
const PONG: u8 = Opcode::Pong as u8;

/// What a client sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item<'a> {
    /// A whole message of the connection's kind; text is UTF-8.
    Message(&'a [u8]),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// To be ignored.
    Pong,
    /// The client ends the connection, with this code if it gave one.
    Close(Option<u16>),
}

/// What a read left incomplete; a viewer holds one only while there is something.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The data frames so far of a fragmented message.
    fragments: Vec<u8>,
    fragmented: bool,
}

impl Decoder {
    /// Whether it may be forgotten.
    pub(super) fn is_idle(&self) -> bool {
        !self.fragmented
    }

    /// Bytes held for a fragmented message.
    pub(super) fn held(&self) -> usize {
        self.fragments.capacity()
    }

    /// Takes the next item from `input`, from `*at` on. `None`: the rest is incomplete; hand it in again, with more
    /// behind it. The bytes of items taken are unmasked in place.
    pub(super) fn next<'a>(
        &'a mut self,
        expected: Opcode,
        input: &'a mut [u8],
        at: &mut usize,
    ) -> Result<Option<Item<'a>>, Close> {
        loop {
            let Some(header) = Header::parse(&input[*at..])? else { return Ok(None) };
            self.check(&header, expected)?;
            let start = *at + header.bytes;
            let end = start + header.length;
            if end > input.len() {
                return Ok(None);
            }
            *at = end;
            unmask(&mut input[start..end], header.mask);
            if header.opcode >= CLOSE {
                return control(header.opcode, &input[start..end]).map(Some);
            }
            if header.last && !self.fragmented {
                return whole(expected, &input[start..end]).map(Some);
            }
            if !self.fragmented {
                self.fragments.clear();
            }
            self.fragments.extend_from_slice(&input[start..end]);
            self.fragmented = !header.last;
            if header.last {
                return whole(expected, &self.fragments).map(Some);
            }
        }
    }

    /// Frees what a message in fragments has needed, when it is done.
    pub(super) fn tidy(&mut self) {
        if !self.fragmented {
            self.fragments = Vec::new();
        }
    }

    /// The rules that span frames: what may follow what, and how long it may become.
    fn check(&self, header: &Header, expected: Opcode) -> Result<(), Close> {
        if header.opcode >= CLOSE {
            return Ok(());
        }
        match (header.opcode == CONTINUATION, self.fragmented) {
            (true, false) => return Err(Close::protocol("a continuation of nothing")),
            (false, true) => return Err(Close::protocol("a new message inside a fragmented one")),
            _ => {}
        }
        if header.opcode != CONTINUATION && header.opcode != expected as u8 {
            return Err(Close::DATA);
        }
        let before = if self.fragmented { self.fragments.len() } else { 0 };
        if before + header.length > CLIENT_MESSAGE_BYTES_MAX {
            return Err(Close::TOO_LARGE);
        }
        Ok(())
    }
}

/// The head of one frame, with the rules that it must keep by itself.
struct Header {
    last: bool,
    opcode: u8,
    mask: [u8; 4],
    length: usize,
    bytes: usize,
}

impl Header {
    fn parse(input: &[u8]) -> Result<Option<Self>, Close> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let (last, opcode, short) = (first & 0x80 != 0, first & 0x0f, second & 0x7f);
        if first & 0x70 != 0 {
            return Err(Close::protocol("reserved bits are set"));
        }
        if !matches!(opcode, CONTINUATION | TEXT | BINARY | CLOSE | PING | PONG) {
            return Err(Close::protocol("a reserved opcode"));
        }
        if second & 0x80 == 0 {
            return Err(Close::protocol("a client's frame must be masked"));
        }
        if opcode >= CLOSE && !(last && short <= 125) {
            return Err(Close::protocol("a control frame is whole and at most 125 bytes"));
        }
        let (length, least, wide) = match (short, rest) {
            (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 126, 2),
            (127, [a, b, c, d, e, f, g, h, ..]) => (u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h]), 0x1_0000, 8),
            (126 | 127, _) => return Ok(None),
            _ => (u64::from(short), 0, 0),
        };
        if length < least || length >> 63 != 0 {
            return Err(Close::protocol("a length must have its shortest form"));
        }
        let length = usize::try_from(length).ok().filter(|length| *length <= CLIENT_MESSAGE_BYTES_MAX);
        let length = length.ok_or(Close::TOO_LARGE)?;
        let Some(mask) = rest[wide..].first_chunk::<4>() else { return Ok(None) };
        Ok(Some(Self { last, opcode, mask: *mask, length, bytes: 2 + wide + 4 }))
    }
}

fn whole(expected: Opcode, payload: &[u8]) -> Result<Item<'_>, Close> {
    if expected == Opcode::Text && std::str::from_utf8(payload).is_err() {
        return Err(Close::TEXT);
    }
    Ok(Item::Message(payload))
}

fn control(opcode: u8, payload: &[u8]) -> Result<Item<'_>, Close> {
    match (opcode, payload) {
        (PING, _) => Ok(Item::Ping(payload)),
        (PONG, _) => Ok(Item::Pong),
        (_, []) => Ok(Item::Close(None)),
        (_, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            // 1004 to 1006 and 1015 are never sent; the ranges between are for registered, then for private use.
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(Close::protocol("a close code that may not be sent"));
            }
            if std::str::from_utf8(reason).is_err() {
                return Err(Close::TEXT);
            }
            Ok(Item::Close(Some(code)))
        }
        (_, [_]) => Err(Close::protocol("a close code has two bytes")),
    }
}

fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    rest.iter_mut().zip(mask.into_iter().cycle()).for_each(|(byte, key)| *byte ^= key);
}

#[cfg(test)]
mod tests;
