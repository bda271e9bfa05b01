//! Writes of broadcast nodes: admitted, refused, or found to be repeats.
//!
//! Between the links and the open group. Effective writes are applied at once and become rows; every answer rests on the
//! group that holds the state it read. Invariant: a write that was refused, or moved, has changed nothing.

use std::sync::Arc;

use watershed_protocol::{
    Comment, Millis, Mutant, Reactions, Slot,
    client::{Code, Refusal},
    limits,
    peer::{
        PeerId,
        uplink::{CommentWrite, DeleteWrite, HeaderWrite, LikeRow, PinWrite, ReactionWrite, WriteBatch},
    },
};

use crate::{
    cold::HeldLike,
    comments::{Entry, Stage, words},
    config::{REPORTERS_MAX, RETRY_AFTER_MS, TAPS_MAX},
    group::{Answer, Change, Pending, TapsChange},
    machine::Processor,
    registers::{Cold, Merged, PageRange},
    streams::StreamNo,
};

/// What became of one write.
enum Outcome {
    /// It made a row of about this many bytes; its answer waits for the open group.
    Changed(Change, usize, Answer),
    /// It changed nothing; its answer rests on what it read.
    Read(Answer),
    /// It is answered at once: nothing that might be lost was read.
    Refused(Refusal),
    /// It waits for a page, and comes again.
    Held,
}

impl Outcome {
    fn last(code: Code, why: impl Into<String>) -> Self {
        Self::Read(Answer::Refused(Refusal::last(code, why)))
    }

    fn overloaded(why: &str) -> Self {
        Self::Refused(overloaded(why))
    }

    fn unknown_comment() -> Self {
        Self::last(Code::UnknownComment, "there is no such comment on this stream")
    }
}

impl Processor {
    /// Takes a batch of writes of one peer.
    pub(crate) fn take_writes(&mut self, now: Millis, peer: PeerId, batch: &WriteBatch) {
        self.counters.writes_in += batch.len() as u64;
        self.counters.likes_in += batch.likes.len() as u64;
        let streams: Vec<Option<StreamNo>> = batch.streams.iter().map(|id| self.state.streams.find(id)).collect();
        for row in batch.likes.iter() {
            let stream = streams.get(usize::from(row.stream)).copied().flatten();
            let slot = row.part.slot(&row.comment);
            self.take(peer, batch, slot, row.number, |this| this.like(now, peer, stream, &row));
        }
        for write in &batch.comments {
            self.take(peer, batch, write.id.slot(), write.number, |this| this.comment(now, batch, write));
        }
        for write in &batch.headers {
            let slot = write.part.slot(&write.id);
            self.take(peer, batch, slot, write.number, |this| this.header(now, batch, write));
        }
        for write in &batch.deletes {
            let slot = write.part.slot(&write.id);
            self.take(peer, batch, slot, write.number, |this| this.delete(batch, write));
        }
        for write in &batch.pins {
            self.take(peer, batch, write.slot, write.number, |this| this.pin(now, batch, write));
        }
        for write in &batch.reactions {
            self.take(peer, batch, write.slot, write.number, |this| this.react(batch, write));
        }
    }

    /// Answers one write by what `decide` makes of it, if its slot is owned here by the epoch that the sender knows.
    fn take(
        &mut self,
        peer: PeerId,
        batch: &WriteBatch,
        slot: Slot,
        number: u64,
        decide: impl FnOnce(&mut Self) -> Outcome,
    ) {
        let slots = &self.state.slots;
        let addressed = batch.slot_epoch(slot) == Some(slots.epoch(slot)) || Mutant::EpochUnchecked.lives();
        if !slots.owned(slot) || !addressed {
            self.counters.moved += 1;
            return self.answer(peer, number, Answer::Moved);
        }
        let outcome = if self.is_full() { Outcome::Refused(crowded()) } else { decide(self) };
        self.conclude(peer, number, slot, outcome);
    }

    fn conclude(&mut self, peer: PeerId, number: u64, slot: Slot, outcome: Outcome) {
        let pending = |answer| Pending { peer, number, slot, answer };
        match outcome {
            Outcome::Changed(change, bytes, answer) => {
                self.counters.rows += 1;
                self.state.slots.applied(slot);
                let group = self.gatherer.open();
                group.changes.push(change);
                group.bytes += bytes;
                group.pending.push(pending(answer));
            }
            Outcome::Read(answer) => match self.gatherer.ride().filter(|_| !Mutant::NoOpAnsweredEarly.lives()) {
                // The group in flight takes no changes any more, but as many who only read as come.
                Some(group) if group.pending.len() >= self.config.group_answers_max => {
                    self.answer(peer, number, Answer::Refused(crowded()));
                }
                Some(group) => group.pending.push(pending(answer)),
                None => self.answer(peer, number, answer),
            },
            Outcome::Refused(refusal) => self.answer(peer, number, Answer::Refused(refusal)),
            Outcome::Held => {}
        }
    }

    /// A like that has waited for its page is taken as if it had come now.
    pub(crate) fn retake(&mut self, like: HeldLike) {
        let HeldLike { peer, number, slot, .. } = like;
        if !self.state.slots.owned(slot) {
            self.counters.moved += 1;
            return self.answer(peer, number, Answer::Moved);
        }
        let outcome = if self.is_full() { Outcome::Refused(crowded()) } else { self.set(like) };
        self.conclude(peer, number, slot, outcome);
    }

    fn like(&mut self, now: Millis, peer: PeerId, stream: Option<StreamNo>, row: &LikeRow) -> Outcome {
        let ahead = row.register.stamp.get().saturating_sub(now.get());
        if ahead > limits::STAMP_AHEAD_MS_MAX {
            let max = limits::STAMP_AHEAD_MS_MAX;
            return Outcome::last(Code::BadStamp, format!("stamp is {ahead} ms ahead, at most {max} ms are allowed"));
        }
        let Some(comment) = self.state.comment_of(stream, &row.comment, row.part) else {
            return Outcome::unknown_comment();
        };
        // Here only: what has waited for its page may use it, or it would be let go of and asked for again.
        if self.state.residence.is_full() {
            self.state.make_room();
            if self.state.residence.is_full() {
                self.counters.writes_crowded_out += 1;
                return Outcome::overloaded("this processor's memory is full of likes that are not saved yet");
            }
        }
        let (slot, bits) = (row.part.slot(&row.comment), row.register.to_bits());
        self.set(HeldLike { peer, number: row.number, slot, comment, viewer: row.viewer, bits })
    }

    /// Sets a register of a comment that is there.
    fn set(&mut self, like: HeldLike) -> Outcome {
        let HeldLike { comment, viewer: key, bits: after, .. } = like;
        let state = &mut self.state;
        if state.comments[comment].stage != Stage::Live {
            return Outcome::unknown_comment();
        }
        if state.registers >= self.config.registers_max {
            let known = state.viewers.find(key).map(|viewer| state.comments[comment].registers.get(viewer));
            match known {
                Some(Err(Cold(range))) => return self.hold(range, like),
                Some(Ok(bits)) if bits != 0 => {}
                _ => return Outcome::overloaded("this processor holds as many likes as it may"),
            }
        }
        if state.viewers.len() >= self.config.viewers_max && state.viewers.find(key).is_none() {
            self.counters.viewers_turned_away += 1;
            return Outcome::overloaded("this processor knows as many viewers as it may");
        }
        let viewer = state.viewers.intern(key);
        match state.merge(comment, viewer, after) {
            Merged::Kept { bits } => Outcome::Read(Answer::Like(bits)),
            Merged::Taken { before } => {
                Outcome::Changed(Change::Like { comment, viewer, key, before, after }, 41, Answer::Like(after))
            }
            Merged::Cold(range) => self.hold(range, like),
        }
    }

    fn hold(&mut self, range: PageRange, like: HeldLike) -> Outcome {
        if self.held.hold(range, like) {
            return Outcome::Held;
        }
        self.counters.writes_crowded_out += 1;
        Outcome::overloaded("too many writes wait for likes that are not in memory")
    }

    fn comment(&mut self, now: Millis, batch: &WriteBatch, write: &CommentWrite) -> Outcome {
        let Some(stream) = batch.stream(write.stream) else { return malformed() };
        if let Some(found) = self.state.comments.find(&write.id).filter(|_| !Mutant::RepeatStored.lives()) {
            let same = self.state.comments[found].words == words(stream, &write.author, &write.body);
            return if same {
                Outcome::Read(Answer::Done)
            } else {
                Outcome::last(Code::RefReused, "this ref was used for another comment")
            };
        }
        if self.state.comments.len() >= self.config.comments_max {
            return Outcome::overloaded("this processor holds as many comments as it may");
        }
        let CommentWrite { id, author, name, body, spread, .. } = write.clone();
        let comment = Comment { id, time: self.clock.tick(now), author, name, body };
        let bytes = 128 + comment.body.as_str().len() + comment.name.as_str().len();
        let shelf = self.state.streams.shelf(stream, id.slot());
        let comment = self.state.comments.push(Entry::new(stream, Arc::new(comment), spread, shelf));
        Outcome::Changed(Change::Comment { comment }, bytes, Answer::Done)
    }

    fn header(&mut self, now: Millis, batch: &WriteBatch, write: &HeaderWrite) -> Outcome {
        let Some(stream) = batch.stream(write.stream).filter(|_| !write.part.is_home()) else { return malformed() };
        let HeaderWrite { id, author, part, .. } = write.clone();
        let slot = part.slot(&id);
        if let Some(found) = self.state.comments.find_in(slot, &id) {
            let entry = &self.state.comments[found];
            let same = entry.part == part && entry.author == author && self.state.stream_id(entry.shelf) == stream;
            return if same { Outcome::Read(Answer::Done) } else { malformed() };
        }
        if self.state.comments.len() >= self.config.comments_max {
            return Outcome::overloaded("this processor holds as many comments as it may");
        }
        let (shelf, time) = (self.state.streams.shelf(stream, slot), self.clock.tick(now));
        let comment = self.state.comments.push(Entry::header(id, part, author, time, shelf));
        Outcome::Changed(Change::Comment { comment }, 128, Answer::Done)
    }

    fn delete(&mut self, batch: &WriteBatch, write: &DeleteWrite) -> Outcome {
        let stream = batch.stream(write.stream).and_then(|id| self.state.streams.find(id));
        let Some(comment) = self.state.comment_of(stream, &write.id, write.part) else {
            return Outcome::unknown_comment();
        };
        let entry = &mut self.state.comments[comment];
        let may = write.moderator || entry.author == write.viewer;
        match entry.stage {
            Stage::Pending => Outcome::unknown_comment(),
            Stage::Live if may => {
                entry.stage = Stage::Leaving;
                Outcome::Changed(Change::Deletion { comment }, 17, Answer::Done)
            }
            Stage::Live => Outcome::last(Code::Forbidden, "only the author and moderators may delete a comment"),
            Stage::Leaving | Stage::Deleted if may => Outcome::Read(Answer::Done),
            Stage::Leaving | Stage::Deleted => Outcome::unknown_comment(),
        }
    }

    fn pin(&mut self, now: Millis, batch: &WriteBatch, write: &PinWrite) -> Outcome {
        let Some(stream) = batch.stream(write.stream) else { return malformed() };
        let comment = match write.id {
            None => None,
            Some(id) if id.slot() != write.slot => return malformed(),
            Some(id) => match self.state.home_of(self.state.streams.find(stream), &id) {
                Some(comment) if self.state.comments[comment].stage == Stage::Live => Some(comment),
                _ => return Outcome::unknown_comment(),
            },
        };
        let (shelf, time) = (self.state.streams.shelf(stream, write.slot), self.clock.tick(now));
        Outcome::Changed(Change::Pin { shelf, time, comment }, 96, Answer::Done)
    }

    fn react(&mut self, batch: &WriteBatch, write: &ReactionWrite) -> Outcome {
        let Some(stream) = batch.stream(write.stream) else { return malformed() };
        if write.counts.values().all(|count| *count == 0) {
            return Outcome::Read(Answer::Done);
        }
        let shelf = self.state.streams.shelf(stream, write.slot);
        let reporters = &mut self.state.streams.shelves[shelf].taps.reporters;
        if !reporters.contains_key(&write.reporter) && reporters.len() >= REPORTERS_MAX {
            return Outcome::overloaded("the taps of this stream have too many reporters");
        }
        let before = reporters.get(&write.reporter).cloned();
        let mut after: Reactions = before.clone().unwrap_or_default();
        for (kind, count) in write.counts.iter().filter(|(_, count)| **count > 0) {
            if after.contains_key(kind) || after.len() < limits::REACTION_KINDS_MAX {
                let counted = after.entry(kind.clone()).or_default();
                *counted = (*counted).max(*count).min(TAPS_MAX);
            }
        }
        if before.as_ref() == Some(&after) {
            return Outcome::Read(Answer::Done);
        }
        reporters.insert(write.reporter, after.clone());
        // One row for each reporter and group: a later report of the same group replaces the earlier.
        let group = self.gatherer.peek_mut();
        if let Some(at) = group.taps.get(&(shelf, write.reporter)).copied()
            && let Some(Change::Taps(taps)) = group.changes.get_mut(at)
        {
            taps.after = after;
            return Outcome::Read(Answer::Done);
        }
        group.taps.insert((shelf, write.reporter), group.changes.len());
        let bytes = 80 + after.len() * 20;
        let change = TapsChange { shelf, reporter: write.reporter, before, after };
        Outcome::Changed(Change::Taps(Box::new(change)), bytes, Answer::Done)
    }
}

fn overloaded(why: &str) -> Refusal {
    Refusal::retry(Code::Overloaded, RETRY_AFTER_MS, why)
}

fn crowded() -> Refusal {
    overloaded("too many writes wait for the disk")
}

/// A batch that names a stream or slot that it does not hold is a bug of the sender, not of the viewer.
fn malformed() -> Outcome {
    Outcome::last(Code::BadMessage, "the batch does not fit together")
}
