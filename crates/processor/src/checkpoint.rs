//! Checkpoints: what has changed since the last one goes to the store, a little at a time, so that the log can be cut.
//!
//! Beside the flow of writes, which never waits for it. The driver asks for a checkpoint of the log up to a record; the
//! machine hands out rows in parts of some 256 KiB, one at a time, between the writes that go on meanwhile.
//!
//! A checkpoint is *fuzzy*: a row may hold more than the record that was asked for, because it is made later. That is no
//! harm: after a restore the log is replayed from that record, and a row of the log that is known already changes
//! nothing (`replay`). Counts are not saved at all, they are counted from the registers (`restore`).
//!
//! Invariant: a row leaves only when every change in it is durable in the log. A part that holds changes of a group that is
//! then refused is taken back and made again.

use std::collections::{BTreeSet, VecDeque};

use watershed_log::{Rest, SlotEnd, SlotEnds};
use watershed_protocol::{Millis, Mutant, Slot};

use crate::{
    comments::{CommentNo, Comments, Entry, Stage, Unsaved},
    config::RETRY_AFTER_MS,
    machine::{Output, Processor},
    place::place_of,
    registers::{ChangedPage, PageRange, ViewerNo},
    saved::{Checkpoint, Keyspace, Saved, SavedComment, SavedPin, SavedRow, SavedTaps},
    state::State,
    streams::ShelfNo,
};

/// Bytes of one part: some hundred microseconds of work, which is how long a write may wait for it.
const PART_BYTES: usize = 256 * 1024;
/// Viewers in one part: a mebibyte.
const VIEWERS_PER_PART: u32 = 65_536;
/// New viewers after which a checkpoint is wanted: 4 MB of keys, which are kept until they are saved, and once more where
/// they gather for the store.
pub(crate) const VIEWERS_UNSAVED_MAX: u32 = 250_000;

/// What has changed since it was saved last.
#[derive(Debug, Default)]
pub(crate) struct ToSave {
    comments: VecDeque<CommentNo>,
    shelves: BTreeSet<ShelfNo>,
    /// Pages that are no more: of comments that were deleted, or halved since.
    removed: Vec<(CommentNo, PageRange)>,
    /// Viewers below this number are in the store, and those below this one are to be in it.
    pub(crate) viewers: ViewerNo,
    viewers_due: ViewerNo,
}

impl ToSave {
    /// A comment has changed.
    pub(crate) fn comment(&mut self, comments: &mut Comments, comment: CommentNo, what: Unsaved) {
        let unsaved = &mut comments[comment].unsaved;
        if *unsaved == Unsaved::Nothing {
            self.comments.push_back(comment);
        }
        *unsaved = what.max(*unsaved);
    }

    /// Pin or taps have changed.
    pub(crate) fn shelf(&mut self, shelf: ShelfNo) {
        self.shelves.insert(shelf);
    }

    /// A comment's registers are about to be dropped.
    pub(crate) fn forget(&mut self, comment: CommentNo, entry: &Entry) {
        self.removed.extend(entry.registers.ranges().map(|range| (comment, range)));
    }

    /// The store has a row of a page that is not there.
    pub(crate) fn remove(&mut self, comment: CommentNo, range: PageRange) {
        self.removed.push((comment, range));
    }
}

/// A checkpoint on its way.
#[derive(Debug)]
pub(crate) struct Saving {
    checkpoint: Checkpoint,
    /// What had changed up to then, and is not saved yet.
    left: ToSave,
    /// What was saved for it: to be saved again if the store fails in the end.
    done: Contents,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The next part may be made.
    Idle,
    /// A part that must not leave before this group is durable.
    Unsure { group: u64, rows: Vec<SavedRow>, contents: Contents },
    /// The store works on a part.
    Storing,
    /// The store works on the checkpoint itself.
    Sealing,
}

/// What rows were made of.
#[derive(Debug, Default)]
struct Contents {
    comments: Vec<CommentNo>,
    shelves: Vec<ShelfNo>,
    removed: Vec<(CommentNo, PageRange)>,
    /// The first viewer, if there are any.
    viewers: Option<ViewerNo>,
}

impl Contents {
    fn extend(&mut self, other: Self) {
        self.comments.extend(other.comments);
        self.shelves.extend(other.shelves);
        self.removed.extend(other.removed);
        self.viewers = self.viewers.or(other.viewers);
    }
}

impl Processor {
    /// Begins a checkpoint of everything up to this record of the log.
    pub(crate) fn begin_saving(&mut self, position: u64) {
        if self.saving.is_some() {
            return;
        }
        let slots = &self.state.slots;
        let end = |slot| SlotEnd { epoch: slots.epoch(slot), position: slots.durable(slot) };
        let ends: SlotEnds = Slot::all().filter(|slot| slots.has_rows(*slot)).map(|slot| (slot, end(slot))).collect();
        let viewers = self.state.to_save.viewers;
        let mut left = std::mem::take(&mut self.state.to_save);
        left.viewers_due = self.state.viewers.len() as ViewerNo;
        self.state.to_save.viewers = viewers;
        let checkpoint = Checkpoint { position, ends };
        self.state.residence.begin();
        self.saving = Some(Saving { checkpoint, left, done: Contents::default(), phase: Phase::Idle });
    }

    /// Makes the next part, if there is one to be made, and lets one go that is sure.
    pub(crate) fn save(&mut self, outbox: &mut Vec<Output>) {
        let Some(saving) = &mut self.saving else { return };
        if matches!(saving.phase, Phase::Idle) {
            let (rows, contents) = saving.left.next_part(&mut self.state);
            let group = match self.gatherer.rests_on() {
                Rest::Durable => self.durable,
                Rest::InFlight(group) => group,
                Rest::Open => self.sealed + 1,
            };
            saving.phase = Phase::Unsure { group, rows, contents };
        }
        if let Phase::Unsure { group, .. } = &saving.phase
            && *group <= self.durable
            && let Phase::Unsure { rows, contents, .. } = std::mem::replace(&mut saving.phase, Phase::Storing)
        {
            if rows.is_empty() || Mutant::CheckpointBeforeRows.lives() {
                saving.phase = Phase::Sealing;
                outbox.push(Output::Checkpoint(saving.checkpoint.clone()));
            } else {
                saving.done.extend(contents);
                outbox.push(Output::Save(rows));
            }
        }
    }

    /// The store has what it was given.
    pub(crate) fn saved(&mut self) {
        match self.saving.as_mut().map(|saving| &mut saving.phase) {
            Some(phase @ Phase::Storing) => *phase = Phase::Idle,
            Some(Phase::Sealing) => {
                self.saving = None;
                self.state.residence.seal();
                self.state.viewers.saved(self.state.to_save.viewers);
                self.counters.checkpoints += 1;
            }
            _ => {}
        }
    }

    /// The store has failed, or is full: all is left for the next checkpoint.
    pub(crate) fn give_up_saving(&mut self, now: Millis) {
        let Some(Saving { left, mut done, phase, .. }) = self.saving.take() else { return };
        self.saving_after = Some(now.plus(RETRY_AFTER_MS));
        if let Phase::Unsure { contents, .. } = phase {
            done.extend(contents);
        }
        self.counters.checkpoints_failed += 1;
        self.state.put_back(done);
        for comment in left.comments {
            // It is marked still, and would not be listed otherwise.
            self.state.to_save.comments.push_back(comment);
        }
        self.state.to_save.shelves.extend(left.shelves);
        self.state.to_save.removed.extend(left.removed);
    }

    /// A group was refused: what a part that waits holds of it never happened.
    pub(crate) fn take_back_unsure(&mut self) {
        let Some(saving) = &mut self.saving else { return };
        if let Phase::Unsure { .. } = saving.phase
            && let Phase::Unsure { contents, .. } = std::mem::replace(&mut saving.phase, Phase::Idle)
        {
            // To what is left of this checkpoint, not of the next: it must be in this one.
            let later = std::mem::replace(&mut self.state.to_save, std::mem::take(&mut saving.left));
            self.state.put_back(contents);
            saving.left = std::mem::replace(&mut self.state.to_save, later);
            self.state.to_save.viewers = self.state.to_save.viewers.min(saving.left.viewers);
        }
    }
}

impl ToSave {
    /// Rows of what is left, as many as fit a part.
    fn next_part(&mut self, state: &mut State) -> (Vec<SavedRow>, Contents) {
        let (mut rows, mut contents, mut bytes) = (Vec::new(), Contents::default(), 0);
        // Every viewer that a page names goes first. Where many are new, they are a part of their own.
        let new_viewers = state.viewers.len() as u32 - state.to_save.viewers;
        let are_due = state.to_save.viewers < self.viewers_due;
        if new_viewers > 0 && (are_due || !self.shelves.is_empty() || !self.comments.is_empty()) {
            contents.viewers = Some(state.to_save.viewers);
            rows.extend(state.save_viewers(new_viewers.min(VIEWERS_PER_PART)));
        }
        if new_viewers > VIEWERS_PER_PART {
            return (rows, contents);
        }
        let mut add = |rows: &mut Vec<SavedRow>, row: SavedRow| {
            bytes += row.key.len() + row.value.as_ref().map_or(0, Vec::len);
            rows.push(row);
            bytes < PART_BYTES
        };
        while let Some(shelf) = self.shelves.pop_first() {
            contents.shelves.push(shelf);
            if !add(&mut rows, state.save_shelf(shelf)) {
                break;
            }
        }
        let mut goes_on = true;
        while goes_on && let Some(comment) = self.comments.front().copied() {
            if contents.comments.last() != Some(&comment) {
                contents.comments.push(comment);
            }
            let is_done = state.save_comment(comment, &mut self.removed, |row| {
                goes_on = add(&mut rows, row);
                goes_on
            });
            if is_done {
                self.comments.pop_front();
            }
        }
        // Last: what a page was halved into must be in the store before it leaves.
        if goes_on && self.comments.is_empty() && self.shelves.is_empty() {
            contents.removed = std::mem::take(&mut self.removed);
            rows.extend(contents.removed.iter().filter_map(|(comment, range)| state.removal(*comment, *range)));
        }
        rows.sort();
        (rows, contents)
    }
}

impl State {
    /// Rows of the next viewers.
    fn save_viewers(&mut self, count: u32) -> Vec<SavedRow> {
        let (from, to) = (self.to_save.viewers, self.to_save.viewers + count);
        self.to_save.viewers = to;
        let rows = self.viewers.unsaved(from, to);
        rows.map(|(first, keys)| Saved::Viewers { first, keys: keys.to_vec() }.encode()).collect()
    }

    fn save_shelf(&self, number: ShelfNo) -> SavedRow {
        let shelf = &self.streams.shelves[number];
        let pin = shelf.pin.map(|pin| SavedPin {
            time: pin.time,
            position: pin.position,
            comment: pin.comment.map(|comment| self.comments[comment].id),
        });
        let taps = SavedTaps { version: shelf.taps.version, reporters: shelf.taps.reporters.clone() };
        Saved::Shelf { slot: shelf.slot, stream: self.stream_id(number).clone(), pin, taps }.encode()
    }

    /// Rows of what has changed of a comment, until `take` has enough. True when that was all.
    fn save_comment(
        &mut self,
        number: CommentNo,
        removed: &mut Vec<(CommentNo, PageRange)>,
        mut take: impl FnMut(SavedRow) -> bool,
    ) -> bool {
        let stream = self.stream_id(self.comments[number].shelf).clone();
        let entry = &mut self.comments[number];
        let place = place_of(entry);
        if entry.unsaved == Unsaved::All {
            let comment = match (&entry.content, entry.stage) {
                (Some(comment), Stage::Live | Stage::Leaving | Stage::Pending) => {
                    SavedComment::Live((**comment).clone())
                }
                (None, Stage::Live | Stage::Leaving | Stage::Pending) => {
                    SavedComment::Header { id: entry.id, time: entry.time, author: entry.author.clone() }
                }
                _ => SavedComment::Deleted { id: entry.id, time: entry.time, author: entry.author.clone() },
            };
            take(Saved::Comment { place, words: entry.words, stream, part: entry.part, comment }.encode());
            entry.unsaved = Unsaved::Metrics;
        }
        let (mut page, checkpoint) = (0, self.residence.making());
        removed.extend(entry.registers.take_gone().into_iter().map(|range| (number, range)));
        while let Some(ChangedPage { number, range, cells }) = entry.registers.take_changed(page, checkpoint) {
            page = number + 1;
            if Mutant::PageLost.lives() {
                continue;
            }
            if !take(Saved::Page { place, range, cells }.encode()) {
                return false;
            }
        }
        // Last, so that it is not older than any page.
        take(Saved::Version { place, version: entry.version }.encode());
        entry.unsaved = Unsaved::Nothing;
        true
    }

    /// A row that removes a page; none if it has come to be again.
    fn removal(&self, comment: CommentNo, range: PageRange) -> Option<SavedRow> {
        let entry = &self.comments[comment];
        let key = || place_of(entry).page_key(range);
        (!entry.registers.has(range)).then(|| SavedRow { keyspace: Keyspace::Metrics, key: key(), value: None })
    }

    /// What was made into rows is to be made into rows again.
    fn put_back(&mut self, contents: Contents) {
        for comment in contents.comments {
            let entry = &mut self.comments[comment];
            entry.registers.set_changed();
            entry.unsaved = Unsaved::All;
            // It may be listed already, for the next checkpoint; to be saved twice is no harm.
            self.to_save.comments.push_back(comment);
        }
        self.to_save.shelves.extend(contents.shelves);
        self.to_save.removed.extend(contents.removed);
        if let Some(viewers) = contents.viewers {
            self.to_save.viewers = self.to_save.viewers.min(viewers);
        }
    }
}
