//! WebSocket frames of a client (RFC 6455, section 5), out of whatever bytes have come so far.
//!
//! Between a worker's read buffer and the [`crate::session`]. Bytes are taken as they come: a head is judged byte by byte,
//! a payload is unmasked where it lies, and of a message that comes in one piece nothing is copied.
//!
//! Invariant: in which pieces the bytes come changes neither the items nor the error that ends them; and no more is held
//! than one message of [`Rules::message_bytes_max`] bytes and one control frame.

mod head;

use std::ops::Range;

use watershed_protocol::client::Opcode;

use head::{Due, Frame, HeadBytes};

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The one kind of message; without it, text and binary.
    pub kind: Option<Opcode>,
    /// Longest message in bytes, its fragments together.
    pub message_bytes_max: usize,
}

/// What a client sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole message, and its kind: text or binary. Text is UTF-8.
    Message(Opcode, &'a [u8]),
    /// To be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// To be ignored.
    Pong,
    /// The client ends the connection, with this code if it gave one.
    Close(Option<u16>),
}

/// Why a connection must end. The decoder is not asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A rule of RFC 6455 is broken.
    #[error("{0}")]
    Protocol(&'static str),
    /// Data of a kind that the connection does not carry.
    #[error("this subprotocol does not carry this kind of frame")]
    Kind,
    /// Text, or a close's reason, that is not UTF-8.
    #[error("text must be UTF-8")]
    Text,
    /// A message beyond the limit.
    #[error("at most {max} bytes fit into a message")]
    TooLarge {
        /// The limit.
        max: usize,
    },
}

impl FrameError {
    /// The code of the close frame that says so (RFC 6455, section 7.4.1).
    pub const fn close_code(&self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::Kind => 1003,
            Self::Text => 1007,
            Self::TooLarge { .. } => 1009,
        }
    }
}

/// How far one client's frames have come. Needed from read to read only while [`Decoder::is_idle`] is false.
#[derive(Debug, Default)]
pub struct Decoder {
    next: Next,
    /// The kind of the message that has begun.
    begun: Option<Opcode>,
    /// Its payload so far, unless it came in one piece.
    message: Vec<u8>,
    /// How much of that is known to be UTF-8: all but the beginning of one character.
    text_bytes: usize,
    /// The payload so far of a control frame that did not come in one piece.
    control: Vec<u8>,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum Next {
    /// The head of a frame, of which this has come.
    Head(HeadBytes),
    /// The payload of this frame.
    Payload(Frame),
}

impl Default for Next {
    fn default() -> Self {
        Self::Head(HeadBytes::default())
    }
}

/// Where the payload of something whole lies.
enum Whole {
    /// A message, in the input.
    Message(Opcode, Range<usize>),
    /// A message, in the decoder.
    KeptMessage(Opcode),
    /// A control frame, in the input.
    Control(u8, Range<usize>),
    /// A control frame, in the decoder.
    KeptControl(u8),
}

impl Decoder {
    /// Whether it stands between two messages, so that a new one would go on like it.
    pub fn is_idle(&self) -> bool {
        self.begun.is_none() && matches!(&self.next, Next::Head(head) if head.is_empty())
    }

    /// Bytes held, itself included.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.message.capacity() + self.control.capacity()
    }

    /// Takes the next item from `input`, from `*at` on. `None`: all of the input is taken, and more is needed. Payloads
    /// are unmasked in place; what has been handed out before is freed.
    pub fn next<'a>(
        &'a mut self,
        rules: &Rules,
        input: &'a mut [u8],
        at: &mut usize,
    ) -> Result<Option<Item<'a>>, FrameError> {
        self.free_done();
        match self.advance(rules, input, at)? {
            None => Ok(None),
            Some(Whole::Message(kind, range)) => Ok(Some(Item::Message(kind, &input[range]))),
            Some(Whole::KeptMessage(kind)) => Ok(Some(Item::Message(kind, &self.message))),
            Some(Whole::Control(opcode, range)) => control(opcode, &input[range]).map(Some),
            Some(Whole::KeptControl(opcode)) => control(opcode, &self.control).map(Some),
        }
    }

    /// Goes on until something is whole.
    fn advance(&mut self, rules: &Rules, input: &mut [u8], at: &mut usize) -> Result<Option<Whole>, FrameError> {
        loop {
            let Some(mut frame) = self.frame(rules, input, at)? else { return Ok(None) };
            let piece = *at..*at + frame.left.min(input.len() - *at);
            *at = piece.end;
            frame.unmask(&mut input[piece.clone()]);
            if frame.left > 0 {
                self.next = Next::Payload(frame);
            }
            let whole = if frame.is_control() {
                self.take_control(&frame, input, piece)
            } else {
                self.take_data(&frame, rules, input, piece)?
            };
            if whole.is_some() || frame.left > 0 {
                return Ok(whole);
            }
        }
    }

    /// Takes the frame that the next byte of payload belongs to. `None`: the input ends within its head.
    fn frame(&mut self, rules: &Rules, input: &[u8], at: &mut usize) -> Result<Option<Frame>, FrameError> {
        match &mut self.next {
            Next::Payload(frame) => {
                let frame = *frame;
                self.next = Next::default();
                Ok(Some(frame))
            }
            Next::Head(head) => {
                let due = Due { rules, begun: self.begun.is_some(), message_bytes: self.message.len() };
                let (frame, bytes) = head.take(&input[*at..], &due)?;
                *at += bytes;
                if let Some(frame) = &frame {
                    self.begun = self.begun.or(frame.kind());
                }
                Ok(frame)
            }
        }
    }

    fn take_control(&mut self, frame: &Frame, input: &[u8], piece: Range<usize>) -> Option<Whole> {
        if frame.left == 0 && self.control.is_empty() {
            return Some(Whole::Control(frame.opcode, piece));
        }
        self.control.reserve_exact(piece.len() + frame.left);
        self.control.extend_from_slice(&input[piece]);
        (frame.left == 0).then_some(Whole::KeptControl(frame.opcode))
    }

    fn take_data(
        &mut self,
        frame: &Frame,
        rules: &Rules,
        input: &[u8],
        piece: Range<usize>,
    ) -> Result<Option<Whole>, FrameError> {
        let Some(kind) = self.begun else { unreachable!("a head of data begins a message or continues one") };
        let last = frame.last && frame.left == 0;
        if last {
            self.begun = None;
        }
        if last && self.message.is_empty() {
            if kind == Opcode::Text && std::str::from_utf8(&input[piece.clone()]).is_err() {
                return Err(FrameError::Text);
            }
            return Ok(Some(Whole::Message(kind, piece)));
        }
        self.keep(&input[piece], frame, rules.message_bytes_max);
        if kind == Opcode::Text {
            self.check_text(last)?;
        }
        Ok(last.then_some(Whole::KeptMessage(kind)))
    }

    /// Keeps a piece of a message. Room is made for at most twice of what has come, and never for more than can come.
    fn keep(&mut self, piece: &[u8], frame: &Frame, message_bytes_max: usize) {
        let needed = self.message.len() + piece.len();
        if needed > self.message.capacity() {
            let most = if frame.last { needed + frame.left } else { message_bytes_max };
            let room = (2 * self.message.len()).max(needed).min(most);
            self.message.reserve_exact(room - self.message.len());
        }
        self.message.extend_from_slice(piece);
    }

    /// Looks at what is new of a text. Only its last character may be incomplete, and only while more may come.
    fn check_text(&mut self, last: bool) -> Result<(), FrameError> {
        match std::str::from_utf8(&self.message[self.text_bytes..]) {
            Ok(_) => self.text_bytes = self.message.len(),
            Err(error) if error.error_len().is_none() && !last => self.text_bytes += error.valid_up_to(),
            Err(_) => return Err(FrameError::Text),
        }
        Ok(())
    }

    /// Frees the payloads that have been handed out.
    fn free_done(&mut self) {
        if self.begun.is_none() && self.message.capacity() > 0 {
            (self.message, self.text_bytes) = (Vec::new(), 0);
        }
        if self.control.capacity() > 0 && matches!(self.next, Next::Head(_)) {
            self.control = Vec::new();
        }
    }
}

/// What a whole control frame says.
fn control(opcode: u8, payload: &[u8]) -> Result<Item<'_>, FrameError> {
    match (opcode, payload) {
        (head::PING, _) => Ok(Item::Ping(payload)),
        (head::PONG, _) => Ok(Item::Pong),
        (_, []) => Ok(Item::Close(None)),
        (_, [_]) => Err(FrameError::Protocol("a close code has two bytes")),
        (_, [high, low, reason @ ..]) => {
            let code = u16::from_be_bytes([*high, *low]);
            // 1004 to 1006 and 1015 are never sent; the ranges between are for registered, then for private use.
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(FrameError::Protocol("a close code that may not be sent"));
            }
            if std::str::from_utf8(reason).is_err() {
                return Err(FrameError::Text);
            }
            Ok(Item::Close(Some(code)))
        }
    }
}

#[cfg(test)]
mod tests;
