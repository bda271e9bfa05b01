//! The wire format of a link: length, kind, contents.
//!
//! Between `machine`, which decides what is said, and the driver, which moves bytes and knows of this only [`cut`] and
//! [`Packet`]. Invariant: decoding takes any bytes and never panics nor allocates more than it was given.
//!
//! ```text
//! ┌──────────────┬─────────┬───────────────────────────────────────────┐
//! │ length u32 LE│ kind u8 │ contents                                  │   length = 1 + contents
//! └──────────────┴─────────┴───────────────────────────────────────────┘
//!   1 HELLO        version u8, then the greeting as an rmp array: a stranger's version is read without its layout
//!   2 REFUSED      the refusal; this layout never changes, since it is what versions tell each other
//!   3 MESSAGE      number u64 LE, body: the number is outside the body, so a body is never copied to be numbered
//!   4 HEARTBEAT    [sent, received, taken, hybrid]
//!   5 GOODBYE      nothing
//! ```

use bytes::{Buf, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use watershed_protocol::{HybridTime, limits::PEER_FRAME_BYTES_MAX};

use crate::hello::{Greeting, Refusal};

/// Version of this format and of the messages that it carries. Any change of a layout raises it.
pub const FORMAT_VERSION: u8 = 1;
/// Largest frame without its length: a message with the largest body.
pub const FRAME_BYTES_MAX: usize = PEER_FRAME_BYTES_MAX + MESSAGE_HEAD_BYTES;
/// Largest frame before the handshake is over, and largest control frame ever: a stranger cannot make a node hold more.
/// A greeting of the longest secret, names and URL is below 1,200 bytes.
pub const CONTROL_BYTES_MAX: usize = 4_096;
/// Kind and number, before a message's body.
pub const MESSAGE_HEAD_BYTES: usize = 1 + 8;

const LENGTH_BYTES: usize = 4;

const HELLO: u8 = 1;
const REFUSED: u8 = 2;
const MESSAGE: u8 = 3;
const HEARTBEAT: u8 = 4;
const GOODBYE: u8 = 5;

/// What one node tells the other twice a second, and when a quarter of the window was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Number of the last message that the sender sent on this connection.
    pub sent: u64,
    /// Number of the last message that it received.
    pub received: u64,
    /// Cost of all messages that its consumer took: what the window may be opened by.
    pub taken: u64,
    /// Its hybrid time.
    pub hybrid: HybridTime,
}

/// One frame, as it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The peer introduces itself.
    Hello {
        /// Its format version.
        version: u8,
        /// The greeting, to be read by [`Greeting::decode`] once the version is known to be ours.
        greeting: Bytes,
    },
    /// The peer will not talk to us.
    Refused(Refusal),
    /// A numbered body.
    Message {
        /// 1 for the first of a connection.
        number: u64,
        /// What the machines above sent.
        body: Bytes,
    },
    /// A sign of life.
    Heartbeat(Heartbeat),
    /// The peer leaves by its own will.
    Goodbye,
}

/// Why bytes are not a frame. The connection is beyond repair: the place where the next frame begins is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Nothing, not even a kind.
    #[error("frame is empty")]
    Empty,
    /// Larger than allowed at this moment.
    #[error("frame is {bytes} bytes, at most {max} fit")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit: [`CONTROL_BYTES_MAX`] or [`FRAME_BYTES_MAX`].
        max: usize,
    },
    /// No frame of this version has this kind.
    #[error("frame has the unknown kind {kind}")]
    Kind {
        /// The first byte.
        kind: u8,
    },
    /// The contents do not fit the kind.
    #[error("frame of kind {kind} with {bytes} bytes does not decode")]
    Contents {
        /// The first byte.
        kind: u8,
        /// The length of the frame.
        bytes: usize,
    },
}

/// Takes the next whole frame off the front of what was read; `None` until all of it is there.
///
/// The frame shares the buffer's memory: a body that is kept long keeps its neighbours' bytes too.
pub fn cut(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(length) = buffer.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length) as usize;
    if length > bytes_max {
        return Err(FrameError::TooLong { bytes: length, max: bytes_max });
    }
    if buffer.len() < LENGTH_BYTES + length {
        buffer.reserve(LENGTH_BYTES + length - buffer.len());
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}

impl Frame {
    /// Reads a frame that [`cut`] returned.
    pub fn decode(mut frame: Bytes) -> Result<Self, FrameError> {
        let bytes = frame.len();
        if bytes > FRAME_BYTES_MAX {
            return Err(FrameError::TooLong { bytes, max: FRAME_BYTES_MAX });
        }
        let kind = frame.try_get_u8().map_err(|_| FrameError::Empty)?;
        if kind != MESSAGE && bytes > CONTROL_BYTES_MAX {
            return Err(FrameError::TooLong { bytes, max: CONTROL_BYTES_MAX });
        }
        let broken = FrameError::Contents { kind, bytes };
        match kind {
            HELLO => match frame.try_get_u8() {
                Ok(version) => Ok(Self::Hello { version, greeting: frame }),
                Err(_) => Err(broken),
            },
            REFUSED => control(&frame).map(Self::Refused).ok_or(broken),
            MESSAGE => match frame.try_get_u64_le() {
                Ok(number) => Ok(Self::Message { number, body: frame }),
                Err(_) => Err(broken),
            },
            HEARTBEAT => control(&frame).map(Self::Heartbeat).ok_or(broken),
            GOODBYE if frame.is_empty() => Ok(Self::Goodbye),
            GOODBYE => Err(broken),
            kind => Err(FrameError::Kind { kind }),
        }
    }
}

/// One value that fills its frame exactly.
fn control<T: for<'de> Deserialize<'de>>(contents: &[u8]) -> Option<T> {
    let mut rest = contents;
    let value = rmp_serde::from_read(&mut rest).ok()?;
    rest.is_empty().then_some(value)
}

/// One frame as it goes out: a short head and a body that is shared, never copied. Write both, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    head: [u8; LENGTH_BYTES + MESSAGE_HEAD_BYTES],
    head_bytes: u8,
    body: Bytes,
}

impl Packet {
    /// Length, kind, and the number if it is a message.
    pub fn head(&self) -> &[u8] {
        &self.head[..usize::from(self.head_bytes)]
    }

    /// What follows the head.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Bytes on the wire, the length's own included.
    pub fn wire_bytes(&self) -> usize {
        self.head().len() + self.body.len()
    }

    /// Whether this is a heartbeat: a newer one behind it makes it worthless.
    pub fn is_heartbeat(&self) -> bool {
        self.head[LENGTH_BYTES] == HEARTBEAT
    }

    /// Whether this is the last that its sender says: worth waiting for, for a moment, before the connection ends.
    pub fn is_last_word(&self) -> bool {
        matches!(self.head[LENGTH_BYTES], REFUSED | GOODBYE)
    }

    /// Whether this is a message of the machines above.
    pub fn is_message(&self) -> bool {
        self.head[LENGTH_BYTES] == MESSAGE
    }

    pub(crate) fn hello(greeting: &Greeting) -> Self {
        let mut contents = vec![FORMAT_VERSION];
        contents.extend_from_slice(&encode(greeting));
        Self::control(HELLO, contents.into())
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Self::control(REFUSED, encode(refusal).into())
    }

    pub(crate) fn message(number: u64, body: Bytes) -> Self {
        debug_assert!(body.len() <= PEER_FRAME_BYTES_MAX, "the session lets no larger body through");
        let mut packet = Self::control(MESSAGE, body);
        let length = (MESSAGE_HEAD_BYTES + packet.body.len()) as u32;
        packet.head[..LENGTH_BYTES].copy_from_slice(&length.to_le_bytes());
        packet.head[LENGTH_BYTES + 1..].copy_from_slice(&number.to_le_bytes());
        packet.head_bytes = (LENGTH_BYTES + MESSAGE_HEAD_BYTES) as u8;
        packet
    }

    pub(crate) fn heartbeat(heartbeat: &Heartbeat) -> Self {
        Self::control(HEARTBEAT, encode(heartbeat).into())
    }

    pub(crate) fn goodbye() -> Self {
        Self::control(GOODBYE, Bytes::new())
    }

    fn control(kind: u8, body: Bytes) -> Self {
        let mut head = [0; LENGTH_BYTES + MESSAGE_HEAD_BYTES];
        head[..LENGTH_BYTES].copy_from_slice(&(1 + body.len() as u32).to_le_bytes());
        head[LENGTH_BYTES] = kind;
        Self { head, head_bytes: (LENGTH_BYTES + 1) as u8, body }
    }
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    rmp_serde::to_vec(value).expect("numbers, strings and bytes always encode into memory")
}

#[cfg(test)]
mod tests;
