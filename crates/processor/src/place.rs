//! A comment's place in the store, and the keys of what is kept there of it.
//!
//! Between `saved`, which makes rows, and whoever asks for one by its key. Invariant: keys ascend by slot, then by the
//! position at which a comment was written, and all of a comment lies together.

use watershed_protocol::{Position, Slot};

use crate::{bytes::RowError, comments::Entry, registers::PageRange};

/// A comment's place in the store: its slot, and the position at which it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) slot: Slot,
    pub(crate) written: Position,
}

/// The place of a durable comment.
pub(crate) fn place_of(entry: &Entry) -> Place {
    Place { slot: entry.slot(), written: entry.written }
}

impl Place {
    /// Its key, which others of the comment begin with.
    pub(crate) fn key(self) -> Vec<u8> {
        [&self.slot.get().to_be_bytes()[..], &self.written.get().to_be_bytes()].concat()
    }

    /// Takes a place off the front of a key.
    pub(crate) fn read(key: &[u8]) -> Option<(Self, &[u8])> {
        let (slot, rest) = key.split_first_chunk::<2>()?;
        let (written, rest) = rest.split_first_chunk::<8>()?;
        let slot = Slot::new(u16::from_be_bytes(*slot)).ok()?;
        Some((Self { slot, written: Position::new(u64::from_be_bytes(*written)) }, rest))
    }

    /// The key of one of its pages. A wider range comes before what it was halved into.
    pub(crate) fn page_key(self, range: PageRange) -> Vec<u8> {
        [&self.key()[..], &[PAGE], &range.first.to_be_bytes(), &[SHIFT_MAX - range.shift]].concat()
    }
}

/// What follows a comment's place in the keys of metrics. 1 was a page without its range.
pub(crate) const VERSION: u8 = 0;
pub(crate) const PAGE: u8 = 2;
/// Shift of a page of all numbers.
const SHIFT_MAX: u8 = 32;

/// The range in the rest of a page's key.
pub(crate) fn range_of(key: &[u8]) -> Result<PageRange, RowError> {
    let [a, b, c, d, shift] = *key else { return Err(RowError::Short) };
    let first = u32::from_be_bytes([a, b, c, d]);
    let range = PageRange { first, shift: SHIFT_MAX.checked_sub(shift).ok_or(RowError::Short)? };
    if range.is_one() { Ok(range) } else { Err(RowError::Range { first, shift: range.shift }) }
}
