//! From a hash to the number of whatever has it: many small tables instead of a large one.
//!
//! What finds a comment by its id and a viewer by its key. A table that doubles moves all that is in it; with 4,096 of
//! them that is a few thousand numbers at a hundred million. Invariant: a number is found under the hash that it was put
//! in with.

use hashbrown::{HashTable, hash_table::Entry};

/// How many tables there are, as a power of two.
const SHARDS_SHIFT: u32 = 12;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Numbers {
    shards: Box<[HashTable<u32>]>,
}

impl Default for Numbers {
    fn default() -> Self {
        Self { shards: (0..1 << SHARDS_SHIFT).map(|_| HashTable::new()).collect() }
    }
}

impl Numbers {
    /// The number under this hash that `is` the one.
    pub(crate) fn find(&self, hash: u64, is: impl Fn(u32) -> bool) -> Option<u32> {
        self.shards[shard(hash)].find(within(hash), |number| is(*number)).copied()
    }

    /// The number under this hash, or else `new`, which is put in. `hash_of` gives the hash of a number that is in.
    pub(crate) fn find_or_insert(
        &mut self,
        hash: u64,
        is: impl Fn(u32) -> bool,
        hash_of: impl Fn(u32) -> u64,
        new: impl FnOnce() -> u32,
    ) -> u32 {
        match self.shards[shard(hash)].entry(within(hash), |number| is(*number), |number| within(hash_of(*number))) {
            Entry::Occupied(found) => *found.get(),
            Entry::Vacant(place) => *place.insert(new()).get(),
        }
    }

    /// Takes a number out.
    pub(crate) fn remove(&mut self, hash: u64, number: u32) {
        if let Ok(found) = self.shards[shard(hash)].find_entry(within(hash), |found| *found == number) {
            found.remove();
        }
    }
}

/// The low bits choose the table.
fn shard(hash: u64) -> usize {
    (hash & ((1 << SHARDS_SHIFT) - 1)) as usize
}

/// The others are the hash within it, at the top, where a table looks for what tells its places apart.
fn within(hash: u64) -> u64 {
    hash.rotate_right(SHARDS_SHIFT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_until_it_is_taken_out() {
        let mut numbers = Numbers::default();
        let hash = |number: u32| u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for number in 0..20_000 {
            assert_eq!(numbers.find_or_insert(hash(number), |found| found == number, hash, || number), number);
        }
        assert_eq!(numbers.find_or_insert(hash(5), |found| found == 5, hash, || unreachable!()), 5);
        numbers.remove(hash(7), 7);
        assert_eq!(numbers.find(hash(7), |found| found == 7), None);
        assert!((8..20_000).all(|number| numbers.find(hash(number), |found| found == number) == Some(number)));
    }
}
