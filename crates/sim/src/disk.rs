//! A processor's disk: the real log on a disk in memory, with the time that syncs take.
//!
//! Between the processor's driver and the log's own code. Invariant: what a crash keeps is what was synced, and of the
//! rest only what the seed says.

use watershed_log::{AppendError, Base, LogConfig, LogWriter, MemoryDisk, Section, recover};
use watershed_processor::Processor;

use crate::outside::Sabotage;

/// Small, so that a run goes through many segments.
const SEGMENT_BYTES: u64 = 16 * 1024;

/// What one machine's disk holds, and the process's log on it while one runs.
#[derive(Debug)]
pub(crate) enum Disk {
    /// No process has it open.
    Closed(MemoryDisk),
    /// The log is open.
    Open(Box<LogWriter<MemoryDisk>>),
}

impl Disk {
    pub(crate) fn new() -> Self {
        Self::Closed(MemoryDisk::new())
    }

    /// Opens the log: all of it is read into the machine. Whatever cannot be read is a bug: no fault damages what was
    /// synced.
    pub(crate) fn open(&mut self, machine: &mut Processor) -> Result<u64, String> {
        let Self::Closed(disk) = self else { return Err("the log is open already".into()) };
        disk.make_room();
        let disk = std::mem::take(disk);
        let config = LogConfig { segment_bytes: SEGMENT_BYTES };
        let replay = |record: watershed_log::Record| record.sections.iter().try_for_each(|part| machine.replay(part));
        let (writer, recovered) = recover(disk, config, Base::default(), replay).map_err(|error| error.to_string())?;
        *self = Self::Open(Box::new(writer));
        Ok(recovered.last)
    }

    /// Writes a group; it is durable after [`Disk::sync`].
    pub(crate) fn append(&mut self, sections: &[Section]) -> Result<u64, AppendError> {
        match self {
            Self::Open(writer) => writer.append(sections),
            Self::Closed(_) => Err(AppendError::Failed { why: "the log is not open".into() }),
        }
    }

    pub(crate) fn sync(&mut self, sabotage: Option<Sabotage>) -> Result<(), String> {
        match self {
            _ if sabotage == Some(Sabotage::SkipSync) => Ok(()),
            Self::Open(writer) => {
                writer.sync().map_err(|error| error.to_string())?;
                // As the real disk's thread does, only at once. It gives way to a full disk.
                if writer.disk_mut().spares() == 0 {
                    writer.disk_mut().prewrite(SEGMENT_BYTES as usize);
                }
                Ok(())
            }
            Self::Closed(_) => Err("the log is not open".into()),
        }
    }

    /// Takes no more bytes than these.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.with(|disk| disk.full_after(bytes));
    }

    /// Has room again.
    pub(crate) fn make_room(&mut self) {
        self.with(MemoryDisk::make_room);
    }

    /// The process is gone. With `power` gone too, what was not synced is lost, or torn, as the seed says.
    pub(crate) fn crash(&mut self, power: bool, random: &mut fastrand::Rng) {
        let mut disk = match std::mem::replace(self, Self::new()) {
            Self::Open(writer) => writer.into_disk(),
            Self::Closed(disk) => disk,
        };
        if power {
            if random.bool() {
                disk.crash_scattered(|| random.bool());
            } else {
                let torn = random.usize(0..=disk.unsynced_bytes());
                disk.crash(torn);
            }
        }
        *self = Self::Closed(disk);
    }

    fn with(&mut self, change: impl FnOnce(&mut MemoryDisk)) {
        match self {
            Self::Closed(disk) => change(disk),
            Self::Open(writer) => change(writer.disk_mut()),
        }
    }
}
