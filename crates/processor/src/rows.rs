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
//!   8 spread    parts u16, generation u32              of the comment in the next row
//!   9 header    id 16, time u64, stream text8, author text8, index u16, parts u16, generation u32
//! ```
//!
//! Invariant: decoding is total, takes no more memory than the body is long, and yields only values within their limits.

use watershed_protocol::{
    Comment, CommentId, HybridTime, Part, Reactions, Register, Spread, StreamId, ViewerId, ViewerKey,
};

use crate::bytes::{Reader, RowError, Writer};

/// The format of the bodies that this version writes, and the only one that it reads.
pub(crate) const ROWS_FORMAT: u8 = 1;

const COMMENT: u8 = 1;
const LIKE: u8 = 2;
const LIKE_SAME: u8 = 3;
const DELETION: u8 = 4;
const PIN: u8 = 5;
const UNPIN: u8 = 6;
const TAPS: u8 = 7;
const SPREAD: u8 = 8;
const HEADER: u8 = 9;

/// One effective change of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Comment { stream: StreamId, comment: Comment, spread: Spread },
    Header { stream: StreamId, id: CommentId, part: Part, time: HybridTime, author: ViewerId },
    Like { comment: CommentId, viewer: ViewerKey, register: Register },
    Deletion { comment: CommentId },
    Pin { stream: StreamId, time: HybridTime, comment: Option<CommentId> },
    Taps { stream: StreamId, reporter: u64, counts: Reactions },
}

/// Builds the body of one section.
#[derive(Debug)]
pub(crate) struct Encoder {
    bytes: Writer,
    liked: Option<CommentId>,
}

impl Default for Encoder {
    fn default() -> Self {
        Self { bytes: Writer::new(ROWS_FORMAT), liked: None }
    }
}

impl Encoder {
    pub(crate) fn comment(&mut self, stream: &StreamId, comment: &Comment, spread: Spread) {
        if !spread.is_whole() {
            self.bytes.byte(SPREAD);
            self.bytes.spread(spread);
        }
        self.bytes.byte(COMMENT);
        self.bytes.id(&comment.id);
        self.bytes.number(comment.time.bits());
        self.bytes.text8(stream.as_str());
        self.bytes.text8(comment.author.as_str());
        self.bytes.text8(comment.name.as_str());
        self.bytes.body(&comment.body);
    }

    pub(crate) fn header(&mut self, stream: &StreamId, id: CommentId, part: Part, time: HybridTime, author: &ViewerId) {
        self.bytes.byte(HEADER);
        self.bytes.id(&id);
        self.bytes.number(time.bits());
        self.bytes.text8(stream.as_str());
        self.bytes.text8(author.as_str());
        self.bytes.number16(part.index());
        self.bytes.spread(part.spread());
    }

    pub(crate) fn like(&mut self, comment: CommentId, viewer: ViewerKey, register: u64) {
        if self.liked == Some(comment) {
            self.bytes.byte(LIKE_SAME);
        } else {
            self.liked = Some(comment);
            self.bytes.byte(LIKE);
            self.bytes.id(&comment);
        }
        self.bytes.raw(viewer.as_bytes());
        self.bytes.number(register);
    }

    pub(crate) fn deletion(&mut self, comment: CommentId) {
        self.bytes.byte(DELETION);
        self.bytes.id(&comment);
    }

    pub(crate) fn pin(&mut self, stream: &StreamId, time: HybridTime, comment: Option<CommentId>) {
        self.bytes.byte(if comment.is_some() { PIN } else { UNPIN });
        self.bytes.number(time.bits());
        if let Some(comment) = comment {
            self.bytes.id(&comment);
        }
        self.bytes.text8(stream.as_str());
    }

    pub(crate) fn taps(&mut self, stream: &StreamId, reporter: u64, counts: &Reactions) {
        self.bytes.byte(TAPS);
        self.bytes.number(reporter);
        self.bytes.text8(stream.as_str());
        self.bytes.counts(counts);
    }

    /// The body.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes.finish()
    }
}

/// Reads the rows of a body, one after the other.
#[derive(Debug)]
pub(crate) struct Decoder<'a> {
    bytes: Reader<'a>,
    liked: Option<CommentId>,
}

impl<'a> Decoder<'a> {
    /// Reads the format; `Err` holds the byte that was found in its place.
    pub(crate) fn new(body: &'a [u8]) -> Result<Self, Option<u8>> {
        Ok(Self { bytes: Reader::new(body, ROWS_FORMAT)?, liked: None })
    }

    /// The next row, or `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, RowError> {
        if self.bytes.is_at_end() {
            return Ok(None);
        }
        Ok(Some(match self.bytes.byte()? {
            COMMENT => self.comment(Spread::WHOLE)?,
            SPREAD => {
                let spread = self.bytes.spread()?;
                match self.bytes.byte()? {
                    COMMENT => self.comment(spread)?,
                    tag => return Err(RowError::Tag(tag)),
                }
            }
            HEADER => self.header()?,
            LIKE => {
                self.liked = Some(self.bytes.id()?);
                self.like()?
            }
            LIKE_SAME => self.like()?,
            DELETION => Row::Deletion { comment: self.bytes.id()? },
            PIN => {
                let (time, comment) = (HybridTime::from_bits(self.bytes.number()?), self.bytes.id()?);
                Row::Pin { stream: self.bytes.stream()?, time, comment: Some(comment) }
            }
            UNPIN => {
                let time = HybridTime::from_bits(self.bytes.number()?);
                Row::Pin { stream: self.bytes.stream()?, time, comment: None }
            }
            TAPS => {
                let (reporter, stream) = (self.bytes.number()?, self.bytes.stream()?);
                Row::Taps { stream, reporter, counts: self.bytes.counts()? }
            }
            tag => return Err(RowError::Tag(tag)),
        }))
    }

    fn comment(&mut self, spread: Spread) -> Result<Row, RowError> {
        let (id, time) = (self.bytes.id()?, HybridTime::from_bits(self.bytes.number()?));
        let (stream, author) = (self.bytes.stream()?, self.bytes.viewer()?);
        let (name, body) = (self.bytes.display_name()?, self.bytes.body()?);
        Ok(Row::Comment { stream, comment: Comment { id, time, author, name, body }, spread })
    }

    fn header(&mut self) -> Result<Row, RowError> {
        let (id, time) = (self.bytes.id()?, HybridTime::from_bits(self.bytes.number()?));
        let (stream, author) = (self.bytes.stream()?, self.bytes.viewer()?);
        let index = self.bytes.number16()?;
        Ok(Row::Header { stream, id, part: Part::new(index, self.bytes.spread()?)?, time, author })
    }

    fn like(&mut self) -> Result<Row, RowError> {
        let comment = self.liked.ok_or(RowError::NoComment)?;
        let viewer = ViewerKey::from_bytes(self.bytes.array()?);
        Ok(Row::Like { comment, viewer, register: Register::from_bits(self.bytes.number()?)? })
    }
}

#[cfg(test)]
mod tests;
