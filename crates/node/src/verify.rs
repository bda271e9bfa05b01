//! Checks what a stopped processor has left in its data directory, and says so in words.
//!
//! Over the store's and the log's own reading and the machine's own replay: what is called fine here, a start takes. The
//! store is opened as a start opens it. Invariant: nothing in the log is changed, and nothing is read that a running node
//! has open.

use std::{io::ErrorKind, path::Path};

use watershed_log::{Cut, Record, Recovered, SlotEnds};
use watershed_processor::{Config, Processor, ReplayError};
use watershed_protocol::NodeName;
use watershed_store::{FileDisk, FileDiskError, OpenError};

use crate::processor::recovery::{LOG, read_store, reader};

/// Why a directory is not called fine.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failed {
    /// There is nothing that could be checked now.
    #[error("{0}")]
    Usage(String),
    /// What is there cannot be read back.
    #[error("{0}")]
    Damaged(String),
}

/// Reads what is in `directory` back, and says what is there.
pub(crate) fn run(directory: &Path) -> Result<String, Failed> {
    let log = directory.join(LOG);
    // The name makes no difference: a machine that is not started owns nothing.
    let name: NodeName = "verify".parse().map_err(|invalid| Failed::Usage(format!("{invalid}")))?;
    let mut machine = Processor::new(Config::new(name));
    // Before the store is opened, which makes what is not there: is this a processor's directory, and has it no node? Kept
    // open, so that none can start meanwhile.
    let held = FileDisk::open_to_read(&log);
    let _held = held.map_err(|error| refuse(directory, OpenError::<ReplayError>::Disk(error)))?;
    let (keyspaces, base, rows) =
        read_store(directory, &mut machine).map_err(|error| Failed::Damaged(error.to_string()))?;
    let checkpoint = base.position;
    let mut read = reader(&keyspaces);
    let replay = |record: &Record| record.sections.iter().try_for_each(|section| machine.replay(section, &mut read));
    let found = watershed_store::verify(&log, base, replay).map_err(|error| refuse(directory, error))?;
    machine.replayed(&mut read).map_err(|error| Failed::Damaged(error.to_string()))?;
    let held = machine.counters();
    Ok(format!(
        "{}: {rows} rows of a checkpoint at record {checkpoint}\n{}: {}\n\
         {} comments with {} registers of {} viewers, in {} streams",
        directory.display(),
        log.display(),
        words(&found),
        held.comments,
        held.registers,
        held.viewers,
        held.streams
    ))
}

fn refuse<E: std::error::Error>(directory: &Path, error: OpenError<E>) -> Failed {
    match error {
        OpenError::Disk(FileDiskError::Locked { .. }) => {
            Failed::Usage(format!("{error}: stop the node before its data is checked"))
        }
        OpenError::Disk(FileDiskError::Io { error, .. })
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            let directory = directory.display();
            Failed::Usage(format!("{directory} is no processor's data directory: it has no directory {LOG:?}"))
        }
        damaged => Failed::Damaged(damaged.to_string()),
    }
}

fn words(found: &Recovered) -> String {
    let Recovered { first, last, bytes, segments, ends, cut, .. } = found;
    let records = match last {
        0 => "no records".to_owned(),
        _ => format!("{segments} segments with records {first} to {last}, {bytes} bytes, {}", slots(ends)),
    };
    match cut {
        None => records,
        Some(Cut { segment, offset, bytes }) => format!(
            "{records}; a start would cut {bytes} bytes of record {} at byte {offset} of segment {segment}, \
             a write that was torn before it was durable",
            last + 1
        ),
    }
}

fn slots(ends: &SlotEnds) -> String {
    let slots: Vec<u16> = ends.iter().map(|(slot, _)| slot.get()).collect();
    match slots.as_slice() {
        [] => "no slots".into(),
        [only] => format!("slot {only}"),
        [first, .., last] => format!("{} slots from {first} to {last}", slots.len()),
    }
}

#[cfg(test)]
mod tests;
