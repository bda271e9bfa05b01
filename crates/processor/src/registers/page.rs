//! The registers of one range of viewers: at most 4 KiB, in whichever of three forms they fit.
//!
//! Inside `registers`, which finds the page. Invariant: cells ascend by viewer and lie within the page's range; a page
//! never holds a cell of value 0.
//!
//! | form | a cell | when |
//! |---|---|---|
//! | narrow | viewer 4, bits less the base 4 | stamps within 24 days of the comment |
//! | dense | bits less the base 4, at the viewer's place | half of 1,024 numbers have a register |
//! | wide | viewer 4, bits 8 | a stamp that is older than the comment, or far ahead of it |

use super::{SHIFT_MAX, ViewerNo};

/// Most cells of a narrow page: 4 KiB.
const NARROW_MAX: usize = 512;
/// Numbers that a dense page covers, as a power of two: 4 KiB.
const DENSE_SHIFT: u8 = 10;
/// Most cells of a wide page: 4 KiB.
const WIDE_MAX: usize = 341;

/// The page has no room for another viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Page {
    first: ViewerNo,
    /// It covers this many numbers, as a power of two.
    shift: u8,
    cells: Cells,
    /// Whether it is not what a checkpoint has of it.
    pub(super) changed: bool,
}

#[derive(Debug)]
enum Cells {
    Narrow(Vec<(ViewerNo, u32)>),
    Dense { cells: Box<[u32]>, used: u16 },
    Wide(Vec<(ViewerNo, [u32; 2])>),
}

impl Page {
    /// An empty page for the numbers from `first` on.
    pub(super) fn new(first: ViewerNo, shift: u8) -> Self {
        Self { first, shift, cells: Cells::Narrow(Vec::new()), changed: true }
    }

    pub(super) fn first(&self) -> ViewerNo {
        self.first
    }

    pub(super) fn shift(&self) -> u8 {
        self.shift
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.cells {
            Cells::Narrow(cells) => cells.is_empty(),
            Cells::Dense { used, .. } => *used == 0,
            Cells::Wide(cells) => cells.is_empty(),
        }
    }

    /// The bits of a register, 0 for none.
    pub(super) fn get(&self, base: u64, viewer: ViewerNo) -> u64 {
        match &self.cells {
            Cells::Narrow(cells) => find(cells, viewer).map_or(0, |at| base + u64::from(cells[at].1)),
            Cells::Dense { cells, .. } => match cells[(viewer - self.first) as usize] {
                0 => 0,
                cell => base + u64::from(cell),
            },
            Cells::Wide(cells) => find(cells, viewer).map_or(0, |at| joined(cells[at].1)),
        }
    }

    /// Sets a register; true if the viewer had none.
    pub(super) fn put(&mut self, base: u64, viewer: ViewerNo, bits: u64) -> Result<bool, Full> {
        self.changed = true;
        let narrow = bits.checked_sub(base).and_then(|cell| u32::try_from(cell).ok()).filter(|cell| *cell > 0);
        match (&mut self.cells, narrow) {
            (Cells::Narrow(cells), Some(cell)) => set(cells, NARROW_MAX, viewer, cell),
            (Cells::Dense { cells, used }, Some(cell)) => {
                let place = &mut cells[(viewer - self.first) as usize];
                let is_new = std::mem::replace(place, cell) == 0;
                *used += u16::from(is_new);
                Ok(is_new)
            }
            (Cells::Wide(cells), _) => set(cells, WIDE_MAX, viewer, halves_of(bits)),
            (_, None) => {
                // One register that is too wide makes the page wide: if that is too large, smaller pages come first.
                let cells: Vec<_> = self.entries(base).map(|(viewer, bits)| (viewer, halves_of(bits))).collect();
                if cells.len() > WIDE_MAX {
                    return Err(Full);
                }
                self.cells = Cells::Wide(cells);
                self.put(base, viewer, bits)
            }
        }
    }

    /// Removes a register; true if there was one.
    pub(super) fn remove(&mut self, viewer: ViewerNo) -> bool {
        self.changed = true;
        match &mut self.cells {
            Cells::Narrow(cells) => find(cells, viewer).map(|at| cells.remove(at)).is_some(),
            Cells::Dense { cells, used } => {
                let was_there = std::mem::take(&mut cells[(viewer - self.first) as usize]) != 0;
                *used -= u16::from(was_there);
                was_there
            }
            Cells::Wide(cells) => find(cells, viewer).map(|at| cells.remove(at)).is_some(),
        }
    }

    /// Gives every number of the range a place, if the range is that small; false if the page must be halved.
    pub(super) fn condense(&mut self) -> bool {
        let Cells::Narrow(cells) = &self.cells else { return false };
        if self.shift != DENSE_SHIFT {
            return false;
        }
        let mut dense = vec![0; 1 << DENSE_SHIFT].into_boxed_slice();
        cells.iter().for_each(|(viewer, cell)| dense[(viewer - self.first) as usize] = *cell);
        self.cells = Cells::Dense { used: cells.len() as u16, cells: dense };
        true
    }

    /// The page as two, each of half its range.
    pub(super) fn halves(&self, base: u64) -> (Self, Self) {
        debug_assert!(self.shift > 0 && self.shift <= SHIFT_MAX, "a page of one number is never full");
        let shift = self.shift - 1;
        let middle = self.first + (1u32 << shift);
        let half = |first: ViewerNo, is_upper: bool| {
            let mut half = Self::new(first, shift);
            for (viewer, bits) in self.entries(base).filter(|(viewer, _)| (*viewer >= middle) == is_upper) {
                if half.put(base, viewer, bits) == Err(Full) {
                    // A dense page has more cells than a narrow one.
                    half.condense();
                    let again = half.put(base, viewer, bits);
                    debug_assert!(again.is_ok(), "half a page fits into a page");
                }
            }
            half
        };
        (half(self.first, false), half(middle, true))
    }

    /// Viewers and bits, ascending by viewer.
    pub(super) fn entries(&self, base: u64) -> Box<dyn Iterator<Item = (ViewerNo, u64)> + '_> {
        match &self.cells {
            Cells::Narrow(cells) => {
                Box::new(cells.iter().map(move |(viewer, cell)| (*viewer, base + u64::from(*cell))))
            }
            Cells::Dense { cells, .. } => Box::new(
                (self.first..)
                    .zip(cells.iter())
                    .filter(|(_, cell)| **cell != 0)
                    .map(move |(viewer, cell)| (viewer, base + u64::from(*cell))),
            ),
            Cells::Wide(cells) => Box::new(cells.iter().map(|(viewer, bits)| (*viewer, joined(*bits)))),
        }
    }

    /// Bytes of its cells.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match &self.cells {
            Cells::Narrow(cells) => cells.capacity() * size_of::<(ViewerNo, u32)>(),
            Cells::Dense { cells, .. } => size_of_val(&cells[..]),
            Cells::Wide(cells) => cells.capacity() * size_of::<(ViewerNo, [u32; 2])>(),
        }
    }
}

fn find<T>(cells: &[(ViewerNo, T)], viewer: ViewerNo) -> Option<usize> {
    cells.binary_search_by_key(&viewer, |(of, _)| *of).ok()
}

/// Sets a cell of an ascending list; true if it is new.
fn set<T>(cells: &mut Vec<(ViewerNo, T)>, max: usize, viewer: ViewerNo, value: T) -> Result<bool, Full> {
    match cells.binary_search_by_key(&viewer, |(of, _)| *of) {
        Ok(at) => {
            cells[at].1 = value;
            Ok(false)
        }
        Err(_) if cells.len() >= max => Err(Full),
        Err(at) => {
            if cells.len() == cells.capacity() {
                // By a quarter: doubling would leave a third of all memory unused.
                cells.reserve_exact((cells.len() / 4).max(2).min(max - cells.len()));
            }
            cells.insert(at, (viewer, value));
            Ok(true)
        }
    }
}

fn halves_of(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

fn joined([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
