//! What one processor's process owns and answers, told to the checker of ownership.
//!
//! Between the processor's driver and the ledger's [`Ownership`](watershed_ledger::Ownership). Invariant: it only listens.

use std::collections::BTreeMap;

use watershed_ledger::Process;
use watershed_processor::Input;
use watershed_protocol::{
    Epoch, Slot,
    peer::{
        PeerId,
        uplink::{AnswerBatch, WriteBatch},
    },
};

use crate::outside::Outside;

/// Lives that a node may have in a run: so many numbers are its processes'.
const LIVES_MAX: u64 = 100_000;

/// One process.
#[derive(Debug)]
pub(crate) struct Owner {
    node: usize,
    process: Process,
    /// The slot of each write that waits, and the epoch of the ownership that it was addressed to.
    asked: BTreeMap<(PeerId, u64), (Slot, Epoch)>,
}

/// A process that claims the slots of a node and never does anything with them.
pub(crate) fn phantom(number: u64) -> Process {
    Process(u64::MAX - number)
}

impl Owner {
    /// The process has claimed its slots on the map.
    pub(crate) fn claim(outside: &mut Outside, node: usize, life: u64) -> Self {
        let process = Process(node as u64 * LIVES_MAX + life);
        outside.claimed(node, process);
        Self { node, process, asked: BTreeMap::new() }
    }

    /// Something comes to the machine.
    pub(crate) fn hears(&mut self, outside: &mut Outside, input: &Input<'_>) {
        match input {
            Input::Writes { peer, batch } => {
                let addressed =
                    numbers(batch).filter_map(|(number, slot)| Some((number, slot, batch.slot_epoch(slot)?)));
                self.asked.extend(addressed.map(|(number, slot, epoch)| ((*peer, number), (slot, epoch))));
            }
            Input::PeerLost(peer) => self.asked.retain(|(asker, _), _| asker != peer),
            Input::Map(map) => {
                Slot::all().for_each(|slot| outside.ownership.told(self.process, slot, map.owner(slot).epoch));
            }
            _ => {}
        }
    }

    /// The machine answers.
    pub(crate) fn answers(&mut self, outside: &mut Outside, peer: PeerId, batch: &AnswerBatch) {
        let acknowledged = batch.likes.iter().map(|(number, _)| number).chain(&batch.done);
        for number in acknowledged {
            if let Some((slot, epoch)) = self.asked.remove(&(peer, *number)) {
                let found = outside.ownership.answered(self.process, slot, epoch);
                outside.judge(self.node, found);
            }
        }
        for number in batch.refused.iter().map(|(number, _)| number).chain(&batch.moved) {
            self.asked.remove(&(peer, *number));
        }
    }
}

/// All writes of a batch, each with its slot.
fn numbers(batch: &WriteBatch) -> impl Iterator<Item = (u64, Slot)> {
    let likes = batch.likes.iter().map(|row| (row.number, row.comment.slot()));
    let comments = batch.comments.iter().map(|write| (write.number, write.id.slot()));
    let deletes = batch.deletes.iter().map(|write| (write.number, write.id.slot()));
    let pins = batch.pins.iter().map(|write| (write.number, write.slot));
    let taps = batch.reactions.iter().map(|write| (write.number, write.slot));
    likes.chain(comments).chain(deletes).chain(pins).chain(taps)
}
