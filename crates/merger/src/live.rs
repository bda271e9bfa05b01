//! An open stream under one epoch: its view, what the next frame will say, and when it is due.
//!
//! Reports put changes in, seals take frames out. Invariant: the view is what a subscriber has that got the epoch's snapshot
//! and all frames sealed since.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{
    Delta, Millis, Mutant, NodeName, Rare, Reactions, Shown, Slot, Snapshot, View, limits, peer::report::Report,
};

use crate::{
    Config,
    bucket::Bucket,
    content::{Content, News},
    frame_log::FrameLog,
    newest::Newest,
    ordinals::Ordinals,
    pending::Pending,
    top::same,
};

/// One epoch of an open stream.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) view: View,
    pub(crate) log: FrameLog,
    ordinals: Ordinals,
    pending: Rare<Pending>,
    bucket: Bucket,
    /// When viewers or reactions were last told.
    side_at: Millis,
    began_at: Millis,
    /// When the most liked comments may be told again.
    top_at: Millis,
    /// Resyncs that wait for the next epoch.
    pub(crate) late: BTreeMap<NodeName, Report>,
}

impl Live {
    /// The epoch that begins with this snapshot, whose comments it numbers.
    pub(crate) fn new(now: Millis, first: &mut Snapshot, config: &Config) -> Self {
        Self {
            ordinals: Ordinals::begin(first),
            view: View::new(first),
            log: FrameLog::new(config.log_frames_max, config.log_bytes_max),
            pending: Rare::default(),
            bucket: Bucket::new(config.frames_per_s, config.frame_burst),
            side_at: now,
            began_at: now,
            top_at: now,
            late: BTreeMap::new(),
        }
    }

    /// Goes on under the epoch that begins with this snapshot. The tokens stay as they are.
    pub(crate) fn renew(&mut self, now: Millis, first: &mut Snapshot) {
        self.ordinals = Ordinals::begin(first);
        self.view = View::new(first);
        self.log.clear();
        (self.side_at, self.began_at) = (now, now);
    }

    /// Takes the rows of the slots that a report continues; its registers have been merged already.
    pub(crate) fn take(
        &mut self,
        report: &Report,
        slots: &BTreeSet<Slot>,
        fenced: &BTreeSet<Slot>,
        news: News,
        content: &mut Content,
        config: &Config,
    ) {
        if news.pin {
            self.pending.make().pin = true;
        }
        let mut comments: Vec<_> = report.comments.iter().filter(|c| slots.contains(&c.id.slot())).collect();
        comments.sort_by_key(|comment| comment.order());
        let mut written = 0;
        for comment in comments {
            // Positions tell what is new. This guards the view against a reporter whose rows lie outside its spans.
            if self.view.comment(comment.id).is_none() && !self.pending.holds(comment.id) {
                self.pending.make().push(comment, config.comments_per_frame.max(1));
                written += 1;
            }
        }
        if !slots.is_empty() {
            // No report holds four billion comments; a sum of such claims would no longer be a number.
            let total = if fenced.is_empty() { report.total.clamp(written, u32::MAX.into()) } else { written };
            if total > 0 {
                let pending = self.pending.make();
                pending.total = pending.total.saturating_add(total);
            }
        }
        for id in &report.deleted {
            let covered = report.spans.iter().any(|span| span.slot == id.slot()) && !slots.contains(&id.slot());
            if !covered && !fenced.contains(&id.slot()) && !Mutant::DeletionUntold.lives() {
                let pending = self.pending.make();
                pending.pin |= content.delete(*id);
                pending.delete(*id);
            }
        }
    }

    /// Whether more waits than may: then a snapshot takes the place of the frames.
    pub(crate) fn overflows(&self, content: &Content, config: &Config) -> bool {
        self.pending.deleted.len() > config.waiting_max || content.counts.waiting() > config.waiting_max
    }

    /// Seals everything at once into a snapshot that takes the place of a frame. Deletions and counts of comments that it
    /// does not show need not be told: a snapshot replaces the whole view.
    pub(crate) fn seal_snapshot(
        &mut self,
        now: Millis,
        content: &mut Content,
        viewers: u64,
        config: &Config,
    ) -> Snapshot {
        self.seal(now, content, viewers, usize::MAX, config);
        self.log.clear();
        self.view.snapshot()
    }

    /// The next frame, if it is due: when there is something to say and a token, or for viewers and reactions alone.
    pub(crate) fn frame(&mut self, now: Millis, content: &mut Content, viewers: u64, config: &Config) -> Option<Delta> {
        let spends = (self.speaks(content) || self.ranks(now, content)) && self.bucket.take(now);
        let side = || now >= self.side_at.plus(config.side_every_ms) && self.side_speaks(content, viewers);
        if !spends && !side() {
            return None;
        }
        let limit = if spends { limits::TALLIES_PER_FRAME_MAX } else { 0 };
        let frame = self.seal(now, content, viewers, limit, config);
        self.log.push(frame.clone());
        Some(frame)
    }

    /// When the next frame is due.
    pub(crate) fn frame_at(&self, content: &Content, viewers: u64, config: &Config) -> Option<Millis> {
        let frame = self.speaks(content).then(|| self.bucket.ready_at());
        let side = self.side_speaks(content, viewers).then(|| self.side_at.plus(config.side_every_ms));
        let top = content.top.dirty.then(|| self.top_at.max(self.bucket.ready_at()));
        frame.into_iter().chain(side).chain(top).min()
    }

    /// When the next epoch may begin, if a late owner waits for it.
    pub(crate) fn raise_at(&self, config: &Config) -> Option<Millis> {
        (!self.late.is_empty()).then(|| self.began_at.plus(config.raise_every_ms))
    }

    /// The comments that viewers see, with all that waits, and what they see now.
    pub(crate) fn newest(
        &mut self,
        now: Millis,
        content: &mut Content,
        viewers: u64,
        config: &Config,
    ) -> (Newest, Snapshot) {
        let before = self.seal_snapshot(now, content, viewers, config);
        let mut newest = Newest::default();
        before.comments.iter().for_each(|shown| newest.push(&shown.comment));
        (newest, before)
    }

    fn speaks(&self, content: &Content) -> bool {
        !self.pending.is_empty() || content.counts.waiting() > 0
    }

    /// Whether other comments are the most liked ones now, and may be told.
    fn ranks(&self, now: Millis, content: &mut Content) -> bool {
        if !content.top.dirty || now < self.top_at {
            return false;
        }
        content.top.dirty = !same(&self.ranking(content), self.view.top());
        content.top.dirty
    }

    fn ranking(&self, content: &Content) -> Vec<Shown> {
        content.top.ranked(&content.counts, |id| self.view.likes(id))
    }

    /// Whether viewers or reactions changed by 1%, and by at least 1.
    fn side_speaks(&self, content: &Content, viewers: u64) -> bool {
        let taps = |reactions: &Reactions| reactions.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
        let changed = |before: u64, after: u64| after.abs_diff(before) >= (before / 100).max(1);
        changed(self.view.viewers(), viewers)
            || content.reactions().is_some_and(|after| changed(taps(self.view.reactions()), taps(after)))
    }

    /// Makes the next frame of what waits and applies it to the view. At a limit of 0 it tells viewers and reactions only.
    fn seal(&mut self, now: Millis, content: &mut Content, viewers: u64, limit: usize, config: &Config) -> Delta {
        let from = self.view.seq();
        let mut frame = Delta::empty(self.view.epoch(), from, from.next());
        if limit > 0 {
            let pending = self.pending.make();
            pending.take(&mut frame, limit, &mut content.counts);
            if std::mem::take(&mut pending.pin) {
                let seen = self.view.snapshot().pinned;
                let pinned = content.pin.shown(&content.counts, seen.comment());
                // A pin shows the newest count. If its comment's is left for a later frame, it is told with the pin all the
                // same: of two counts of one comment a merged range could tell only one.
                if let Some(shown) = pinned.comment().filter(|shown| content.counts.waits(shown.comment.id)) {
                    frame.likes.push((shown.comment.id, shown.likes));
                    content.counts.told(shown.comment.id);
                }
                frame.pinned = Some(pinned);
            }
            if self.ranks(now, content) {
                let top = self.ranking(content);
                // As with the pin.
                for shown in top.iter().filter(|shown| content.counts.waits(shown.comment.id)) {
                    frame.likes.push((shown.comment.id, shown.likes));
                }
                frame.likes.iter().for_each(|(id, _)| content.counts.told(*id));
                frame.top = Some(top);
                content.top.dirty = false;
                self.top_at = now.plus(config.top_every_ms);
            }
        }
        frame.viewers = (viewers != self.view.viewers()).then_some(viewers);
        frame.reactions = content.reactions().filter(|after| *after != self.view.reactions()).cloned();
        if frame.viewers.is_some() || frame.reactions.is_some() {
            self.side_at = now;
        }
        self.ordinals.number(&mut frame, &self.view);
        self.view.apply(&frame).unwrap_or_else(|gap| unreachable!("a frame made of the view continues it: {gap}"));
        frame
    }
}
