//! Viewer keys as dense numbers, so that a register names its viewer in four bytes instead of sixteen.
//!
//! Numbers are this process's own: the log and the wire carry keys. A like looks its viewer up once, so the key lies beside
//! the number, in one cache line: 4,096 small tables with linear probing, each of which grows by an eighth and moves only
//! what is in it. From a number back to its key leads nothing but the list of those that no checkpoint has saved yet.
//! Invariant: a key keeps its number for the life of the process.

use watershed_protocol::ViewerKey;

use crate::registers::ViewerNo;

/// How many tables there are, as a power of two.
const TABLES_SHIFT: u32 = 12;
/// A table grows when more than this share of it is taken: a viewer is then found after three or four places, a new one
/// has its place after twenty, all in a row.
const TAKEN_MAX: (usize, usize) = (5, 6);
/// Places of a table at first.
const PLACES_MIN: usize = 4;
/// No viewer has this number.
const NONE: ViewerNo = ViewerNo::MAX;

/// All viewers that ever liked something here: 20 bytes each, and a quarter more for places that are free.
#[derive(Debug)]
pub(crate) struct Viewers {
    tables: Box<[Table]>,
    len: ViewerNo,
    /// The keys of those that no checkpoint has saved, numbered from this one on.
    fresh: Vec<ViewerKey>,
    fresh_from: ViewerNo,
}

#[derive(Clone, Debug, Default)]
struct Table {
    places: Vec<Place>,
    taken: usize,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: [u8; 16],
    number: ViewerNo,
}

const FREE: Place = Place { key: [0; 16], number: NONE };

impl Default for Viewers {
    fn default() -> Self {
        Self { tables: vec![Table::default(); 1 << TABLES_SHIFT].into(), len: 0, fresh: Vec::new(), fresh_from: 0 }
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
        debug_assert!(self.fresh.is_empty(), "a store is read before anything new comes");
        let number = self.number(key);
        self.len += ViewerNo::from(number == self.len);
        self.fresh_from = self.len;
        number
    }

    /// The number of `key`; the next one if it has none, and then it has it.
    fn number(&mut self, key: ViewerKey) -> ViewerNo {
        let hash = hash(&key);
        let table = &mut self.tables[table_of(hash)];
        table.make_room();
        let place = table.place(hash, &key);
        let Place { number, .. } = &mut table.places[place];
        if *number != NONE {
            return *number;
        }
        table.places[place] = Place { key: *key.as_bytes(), number: self.len };
        table.taken += 1;
        self.len
    }

    /// The number of `key`, if it has one.
    pub(crate) fn find(&self, key: ViewerKey) -> Option<ViewerNo> {
        let hash = hash(&key);
        let table = &self.tables[table_of(hash)];
        if table.places.is_empty() {
            return None;
        }
        Some(table.places[table.place(hash, &key)].number).filter(|number| *number != NONE)
    }

    /// Keys of viewers that were not saved yet, from this number on.
    pub(crate) fn unsaved(&self, from: ViewerNo, count: usize) -> &[ViewerKey] {
        let from = (from - self.fresh_from) as usize;
        &self.fresh[from..from + count]
    }

    /// A checkpoint with all viewers below this number is in force.
    pub(crate) fn saved(&mut self, below: ViewerNo) {
        self.fresh.drain(..(below - self.fresh_from) as usize);
        // What a burst took is given back.
        self.fresh.shrink_to(2 * self.fresh.len());
        self.fresh_from = below;
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }
}

impl Table {
    /// Where a key is, or where it belongs. There is a free place.
    fn place(&self, hash: u64, key: &ViewerKey) -> usize {
        // The upper half of the hash as a fraction of the table (Lemire 2019): any size will do.
        let mut at = (((hash >> 32) * self.places.len() as u64) >> 32) as usize;
        loop {
            let place = &self.places[at];
            if place.number == NONE || place.key == *key.as_bytes() {
                return at;
            }
            at += 1;
            if at == self.places.len() {
                at = 0;
            }
        }
    }

    /// Sees to it that one more has a place.
    fn make_room(&mut self) {
        if (self.taken + 1) * TAKEN_MAX.1 <= self.places.len() * TAKEN_MAX.0 {
            return;
        }
        let places = self.places.len() + (self.places.len() / 8).max(PLACES_MIN);
        let mut grown = Self { places: Vec::new(), taken: self.taken };
        grown.places.reserve_exact(places);
        grown.places.resize(places, FREE);
        for place in self.places.iter().filter(|place| place.number != NONE) {
            let key = ViewerKey::from_bytes(place.key);
            let at = grown.place(hash(&key), &key);
            grown.places[at] = *place;
        }
        *self = grown;
    }
}

/// The low bits choose the table.
fn table_of(hash: u64) -> usize {
    (hash & ((1 << TABLES_SHIFT) - 1)) as usize
}

/// Keys are bits of a keyed hash already, but a table of this kind should not rest on that: one multiplication of both
/// halves spreads whatever they hold (the constants are digits of the golden ratio and of the square root of three).
fn hash(key: &ViewerKey) -> u64 {
    let [a, b, c, d, e, f, g, h, rest @ ..] = *key.as_bytes();
    let (high, low) = (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u64::from_le_bytes(rest));
    let product = u128::from(high ^ 0x9e37_79b9_7f4a_7c15) * u128::from(low ^ 0xbb67_ae85_84ca_a73b);
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
        let places: usize = viewers.tables.iter().map(|table| table.places.len()).sum();
        println!("{:.1} bytes a viewer", (places * size_of::<Place>()) as f64 / 100_000.0);
    }

    #[test]
    fn keys_that_lie_in_one_place_of_one_table_are_told_apart() {
        let mut viewers = Viewers::default();
        // The half that makes the product zero, whatever the other is.
        let zero = 0x9e37_79b9_7f4a_7c15u64.to_le_bytes();
        let alike = |n: u64| ViewerKey::from_bytes([zero, n.to_le_bytes()].concat().try_into().unwrap());
        assert_eq!(hash(&alike(1)), hash(&alike(2)));
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
        (3..10).for_each(|n| assert_eq!(viewers.intern(key(n)), n as ViewerNo));
        assert_eq!(viewers.unsaved(5, 2), [key(5), key(6)]);
        viewers.saved(7);
        assert_eq!(viewers.unsaved(7, 3), [key(7), key(8), key(9)]);
        assert_eq!(viewers.intern(key(0)), 0);
    }
}
