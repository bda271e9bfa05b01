//! Where the rows of each slot end, and what may follow them.
//!
//! The writer asks before a record is written, recovery asks again as it reads. Invariant: within one epoch of a slot
//! the rows are consecutive, and a slot's epoch and position never fall.

use watershed_protocol::{Epoch, Position, Slot};

use crate::Section;

/// The end of one slot's rows in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotEnd {
    /// The ownership of the last section.
    pub epoch: Epoch,
    /// The position after its rows.
    pub position: Position,
}

/// A section that does not follow what the log holds of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gap {
    /// Positions run backwards inside the section.
    #[error("slot {slot} goes from position {from} back to {to}")]
    Backwards {
        /// The slot.
        slot: Slot,
        /// The position before the rows.
        from: Position,
        /// The position after them.
        to: Position,
    },
    /// Rows are missing or repeated.
    #[error("slot {slot} goes on at position {from} of epoch {epoch}, it ended at {end}")]
    Position {
        /// The slot.
        slot: Slot,
        /// The section's epoch.
        epoch: Epoch,
        /// Where the section begins.
        from: Position,
        /// Where the slot's rows ended.
        end: Position,
    },
    /// A fenced owner wrote.
    #[error("slot {slot} goes on in epoch {epoch}, it was in {end} already")]
    Epoch {
        /// The slot.
        slot: Slot,
        /// The section's epoch.
        epoch: Epoch,
        /// The slot's epoch in the log.
        end: Epoch,
    },
}

/// The ends of all slots that the log has rows of: each at its slot's place, as far as the highest of them, since a record
/// may have a thousand sections of one row each, and a look-up in a tree would cost more than the row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SlotEnds(Vec<Option<SlotEnd>>);

/// What some sections change of [`SlotEnds`], ascending by slot.
#[derive(Clone, Debug, Default)]
pub struct Changed(Vec<(Slot, SlotEnd)>);

impl SlotEnds {
    /// The end of one slot's rows, if the log has any.
    pub fn get(&self, slot: Slot) -> Option<SlotEnd> {
        self.0.get(slot.index()).copied().flatten()
    }

    /// All slots that the log has rows of, in order.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, SlotEnd)> + '_ {
        Slot::all().zip(&self.0).filter_map(|(slot, end)| Some((slot, (*end)?)))
    }

    /// Checks that `sections`, in their order, follow what is there, and returns the ends that they change.
    ///
    /// The first section of a slot may begin anywhere: the slot may have come from another processor. So may the first
    /// of a raised epoch, at or after the slot's end: the slot may have been away and come back.
    pub fn check(&self, sections: &[Section]) -> Result<Changed, Gap> {
        let mut changed = Changed(Vec::with_capacity(sections.len()));
        for section in sections {
            let &Section { slot, epoch, from, to, .. } = section;
            if to < from {
                return Err(Gap::Backwards { slot, from, to });
            }
            if let Some(end) = changed.get(slot).or_else(|| self.get(slot)) {
                if epoch < end.epoch {
                    return Err(Gap::Epoch { slot, epoch, end: end.epoch });
                }
                let follows = if epoch == end.epoch { from == end.position } else { from >= end.position };
                if !follows {
                    return Err(Gap::Position { slot, epoch, from, end: end.position });
                }
            }
            changed.set(slot, SlotEnd { epoch, position: to });
        }
        Ok(changed)
    }

    /// Takes over ends that [`Self::check`] returned.
    pub fn advance(&mut self, changed: Changed) {
        changed.0.into_iter().for_each(|(slot, end)| self.set(slot, end));
    }

    fn set(&mut self, slot: Slot, end: SlotEnd) {
        if self.0.len() <= slot.index() {
            self.0.resize(slot.index() + 1, None);
        }
        self.0[slot.index()] = Some(end);
    }
}

impl Changed {
    fn get(&self, slot: Slot) -> Option<SlotEnd> {
        self.place(slot).ok().map(|at| self.0[at].1)
    }

    fn set(&mut self, slot: Slot, end: SlotEnd) {
        match self.place(slot) {
            Ok(at) => self.0[at].1 = end,
            Err(at) => self.0.insert(at, (slot, end)),
        }
    }

    /// Where a slot is, or belongs: at the end, as a processor writes its sections.
    fn place(&self, slot: Slot) -> Result<usize, usize> {
        match self.0.last() {
            Some((last, _)) if slot <= *last => self.0.binary_search_by_key(&slot, |(slot, _)| *slot),
            _ => Err(self.0.len()),
        }
    }
}

impl FromIterator<(Slot, SlotEnd)> for SlotEnds {
    /// The ends that a checkpoint has kept.
    fn from_iter<I: IntoIterator<Item = (Slot, SlotEnd)>>(ends: I) -> Self {
        let mut held = Self::default();
        ends.into_iter().for_each(|(slot, end)| held.set(slot, end));
        held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(epoch: u64, from: u64, to: u64) -> Section {
        let slot = Slot::new(7).unwrap();
        Section { slot, epoch: Epoch::new(epoch), from: Position::new(from), to: Position::new(to), body: vec![] }
    }

    fn check(sections: &[Section]) -> Result<(), String> {
        let mut ends = SlotEnds::default();
        for section in sections {
            ends.advance(ends.check(std::slice::from_ref(section)).map_err(|gap| gap.to_string())?);
        }
        let mut at_once = SlotEnds::default();
        at_once.advance(at_once.check(sections).map_err(|gap| gap.to_string())?);
        assert_eq!(ends, at_once, "one record or several makes no difference");
        Ok(())
    }

    #[test]
    fn rows_of_one_epoch_are_consecutive() {
        assert_eq!(check(&[section(1, 5, 8), section(1, 8, 8), section(1, 8, 9)]), Ok(()));
        let missing = check(&[section(1, 0, 3), section(1, 4, 5)]);
        assert_eq!(missing.unwrap_err(), "slot 7 goes on at position 4 of epoch 1, it ended at 3");
        assert!(check(&[section(1, 0, 3), section(1, 2, 5)]).is_err(), "a repeated row");
        assert!(check(&[section(1, 3, 2)]).is_err(), "a section that runs backwards");
    }

    #[test]
    fn slots_may_stand_in_any_order_and_come_again() {
        let of = |slot: u16, from, to| Section { slot: Slot::new(slot).unwrap(), ..section(1, from, to) };
        assert_eq!(check(&[of(9, 0, 2), of(3, 5, 6), of(9, 2, 4), of(3, 6, 7), of(4, 0, 1)]), Ok(()));
        assert!(check(&[of(9, 0, 2), of(3, 5, 6), of(9, 3, 4)]).is_err(), "a row is missing");
    }

    #[test]
    fn a_slot_that_comes_back_has_a_raised_epoch_and_a_position_not_below_its_last() {
        assert_eq!(check(&[section(1, 0, 3), section(3, 90, 91)]), Ok(()));
        assert!(check(&[section(1, 0, 3), section(2, 2, 4)]).is_err());
        let fenced = check(&[section(2, 0, 3), section(1, 3, 4)]);
        assert_eq!(fenced.unwrap_err(), "slot 7 goes on in epoch 1, it was in 2 already");
    }
}
