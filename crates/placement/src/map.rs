//! The ownership map: which processor owns each slot, which merger is the root, and under which epochs.
//!
//! The truth about ownership, persisted by membership and read by every node; shared as `Arc<Map>`. A processor's start
//! claims its slots, a merger's start claims the root; each claim raises an epoch, and whoever still acts under a lower
//! one is fenced off.
//!
//! Invariant: epochs only rise, and every change raises the map's own epoch, so that two different maps of one cluster
//! never have the same epoch and a compare-and-set needs to compare nothing else.

use std::ops::{Range, RangeInclusive};

use watershed_protocol::{ClusterKey, CommentId, Epoch, Mutant, NodeName, Slot, Spread, StreamId};

use crate::{Ring, Spreads};

mod text;

pub use text::MapError;

/// Who owns what, at one moment of the cluster's life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map {
    epoch: Epoch,
    key: ClusterKey,
    spreads: Spreads,
    /// Always [`Slot::COUNT`] of them.
    slots: Box<[Ownership]>,
    root: Option<RootOwnership>,
    stream_epochs_reserved: Epoch,
}

/// Who owns a slot. Only what carries this epoch is valid for the slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ownership {
    /// The write processor.
    pub node: NodeName,
    /// Raised by each start of the processor and by each move.
    pub epoch: Epoch,
}

/// Who is the root merger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootOwnership {
    /// The merger.
    pub node: NodeName,
    /// Raised whenever a merger becomes the root.
    pub epoch: Epoch,
}

/// A change of owner that the ring would make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// What would move.
    pub slot: Slot,
    /// Who owns it now.
    pub from: NodeName,
    /// Who would.
    pub to: NodeName,
}

impl Map {
    /// The most different processors that may own slots.
    pub const NODES_MAX: usize = 1_024;

    /// The first map of a cluster: map epoch 1, every slot with epoch 1 where the ring of these processors proposes.
    ///
    /// Without a processor nobody could own a slot, and with more than [`Self::NODES_MAX`] the map could not be read
    /// again: both are refused.
    pub fn found(key: ClusterKey, processors: &[NodeName]) -> Result<Self, MapError> {
        let ring = Ring::new(processors.iter().cloned());
        let first = Epoch::ZERO.next();
        let slots =
            Slot::all().map_while(|slot| Some(Ownership { node: proposed(&ring, slot)?.clone(), epoch: first }));
        let slots: Box<[Ownership]> = slots.collect();
        if slots.len() != Slot::COUNT || ring.nodes().len() > Self::NODES_MAX {
            return Err(MapError::Processors { found: ring.nodes().len(), max: Self::NODES_MAX });
        }
        Ok(Self {
            epoch: first,
            key,
            spreads: Spreads::default(),
            slots,
            root: None,
            stream_epochs_reserved: Epoch::ZERO,
        })
    }

    /// The same with these comments spread. Only of a first map: what is written later lies where the rules say.
    #[must_use]
    pub fn spreading(self, spreads: Spreads) -> Self {
        Self { spreads, ..self }
    }

    /// The number of this map: of two maps of one cluster the greater is the newer.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The cluster's key, which no change touches.
    pub fn key(&self) -> &ClusterKey {
        &self.key
    }

    /// Which comments are spread, which no change touches.
    pub fn spreads(&self) -> &Spreads {
        &self.spreads
    }

    /// Into how many parts a comment is split.
    pub fn spread(&self, stream: &StreamId, comment: &CommentId) -> Spread {
        self.spreads.of(stream, comment)
    }

    /// Who owns `slot`.
    pub fn owner(&self, slot: Slot) -> &Ownership {
        &self.slots[slot.index()]
    }

    /// Who owns `comment`.
    pub fn owner_of(&self, comment: &CommentId) -> &Ownership {
        self.owner(comment.slot())
    }

    /// The slots that `node` owns, in order.
    pub fn slots_of(&self, node: &NodeName) -> Vec<Slot> {
        Slot::all().filter(|slot| self.owner(*slot).node == *node).collect()
    }

    /// The processors that own at least one slot, sorted by name.
    pub fn processors(&self) -> Vec<NodeName> {
        let mut nodes: Vec<&NodeName> = self.slots.iter().map(|owned| &owned.node).collect();
        nodes.sort();
        nodes.dedup();
        nodes.into_iter().cloned().collect()
    }

    /// The root merger, once one has claimed to be it.
    pub fn root(&self) -> Option<&RootOwnership> {
        self.root.as_ref()
    }

    /// The epoch of the root; zero before there was one.
    pub fn root_epoch(&self) -> Epoch {
        self.root.as_ref().map_or(Epoch::ZERO, |root| root.epoch)
    }

    /// The greatest epoch of `node`'s slots; zero if it owns none. It rises when the node starts.
    pub fn claimed_epoch(&self, node: &NodeName) -> Epoch {
        self.slots.iter().filter(|owned| owned.node == *node).map(|owned| owned.epoch).max().unwrap_or_default()
    }

    /// The least and the greatest epoch of `node`'s slots; none if it owns none.
    pub fn slot_epochs(&self, node: &NodeName) -> Option<RangeInclusive<Epoch>> {
        let epochs = || self.slots.iter().filter(|owned| owned.node == *node).map(|owned| owned.epoch);
        Some(epochs().min()?..=epochs().max()?)
    }

    /// The greatest stream epoch that was ever handed to a root.
    pub fn stream_epochs_reserved(&self) -> Epoch {
        self.stream_epochs_reserved
    }

    /// A processor's start: raises the epochs of all slots of `node` by one, so that its former process is fenced off.
    ///
    /// Returns how many slots it owns. With none, nothing changes.
    pub fn claim(&mut self, node: &NodeName) -> usize {
        let mut claimed = 0;
        for owned in self.slots.iter_mut().filter(|owned| owned.node == *node) {
            owned.epoch = owned.epoch.next();
            claimed += 1;
        }
        if claimed > 0 {
            self.epoch = self.epoch.next();
        }
        claimed
    }

    /// A merger becomes the root in place of the one whose epoch it saw; [`Epoch::ZERO`] stands for "there was none".
    ///
    /// Returns its epoch. `None`: there is another root by now, and nothing changes.
    pub fn claim_root(&mut self, node: &NodeName, seen: Epoch) -> Option<Epoch> {
        if self.root_epoch() != seen {
            return None;
        }
        let epoch = seen.next();
        self.root = Some(RootOwnership { node: node.clone(), epoch });
        self.epoch = self.epoch.next();
        Some(epoch)
    }

    /// Takes `n` fresh stream epochs for the root of this epoch: none of them was ever handed out before or will be again.
    ///
    /// The root takes them in blocks, so that a stream's rebuild does not wait for a change of the map. `None`: there is
    /// another root by now, and nothing changes.
    pub fn reserve_stream_epochs(&mut self, root: Epoch, n: u64) -> Option<Range<u64>> {
        if root == Epoch::ZERO || self.root_epoch() != root {
            return None;
        }
        let start = if Mutant::EpochsReused.lives() { 1 } else { self.stream_epochs_reserved.get() + 1 };
        let end = start + n;
        self.stream_epochs_reserved = Epoch::new(end - 1);
        self.epoch = self.epoch.next();
        Some(start..end)
    }

    /// What `ring` would change. A proposal only: a slot with one copy stays with its owner until a move has completed.
    pub fn moves(&self, ring: &Ring) -> Vec<Move> {
        let proposals = Slot::all().filter_map(|slot| Some((slot, proposed(ring, slot)?)));
        proposals
            .filter(|(slot, to)| self.owner(*slot).node != **to)
            .map(|(slot, to)| Move { slot, from: self.owner(slot).node.clone(), to: to.clone() })
            .collect()
    }
}

/// Where the ring places a slot: its key is "slot" and the number in two bytes, little-endian.
fn proposed(ring: &Ring, slot: Slot) -> Option<&NodeName> {
    let [low, high] = slot.get().to_le_bytes();
    ring.owner(&[b's', b'l', b'o', b't', low, high])
}

#[cfg(test)]
mod tests;
