//! The log read back: sections of durable rows become state again.
//!
//! Before the machine is started. Invariant: replaying what was appended gives the state that was visible.

use std::sync::Arc;

use watershed_log::Section;
use watershed_protocol::{Comment, CommentId, Position, Slot};

use crate::{
    bytes::RowError,
    comments::{CommentNo, Entry, Stage, Unsaved},
    group::{Change, TapsChange},
    machine::Processor,
    registers::{Cold, Merged},
    restore::ReadRow,
    rows::{Decoder, ROWS_FORMAT, Row},
    state::State,
};

/// A section of the log that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Its rows are of a format that this version does not read.
    #[error("rows of slot {slot} after position {from} have format {found:?}, only {ROWS_FORMAT} is read")]
    Format {
        /// Which slot.
        slot: Slot,
        /// The position before its rows.
        from: Position,
        /// The format's number, if there is one.
        found: Option<u8>,
    },
    /// Its rows do not follow the slot's rows before it.
    #[error("rows of slot {slot} after position {from} do not follow those before")]
    Gap {
        /// Which slot.
        slot: Slot,
        /// The position before its rows.
        from: Position,
    },
    /// A row cannot be read or does not fit what is there.
    #[error("row of slot {slot} at position {at}: {why}")]
    Row {
        /// Which slot.
        slot: Slot,
        /// The row's position.
        at: Position,
        /// What is wrong.
        why: String,
    },
}

impl Processor {
    /// Takes the next section of the log, before [`Processor::start`]; `read` finds rows of the store that was restored.
    pub fn replay(&mut self, section: &Section, read: &mut ReadRow<'_>) -> Result<(), ReplayError> {
        let Section { slot, epoch, from, to, body } = section;
        let (slot, from) = (*slot, *from);
        let mut rows = Decoder::new(body).map_err(|found| ReplayError::Format { slot, from, found })?;
        if !self.state.slots.resume(slot, *epoch, from) {
            return Err(ReplayError::Gap { slot, from });
        }
        let mut at = from;
        let wrong = |at: Position, why: String| ReplayError::Row { slot, at: at.next(), why };
        while let Some(row) = rows.next().map_err(|error: RowError| wrong(at, error.to_string()))? {
            let known =
                self.state.restored && self.state.knows(slot, at.next(), &row, read).map_err(|why| wrong(at, why))?;
            self.state.slots.applied(slot);
            if known {
                self.state.slots.published(slot);
            } else {
                let change = self.change_of(slot, row, read).map_err(|why| wrong(at, why))?;
                self.state.publish(change);
            }
            self.state.make_room();
            at = at.next();
        }
        if at != *to {
            return Err(wrong(at, format!("the section ends here, its head says {to}")));
        }
        Ok(())
    }

    fn change_of(&mut self, slot: Slot, row: Row, read: &mut ReadRow<'_>) -> Result<Change, String> {
        let state = &mut self.state;
        Ok(match row {
            Row::Comment { stream, comment, spread } => {
                if comment.id.slot() != slot || state.comments.find(&comment.id).is_some() {
                    return Err(format!("{:?} is of another slot, or comes twice", comment.id));
                }
                self.clock.recover(comment.time);
                let shelf = state.streams.shelf(&stream, slot);
                Change::Comment { comment: state.comments.push(Entry::new(&stream, Arc::new(comment), spread, shelf)) }
            }
            Row::Header { stream, id, part, time, author } => {
                if part.is_home() || part.slot(&id) != slot || state.comments.find_in(slot, &id).is_some() {
                    return Err(format!("a part of {id:?} is of another slot, or comes twice"));
                }
                self.clock.recover(time);
                let shelf = state.streams.shelf(&stream, slot);
                Change::Comment { comment: state.comments.push(Entry::header(id, part, author, time, shelf)) }
            }
            Row::Like { comment, viewer, register } => {
                let comment = state.live(slot, &comment)?;
                let (key, viewer) = (viewer, state.viewers.intern(viewer));
                let after = register.to_bits();
                let mut merged = state.merge(comment, viewer, after);
                if let Merged::Cold(range) = merged {
                    state.warm(comment, range, read)?;
                    merged = state.merge(comment, viewer, after);
                }
                match merged {
                    Merged::Taken { before } => Change::Like { comment, viewer, key, before, after },
                    Merged::Kept { .. } | Merged::Cold(_) => return Err("the like changes nothing".into()),
                }
            }
            Row::Deletion { comment } => Change::Deletion { comment: state.live(slot, &comment)? },
            Row::Pin { stream, time, comment } => {
                self.clock.recover(time);
                // In the store it may have been deleted since; the pin still replaces the one before.
                let comment = match comment {
                    Some(id) if state.restored => Some(state.comments.find(&id).ok_or("there is no such comment")?),
                    comment => comment.map(|id| state.live(slot, &id)).transpose()?,
                };
                let shelf = state.streams.shelf(&stream, slot);
                if comment.is_some_and(|comment| state.comments[comment].shelf != shelf) {
                    return Err("the pinned comment is of another stream".into());
                }
                Change::Pin { shelf, time, comment }
            }
            Row::Taps { stream, reporter, counts } => {
                let shelf = state.streams.shelf(&stream, slot);
                let before = state.streams.shelves[shelf].taps.reporters.insert(reporter, counts.clone());
                let falls = |(kind, count)| counts.get(kind).is_none_or(|now| now < count);
                if before.iter().flatten().any(falls) {
                    return Err(format!("the taps of reporter {reporter} fall"));
                }
                Change::Taps(Box::new(TapsChange { shelf, reporter, before, after: counts }))
            }
        })
    }
}

impl State {
    /// Whether a row of the log is in the store already, itself or what came after it: checkpoints may be later than the
    /// record from which the log is replayed.
    fn knows(&mut self, slot: Slot, at: Position, row: &Row, read: &mut ReadRow<'_>) -> Result<bool, String> {
        Ok(match row {
            Row::Comment { comment: Comment { id, .. }, .. } | Row::Header { id, .. } => {
                self.comments.find_in(slot, id).is_some_and(|found| self.comments[found].written == at)
            }
            Row::Like { comment, viewer, register } => {
                let Some(comment) = self.comments.find_in(slot, comment) else { return Ok(false) };
                let viewer = self.viewers.intern(*viewer);
                if let Err(Cold(range)) = self.comments[comment].registers.get(viewer) {
                    self.warm(comment, range, read)?;
                }
                let entry = &mut self.comments[comment];
                let is_late = |bits: Result<u64, _>| bits.is_ok_and(|bits| bits >= register.to_bits());
                let known = entry.stage == Stage::Deleted || is_late(entry.registers.get(viewer));
                known && self.changed_by(comment, at)
            }
            Row::Deletion { comment } => {
                let Some(comment) = self.comments.find_in(slot, comment) else { return Ok(false) };
                self.comments[comment].stage == Stage::Deleted && self.changed_by(comment, at)
            }
            Row::Pin { stream, .. } => {
                let shelf = self.streams.shelf(stream, slot);
                self.streams.shelves[shelf].pin.is_some_and(|pin| pin.position >= at)
            }
            Row::Taps { stream, .. } => {
                let shelf = self.streams.shelf(stream, slot);
                self.streams.shelves[shelf].taps.version >= at
            }
        })
    }

    /// A comment may have changed here: that cannot be told any more. A version may be too late, but not too early.
    fn changed_by(&mut self, comment: CommentNo, at: Position) -> bool {
        let entry = &mut self.comments[comment];
        let changed = &mut self.streams.shelves[entry.shelf].changed;
        *changed = at.max(*changed);
        if entry.version < at {
            entry.version = at;
            self.to_save.comment(&mut self.comments, comment, Unsaved::Metrics);
        }
        true
    }

    /// The comment that a row of this slot changes.
    fn live(&self, slot: Slot, id: &CommentId) -> Result<CommentNo, String> {
        let comment = self.comments.find_in(slot, id).ok_or_else(|| format!("there is no {id:?} in this slot"))?;
        match self.comments[comment].stage {
            Stage::Deleted => Err(format!("{id:?} is deleted already")),
            _ => Ok(comment),
        }
    }
}
