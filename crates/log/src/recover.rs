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

use std::collections::VecDeque;

use watershed_protocol::{Position, Slot};

use crate::{
    Chain, Disk, DiskError, Gap, LogConfig, LogWriter, Record, SegmentId, SlotEnds,
    record::{DecodeError, Head, MAGIC},
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
    replay: impl FnMut(Record) -> Result<(), E>,
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
    replay: impl FnMut(Record) -> Result<(), E>,
) -> Result<Recovered, RecoverError<E>> {
    read(&mut disk, base, replay).map(|reading| reading.found)
}

/// A log that was read to its end.
struct Reading {
    /// All segments, with records or without.
    segments: Vec<SegmentId>,
    found: Recovered,
    /// The last segment that has records, and their bytes.
    tail: Option<(SegmentId, Vec<u8>)>,
    chain: Chain,
    /// The segments that have records, each with its last one.
    before: VecDeque<(SegmentId, u64)>,
}

fn read<D: Disk, E>(
    disk: &mut D,
    base: Base,
    mut replay: impl FnMut(Record) -> Result<(), E>,
) -> Result<Reading, RecoverError<E>> {
    let segments = disk.segments()?;
    let mut reader = Reader::new(base);
    let mut tail = None;
    let mut before = VecDeque::new();
    for &segment in &segments {
        let mut bytes = read_segment(disk, segment)?;
        let end = reader.read_segment(segment, &bytes, &mut replay)?;
        if end > 0 {
            bytes.truncate(end);
            tail = Some((segment, bytes));
            before.push_back((segment, reader.found.last));
        }
    }
    let Reader { base, found, chain, .. } = reader;
    if found.last < base.position {
        return Err(RecoverError::Ends { last: found.last, base: base.position });
    }
    Ok(Reading { segments, found, tail, chain, before })
}

fn read_segment<D: Disk, E>(disk: &mut D, segment: SegmentId) -> Result<Vec<u8>, RecoverError<E>> {
    let bytes = disk.bytes(segment)?;
    if bytes > SEGMENT_BYTES_MAX {
        return Err(RecoverError::SegmentTooLong { segment, bytes });
    }
    let mut buffer = vec![0; bytes as usize];
    let mut filled = 0;
    while filled < buffer.len() {
        match disk.read_at(segment, filled as u64, &mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
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
    if let Err(error) = disk.write_at(segment, 0, &bytes).and_then(|()| disk.sync(segment)) {
        // Not left to the next attempt, which may need the space.
        disk.remove(segment)?;
        return Err(full(error));
    }
    disk.remove(old)?;
    Ok(())
}

/// The log as far as it has been read.
struct Reader {
    base: Base,
    found: Recovered,
    chain: Chain,
    /// The ends of slots in records that the base holds.
    skipped: SlotEnds,
    /// Where something other than the next record was found since the last one.
    stop: Option<Stop>,
}

/// A place where the log does not go on.
struct Stop {
    segment: SegmentId,
    offset: u64,
    /// The record that should be there, if that is known.
    record: Option<u64>,
    /// Whether that record was begun there.
    begun: bool,
    slots: Vec<Slot>,
    why: String,
}

/// What stands where the next record should.
enum Next {
    Record(Record, Head),
    /// It is the next record, and cannot be read.
    Unreadable(u64, DecodeError),
    /// It is not, or not whole.
    Nothing {
        /// Its head, if it is the next record's.
        head: Option<Head>,
        why: String,
    },
}

impl Reader {
    fn new(base: Base) -> Self {
        let found = Recovered { ends: base.ends.clone(), ..Recovered::default() };
        Self { base, found, chain: Chain::START, skipped: SlotEnds::default(), stop: None }
    }

    /// Replays the records of one segment that follow those read so far, and returns where they end in it: 0 if there
    /// are none. Refuses if the rest proves that the log went on.
    fn read_segment<E>(
        &mut self,
        segment: SegmentId,
        bytes: &[u8],
        replay: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<usize, RecoverError<E>> {
        self.begin(segment, bytes)?;
        let mut offset = 0;
        let stop = loop {
            if offset == bytes.len() {
                break None;
            }
            let at = offset as u64;
            match self.next(&bytes[offset..]) {
                Next::Record(record, head) => {
                    self.take(segment, record, &head, replay)?;
                    offset += head.bytes();
                }
                Next::Unreadable(record, why) => {
                    return Err(RecoverError::Unreadable { segment, offset: at, record, why });
                }
                Next::Nothing { head, why } => {
                    let rest = &bytes[offset..];
                    let record = head.map(|head| head.position).or(self.expected());
                    let slots = head.and_then(|head| head.table(rest).ok()).into_iter().flatten();
                    let slots = slots.map(|section| section.slot).collect();
                    let begun = record.is_some_and(|record| Head::is_begun(rest, record));
                    break Some(Stop { segment, offset: at, record, begun, slots, why });
                }
            }
        };
        if offset > 0 {
            self.found.segments += 1;
            self.found.bytes += offset as u64;
            self.found.cut = None;
            self.stop = None;
        }
        if let Some(stop) = stop {
            self.end(stop, &bytes[offset..])?;
        }
        Ok(offset)
    }

    /// Refuses a log that begins after the record that must follow the base.
    fn begin<E>(&self, segment: SegmentId, bytes: &[u8]) -> Result<(), RecoverError<E>> {
        let base = self.base.position;
        let nothing_before = self.found.last == 0 && self.stop.is_none();
        match Head::read(bytes) {
            Ok(Head { position: first, .. }) if nothing_before && first > base + 1 => {
                Err(RecoverError::Begins { segment, first, base })
            }
            _ => Ok(()),
        }
    }

    /// The next record, unless the log may begin with any that the base holds.
    fn expected(&self) -> Option<u64> {
        (self.found.last > 0 || self.base.position == 0).then_some(self.found.last + 1)
    }

    /// Looks at what stands where the next record should.
    fn next(&self, bytes: &[u8]) -> Next {
        let nothing = |head, why| Next::Nothing { head, why };
        let head = match Head::read(bytes) {
            Ok(head) => head,
            Err(why) => return nothing(None, why.to_string()),
        };
        match self.expected() {
            Some(next) if head.position != next => {
                return nothing(None, format!("record {} is in its place", head.position));
            }
            Some(next) if head.before != self.chain => {
                return nothing(None, format!("its chain does not continue record {}", next - 1));
            }
            None if self.stop.is_some() => return nothing(None, "the segment before it holds no record".into()),
            _ => {}
        }
        match head.record(bytes) {
            Ok(record) => Next::Record(record, head),
            Err(why @ (DecodeError::Version { .. } | DecodeError::Table { .. })) => {
                Next::Unreadable(head.position, why)
            }
            Err(why) => nothing(Some(head), why.to_string()),
        }
    }

    /// Takes the next record over, and hands it to the machine unless the base holds it.
    fn take<E>(
        &mut self,
        segment: SegmentId,
        record: Record,
        head: &Head,
        replay: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), RecoverError<E>> {
        let position = record.position;
        let held = position <= self.base.position;
        let ends = if held { &mut self.skipped } else { &mut self.found.ends };
        let gap = |why| RecoverError::Gap { segment, record: position, why };
        let changed = ends.check(&record.sections).map_err(gap)?;
        ends.advance(changed);
        if self.found.first == 0 {
            self.found.first = position;
        }
        self.found.last = position;
        self.chain = head.chain;
        if position == self.base.position {
            self.compare_ends()?;
        }
        if held {
            return Ok(());
        }
        self.found.replayed += 1;
        replay(record).map_err(|why| RecoverError::Replay { segment, record: position, why })
    }

    /// Compares the base with what the log says of its last record. The base may know more slots, and raised epochs.
    fn compare_ends<E>(&self) -> Result<(), RecoverError<E>> {
        for (slot, end) in self.skipped.iter() {
            let held = self.base.ends.get(slot);
            if held.is_none_or(|held| held.position != end.position || held.epoch < end.epoch) {
                let (held, logged) = (held.map(|held| held.position), end.position);
                return Err(RecoverError::Base { slot, base: self.base.position, logged, held });
            }
        }
        Ok(())
    }

    /// Notes that the log does not go on at `stop`, unless what follows there proves that it did.
    fn end<E>(&mut self, stop: Stop, rest: &[u8]) -> Result<(), RecoverError<E>> {
        let earlier = self.stop.take();
        if let Some((at, later)) = position_after(stop.record.unwrap_or(0), rest) {
            // The missing record stood before its proof: in this segment, unless the proof begins it.
            let place = if at == 0 { earlier.unwrap_or(stop) } else { stop };
            let Stop { segment, offset, record, slots, why, .. } = place;
            let record = record.unwrap_or(later - 1);
            return Err(RecoverError::Damaged { segment, offset, record, slots, why, later });
        }
        if stop.begun {
            let bytes = Head::bytes_claimed(rest).unwrap_or(rest.len()).min(rest.len()) as u64;
            self.found.cut = Some(Cut { segment: stop.segment, offset: stop.offset, bytes });
        }
        self.stop = Some(if stop.begun { stop } else { earlier.unwrap_or(stop) });
        Ok(())
    }
}

/// The first record in `bytes`, at any offset, with a whole head and a position greater than `position`: where, and
/// which.
fn position_after(position: u64, bytes: &[u8]) -> Option<(usize, u64)> {
    let candidates = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    let heads = candidates.filter_map(|(at, _)| Some((at, Head::read(&bytes[at..]).ok()?.position)));
    heads.into_iter().find(|(_, found)| *found > position)
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
