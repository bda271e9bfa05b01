//! Reads a log back after a start, makes what it read durable, and opens it for appending.
//!
//! The processor's driver calls it before anything is answered; the records go to the machine, the writer to the commit
//! thread. Invariant: it replays exactly the records from the first to some last one, in order, at least all that were
//! ever synced, or it refuses; and once it has returned, a power cut loses none of what it replayed.
//!
//! **Where the log ends.** At the first place where the next record (its position, its chain, its checksums) is neither
//! next in the segment nor first in a later one. What lies there is a *torn tail* and is cut, unless a whole record
//! head with a position at least two greater is found anywhere after it. Then it is *damage* and is refused: the writer
//! writes record n + 2 only when n + 1 is durable, so n + 1 was there once. Both verdicts are exact but for one case:
//! damage to the very last record that was synced looks like a write that was torn before its sync, and is cut. (Nor
//! can the loss of whole segments at the end be seen from here. The positions that the root holds show both.) Records
//! with a smaller position, the remains of a recycled segment or of an unfinished copy, say nothing either way.
//!
//! **Why the last segment is copied.** After a failed sync the page cache holds bytes that the disk does not, and calls
//! them clean: they read back, and a further sync succeeds without writing them. A new process cannot know whether that
//! happened. So the valid bytes of the last segment that has records, the only one that may hold unsynced ones, are
//! always written to a new segment and synced there, and only then is the old one removed. A crash in between leaves a
//! copy that begins with a record already read; the next recovery drops it and copies again.

use watershed_protocol::Slot;

use crate::{
    Chain, Disk, DiskError, Gap, LogConfig, LogWriter, Record, SegmentId, SlotEnds,
    record::{DecodeError, Head, MAGIC},
    writer::{End, SEGMENT_BYTES_MAX},
};

/// What a recovery found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Records replayed; also the position of the last one, 0 if there is none.
    pub records: u64,
    /// Bytes of those records.
    pub bytes: u64,
    /// Segments that held them.
    pub segments: usize,
    /// Where the rows of each slot end.
    pub ends: SlotEnds,
    /// What was cut off behind the last record, if anything was there.
    pub cut: Option<Cut>,
}

/// Bytes behind the last record that belong to none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The segment in which they begin.
    pub segment: SegmentId,
    /// Where they begin.
    pub offset: u64,
    /// How many they were, in this segment and later ones.
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

/// Replays the log on `disk`, record by record, and opens it for appending.
///
/// No answer may rest on a replayed record before this has returned.
pub fn recover<D: Disk, E>(
    mut disk: D,
    config: LogConfig,
    mut replay: impl FnMut(Record) -> Result<(), E>,
) -> Result<(LogWriter<D>, Recovered), RecoverError<E>> {
    let segments = disk.segments()?;
    let mut reader = Reader::default();
    let mut tail = None;
    let mut without_records = Vec::new();
    for &segment in &segments {
        let mut bytes = read_segment(&mut disk, segment)?;
        let end = reader.read_segment(segment, &bytes, &mut replay)?;
        if end == 0 {
            without_records.push(segment);
        } else {
            bytes.truncate(end);
            tail = Some((segment, bytes));
        }
    }
    for segment in without_records {
        disk.remove(segment)?;
    }
    let segment = segments.last().map_or(SegmentId::FIRST, |last| last.next());
    let offset = tail.as_ref().map_or(0, |(_, bytes)| bytes.len() as u64);
    copy_tail(&mut disk, segment, tail)?;
    let Reader { position, chain, ends, found, .. } = reader;
    let end = End { segment, offset, position, chain, ends: ends.clone() };
    let recovered = Recovered { records: position, bytes: found.bytes, segments: found.segments, ends, cut: found.cut };
    Ok((LogWriter::new(disk, config, end), recovered))
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

/// The end of the log as far as it has been read.
#[derive(Default)]
struct Reader {
    position: u64,
    chain: Chain,
    ends: SlotEnds,
    found: Found,
    /// The first place since the last record where something other than the next record was found.
    stop: Option<Stop>,
}

#[derive(Default)]
struct Found {
    bytes: u64,
    segments: usize,
    cut: Option<Cut>,
}

/// A place where the log does not go on.
struct Stop {
    segment: SegmentId,
    offset: u64,
    slots: Vec<Slot>,
    why: String,
}

/// What stands where the next record should.
enum Next {
    Record(Record, Head),
    /// It is the next record, and cannot be read.
    Unreadable(DecodeError),
    /// It is not, or not whole.
    Nothing {
        slots: Vec<Slot>,
        why: String,
    },
}

impl Reader {
    /// Replays the records of one segment that follow those read so far, and returns where they end in it: 0 if there
    /// are none. Refuses if the rest proves that the log went on.
    fn read_segment<E>(
        &mut self,
        segment: SegmentId,
        bytes: &[u8],
        replay: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<usize, RecoverError<E>> {
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
                Next::Unreadable(why) => {
                    return Err(RecoverError::Unreadable { segment, offset: at, record: self.position + 1, why });
                }
                Next::Nothing { slots, why } => break Some(Stop { segment, offset: at, slots, why }),
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

    /// Looks at what stands where the next record should.
    fn next(&self, bytes: &[u8]) -> Next {
        let nothing = |why: String| Next::Nothing { slots: Vec::new(), why };
        let head = match Head::read(bytes) {
            Ok(head) => head,
            Err(why) => return nothing(why.to_string()),
        };
        if head.position != self.position + 1 {
            return nothing(format!("record {} is in its place", head.position));
        }
        if head.before != self.chain {
            return nothing(format!("its chain does not continue record {}", self.position));
        }
        match head.record(bytes) {
            Ok(record) => Next::Record(record, head),
            Err(why @ (DecodeError::Version { .. } | DecodeError::Table { .. })) => Next::Unreadable(why),
            Err(why) => {
                let slots = head.table(bytes).into_iter().flatten().map(|section| section.slot).collect();
                Next::Nothing { slots, why: why.to_string() }
            }
        }
    }

    /// Takes the next record over and hands it to the machine.
    fn take<E>(
        &mut self,
        segment: SegmentId,
        record: Record,
        head: &Head,
        replay: &mut impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), RecoverError<E>> {
        let position = record.position;
        let changed =
            self.ends.check(&record.sections).map_err(|why| RecoverError::Gap { segment, record: position, why })?;
        self.ends.advance(changed);
        self.position = position;
        self.chain = head.chain;
        replay(record).map_err(|why| RecoverError::Replay { segment, record: position, why })
    }

    /// Notes that the log does not go on at `stop`, unless what follows there proves that it did.
    fn end<E>(&mut self, stop: Stop, rest: &[u8]) -> Result<(), RecoverError<E>> {
        let cut = Cut { segment: stop.segment, offset: stop.offset, bytes: 0 };
        self.found.cut.get_or_insert(cut).bytes += rest.len() as u64;
        let stop = self.stop.get_or_insert(stop);
        let record = self.position + 1;
        match position_after(record, rest) {
            None => Ok(()),
            Some(later) => Err(RecoverError::Damaged {
                segment: stop.segment,
                offset: stop.offset,
                record,
                slots: std::mem::take(&mut stop.slots),
                why: std::mem::take(&mut stop.why),
                later,
            }),
        }
    }
}

/// The first record in `bytes`, at any offset, with a whole head and a position greater than `position`.
fn position_after(position: u64, bytes: &[u8]) -> Option<u64> {
    let candidates = bytes.windows(MAGIC.len()).enumerate().filter(|(_, window)| *window == MAGIC);
    let heads = candidates.filter_map(|(at, _)| Head::read(&bytes[at..]).ok());
    heads.map(|head| head.position).find(|&found| found > position)
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
