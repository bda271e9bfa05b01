//! Who owned which slot under which epoch, and who answered for it.
//!
//! Fed by whoever sees all processes, as the simulator does: claims of slots, what each process is told of others' claims,
//! and the answers that it gives. Invariant (7 of the design): an epoch of a slot has one process, and a process answers
//! only what was addressed to its own ownership, and nothing once it knows of a later one.

use std::collections::BTreeMap;

use watershed_protocol::{Epoch, Slot};

use crate::Violation;

/// One start of one node, in the caller's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Process(pub u64);

/// What is broken, and an example in words.
pub type Breach = (Violation, String);

/// All claims.
#[derive(Debug, Default)]
pub struct Ownership {
    /// By slot and epoch.
    claims: BTreeMap<(Slot, Epoch), Process>,
    /// The highest epoch that each process has claimed, and was told of, by slot.
    known: BTreeMap<Process, Box<[Known]>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    claimed: Epoch,
    told: Epoch,
}

impl Ownership {
    /// A process begins to own a slot.
    pub fn claimed(&mut self, process: Process, slot: Slot, epoch: Epoch) -> Result<(), Breach> {
        let owner = *self.claims.entry((slot, epoch)).or_insert(process);
        if owner != process {
            let words = format!("slot {slot} is owned under epoch {epoch} by {owner:?} and by {process:?}");
            return Err((Violation::OwnedTwice, words));
        }
        self.known(process, slot).claimed = epoch;
        Ok(())
    }

    /// A process has been told under which epoch a slot is owned.
    pub fn told(&mut self, process: Process, slot: Slot, epoch: Epoch) {
        let known = self.known(process, slot);
        known.told = known.told.max(epoch);
    }

    /// A process acknowledges a write to a slot that was addressed to the ownership of this epoch.
    pub fn answered(&mut self, process: Process, slot: Slot, addressed: Epoch) -> Result<(), Breach> {
        let Known { claimed, told } = *self.known(process, slot);
        if told > claimed {
            let words = format!("{process:?} owned slot {slot} under epoch {claimed}, knew of {told}, and answered");
            return Err((Violation::FencedAnswered, words));
        }
        if addressed != claimed {
            let words =
                format!("{process:?} owns slot {slot} under epoch {claimed} and answered for epoch {addressed}");
            return Err((Violation::AnsweredForAnother, words));
        }
        Ok(())
    }

    fn known(&mut self, process: Process, slot: Slot) -> &mut Known {
        let none = || vec![Known::default(); Slot::COUNT].into();
        &mut self.known.entry(process).or_insert_with(none)[slot.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Process = Process(1);
    const TWO: Process = Process(2);

    fn slot() -> Slot {
        Slot::new(7).unwrap()
    }

    fn epoch(number: u64) -> Epoch {
        Epoch::new(number)
    }

    fn broken(result: Result<(), Breach>) -> Option<Violation> {
        result.err().map(|(violation, _)| violation)
    }

    #[test]
    fn an_epoch_of_a_slot_has_one_owner() {
        let mut ownership = Ownership::default();
        assert_eq!(ownership.claimed(ONE, slot(), epoch(2)), Ok(()));
        assert_eq!(ownership.claimed(ONE, slot(), epoch(2)), Ok(()));
        assert_eq!(ownership.claimed(TWO, slot(), epoch(3)), Ok(()));
        assert_eq!(broken(ownership.claimed(TWO, slot(), epoch(2))), Some(Violation::OwnedTwice));
    }

    #[test]
    fn an_owner_answers_until_it_knows_of_another() {
        let mut ownership = Ownership::default();
        assert_eq!(ownership.claimed(ONE, slot(), epoch(2)), Ok(()));
        ownership.told(ONE, slot(), epoch(2));
        assert_eq!(ownership.claimed(TWO, slot(), epoch(3)), Ok(()));
        assert_eq!(ownership.answered(ONE, slot(), epoch(2)), Ok(()), "nobody has told it");
        ownership.told(ONE, slot(), epoch(3));
        assert_eq!(broken(ownership.answered(ONE, slot(), epoch(2))), Some(Violation::FencedAnswered));
        assert_eq!(ownership.answered(TWO, slot(), epoch(3)), Ok(()));
    }

    #[test]
    fn what_was_addressed_to_another_ownership_is_not_answered() {
        let mut ownership = Ownership::default();
        assert_eq!(ownership.claimed(ONE, slot(), epoch(2)), Ok(()));
        assert_eq!(broken(ownership.answered(ONE, slot(), epoch(3))), Some(Violation::AnsweredForAnother));
    }
}
