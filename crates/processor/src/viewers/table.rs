//! One of the tables that find viewers: places in blocks of 2 KiB, filled to ten elevenths.
//!
//! Inside `viewers`, which chooses the table. Linear probing over places that follow each other from block to block. To
//! grow, a table takes one block more and spreads what it holds anew over all of them: no block is ever given back or copied
//! into a larger one, so that tables which grow side by side leave no holes in memory. Invariant: there is a free place,
//! and between a key's home and its place there is none.

use crate::registers::ViewerNo;

/// No viewer has this number.
pub(super) const NONE: ViewerNo = ViewerNo::MAX;
/// Places of a block, as a power of two: 2 KiB.
const BLOCK_SHIFT: u32 = 7;
const BLOCK: usize = 1 << BLOCK_SHIFT;
/// Places of the first block at first: small nodes know few viewers. The next size is that of all others, since what each
/// table leaves behind is a hole that no block fits.
const PLACES_MIN: usize = 4;
/// A table grows when more than this share of it is taken: a viewer is then found after six places, a new one has its place
/// after some sixty, all in a row.
const TAKEN_MAX: (usize, usize) = (10, 11);
/// A table grows by one block in this many, so that a new viewer moves at most twenty others.
const GROWTH: usize = 16;

/// What a table keeps of a key: 96 bits, of which the first 32 say where its home is. See `viewers` for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Print(pub(super) [u32; 3]);

/// A viewer: four of them share a cache line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    print: Print,
    pub(super) number: ViewerNo,
}

const FREE: Place = Place { print: Print([0; 3]), number: NONE };

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// Each of `BLOCK` places, but for the first while it is alone.
    blocks: Vec<Box<[Place]>>,
    places: u32,
    taken: u32,
}

impl Table {
    /// The number under this print.
    pub(super) fn find(&self, print: Print) -> Option<ViewerNo> {
        if self.places == 0 {
            return None;
        }
        let at = self.place(print);
        Some(self.blocks[at >> BLOCK_SHIFT][at & (BLOCK - 1)].number).filter(|number| *number != NONE)
    }

    /// The number under this print, or else `new`, which is put in. Moves are made by way of `spare`, which is empty.
    pub(super) fn find_or_insert(&mut self, print: Print, new: ViewerNo, spare: &mut Vec<Place>) -> ViewerNo {
        self.make_room(spare);
        let at = self.place(print);
        let place = &mut self.blocks[at >> BLOCK_SHIFT][at & (BLOCK - 1)];
        if place.number == NONE {
            *place = Place { print, number: new };
            self.taken += 1;
        }
        place.number
    }

    /// Bytes of all places.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.places as usize * size_of::<Place>()
    }

    /// Where a print is, or where it belongs.
    fn place(&self, print: Print) -> usize {
        // The first 32 bits as a fraction of the table (Lemire 2019): any size will do.
        let home = ((u64::from(print.0[0]) * u64::from(self.places)) >> 32) as usize;
        let (mut block, mut from) = (home >> BLOCK_SHIFT, home & (BLOCK - 1));
        loop {
            let found = |place: &Place| place.number == NONE || place.print == print;
            if let Some(at) = self.blocks[block][from..].iter().position(found) {
                return block << BLOCK_SHIFT | (from + at);
            }
            (block, from) = (block + 1, 0);
            if block == self.blocks.len() {
                block = 0;
            }
        }
    }

    /// Sees to it that one more has a place.
    fn make_room(&mut self, spare: &mut Vec<Place>) {
        if (self.taken as usize + 1) * TAKEN_MAX.1 <= self.places as usize * TAKEN_MAX.0 {
            return;
        }
        for block in &mut self.blocks {
            spare.extend(block.iter().filter(|place| place.number != NONE));
            block.fill(FREE);
        }
        if (self.places as usize) < BLOCK {
            let places = if self.places == 0 { PLACES_MIN } else { BLOCK };
            self.blocks = vec![vec![FREE; places].into()];
        } else {
            let more = (self.blocks.len() / GROWTH).max(1);
            self.blocks.reserve_exact(more);
            self.blocks.extend((0..more).map(|_| Box::from([FREE; BLOCK])));
        }
        self.places = self.blocks.iter().map(|block| block.len() as u32).sum();
        for place in spare.drain(..) {
            let at = self.place(place.print);
            self.blocks[at >> BLOCK_SHIFT][at & (BLOCK - 1)] = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_of_one_home_at_the_end_of_the_table_are_told_apart() {
        let (mut table, mut spare) = (Table::default(), Vec::new());
        let print = |n: u32| Print([u32::MAX, 7, n]);
        for n in 0..1_000 {
            assert_eq!(table.find(print(n)), None);
            assert_eq!(table.find_or_insert(print(n), n, &mut spare), n);
        }
        assert!((0..1_000).all(|n| table.find(print(n)) == Some(n)));
        assert_eq!((table.find(print(1_000)), table.find(Print([u32::MAX, 8, 1]))), (None, None));
    }

    #[test]
    fn a_print_keeps_its_number_while_the_table_grows() {
        let (mut table, mut spare) = (Table::default(), Vec::new());
        let print = |n: u32| Print([n.wrapping_mul(0x9e37_79b9), n, 0]);
        for n in 0..5_000 {
            assert_eq!(table.find_or_insert(print(n), n, &mut spare), n);
            assert_eq!(table.find_or_insert(print(n / 2), NONE - 1, &mut spare), n / 2);
        }
        assert!((0..5_000).all(|n| table.find(print(n)) == Some(n)));
        let least = 5_000 * size_of::<Place>();
        assert!(table.bytes() >= least && table.bytes() <= least * 5 / 4, "{} bytes for {least}", table.bytes());
    }
}
