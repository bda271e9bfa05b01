//! Which slots this process owns, under which epochs, and how far each slot's log goes.
//!
//! Invariant: a position that was given out is given out again only if its group was refused, and the durable position
//! never passes what the log has called durable.

use watershed_placement::Map;
use watershed_protocol::{Epoch, NodeName, Position, Slot};

/// All slots, owned here or not.
#[derive(Debug)]
pub(crate) struct Slots {
    list: Box<[State]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    owned: bool,
    /// Of the ownership while owned or after it was lost; before `start`, of the log.
    epoch: Epoch,
    /// Of the last change, durable or not.
    position: Position,
    durable: Position,
}

impl Default for Slots {
    fn default() -> Self {
        Self { list: vec![State::default(); Slot::COUNT].into() }
    }
}

impl Slots {
    /// Takes over the slots that the map gives to `node`. Not those whose epoch in the log is higher: then the map is older
    /// than what this node has already written, and another process must have been started since.
    pub(crate) fn claim(&mut self, map: &Map, node: &NodeName) {
        for (slot, state) in Slot::all().zip(&mut self.list) {
            let owner = map.owner(slot);
            state.owned = owner.node == *node && owner.epoch >= state.epoch;
            if state.owned {
                state.epoch = owner.epoch;
            }
        }
    }

    /// Gives up every slot that a newer map gives to another node or under another epoch. Returns how many.
    pub(crate) fn fence(&mut self, map: &Map, node: &NodeName) -> usize {
        let mut fenced = 0;
        for (slot, state) in Slot::all().zip(&mut self.list) {
            let owner = map.owner(slot);
            if state.owned && (owner.node != *node || owner.epoch != state.epoch) {
                state.owned = false;
                fenced += 1;
            }
        }
        fenced
    }

    /// Whether this process may speak for the slot.
    pub(crate) fn owned(&self, slot: Slot) -> bool {
        self.list[slot.index()].owned
    }

    /// Whether this process owns any.
    pub(crate) fn any_owned(&self) -> bool {
        self.list.iter().any(|state| state.owned)
    }

    /// The epoch under which the slot's rows are written.
    pub(crate) fn epoch(&self, slot: Slot) -> Epoch {
        self.list[slot.index()].epoch
    }

    /// The position of the slot's last durable change.
    pub(crate) fn durable(&self, slot: Slot) -> Position {
        self.list[slot.index()].durable
    }

    /// Whether the slot ever had a durable change here.
    pub(crate) fn has_rows(&self, slot: Slot) -> bool {
        self.durable(slot) > Position::ZERO
    }

    /// Where a checkpoint says that the slot stood.
    pub(crate) fn restore(&mut self, slot: Slot, epoch: Epoch, position: Position) {
        self.list[slot.index()] = State { owned: false, epoch, position, durable: position };
    }

    /// A change of the slot was applied.
    pub(crate) fn applied(&mut self, slot: Slot) {
        let state = &mut self.list[slot.index()];
        state.position = state.position.next();
    }

    /// The slot's next change is durable; its position.
    pub(crate) fn published(&mut self, slot: Slot) -> Position {
        let state = &mut self.list[slot.index()];
        state.durable = state.durable.next();
        debug_assert!(state.durable <= state.position, "{slot:?} published what was not applied");
        state.durable
    }

    /// What was applied to the slot and is not durable was taken back.
    pub(crate) fn undone(&mut self, slot: Slot) {
        let state = &mut self.list[slot.index()];
        state.position = state.durable;
    }

    /// Before a section of the log is replayed: its rows begin after `from`. False if they do not follow what was
    /// replayed of the slot; a raised epoch may begin later, the slot was away in between.
    pub(crate) fn resume(&mut self, slot: Slot, epoch: Epoch, from: Position) -> bool {
        let state = &mut self.list[slot.index()];
        let first = state.epoch == Epoch::ZERO && state.durable == Position::ZERO;
        let follows = if epoch == state.epoch { from == state.durable } else { from >= state.durable };
        if !first && (epoch < state.epoch || !follows) {
            return false;
        }
        *state = State { owned: false, epoch, position: from, durable: from };
        true
    }
}

#[cfg(test)]
mod tests {
    use watershed_protocol::ClusterKey;

    use super::*;

    #[test]
    fn a_process_that_was_started_again_fences_off_the_former() {
        let node: NodeName = "p1".parse().unwrap();
        let mut map = Map::found(ClusterKey::from_bytes([1; 32]), std::slice::from_ref(&node)).unwrap();
        let mut slots = Slots::default();
        slots.claim(&map, &node);
        assert!(Slot::all().all(|slot| slots.owned(slot)));
        assert_eq!(slots.fence(&map, &node), 0);
        map.claim(&node);
        assert_eq!(slots.fence(&map, &node), Slot::COUNT);
        assert!(!slots.any_owned());
    }

    #[test]
    fn a_map_older_than_the_log_gives_nothing() {
        let node: NodeName = "p1".parse().unwrap();
        let map = Map::found(ClusterKey::from_bytes([1; 32]), std::slice::from_ref(&node)).unwrap();
        let (old, slot) = (Slot::new(5).unwrap(), Slot::new(6).unwrap());
        let mut slots = Slots::default();
        assert!(slots.resume(old, Epoch::new(9), Position::ZERO));
        slots.claim(&map, &node);
        assert!(!slots.owned(old));
        assert!(slots.owned(slot));
    }

    #[test]
    fn replayed_rows_must_follow_each_other() {
        let slot = Slot::new(5).unwrap();
        let mut slots = Slots::default();
        let mut resume = |epoch, from| slots.resume(slot, Epoch::new(epoch), Position::new(from));
        assert!(resume(1, 7));
        assert!(!resume(1, 8));
        assert!(resume(1, 7));
        assert!(resume(3, 9));
        assert!(!resume(2, 9));
        assert!(!resume(4, 8));
    }
}
