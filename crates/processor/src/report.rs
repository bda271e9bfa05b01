//! What the root is told: openings of streams, and one report a window.
//!
//! From the windows to the link. Invariant: a span's `to` is reached only when every change of the stream in that slot up
//! to it has been reported.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_protocol::{
    Comment, CommentId, Epoch, Millis, Mutant, Position, Slot, Spread, StreamId, limits,
    peer::report::{From, PinRow, ReactionRow, Report, Span, TallyRow, ToMerger},
};

use crate::{
    comments::Stage,
    config::DELETIONS_PER_REPORT_MAX,
    machine::{Output, Processor},
    streams::StreamNo,
    top::Top,
    window::{Bucket, Dirty, What, Window},
};

impl Processor {
    /// The root watches a stream from now on. A process that owns nothing any more must not tell it so: that would pass for
    /// all that the owner has.
    pub(crate) fn open(&mut self, now: Millis, id: &StreamId, epoch: Epoch, from: &From) {
        if !self.state.slots.any_owned() {
            return;
        }
        let stream = self.state.streams.intern(id);
        let bucket = self.state.streams[stream].window.as_ref().map(|window| window.bucket);
        self.close(stream);
        let stream = self.state.streams.intern(id);
        let bucket = bucket.unwrap_or_else(|| Bucket::new(self.config.reports_per_s, self.config.report_burst));
        let mut window = Window::new(epoch, *from == From::Nothing, bucket);
        if let From::Merged(merged) = from {
            window.reported = merged.iter().copied().collect();
            self.mark_beyond(stream, &mut window);
        }
        self.state.streams[stream].window = Some(Box::new(window));
        self.plan(now, stream);
    }

    /// Everything that the root has not merged is dirty again, in the order of each slot's positions.
    fn mark_beyond(&mut self, stream: StreamNo, window: &mut Window) {
        let state = &mut self.state;
        for (slot, shelf) in &state.streams[stream].shelves {
            let merged = window.reported.get(slot).copied().unwrap_or_default();
            let shelf = &state.streams.shelves[*shelf];
            window.taps.total += shelf.taps.total();
            if shelf.changed <= merged || !state.slots.owned(*slot) {
                continue;
            }
            let mut dirty = Vec::new();
            for comment in &shelf.written {
                let entry = &mut state.comments[*comment];
                let (is_home, is_whole) = (entry.part.is_home(), entry.part.spread().is_whole());
                if entry.written > merged && is_home {
                    dirty.push((entry.written, What::Comment(*comment)));
                }
                // Until its first like a whole comment has no count to tell, nor a change other than its writing.
                if entry.version > merged && (entry.version != entry.written || !is_whole) {
                    if entry.stage != Stage::Deleted {
                        entry.dirty = true;
                        dirty.push((entry.version, What::Tally(*comment)));
                    } else if is_home && !Mutant::DeletionNotResent.lives() {
                        dirty.push((entry.version, What::Deletion(*comment)));
                    }
                }
            }
            dirty.extend(shelf.pin.filter(|pin| pin.position > merged).map(|pin| (pin.position, What::Pin)));
            window.taps.dirty |= shelf.taps.version > merged;
            dirty.sort_by_key(|(position, _)| *position);
            window.dirty.extend(dirty.into_iter().map(|(position, what)| Dirty { slot: *slot, position, what }));
        }
    }

    /// The root watches a stream no more.
    pub(crate) fn close(&mut self, stream: StreamNo) {
        let Some(window) = self.state.streams[stream].window.take() else { return };
        if let Some(due) = window.due {
            self.due.remove(&(due, stream));
        }
        for dirty in window.dirty {
            if let What::Tally(comment) = dirty.what {
                self.state.comments[comment].dirty = false;
            }
        }
        self.state.streams.release(stream);
    }

    /// The root is gone, or another: it will open what it wants.
    pub(crate) fn close_all(&mut self) {
        let open: Vec<StreamNo> = self.state.streams.numbers().collect();
        open.into_iter().for_each(|stream| self.close(stream));
    }

    /// Plans the next report of a stream.
    pub(crate) fn plan(&mut self, now: Millis, stream: StreamNo) {
        let Some(window) = &mut self.state.streams[stream].window else { return };
        let due = window.wants(now);
        if due != window.due {
            if let Some(before) = window.due {
                self.due.remove(&(before, stream));
            }
            if let Some(due) = due {
                self.due.insert((due, stream));
            }
            window.due = due;
        }
    }

    /// Makes the reports that are due, as long as the link takes them.
    pub(crate) fn report_due(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        while self.merger_takes
            && let Some((due, stream)) = self.due.first().copied()
            && due <= now
        {
            self.due.pop_first();
            if let Some(window) = &mut self.state.streams[stream].window {
                window.due = None;
                let report = self.report(now, stream);
                self.counters.reports += 1;
                self.counters.tallies_out += report.tallies.len() as u64;
                outbox.push(Output::Report(ToMerger::Report(report)));
            }
            self.plan(now, stream);
        }
    }

    /// The root lacks parts of these comments: what is here of them is dirty again.
    pub(crate) fn count(&mut self, now: Millis, id: &StreamId, epoch: Epoch, comments: &[(CommentId, Spread)]) {
        let Some(stream) = self.state.streams.find(id) else { return };
        if self.state.streams[stream].window.as_ref().is_none_or(|window| window.epoch != epoch) {
            return;
        }
        for (id, spread) in comments.iter().take(limits::TALLIES_PER_FRAME_MAX) {
            for part in spread.parts() {
                let slot = part.slot(id);
                let Some(comment) = self.state.comment_of(Some(stream), id, part) else { continue };
                // After all that waits of the slot, so that its positions ascend.
                let position = self.state.slots.durable(slot);
                match self.state.comments[comment].stage {
                    Stage::Pending => {}
                    Stage::Live | Stage::Leaving => self.state.mark_tally(stream, slot, position, comment),
                    Stage::Deleted if part.is_home() => {
                        self.state.mark(stream, slot, position, What::Deletion(comment));
                    }
                    Stage::Deleted => {}
                }
            }
        }
        self.plan(now, stream);
    }

    fn report(&mut self, now: Millis, stream: StreamNo) -> Report {
        let Some(mut window) = self.state.streams[stream].window.take() else {
            unreachable!("a report is due only while a window is open")
        };
        let mut report = Report {
            stream: self.state.streams[stream].id.clone(),
            epoch: window.epoch,
            resync: window.resync,
            spans: Vec::new(),
            comments: Vec::new(),
            tallies: Vec::new(),
            deleted: Vec::new(),
            pin: None,
            reactions: None,
            total: 0,
            top: None,
        };
        if window.resync {
            self.fill_resync(stream, &mut window, &mut report);
        } else {
            if !window.dirty.is_empty() {
                window.bucket.take(now);
            }
            self.fill(stream, &mut window, &mut report);
        }
        report.comments.sort_by_key(|comment| comment.order());
        report.top = self.top(stream, &mut window.top);
        if window.taps.dirty {
            report.reactions = self.reactions(stream);
            window.taps.dirty = false;
            window.taps.reported = window.taps.total;
            window.taps.reported_at = Some(now);
        }
        window.resync = false;
        self.state.streams[stream].window = Some(window);
        report
    }

    /// The newest comments with their counts, and where each slot stands.
    fn fill_resync(&self, stream: StreamNo, window: &mut Window, report: &mut Report) {
        let state = &self.state;
        let newest = state.streams[stream].history.values().rev().take(limits::SNAPSHOT_COMMENTS_MAX);
        for comment in newest.copied().filter(|comment| self.is_owned(*comment)) {
            report.comments.extend(state.comments[comment].visible().cloned());
            report.tallies.push(state.tally(comment));
        }
        for (slot, shelf) in state.streams[stream].shelves.iter().filter(|(slot, _)| state.slots.owned(**slot)) {
            let shelf = &state.streams.shelves[*shelf];
            if shelf.changed == Position::ZERO {
                continue;
            }
            let to = state.slots.durable(*slot);
            report.spans.push(Span { slot: *slot, epoch: state.slots.epoch(*slot), from: Position::ZERO, to });
            report.total +=
                shelf.written.iter().filter(|comment| state.comments[**comment].part.is_home()).count() as u64;
            window.reported.insert(*slot, to);
            window.taps.total = window.taps.total.max(shelf.taps.total());
            window.taps.dirty |= shelf.taps.version > Position::ZERO;
        }
        report.pin = self.pin_of(stream);
    }

    fn is_owned(&self, comment: u32) -> bool {
        let shelf = self.state.comments[comment].shelf;
        self.state.slots.owned(self.state.streams.shelves[shelf].slot)
    }

    /// The oldest changes, as many as fit.
    fn fill(&mut self, stream: StreamNo, window: &mut Window, report: &mut Report) {
        let mut touched = BTreeSet::new();
        let mut pinned = false;
        while let Some(Dirty { slot, what, .. }) = window.dirty.front().copied() {
            let full = match what {
                What::Comment(_) => report.comments.len() >= limits::COMMENTS_PER_REPORT_MAX,
                What::Tally(_) => report.tallies.len() >= limits::TALLIES_PER_FRAME_MAX,
                What::Deletion(_) => report.deleted.len() >= DELETIONS_PER_REPORT_MAX,
                What::Pin => false,
            };
            if full {
                break;
            }
            window.dirty.pop_front();
            let state = &mut self.state;
            if let What::Tally(comment) = what {
                state.comments[comment].dirty = false;
            }
            if !state.slots.owned(slot) {
                continue;
            }
            touched.insert(slot);
            match what {
                What::Comment(comment) => {
                    report.total += 1;
                    report.comments.extend(state.comments[comment].visible().cloned());
                }
                What::Tally(comment) if state.comments[comment].stage == Stage::Deleted => {}
                What::Tally(comment) => {
                    report.tallies.push(state.tally(comment));
                    if state.comments[comment].part.is_home() {
                        window.top.offer(comment, state.worth(comment));
                    }
                }
                What::Deletion(comment) => {
                    report.deleted.push(state.comments[comment].id);
                    window.top.remove(comment);
                }
                What::Pin => pinned = true,
            }
        }
        if pinned {
            report.pin = self.pin_of(stream);
        }
        let mut remaining: BTreeMap<Slot, Position> = BTreeMap::new();
        for dirty in &window.dirty {
            remaining.entry(dirty.slot).or_insert(dirty.position);
        }
        for slot in touched {
            let from = window.reported.get(&slot).copied().unwrap_or_default();
            let all = self.state.slots.durable(slot);
            let to = remaining.get(&slot).map_or(all, |next| Position::new(next.get() - 1)).max(from);
            report.spans.push(Span { slot, epoch: self.state.slots.epoch(slot), from, to });
            window.reported.insert(slot, to);
        }
    }

    /// The most liked comments here, if the root was told of others.
    fn top(&self, stream: StreamNo, top: &mut Top) -> Option<Vec<(Arc<Comment>, TallyRow)>> {
        let state = &self.state;
        let best = top.best().unwrap_or_else(|| {
            top.forget();
            for comment in state.streams[stream].history.values().copied().filter(|comment| self.is_owned(*comment)) {
                top.offer(comment, state.worth(comment));
            }
            top.best().unwrap_or_default()
        });
        if best == top.told {
            return None;
        }
        let shown = |comment: &u32| Some((state.comments[*comment].visible()?.clone(), state.tally(*comment)));
        let shown = best.iter().filter_map(shown).collect();
        top.told = best;
        Some(shown)
    }

    /// The latest pin of the stream's slots here.
    fn pin_of(&self, stream: StreamNo) -> Option<PinRow> {
        let state = &self.state;
        let shelves = state.streams[stream].shelves.values().map(|shelf| &state.streams.shelves[*shelf]);
        let pins = shelves.filter(|shelf| state.slots.owned(shelf.slot)).filter_map(|shelf| shelf.pin);
        let latest = pins.max_by_key(|pin| pin.time)?;
        let comment = latest.comment.and_then(|comment| {
            state.comments[comment].visible().map(|content| (content.clone(), state.tally(comment)))
        });
        Some(PinRow { time: latest.time, comment })
    }

    /// The stream's taps, if its home slot is here.
    fn reactions(&self, stream: StreamNo) -> Option<ReactionRow> {
        let state = &self.state;
        let shelves = state.streams[stream].shelves.values().map(|shelf| &state.streams.shelves[*shelf]);
        let mut homes = shelves.filter(|shelf| shelf.taps.version > Position::ZERO && state.slots.owned(shelf.slot));
        homes.next().map(|shelf| ReactionRow {
            epoch: state.slots.epoch(shelf.slot),
            version: shelf.taps.version,
            counts: shelf.taps.sums.clone(),
        })
    }
}
