//! Who likes one comment: a register for each viewer that ever said something of it.
//!
//! Between `writes`, which admits likes, and the tally that counts them. The table could become pages that are loaded and
//! checkpointed one by one: nothing outside asks for more than one viewer's register, or walks them in an order.
//! Invariant: a register's bits only grow, except where [`Registers::put`] takes back what never became durable.

use hashbrown::{HashTable, hash_table::Entry};

/// A viewer as this processor numbers it; see `viewers`.
pub(crate) type ViewerNo = u32;

/// The registers of one comment, 13 bytes for each place of the table.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    cells: HashTable<Cell>,
}

/// The bits of a register in halves, so that a cell takes 12 bytes and not 16.
#[derive(Clone, Copy, Debug)]
struct Cell {
    viewer: ViewerNo,
    low: u32,
    high: u32,
}

/// What became of a register that was offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// It is later and replaced these bits, 0 for none.
    Taken {
        /// What stood there.
        before: u64,
    },
    /// The one that is there is as late or later.
    Kept {
        /// What stands there.
        bits: u64,
    },
}

impl Registers {
    /// Takes the register if it is later than what is there.
    pub(crate) fn merge(&mut self, viewer: ViewerNo, bits: u64) -> Merged {
        match self.cells.entry(hash(viewer), |cell| cell.viewer == viewer, |cell| hash(cell.viewer)) {
            Entry::Occupied(mut found) => {
                let before = found.get().bits();
                if before >= bits {
                    return Merged::Kept { bits: before };
                }
                *found.get_mut() = Cell::new(viewer, bits);
                Merged::Taken { before }
            }
            Entry::Vacant(place) => {
                place.insert(Cell::new(viewer, bits));
                Merged::Taken { before: 0 }
            }
        }
    }

    /// The viewer's register, 0 for none.
    pub(crate) fn get(&self, viewer: ViewerNo) -> u64 {
        self.cells.find(hash(viewer), |cell| cell.viewer == viewer).map_or(0, |cell| cell.bits())
    }

    /// Sets a register to what it was, 0 for none.
    pub(crate) fn put(&mut self, viewer: ViewerNo, bits: u64) {
        if let Ok(mut found) = self.cells.find_entry(hash(viewer), |cell| cell.viewer == viewer) {
            if bits == 0 {
                found.remove();
            } else {
                *found.get_mut() = Cell::new(viewer, bits);
            }
        } else if bits != 0 {
            self.cells.insert_unique(hash(viewer), Cell::new(viewer, bits), |cell| hash(cell.viewer));
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.cells.len()
    }
}

impl Cell {
    fn new(viewer: ViewerNo, bits: u64) -> Self {
        Self { viewer, low: bits as u32, high: (bits >> 32) as u32 }
    }

    fn bits(&self) -> u64 {
        u64::from(self.high) << 32 | u64::from(self.low)
    }
}

/// SplitMix64's finaliser: numbers are dense, the table wants their high and low bits mixed.
fn hash(viewer: ViewerNo) -> u64 {
    let mut bits = u64::from(viewer).wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_register_stays_in_whatever_order_they_come() {
        let mut registers = Registers::default();
        assert_eq!(registers.merge(7, 20), Merged::Taken { before: 0 });
        assert_eq!(registers.merge(7, 20), Merged::Kept { bits: 20 });
        assert_eq!(registers.merge(7, 10), Merged::Kept { bits: 20 });
        assert_eq!(registers.merge(7, u64::MAX >> 9), Merged::Taken { before: 20 });
        assert_eq!(registers.get(7), u64::MAX >> 9);
        assert_eq!(registers.get(8), 0);
    }

    #[test]
    fn what_was_taken_back_was_never_there() {
        let mut registers = Registers::default();
        registers.merge(1, 5);
        registers.merge(1, 9);
        registers.put(1, 5);
        assert_eq!(registers.get(1), 5);
        registers.put(1, 0);
        assert_eq!((registers.get(1), registers.len()), (0, 0));
    }

    #[test]
    fn a_cell_is_twelve_bytes() {
        assert_eq!(size_of::<Cell>(), 12);
    }
}
