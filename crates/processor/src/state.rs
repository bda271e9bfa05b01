//! All that a processor knows: comments, viewers, streams and slots, and how one change becomes visible or is undone.
//!
//! Between `writes`, which applies changes tentatively, and `report` and `query`, which read what is durable.
//! Invariant: what is visible is exactly what the published changes make, in the order of each slot's positions.

use watershed_protocol::{CommentId, Mutant, Part, Position, Slot, StreamId, Tally, peer::report::TallyRow};

use crate::{
    backlog::Backlog,
    checkpoint::ToSave,
    comments::{CommentNo, Comments, Stage, Unsaved},
    group::{Change, TapsChange},
    residence::Residence,
    rows::Encoder,
    slots::Slots,
    streams::{Pin, ShelfNo, StreamNo, Streams},
    viewers::Viewers,
    window::{Dirty, What},
};

/// The materialised log.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) slots: Slots,
    pub(crate) comments: Comments,
    pub(crate) viewers: Viewers,
    pub(crate) streams: Streams,
    /// Registers of all comments, in memory and in the store, and which of them are in memory.
    pub(crate) registers: u64,
    pub(crate) residence: Residence,
    /// What the next checkpoint has to save.
    pub(crate) to_save: ToSave,
    /// Whether a store was read: rows of the log may then be known already.
    pub(crate) restored: bool,
    /// Likes of the log that are not merged yet: none once the log was replayed.
    pub(crate) backlog: Backlog,
}

/// What a published change asks of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Published {
    /// The stream whose window has something new.
    pub(crate) stream: Option<StreamNo>,
    /// The comment whose count changed.
    pub(crate) counted: Option<CommentNo>,
}

/// Whether the bits of a register, 0 for none, say "liked".
pub(crate) fn liked(bits: u64) -> bool {
    bits != 0 && bits & 1 == 0
}

impl State {
    /// The slot that a change belongs to.
    pub(crate) fn slot_of(&self, change: &Change) -> Slot {
        self.streams.shelves[self.shelf_of(change)].slot
    }

    fn shelf_of(&self, change: &Change) -> ShelfNo {
        match change {
            Change::Like { comment, .. } | Change::Comment { comment } | Change::Deletion { comment } => {
                self.comments[*comment].shelf
            }
            Change::Pin { shelf, .. } => *shelf,
            Change::Taps(taps) => taps.shelf,
        }
    }

    /// The stream of a shelf.
    pub(crate) fn stream_id(&self, shelf: ShelfNo) -> &StreamId {
        &self.streams[self.streams.shelves[shelf].stream].id
    }

    /// A comment that stands on this stream, by its id.
    pub(crate) fn home_of(&self, stream: Option<StreamNo>, id: &CommentId) -> Option<CommentNo> {
        self.in_slot(stream, id.slot(), id)
    }

    /// A part of a comment that stands on this stream. None also when the comment is spread in another way.
    pub(crate) fn comment_of(&self, stream: Option<StreamNo>, id: &CommentId, part: Part) -> Option<CommentNo> {
        self.in_slot(stream, part.slot(id), id).filter(|comment| self.comments[*comment].part == part)
    }

    /// What this slot has of a comment that stands on this stream.
    pub(crate) fn in_slot(&self, stream: Option<StreamNo>, slot: Slot, id: &CommentId) -> Option<CommentNo> {
        let comment = self.comments.find_in(slot, id)?;
        let shelf = self.comments[comment].shelf;
        let here = Some(self.streams.shelves[shelf].stream) == stream;
        (here || Mutant::OtherStreamTaken.lives()).then_some(comment)
    }

    /// Writes a change as a row of the log.
    pub(crate) fn encode(&self, change: &Change, encoder: &mut Encoder) {
        match change {
            Change::Like { comment, key, after, .. } => {
                encoder.like(self.comments[*comment].id, *key, *after);
            }
            Change::Comment { comment } => {
                let entry = &self.comments[*comment];
                let stream = self.stream_id(entry.shelf);
                match &entry.content {
                    Some(content) => encoder.comment(stream, content, entry.part.spread()),
                    None if !entry.part.is_home() => {
                        encoder.header(stream, entry.id, entry.part, entry.time, &entry.author);
                    }
                    None => unreachable!("a comment keeps its content until its deletion is durable"),
                }
            }
            Change::Deletion { comment } => encoder.deletion(self.comments[*comment].id),
            Change::Pin { shelf, time, comment } => {
                let id = comment.map(|comment| self.comments[comment].id);
                encoder.pin(self.stream_id(*shelf), *time, id);
            }
            Change::Taps(taps) => encoder.taps(self.stream_id(taps.shelf), taps.reporter, &taps.after),
        }
    }

    /// The current count of a comment as it is reported.
    pub(crate) fn tally(&self, comment: CommentNo) -> TallyRow {
        let entry = &self.comments[comment];
        let epoch = self.slots.epoch(self.streams.shelves[entry.shelf].slot);
        TallyRow { id: entry.id, part: entry.part, tally: Tally { epoch, version: entry.version, count: entry.likes } }
    }

    /// What a comment ranks by: its likes; those of a spread one as if all parts were like its home.
    pub(crate) fn worth(&self, comment: CommentNo) -> u64 {
        let entry = &self.comments[comment];
        entry.likes.saturating_mul(entry.part.spread().count().into())
    }

    /// A change became durable: it is visible from now on.
    pub(crate) fn publish(&mut self, change: Change) -> Published {
        let number = self.shelf_of(&change);
        let shelf = &mut self.streams.shelves[number];
        let (slot, stream) = (shelf.slot, shelf.stream);
        let position = self.slots.published(slot);
        shelf.changed = position;
        let mut published = Published { stream: Some(stream), counted: None };
        match change {
            Change::Like { comment, before, after, .. } => {
                self.to_save.comment(&mut self.comments, comment, Unsaved::Metrics);
                let surplus = before == 0 && Mutant::UnknownUnlikeCounted.lives();
                if liked(before) == liked(after) && !surplus {
                    return Published::default();
                }
                let entry = &mut self.comments[comment];
                entry.version = position;
                for count in [&mut entry.likes, &mut shelf.likes] {
                    *count = if liked(after) || surplus { *count + 1 } else { *count - 1 };
                }
                published.counted = Some(comment);
                self.mark_tally(stream, slot, position, comment);
            }
            Change::Comment { comment } => {
                let entry = &mut self.comments[comment];
                // Within one group it may have been deleted already: it is leaving, and its deletion follows.
                if entry.stage == Stage::Pending {
                    entry.stage = Stage::Live;
                }
                (entry.written, entry.version) = (position, position);
                let (order, part) = (entry.order(), entry.part);
                shelf.written.push(comment);
                if part.is_home() {
                    shelf.comments += 1;
                    self.streams[stream].history.insert(order, comment);
                    self.mark(stream, slot, position, What::Comment(comment));
                }
                // A sum is shown with all parts in hand, so the root must hear of those that have no like yet.
                if !part.spread().is_whole() {
                    published.counted = Some(comment);
                    self.mark_tally(stream, slot, position, comment);
                }
                self.to_save.comment(&mut self.comments, comment, Unsaved::All);
            }
            Change::Deletion { comment } => {
                let entry = &mut self.comments[comment];
                entry.stage = Stage::Deleted;
                entry.version = position;
                entry.content = None;
                shelf.comments -= u64::from(entry.part.is_home());
                shelf.likes -= std::mem::take(&mut entry.likes);
                self.to_save.forget(comment, entry);
                if entry.part.is_home() {
                    self.streams[stream].history.remove(&entry.order());
                    self.mark(stream, slot, position, What::Deletion(comment));
                }
                self.drop_registers(comment);
                self.to_save.comment(&mut self.comments, comment, Unsaved::All);
            }
            Change::Pin { time, comment, .. } => {
                shelf.pin = Some(Pin { time, comment, position });
                self.to_save.shelf(number);
                self.mark(stream, slot, position, What::Pin);
            }
            Change::Taps(taps) => self.publish_taps(*taps, position),
        }
        published
    }

    fn publish_taps(&mut self, taps: TapsChange, position: Position) {
        let TapsChange { shelf, before, after, .. } = taps;
        self.to_save.shelf(shelf);
        let shelf = &mut self.streams.shelves[shelf];
        for (kind, count) in after {
            let counted = before.as_ref().and_then(|before| before.get(&kind)).copied().unwrap_or_default();
            *shelf.taps.sums.entry(kind).or_default() += count - counted;
        }
        shelf.taps.version = position;
        let (stream, total) = (shelf.stream, shelf.taps.total());
        if let Some(window) = &mut self.streams[stream].window {
            window.taps.dirty = true;
            window.taps.total = total;
        }
    }

    pub(crate) fn mark(&mut self, stream: StreamNo, slot: Slot, position: Position, what: What) {
        if let Some(window) = self.streams[stream].window.as_deref_mut().filter(|window| !window.resync) {
            window.dirty.push_back(Dirty { slot, position, what });
        }
    }

    pub(crate) fn mark_tally(&mut self, stream: StreamNo, slot: Slot, position: Position, comment: CommentNo) {
        let entry = &mut self.comments[comment];
        let watched = self.streams[stream].window.as_ref().is_some_and(|window| !window.resync);
        if watched && !entry.dirty {
            entry.dirty = true;
            self.mark(stream, slot, position, What::Tally(comment));
        }
    }

    /// A change was applied and will not become durable. Changes are undone in the reverse of their order. Returns its
    /// shelf, to be released when all of them are undone: until then others stand on it.
    pub(crate) fn undo(&mut self, change: Change) -> ShelfNo {
        let shelf = self.shelf_of(&change);
        self.slots.undone(self.streams.shelves[shelf].slot);
        match change {
            Change::Like { comment, viewer, before, .. } => {
                if !Mutant::RefusedKept.lives() {
                    self.take_back(comment, viewer, before);
                }
                // Its page has changed, and changed back: only a checkpoint can tell.
                self.to_save.comment(&mut self.comments, comment, Unsaved::Metrics);
            }
            Change::Comment { comment } => {
                let undone = self.comments.pop();
                debug_assert!(undone.is_some_and(|entry| entry.stage == Stage::Pending), "{comment} is not the last");
            }
            Change::Deletion { comment } => {
                let entry = &mut self.comments[comment];
                entry.stage = if entry.written == Position::ZERO { Stage::Pending } else { Stage::Live };
            }
            Change::Pin { .. } => {}
            Change::Taps(taps) => {
                let reporters = &mut self.streams.shelves[shelf].taps.reporters;
                match taps.before {
                    Some(before) => drop(reporters.insert(taps.reporter, before)),
                    None => drop(reporters.remove(&taps.reporter)),
                }
            }
        }
        shelf
    }
}
