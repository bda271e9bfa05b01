//! Who likes one comment: a register for each viewer that ever said something of it, in pages of at most 4 KiB.
//!
//! Between `writes`, which admits likes, and the tally that counts them. A directory over the numbers of viewers names the
//! page of each range; a page that is full is split in two (extendible hashing, Fagin et al. 1979, over the number itself,
//! since numbers are dense). Nothing that grows ever moves more than one page, but for the directory: four bytes for
//! about a thousand viewers. The page is also what a checkpoint saves. Invariant: each range of numbers has at most
//! one page, and a register is in the page of its viewer's range.
//!
//! ```text
//!  viewer >> shift     0    1    2    3    4        each entry stands for 2^shift numbers
//!  directory         [ 0 ][ 0 ][ 2 ][ – ][ 1 ]
//!                      └─┬──┘    │         │         a page covers one entry or a run of 2^n of them
//!                      page 0  page 2    page 1
//! ```

mod page;

use watershed_protocol::Mutant;

use page::{Full, Page};

/// A viewer as this processor numbers it; see `viewers`.
pub(crate) type ViewerNo = u32;

/// No page in a directory.
const NONE: u32 = u32::MAX;
/// One entry for all numbers.
const SHIFT_MAX: u8 = 32;

/// The registers of one comment.
#[derive(Debug)]
pub(crate) struct Registers {
    /// What cells of pages count from: the bits of a stamp just before the comment was written.
    base: u64,
    /// An entry of the directory stands for this many numbers, as a power of two.
    shift: u8,
    directory: Vec<u32>,
    pages: Vec<Page>,
    len: u32,
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

/// A page that a checkpoint has to save.
#[derive(Debug)]
pub(crate) struct ChangedPage {
    pub(crate) number: usize,
    /// The first viewer of its range.
    pub(crate) first: ViewerNo,
    /// Viewers and bits, ascending by viewer.
    pub(crate) cells: Vec<(ViewerNo, u64)>,
}

impl Default for Registers {
    fn default() -> Self {
        Self::new(0)
    }
}

impl Registers {
    /// No registers yet, of a comment that was written at this time: later stamps, of the next 24 days, take 4 bytes.
    pub(crate) fn new(written_ms: u64) -> Self {
        let base = written_ms.saturating_sub(1) << 1;
        Self { base, shift: SHIFT_MAX, directory: Vec::new(), pages: Vec::new(), len: 0 }
    }

    /// Takes the register if it is later than what is there.
    pub(crate) fn merge(&mut self, viewer: ViewerNo, bits: u64) -> Merged {
        let before = self.get(viewer);
        // The lowest bit of a register is set for an unlike, so that it wins at equal stamps.
        let rank = |bits: u64| if Mutant::LikeWinsTies.lives() { bits ^ 1 } else { bits };
        if before != 0 && rank(before) >= rank(bits) {
            return Merged::Kept { bits: before };
        }
        self.put(viewer, bits);
        Merged::Taken { before }
    }

    /// The viewer's register, 0 for none.
    pub(crate) fn get(&self, viewer: ViewerNo) -> u64 {
        self.page(viewer).map_or(0, |page| self.pages[page].get(self.base, viewer))
    }

    /// Sets a register, 0 for none: to what it was, when what replaced it was taken back.
    pub(crate) fn put(&mut self, viewer: ViewerNo, bits: u64) {
        if bits == 0 {
            if let Some(page) = self.page(viewer) {
                self.len -= u32::from(self.pages[page].remove(viewer));
            }
            return;
        }
        loop {
            let page = self.page(viewer).unwrap_or_else(|| self.add_page(viewer));
            match self.pages[page].put(self.base, viewer, bits) {
                Ok(is_new) => {
                    self.len += u32::from(is_new);
                    return;
                }
                Err(Full) => self.split(page),
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// How many of them say "liked".
    pub(crate) fn liked(&self) -> u64 {
        self.pages.iter().map(|page| page.entries(self.base).filter(|(_, bits)| bits & 1 == 0).count() as u64).sum()
    }

    /// The next page, from this one on, that has changed since it was taken so.
    pub(crate) fn take_changed(&mut self, from: usize) -> Option<ChangedPage> {
        let number = (from..self.pages.len()).find(|number| self.pages[*number].changed)?;
        let page = &mut self.pages[number];
        page.changed = false;
        Some(ChangedPage { number, first: page.first(), cells: page.entries(self.base).collect() })
    }

    /// Says of all pages whether they have changed: none after a restore, all when what was taken was not saved.
    pub(crate) fn set_changed(&mut self, changed: bool) {
        self.pages.iter_mut().for_each(|page| page.changed = changed);
    }

    /// The first viewer of each page.
    pub(crate) fn firsts(&self) -> impl Iterator<Item = ViewerNo> {
        self.pages.iter().map(Page::first)
    }

    /// The page of a viewer's range.
    fn page(&self, viewer: ViewerNo) -> Option<usize> {
        let entry = u64::from(viewer) >> self.shift;
        self.directory.get(entry as usize).filter(|page| **page != NONE).map(|page| *page as usize)
    }

    /// A page for the one entry of a viewer.
    fn add_page(&mut self, viewer: ViewerNo) -> usize {
        let entry = u64::from(viewer) >> self.shift;
        self.name(entry, 1, Page::new((entry << self.shift) as ViewerNo, self.shift))
    }

    /// Puts a page into the directory, for these entries.
    fn name(&mut self, entry: u64, entries: u64, page: Page) -> usize {
        let (first, end) = (entry as usize, (entry + entries) as usize);
        if self.directory.len() < end {
            self.directory.resize(end, NONE);
        }
        self.directory[first..end].fill(self.pages.len() as u32);
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// Halves a page's range, or, where it is dense enough, gives every number of the range a place.
    fn split(&mut self, number: usize) {
        if self.pages[number].condense() {
            return;
        }
        let (lower, upper) = self.pages[number].halves(self.base);
        while lower.shift() < self.shift {
            self.shift -= 1;
            self.directory = self.directory.iter().flat_map(|page| [*page, *page]).collect();
        }
        let entries = 1u64 << (lower.shift() - self.shift);
        let entry = u64::from(upper.first()) >> self.shift;
        self.pages[number] = lower;
        if upper.is_empty() {
            // The upper half may be far beyond the last viewer: it has a page when it has a register.
            let end = ((entry + entries) as usize).min(self.directory.len());
            self.directory[(entry as usize).min(end)..end].fill(NONE);
            while self.directory.last() == Some(&NONE) {
                self.directory.pop();
            }
        } else {
            self.name(entry, entries, upper);
        }
    }
}

#[cfg(test)]
mod tests;
