//! Opens the log in a directory: lock, replay, ready to commit. Or only reads it.
//!
//! What a processor calls before it takes part in anything, and `watershed verify` of a stopped one. Invariant: a log that does not read in full, up to a torn
//! tail, is not opened; the error says where to look.

use std::path::{Path, PathBuf};

use watershed_log::{Base, LogConfig, LogWriter, Record, RecoverError, Recovered, recover, verify as read};

use crate::{FileDisk, FileDiskError};

/// Why a log was not opened. `E` is what the machine says of a record that it cannot take.
#[derive(Debug, thiserror::Error)]
pub enum OpenError<E> {
    /// The directory cannot be used as a disk, or is in use.
    #[error(transparent)]
    Disk(#[from] FileDiskError),
    /// What is in it cannot be read back, or not be made durable.
    #[error("log {}: {why}", path.display())]
    Recover {
        /// The directory.
        path: PathBuf,
        /// Which segment, record and slot, and why.
        why: RecoverError<E>,
    },
}

/// Replays the log in `directory`, which is made if it does not exist, after `base`, and opens it for a
/// [`CommitThread`](crate::CommitThread).
pub fn open<E>(
    directory: &Path,
    config: LogConfig,
    base: Base,
    replay: impl FnMut(&Record) -> Result<(), E>,
) -> Result<(LogWriter<FileDisk>, Recovered), OpenError<E>> {
    let disk = FileDisk::open(directory, config.segment_bytes)?;
    recover(disk, config, base, replay).map_err(|why| OpenError::Recover { path: directory.to_owned(), why })
}

/// Reads the log in `directory` as [`open`] does and changes nothing: what it says, a start would find.
pub fn verify<E>(
    directory: &Path,
    base: Base,
    replay: impl FnMut(&Record) -> Result<(), E>,
) -> Result<Recovered, OpenError<E>> {
    let disk = FileDisk::open_to_read(directory)?;
    read(disk, base, replay).map_err(|why| OpenError::Recover { path: directory.to_owned(), why })
}

#[cfg(test)]
mod tests;
