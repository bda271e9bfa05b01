//! The store of the stage: what checkpoints put in, and what a restart reads.
//!
//! Positions of checkpoints count the sections of the stage's log.

use std::collections::BTreeMap;

use super::*;
use crate::{Checkpoint, Keyspace, SavedRow};

/// What the store was last given, and has not taken yet.
#[derive(Clone, Debug)]
pub(in crate::machine) enum Given {
    Rows(Vec<SavedRow>),
    Checkpoint(Checkpoint),
}

/// Keyspaces in memory, and the checkpoint that is in force.
#[derive(Clone, Debug, Default)]
pub(in crate::machine) struct Store {
    pub(in crate::machine) rows: BTreeMap<(Keyspace, Vec<u8>), Vec<u8>>,
    pub(in crate::machine) checkpoint: Checkpoint,
    pub(in crate::machine) given: Option<Given>,
}

impl Store {
    /// A processor that has read the store, and then what the log has beyond it.
    pub(in crate::machine) fn read(&self, config: Config, log: &[Section]) -> Processor {
        let mut machine = Processor::new(config);
        for ((keyspace, key), value) in &self.rows {
            let row = SavedRow { keyspace: *keyspace, key: key.clone(), value: Some(value.clone()) };
            machine.restore(&row, &mut self.reader()).expect("what was saved can be restored");
        }
        if !self.rows.is_empty() {
            machine.restored(&self.checkpoint);
        }
        for section in &log[self.checkpoint.position as usize..] {
            machine.replay(section, &mut self.reader()).expect("the log can be read on top of the store");
        }
        machine.replayed(&mut self.reader()).expect("its likes can be taken on top of the store");
        machine
    }

    fn reader(&self) -> impl FnMut(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, String> {
        |keyspace, key| Ok(self.rows.get(&(keyspace, key.to_vec())).cloned())
    }
}

impl Rig {
    /// Asks for a checkpoint of all that is durable.
    pub(in crate::machine) fn save(&mut self) -> Vec<Output> {
        self.step(Input::Save { position: self.log.len() as u64 })
    }

    /// The store takes this share of what it was given, and says whether that was all.
    pub(in crate::machine) fn store_takes(&mut self, share: f64) -> Vec<Output> {
        let Some(given) = self.store.given.take() else { return Vec::new() };
        let all = share >= 1.0;
        match given {
            Given::Rows(rows) => {
                let count = (rows.len() as f64 * share) as usize;
                for SavedRow { keyspace, key, value } in rows.into_iter().take(count) {
                    match value {
                        Some(value) => drop(self.store.rows.insert((keyspace, key), value)),
                        None => drop(self.store.rows.remove(&(keyspace, key))),
                    }
                }
            }
            Given::Checkpoint(checkpoint) if all => self.store.checkpoint = checkpoint,
            Given::Checkpoint(_) => {}
        }
        self.step(if all { Input::Saved } else { Input::NotSaved })
    }

    /// The store answers what was asked for first, or cannot be read.
    pub(in crate::machine) fn store_answers(&mut self, readable: bool) -> Vec<Output> {
        let Some((load, keyspace, key)) = self.loads.pop_front() else { return Vec::new() };
        let value = self.store.rows.get(&(keyspace, key)).cloned();
        let value = value.as_deref();
        self.step(if readable { Input::Loaded { load, value } } else { Input::NotLoaded { load } })
    }

    /// The store answers all that is asked for, and what is asked for then.
    pub(in crate::machine) fn loaded(&mut self) -> Vec<Output> {
        let mut outbox = Vec::new();
        while !self.loads.is_empty() {
            outbox.extend(self.store_answers(true));
        }
        outbox
    }

    /// Whether none of a comment's registers are in memory.
    pub(in crate::machine) fn is_cold(&self, id: &watershed_protocol::CommentId) -> bool {
        let state = &self.machine.state;
        state.comments.find(id).is_some_and(|no| state.comments[no].registers.bytes() == 0)
    }

    /// Makes a whole checkpoint while nothing is in flight.
    pub(in crate::machine) fn checkpoint(&mut self) {
        self.save();
        while self.store.given.is_some() {
            self.store_takes(1.0);
        }
    }
}
