//! A store read back: rows of a checkpoint become state, before the log is replayed on top.
//!
//! Before `replay`. Rows come keyspace by keyspace, keys ascending. They may be later than the checkpoint that is in
//! force: what was saved for one that was not finished is there as well. Pages of registers that memory has no room for
//! stay in the store; only their likes are counted. Invariant: after restore, replay and recount the
//! state is the one that was visible, whichever of the later rows the store has.

use std::sync::Arc;

use watershed_protocol::{CommentId, HybridTime, Part, Position, StreamId};

use crate::{
    Checkpoint, SavedRow,
    bytes::RowError,
    comments::{CommentNo, Entry, Stage, Unsaved},
    machine::Processor,
    place::{Place, place_of},
    registers::{Cold, Merged, PageRange, Registers, ViewerNo},
    saved::{Keyspace, Saved, SavedComment, SavedPin, SavedTaps},
    state::{State, liked},
    streams::{Pin, Taps},
};

/// Reads one row of the store while a processor recovers: of a page that it has no room to keep.
pub type ReadRow<'a> = dyn FnMut(Keyspace, &[u8]) -> Result<Option<Vec<u8>>, String> + 'a;

/// A row of the store that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("row {} of {} in the store: {why}", hex(.key), .keyspace.name())]
pub struct RestoreError {
    /// In which keyspace.
    pub keyspace: Keyspace,
    /// Its key.
    pub key: Vec<u8>,
    /// What is wrong.
    pub why: String,
}

fn hex(key: &[u8]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Processor {
    /// Takes the next row of the store, before [`Processor::restored`]; `read` finds one that was taken already.
    pub fn restore(&mut self, row: &SavedRow, read: &mut ReadRow<'_>) -> Result<(), RestoreError> {
        let SavedRow { keyspace, key, value } = row;
        let wrong = |why: String| RestoreError { keyspace: *keyspace, key: key.clone(), why };
        let Some(value) = value else { return Ok(()) };
        let saved = Saved::decode(*keyspace, key, value).map_err(|error: RowError| wrong(error.to_string()))?;
        let time = self.state.take_saved(saved, read).map_err(wrong)?;
        self.clock.recover(time);
        Ok(())
    }

    /// All rows have been read; the checkpoint says from where on the log is to be replayed.
    pub fn restored(&mut self, checkpoint: &Checkpoint) {
        for (slot, end) in checkpoint.ends.iter() {
            self.state.slots.restore(slot, end.epoch, end.position);
        }
        let viewers = self.state.viewers.len() as u32;
        self.state.to_save.viewers = viewers;
        self.state.recount();
        self.state.restored = true;
    }
}

impl State {
    /// Takes one row; a time that it holds.
    fn take_saved(&mut self, saved: Saved, read: &mut ReadRow<'_>) -> Result<HybridTime, String> {
        match saved {
            Saved::Viewers { first, keys } => {
                let known = self.viewers.len() as u32;
                if first > known {
                    return Err(format!("it begins with viewer {first}, the one before ended with {known}"));
                }
                for (number, key) in (first..).zip(keys) {
                    if self.viewers.restore(key) != number {
                        return Err(format!("viewer {number} has another number already"));
                    }
                }
            }
            Saved::Comment { place, words, stream, part, comment } => {
                return self.take_comment(place, words, (&stream, part), comment);
            }
            Saved::Version { place, version } => {
                let comment = self.find_place(place)?;
                self.comments[comment].version = version;
            }
            Saved::Page { place, range, cells } => self.take_page(place, range, &cells, read)?,
            Saved::Shelf { slot, stream, pin, taps } => {
                let shelf = self.streams.shelf(&stream, slot);
                let pin = pin.map(|pin| self.pin_of(pin));
                let shelf = &mut self.streams.shelves[shelf];
                let SavedTaps { version, reporters } = taps;
                shelf.changed = shelf.changed.max(version).max(pin.map_or(Position::ZERO, |pin| pin.position));
                shelf.taps = Taps { reporters, version, ..Taps::default() };
                shelf.pin = pin;
                return Ok(pin.map_or(HybridTime::default(), |pin| pin.time));
            }
        }
        Ok(HybridTime::default())
    }

    fn take_comment(
        &mut self,
        place: Place,
        words: u128,
        (stream, part): (&StreamId, Part),
        comment: SavedComment,
    ) -> Result<HybridTime, String> {
        let stage = if matches!(comment, SavedComment::Deleted { .. }) { Stage::Deleted } else { Stage::Live };
        let (id, time, author, content) = match comment {
            SavedComment::Live(comment) => (comment.id, comment.time, comment.author.clone(), Some(Arc::new(comment))),
            SavedComment::Deleted { id, time, author } | SavedComment::Header { id, time, author } => {
                (id, time, author, None)
            }
        };
        if part.slot(&id) != place.slot || self.comments.find_in(place.slot, &id).is_some() {
            return Err(format!("{id:?} is of another slot, or comes twice"));
        }
        let shelf = self.streams.shelf(stream, place.slot);
        let number = self.comments.push(Entry {
            id,
            part,
            words,
            author,
            time,
            shelf,
            registers: Registers::new(time.millis().get()),
            stage,
            content,
            dirty: false,
            unsaved: Unsaved::Nothing,
            written: place.written,
            version: place.written,
            likes: 0,
        });
        if stage == Stage::Live && part.is_home() {
            let stream = self.streams.shelves[shelf].stream;
            let order = self.comments[number].order();
            self.streams[stream].history.insert(order, number);
        }
        let shelf = &mut self.streams.shelves[shelf];
        shelf.written.push(number);
        shelf.changed = shelf.changed.max(place.written);
        Ok(time)
    }

    fn take_page(
        &mut self,
        place: Place,
        range: PageRange,
        cells: &[(ViewerNo, u64)],
        read: &mut ReadRow<'_>,
    ) -> Result<(), String> {
        let comment = self.find_place(place)?;
        let known = self.viewers.len() as u32;
        if self.comments[comment].stage == Stage::Deleted {
            self.to_save.remove(comment, range);
            return Ok(());
        }
        if let Some((viewer, _)) = cells.last().filter(|(viewer, _)| *viewer >= known) {
            return Err(format!("it names viewer {viewer}, {known} are known"));
        }
        if self.adopt(comment, range, cells) {
            return Ok(());
        }
        // Pages of different times overlap: the later register is the true one. What they make is saved anew, and this row
        // goes then, unless the page that is there has its range once more.
        for (viewer, bits) in cells {
            if let Err(Cold(range)) = self.comments[comment].registers.get(*viewer) {
                self.warm(comment, range, read)?;
            }
            if let Merged::Taken { before } = self.merge(comment, *viewer, *bits) {
                let likes = &mut self.comments[comment].likes;
                *likes = *likes + u64::from(liked(*bits)) - u64::from(liked(before));
            }
        }
        self.to_save.comment(&mut self.comments, comment, Unsaved::Metrics);
        self.to_save.remove(comment, range);
        Ok(())
    }

    /// Has a page in memory that is cold.
    pub(crate) fn warm(&mut self, comment: CommentNo, range: PageRange, read: &mut ReadRow<'_>) -> Result<(), String> {
        self.make_room();
        let key = place_of(&self.comments[comment]).page_key(range);
        let value = read(Keyspace::Metrics, &key)?;
        let value =
            value.ok_or_else(|| format!("the page of viewers from {} on is in the store no more", range.first))?;
        match Saved::decode(Keyspace::Metrics, &key, &value).map_err(|error| error.to_string())? {
            Saved::Page { cells, .. } if self.load(comment, range, &cells) => Ok(()),
            _ => Err(format!("the page of viewers from {} on does not fit its comment", range.first)),
        }
    }

    /// A pin by the number of its comment. One that is deleted pins nothing.
    fn pin_of(&self, pin: SavedPin) -> Pin {
        let comment = pin.comment.and_then(|id: CommentId| self.comments.find(&id));
        Pin { time: pin.time, comment, position: pin.position }
    }

    /// Comments were restored in the order of their places.
    fn find_place(&self, place: Place) -> Result<CommentNo, String> {
        let of = |number: CommentNo| place_of(&self.comments[number]);
        let (mut from, mut to) = (0, self.comments.len() as CommentNo);
        while from < to {
            let middle = from + (to - from) / 2;
            match of(middle).cmp(&place) {
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Less => from = middle + 1,
                std::cmp::Ordering::Greater => to = middle,
            }
        }
        Err(format!("there is no comment of slot {} at position {}", place.slot, place.written))
    }

    /// Sums up over comments what is not saved: comments, likes, taps.
    fn recount(&mut self) {
        self.streams.reset_sums();
        for number in 0..self.comments.len() as CommentNo {
            let entry = &self.comments[number];
            let shelf = &mut self.streams.shelves[entry.shelf];
            shelf.changed = shelf.changed.max(entry.version);
            if entry.stage != Stage::Deleted {
                shelf.comments += u64::from(entry.part.is_home());
                shelf.likes += entry.likes;
            }
        }
    }
}
