//! The open window of one stream: what has changed since its last report, and when the next may go.
//!
//! Between `state`, which puts durable changes in, and `report`, which takes them out. Invariant: what is dirty stands in
//! the order in which it became durable, so the changes of one slot ascend by position.

use std::collections::{BTreeMap, VecDeque};

use watershed_protocol::{Epoch, Millis, Position, Slot};

use crate::{
    comments::CommentNo,
    config::{REACTIONS_CHANGE_PERCENT_MIN, REACTIONS_REPORT_MS},
    top::Top,
};

/// What the root has yet to be told of one stream.
#[derive(Debug)]
pub(crate) struct Window {
    /// The stream's epoch at the root.
    pub(crate) epoch: Epoch,
    /// Whether the root knows nothing yet: the next report is a resync, and nothing is kept for it.
    pub(crate) resync: bool,
    pub(crate) dirty: VecDeque<Dirty>,
    /// Where the last report of each slot ended; zero where absent.
    pub(crate) reported: BTreeMap<Slot, Position>,
    pub(crate) bucket: Bucket,
    /// For when the next report is planned.
    pub(crate) due: Option<Millis>,
    pub(crate) taps: TapsWindow,
    pub(crate) top: Top,
}

/// One change that is durable and not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Dirty {
    pub(crate) slot: Slot,
    pub(crate) position: Position,
    pub(crate) what: What,
}

/// What changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A comment was written.
    Comment(CommentNo),
    /// A comment's count changed, here for the first time since it was reported.
    Tally(CommentNo),
    /// A comment was deleted.
    Deletion(CommentNo),
    /// Something was pinned or unpinned.
    Pin,
}

/// Taps since the last report: they never ask for a token, and for a report of their own only now and then.
#[derive(Debug, Default)]
pub(crate) struct TapsWindow {
    pub(crate) dirty: bool,
    /// All taps, and as many as were reported.
    pub(crate) total: u64,
    pub(crate) reported: u64,
    pub(crate) reported_at: Option<Millis>,
}

impl TapsWindow {
    fn due(&self, now: Millis) -> Option<Millis> {
        let change = u128::from(self.total.abs_diff(self.reported));
        let worth = change * 100 >= u128::from(self.reported) * u128::from(REACTIONS_CHANGE_PERCENT_MIN);
        (self.dirty && worth).then(|| self.reported_at.map_or(now, |at| at.plus(REACTIONS_REPORT_MS)))
    }
}

impl Window {
    /// A stream that the root has opened.
    pub(crate) fn new(epoch: Epoch, resync: bool, bucket: Bucket) -> Self {
        Self {
            epoch,
            resync,
            dirty: VecDeque::new(),
            reported: BTreeMap::new(),
            bucket,
            due: None,
            taps: TapsWindow::default(),
            top: Top::default(),
        }
    }

    /// When the next report should go, if there is anything to tell.
    pub(crate) fn wants(&self, now: Millis) -> Option<Millis> {
        if self.resync {
            Some(now)
        } else if self.dirty.is_empty() {
            self.taps.due(now)
        } else {
            Some(self.bucket.ready_at(now))
        }
    }
}

/// A token bucket (as a virtual schedule, ITU-T I.371): `burst` at once, `per_s` a second after that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    interval_us: u64,
    burst: u64,
    /// When the bucket is full again.
    full_at_us: u64,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_s: u32, burst: u32) -> Self {
        Self { interval_us: 1_000_000 / u64::from(per_s.max(1)), burst: burst.max(1).into(), full_at_us: 0 }
    }

    /// The first moment from `now` on with a token.
    pub(crate) fn ready_at(&self, now: Millis) -> Millis {
        let ready_us = self.full_at_us.saturating_sub((self.burst - 1) * self.interval_us);
        now.max(Millis::new(ready_us.div_ceil(1_000)))
    }

    /// Takes a token, and one that is not there yet rather than none: a resync does not wait.
    pub(crate) fn take(&mut self, now: Millis) {
        self.full_at_us = self.full_at_us.max(now.get().saturating_mul(1_000)).saturating_add(self.interval_us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let mut bucket = Bucket::new(20, 5);
        let mut taken = Vec::new();
        let mut now = Millis::new(1_000);
        for _ in 0..8 {
            now = bucket.ready_at(now);
            taken.push(now.get());
            bucket.take(now);
        }
        assert_eq!(taken, [1_000, 1_000, 1_000, 1_000, 1_000, 1_050, 1_100, 1_150]);
        assert_eq!(bucket.ready_at(Millis::new(9_000)), Millis::new(9_000));
    }

    #[test]
    fn taps_wait_two_seconds_and_for_one_percent() {
        let mut taps = TapsWindow { dirty: true, total: 5, ..TapsWindow::default() };
        let now = Millis::new(10_000);
        assert_eq!(taps.due(now), Some(now), "the first are told at once");
        (taps.total, taps.reported, taps.reported_at) = (1_009, 1_000, Some(now));
        assert_eq!(taps.due(now), None);
        taps.total = 1_010;
        assert_eq!(taps.due(now), Some(Millis::new(12_000)));
    }
}
