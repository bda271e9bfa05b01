//! Appends records and makes them durable.
//!
//! Between the commit thread (or the simulator), which hands it the sections of a group, and the [`Disk`]. Invariant:
//! at most one record is written and not yet synced. So a whole record n + 2 on the disk proves that record n + 1 was
//! durable, which is how recovery tells damage from a torn tail; and only the last segment ever holds unsynced bytes.
//!
//! **Cutting.** Once a checkpoint elsewhere holds everything up to some record, [`LogWriter::cut_to`] says so, and
//! [`LogWriter::tidy`] gives the segments below it back to the disk, oldest first and one at a time: a power cut between
//! two of them leaves a log that begins later, never one with a hole. The last durable record stays, so that a log that
//! was lost can be told from one that was cut.

use std::collections::VecDeque;

use watershed_protocol::Mutant;

use crate::{
    Chain, Disk, DiskError, Gap, Section, SegmentId, SlotEnds,
    record::{self, TooLarge},
};

/// Largest segment: recovery reads one into memory at a time. A greater `segment_bytes` is taken as this.
pub const SEGMENT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Capacity that the encoding buffer keeps between records; one large group must not hold its memory for ever.
const BUFFER_BYTES_KEPT_MAX: usize = 4 * 1024 * 1024;

/// How a log is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// A record that would make its segment longer than this begins a new one.
    pub segment_bytes: u64,
}

impl Default for LogConfig {
    /// 64 MiB: a start copies half of one on average (0.2 s), and a minute of a saturated processor takes a dozen.
    fn default() -> Self {
        Self { segment_bytes: 64 * 1024 * 1024 }
    }
}

/// Why a group was not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// No space. Nothing of the group is in the log; the same group may be appended again when there is.
    #[error("disk is full")]
    Full,
    /// The group must not be in a log. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The log is of no more use: stop all answers and start again.
    #[error("log has failed: {why}")]
    Failed {
        /// What failed first.
        why: String,
    },
}

/// What is wrong with a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It changes nothing.
    #[error("group has no sections")]
    Empty,
    /// No record can hold it.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// A section does not follow its slot; written, it would make the log unreadable.
    #[error(transparent)]
    Gap(#[from] Gap),
}

/// The log is of no more use, and what was appended since the last sync may or may not be durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("log has failed: {why}")]
pub struct SyncError {
    /// What failed first.
    pub why: String,
}

/// The end of a log, open for appending. [`crate::recover()`] makes one.
#[derive(Debug)]
pub struct LogWriter<D> {
    disk: D,
    segment_bytes: u64,
    /// Segments before `segment`, in order, each with its last record.
    before: VecDeque<(SegmentId, u64)>,
    segment: SegmentId,
    /// Where the next record goes in `segment`.
    offset: u64,
    /// Records up to this one are in a checkpoint.
    cut: u64,
    /// The last record written.
    position: u64,
    /// The last record synced: `position`, or the one before.
    durable: u64,
    chain: Chain,
    ends: SlotEnds,
    bytes_written: u64,
    buffer: Vec<u8>,
    /// What failed first. A writer that has failed refuses for ever.
    failed: Option<String>,
}

/// Where a writer goes on.
#[derive(Clone, Debug)]
pub(crate) struct End {
    pub(crate) before: VecDeque<(SegmentId, u64)>,
    pub(crate) segment: SegmentId,
    pub(crate) offset: u64,
    pub(crate) position: u64,
    pub(crate) chain: Chain,
    pub(crate) ends: SlotEnds,
}

impl<D: Disk> LogWriter<D> {
    /// Goes on at `end`, before which everything is durable.
    pub(crate) fn new(disk: D, config: LogConfig, end: End) -> Self {
        Self {
            disk,
            segment_bytes: config.segment_bytes.min(SEGMENT_BYTES_MAX),
            before: end.before,
            segment: end.segment,
            offset: end.offset,
            cut: 0,
            position: end.position,
            durable: end.position,
            chain: end.chain,
            ends: end.ends,
            bytes_written: 0,
            buffer: Vec::new(),
            failed: None,
        }
    }

    /// Writes one commit group as one record and returns the record's position. It is durable after [`Self::sync`].
    ///
    /// If the record before it is not synced yet, that comes first.
    pub fn append(&mut self, sections: &[Section]) -> Result<u64, AppendError> {
        self.sync().map_err(|SyncError { why }| AppendError::Failed { why })?;
        if sections.is_empty() {
            return Err(Refused::Empty.into());
        }
        let changed = self.ends.check(sections).map_err(Refused::from)?;
        let chain = record::encode(&mut self.buffer, self.position + 1, self.chain, sections).map_err(Refused::from)?;
        let written = self.write_buffer();
        self.buffer.clear();
        self.buffer.shrink_to(BUFFER_BYTES_KEPT_MAX);
        written?;
        self.ends.advance(changed);
        self.chain = chain;
        self.position += 1;
        Ok(self.position)
    }

    /// Makes all that was appended durable, and returns the position of the last record. A failure is final.
    pub fn sync(&mut self) -> Result<u64, SyncError> {
        if let Some(why) = &self.failed {
            return Err(SyncError { why: why.clone() });
        }
        if self.durable < self.position {
            // Even "disk is full" is final here: which of the bytes were written before it, nobody can say.
            if !Mutant::SyncSkipped.lives() {
                self.disk.sync(self.segment).map_err(|error| SyncError { why: self.fail(error) })?;
            }
            self.durable = self.position;
        }
        Ok(self.durable)
    }

    /// Everything up to record `position` is durable in a checkpoint, and no start will ask the log for it again:
    /// segments without a later record may go, in [`Self::tidy`]. A position below an earlier one changes nothing.
    pub fn cut_to(&mut self, position: u64) {
        self.cut = self.cut.max(position);
    }

    /// Gives one segment back that [`Self::cut_to`] has made superfluous, and returns whether there is another. A failure
    /// is final.
    pub fn tidy(&mut self) -> Result<bool, SyncError> {
        if let Some(why) = &self.failed {
            return Err(SyncError { why: why.clone() });
        }
        let Some(segment) = self.superfluous() else { return Ok(false) };
        match self.disk.recycle(segment) {
            Ok(()) => drop(self.before.pop_front()),
            // There is no room for the new name. It is tried again when the next segment is to go.
            Err(DiskError::Full) => return Ok(false),
            Err(error) => return Err(SyncError { why: self.fail(error) }),
        }
        Ok(self.superfluous().is_some())
    }

    /// The last record written; 0 before the first.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Segments that hold records or will hold the next.
    pub fn segments(&self) -> usize {
        self.before.len() + 1
    }

    /// The last record that is durable; 0 before the first.
    pub fn durable(&self) -> u64 {
        self.durable
    }

    /// Where the rows of each slot end, the last append included.
    pub fn ends(&self) -> &SlotEnds {
        &self.ends
    }

    /// Bytes of records written since the start.
    pub fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// The disk, for a simulator that wants it to fail.
    pub fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Gives the disk back. What was appended and not synced stays so.
    pub fn into_disk(self) -> D {
        self.disk
    }

    /// The oldest segment, if it may go.
    fn superfluous(&self) -> Option<SegmentId> {
        let &(segment, last) = self.before.front()?;
        (last <= self.cut && last < self.durable).then_some(segment)
    }

    /// Writes the encoded record, into a new segment if this one is full of records. A record that did not fit on the
    /// disk leaves no trace.
    fn write_buffer(&mut self) -> Result<(), AppendError> {
        let bytes = self.buffer.len() as u64;
        if self.offset > 0 && self.offset + bytes > self.segment_bytes {
            let next = self.segment.next();
            self.disk.create(next).map_err(|error| self.refuse(error))?;
            self.before.push_back((self.segment, self.position));
            (self.segment, self.offset) = (next, 0);
        }
        if let Err(error) = self.disk.write_at(self.segment, self.offset, &self.buffer) {
            let refused = self.refuse(error);
            if refused == AppendError::Full {
                self.undo_write()?;
            }
            return Err(refused);
        }
        self.offset += bytes;
        self.bytes_written += bytes;
        Ok(())
    }

    /// Cuts off a record that was written in part. Synced, because otherwise a power cut could bring those bytes back
    /// under the next record's, and the two might make the refused record whole.
    fn undo_write(&mut self) -> Result<(), AppendError> {
        let cut = self.disk.cut(self.segment, self.offset).and_then(|()| self.disk.sync(self.segment));
        cut.map_err(|error| AppendError::Failed { why: self.fail(error) })
    }

    fn refuse(&mut self, error: DiskError) -> AppendError {
        match error {
            DiskError::Full => AppendError::Full,
            DiskError::Failed { .. } => AppendError::Failed { why: self.fail(error) },
        }
    }

    fn fail(&mut self, error: DiskError) -> String {
        self.failed.get_or_insert_with(|| error.to_string()).clone()
    }
}

#[cfg(test)]
mod tests;
