//! Viewer keys as dense numbers, so that a register names its viewer in four bytes instead of sixteen.
//!
//! Numbers are this process's own: the log and the wire carry keys. A like looks its viewer up once, so what tells its key
//! apart lies beside the number, in one cache line, in one of 4,096 small tables (`table`). From a number back to its key
//! leads nothing but the list of those that no checkpoint has saved yet. Invariant: a key keeps its number for the life of
//! the process.
//!
//! ```text
//!  key, mixed     64 bits        32 bits        20 bits   12 bits
//!               [ print          print: home ][ dropped ][ table ]      108 bits tell a viewer: 96 of them are stored,
//!                                                                       12 are implied by the table
//! ```
//!
//! Keys are bits of a keyed hash: that any two of a hundred million viewers have the same 108 has a chance of less than 1 in 10^16.

mod fresh;
mod table;

use fresh::Fresh;
use table::{Place, Print, Table};
use watershed_protocol::ViewerKey;

use crate::registers::ViewerNo;

/// How many tables there are, as a power of two.
const TABLES_SHIFT: u32 = 12;

/// All viewers that ever liked something here: 16 bytes each, and an eighth more for places that are free.
#[derive(Debug)]
pub(crate) struct Viewers {
    tables: Box<[Table]>,
    /// What a table that grows holds meanwhile.
    spare: Vec<Place>,
    len: ViewerNo,
    /// The keys of those that no checkpoint has saved.
    fresh: Fresh,
}

impl Default for Viewers {
    fn default() -> Self {
        let (spare, fresh) = Default::default();
        Self { tables: vec![Table::default(); 1 << TABLES_SHIFT].into(), spare, len: 0, fresh }
    }
}

impl Viewers {
    /// The number of `key`, given now if it has none.
    pub(crate) fn intern(&mut self, key: ViewerKey) -> ViewerNo {
        let number = self.number(key);
        if number == self.len {
            self.len += 1;
            self.fresh.push(key);
        }
        number
    }

    /// Takes the next viewer of a store; the number that its key has.
    pub(crate) fn restore(&mut self, key: ViewerKey) -> ViewerNo {
        let number = self.number(key);
        self.len += ViewerNo::from(number == self.len);
        self.fresh.begin(self.len);
        number
    }

    /// The number of `key`; the next one if it has none, and then it has it.
    fn number(&mut self, key: ViewerKey) -> ViewerNo {
        let (table, print) = place_of(key);
        self.tables[table].find_or_insert(print, self.len, &mut self.spare)
    }

    /// The number of `key`, if it has one.
    pub(crate) fn find(&self, key: ViewerKey) -> Option<ViewerNo> {
        let (table, print) = place_of(key);
        self.tables[table].find(print)
    }

    /// Keys of viewers that were not saved yet, from one number to another: piece by piece, each with its first number.
    pub(crate) fn unsaved(&self, from: ViewerNo, to: ViewerNo) -> impl Iterator<Item = (ViewerNo, &[ViewerKey])> {
        self.fresh.pieces(from, to)
    }

    /// A checkpoint with all viewers below this number is in force.
    pub(crate) fn saved(&mut self, below: ViewerNo) {
        self.fresh.forget(below);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }
}

/// The table of a key, and what the table keeps of it.
fn place_of(key: ViewerKey) -> (usize, Print) {
    let (high, low) = mix(key);
    let print = Print([(low >> 32) as u32, (high >> 32) as u32, high as u32]);
    ((low & ((1 << TABLES_SHIFT) - 1)) as usize, print)
}

/// Keys are bits of a keyed hash already, but a table of this kind should not rest on that: two rounds of a Feistel network
/// spread whatever they hold, and map no two of them to the same (the constants are digits of the golden ratio and of the
/// square roots of two and three).
fn mix(key: ViewerKey) -> (u64, u64) {
    let key = u128::from_be_bytes(*key.as_bytes());
    let (high, low) = ((key >> 64) as u64, key as u64);
    let high = high ^ round(low ^ 0xbb67_ae85_84ca_a73b);
    (high, low ^ round(high ^ 0x6a09_e667_f3bc_c909))
}

fn round(half: u64) -> u64 {
    let product = u128::from(half) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u128) -> ViewerKey {
        ViewerKey::from_bytes(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
    }

    #[test]
    fn a_key_keeps_its_number_however_many_come() {
        let mut viewers = Viewers::default();
        for n in 0..100_000 {
            assert_eq!(viewers.intern(key(n)), n as ViewerNo);
        }
        for n in 0..100_000 {
            assert_eq!((viewers.intern(key(n)), viewers.find(key(n))), (n as ViewerNo, Some(n as ViewerNo)));
        }
        assert_eq!((viewers.find(key(100_000)), viewers.len()), (None, 100_000));
        let bytes: usize = viewers.tables.iter().map(Table::bytes).sum();
        println!("{:.1} bytes a viewer", bytes as f64 / 100_000.0);
    }

    #[test]
    fn keys_that_lie_in_one_place_of_one_table_are_told_apart() {
        let mut viewers = Viewers::default();
        // The rounds backwards: keys of one table and one home there.
        let alike = |n: u64| {
            let low = 0x0123_4567_89ab_cdef ^ round(n ^ 0x6a09_e667_f3bc_c909);
            let high = n ^ round(low ^ 0xbb67_ae85_84ca_a73b);
            ViewerKey::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
        };
        assert_eq!(mix(alike(5)), (5, 0x0123_4567_89ab_cdef));
        for n in 0..200 {
            assert_eq!((viewers.find(alike(n)), viewers.intern(alike(n))), (None, n as ViewerNo));
        }
        assert!((0..200).all(|n| viewers.find(alike(n)) == Some(n as ViewerNo)));
        assert_eq!(viewers.find(alike(200)), None);
    }

    #[test]
    fn keys_are_kept_until_they_are_saved() {
        let mut viewers = Viewers::default();
        (0..3).for_each(|n| assert_eq!(viewers.restore(key(n)), n as ViewerNo));
        (3..1_000).for_each(|n| assert_eq!(viewers.intern(key(n)), n as ViewerNo));
        viewers.saved(700);
        let (mut next, mut pieces) = (700, 0);
        for (first, keys) in viewers.unsaved(700, 1_000) {
            assert_eq!(first, next);
            keys.iter().zip(u128::from(first)..).for_each(|(found, n)| assert_eq!(*found, key(n)));
            (next, pieces) = (first + keys.len() as ViewerNo, pieces + 1);
        }
        assert_eq!((next, pieces), (1_000, 2));
        assert_eq!(viewers.intern(key(0)), 0);
    }
}
