//! Frames as they arrive: each viewer's chain, and once for all viewers what a frame says.
//!
//! Between the connections and the checks of order, counts and agreement. Invariant: a frame is examined before any
//! screen takes it, so that its comments are bound to their sendings when they are counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_protocol::{
    CommentId,
    client::{Line, Response},
    limits,
};

use super::{Ledger, Point, Seat};
use crate::{
    Violation, agreement::Difference, contents::Contents, counts::Contradiction, order::Disorder, screen::Screen,
};

/// Distinct frames whose examination is remembered: several nodes, encodings and merged ranges of the last second.
/// A frame that comes later still is examined again, to the same end.
const READINGS_MAX: usize = 64;

/// Epochs whose order is remembered: the present one, and the one that lagging viewers still have.
const EPOCHS_MAX: usize = 2;

/// What one distinct frame says, and the steps that views made with it.
#[derive(Debug)]
pub(super) struct Reading {
    response: Arc<Response>,
    /// The turns in which this crowd's comments of the frame were sent, ascending.
    turns: Vec<u64>,
    /// The contents after it, by the contents before it (none: a snapshot, or a view that starts empty).
    steps: Vec<(Option<Arc<Contents>>, Arc<Contents>)>,
}

impl Ledger {
    /// A message came to a viewer, answers included. The same `Arc` for the same frame saves its examination.
    pub fn received(&mut self, seat: Seat, response: &Arc<Response>, now_ms: u64) {
        self.turn += 1;
        self.devices[seat.0].connected = true;
        match &**response {
            Response::Snapshot { epoch, seq, .. } => {
                self.totals.snapshots += 1;
                self.snapshot(seat, response, Point { epoch: *epoch, seq: *seq }, now_ms);
            }
            Response::Delta { epoch, from, seq, shown, total, comments, .. } => {
                self.totals.frames += 1;
                self.totals.deliveries += comments.len() as u64;
                let (from, to) = (Point { epoch: *epoch, seq: *from }, Point { epoch: *epoch, seq: *seq });
                self.delta(seat, response, from, to, total.saturating_sub(*shown), now_ms);
            }
            Response::Beat { epoch, seq } => {
                self.totals.beats += 1;
                self.beat(seat, Point { epoch: *epoch, seq: *seq }, now_ms);
            }
            Response::Welcome { viewer, .. } => {
                let name = self.name(seat).clone();
                if *viewer != name {
                    self.findings.note(Violation::WrongAnswer, now_ms, || format!("{name} was welcomed as {viewer}"));
                }
            }
            Response::Ack { .. } | Response::Reject { .. } => self.answered(seat, response, now_ms),
            Response::Move { .. } => {}
        }
    }

    fn snapshot(&mut self, seat: Seat, response: &Arc<Response>, point: Point, now_ms: u64) {
        let name = self.name(seat).clone();
        if let Some(had) = self.devices[seat.0].screen.point.filter(|had| point < *had) {
            self.findings
                .note(Violation::WentBack, now_ms, || format!("{name} was at {had} and got a snapshot of {point}"));
        }
        let reading = self.read(response, now_ms);
        let contents = self.step(reading, None, point, now_ms);
        let since_turn = self.turn;
        self.devices[seat.0].screen =
            Screen { point: Some(point), contents: Some(contents), since_turn, received: 0, withheld: 0 };
    }

    fn delta(&mut self, seat: Seat, response: &Arc<Response>, from: Point, to: Point, withheld: u64, now_ms: u64) {
        let name = self.name(seat).clone();
        let had = self.devices[seat.0].screen.point;
        let broken = match had {
            _ if to.seq <= from.seq => Some(Violation::SeqNotRising),
            None => Some(Violation::FrameBeforeSnapshot),
            Some(had) if had.epoch != from.epoch => Some(Violation::EpochWithoutSnapshot),
            Some(had) if had != from => Some(Violation::ChainBroken),
            Some(_) => None,
        };
        if let Some(broken) = broken {
            self.findings.note(broken, now_ms, || match had {
                Some(had) => format!("{name} was at {had} and got a delta from {from} to {}", to.seq),
                None => format!("{name} had no view and got a delta from {from} to {}", to.seq),
            });
        }
        let reading = self.read(response, now_ms);
        let before = self.devices[seat.0].screen.contents.take().filter(|_| broken.is_none());
        let was_covering = before.is_some();
        let contents = self.step(reading, before, to, now_ms);
        let (turn, turns) = (self.turn, &self.readings[reading].turns);
        let screen = &mut self.devices[seat.0].screen;
        if !was_covering {
            (screen.since_turn, screen.received, screen.withheld) = (turn, 0, 0);
        }
        screen.point = Some(to);
        screen.contents = Some(contents);
        screen.withheld += withheld;
        screen.received += turns.iter().filter(|turn| **turn > screen.since_turn).count() as u64;
    }

    fn beat(&mut self, seat: Seat, point: Point, now_ms: u64) {
        let had = self.devices[seat.0].screen.point;
        if had == Some(point) {
            return;
        }
        let name = self.name(seat).clone();
        match had {
            Some(had) => self
                .findings
                .note(Violation::BeatElsewhere, now_ms, || format!("{name} was at {had} and got a beat of {point}")),
            None => self.findings.note(Violation::FrameBeforeSnapshot, now_ms, || {
                format!("{name} had no view and got a beat of {point}")
            }),
        }
    }

    /// The place of a frame's reading, made when the frame first comes. It holds until the next frame is read.
    fn read(&mut self, response: &Arc<Response>, now_ms: u64) -> usize {
        if let Some(known) = self.readings.iter().rposition(|reading| Arc::ptr_eq(&reading.response, response)) {
            return known;
        }
        let turns = self.examine(response, now_ms);
        if self.readings.len() == READINGS_MAX {
            self.readings.pop_front();
        }
        self.readings.push_back(Reading { response: response.clone(), turns, steps: Vec::new() });
        self.readings.len() - 1
    }

    /// The contents after a frame; views that made the same step share them.
    fn step(&mut self, reading: usize, before: Option<Arc<Contents>>, point: Point, now_ms: u64) -> Arc<Contents> {
        let same = |known: &Option<Arc<Contents>>| match (known, &before) {
            (Some(known), Some(before)) => Arc::ptr_eq(known, before),
            (None, None) => true,
            _ => false,
        };
        let reading = &mut self.readings[reading];
        if let Some((_, after)) = reading.steps.iter().find(|(known, _)| same(known)) {
            return after.clone();
        }
        let covered_max = self.config.covered_max;
        let contents = match (&*reading.response, &before) {
            (Response::Snapshot { comments, .. }, _) => Contents::of_snapshot(point, comments, covered_max),
            (delta, Some(before)) => before.after(delta, covered_max),
            (delta, None) => Contents::empty(point).after(delta, covered_max),
        };
        let known = &self.comments.known;
        let deleted = |id: CommentId| known.get(&id).and_then(|d| d.deleted_by).is_some_and(|by| by <= point);
        let (shared, difference) = self.agreement.settle(contents, deleted);
        match difference {
            Some(Difference::Count { id, one, other }) => {
                self.findings.note(Violation::ViewsDisagree, now_ms, || {
                    format!("at {point} one view has {one} likes on {id}, another has {other}")
                });
            }
            Some(Difference::Deleted { id }) => {
                self.findings.note(Violation::ViewsDisagree, now_ms, || {
                    format!("at {point} one view has {id}, which was deleted by then")
                });
            }
            None => {}
        }
        reading.steps.push((before, shared.clone()));
        shared
    }

    /// Checks what a frame says; gives the turns in which its comments of this crowd were sent.
    fn examine(&mut self, response: &Response, now_ms: u64) -> Vec<u64> {
        let mut turns = Vec::new();
        match response {
            Response::Snapshot { epoch, seq, comments, top, pinned, partial, .. } => {
                let point = Point { epoch: *epoch, seq: *seq };
                self.arrange(comments, point, 0, now_ms);
                for line in comments {
                    self.sight(line, point, false, now_ms);
                    if !partial {
                        self.show(line.id, line.likes, point, now_ms);
                    }
                }
                for line in top.iter().chain(pinned) {
                    self.sight(line, point, false, now_ms);
                    self.bound(line.id, line.likes, now_ms);
                }
                if !partial {
                    self.check_whole(comments, point, now_ms);
                }
            }
            Response::Delta { epoch, from, seq, comments, likes, deleted, top, pinned, shown, total, .. } => {
                let point = Point { epoch: *epoch, seq: *seq };
                if (comments.len() as u64) > *shown || shown > total {
                    let lines = comments.len();
                    self.findings.note(Violation::ShownMisstated, now_ms, || {
                        format!("the delta from {from} to {seq} has {lines} comments, says {shown} of {total}")
                    });
                }
                self.arrange(comments, point, from + 1, now_ms);
                let counts: BTreeMap<_, _> = likes.iter().copied().collect();
                for id in deleted {
                    let by = &mut self.comments.dossier(*id).deleted_by;
                    *by = Some(by.map_or(point, |by| by.min(point)));
                }
                for line in comments {
                    let gone = deleted.contains(&line.id);
                    if let Some(turn) = self.sight(line, point, gone, now_ms) {
                        turns.push(turn);
                    }
                    if !counts.contains_key(&line.id) {
                        self.show(line.id, line.likes, point, now_ms);
                    }
                }
                for (id, count) in counts {
                    self.show(id, count, point, now_ms);
                }
                for line in top.iter().flatten().chain(pinned.iter().flatten()) {
                    self.sight(line, point, false, now_ms);
                    self.bound(line.id, line.likes, now_ms);
                }
            }
            _ => {}
        }
        turns.sort_unstable();
        turns
    }

    /// As long as all that were ever written fit, a snapshot has all that was seen before it and is not deleted.
    fn check_whole(&mut self, comments: &[Line], point: Point, now_ms: u64) {
        if self.config.foreign_comments || self.comments.written.len() > limits::SNAPSHOT_COMMENTS_MAX {
            return;
        }
        let here: BTreeSet<CommentId> = comments.iter().map(|line| line.id).collect();
        let seen = self.comments.known.iter().filter(|(_, dossier)| !dossier.may_be_deleted());
        let mut missing =
            seen.filter(|(id, dossier)| dossier.seen_by.is_some_and(|by| by < point) && !here.contains(id));
        if let Some((id, dossier)) = missing.next() {
            self.findings.note(Violation::SnapshotIncomplete, now_ms, || {
                format!("{id}, seen by {:?}, is not in the snapshot at {point}", dossier.seen_by)
            });
        }
    }

    fn arrange(&mut self, comments: &[Line], point: Point, low: u64, now_ms: u64) {
        if low > point.seq {
            return;
        }
        let order = self.orders.entry(point.epoch).or_default();
        let findings = &mut self.findings;
        order.arrange(comments.iter().map(|line| line.id), low, point.seq, |disorder| match disorder {
            Disorder::Inverted { first, second } => findings.note(Violation::OrderDiffers, now_ms, || {
                format!("at {point} {first} stands before {second}, elsewhere in epoch {} after it", point.epoch)
            }),
            Disorder::Twice { id, by, after } => findings.note(Violation::DeliveredTwice, now_ms, || {
                format!("{id} came by {}:{by}, and again after {after}", point.epoch)
            }),
        });
        while self.orders.len() > EPOCHS_MAX {
            self.orders.pop_first();
        }
    }

    /// A comment is shown; gives the turn in which it was sent, if it is of this crowd.
    fn sight(&mut self, line: &Line, point: Point, gone: bool, now_ms: u64) -> Option<u64> {
        let author = self.author(&line.author);
        let sighting = match self.comments.sight(line, author) {
            Ok(sighting) => sighting,
            Err((violation, words)) => {
                self.findings.note(violation, now_ms, || format!("at {point}: {words}"));
                return None;
            }
        };
        if sighting.is_new {
            let seen = if sighting.written.is_some() { &mut self.totals.seen } else { &mut self.totals.foreign };
            *seen += 1;
        }
        let dossier = self.comments.dossier(line.id);
        dossier.seen_by = Some(dossier.seen_by.map_or(point, |by| by.min(point)));
        let deleted_by = dossier.deleted_by;
        if let Some(by) = deleted_by.filter(|by| *by <= point && !gone) {
            self.findings.note(Violation::CameBack, now_ms, || {
                format!("{} was deleted by {by} and is shown at {point}", line.id)
            });
        }
        sighting.written.map(|number| self.comments.written[number].turn)
    }

    /// A count is shown as of a point.
    fn show(&mut self, id: CommentId, count: u64, point: Point, now_ms: u64) {
        self.bound(id, count, now_ms);
        let Some(dossier) = self.comments.known.get_mut(&id) else { return };
        if dossier.written.is_none() || self.config.foreign_likes || dossier.deleted_by.is_some() {
            return;
        }
        match dossier.counts.show(point, count, dossier.registers.may_unlike()) {
            Some(Contradiction::Fell { earlier, later }) => self.findings.note(Violation::CountFell, now_ms, || {
                let may_unlike = dossier.registers.may_unlike();
                format!(
                    "{id} had {} likes at {} and {} at {}, at most {may_unlike} unliked",
                    earlier.1, earlier.0, later.1, later.0
                )
            }),
            Some(Contradiction::Differs { point, one, other }) => {
                self.findings.note(Violation::ViewsDisagree, now_ms, || {
                    format!("at {point} one frame has {one} likes on {id}, another has {other}")
                });
            }
            None => {}
        }
    }

    /// A count is shown: it is at most the number of viewers who may have liked.
    fn bound(&mut self, id: CommentId, count: u64, now_ms: u64) {
        let Some(dossier) = self.comments.known.get_mut(&id) else { return };
        if self.config.keep_counts {
            dossier.counts.keep(count);
        }
        let may_like = dossier.registers.may_like();
        if dossier.written.is_some() && !self.config.foreign_likes && count > may_like {
            self.findings.note(Violation::CountTooHigh, now_ms, || {
                format!("{id} is shown with {count} likes, at most {may_like} liked")
            });
        }
    }
}
