//! One commit group as bytes: a fixed header, a table of its sections, their bodies.
//!
//! [`crate::writer`] encodes records, [`crate::recover`](mod@crate::recover) decodes them. Invariant: decoding is total
//! and bounded. Whatever the bytes are, it answers within [`RECORD_BYTES_MAX`] bytes of reading, and takes nothing
//! whose checksums do not match.
//!
//! ```text
//!  0 magic          4     ┐
//!  4 version        4     │ The layout of these forty bytes is the same in every version,
//!  8 position       8     │ so that an older build can still tell which record it cannot read.
//! 16 sections       4     │
//! 20 table bytes    4     │ covered by the head checksum,
//! 24 body bytes     4     │ which is also what the next record
//! 28 chain          4     │ repeats as its chain
//! 32 body checksum  4     ┘
//! 36 head checksum  4       CRC32C of bytes 0 to 35 and the table
//! 40 table                  per section: slot, epoch, from, rows, body bytes (varints)
//!    bodies                 in the table's order; CRC32C of all of them is the body checksum
//! ```
//!
//! Integers of the header are little-endian. The head checksum covers the body's, so each chain value vouches for every
//! byte of every record before it. Head and body are checked apart because a record with a damaged body
//! can then still say which slots it held.

use watershed_protocol::{Epoch, Mutant, Position, Slot};

use crate::{Section, varint};

/// Largest record, header and all: a commit group is bounded by it. 64 MiB is more than a second of a saturated
/// processor.
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The version that this build writes, and the only one that it reads.
pub const RECORD_VERSION: u32 = 1;
/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 40;

/// What a record begins with. Two of its bytes occur in no UTF-8, so no comment's text can pass for a record.
pub(crate) const MAGIC: [u8; 4] = [b'W', 0xff, 0xc1, b'L'];
const HEAD_CHECKSUM_AT: usize = 36;
/// The least that a section takes in the table: five varints.
const TABLE_ENTRY_BYTES_MIN: usize = 5;

/// What a record repeats of the one before it: that one's head checksum. The first record's chain is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chain(u32);

impl Chain {
    /// Before the first record.
    pub const START: Self = Self(0);
}

/// One commit group, read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// The record's number in the log: 1, 2, 3…
    pub position: u64,
    /// The sections, as they were appended.
    pub sections: Vec<Section>,
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Nothing here was ever meant as a record.
    #[error("no record begins here")]
    Magic,
    /// The header claims more than any record holds.
    #[error("header claims {bytes} bytes, at most {RECORD_BYTES_MAX} fit")]
    Large {
        /// The claim.
        bytes: u64,
    },
    /// The bytes end before the record does.
    #[error("{have} bytes are there of {needs}")]
    Short {
        /// Bytes there.
        have: usize,
        /// Bytes that the record takes, as far as is known.
        needs: usize,
    },
    /// Header or section table are not what was written.
    #[error("head checksum is {computed:08x}, written was {written:08x}")]
    Head {
        /// Of the bytes there.
        computed: u32,
        /// In the header.
        written: u32,
    },
    /// The bodies are not what was written.
    #[error("body checksum is {computed:08x}, written was {written:08x}")]
    Body {
        /// Of the bytes there.
        computed: u32,
        /// In the header.
        written: u32,
    },
    /// Whole, but in a format of another build.
    #[error("format version is {found}, this build reads {RECORD_VERSION}")]
    Version {
        /// The record's version.
        found: u32,
    },
    /// Whole, yet the section table makes no sense: the build that wrote it was wrong.
    #[error("section table does not read: {what}")]
    Table {
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A commit group that no record can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record would be {bytes} bytes, at most {RECORD_BYTES_MAX} fit")]
pub struct TooLarge {
    /// Bytes that it would take.
    pub bytes: usize,
}

/// How many bytes a record of these sections takes.
pub fn encoded_bytes<'a>(sections: impl IntoIterator<Item = &'a Section>) -> usize {
    sections.into_iter().map(|section| table_entry_bytes(section) + section.body.len()).sum::<usize>() + HEADER_BYTES
}

/// Writes one record into `buffer`, in place of what it held, and returns the chain for the record after it.
///
/// A section whose `to` is before its `from` would read back without rows; [`crate::SlotEnds::check`] refuses it first.
pub fn encode(buffer: &mut Vec<u8>, position: u64, chain: Chain, sections: &[Section]) -> Result<Chain, TooLarge> {
    let bytes = encoded_bytes(sections);
    if bytes > RECORD_BYTES_MAX {
        return Err(TooLarge { bytes });
    }
    buffer.clear();
    buffer.reserve(bytes);
    buffer.resize(HEADER_BYTES, 0);
    for section in sections {
        put_table_entry(buffer, section);
    }
    let bodies_at = buffer.len();
    for section in sections {
        buffer.extend_from_slice(&section.body);
    }
    let body_bytes = buffer.len() - bodies_at;
    let body_checksum = crc32c::crc32c(&buffer[bodies_at..]);
    buffer[0..4].copy_from_slice(&MAGIC);
    put_u32(buffer, 4, RECORD_VERSION);
    buffer[8..16].copy_from_slice(&position.to_le_bytes());
    // The casts cannot cut: every count is at most `bytes`, checked above.
    put_u32(buffer, 16, sections.len() as u32);
    put_u32(buffer, 20, (bodies_at - HEADER_BYTES) as u32);
    put_u32(buffer, 24, body_bytes as u32);
    put_u32(buffer, 28, chain.0);
    put_u32(buffer, 32, body_checksum);
    let head_checksum = head_checksum(buffer, bodies_at);
    put_u32(buffer, HEAD_CHECKSUM_AT, head_checksum);
    debug_assert_eq!(buffer.len(), bytes);
    Ok(Chain(head_checksum))
}

/// Reads the record at the front of `bytes`, and its length.
pub fn decode(bytes: &[u8]) -> Result<(Record, usize), DecodeError> {
    let head = Head::read(bytes)?;
    let mut record = Record::default();
    head.read_record(bytes, &mut record)?;
    Ok((record, head.bytes()))
}

/// The head of a record whose own checksum matches: enough to place the record, not yet to trust its bodies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    pub(crate) position: u64,
    /// What it says of the record before it.
    pub(crate) before: Chain,
    /// What the record after it must say.
    pub(crate) chain: Chain,
    version: u32,
    sections: usize,
    table_bytes: usize,
    body_bytes: usize,
    body_checksum: u32,
}

/// One line of the section table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SectionHead {
    pub(crate) slot: Slot,
    epoch: Epoch,
    from: Position,
    to: Position,
    body_bytes: usize,
}

impl Head {
    /// Reads and checks the head at the front of `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() < MAGIC.len() || bytes[..MAGIC.len()] != MAGIC {
            return Err(DecodeError::Magic);
        }
        if bytes.len() < HEADER_BYTES {
            return Err(DecodeError::Short { have: bytes.len(), needs: HEADER_BYTES });
        }
        let (table_bytes, body_bytes) = (get_u32(bytes, 20), get_u32(bytes, 24));
        let claimed = HEADER_BYTES as u64 + u64::from(table_bytes) + u64::from(body_bytes);
        if claimed > RECORD_BYTES_MAX as u64 {
            return Err(DecodeError::Large { bytes: claimed });
        }
        let head = Self {
            position: u64::from(get_u32(bytes, 8)) | u64::from(get_u32(bytes, 12)) << 32,
            before: Chain(get_u32(bytes, 28)),
            chain: Chain(get_u32(bytes, HEAD_CHECKSUM_AT)),
            version: get_u32(bytes, 4),
            sections: get_u32(bytes, 16) as usize,
            table_bytes: table_bytes as usize,
            body_bytes: body_bytes as usize,
            body_checksum: get_u32(bytes, 32),
        };
        if bytes.len() < head.bodies_at() {
            return Err(DecodeError::Short { have: bytes.len(), needs: head.bytes() });
        }
        let computed = head_checksum(bytes, head.bodies_at());
        if computed != head.chain.0 {
            return Err(DecodeError::Head { computed, written: head.chain.0 });
        }
        Ok(head)
    }

    /// Whether the front of `bytes`, as far as it goes, looks like the beginning of record `position`. Nothing is checked.
    pub(crate) fn is_begun(bytes: &[u8], position: u64) -> bool {
        let magic = bytes.len().min(MAGIC.len());
        bytes[..magic] == MAGIC[..magic] && bytes.get(8..16).is_none_or(|found| found == position.to_le_bytes())
    }

    /// How long the record at the front of `bytes` claims to be, if its claim is there and can be true.
    pub(crate) fn bytes_claimed(bytes: &[u8]) -> Option<usize> {
        let claimed = (bytes.len() >= 28).then(|| u64::from(get_u32(bytes, 20)) + u64::from(get_u32(bytes, 24)))?;
        usize::try_from(claimed + HEADER_BYTES as u64).ok().filter(|claimed| *claimed <= RECORD_BYTES_MAX)
    }

    /// Bytes of the whole record.
    pub(crate) fn bytes(&self) -> usize {
        self.bodies_at() + self.body_bytes
    }

    /// The whole record in place of what `record` held, if the bodies match their checksum; if not, it holds nothing of
    /// use. `bytes` begins where [`Head::read`] was given it.
    pub(crate) fn read_record(&self, bytes: &[u8], record: &mut Record) -> Result<(), DecodeError> {
        if bytes.len() < self.bytes() {
            return Err(DecodeError::Short { have: bytes.len(), needs: self.bytes() });
        }
        let mut bodies = &bytes[self.bodies_at()..self.bytes()];
        let computed = crc32c::crc32c(bodies);
        if computed != self.body_checksum && !Mutant::ChecksumIgnored.lives() {
            return Err(DecodeError::Body { computed, written: self.body_checksum });
        }
        let heads = self.table(bytes)?;
        record.position = self.position;
        record.sections.truncate(heads.len());
        for (at, SectionHead { slot, epoch, from, to, body_bytes }) in heads.into_iter().enumerate() {
            let (body, rest) = bodies.split_at(body_bytes);
            bodies = rest;
            match record.sections.get_mut(at) {
                Some(section) => {
                    (section.slot, section.epoch, section.from, section.to) = (slot, epoch, from, to);
                    section.body.clear();
                    section.body.extend_from_slice(body);
                }
                None => record.sections.push(Section { slot, epoch, from, to, body: body.to_vec() }),
            }
        }
        Ok(())
    }

    /// The section table. Its body lengths add up to the bodies that the header announces.
    pub(crate) fn table(&self, bytes: &[u8]) -> Result<Vec<SectionHead>, DecodeError> {
        if self.version != RECORD_VERSION {
            return Err(DecodeError::Version { found: self.version });
        }
        if self.sections > self.table_bytes / TABLE_ENTRY_BYTES_MIN {
            return Err(DecodeError::Table { what: "it is too short for its sections" });
        }
        let mut rest = &bytes[HEADER_BYTES..self.bodies_at()];
        let mut heads = Vec::with_capacity(self.sections);
        let mut unclaimed = self.body_bytes;
        for _ in 0..self.sections {
            let head = take_table_entry(&mut rest)?;
            unclaimed = unclaimed
                .checked_sub(head.body_bytes)
                .ok_or(DecodeError::Table { what: "its bodies are longer than the record" })?;
            heads.push(head);
        }
        if !rest.is_empty() || unclaimed > 0 {
            return Err(DecodeError::Table { what: "bytes are left over" });
        }
        Ok(heads)
    }

    fn bodies_at(&self) -> usize {
        HEADER_BYTES + self.table_bytes
    }
}

fn table_entry_bytes(section: &Section) -> usize {
    table_entry(section).into_iter().map(varint::len).sum()
}

fn put_table_entry(buffer: &mut Vec<u8>, section: &Section) {
    for value in table_entry(section) {
        varint::put(buffer, value);
    }
}

fn table_entry(section: &Section) -> [u64; 5] {
    let rows = section.to.get().saturating_sub(section.from.get());
    [section.slot.get().into(), section.epoch.get(), section.from.get(), rows, section.body.len() as u64]
}

fn take_table_entry(rest: &mut &[u8]) -> Result<SectionHead, DecodeError> {
    let mut next = || varint::take(rest).ok_or(DecodeError::Table { what: "a number in it is cut off" });
    let (slot, epoch, from, rows, body_bytes) = (next()?, next()?, next()?, next()?, next()?);
    let slot = u16::try_from(slot).ok().and_then(|slot| Slot::new(slot).ok());
    Ok(SectionHead {
        slot: slot.ok_or(DecodeError::Table { what: "it names a slot that does not exist" })?,
        epoch: Epoch::new(epoch),
        from: Position::new(from),
        to: Position::new(from.checked_add(rows).ok_or(DecodeError::Table { what: "a position overflows" })?),
        body_bytes: usize::try_from(body_bytes).map_err(|_| DecodeError::Table { what: "a body is too long" })?,
    })
}

fn head_checksum(bytes: &[u8], bodies_at: usize) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&bytes[..HEAD_CHECKSUM_AT]), &bytes[HEADER_BYTES..bodies_at])
}

fn put_u32(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn get_u32(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests;
