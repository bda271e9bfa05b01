//! What a processor reads at its start: the store up to its checkpoint, then the log from there.
//!
//! Before anything is bound to the cluster, and for `watershed verify`. Invariant: the log is replayed from the checkpoint
//! that was in force, on top of every row that the store has.

use std::{path::Path, sync::Arc};

use watershed_log::{Base, LogConfig, LogWriter, Record, Recovered};
use watershed_processor::{Checkpoint, Keyspace, Processor, ReplayError, RestoreError, SavedRow};
use watershed_protocol::Invalid;
use watershed_store::{FileDisk, KeyspaceError, Keyspaces, OpenError, Rows};

/// Where a node's log is in its data directory. The store lies beside it.
pub(crate) const LOG: &str = "log";

/// Why a processor does not start from what it has.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecoveryError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] KeyspaceError),
    /// A row of the store cannot be taken.
    #[error(transparent)]
    Row(#[from] RestoreError),
    /// The checkpoint cannot be read.
    #[error(transparent)]
    Checkpoint(#[from] Invalid),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] OpenError<ReplayError>),
    /// A like of the log cannot be taken.
    #[error(transparent)]
    Like(#[from] ReplayError),
}

/// What a processor has read.
pub(crate) struct Found {
    pub(crate) writer: LogWriter<FileDisk>,
    pub(crate) recovered: Recovered,
    pub(crate) keyspaces: Arc<Keyspaces>,
    /// Rows of the store, and the record of its checkpoint.
    pub(crate) rows: u64,
    pub(crate) checkpoint: u64,
}

/// Reads all that lies in a data directory into the machine, and opens it for what comes.
pub(crate) fn recover(directory: &Path, config: LogConfig, machine: &mut Processor) -> Result<Found, RecoveryError> {
    let (keyspaces, base, rows) = read_store(directory, machine)?;
    let checkpoint = base.position;
    let mut read = reader(&keyspaces);
    let replay = |record: &Record| record.sections.iter().try_for_each(|section| machine.replay(section, &mut read));
    let (writer, recovered) = watershed_store::open(&directory.join(LOG), config, base, replay)?;
    machine.replayed(&mut read)?;
    drop(read);
    Ok(Found { writer, recovered, keyspaces: Arc::new(keyspaces), rows, checkpoint })
}

/// Reads the store into the machine: where the log goes on, and how many rows there were.
pub(crate) fn read_store(directory: &Path, machine: &mut Processor) -> Result<(Keyspaces, Base, u64), RecoveryError> {
    let keyspaces = Keyspaces::open(directory, &Keyspace::ALL.map(Keyspace::name))?;
    let checkpoint = keyspaces.checkpoint()?.map(|bytes| Checkpoint::decode(&bytes)).transpose()?.unwrap_or_default();
    let rows = keyspaces.read(|index, key, value| {
        let row = SavedRow { keyspace: Keyspace::ALL[index], key: key.to_vec(), value: Some(value.to_vec()) };
        Ok::<(), RecoveryError>(machine.restore(&row, &mut reader(&keyspaces))?)
    })?;
    if rows > 0 {
        machine.restored(&checkpoint);
    }
    Ok((keyspaces, checkpoint.into(), rows))
}

/// Reads single rows: of pages that the machine has no room to keep.
pub(crate) fn reader(keyspaces: &Keyspaces) -> impl FnMut(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, String> {
    |keyspace, key| keyspaces.get(index(keyspace), key).map_err(|error| error.to_string())
}

/// Which of the store's keyspaces it is.
pub(super) fn index(keyspace: Keyspace) -> usize {
    Keyspace::ALL.iter().position(|known| *known == keyspace).unwrap_or_default()
}

/// Rows of a checkpoint as the store takes them.
pub(super) fn rows_of(rows: Vec<SavedRow>) -> Rows {
    rows.into_iter().map(|row| ((index(row.keyspace), row.key), row.value)).collect()
}
