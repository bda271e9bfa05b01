//! RFC 6455 in rows: what a client sends, and all that must come back.
//!
//! Each file holds a part of the standard. A row is complete: after what it names, the connection ends. Where the standard
//! leaves a choice, the row's name says which one is taken.

pub(crate) mod closes;
pub(crate) mod controls;
pub(crate) mod framing;
pub(crate) mod limits;
pub(crate) mod text;

pub(crate) const CONTINUED: u8 = 0x00;
pub(crate) const ENDED: u8 = 0x80;
pub(crate) const TEXT: u8 = 0x81;
pub(crate) const TEXT_BEGUN: u8 = 0x01;
pub(crate) const BINARY: u8 = 0x82;
pub(crate) const BINARY_BEGUN: u8 = 0x02;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// One frame that comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Back {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    /// A close frame with this code, or with none.
    Close(Option<u16>),
}

impl Back {
    pub(crate) fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().to_vec())
    }

    pub(crate) fn binary(bytes: impl AsRef<[u8]>) -> Self {
        Self::Binary(bytes.as_ref().to_vec())
    }

    pub(crate) fn pong(payload: impl AsRef<[u8]>) -> Self {
        Self::Pong(payload.as_ref().to_vec())
    }
}

/// See the head of the file.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) sent: Vec<u8>,
    pub(crate) back: Vec<Back>,
    /// Whether frames of text, and of bytes, are sent.
    pub(crate) kinds: (bool, bool),
}

impl Row {
    fn new(name: impl Into<String>, frames: &[Vec<u8>], back: Vec<Back>) -> Self {
        let begins = |opcode| frames.iter().any(|frame| frame[0] & 0x0f == opcode);
        Self { name: name.into(), sent: frames.concat(), back, kinds: (begins(0x1), begins(0x2)) }
    }

    /// Frames that keep the rules: after them the client closes, and its code comes back.
    pub(crate) fn kept(name: impl Into<String>, frames: &[Vec<u8>], back: &[Back]) -> Self {
        let frames = [frames, &[frame(CLOSE, [0x03, 0xe8])]].concat();
        Self::new(name, &frames, [back, &[Back::Close(Some(1000))]].concat())
    }

    /// Frames of which the last breaks a rule: the server closes with this code, and nothing else comes.
    pub(crate) fn broken(name: impl Into<String>, frames: &[Vec<u8>], back: &[Back], code: u16) -> Self {
        Self::new(name, frames, [back, &[Back::Close(Some(code))]].concat())
    }

    /// Frames of which the last is the client's close, and the code that comes back.
    pub(crate) fn closed(name: impl Into<String>, frames: &[Vec<u8>], back: &[Back], code: Option<u16>) -> Self {
        Self::new(name, frames, [back, &[Back::Close(code)]].concat())
    }
}

/// How a length is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Short,
    Bits16,
    Bits64,
}

/// The one form in which a length may be written.
fn shortest(length: usize) -> Form {
    match length {
        0..=125 => Form::Short,
        126..=0xffff => Form::Bits16,
        _ => Form::Bits64,
    }
}

/// The head of a masked frame that promises so many bytes.
pub(crate) fn head(first: u8, form: Form, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match form {
        Form::Short => bytes.push(0x80 | length as u8),
        Form::Bits16 => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        Form::Bits64 => {
            bytes.push(0x80 | 127);
            bytes.extend(length.to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes
}

/// A masked frame; `first` is its first byte: FIN, reserved bits and opcode.
pub(crate) fn frame(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let length = payload.as_ref().len();
    frame_in(first, shortest(length), payload)
}

/// A masked frame with its length in this form.
pub(crate) fn frame_in(first: u8, form: Form, payload: impl AsRef<[u8]>) -> Vec<u8> {
    let payload = payload.as_ref();
    let mut bytes = head(first, form, payload.len() as u64);
    bytes.extend(payload.iter().zip(MASK.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// A message in fragments.
pub(crate) fn fragments<P: AsRef<[u8]>>(begun: u8, pieces: &[P]) -> Vec<Vec<u8>> {
    let frames = pieces.iter().zip(1..).map(|(piece, number)| {
        let opcode = if number == 1 { begun } else { CONTINUED };
        let last = if number == pieces.len() { ENDED } else { 0 };
        frame(opcode | last, piece)
    });
    frames.collect()
}

/// All rows, for a server on which messages of at most so many bytes fit.
pub(crate) fn rows(message_bytes_max: usize) -> Vec<Row> {
    let mut rows = framing::rows(message_bytes_max);
    rows.extend(controls::rows());
    rows.extend(text::rows());
    rows.extend(closes::rows());
    rows.extend(limits::rows(message_bytes_max));
    rows
}
