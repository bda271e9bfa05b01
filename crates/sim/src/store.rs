//! The store that checkpoints go to, in memory: what fjall is in production, without its engine.
//!
//! Beside the log of one machine. Parts that were put in are taken over in the order of keyspaces, all parts together, as the
//! real one ingests them: a crash keeps some of the keyspaces and loses the others. Invariant: a checkpoint is there only
//! with all rows that were put in before it.

use std::collections::BTreeMap;

use watershed_log::Base;
use watershed_processor::{Checkpoint, Keyspace, Processor, SavedRow};

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Store {
    rows: BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>,
    checkpoint: Option<Checkpoint>,
    /// Put in, and not durable yet.
    waiting: BTreeMap<(Keyspace, Vec<u8>), Option<Vec<u8>>>,
}

impl Store {
    /// Reads all of it into the machine; where the log is to be replayed from.
    pub(crate) fn read(&self, machine: &mut Processor) -> Result<Base, String> {
        for ((keyspace, key), value) in &self.rows {
            let row = SavedRow { keyspace: *keyspace, key: key.clone(), value: Some(value.clone()) };
            machine.restore(&row, &mut self.reader()).map_err(|error| error.to_string())?;
        }
        if !self.rows.is_empty() {
            machine.restored(&self.checkpoint.clone().unwrap_or_default());
        }
        Ok(self.base())
    }

    /// Where the log is to be replayed from.
    pub(crate) fn base(&self) -> Base {
        self.checkpoint.clone().unwrap_or_default().into()
    }

    /// The row under a key, if it is durable.
    pub(crate) fn get(&self, keyspace: Keyspace, key: &[u8]) -> Option<&Vec<u8>> {
        self.rows.get(&(keyspace, key.to_vec()))
    }

    /// Reads single rows while a machine recovers.
    pub(crate) fn reader(&self) -> impl FnMut(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, String> {
        |keyspace, key| Ok(self.get(keyspace, key).cloned())
    }

    /// Takes a part.
    pub(crate) fn put(&mut self, rows: Vec<SavedRow>) {
        self.waiting.extend(rows.into_iter().map(|row| ((row.keyspace, row.key), row.value)));
    }

    /// Makes all parts durable, and then this checkpoint.
    pub(crate) fn seal(&mut self, checkpoint: Checkpoint) {
        self.ingest(Keyspace::ALL.len());
        self.checkpoint = Some(checkpoint);
    }

    /// The process is gone: of what waited, the first keyspaces are durable, and the others lost.
    pub(crate) fn crash(&mut self, random: &mut fastrand::Rng) {
        self.ingest(random.usize(0..=Keyspace::ALL.len()));
        self.waiting.clear();
    }

    fn ingest(&mut self, keyspaces: usize) {
        let durable = &Keyspace::ALL[..keyspaces];
        for ((keyspace, key), value) in std::mem::take(&mut self.waiting) {
            match value {
                _ if !durable.contains(&keyspace) => drop(self.waiting.insert((keyspace, key), value)),
                Some(value) => drop(self.rows.insert((keyspace, key), value)),
                None => drop(self.rows.remove(&(keyspace, key))),
            }
        }
    }
}
