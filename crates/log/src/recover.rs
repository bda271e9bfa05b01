//! Reads a log back after a start, makes what it read durable, and opens it for appending.
//!
//! The processor's driver calls it before anything is answered; the records go to the machine, the writer to the commit
//! thread. Invariant: it replays exactly the records from the one after the [`Base`] to some last one, in order, at least
//! all that were ever synced, or it refuses; and once it has returned, a power cut loses none of what it replayed.
//!
//! **Where the log begins.** At record 1, unless a checkpoint let it be cut: then anywhere up to the record after the
//! checkpoint's. Records that the checkpoint holds are read and checked as all others, and not replayed. A log that begins
//! later, or ends before the checkpoint, is refused.
//!
//! **Where the log ends.** At the first place where the next record (its position, its chain, its checksums) is neither
//! next in the segment nor first in a later one. What lies there is a *torn tail* and is cut, unless a whole record
//! head with a position at least two greater is found anywhere after it. Then it is *damage* and is refused: the writer
//! writes record n + 2 only when n + 1 is durable, so n + 1 was there once. Both verdicts are exact but for one case:
//! damage to the very last record that was synced looks like a write that was torn before its sync, and is cut. (Nor
//! can the loss of whole segments at the end be seen from here, unless a checkpoint was ahead of them. The positions that
//! the root holds show both.)
//!
//! **Old records.** A segment that was recycled holds, behind the records of its present life, whole ones of an earlier.
//! They were below a checkpoint when their segment was given up, so their positions are smaller than that of any record
//! that the log still begins with. So are those of an unfinished copy, if not smaller than the next record's. Neither is
//! ever the next record, nor proof of a later one.
//!
//! **Why the last segment is copied.** After a failed sync the page cache holds bytes that the disk does not, and calls
//! them clean: they read back, and a further sync succeeds without writing them. A new process cannot know whether that
//! happened. So the valid bytes of the last segment that has records, the only one that may hold unsynced ones, are
//! always written to a new segment and synced there, and only then is the old one removed: removed, not recycled, because
//! nobody knows what the disk has of it. A crash in between leaves a copy that begins with a record already read; the next
//! recovery drops it and copies again.

use watershed_protocol::{Mutant, Position, Slot};

use crate::{
    Disk, DiskError, Gap, LogConfig, LogWriter, Record, SegmentId, SlotEnds,
    reader::{Reading, read},
    record::DecodeError,
    writer::{End, SEGMENT_BYTES_MAX},
};

/// What lies under a log: the record up to which a checkpoint holds everything.
///
/// Without a checkpoint it is the default: record 0, no slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    /// The checkpoint's last record. Replay begins with the one after it.
    pub position: u64,
    /// Where the rows of each slot end there: all slots that ever had any.
    pub ends: SlotEnds,
}

/// What a recovery found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The first record that the log holds; 0 if it is empty.
    pub first: u64,
    /// The last record of the log; 0 if it is empty.
    pub last: u64,
    /// Records replayed: those after the base.
    pub replayed: u64,
    /// Bytes of all records, replayed or not.
    pub bytes: u64,
    /// Segments that hold records.
    pub segments: usize,
    /// Where the rows of each slot end.
    pub ends: SlotEnds,
    /// What was cut off behind the last record, if a further one was begun there.
    pub cut: Option<Cut>,
}

/// A record that was begun behind the last one and is not whole: a write torn before its sync.
///
/// One whose first sector was lost is cut as well, but cannot be told from other bytes of a recycled segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment in which it begins.
    pub segment: SegmentId,
    /// Where it begins.
    pub offset: u64,
    /// Bytes that it may have left.
    pub bytes: u64,
}

/// Why a log was not opened. `E` is what the machine says of a record that it cannot take.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError<E> {
    /// Make space and try again; the log is as it was.
    #[error("disk is full: recovery copies the last segment, which takes {bytes} bytes")]
    Full {
        /// Bytes that are needed.
        bytes: u64,
    },
    /// The disk does not do what it should.
    #[error("{what}")]
    Disk {
        /// What was tried, on what, and what came of it.
        what: String,
    },
    /// A record that was durable is gone. Restore the segment, or decide by hand what to give up.
    #[error(
        "segment {segment} is damaged at byte {offset}: record {record} ({}) was durable and does not read ({why}), \
         yet record {later} after it is there",
        name_slots(.slots)
    )]
    Damaged {
        /// The segment in which reading stopped.
        segment: SegmentId,
        /// Where it stopped.
        offset: u64,
        /// The record that should be there.
        record: u64,
        /// Its slots; empty if its head is damaged too.
        slots: Vec<Slot>,
        /// What is there instead.
        why: String,
        /// The record that proves it.
        later: u64,
    },
    /// A whole record that this build cannot read: start the build that wrote it.
    #[error("segment {segment}, record {record} at byte {offset}: {why}")]
    Unreadable {
        /// The segment.
        segment: SegmentId,
        /// Where the record begins.
        offset: u64,
        /// Its position.
        record: u64,
        /// What does not read.
        why: DecodeError,
    },
    /// A whole record does not follow the one before it in one of its slots.
    #[error("segment {segment}, record {record}: {why}")]
    Gap {
        /// The segment.
        segment: SegmentId,
        /// The record's position.
        record: u64,
        /// The slot and its positions.
        why: Gap,
    },
    /// Records between the checkpoint and the log are gone, or the checkpoint is.
    #[error(
        "segment {segment} begins with record {first}, and {}: records {} to {} are missing",
        name_base(*.base), .base + 1, .first - 1
    )]
    Begins {
        /// The first segment.
        segment: SegmentId,
        /// The first record in it.
        first: u64,
        /// The checkpoint's last record.
        base: u64,
    },
    /// Records that were durable when the checkpoint was made are gone.
    #[error("log ends with record {last}, and {}, when record {base} was durable", name_base(*.base))]
    Ends {
        /// The last record of the log; 0 if it is empty.
        last: u64,
        /// The checkpoint's last record.
        base: u64,
    },
    /// The checkpoint is not of this log.
    #[error("slot {slot} ended at position {logged} with record {base}, the checkpoint of that record says {}",
        .held.map_or("nothing of it".into(), |held| held.to_string()))]
    Base {
        /// The slot.
        slot: Slot,
        /// The checkpoint's last record.
        base: u64,
        /// Where the slot ends in the log.
        logged: Position,
        /// Where it ends in the checkpoint.
        held: Option<Position>,
    },
    /// This is no segment of ours.
    #[error("segment {segment} is {bytes} bytes long, at most {SEGMENT_BYTES_MAX} fit")]
    SegmentTooLong {
        /// The segment.
        segment: SegmentId,
        /// Its length.
        bytes: u64,
    },
    /// The machine did not take a record.
    #[error("segment {segment}, record {record} was not taken: {why}")]
    Replay {
        /// The segment.
        segment: SegmentId,
        /// The record's position.
        record: u64,
        /// What the machine says.
        why: E,
    },
}

impl<E> From<DiskError> for RecoverError<E> {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::Full => Self::Full { bytes: 0 },
            DiskError::Failed { what } => Self::Disk { what },
        }
    }
}

/// Replays the log on `disk` after `base`, record by record, and opens it for appending. Segments that `base` makes
/// superfluous go with the first calls of [`LogWriter::tidy`].
///
/// No answer may rest on a replayed record before this has returned.
pub fn recover<D: Disk, E>(
    mut disk: D,
    config: LogConfig,
    base: Base,
    replay: impl FnMut(&Record) -> Result<(), E>,
) -> Result<(LogWriter<D>, Recovered), RecoverError<E>> {
    let cut = base.position;
    let Reading { segments, found, tail, chain, mut before } = read(&mut disk, base, replay)?;
    for &segment in &segments {
        let has_records = before.iter().any(|(held, _)| *held == segment);
        if !has_records {
            disk.remove(segment)?;
        }
    }
    before.pop_back();
    let segment = segments.last().map_or(SegmentId::FIRST, |last| last.next());
    let offset = tail.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
    copy_tail(&mut disk, segment, tail)?;
    let end = End { before, segment, offset, position: found.last, chain, ends: found.ends.clone() };
    let mut writer = LogWriter::new(disk, config, end);
    writer.cut_to(cut);
    Ok((writer, found))
}

/// Reads the log on `disk` as [`recover()`] does, and changes nothing: what it says, a start would find.
pub fn verify<D: Disk, E>(
    mut disk: D,
    base: Base,
    replay: impl FnMut(&Record) -> Result<(), E>,
) -> Result<Recovered, RecoverError<E>> {
    read(&mut disk, base, replay).map(|reading| reading.found)
}

/// Makes `segment` the last one, durably, with the records of the one that was.
fn copy_tail<D: Disk, E>(
    disk: &mut D,
    segment: SegmentId,
    tail: Option<(SegmentId, Vec<u8>)>,
) -> Result<(), RecoverError<E>> {
    let (old, bytes) = tail.unzip();
    let bytes = bytes.unwrap_or_default();
    let full = |error| match error {
        DiskError::Full => RecoverError::Full { bytes: bytes.len() as u64 },
        failed => failed.into(),
    };
    disk.create(segment).map_err(full)?;
    let Some(old) = old else { return Ok(()) };
    let written = disk.write_at(segment, 0, &bytes);
    let synced = if Mutant::TailNotSynced.lives() { written } else { written.and_then(|()| disk.sync(segment)) };
    if let Err(error) = synced {
        // Not left to the next attempt, which may need the space.
        disk.remove(segment)?;
        return Err(full(error));
    }
    disk.remove(old)?;
    Ok(())
}

fn name_base(base: u64) -> String {
    if base == 0 { "there is no checkpoint".into() } else { format!("the checkpoint stands at record {base}") }
}

fn name_slots(slots: &[Slot]) -> String {
    const NAMED_MAX: usize = 8;
    let mut names: Vec<String> = slots.iter().take(NAMED_MAX).map(Slot::to_string).collect();
    match slots.len() {
        0 => return "slots unknown".into(),
        many if many > NAMED_MAX => names.push(format!("and {} more", many - NAMED_MAX)),
        _ => {}
    }
    format!("slots {}", names.join(", "))
}

#[cfg(test)]
mod tests;
