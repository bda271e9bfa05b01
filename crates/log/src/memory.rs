//! A disk in memory that loses, tears, flips, fills and fails on demand.
//!
//! The simulator's disk and the tests'. Invariant: what was synced survives [`MemoryDisk::crash`]; what was not
//! survives only as far as the crash says. As with a real kernel, reads see the cache: written bytes, synced or not.

use std::collections::{BTreeMap, VecDeque};

use crate::{Disk, DiskError, SegmentId, disk::SPARES_MAX};

/// Bytes that a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

/// What a power cut does to a sector that was written and not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sector {
    /// The disk has it.
    Kept,
    /// The disk never wrote it.
    Lost,
    /// The disk has it, but for one bit of its first written byte.
    Flipped,
}

/// Segments in memory. A clone is an independent copy, as of a disk image.
#[derive(Clone, Debug, Default)]
pub struct MemoryDisk {
    segments: BTreeMap<SegmentId, Segment>,
    /// What `create` hands out, the longest kept first.
    spares: VecDeque<Segment>,
    /// What was asked for since the last sync, in order.
    unsynced: Vec<(SegmentId, Change)>,
    /// Bytes by which segments may still grow; `None` without a bound.
    room: Option<usize>,
    sync_fails: bool,
    /// Orders that are still carried out; `None` without a bound.
    orders: Option<usize>,
    syncs: u64,
}

#[derive(Clone, Debug, Default)]
struct Segment {
    /// What reads see.
    cached: Vec<u8>,
    /// What a power cut leaves.
    durable: Vec<u8>,
}

#[derive(Clone, Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Cut { offset: usize },
}

impl MemoryDisk {
    /// A disk without segments.
    pub fn new() -> Self {
        Self::default()
    }

    /// A power cut: of what is not synced, the first `torn` bytes survive, in the order they were written.
    pub fn crash(&mut self, torn: usize) {
        let mut left = torn;
        for (segment, change) in std::mem::take(&mut self.unsynced) {
            let Some(segment) = self.segments.get_mut(&segment) else { continue };
            match change {
                Change::Write { offset, mut bytes } => {
                    let whole = bytes.len() <= left;
                    bytes.truncate(left);
                    left -= bytes.len();
                    write(&mut segment.durable, offset, &bytes);
                    if !whole {
                        break;
                    }
                }
                Change::Cut { offset } => segment.durable.truncate(offset),
            }
        }
        self.wake();
    }

    /// A power cut that keeps, loses or damages each unsynced sector by itself, as `fate` says, whatever the order.
    pub fn crash_scattered(&mut self, mut fate: impl FnMut() -> Sector) {
        for (segment, change) in std::mem::take(&mut self.unsynced) {
            let Some(segment) = self.segments.get_mut(&segment) else { continue };
            match change {
                Change::Write { mut offset, bytes } => {
                    let mut rest = bytes.as_slice();
                    while !rest.is_empty() {
                        let (sector, more) = rest.split_at(rest.len().min(SECTOR_BYTES - offset % SECTOR_BYTES));
                        let fate = fate();
                        if fate != Sector::Lost {
                            write(&mut segment.durable, offset, sector);
                        }
                        if fate == Sector::Flipped {
                            segment.durable[offset] ^= 1;
                        }
                        offset += sector.len();
                        rest = more;
                    }
                }
                Change::Cut { offset } if fate() == Sector::Kept => segment.durable.truncate(offset),
                Change::Cut { .. } => {}
            }
        }
        self.wake();
    }

    /// All segments, each with the bytes that reads see of it.
    pub fn segment_bytes(&self) -> impl Iterator<Item = (SegmentId, usize)> {
        self.segments.iter().map(|(id, segment)| (*id, segment.cached.len()))
    }

    /// Flips one bit of one byte, in the cache and on the disk; returns whether there is such a byte.
    pub fn flip(&mut self, segment: SegmentId, offset: usize) -> bool {
        let Some(segment) = self.segments.get_mut(&segment) else { return false };
        let bytes = [segment.cached.get_mut(offset), segment.durable.get_mut(offset)];
        bytes.into_iter().flatten().map(|byte| *byte ^= 1).count() > 0
    }

    /// The next sync fails as Linux fails it: the unsynced bytes stay readable, are taken for clean, and never get
    /// written.
    pub fn fail_next_sync(&mut self) {
        self.sync_fails = true;
    }

    /// The next `orders` are carried out, every later one fails and changes nothing: the process is killed between two
    /// of them, or the cable is out. A power cut ends it, as does [`Self::comes_back`].
    pub fn gone_after(&mut self, orders: usize) {
        self.orders = Some(orders);
    }

    /// Lifts [`Self::gone_after`].
    pub fn comes_back(&mut self) {
        self.orders = None;
    }

    /// A spare segment of zeros, as the real disk's thread makes them; nothing if there are enough, or no room.
    pub fn prewrite(&mut self, bytes: usize) {
        if self.spares.len() < SPARES_MAX && self.room.is_none_or(|room| room >= bytes) {
            self.room = self.room.map(|room| room - bytes);
            self.spares.push_back(Segment { cached: vec![0; bytes], durable: vec![0; bytes] });
        }
    }

    /// Segments kept to be used again.
    pub fn spares(&self) -> usize {
        self.spares.len()
    }

    /// Segments may grow by `bytes` more. A write over that first takes what the spare segments hold, then is done in
    /// part and says that the disk is full.
    pub fn full_after(&mut self, bytes: usize) {
        self.room = Some(bytes);
    }

    /// Lifts [`Self::full_after`].
    pub fn make_room(&mut self) {
        self.room = None;
    }

    /// What reads see of a segment; empty if there is none.
    pub fn cached(&self, segment: SegmentId) -> &[u8] {
        self.segments.get(&segment).map_or(&[], |segment| &segment.cached)
    }

    /// Bytes written and not synced.
    pub fn unsynced_bytes(&self) -> usize {
        let written = |(_, change): &(SegmentId, Change)| match change {
            Change::Write { bytes, .. } => bytes.len(),
            Change::Cut { .. } => 0,
        };
        self.unsynced.iter().map(written).sum()
    }

    /// Syncs that succeeded.
    pub fn syncs(&self) -> u64 {
        self.syncs
    }

    /// After a power cut the cache is read from the disk again, and what was about to fail no longer is.
    fn wake(&mut self) {
        self.unsynced.clear();
        self.sync_fails = false;
        self.orders = None;
        for segment in self.segments.values_mut() {
            let freed = segment.cached.len().saturating_sub(segment.durable.len());
            self.room = self.room.map(|room| room + freed);
            segment.cached.clone_from(&segment.durable);
        }
    }

    fn segment(&mut self, segment: SegmentId) -> Result<&mut Segment, DiskError> {
        let missing = || DiskError::Failed { what: format!("segment {segment} does not exist") };
        self.segments.get_mut(&segment).ok_or_else(missing)
    }

    fn free(&mut self, bytes: usize) {
        self.room = self.room.map(|room| room + bytes);
    }

    /// One more order; an error if the disk is gone.
    fn order(&mut self) -> Result<(), DiskError> {
        match &mut self.orders {
            Some(0) => return Err(DiskError::Failed { what: "disk is gone".into() }),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(())
    }

    /// Bytes by which segments may grow, for one that wants to grow by `bytes`: spares are given up first.
    fn room_for(&mut self, bytes: usize) -> usize {
        while self.room.is_some_and(|room| room < bytes)
            && let Some(spare) = self.spares.pop_front()
        {
            self.free(spare.cached.len());
        }
        self.room.unwrap_or(usize::MAX)
    }
}

impl Disk for MemoryDisk {
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError> {
        self.order()?;
        Ok(self.segments.keys().copied().collect())
    }

    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.order()?;
        if self.segments.contains_key(&segment) {
            return Err(DiskError::Failed { what: format!("segment {segment} exists already") });
        }
        if self.spares.is_empty() && self.room == Some(0) {
            return Err(DiskError::Full);
        }
        self.segments.insert(segment, self.spares.pop_front().unwrap_or_default());
        Ok(())
    }

    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError> {
        self.order()?;
        Ok(self.segment(segment)?.cached.len() as u64)
    }

    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.order()?;
        let cached = &self.segment(segment)?.cached;
        let there = cached.get(offset as usize..).unwrap_or_default();
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        Ok(count)
    }

    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.order()?;
        let offset = offset as usize;
        let before = self.segment(segment)?.cached.len();
        let room = self.room_for((offset + bytes.len()).saturating_sub(before));
        let fits = bytes.len().min(before.saturating_add(room).saturating_sub(offset));
        let cached = &mut self.segment(segment)?.cached;
        write(cached, offset, &bytes[..fits]);
        let grown = cached.len() - before;
        self.room = self.room.map(|room| room - grown);
        self.unsynced.push((segment, Change::Write { offset, bytes: bytes[..fits].to_vec() }));
        if fits < bytes.len() { Err(DiskError::Full) } else { Ok(()) }
    }

    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.order()?;
        let (dirty, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unsynced).into_iter().partition(|(of, _)| *of == segment);
        self.unsynced = others;
        if std::mem::take(&mut self.sync_fails) {
            return Err(DiskError::Failed { what: format!("sync of segment {segment} failed") });
        }
        let durable = &mut self.segment(segment)?.durable;
        for (_, change) in dirty {
            match change {
                Change::Write { offset, bytes } => write(durable, offset, &bytes),
                Change::Cut { offset } => durable.truncate(offset),
            }
        }
        self.syncs += 1;
        Ok(())
    }

    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        self.order()?;
        let offset = offset as usize;
        let cached = &mut self.segment(segment)?.cached;
        let freed = cached.len().saturating_sub(offset);
        cached.truncate(offset);
        self.free(freed);
        self.unsynced.push((segment, Change::Cut { offset }));
        Ok(())
    }

    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.order()?;
        let freed = self.segment(segment)?.cached.len();
        self.free(freed);
        self.segments.remove(&segment);
        self.unsynced.retain(|(of, _)| *of != segment);
        Ok(())
    }

    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        if self.spares.len() >= SPARES_MAX {
            return self.remove(segment);
        }
        self.order()?;
        self.segment(segment)?;
        self.spares.extend(self.segments.remove(&segment));
        self.unsynced.retain(|(of, _)| *of != segment);
        Ok(())
    }
}

/// Writes as a file system does: a gap before `offset` reads as zeros.
fn write(to: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let end = offset + bytes.len();
    if to.len() < end {
        to.resize(end, 0);
    }
    to[offset..end].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: SegmentId = SegmentId::FIRST;

    /// A disk with "synced" on it, and ", not" written after that.
    fn disk() -> MemoryDisk {
        let mut disk = MemoryDisk::new();
        disk.create(ONE).unwrap();
        disk.write_at(ONE, 0, b"synced").unwrap();
        disk.sync(ONE).unwrap();
        disk.write_at(ONE, 6, b", not").unwrap();
        disk
    }

    #[test]
    fn a_crash_keeps_what_was_synced_and_as_much_of_the_rest_as_it_says() {
        for (torn, left) in [(0, "synced"), (3, "synced, n"), (5, "synced, not"), (9, "synced, not")] {
            let mut disk = disk();
            assert_eq!(disk.cached(ONE), b"synced, not");
            disk.crash(torn);
            assert_eq!(disk.cached(ONE), left.as_bytes());
        }
    }

    #[test]
    fn a_lost_sector_before_a_kept_one_reads_as_zeros() {
        let mut disk = MemoryDisk::new();
        disk.create(ONE).unwrap();
        disk.write_at(ONE, 0, &[7; SECTOR_BYTES + 1]).unwrap();
        let mut fates = [Sector::Lost, Sector::Kept].into_iter();
        disk.crash_scattered(|| fates.next().unwrap());
        assert_eq!(disk.cached(ONE), [[0; SECTOR_BYTES].as_slice(), &[7]].concat());
    }

    #[test]
    fn a_power_cut_may_flip_a_bit_of_what_it_interrupts_and_of_nothing_else() {
        let mut disk = disk();
        disk.crash_scattered(|| Sector::Flipped);
        assert_eq!(disk.cached(ONE), b"synced- not");
    }

    #[test]
    fn what_a_failed_sync_forgot_no_later_sync_writes() {
        let mut disk = disk();
        disk.fail_next_sync();
        assert!(disk.sync(ONE).is_err());
        assert_eq!(disk.sync(ONE), Ok(()));
        assert_eq!(disk.cached(ONE), b"synced, not");
        disk.crash(usize::MAX);
        assert_eq!(disk.cached(ONE), b"synced");
    }

    #[test]
    fn a_full_disk_writes_what_fits_and_has_room_again_after_a_cut() {
        let mut disk = disk();
        disk.full_after(2);
        assert_eq!(disk.write_at(ONE, 9, b"another"), Err(DiskError::Full));
        assert_eq!(disk.cached(ONE), b"synced, nanot");
        assert_eq!(disk.create(ONE.next()), Err(DiskError::Full));
        disk.cut(ONE, 6).unwrap();
        assert_eq!(disk.write_at(ONE, 6, b" and so"), Ok(()));
    }
}
