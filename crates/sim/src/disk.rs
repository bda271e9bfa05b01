//! A processor's disk: the real log on a disk in memory, and beside it the store.
//!
//! Between the processor's driver and the log's own code. Invariant: what a crash keeps is what was synced, and of the
//! rest only what the seed says.

mod shared;

use watershed_log::{
    AppendError, LogConfig, LogWriter, MemoryDisk, Record, Recovered, Section, Sector, SegmentId, recover, verify,
};
use watershed_processor::{Checkpoint, Processor};

use self::shared::SharedDisk;
use crate::store::Store;

/// Small, so that a run goes through many segments.
const SEGMENT_BYTES: u64 = 4 * 1024;
/// How many places are tried for a bit that the log needs.
const FLIPS_MAX: usize = 20;

/// What one machine's disk holds: the log, and the store that checkpoints go to.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    segments: SharedDisk,
    /// While a process has the log open.
    writer: Option<LogWriter<SharedDisk>>,
    pub(crate) store: Store,
    /// Whether there is no room for more.
    pub(crate) full: bool,
    /// Whether the next sync fails.
    fails: bool,
    /// The bit that is wrong, and must keep the log from being opened.
    damaged: Option<(SegmentId, usize)>,
}

/// What a flipped bit does to a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The log must be refused.
    Refused,
    /// The log holds nothing there.
    Harmless,
    /// Something is read that was never written, or too much is taken for a torn end. A bug.
    Taken(String),
}

impl Disk {
    /// Opens the log: all of it is read into the machine.
    pub(crate) fn open(&mut self, machine: &mut Processor) -> Result<Recovered, String> {
        self.make_room();
        let base = self.store.read(machine)?;
        let config = LogConfig { segment_bytes: SEGMENT_BYTES };
        let mut read = self.store.reader();
        let replay = |record: &Record| record.sections.iter().try_for_each(|part| machine.replay(part, &mut read));
        let (writer, recovered) =
            recover(self.segments.clone(), config, base, replay).map_err(|error| error.to_string())?;
        machine.replayed(&mut read).map_err(|error| error.to_string())?;
        self.writer = Some(writer);
        Ok(recovered)
    }

    /// Writes a group; it is durable after [`Disk::sync`].
    pub(crate) fn append(&mut self, sections: &[Section]) -> Result<u64, AppendError> {
        match &mut self.writer {
            Some(writer) => writer.append(sections),
            None => Err(AppendError::Failed { why: "the log is not open".into() }),
        }
    }

    pub(crate) fn sync(&mut self) -> Result<(), String> {
        let Some(writer) = &mut self.writer else { return Err("the log is not open".into()) };
        writer.sync().map_err(|error| error.to_string())?;
        // As the real disk's thread does, only at once. It gives way to a full disk.
        self.segments.with(|disk| {
            if disk.spares() == 0 {
                disk.prewrite(SEGMENT_BYTES as usize);
            }
        });
        Ok(())
    }

    /// The last record that is durable, and bytes that were written to the log since the process started.
    pub(crate) fn durable(&self) -> (u64, u64) {
        self.writer.as_ref().map_or((0, 0), |writer| (writer.durable(), writer.bytes_written()))
    }

    /// The store holds everything up to this checkpoint: the log is cut.
    pub(crate) fn seal(&mut self, checkpoint: Checkpoint) -> Result<(), String> {
        let position = checkpoint.position;
        self.store.seal(checkpoint);
        if let Some(writer) = &mut self.writer {
            writer.cut_to(position);
            while writer.tidy().map_err(|error| error.to_string())? {}
        }
        Ok(())
    }

    /// Takes no more bytes than these.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.full = true;
        self.segments.with(|disk| disk.full_after(bytes));
    }

    /// Has room again.
    pub(crate) fn make_room(&mut self) {
        self.full = false;
        self.segments.with(MemoryDisk::make_room);
    }

    /// The next sync fails as Linux fails it.
    pub(crate) fn fail_next_sync(&mut self) {
        self.fails = true;
        self.segments.with(MemoryDisk::fail_next_sync);
    }

    /// Whether a sync was to fail; asked when one has.
    pub(crate) fn has_failed(&mut self) -> bool {
        std::mem::take(&mut self.fails)
    }

    /// The process is gone. With `power` gone too, what was not synced is lost, torn or damaged, as the seed says.
    pub(crate) fn crash(&mut self, power: bool, random: &mut fastrand::Rng) {
        self.writer = None;
        self.store.crash(random);
        if !power {
            return;
        }
        self.fails = false;
        let damages = random.bool();
        self.segments.with(|disk| match random.bool() {
            true => disk.crash_scattered(|| match random.u8(..8) {
                0 if damages => Sector::Flipped,
                lost if lost % 2 == 0 => Sector::Lost,
                _ => Sector::Kept,
            }),
            false => disk.crash(random.usize(0..=disk.unsynced_bytes())),
        });
    }

    /// Flips a bit that was synced, while no process has the log open. One copy cannot survive all of them: damage to the
    /// very last record looks like a write torn before its sync, so that is left alone.
    pub(crate) fn damage(&mut self, random: &mut fastrand::Rng) -> Damage {
        let before = self.read();
        for _ in 0..FLIPS_MAX {
            let Some(place) = self.some_byte(random) else { return Damage::Harmless };
            self.flip(place);
            let after = self.read();
            if !before.records.starts_with(&after.records) {
                return Damage::Taken(format!("with {place:?} flipped, other records are read than were written"));
            }
            let lost = before.records.len() - after.records.len();
            if after.refused {
                self.damaged = Some(place);
                return Damage::Refused;
            }
            if lost > 1 {
                return Damage::Taken(format!("with {place:?} flipped, {lost} records are taken for a torn end"));
            }
            if lost == 0 && random.u8(..4) == 0 {
                return Damage::Harmless;
            }
            self.flip(place);
        }
        Damage::Harmless
    }

    /// Whether a bit is wrong that the log needs.
    pub(crate) fn is_damaged(&self) -> bool {
        self.damaged.is_some()
    }

    /// Makes it right again. False if none is wrong.
    pub(crate) fn repair(&mut self) -> bool {
        let damaged = self.damaged.take();
        damaged.is_some_and(|place| self.flip(place))
    }

    fn flip(&mut self, (segment, offset): (SegmentId, usize)) -> bool {
        self.segments.with(|disk| disk.flip(segment, offset))
    }

    fn some_byte(&mut self, random: &mut fastrand::Rng) -> Option<(SegmentId, usize)> {
        let segments: Vec<_> =
            self.segments.with(|disk| disk.segment_bytes().filter(|(_, bytes)| *bytes > 0).collect());
        let (segment, bytes) = *segments.get(random.usize(..segments.len().max(1)))?;
        Some((segment, random.usize(..bytes)))
    }

    /// What a start would read.
    fn read(&self) -> Read {
        let mut records = Vec::new();
        let base = self.store.base();
        let verdict = verify(self.segments.clone(), base, |record| {
            records.push(record.clone());
            Ok::<(), String>(())
        });
        Read { records, refused: verdict.is_err() }
    }
}

struct Read {
    records: Vec<Record>,
    refused: bool,
}
