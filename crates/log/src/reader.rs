//! Finds the records of a log among all bytes of its segments.
//!
//! Under [`crate::recover()`], whose head says where a log begins and ends. Invariant: a record is handed to the machine only
//! if all before it were, back to the base; and nothing is called the end that something later proves not to be.

use std::collections::VecDeque;

use watershed_protocol::{Mutant, Slot};

use crate::{
    Base, Chain, Cut, Disk, Record, RecoverError, Recovered, SegmentId, SlotEnds,
    record::{DecodeError, Head, MAGIC},
    writer::SEGMENT_BYTES_MAX,
};

/// Memory of a record that is longer than this is given back once it is replayed: 1 MiB, twenty thousand likes.
const RECORD_BYTES_KEPT_MAX: usize = 1024 * 1024;

/// A log that was read to its end.
pub(crate) struct Reading {
    /// All segments, with records or without.
    pub(crate) segments: Vec<SegmentId>,
    pub(crate) found: Recovered,
    /// The last segment that has records, and their bytes.
    pub(crate) tail: Option<(SegmentId, Vec<u8>)>,
    pub(crate) chain: Chain,
    /// The segments that have records, each with its last one.
    pub(crate) before: VecDeque<(SegmentId, u64)>,
}

/// Reads the log on `disk` after `base`, and changes nothing.
pub(crate) fn read<D: Disk, E>(
    disk: &mut D,
    base: Base,
    mut replay: impl FnMut(&Record) -> Result<(), E>,
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

/// The log as far as it has been read.
struct Reader {
    base: Base,
    found: Recovered,
    chain: Chain,
    /// The ends of slots in records that the base holds.
    skipped: SlotEnds,
    /// Where something other than the next record was found since the last one.
    stop: Option<Stop>,
    /// The last record: the next is read into its place, since a thousand small sections are a thousand allocations.
    record: Record,
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
    /// It is in [`Reader::record`].
    Record(Head),
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
        Self { base, found, chain: Chain::START, skipped: SlotEnds::default(), stop: None, record: Record::default() }
    }

    /// Replays the records of one segment that follow those read so far, and returns where they end in it: 0 if there
    /// are none. Refuses if the rest proves that the log went on.
    fn read_segment<E>(
        &mut self,
        segment: SegmentId,
        bytes: &[u8],
        replay: &mut impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<usize, RecoverError<E>> {
        self.begin(segment, bytes)?;
        let mut offset = 0;
        let stop = loop {
            if offset == bytes.len() {
                break None;
            }
            let at = offset as u64;
            match self.next(&bytes[offset..]) {
                Next::Record(head) => {
                    self.take(segment, &head, replay)?;
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
    fn next(&mut self, bytes: &[u8]) -> Next {
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
        match head.read_record(bytes, &mut self.record) {
            Ok(()) => Next::Record(head),
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
        head: &Head,
        replay: &mut impl FnMut(&Record) -> Result<(), E>,
    ) -> Result<(), RecoverError<E>> {
        let position = head.position;
        let held = position <= self.base.position;
        let ends = if held { &mut self.skipped } else { &mut self.found.ends };
        let gap = |why| RecoverError::Gap { segment, record: position, why };
        let changed = ends.check(&self.record.sections).map_err(gap)?;
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
        replay(&self.record).map_err(|why| RecoverError::Replay { segment, record: position, why })?;
        if head.bytes() > RECORD_BYTES_KEPT_MAX {
            self.record = Record::default();
        }
        Ok(())
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
        let proof = position_after(stop.record.unwrap_or(0), rest);
        if let Some((at, later)) = proof.filter(|_| !Mutant::DamageCut.lives()) {
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
