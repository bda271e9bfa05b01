//! Values as bytes and back: what rows of the log and rows of the store are made of.
//!
//! Between `rows` and `saved`, which say what follows what, and plain bytes. All numbers are little-endian; text has its
//! length before it. Invariant: reading is total, takes no more memory than the bytes are long, and yields only values
//! within their limits.

use watershed_protocol::{
    CommentBody, CommentId, DisplayName, Invalid, ReactionKind, Reactions, Spread, StreamId, ViewerId, limits,
};

use crate::config::TAPS_MAX;

/// Room for the format and one like (42 bytes), and what the allocator would add anyway.
const BYTES_AT_FIRST: usize = 48;

/// Why bytes could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error("the body ends within a row")]
    Short,
    #[error("bytes follow the end of a row")]
    Long,
    #[error("there is no row of tag {0}")]
    Tag(u8),
    #[error("a like names no comment, and there is none before it")]
    NoComment,
    #[error("there is no page of 2^{shift} viewers from {first} on")]
    Range { first: u32, shift: u8 },
    #[error("a register stands twice, or beyond its page")]
    Beyond,
    #[error("text is not UTF-8")]
    Text,
    #[error("taps of {0:?} come twice")]
    Twice(String),
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// Appends values to bytes.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// Begins with the format's number. Most bodies are one like, which has room at once.
    pub(crate) fn new(format: u8) -> Self {
        let mut bytes = Vec::with_capacity(BYTES_AT_FIRST);
        bytes.push(format);
        Self { bytes }
    }

    /// Has room for exactly so many more bytes.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.bytes.reserve_exact(bytes);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn number16(&mut self, number: u16) {
        self.raw(&number.to_le_bytes());
    }

    pub(crate) fn number(&mut self, number: u64) {
        self.raw(&number.to_le_bytes());
    }

    /// Seven bits a byte, the lowest first: small numbers are short.
    pub(crate) fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.byte(number as u8 | 0x80);
            number >>= 7;
        }
        self.byte(number as u8);
    }

    pub(crate) fn id(&mut self, id: &CommentId) {
        self.raw(id.as_bytes());
    }

    pub(crate) fn spread(&mut self, spread: Spread) {
        self.number16(spread.count());
        self.raw(&spread.generation().to_le_bytes());
    }

    /// Text of a type that is shorter than 256 bytes.
    pub(crate) fn text8(&mut self, text: &str) {
        self.byte(text.len() as u8);
        self.raw(text.as_bytes());
    }

    /// The body of a comment.
    pub(crate) fn body(&mut self, body: &CommentBody) {
        self.number16(body.as_str().len() as u16);
        self.raw(body.as_str().as_bytes());
    }

    pub(crate) fn counts(&mut self, counts: &Reactions) {
        self.byte(counts.len() as u8);
        for (kind, count) in counts {
            self.text8(kind.as_str());
            self.number(*count);
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Takes values off the front of bytes.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the format; `Err` holds the byte that was found in its place.
    pub(crate) fn new(bytes: &'a [u8], format: u8) -> Result<Self, Option<u8>> {
        match bytes {
            [first, rest @ ..] if *first == format => Ok(Self { rest }),
            other => Err(other.first().copied()),
        }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes that are not read yet.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Result<&'a [u8], RowError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(RowError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        self.bytes(N)?.try_into().map_err(|_| RowError::Short)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, RowError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    pub(crate) fn number16(&mut self) -> Result<u16, RowError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    pub(crate) fn number(&mut self) -> Result<u64, RowError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    pub(crate) fn varint(&mut self) -> Result<u64, RowError> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Invalid::Form { what: "number", why: "it has more than 63 bits".into() }.into())
    }

    pub(crate) fn id(&mut self) -> Result<CommentId, RowError> {
        Ok(CommentId::from_bytes(self.array()?))
    }

    pub(crate) fn spread(&mut self) -> Result<Spread, RowError> {
        let parts = self.number16()?;
        Ok(Spread::new(parts, u32::from_le_bytes(self.array()?))?)
    }

    pub(crate) fn text(&mut self, length: usize) -> Result<&'a str, RowError> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| RowError::Text)
    }

    fn name<T>(&mut self, new: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, RowError> {
        let length = self.byte()?;
        Ok(new(self.text(length.into())?)?)
    }

    pub(crate) fn stream(&mut self) -> Result<StreamId, RowError> {
        self.name(StreamId::new)
    }

    pub(crate) fn viewer(&mut self) -> Result<ViewerId, RowError> {
        self.name(ViewerId::new)
    }

    pub(crate) fn display_name(&mut self) -> Result<DisplayName, RowError> {
        self.name(DisplayName::new)
    }

    pub(crate) fn body(&mut self) -> Result<CommentBody, RowError> {
        let length = self.number16()?;
        let body = self.text(length.into())?.to_owned().try_into();
        body.map_err(|error: watershed_protocol::BodyError| {
            Invalid::Form { what: "comment", why: error.to_string() }.into()
        })
    }

    pub(crate) fn counts(&mut self) -> Result<Reactions, RowError> {
        let kinds = self.byte()?;
        in_range("kinds of taps", kinds.into(), limits::REACTION_KINDS_MAX as u64)?;
        let mut counts = Reactions::new();
        for _ in 0..kinds {
            let kind = self.name(ReactionKind::new)?;
            let count = self.number()?;
            in_range("taps", count, TAPS_MAX)?;
            if counts.insert(kind.clone(), count).is_some() {
                return Err(RowError::Twice(kind.as_str().to_owned()));
            }
        }
        Ok(counts)
    }
}

fn in_range(what: &'static str, found: u64, max: u64) -> Result<(), Invalid> {
    if found <= max { Ok(()) } else { Err(Invalid::Range { what, found, min: 0, max }) }
}
