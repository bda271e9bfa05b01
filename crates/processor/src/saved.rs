//! What a checkpoint saves: keys and values for the store's keyspaces, and back.
//!
//! Between `checkpoint`, which says what has changed, and `restore`, which makes state of it. The three keyspaces are three
//! kinds of data with three access patterns, each of which could move to its own engine. Keys ascend in the order in which
//! a restore wants to read: all of a comment lies together.
//!
//! ```text
//! keyspace  key                               value
//! viewers   first number u32                  format, viewer key 16 *
//! content   slot u16, position u64            format, id 16, time u64, words 16, kind u8, stream text8, author text8,
//!                                             if spread: index u16, parts u16, generation u32,
//!                                             if there: name text8, body text16
//! metrics   slot u16, position u64, 0         format, version u64
//! metrics   slot u16, position u64, 2,        format, count u16, least bits u64, (viewer gap, bits more: varints) *
//!           first viewer u32, 32 less shift u8
//! shelves   slot u16, stream                  format, pin u8 [time u64, position u64, id 17], taps version u64,
//!                                             reporters u16, (reporter u64, kinds u8, (kind text8, count u64)*)*
//! ```
//!
//! Keys are big-endian, values little-endian. Invariant: decoding is total, and yields only values within their limits.

use std::collections::BTreeMap;

use watershed_log::{Base, SlotEnd, SlotEnds};
use watershed_protocol::{
    Comment, CommentId, Epoch, HybridTime, Invalid, Part, Position, Reactions, Register, Slot, StreamId, ViewerId,
    ViewerKey,
};

use crate::{
    bytes::{Reader, RowError, Writer},
    place::{PAGE, Place, VERSION, range_of},
    registers::{PageRange, ViewerNo},
};

/// A part of the store, in the order in which a checkpoint is written and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Keyspace {
    /// Which key each viewer number stands for.
    Viewers,
    /// Comments: written once, and once more when deleted.
    Content,
    /// Counts and registers: small, hot, written often.
    Metrics,
    /// Pins and taps, by stream and slot.
    Shelves,
}

impl Keyspace {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Viewers, Self::Content, Self::Metrics, Self::Shelves];

    /// Its name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewers => "viewers",
            Self::Content => "content",
            Self::Metrics => "metrics",
            Self::Shelves => "shelves",
        }
    }
}

/// One row of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SavedRow {
    /// Where.
    pub keyspace: Keyspace,
    /// Under which key.
    pub key: Vec<u8>,
    /// What; `None` removes the key.
    pub value: Option<Vec<u8>>,
}

/// Up to where a store holds everything: written last, when all rows are durable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's last record in it.
    pub position: u64,
    /// Where the rows of each slot end there.
    pub ends: SlotEnds,
}

/// The format of the values that this version writes, and the only one that it reads.
const SAVED_FORMAT: u8 = 1;
const CHECKPOINT_FORMAT: u8 = 1;

impl From<Checkpoint> for Base {
    fn from(Checkpoint { position, ends }: Checkpoint) -> Self {
        Self { position, ends }
    }
}

impl Checkpoint {
    /// As bytes: format u8, position u64, then slot u16, epoch u64, position u64 for each.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![CHECKPOINT_FORMAT];
        bytes.extend_from_slice(&self.position.to_le_bytes());
        for (slot, end) in self.ends.iter() {
            bytes.extend_from_slice(&slot.get().to_le_bytes());
            bytes.extend_from_slice(&end.epoch.get().to_le_bytes());
            bytes.extend_from_slice(&end.position.get().to_le_bytes());
        }
        bytes
    }

    /// Back from [`Checkpoint::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Invalid> {
        let form = |why: &str| Invalid::Form { what: "checkpoint", why: why.into() };
        let [CHECKPOINT_FORMAT, rest @ ..] = bytes else {
            return Err(form(&format!("format {:?} is not {CHECKPOINT_FORMAT}", bytes.first())));
        };
        let (position, rest) = rest.split_first_chunk::<8>().ok_or_else(|| form("it has no position"))?;
        let rows = rest.chunks_exact(18);
        if !rows.remainder().is_empty() {
            return Err(form("its slots are cut short"));
        }
        let ends = rows.map(|row| {
            let number = |at: usize| row[at..at + 8].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
            let slot = Slot::new(u16::from_le_bytes([row[0], row[1]]))?;
            Ok((slot, SlotEnd { epoch: Epoch::new(number(2)), position: Position::new(number(10)) }))
        });
        let ends = ends.collect::<Result<SlotEnds, Invalid>>()?;
        Ok(Self { position: u64::from_le_bytes(*position), ends })
    }
}

/// A row of the store as state knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// The keys of the viewers numbered from `first` on.
    Viewers { first: ViewerNo, keys: Vec<ViewerKey> },
    /// A comment; without content if it is deleted.
    Comment { place: Place, words: u128, stream: StreamId, part: Part, comment: SavedComment },
    /// The position of a comment's last change.
    Version { place: Place, version: Position },
    /// Registers of a comment, ascending by viewer, all within the range.
    Page { place: Place, range: PageRange, cells: Vec<(ViewerNo, u64)> },
    /// What one stream has in one slot beside comments.
    Shelf { slot: Slot, stream: StreamId, pin: Option<SavedPin>, taps: SavedTaps },
}

/// A comment, or what is left of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SavedComment {
    Live(Comment),
    Deleted {
        id: CommentId,
        time: HybridTime,
        author: ViewerId,
    },
    /// A part that lies elsewhere than the comment.
    Header {
        id: CommentId,
        time: HybridTime,
        author: ViewerId,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavedPin {
    pub(crate) time: HybridTime,
    pub(crate) position: Position,
    pub(crate) comment: Option<CommentId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SavedTaps {
    pub(crate) version: Position,
    pub(crate) reporters: BTreeMap<u64, Reactions>,
}

/// What a row of content holds, and that the comment is spread.
const LIVE: u8 = 0;
const DELETED: u8 = 1;
const HEADER: u8 = 2;
const SPREAD: u8 = 128;

impl Saved {
    /// As a row.
    pub(crate) fn encode(&self) -> SavedRow {
        let mut value = Writer::new(SAVED_FORMAT);
        let (keyspace, key) = match self {
            Self::Viewers { first, keys } => {
                value.reserve(size_of_val(&keys[..]));
                keys.iter().for_each(|key| value.raw(key.as_bytes()));
                (Keyspace::Viewers, first.to_be_bytes().to_vec())
            }
            Self::Comment { place, words, stream, part, comment } => {
                let (id, time, author) = match comment {
                    SavedComment::Live(comment) => (&comment.id, comment.time, &comment.author),
                    SavedComment::Deleted { id, time, author } | SavedComment::Header { id, time, author } => {
                        (id, *time, author)
                    }
                };
                value.id(id);
                value.number(time.bits());
                value.raw(&words.to_le_bytes());
                let spread = if part.spread().is_whole() { 0 } else { SPREAD };
                let kind = match comment {
                    SavedComment::Live(_) => LIVE,
                    SavedComment::Deleted { .. } => DELETED,
                    SavedComment::Header { .. } => HEADER,
                };
                value.byte(kind | spread);
                value.text8(stream.as_str());
                value.text8(author.as_str());
                if spread == SPREAD {
                    value.number16(part.index());
                    value.spread(part.spread());
                }
                if let SavedComment::Live(comment) = comment {
                    value.text8(comment.name.as_str());
                    value.body(&comment.body);
                }
                (Keyspace::Content, place.key())
            }
            Self::Version { place, version } => {
                value.number(version.get());
                (Keyspace::Metrics, [&place.key()[..], &[VERSION]].concat())
            }
            Self::Page { place, range, cells } => {
                let least = cells.iter().map(|(_, bits)| *bits).min().unwrap_or(0);
                value.number16(cells.len() as u16);
                value.number(least);
                let mut last = range.first;
                for (viewer, bits) in cells {
                    value.varint((viewer - last).into());
                    value.varint(bits - least);
                    last = *viewer;
                }
                (Keyspace::Metrics, place.page_key(*range))
            }
            Self::Shelf { slot, stream, pin, taps } => {
                encode_shelf(&mut value, pin, taps);
                (Keyspace::Shelves, [&slot.get().to_be_bytes()[..], stream.as_str().as_bytes()].concat())
            }
        };
        let mut value = value.finish();
        // Rows gather by the megabyte: what a list has reserved beyond its end would be as much again.
        value.shrink_to_fit();
        SavedRow { keyspace, key, value: Some(value) }
    }

    /// Back from [`Saved::encode`].
    pub(crate) fn decode(keyspace: Keyspace, key: &[u8], value: &[u8]) -> Result<Self, RowError> {
        let mut value = Reader::new(value, SAVED_FORMAT).map_err(|found| RowError::Tag(found.unwrap_or(0)))?;
        let saved = match keyspace {
            Keyspace::Viewers => {
                let first = u32::from_be_bytes(key.try_into().map_err(|_| RowError::Short)?);
                let mut keys = Vec::new();
                while !value.is_at_end() {
                    keys.push(ViewerKey::from_bytes(value.array()?));
                }
                Self::Viewers { first, keys }
            }
            Keyspace::Content => {
                let (place, _) = Place::read(key).ok_or(RowError::Short)?;
                decode_comment(place, &mut value)?
            }
            Keyspace::Metrics => match Place::read(key).ok_or(RowError::Short)? {
                (place, [VERSION]) => Self::Version { place, version: Position::new(value.number()?) },
                (place, [PAGE, range @ ..]) => {
                    let range = range_of(range)?;
                    Self::Page { place, range, cells: decode_cells(range, &mut value)? }
                }
                (_, [tag, ..]) => return Err(RowError::Tag(*tag)),
                (_, []) => return Err(RowError::Short),
            },
            Keyspace::Shelves => {
                let (slot, stream) = key.split_first_chunk::<2>().ok_or(RowError::Short)?;
                let stream = StreamId::new(std::str::from_utf8(stream).map_err(|_| RowError::Text)?)?;
                let (pin, taps) = decode_shelf(&mut value)?;
                Self::Shelf { slot: Slot::new(u16::from_be_bytes(*slot))?, stream, pin, taps }
            }
        };
        if value.is_at_end() { Ok(saved) } else { Err(RowError::Long) }
    }
}

fn encode_shelf(value: &mut Writer, pin: &Option<SavedPin>, taps: &SavedTaps) {
    value.byte(pin.is_some().into());
    if let Some(pin) = pin {
        value.number(pin.time.bits());
        value.number(pin.position.get());
        value.byte(pin.comment.is_some().into());
        value.id(&pin.comment.unwrap_or(CommentId::from_bytes([0; 16])));
    }
    value.number(taps.version.get());
    value.number16(taps.reporters.len() as u16);
    for (reporter, counts) in &taps.reporters {
        value.number(*reporter);
        value.counts(counts);
    }
}

fn decode_shelf(value: &mut Reader<'_>) -> Result<(Option<SavedPin>, SavedTaps), RowError> {
    let pin = match value.byte()? {
        0 => None,
        _ => {
            let (time, position) = (HybridTime::from_bits(value.number()?), Position::new(value.number()?));
            let named = value.byte()?;
            let id = value.id()?;
            Some(SavedPin { time, position, comment: (named == 1).then_some(id) })
        }
    };
    let mut taps = SavedTaps { version: Position::new(value.number()?), reporters: BTreeMap::new() };
    for _ in 0..value.number16()? {
        let reporter = value.number()?;
        taps.reporters.insert(reporter, value.counts()?);
    }
    Ok((pin, taps))
}

fn decode_comment(place: Place, value: &mut Reader<'_>) -> Result<Saved, RowError> {
    let (id, time) = (value.id()?, HybridTime::from_bits(value.number()?));
    let words = u128::from_le_bytes(value.array()?);
    let kind = value.byte()?;
    let (stream, author) = (value.stream()?, value.viewer()?);
    let part = if kind & SPREAD == 0 { Part::WHOLE } else { Part::new(value.number16()?, value.spread()?)? };
    let comment = match kind & !SPREAD {
        LIVE => {
            let (name, body) = (value.display_name()?, value.body()?);
            SavedComment::Live(Comment { id, time, author, name, body })
        }
        DELETED => SavedComment::Deleted { id, time, author },
        HEADER => SavedComment::Header { id, time, author },
        _ => return Err(RowError::Tag(kind)),
    };
    Ok(Saved::Comment { place, words, stream, part, comment })
}

fn decode_cells(range: PageRange, value: &mut Reader<'_>) -> Result<Vec<(ViewerNo, u64)>, RowError> {
    let count = value.number16()?;
    let least = value.number()?;
    // A cell has two bytes at least, so that a damaged count asks for no more than the row is long.
    let mut cells = Vec::with_capacity(usize::from(count).min(value.left() / 2));
    let mut viewer = range.first;
    for at in 0..count {
        let gap = u32::try_from(value.varint()?).map_err(|_| RowError::Short)?;
        viewer = viewer.checked_add(gap).filter(|viewer| range.holds(*viewer)).ok_or(RowError::Beyond)?;
        if at > 0 && gap == 0 {
            return Err(RowError::Beyond);
        }
        let bits = least.checked_add(value.varint()?).ok_or(RowError::Short)?;
        Register::from_bits(bits)?;
        cells.push((viewer, bits));
    }
    Ok(cells)
}

#[cfg(test)]
mod tests;
