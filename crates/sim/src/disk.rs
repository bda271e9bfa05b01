//! A processor's disk: the real log on a disk in memory, and beside it the store.
//!
//! Between the processor's driver and the log's own code. Invariant: what a crash keeps is what was synced, and of the
//! rest only what the seed says.

use watershed_log::{AppendError, LogConfig, LogWriter, MemoryDisk, Section, recover};
use watershed_processor::{Checkpoint, Processor};

use crate::{outside::Sabotage, store::Store};

/// Small, so that a run goes through many segments.
const SEGMENT_BYTES: u64 = 4 * 1024;

/// What one machine's disk holds: the log, and the store that checkpoints go to.
#[derive(Debug)]
pub(crate) struct Disk {
    log: Log,
    pub(crate) store: Store,
    /// Whether there is no room for more.
    pub(crate) full: bool,
}

#[derive(Debug)]
enum Log {
    /// No process has it open.
    Closed(MemoryDisk),
    /// The log is open.
    Open(Box<LogWriter<MemoryDisk>>),
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self { log: Log::Closed(MemoryDisk::new()), store: Store::default(), full: false }
    }

    /// Opens the log: all of it is read into the machine. Whatever cannot be read is a bug: no fault damages what was
    /// synced.
    pub(crate) fn open(&mut self, machine: &mut Processor) -> Result<u64, String> {
        self.make_room();
        let Log::Closed(disk) = &mut self.log else { return Err("the log is open already".into()) };
        let disk = std::mem::take(disk);
        let base = self.store.read(machine)?;
        let config = LogConfig { segment_bytes: SEGMENT_BYTES };
        let replay = |record: watershed_log::Record| record.sections.iter().try_for_each(|part| machine.replay(part));
        let (writer, recovered) = recover(disk, config, base, replay).map_err(|error| error.to_string())?;
        self.log = Log::Open(Box::new(writer));
        Ok(recovered.replayed)
    }

    /// Writes a group; it is durable after [`Disk::sync`].
    pub(crate) fn append(&mut self, sections: &[Section]) -> Result<u64, AppendError> {
        match &mut self.log {
            Log::Open(writer) => writer.append(sections),
            Log::Closed(_) => Err(AppendError::Failed { why: "the log is not open".into() }),
        }
    }

    pub(crate) fn sync(&mut self, sabotage: Option<Sabotage>) -> Result<(), String> {
        match &mut self.log {
            _ if sabotage == Some(Sabotage::SkipSync) => Ok(()),
            Log::Open(writer) => {
                writer.sync().map_err(|error| error.to_string())?;
                // As the real disk's thread does, only at once. It gives way to a full disk.
                if writer.disk_mut().spares() == 0 {
                    writer.disk_mut().prewrite(SEGMENT_BYTES as usize);
                }
                Ok(())
            }
            Log::Closed(_) => Err("the log is not open".into()),
        }
    }

    /// The last record that is durable, and bytes that were written to the log since the process started.
    pub(crate) fn durable(&self) -> (u64, u64) {
        match &self.log {
            Log::Open(writer) => (writer.durable(), writer.bytes_written()),
            Log::Closed(_) => (0, 0),
        }
    }

    /// The store holds everything up to this checkpoint: the log is cut.
    pub(crate) fn seal(&mut self, checkpoint: Checkpoint) -> Result<(), String> {
        let position = checkpoint.position;
        self.store.seal(checkpoint);
        if let Log::Open(writer) = &mut self.log {
            writer.cut_to(position);
            while writer.tidy().map_err(|error| error.to_string())? {}
        }
        Ok(())
    }

    /// Takes no more bytes than these.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.full = true;
        self.with(|disk| disk.full_after(bytes));
    }

    /// Has room again.
    pub(crate) fn make_room(&mut self) {
        self.full = false;
        self.with(MemoryDisk::make_room);
    }

    /// The process is gone. With `power` gone too, what was not synced is lost, or torn, as the seed says.
    pub(crate) fn crash(&mut self, power: bool, random: &mut fastrand::Rng) {
        let mut disk = match std::mem::replace(&mut self.log, Log::Closed(MemoryDisk::new())) {
            Log::Open(writer) => writer.into_disk(),
            Log::Closed(disk) => disk,
        };
        self.store.crash(random);
        if power {
            if random.bool() {
                disk.crash_scattered(|| random.bool());
            } else {
                let torn = random.usize(0..=disk.unsynced_bytes());
                disk.crash(torn);
            }
        }
        self.log = Log::Closed(disk);
    }

    fn with(&mut self, change: impl FnOnce(&mut MemoryDisk)) {
        match &mut self.log {
            Log::Closed(disk) => change(disk),
            Log::Open(writer) => change(writer.disk_mut()),
        }
    }
}
