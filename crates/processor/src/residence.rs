//! Which registers are in memory: all of them up to a limit, and beyond it those that are used.
//!
//! Between `state`, which holds the registers, and `checkpoint`, which puts them into the store. Pages that the store has as
//! they are can be let go of, by a clock that gives each a second chance (Corbató 1969); `cold` has them loaded again.
//! Invariant: a page that holds anything that no checkpoint in force has saved stays in memory.
//!
//! ```text
//!  0 ─────────────── three quarters ─────── limit
//!   nothing happens │ clean pages go; if    │ likes that would need more
//!                   │ none is clean, a      │ are refused as overloaded
//!                   │ checkpoint is wanted  │
//! ```

use crate::{
    comments::CommentNo,
    registers::{Evicted, Merged, PageRange, Registers, ViewerNo},
    state::{State, liked},
};

/// Pages and comments that one step of the machine looks at to make room: some ten microseconds.
const VISITS_PER_STEP_MAX: usize = 4_096;
/// The number of the checkpoint that a restore has read, whichever it was.
pub(crate) const RESTORED: u32 = 1;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Residence {
    /// Bytes of all cells in memory, and how many there may be.
    bytes: usize,
    bytes_max: usize,
    /// The page that is looked at next.
    comment: CommentNo,
    page: usize,
    /// Whether this round of the clock has found a page that went, or may go in the next.
    found: bool,
    /// Whether a whole round has found none: there is none until a checkpoint is in force.
    exhausted: bool,
    /// The checkpoint that is being made or was made last, and the last that is in force.
    making: u32,
    sealed: u32,
    evicted: u64,
}

impl Default for Residence {
    fn default() -> Self {
        Self::new(usize::MAX)
    }
}

impl Residence {
    /// No registers yet, and at most this many bytes of them.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let (bytes, comment, page, evicted) = Default::default();
        let (making, sealed) = (RESTORED, RESTORED);
        Self { bytes, bytes_max, comment, page, found: false, exhausted: false, making, sealed, evicted }
    }

    /// Bytes of all registers in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Pages that were let go of.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Whether memory holds as much as it may.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.bytes_max
    }

    /// Whether only a checkpoint makes room.
    pub(crate) fn wants_saving(&self) -> bool {
        self.exhausted && self.is_crowded()
    }

    /// A checkpoint begins; its number.
    pub(crate) fn begin(&mut self) {
        self.making += 1;
    }

    /// The checkpoint that is being made.
    pub(crate) fn making(&self) -> u32 {
        self.making
    }

    /// The checkpoint is in force: what it saved, and what has not changed since, may go.
    pub(crate) fn seal(&mut self) {
        self.sealed = self.making;
        self.exhausted = false;
    }

    /// Whether there is more than fits without letting pages go.
    pub(crate) fn is_crowded(&self) -> bool {
        self.bytes > self.bytes_max / 4 * 3
    }
}

impl State {
    /// Offers a register to a comment.
    pub(crate) fn merge(&mut self, comment: CommentNo, viewer: ViewerNo, bits: u64) -> Merged {
        let merged = self.with_registers(comment, |registers| registers.merge(viewer, bits));
        self.registers += u64::from(merged == Merged::Taken { before: 0 });
        merged
    }

    /// Sets a register to what it was before it was taken.
    pub(crate) fn take_back(&mut self, comment: CommentNo, viewer: ViewerNo, before: u64) {
        self.with_registers(comment, |registers| registers.put(viewer, before));
        self.registers -= u64::from(before == 0);
    }

    /// Drops all registers of a comment.
    pub(crate) fn drop_registers(&mut self, comment: CommentNo) {
        self.registers -= self.comments[comment].registers.len() as u64;
        self.with_registers(comment, |registers| *registers = Registers::default());
    }

    /// Takes a page that was cold. False if there is no such page, or its cells do not fit.
    pub(crate) fn load(&mut self, comment: CommentNo, range: PageRange, cells: &[(ViewerNo, u64)]) -> bool {
        self.residence.exhausted = false;
        self.with_registers(comment, |registers| registers.load(range, cells))
    }

    /// Takes a page of a store that is being read, into memory if there is room; false if it overlaps with one that is
    /// there.
    pub(crate) fn adopt(&mut self, comment: CommentNo, range: PageRange, cells: &[(ViewerNo, u64)]) -> bool {
        let wanted = !self.residence.is_crowded();
        let taken = self.with_registers(comment, |registers| registers.adopt(range, cells, RESTORED, wanted));
        if taken {
            self.registers += cells.len() as u64;
            self.comments[comment].likes += cells.iter().filter(|(_, bits)| liked(*bits)).count() as u64;
        }
        taken
    }

    fn with_registers<T>(&mut self, comment: CommentNo, change: impl FnOnce(&mut Registers) -> T) -> T {
        let registers = &mut self.comments[comment].registers;
        let bytes = registers.bytes();
        let done = change(registers);
        self.residence.bytes = self.residence.bytes + registers.bytes() - bytes;
        done
    }

    /// Lets pages go until there is room again, or there is none to let go of, or this step has looked at enough.
    pub(crate) fn make_room(&mut self) {
        let mut visits = 0;
        while self.residence.is_crowded() && !self.residence.exhausted && visits < VISITS_PER_STEP_MAX {
            visits += 1;
            self.look_at_one();
        }
    }

    /// One step of the clock's hand.
    fn look_at_one(&mut self) {
        let Residence { comment, page, sealed, .. } = self.residence;
        if comment as usize >= self.comments.len() {
            let (found, residence) = (self.residence.found, &mut self.residence);
            (residence.comment, residence.page, residence.found, residence.exhausted) = (0, 0, false, !found);
        } else if page >= self.comments[comment].registers.page_count() {
            (self.residence.comment, self.residence.page) = (comment + 1, 0);
        } else {
            self.residence.page += 1;
            match self.with_registers(comment, |registers| registers.evict(page, sealed)) {
                Evicted::Freed(_) => {
                    self.residence.evicted += 1;
                    self.residence.found = true;
                }
                Evicted::Spared => self.residence.found = true,
                Evicted::Kept => {}
            }
        }
    }
}
