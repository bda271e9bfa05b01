//! The registers of one range of viewers: at most 4 KiB, in whichever of three forms they fit, or in the store only.
//!
//! Inside `registers`, which finds the page. Invariant: cells ascend by viewer and lie within the page's range; a page
//! never holds a cell of value 0; what is cold is in the store exactly as it was here.
//!
//! | form | a cell | when |
//! |---|---|---|
//! | narrow | viewer 4, bits less the base 4 | stamps within 24 days of the comment |
//! | dense | bits less the base 4, at the viewer's place | half of 1,024 numbers have a register |
//! | wide | viewer 4, bits 8 | a stamp that is older than the comment, or far ahead of it |
//! | cold | none | let go of, until somebody asks for it |

use super::{Merged, PageRange, ViewerNo, cells};

/// Most cells of a narrow page: 4 KiB.
const NARROW_MAX: usize = 512;
/// Numbers that a dense page covers, as a power of two: 4 KiB.
const DENSE_SHIFT: u8 = 10;
/// Most cells of a wide page: 4 KiB.
const WIDE_MAX: usize = 341;
/// No checkpoint has saved it.
const NEVER: u32 = 0;

/// The page has no room for another viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

/// What came of an attempt to let go of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicted {
    /// These bytes are free.
    Freed(usize),
    /// It was used since the last attempt, and may stay until the next.
    Spared,
    /// The store does not have it as it is, or it is not here.
    Kept,
}

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Page {
    range: PageRange,
    /// Whether it is not what a checkpoint has of it.
    changed: bool,
    /// Whether it was used since eviction last came by.
    used: bool,
    /// The checkpoint that saved it last.
    saved_by: u32,
    /// No viewer in it is above this one.
    last: ViewerNo,
    cells: Cells,
}

#[derive(Debug)]
enum Cells {
    Narrow(Vec<(ViewerNo, u32)>),
    Dense { cells: Box<[u32]>, used: u16 },
    Wide(Vec<(ViewerNo, [u32; 2])>),
    Cold,
}

impl Page {
    /// An empty page.
    pub(super) fn new(range: PageRange) -> Self {
        let (changed, used, saved_by, last) = (true, true, NEVER, range.first);
        Self { range, changed, used, saved_by, last, cells: Cells::Narrow(Vec::new()) }
    }

    /// A page that the store has, and nothing of it here.
    pub(super) fn cold(range: PageRange, saved_by: u32) -> Self {
        Self { changed: false, used: false, saved_by, cells: Cells::Cold, ..Self::new(range) }
    }

    pub(super) fn range(&self) -> PageRange {
        self.range
    }

    pub(super) fn is_cold(&self) -> bool {
        matches!(self.cells, Cells::Cold)
    }

    pub(super) fn is_empty(&self) -> bool {
        match &self.cells {
            Cells::Narrow(cells) => cells.is_empty(),
            Cells::Dense { used, .. } => *used == 0,
            Cells::Wide(cells) => cells.is_empty(),
            Cells::Cold => false,
        }
    }

    /// Whether a checkpoint has to save it.
    pub(super) fn is_changed(&self) -> bool {
        self.changed
    }

    /// Whether the store has a row of it, however old.
    pub(super) fn was_saved(&self) -> bool {
        self.saved_by != NEVER
    }

    /// This checkpoint saves it as it is now.
    pub(super) fn set_saved(&mut self, by: u32) {
        (self.changed, self.saved_by) = (false, by);
    }

    /// It was not saved after all. What is cold was saved long before.
    pub(super) fn set_changed(&mut self) {
        self.changed = !self.is_cold();
    }

    /// Lets go of the cells, if the store has them since this checkpoint or before, and nobody has used them of late.
    pub(super) fn evict(&mut self, sealed: u32) -> Evicted {
        if self.changed || self.is_cold() || !self.was_saved() || self.saved_by > sealed {
            return Evicted::Kept;
        }
        if std::mem::take(&mut self.used) {
            return Evicted::Spared;
        }
        let bytes = self.bytes();
        self.cells = Cells::Cold;
        Evicted::Freed(bytes)
    }

    /// Takes the cells of a row of the store, if they fit the page as it is; a cold page is warm then.
    pub(super) fn fill(&mut self, base: u64, row: &[(ViewerNo, u64)]) -> Result<(), Full> {
        let narrow =
            |bits: u64| bits.checked_sub(base).and_then(|cell| u32::try_from(cell).ok()).filter(|cell| *cell > 0);
        let fits = row.iter().all(|(_, bits)| narrow(*bits).is_some());
        let cells = row.iter().map(|(viewer, bits)| (*viewer, narrow(*bits).unwrap_or_default()));
        self.cells = if fits && row.len() <= NARROW_MAX {
            Cells::Narrow(cells.collect())
        } else if fits && self.range.shift == DENSE_SHIFT {
            let mut dense = vec![0; 1 << DENSE_SHIFT].into_boxed_slice();
            cells.for_each(|(viewer, cell)| dense[(viewer - self.range.first) as usize] = cell);
            Cells::Dense { cells: dense, used: row.len() as u16 }
        } else if row.len() <= WIDE_MAX {
            Cells::Wide(row.iter().map(|(viewer, bits)| (*viewer, halves_of(*bits))).collect())
        } else {
            return Err(Full);
        };
        self.last = row.last().map_or(self.range.first, |(viewer, _)| *viewer);
        self.used = true;
        Ok(())
    }

    /// The bits of a register, 0 for none.
    pub(super) fn get(&mut self, base: u64, viewer: ViewerNo) -> u64 {
        self.used = true;
        let hint = self.hint();
        match &self.cells {
            Cells::Narrow(cells) => cells::find(cells, hint, viewer).map_or(0, |at| base + u64::from(cells[at].1)),
            Cells::Dense { cells, .. } => widened(base, cells[(viewer - self.range.first) as usize]),
            Cells::Wide(cells) => cells::find(cells, hint, viewer).map_or(0, |at| joined(cells[at].1)),
            Cells::Cold => unreachable!("a cold page was read"),
        }
    }

    /// Takes a register if it is later than the one that is there.
    pub(super) fn merge(&mut self, base: u64, viewer: ViewerNo, bits: u64) -> Result<Merged, Full> {
        self.used = true;
        let hint = self.hint();
        let cell = bits.checked_sub(base).and_then(|cell| u32::try_from(cell).ok()).filter(|cell| *cell > 0);
        let before = match (&mut self.cells, cell) {
            (Cells::Narrow(cells), Some(cell)) => match cells::find(cells, hint, viewer) {
                Ok(at) if cells[at].1 >= cell => return Ok(Merged::Kept { bits: base + u64::from(cells[at].1) }),
                Ok(at) => base + u64::from(std::mem::replace(&mut cells[at].1, cell)),
                Err(at) => {
                    cells::insert(cells, NARROW_MAX, at, (viewer, cell))?;
                    self.last = self.last.max(viewer);
                    0
                }
            },
            (Cells::Dense { cells, used }, Some(cell)) => {
                let place = &mut cells[(viewer - self.range.first) as usize];
                if *place >= cell {
                    return Ok(Merged::Kept { bits: base + u64::from(*place) });
                }
                *used += u16::from(*place == 0);
                widened(base, std::mem::replace(place, cell))
            }
            _ => {
                let before = self.get(base, viewer);
                if before >= bits {
                    return Ok(Merged::Kept { bits: before });
                }
                self.put(base, viewer, bits)?;
                before
            }
        };
        self.changed = true;
        Ok(Merged::Taken { before })
    }

    /// Sets a register to bits other than 0; true if the viewer had none.
    pub(super) fn put(&mut self, base: u64, viewer: ViewerNo, bits: u64) -> Result<bool, Full> {
        (self.changed, self.used) = (true, true);
        let hint = self.hint();
        let narrow = bits.checked_sub(base).and_then(|cell| u32::try_from(cell).ok()).filter(|cell| *cell > 0);
        let is_new = match (&mut self.cells, narrow) {
            (Cells::Narrow(cells), Some(cell)) => cells::set(cells, NARROW_MAX, hint, viewer, cell)?,
            (Cells::Dense { cells, used }, Some(cell)) => {
                let place = &mut cells[(viewer - self.range.first) as usize];
                let is_new = std::mem::replace(place, cell) == 0;
                *used += u16::from(is_new);
                is_new
            }
            (Cells::Wide(cells), _) => cells::set(cells, WIDE_MAX, hint, viewer, halves_of(bits))?,
            (Cells::Narrow(_) | Cells::Dense { .. }, None) => {
                // One register that is too wide makes the page wide: if that is too large, smaller pages come first.
                let cells: Vec<_> = self.entries(base).map(|(viewer, bits)| (viewer, halves_of(bits))).collect();
                if cells.len() > WIDE_MAX {
                    return Err(Full);
                }
                self.cells = Cells::Wide(cells);
                return self.put(base, viewer, bits);
            }
            (Cells::Cold, _) => unreachable!("a cold page was written to"),
        };
        self.last = self.last.max(viewer);
        Ok(is_new)
    }

    /// Removes a register; true if there was one.
    pub(super) fn remove(&mut self, viewer: ViewerNo) -> bool {
        self.changed = true;
        let hint = self.hint();
        match &mut self.cells {
            Cells::Narrow(cells) => cells::find(cells, hint, viewer).map(|at| cells.remove(at)).is_ok(),
            Cells::Dense { cells, used } => {
                let was_there = std::mem::take(&mut cells[(viewer - self.range.first) as usize]) != 0;
                *used -= u16::from(was_there);
                was_there
            }
            Cells::Wide(cells) => cells::find(cells, hint, viewer).map(|at| cells.remove(at)).is_ok(),
            Cells::Cold => unreachable!("a cold page was written to"),
        }
    }

    /// Gives every number of the range a place, if the range is that small; false if the page must be halved.
    pub(super) fn condense(&mut self) -> bool {
        let Cells::Narrow(cells) = &self.cells else { return false };
        if self.range.shift != DENSE_SHIFT {
            return false;
        }
        let mut dense = vec![0; 1 << DENSE_SHIFT].into_boxed_slice();
        cells.iter().for_each(|(viewer, cell)| dense[(viewer - self.range.first) as usize] = *cell);
        self.cells = Cells::Dense { used: cells.len() as u16, cells: dense };
        true
    }

    /// The page as two, each of half its range.
    pub(super) fn halves(&self, base: u64) -> (Self, Self) {
        let (lower, upper) = self.range.halves();
        let half = |range: PageRange| {
            let mut half = Self::new(range);
            for (viewer, bits) in self.entries(base).filter(|(viewer, _)| range.holds(*viewer)) {
                if half.put(base, viewer, bits) == Err(Full) {
                    // A dense page has more cells than a narrow one.
                    half.condense();
                    let again = half.put(base, viewer, bits);
                    debug_assert!(again.is_ok(), "half a page fits into a page");
                }
            }
            half
        };
        (half(lower), half(upper))
    }

    /// Viewers and bits, ascending by viewer.
    pub(super) fn entries(&self, base: u64) -> Box<dyn Iterator<Item = (ViewerNo, u64)> + '_> {
        match &self.cells {
            Cells::Narrow(cells) => {
                Box::new(cells.iter().map(move |(viewer, cell)| (*viewer, base + u64::from(*cell))))
            }
            Cells::Dense { cells, .. } => Box::new(
                (self.range.first..)
                    .zip(cells.iter())
                    .filter(|(_, cell)| **cell != 0)
                    .map(move |(viewer, cell)| (viewer, base + u64::from(*cell))),
            ),
            Cells::Wide(cells) => Box::new(cells.iter().map(|(viewer, bits)| (*viewer, joined(*bits)))),
            Cells::Cold => unreachable!("a cold page was read"),
        }
    }

    /// Bytes of its cells.
    pub(super) fn bytes(&self) -> usize {
        match &self.cells {
            Cells::Narrow(cells) => cells.capacity() * size_of::<(ViewerNo, u32)>(),
            Cells::Dense { cells, .. } => size_of_val(&cells[..]),
            Cells::Wide(cells) => cells.capacity() * size_of::<(ViewerNo, [u32; 2])>(),
            Cells::Cold => 0,
        }
    }

    /// From where to where its viewers lie.
    fn hint(&self) -> (ViewerNo, ViewerNo) {
        (self.range.first, self.last)
    }
}

fn widened(base: u64, cell: u32) -> u64 {
    if cell == 0 { 0 } else { base + u64::from(cell) }
}

fn halves_of(bits: u64) -> [u32; 2] {
    [bits as u32, (bits >> 32) as u32]
}

fn joined([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
