//! The rows of one slot in the log: what a section's body looks like.
//!
//! Between a commit group and the log, and back at a start. All numbers are little-endian; text has its length before it.
//!
//! ```text
//! body     format u8 = 1, row*
//! row      tag u8, then
//!   1 comment   id 16, time u64, stream text8, author text8, name text8, body text16
//!   2 like      comment id 16, viewer key 16, register u64
//!   3 like      viewer key 16, register u64            of the same comment as the like before
//!   4 deletion  id 16
//!   5 pin       time u64, id 16, stream text8
//!   6 unpin     time u64, stream text8
//!   7 taps      reporter u64, stream text8, kinds u8, (kind text8, count u64)*
//! ```
//!
//! Invariant: decoding is total, takes no more memory than the body is long, and yields only values within their limits.

use watershed_protocol::{Comment, CommentId, HybridTime, Invalid, Reactions, Register, StreamId, ViewerKey, limits};

use crate::config::TAPS_MAX;

/// The format of the bodies that this version writes, and the only one that it reads.
pub(crate) const ROWS_FORMAT: u8 = 1;

const COMMENT: u8 = 1;
const LIKE: u8 = 2;
const LIKE_SAME: u8 = 3;
const DELETION: u8 = 4;
const PIN: u8 = 5;
const UNPIN: u8 = 6;
const TAPS: u8 = 7;

/// One effective change of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Comment { stream: StreamId, comment: Comment },
    Like { comment: CommentId, viewer: ViewerKey, register: Register },
    Deletion { comment: CommentId },
    Pin { stream: StreamId, time: HybridTime, comment: Option<CommentId> },
    Taps { stream: StreamId, reporter: u64, counts: Reactions },
}

/// Builds the body of one section.
#[derive(Debug)]
pub(crate) struct Encoder {
    body: Vec<u8>,
    liked: Option<CommentId>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { body: vec![ROWS_FORMAT], liked: None }
    }
}

impl Encoder {
    pub(crate) fn comment(&mut self, stream: &StreamId, comment: &Comment) {
        self.body.push(COMMENT);
        self.body.extend_from_slice(comment.id.as_bytes());
        self.number(comment.time.bits());
        self.text8(stream.as_str());
        self.text8(comment.author.as_str());
        self.text8(comment.name.as_str());
        let body = comment.body.as_str();
        self.body.extend_from_slice(&(body.len() as u16).to_le_bytes());
        self.body.extend_from_slice(body.as_bytes());
    }

    pub(crate) fn like(&mut self, comment: CommentId, viewer: ViewerKey, register: u64) {
        if self.liked == Some(comment) {
            self.body.push(LIKE_SAME);
        } else {
            self.liked = Some(comment);
            self.body.push(LIKE);
            self.body.extend_from_slice(comment.as_bytes());
        }
        self.body.extend_from_slice(viewer.as_bytes());
        self.number(register);
    }

    pub(crate) fn deletion(&mut self, comment: CommentId) {
        self.body.push(DELETION);
        self.body.extend_from_slice(comment.as_bytes());
    }

    pub(crate) fn pin(&mut self, stream: &StreamId, time: HybridTime, comment: Option<CommentId>) {
        self.body.push(if comment.is_some() { PIN } else { UNPIN });
        self.number(time.bits());
        if let Some(comment) = comment {
            self.body.extend_from_slice(comment.as_bytes());
        }
        self.text8(stream.as_str());
    }

    pub(crate) fn taps(&mut self, stream: &StreamId, reporter: u64, counts: &Reactions) {
        self.body.push(TAPS);
        self.number(reporter);
        self.text8(stream.as_str());
        self.body.push(counts.len() as u8);
        for (kind, count) in counts {
            self.text8(kind.as_str());
            self.number(*count);
        }
    }

    /// The body.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.body
    }

    fn number(&mut self, number: u64) {
        self.body.extend_from_slice(&number.to_le_bytes());
    }

    /// Text of a type that is shorter than 256 bytes.
    fn text8(&mut self, text: &str) {
        self.body.push(text.len() as u8);
        self.body.extend_from_slice(text.as_bytes());
    }
}

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RowError {
    #[error("the body ends within a row")]
    Short,
    #[error("there is no row of tag {0}")]
    Tag(u8),
    #[error("a like names no comment, and there is none before it")]
    NoComment,
    #[error("text is not UTF-8")]
    Text,
    #[error("taps of {0:?} come twice")]
    Twice(String),
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

fn in_range(what: &'static str, found: u64, max: u64) -> Result<(), Invalid> {
    if found <= max { Ok(()) } else { Err(Invalid::Range { what, found, min: 0, max }) }
}

/// Reads the rows of a body, one after the other.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    rest: &'a [u8],
    liked: Option<CommentId>,
}

impl<'a> Decoder<'a> {
    /// Reads the format; `Err` holds the byte that was found in its place.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, Option<u8>> {
        match body {
            [ROWS_FORMAT, rest @ ..] => Ok(Self { rest, liked: None }),
            other => Err(other.first().copied()),
        }
    }

    /// The next row, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, RowError> {
        let Some((tag, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        Ok(Some(match *tag {
            COMMENT => self.comment()?,
            LIKE => {
                self.liked = Some(self.id()?);
                self.like()?
            }
            LIKE_SAME => self.like()?,
            DELETION => Row::Deletion { comment: self.id()? },
            PIN => {
                let (time, comment) = (HybridTime::from_bits(self.number()?), self.id()?);
                Row::Pin { stream: self.name(StreamId::new)?, time, comment: Some(comment) }
            }
            UNPIN => {
                let time = HybridTime::from_bits(self.number()?);
                Row::Pin { stream: self.name(StreamId::new)?, time, comment: None }
            }
            TAPS => self.taps()?,
            tag => return Err(RowError::Tag(tag)),
        }))
    }

    fn comment(&mut self) -> Result<Row, RowError> {
        let (id, time) = (self.id()?, HybridTime::from_bits(self.number()?));
        let stream = self.name(StreamId::new)?;
        let author = self.name(watershed_protocol::ViewerId::new)?;
        let name = self.name(watershed_protocol::DisplayName::new)?;
        let length = u16::from_le_bytes(self.array()?);
        let body = self.text(length.into())?.to_owned().try_into();
        let body = body.map_err(|error: watershed_protocol::BodyError| Invalid::Form {
            what: "comment",
            why: error.to_string(),
        })?;
        Ok(Row::Comment { stream, comment: Comment { id, time, author, name, body } })
    }

    fn like(&mut self) -> Result<Row, RowError> {
        let comment = self.liked.ok_or(RowError::NoComment)?;
        let viewer = ViewerKey::from_bytes(self.array()?);
        Ok(Row::Like { comment, viewer, register: Register::from_bits(self.number()?)? })
    }

    fn taps(&mut self) -> Result<Row, RowError> {
        let reporter = self.number()?;
        let stream = self.name(StreamId::new)?;
        let [kinds] = self.array()?;
        in_range("kinds of taps", kinds.into(), limits::REACTION_KINDS_MAX as u64)?;
        let mut counts = Reactions::new();
        for _ in 0..kinds {
            let kind = self.name(watershed_protocol::ReactionKind::new)?;
            let count = self.number()?;
            in_range("taps", count, TAPS_MAX)?;
            if counts.insert(kind.clone(), count).is_some() {
                return Err(RowError::Twice(kind.as_str().to_owned()));
            }
        }
        Ok(Row::Taps { stream, reporter, counts })
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], RowError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(RowError::Short)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], RowError> {
        self.bytes(N)?.try_into().map_err(|_| RowError::Short)
    }

    fn id(&mut self) -> Result<CommentId, RowError> {
        Ok(CommentId::from_bytes(self.array()?))
    }

    fn number(&mut self) -> Result<u64, RowError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self, length: usize) -> Result<&'a str, RowError> {
        std::str::from_utf8(self.bytes(length)?).map_err(|_| RowError::Text)
    }

    fn name<T>(&mut self, new: impl Fn(&str) -> Result<T, Invalid>) -> Result<T, RowError> {
        let [length] = self.array()?;
        Ok(new(self.text(length.into())?)?)
    }
}

#[cfg(test)]
mod tests;
