//! The log read back: sections of durable rows become state again.
//!
//! Before the machine is started. Invariant: replaying what was appended gives the state that was visible.

use std::sync::Arc;

use watershed_log::Section;
use watershed_protocol::{Comment, CommentId, Position, Register, Slot, ViewerKey};

use crate::{
    bytes::RowError,
    comments::{CommentNo, Entry, Stage, Unsaved},
    group::{Change, TapsChange},
    machine::Processor,
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
    /// Takes the next section of the log, before [`Processor::replayed`]; `read` finds rows of the store that was restored.
    /// A like that does not fit what is there may be found later: the error names its slot and position all the same.
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
            self.state.slots.applied(slot);
            if let Row::Like { comment, viewer, register } = row {
                let position = self.state.slots.published(slot);
                let like = (&comment, viewer, register);
                self.state.put_off(slot, position, like).map_err(|why| wrong(at, why))?;
            } else {
                if matches!(row, Row::Deletion { .. }) {
                    self.state.merge_backlog(read)?;
                }
                self.replay_row(slot, at.next(), row).map_err(|why| wrong(at, why))?;
            }
            at = at.next();
        }
        if at != *to {
            return Err(wrong(at, format!("the section ends here, its head says {to}")));
        }
        if self.state.backlog.is_full() { self.state.merge_backlog(read) } else { Ok(()) }
    }

    /// Takes a row that is not a like: its position was given out.
    fn replay_row(&mut self, slot: Slot, at: Position, row: Row) -> Result<(), String> {
        if self.state.restored && self.state.knows(slot, at, &row)? {
            self.state.slots.published(slot);
        } else {
            let change = self.change_of(slot, row)?;
            self.state.publish(change);
        }
        Ok(())
    }

    fn change_of(&mut self, slot: Slot, row: Row) -> Result<Change, String> {
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
            Row::Like { .. } => unreachable!("likes are put off"),
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
    /// Puts a like into the backlog. One of a comment that the store has as deleted is known.
    fn put_off(&mut self, slot: Slot, at: Position, like: (&CommentId, ViewerKey, Register)) -> Result<(), String> {
        let (id, viewer, register) = like;
        let comment = match self.comments.find_in(slot, id) {
            Some(comment) if self.restored && self.comments[comment].stage == Stage::Deleted => {
                self.changed_by(comment, at);
                return Ok(());
            }
            _ => self.live(slot, id)?,
        };
        self.backlog.push(comment, viewer, register.to_bits(), at);
        Ok(())
    }

    /// Whether a row of the log is in the store already, itself or what came after it: checkpoints may be later than the
    /// record from which the log is replayed.
    fn knows(&mut self, slot: Slot, at: Position, row: &Row) -> Result<bool, String> {
        Ok(match row {
            Row::Comment { comment: Comment { id, .. }, .. } | Row::Header { id, .. } => {
                self.comments.find_in(slot, id).is_some_and(|found| self.comments[found].written == at)
            }
            Row::Like { .. } => unreachable!("likes are put off"),
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
