//! The checks of the end: when nothing is sent any more and all answers are in, views, history and answers must match.
//!
//! Called once by whoever drove the crowd. Invariant: only what answers and sightings prove is demanded; what is unknown
//! may be there or not.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_protocol::{CommentId, client::Line};

use crate::{Ledger, Violation, comments::Author, contents::Contents, screen::Device};

/// The history as fetched page by page, newest first.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// All comments of the pages, in the order in which they came.
    pub comments: &'a [Line],
    /// The last page was reached, so that what is not in it is lost.
    pub complete: bool,
}

/// One durable count, as a processor's test build logs it.
#[derive(Clone, Copy, Debug)]
pub struct Durable {
    /// Which comment.
    pub id: CommentId,
    /// Which part of its viewers: 0 unless it is spread.
    pub part: u16,
    /// How many of them liked it.
    pub count: u64,
}

/// What is known at the end beside the viewers' messages.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet<'a> {
    /// The stream's history over HTTP.
    pub history: Option<History<'a>>,
    /// All durable counts; needs [`crate::Config::keep_counts`].
    pub durable: Option<&'a [Durable]>,
}

impl Ledger {
    /// Checks what must hold when all is quiet: nothing is sent, answers are in, frames have come.
    pub fn quiet_check(&mut self, quiet: Quiet<'_>, now_ms: u64) {
        self.check_answers(now_ms);
        self.check_received(now_ms);
        let history = quiet.history.map(|history| self.check_history(history, now_ms)).unwrap_or_default();
        self.check_views(&history, now_ms);
        if let Some(durable) = quiet.durable {
            self.check_durable(durable, now_ms);
        }
    }

    fn check_answers(&mut self, now_ms: u64) {
        let max_ms = self.config.answer_within_ms;
        for device in self.devices.iter().filter(|device| device.connected) {
            let viewer = &self.names[device.person as usize];
            for (reference, op) in device.ops.iter().filter(|(_, op)| op.waiting > 0) {
                let waited_ms = now_ms.saturating_sub(op.waiting_since_ms);
                if waited_ms > max_ms {
                    self.findings.note(Violation::Unanswered, now_ms, || {
                        format!("{viewer} has waited {waited_ms} ms for an answer to {reference:?}, {:?}", op.what)
                    });
                }
            }
        }
    }

    /// Every viewer got each comment that happened and was sent after its last snapshot, but for what was withheld.
    fn check_received(&mut self, now_ms: u64) {
        let must: Vec<_> = self.comments.written.iter().filter(|written| self.comments.happened(written)).collect();
        let may_be_gone = |id: Option<CommentId>| {
            id.and_then(|id| self.comments.known.get(&id)).is_some_and(|dossier| dossier.may_be_deleted())
        };
        let gone: Vec<u64> =
            must.iter().filter(|written| may_be_gone(written.id)).map(|written| written.turn).collect();
        let mut missing = Vec::new();
        for device in self.devices.iter().filter(|device| device.connected) {
            let Device { person, screen, .. } = device;
            let Some(contents) = &screen.contents else { continue };
            self.totals.views_checked += 1;
            let first = must.partition_point(|written| written.turn <= screen.since_turn);
            let gone = gone.len() - gone.partition_point(|turn| *turn <= screen.since_turn);
            let expected = (must.len() - first) as u64;
            if expected > screen.received + screen.withheld + gone as u64 {
                let example = must[first..]
                    .iter()
                    .find(|written| !may_be_gone(written.id) && written.id.is_none_or(|id| !contents.covers(id)));
                let viewer = &self.names[*person as usize];
                missing.push(format!(
                    "{viewer} at {} got {} of {expected} comments since its snapshot, {} were withheld, {gone} perhaps \
                     deleted; it has not {:?}",
                    contents.point(),
                    screen.received,
                    screen.withheld,
                    example.map(|written| &written.body),
                ));
            }
        }
        for words in missing {
            self.findings.note(Violation::CommentMissing, now_ms, || words);
        }
    }

    /// Gives the history's counts.
    fn check_history(&mut self, history: History<'_>, now_ms: u64) -> BTreeMap<CommentId, u64> {
        let mut counts = BTreeMap::new();
        let mut above: Option<&Line> = None;
        for line in history.comments {
            let id = line.id;
            if counts.insert(id, line.likes).is_some() {
                self.findings.note(Violation::StoredTwice, now_ms, || format!("{id} is in the history twice"));
            }
            if let Some(above) = above.filter(|above| above.at < line.at) {
                self.findings.note(Violation::HistoryDisordered, now_ms, || {
                    format!("{} at {} stands above {id} at {}", above.id, above.at, line.at)
                });
            }
            above = Some(line);
            let author = self.author(&line.author);
            if let Err((violation, words)) = self.comments.sight(line, author) {
                self.findings.note(violation, now_ms, || format!("in the history: {words}"));
            }
            let dossier = self.comments.dossier(id);
            if dossier.deleted || dossier.deleted_by.is_some() {
                self.findings.note(Violation::CameBack, now_ms, || format!("{id} was deleted and is in the history"));
            }
            if author != Author::Foreign {
                self.check_count(id, line.likes, "in the history", now_ms);
            }
        }
        if history.complete {
            for written in self.comments.written.iter().filter(|written| self.comments.happened(written)) {
                let gone = |id| self.comments.known.get(&id).is_some_and(|dossier| dossier.may_be_deleted());
                if written.id.is_some_and(|id| !counts.contains_key(&id) && !gone(id)) {
                    let viewer = &self.names[written.person as usize];
                    self.findings.note(Violation::CommentLost, now_ms, || {
                        format!("{:?} by {viewer}, {:?}, is not in the history", written.id, written.body)
                    });
                }
            }
        }
        counts
    }

    /// Checks that the comments of one owner stand in the order of time: the one that was acknowledged before another was
    /// sent stands below it. `owners` has a number for the owner of each slot, which did not change.
    pub fn time_check(&mut self, history: History<'_>, owners: &[usize], now_ms: u64) {
        // The comment below that was sent last, and when.
        let mut latest: BTreeMap<usize, (u64, CommentId)> = BTreeMap::new();
        for line in history.comments.iter().rev() {
            let Some(owner) = owners.get(line.id.slot().index()) else { continue };
            let written = self.comments.known.get(&line.id).and_then(|dossier| dossier.written);
            let Some(written) = written.map(|number| &self.comments.written[number]) else { continue };
            let below = latest.get(owner).filter(|(sent, _)| written.done.is_some_and(|done| done < *sent));
            if let Some((_, below)) = below {
                self.findings.note(Violation::HistoryAgainstTime, now_ms, || {
                    format!("{} was acknowledged before {below} was sent, and stands above it", line.id)
                });
            }
            let entry = latest.entry(*owner).or_insert((written.turn, line.id));
            if written.turn > entry.0 {
                *entry = (written.turn, line.id);
            }
        }
    }

    /// Each distinct view shows the counts that the answers allow, the history's, and nothing that was deleted.
    fn check_views(&mut self, history: &BTreeMap<CommentId, u64>, now_ms: u64) {
        let mut views: BTreeMap<*const Contents, Arc<Contents>> = BTreeMap::new();
        let connected = self.devices.iter().filter(|device| device.connected);
        for contents in connected.filter_map(|device| device.screen.contents.as_ref()) {
            views.insert(Arc::as_ptr(contents), contents.clone());
        }
        // By point and not by address, so that the first example is the same in every run.
        let mut views: Vec<_> = views.into_values().collect();
        views.sort_by_key(|contents| (contents.point(), contents.coverage()));
        for contents in views {
            let place = format!("in a view at {}", contents.point());
            for (id, count) in contents.covered() {
                let dossier = self.comments.dossier(*id);
                if dossier.deleted {
                    self.findings.note(Violation::CameBack, now_ms, || {
                        format!("{id} is still shown {place}, its deletion was acknowledged")
                    });
                }
                let own = dossier.written.is_some();
                if own {
                    self.check_count(*id, *count, &place, now_ms);
                }
                if let Some(other) =
                    history.get(id).filter(|other| *other != count && own && !self.config.foreign_likes)
                {
                    self.findings.note(Violation::ViewsDisagree, now_ms, || {
                        format!("{id} has {count} likes {place} and {other} in the history")
                    });
                }
            }
        }
    }

    fn check_count(&mut self, id: CommentId, count: u64, place: &str, now_ms: u64) {
        let dossier = self.comments.dossier(id);
        if dossier.written.is_none() || dossier.may_be_deleted() {
            return;
        }
        let (min, mut max) = dossier.registers.interval();
        if self.config.foreign_likes {
            max = u64::MAX;
        }
        if !(min..=max).contains(&count) {
            self.findings.note(Violation::LikesWrong, now_ms, || {
                format!("{id} has {count} likes {place}, the answers allow {min} to {max}")
            });
        }
    }

    fn check_durable(&mut self, durable: &[Durable], now_ms: u64) {
        let mut counts: BTreeMap<CommentId, BTreeMap<u16, BTreeSet<u64>>> = BTreeMap::new();
        for row in durable {
            counts.entry(row.id).or_default().entry(row.part).or_default().insert(row.count);
        }
        for (id, dossier) in &self.comments.known {
            // A shown count of a spread comment is a sum of one durable count of each part.
            let parts = counts.remove(id).unwrap_or_default();
            let durable = parts.into_values().fold(BTreeSet::from([0]), |sums, part| {
                let with = |sum: u64| part.iter().chain(&[0]).map(move |count| sum + count);
                sums.into_iter().flat_map(with).collect()
            });
            if let Some(count) = dossier.counts.kept().iter().find(|count| **count > 0 && !durable.contains(count)) {
                self.findings.note(Violation::CountNeverDurable, now_ms, || {
                    format!("{id} was shown with {count} likes, which was never durable")
                });
            }
        }
    }
}
