//! One stream at the root: it waits for an epoch, opens, is open.
//!
//! Between the machine, which knows the links, and the parts that hold what was merged. Invariant: nothing of an epoch is
//! published before its first snapshot, and that shows all owners or says that it is partial.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{
    CommentId, Delta, Epoch, Millis, Mutant, NodeName, Seq, Slot, Snapshot, Spread, StreamId, limits,
    peer::report::{From, FromMerger, Report},
};

use crate::{
    Config, StreamCounts,
    audience::{Audience, Point},
    content::Content,
    live::Live,
    newest::Newest,
    owners::Owners,
    positions::{Fences, Fit},
};

/// One subscribed stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) audience: Audience,
    content: Content,
    /// Owners whose slots are merged from then on.
    resynced: Owners,
    /// Owners that were opened again after a refusal and have not continued since, and when.
    reopened: BTreeMap<NodeName, Millis>,
    /// When missing parts of counts are asked for, while there are any.
    ask_at: Option<Millis>,
    /// The number of viewers that analytics were told last.
    counted_viewers: Option<u64>,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// No epoch was left.
    Waiting,
    /// The owners have been asked for what they have.
    Opening { epoch: Epoch, until: Millis, newest: Newest },
    /// Its first snapshot is out.
    Open(Box<Live>),
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// It is merged.
    Merged,
    /// It tells nothing new.
    Repeat,
    /// It is for another epoch, or of an owner that has yet to resync.
    Stale,
    /// It is a resync of somebody who no longer owns a slot in it.
    Fenced,
    /// It is refused: its owner is to be opened again, unless it has just been.
    Gap { reopen: bool },
    /// It is refused: its owner is to be opened again.
    Overlap,
}

/// What subscribers are to be sent.
#[derive(Debug)]
pub(crate) enum Update {
    /// A view that replaces theirs.
    Snapshot(Snapshot),
    /// What continues theirs.
    Frame(Delta),
}

impl Stream {
    pub(crate) fn new(now: Millis, config: &Config) -> Self {
        Self {
            audience: Audience::new(now),
            content: Content::new(config.counts_max),
            resynced: Owners::default(),
            reopened: BTreeMap::new(),
            ask_at: None,
            counted_viewers: None,
            phase: Phase::Waiting,
        }
    }

    /// The last frame sealed; seq 0 while the stream opens. `None` while it waits for an epoch.
    pub(crate) fn point(&self) -> Option<Point> {
        match &self.phase {
            Phase::Waiting => None,
            Phase::Opening { epoch, .. } => Some((*epoch, Seq::ZERO)),
            Phase::Open(live) => Some((live.view.epoch(), live.view.seq())),
        }
    }

    /// Its one epoch, once its first snapshot is out.
    pub(crate) fn live(&self) -> Option<&Live> {
        match &self.phase {
            Phase::Open(live) => Some(live),
            Phase::Waiting | Phase::Opening { .. } => None,
        }
    }

    /// Owners that have not resynced.
    pub(crate) fn missing(&self, owners: &BTreeSet<NodeName>) -> usize {
        self.resynced.missing(owners)
    }

    /// What to tell an owner: to begin, or to go on from what is merged. `None` while there is no epoch.
    pub(crate) fn open(&mut self, stream: &StreamId, owner: &NodeName) -> Option<FromMerger> {
        let (epoch, _) = self.point()?;
        self.reopened.remove(owner);
        let merged = self.resynced.contains(owner);
        let from = if merged { From::Merged(self.content.positions.list()) } else { From::Nothing };
        Some(FromMerger::Open { stream: stream.clone(), epoch, from })
    }

    /// An owner was opened again because it had left a gap or overlapped. Until it continues, all that it sent before it
    /// heard of that is a gap too.
    pub(crate) fn reopened(&mut self, now: Millis, owner: &NodeName) {
        self.reopened.insert(owner.clone(), now);
    }

    /// Whether a fresh epoch would be begun now: the stream's first, or one for late owners.
    pub(crate) fn wants_epoch(&self, now: Millis, config: &Config) -> bool {
        match &self.phase {
            Phase::Waiting => true,
            Phase::Opening { .. } => false,
            Phase::Open(live) => live.raise_at(config).is_some_and(|at| at <= now),
        }
    }

    /// Begins a fresh epoch. The owners are to be told; for late owners, there is a snapshot to publish at once.
    pub(crate) fn begin(
        &mut self,
        now: Millis,
        epoch: Epoch,
        owners: &BTreeSet<NodeName>,
        fences: &mut Fences,
        config: &Config,
    ) -> Option<Snapshot> {
        let viewers = self.audience.viewers();
        let Phase::Open(live) = &mut self.phase else {
            let until = now.plus(config.resync_wait_ms);
            self.phase = Phase::Opening { epoch, until, newest: Newest::default() };
            return None;
        };
        let (mut newest, before) = live.newest(now, &mut self.content, viewers, config);
        for (node, report) in std::mem::take(&mut live.late) {
            // A slot may have been taken over while its former owner's resync waited; that owner is asked again.
            if fences.meet(&report.spans).is_empty() {
                self.content.absorb(&node, &report, &mut newest);
                self.resynced.insert(&node);
            }
        }
        let partial = self.resynced.missing(owners) > 0 || self.content.lacks_parts(&newest);
        let mut first = self.content.first((epoch, partial, viewers), &newest, Some(&before));
        live.renew(now, &mut first);
        Some(first)
    }

    /// Takes a report, and says how many slots of it are fenced off.
    pub(crate) fn take(
        &mut self,
        now: Millis,
        node: &NodeName,
        report: &Report,
        fences: &mut Fences,
        config: &Config,
    ) -> (Taken, usize) {
        if self.point().is_none_or(|(epoch, _)| epoch != report.epoch) {
            return (Taken::Stale, 0);
        }
        let fenced = fences.meet(&report.spans);
        let taken = match report.resync {
            true if fenced.is_empty() => self.take_resync(node, report),
            true => Taken::Fenced,
            false if !self.resynced.contains(node) => Taken::Stale,
            false => {
                let fit = self.content.positions.fit(report.spans.iter().filter(|span| !fenced.contains(&span.slot)));
                match fit {
                    Fit::Gap => {
                        let again = |at: &Millis| now >= at.plus(config.reopen_every_ms);
                        Taken::Gap { reopen: self.reopened.get(node).is_none_or(again) }
                    }
                    Fit::Overlap => Taken::Overlap,
                    Fit::Continues(slots) => {
                        self.reopened.remove(node);
                        self.merge(node, report, &slots, &fenced, config)
                    }
                }
            }
        };
        (taken, fenced.len())
    }

    fn take_resync(&mut self, node: &NodeName, report: &Report) -> Taken {
        if self.resynced.contains(node) && !self.content.positions.behind(&report.spans) {
            return Taken::Repeat;
        }
        match &mut self.phase {
            Phase::Waiting => return Taken::Stale,
            Phase::Opening { newest, .. } => {
                self.content.absorb(node, report, newest);
                self.resynced.insert(node);
            }
            // It shows comments that may be older than what viewers have: never in frames, only under a further epoch.
            Phase::Open(live) => {
                live.late.insert(node.clone(), report.clone());
            }
        }
        Taken::Merged
    }

    fn merge(
        &mut self,
        node: &NodeName,
        report: &Report,
        slots: &BTreeSet<Slot>,
        fenced: &BTreeSet<Slot>,
        config: &Config,
    ) -> Taken {
        let news = self.content.merge(report, fenced);
        if !slots.is_empty() && fenced.is_empty() {
            self.content.name_top(node, report);
        }
        match &mut self.phase {
            Phase::Waiting => return Taken::Stale,
            Phase::Opening { newest, .. } => {
                report.comments.iter().filter(|c| slots.contains(&c.id.slot())).for_each(|c| newest.push(c));
                for id in report.deleted.iter().filter(|id| !fenced.contains(&id.slot())) {
                    newest.remove(*id);
                    self.content.delete(*id);
                }
            }
            Phase::Open(live) => live.take(report, slots, fenced, news, &mut self.content, config),
        }
        let continued = report.spans.iter().filter(|span| slots.contains(&span.slot));
        continued.for_each(|span| self.content.positions.advance(span));
        if slots.is_empty() && !news.any { Taken::Repeat } else { Taken::Merged }
    }

    /// The next thing to publish now, if any.
    pub(crate) fn next(&mut self, now: Millis, owners: &BTreeSet<NodeName>, config: &Config) -> Option<Update> {
        let viewers = self.audience.viewers();
        match &mut self.phase {
            Phase::Waiting => None,
            Phase::Opening { epoch, until, newest } => {
                let partial = self.resynced.missing(owners) > 0 || self.content.lacks_parts(newest);
                if partial && now < *until {
                    return None;
                }
                let partial = partial && !Mutant::PartialUnsaid.lives();
                let mut first = self.content.first((*epoch, partial, viewers), newest, None);
                self.phase = Phase::Open(Box::new(Live::new(now, &mut first, config)));
                Some(Update::Snapshot(first))
            }
            Phase::Open(live) if live.overflows(&self.content, config) => {
                Some(Update::Snapshot(live.seal_snapshot(now, &mut self.content, viewers, config)))
            }
            Phase::Open(live) => live.frame(now, &mut self.content, viewers, config).map(Update::Frame),
        }
    }

    /// The comments whose missing parts the owners are to be asked for now.
    pub(crate) fn ask(
        &mut self,
        now: Millis,
        owners: &BTreeSet<NodeName>,
        config: &Config,
    ) -> Option<Vec<(CommentId, Spread)>> {
        let wait_ms = match &self.phase {
            // Resyncs tell of no parts but those at home. The others are asked for when all owners have told of theirs.
            Phase::Opening { .. } if self.resynced.missing(owners) == 0 => Some(0),
            Phase::Waiting | Phase::Opening { .. } => None,
            Phase::Open(_) => Some(config.parts_wait_ms),
        };
        let Some(wait_ms) = wait_ms.filter(|_| self.content.counts.is_lacking()) else {
            self.ask_at = None;
            return None;
        };
        let ask_at = *self.ask_at.get_or_insert(now.plus(wait_ms));
        if now < ask_at {
            return None;
        }
        self.ask_at = Some(now.plus(config.parts_ask_every_ms.max(1)));
        Some(self.content.counts.ask(limits::TALLIES_PER_FRAME_MAX))
    }

    /// What analytics are to be told of these frames; `None` when there are none and nobody has come or gone.
    pub(crate) fn count(&mut self, frames: u64, unshown: u64) -> Option<StreamCounts> {
        let viewers = self.audience.viewers();
        let before = self.counted_viewers.replace(viewers);
        (frames > 0 || before != Some(viewers)).then_some(StreamCounts { viewers, frames, unshown })
    }

    /// When the stream wants to act next. A stream that is `starved` of epochs waits for those, not for a moment.
    pub(crate) fn deadline(&self, starved: bool, config: &Config) -> Option<Millis> {
        let close = self.audience.empty_since().map(|since| since.plus(config.close_after_ms));
        let act = match &self.phase {
            Phase::Waiting => None,
            Phase::Opening { until, .. } => Some(*until),
            Phase::Open(live) => {
                let raise = live.raise_at(config).filter(|_| !starved);
                let frame = live.frame_at(&self.content, self.audience.viewers(), config);
                raise.into_iter().chain(frame).min()
            }
        };
        close.into_iter().chain(act).chain(self.ask_at).min()
    }
}
