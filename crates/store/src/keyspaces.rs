//! The keyspaces that checkpoints are put into: one fjall database, filled by sorted ingestion, never by single writes.
//!
//! Beside the log, never under it. Between the thread that saves and the engine. An ingestion is durable when it returns:
//! its table is synced before it is named. The checkpoint that says up to which record of the log the rows go is a small
//! file of its own, replaced atomically when all rows are in. Invariant: with a checkpoint in force, every row that was
//! put in before it is durable.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use fjall::{Database, Keyspace, KeyspaceCreateOptions};

/// The checkpoint's file, and the name under which it is written first.
const CHECKPOINT: &str = "checkpoint";
const CHECKPOINT_NEW: &str = "checkpoint.new";
/// The database's directory.
const DATABASE: &str = "store";
/// Least bytes of a checkpoint's file: the checksum.
const CHECKSUM_BYTES: usize = 4;
/// Threads that merge tables. One: it has as long as the next checkpoint takes.
const WORKERS: usize = 1;
/// What fjall may cache of tables: they are read at a start, from front to back, and then page by page at random, where the
/// index of a table is what a cache helps with.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

/// Why rows were not read or not taken.
#[derive(Debug, thiserror::Error)]
pub enum KeyspaceError {
    /// The engine says so.
    #[error("store {}: {error}", path.display())]
    Engine {
        /// The data directory.
        path: PathBuf,
        /// What it says.
        error: fjall::Error,
    },
    /// The checkpoint's file, or the directory, cannot be used.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The checkpoint's file is not what was written.
    #[error("{} is damaged: its checksum is wrong", path.display())]
    Checkpoint {
        /// The file.
        path: PathBuf,
    },
}

impl KeyspaceError {
    /// Whether there was only no room for it.
    pub fn is_full(&self) -> bool {
        let io = match self {
            Self::Io { error, .. } => Some(error),
            Self::Engine { error: fjall::Error::Io(error), .. } => Some(error),
            Self::Engine { error: fjall::Error::Storage(fjall::LsmError::Io(error)), .. } => Some(error),
            _ => None,
        };
        io.is_some_and(|error| matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Rows by keyspace (an index into the names that the store was opened with) and key; `None` removes a key.
pub type Rows = BTreeMap<(usize, Vec<u8>), Option<Vec<u8>>>;

/// An open store; threads may share it.
pub struct Keyspaces {
    path: PathBuf,
    database: Database,
    keyspaces: Vec<Keyspace>,
}

impl Keyspaces {
    /// Opens the store in a node's data directory, which is made if it does not exist.
    pub fn open(path: &Path, names: &[&str]) -> Result<Self, KeyspaceError> {
        let engine = |error| KeyspaceError::Engine { path: path.to_owned(), error };
        fs::create_dir_all(path).map_err(|error| KeyspaceError::Io { path: path.to_owned(), error })?;
        let database = Database::builder(path.join(DATABASE)).worker_threads(WORKERS).cache_size(CACHE_BYTES).open();
        let database = database.map_err(engine)?;
        let keyspaces = names.iter().map(|name| database.keyspace(name, KeyspaceCreateOptions::default));
        let keyspaces = keyspaces.collect::<Result<_, _>>().map_err(engine)?;
        Ok(Self { path: path.to_owned(), database, keyspaces })
    }

    /// The checkpoint that is in force: what [`Keyspaces::seal`] was given last.
    pub fn checkpoint(&self) -> Result<Option<Vec<u8>>, KeyspaceError> {
        let path = self.path.join(CHECKPOINT);
        let mut bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyspaceError::Io { path, error }),
        };
        let Some(end) = bytes.len().checked_sub(CHECKSUM_BYTES) else { return Err(KeyspaceError::Checkpoint { path }) };
        let checksum = bytes.split_off(end);
        if checksum != crc32c::crc32c(&bytes).to_le_bytes() {
            return Err(KeyspaceError::Checkpoint { path });
        }
        Ok(Some(bytes))
    }

    /// Hands all rows to `row`, keyspace by keyspace, keys ascending, until it fails. How many there were.
    pub fn read<E: From<KeyspaceError>>(
        &self,
        mut row: impl FnMut(usize, &[u8], &[u8]) -> Result<(), E>,
    ) -> Result<u64, E> {
        let mut rows = 0;
        for (index, keyspace) in self.keyspaces.iter().enumerate() {
            for found in keyspace.iter() {
                let (key, value) = found.into_inner().map_err(|error| self.engine(error))?;
                row(index, &key, &value)?;
                rows += 1;
            }
        }
        Ok(rows)
    }

    /// The row under a key of a keyspace, by its index.
    pub fn get(&self, index: usize, key: &[u8]) -> Result<Option<Vec<u8>>, KeyspaceError> {
        let Some(keyspace) = self.keyspaces.get(index) else { return Ok(None) };
        let found = keyspace.get(key).map_err(|error| self.engine(error))?;
        Ok(found.map(|value| value.to_vec()))
    }

    /// Takes rows, keyspace by keyspace; durable when it returns.
    pub fn ingest(&self, rows: &Rows) -> Result<(), KeyspaceError> {
        for (index, keyspace) in self.keyspaces.iter().enumerate() {
            let of = rows.range((index, Vec::new())..(index + 1, Vec::new()));
            self.ingest_into(keyspace, of.map(|((_, key), value)| (key, value))).map_err(|error| self.engine(error))?;
        }
        Ok(())
    }

    fn ingest_into<'a>(
        &self,
        keyspace: &Keyspace,
        rows: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    ) -> fjall::Result<()> {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return Ok(());
        }
        let mut ingestion = keyspace.start_ingestion()?;
        for (key, value) in rows {
            match value {
                Some(value) => ingestion.write(key.as_slice(), value.as_slice())?,
                None => ingestion.write_tombstone(key.as_slice())?,
            }
        }
        ingestion.finish()
    }

    /// Puts a checkpoint in force, durably, in the place of the one before.
    pub fn seal(&self, checkpoint: &[u8]) -> Result<(), KeyspaceError> {
        let path = self.path.join(CHECKPOINT_NEW);
        let write = || {
            let mut file = File::create(&path)?;
            file.write_all(checkpoint)?;
            file.write_all(&crc32c::crc32c(checkpoint).to_le_bytes())?;
            file.sync_all()?;
            fs::rename(&path, self.path.join(CHECKPOINT))?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| KeyspaceError::Io { path: path.clone(), error })
    }

    /// Bytes on the disk.
    pub fn bytes(&self) -> u64 {
        self.database.disk_space().unwrap_or_default()
    }

    fn engine(&self, error: fjall::Error) -> KeyspaceError {
        KeyspaceError::Engine { path: self.path.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(path: &Path) -> Keyspaces {
        Keyspaces::open(path, &["one", "two"]).unwrap()
    }

    fn rows(list: &[(usize, &str, Option<&str>)]) -> Rows {
        let bytes = |text: &str| text.as_bytes().to_vec();
        list.iter().map(|(index, key, value)| ((*index, bytes(key)), value.map(bytes))).collect()
    }

    fn all(store: &Keyspaces) -> Vec<(usize, String, String)> {
        let mut found = Vec::new();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let read = store.read(|index, key, value| {
            found.push((index, text(key), text(value)));
            Ok::<(), KeyspaceError>(())
        });
        assert_eq!(read.unwrap(), found.len() as u64);
        found
    }

    #[test]
    fn the_later_of_two_rows_with_one_key_stays_and_what_is_removed_is_gone() {
        let directory = tempfile::tempdir().unwrap();
        let store_of = |index: usize, key: &str, value: &str| (index, key.to_owned(), value.to_owned());
        {
            let store = store(directory.path());
            store.ingest(&rows(&[(1, "b", Some("1")), (0, "z", Some("2")), (1, "a", Some("3"))])).unwrap();
            store.ingest(&rows(&[(1, "b", Some("4")), (0, "z", None), (0, "y", Some("5"))])).unwrap();
        }
        let store = store(directory.path());
        assert_eq!(all(&store), [store_of(0, "y", "5"), store_of(1, "a", "3"), store_of(1, "b", "4")]);
    }

    #[test]
    fn a_checkpoint_replaces_the_one_before_and_is_checked() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        assert_eq!(store.checkpoint().unwrap(), None);
        store.seal(b"first").unwrap();
        store.seal(b"second").unwrap();
        assert_eq!(store.checkpoint().unwrap().as_deref(), Some(&b"second"[..]));
        fs::write(directory.path().join(CHECKPOINT), b"secund").unwrap();
        assert!(store.checkpoint().unwrap_err().to_string().ends_with("is damaged: its checksum is wrong"));
        fs::write(directory.path().join(CHECKPOINT), b"").unwrap();
        assert!(store.checkpoint().is_err());
    }

    #[test]
    fn nothing_is_ingested_where_there_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let store = store(directory.path());
        store.ingest(&Rows::new()).unwrap();
        assert!(all(&store).is_empty());
    }
}
