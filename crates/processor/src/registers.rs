//! Who likes one comment: a register for each viewer that ever said something of it, in pages of at most 4 KiB.
//!
//! Between `writes`, which admits likes, and the tally that counts them. A directory over the numbers of viewers names the
//! page of each range; a page that is full is split in two (extendible hashing, Fagin et al. 1979, over the number itself,
//! since numbers are dense). Nothing that grows ever moves more than one page, but for the directory: four bytes for
//! about a thousand viewers. The page is also what a checkpoint saves, and what is let go of and loaded again where memory
//! is limited (`residence`). Invariant: each range of numbers has at most one page, and a register is in the page of its
//! viewer's range.
//!
//! ```text
//!  viewer >> shift     0    1    2    3    4        each entry stands for 2^shift numbers
//!  directory         [ 0 ][ 0 ][ 2 ][ – ][ 1 ]
//!                      └─┬──┘    │         │         a page covers one entry or a run of 2^n of them
//!                      page 0  page 2    page 1
//! ```

mod cells;
mod page;

pub(crate) use page::Evicted;
use page::{Full, Page};
use watershed_protocol::Mutant;

/// A viewer as this processor numbers it; see `viewers`.
pub(crate) type ViewerNo = u32;

/// No page in a directory.
const NONE: u32 = u32::MAX;
/// One entry for all numbers.
const SHIFT_MAX: u8 = 32;
/// The least range of a page: a page of 256 numbers holds all of them in whatever form, and is never halved.
pub(crate) const SHIFT_MIN: u8 = 8;

/// The numbers that a page stands for: 2^shift of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PageRange {
    pub(crate) first: ViewerNo,
    pub(crate) shift: u8,
}

impl PageRange {
    /// Whether there can be a page of this range.
    pub(crate) fn is_one(self) -> bool {
        (SHIFT_MIN..=SHIFT_MAX).contains(&self.shift) && u64::from(self.first) & ((1 << self.shift) - 1) == 0
    }

    /// Whether a viewer is in it.
    pub(crate) fn holds(self, viewer: ViewerNo) -> bool {
        u64::from(viewer) >> self.shift == u64::from(self.first) >> self.shift
    }

    fn halves(self) -> (Self, Self) {
        debug_assert!(self.shift > SHIFT_MIN, "a page of 256 numbers is never full");
        let shift = self.shift - 1;
        (Self { first: self.first, shift }, Self { first: self.first + (1 << shift), shift })
    }
}

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
    /// Bytes of the cells that are here.
    bytes: usize,
    /// Rows of the store that no page stands for any more: their pages were halved.
    gone: Vec<PageRange>,
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
    /// Its page is in the store only: nothing was compared, and nothing changed.
    Cold(PageRange),
}

/// The page with the viewer's register is in the store only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cold(pub(crate) PageRange);

/// A page that a checkpoint has to save.
#[derive(Debug)]
pub(crate) struct ChangedPage {
    pub(crate) number: usize,
    pub(crate) range: PageRange,
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
        let (directory, pages, gone) = Default::default();
        Self { base, shift: SHIFT_MAX, directory, pages, len: 0, bytes: 0, gone }
    }

    /// Takes the register if it is later than what is there.
    pub(crate) fn merge(&mut self, viewer: ViewerNo, bits: u64) -> Merged {
        loop {
            let number = self.page(viewer).unwrap_or_else(|| self.add_page(viewer));
            let page = &mut self.pages[number];
            if page.is_cold() {
                return Merged::Cold(page.range());
            }
            // The lowest bit of a register is set for an unlike, so that it wins at equal stamps.
            if Mutant::LikeWinsTies.lives() && page.get(self.base, viewer) == bits + 1 {
                self.put(viewer, bits);
                return Merged::Taken { before: bits + 1 };
            }
            let bytes = page.bytes();
            match page.merge(self.base, viewer, bits) {
                Ok(merged) => {
                    self.bytes = self.bytes + page.bytes() - bytes;
                    self.len += u32::from(merged == Merged::Taken { before: 0 });
                    return merged;
                }
                Err(Full) => self.split(number),
            }
        }
    }

    /// The viewer's register, 0 for none.
    pub(crate) fn get(&mut self, viewer: ViewerNo) -> Result<u64, Cold> {
        let Some(number) = self.page(viewer) else { return Ok(0) };
        let page = &mut self.pages[number];
        if page.is_cold() { Err(Cold(page.range())) } else { Ok(page.get(self.base, viewer)) }
    }

    /// Sets a register, 0 for none: to what it was, when what replaced it was taken back. Its page is here: it holds what
    /// is not durable.
    pub(crate) fn put(&mut self, viewer: ViewerNo, bits: u64) {
        if bits == 0 {
            if let Some(page) = self.page(viewer) {
                self.len -= u32::from(self.pages[page].remove(viewer));
            }
            return;
        }
        loop {
            let number = self.page(viewer).unwrap_or_else(|| self.add_page(viewer));
            let page = &mut self.pages[number];
            let bytes = page.bytes();
            match page.put(self.base, viewer, bits) {
                Ok(is_new) => {
                    self.bytes = self.bytes + page.bytes() - bytes;
                    self.len += u32::from(is_new);
                    return;
                }
                Err(Full) => self.split(number),
            }
        }
    }

    /// How many there are, here and in the store.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Bytes of those that are here.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many pages there are.
    pub(crate) fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// The next page, from this one on, that has changed since it was saved; it is saved by this checkpoint.
    pub(crate) fn take_changed(&mut self, from: usize, checkpoint: u32) -> Option<ChangedPage> {
        let number = (from..self.pages.len()).find(|number| self.pages[*number].is_changed())?;
        let page = &mut self.pages[number];
        page.set_saved(checkpoint);
        Some(ChangedPage { number, range: page.range(), cells: page.entries(self.base).collect() })
    }

    /// What was taken was not saved.
    pub(crate) fn set_changed(&mut self) {
        self.pages.iter_mut().for_each(Page::set_changed);
    }

    /// Rows of the store that no page stands for any more.
    pub(crate) fn take_gone(&mut self) -> Vec<PageRange> {
        std::mem::take(&mut self.gone)
    }

    /// The range of each page.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = PageRange> {
        self.pages.iter().map(Page::range)
    }

    /// Whether there is a page of exactly this range.
    pub(crate) fn has(&self, range: PageRange) -> bool {
        self.page(range.first).is_some_and(|number| self.pages[number].range() == range)
    }

    /// Lets go of a page if it can be loaded again: see [`Page::evict`].
    pub(crate) fn evict(&mut self, number: usize, sealed: u32) -> Evicted {
        let evicted = self.pages[number].evict(sealed);
        if let Evicted::Freed(bytes) = evicted {
            self.bytes -= bytes;
        }
        evicted
    }

    /// Takes a page as the store has it, saved by this checkpoint, where nothing is yet; its cells stay in the store
    /// unless they are `wanted` here. False if something is there: then cell by cell.
    pub(crate) fn adopt(&mut self, range: PageRange, cells: &[(ViewerNo, u64)], saved_by: u32, wanted: bool) -> bool {
        let mut page = Page::cold(range, saved_by);
        if !self.is_free(range) || (wanted && page.fill(self.base, cells) == Err(Full)) {
            return false;
        }
        self.len += cells.len() as u32;
        self.bytes += page.bytes();
        if self.pages.is_empty() {
            self.shift = range.shift;
        }
        self.refine(range.shift);
        self.name(page);
        true
    }

    /// Takes the cells of a page that was cold, as the store has them. False if there is no such page (any more), or if
    /// the cells do not fit it.
    pub(crate) fn load(&mut self, range: PageRange, cells: &[(ViewerNo, u64)]) -> bool {
        let Some(number) = self.page(range.first) else { return false };
        let page = &mut self.pages[number];
        if page.range() != range || !page.is_cold() || page.fill(self.base, cells) == Err(Full) {
            return false;
        }
        self.bytes += page.bytes();
        true
    }

    /// The page of a viewer's range.
    fn page(&self, viewer: ViewerNo) -> Option<usize> {
        let entry = u64::from(viewer) >> self.shift;
        self.directory.get(entry as usize).filter(|page| **page != NONE).map(|page| *page as usize)
    }

    /// Whether no page holds any of these numbers.
    fn is_free(&self, range: PageRange) -> bool {
        let first = (u64::from(range.first) >> self.shift) as usize;
        let entries = 1usize << range.shift.saturating_sub(self.shift);
        self.directory.iter().skip(first).take(entries).all(|page| *page == NONE)
    }

    /// A page for the one entry of a viewer.
    fn add_page(&mut self, viewer: ViewerNo) -> usize {
        let first = (u64::from(viewer) >> self.shift << self.shift) as ViewerNo;
        self.name(Page::new(PageRange { first, shift: self.shift }))
    }

    /// Gives the directory entries of at most this many numbers, as a power of two.
    fn refine(&mut self, shift: u8) {
        while shift < self.shift {
            self.shift -= 1;
            self.directory = self.directory.iter().flat_map(|page| [*page, *page]).collect();
        }
    }

    /// Puts a page into the directory.
    fn name(&mut self, page: Page) -> usize {
        let PageRange { first, shift } = page.range();
        let first = (u64::from(first) >> self.shift) as usize;
        let end = first + (1usize << (shift - self.shift));
        if self.directory.len() < end {
            self.directory.resize(end, NONE);
        }
        self.directory[first..end].fill(self.pages.len() as u32);
        self.pages.push(page);
        self.pages.len() - 1
    }

    /// Halves a page's range, or, where it is dense enough, gives every number of the range a place.
    fn split(&mut self, number: usize) {
        let bytes = self.pages[number].bytes();
        if self.pages[number].condense() {
            self.bytes = self.bytes + self.pages[number].bytes() - bytes;
            return;
        }
        if self.pages[number].was_saved() {
            self.gone.push(self.pages[number].range());
        }
        let (lower, upper) = self.pages[number].halves(self.base);
        self.bytes = self.bytes + lower.bytes() + upper.bytes() - bytes;
        self.refine(lower.range().shift);
        self.pages[number] = lower;
        if upper.is_empty() {
            // The upper half may be far beyond the last viewer: it has a page when it has a register.
            let PageRange { first, shift } = upper.range();
            let entry = (u64::from(first) >> self.shift) as usize;
            let end = (entry + (1usize << (shift - self.shift))).min(self.directory.len());
            self.directory[entry.min(end)..end].fill(NONE);
            while self.directory.last() == Some(&NONE) {
                self.directory.pop();
            }
        } else {
            self.name(upper);
        }
    }
}

#[cfg(test)]
mod tests;
