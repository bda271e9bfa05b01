//! The seam under the log: numbered segments of bytes.
//!
//! [`crate::writer`] and [`crate::recover`](mod@crate::recover) call it; `watershed-store` implements it with files,
//! [`crate::memory`] with vectors and faults. Invariant: nothing above it trusts a length. A segment may hold anything
//! after the last record (the rest of a torn write, or the old records of a recycled file), and only a record's own
//! checksums, position and chain say that it belongs to the log.

use std::fmt;

/// Most segments that a disk keeps for [`Disk::create`] to hand out again: 256 MiB of the default size. What a cut gives
/// back beyond that is removed, and so is all of it when space is short.
pub const SPARES_MAX: usize = 4;

/// The name of a segment. Greater numbers were created later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentId(u64);

impl SegmentId {
    /// The first segment of a log.
    pub const FIRST: Self = Self(1);

    /// Takes the number as it is.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The segment created after this. The last number has itself for a successor, which a disk then refuses to create:
    /// numbers come from the names of files, so anybody may have chosen them.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for SegmentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Why a disk did not do what it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// No space. A part of the bytes may have been written; nothing of what was there before is lost.
    #[error("disk is full")]
    Full,
    /// Anything else. Nothing may be concluded about what is on the disk: stop all answers.
    #[error("{what}")]
    Failed {
        /// What was tried, on what, and what came of it.
        what: String,
    },
}

/// Segments of bytes that a log is kept in. One log has one disk, and a disk has one user at a time.
pub trait Disk {
    /// All segments, in ascending order.
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError>;

    /// Makes a new segment. It may be long already, and full of zeros or of what a recycled one held: bytes that survive
    /// a power cut as they are. When it returns, the segment is found again after a power cut.
    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError>;

    /// How many bytes can be read of a segment: a bound, not the end of the log.
    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError>;

    /// Reads into `buffer` from `offset` on, and returns how many bytes it got: none only at the end of the segment.
    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError>;

    /// Writes all of `bytes` at `offset`. They survive a power cut only after [`Disk::sync`]; before, any part of them
    /// may.
    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError>;

    /// Makes all that was written to the segment survive a power cut. After an error nobody knows what does, and asking
    /// again proves nothing: Linux forgets which pages were dirty.
    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError>;

    /// Makes what is written at `offset` and after it no part of the segment any more, with the durability of a write.
    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError>;

    /// Removes a segment. When it returns, the segment does not come back after a power cut.
    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError>;

    /// As [`Disk::remove`], but its bytes, all of them durable, may come back in a segment that [`Disk::create`] makes.
    ///
    /// Only for a segment whose every record has a smaller position than any that is written or copied later: position
    /// and chain then tell the old from the new.
    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError>;
}

impl<D: Disk + ?Sized> Disk for &mut D {
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError> {
        (**self).segments()
    }
    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        (**self).create(segment)
    }
    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError> {
        (**self).bytes(segment)
    }
    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        (**self).read_at(segment, offset, buffer)
    }
    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        (**self).write_at(segment, offset, bytes)
    }
    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        (**self).sync(segment)
    }
    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        (**self).cut(segment, offset)
    }
    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        (**self).remove(segment)
    }
    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        (**self).recycle(segment)
    }
}
