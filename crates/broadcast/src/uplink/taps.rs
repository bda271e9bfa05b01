//! Taps on their way up: cumulative counts of this reporter by stream and kind.
//!
//! They are never queued: what is sent is the newest count, at most every [`INTERVAL_MS`] a stream, so a flood of taps
//! costs a message a window and a lost one costs nothing. Invariant: the counts of a stream never fall.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{Millis, ReactionKind, Reactions, Slot, StreamId, limits, peer::PeerId};

/// Shortest time between two reports of one stream's taps: five a second, as often as an eye follows a counter.
pub(super) const INTERVAL_MS: u64 = 200;

/// One stream's taps.
#[derive(Debug)]
struct Tapped {
    counts: Reactions,
    /// The stream's home slot.
    slot: Slot,
    /// The counts have changed since they were sent, or what was sent is lost.
    dirty: bool,
    sent_at: Millis,
    /// The last sending that is not answered.
    unanswered: Option<(u64, PeerId)>,
}

/// Taps of all streams.
#[derive(Debug, Default)]
pub(super) struct Taps {
    streams: BTreeMap<StreamId, Tapped>,
    due: BTreeSet<(Millis, StreamId)>,
    /// Whose the unanswered sendings are, by their numbers.
    unanswered: BTreeMap<u64, StreamId>,
}

impl Taps {
    /// Counts taps. False when the stream or the kind is one too many and they are dropped.
    #[must_use]
    pub(super) fn add(
        &mut self,
        now: Millis,
        (stream, kind, count): (StreamId, ReactionKind, u64),
        streams_max: usize,
        home: impl FnOnce(&StreamId) -> Slot,
    ) -> bool {
        if !self.streams.contains_key(&stream) {
            if self.streams.len() >= streams_max {
                return false;
            }
            let (slot, counts) = (home(&stream), Reactions::new());
            let tapped = Tapped { counts, slot, dirty: false, sent_at: Millis::default(), unanswered: None };
            self.streams.insert(stream.clone(), tapped);
        }
        let Some(tapped) = self.streams.get_mut(&stream) else { return false };
        if !tapped.counts.contains_key(&kind) && tapped.counts.len() >= limits::REACTION_KINDS_MAX {
            return false;
        }
        let total = tapped.counts.entry(kind).or_default();
        *total = total.saturating_add(count);
        self.soil(now, &stream);
        true
    }

    /// When counts are to be sent.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The streams whose counts are to be sent now, with their home slots. Each must then be `sent` or `put_off`.
    pub(super) fn take_due(&mut self, now: Millis) -> Vec<(StreamId, Slot)> {
        let mut due = Vec::new();
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, stream)) = self.due.pop_first() else { break };
            let Some(tapped) = self.streams.get(&stream) else { continue };
            due.push((stream, tapped.slot));
        }
        due
    }

    /// They cannot be sent now; the newest counts will be, later.
    pub(super) fn put_off(&mut self, now: Millis, stream: StreamId) {
        self.due.insert((now.plus(INTERVAL_MS), stream));
    }

    /// They are sent under this number: hands over the counts.
    pub(super) fn sent(&mut self, now: Millis, stream: &StreamId, number: u64, peer: PeerId) -> Reactions {
        let Some(tapped) = self.streams.get_mut(stream) else { return Reactions::new() };
        tapped.dirty = false;
        tapped.sent_at = now;
        if let Some((former, _)) = tapped.unanswered.replace((number, peer)) {
            self.unanswered.remove(&former);
        }
        self.unanswered.insert(number, stream.clone());
        tapped.counts.clone()
    }

    /// An answer to a sending of taps; without success they are sent again. False when the number is not one of ours.
    pub(super) fn answered(&mut self, now: Millis, number: u64, success: bool) -> bool {
        let Some(stream) = self.unanswered.remove(&number) else { return false };
        if let Some(tapped) = self.streams.get_mut(&stream) {
            tapped.unanswered = None;
        }
        if !success {
            self.soil(now, &stream);
        }
        true
    }

    /// A link is gone: what was under way on it is sent again.
    pub(super) fn lost(&mut self, now: Millis, peer: PeerId) {
        let on_peer = |tapped: &Tapped| tapped.unanswered.is_some_and(|(_, to)| to == peer);
        let lost: Vec<u64> = self
            .unanswered
            .iter()
            .filter(|(_, s)| self.streams.get(*s).is_some_and(on_peer))
            .map(|(n, _)| *n)
            .collect();
        for number in lost {
            self.answered(now, number, false);
        }
    }

    fn soil(&mut self, now: Millis, stream: &StreamId) {
        let Some(tapped) = self.streams.get_mut(stream) else { return };
        if !std::mem::replace(&mut tapped.dirty, true) {
            self.due.insert((tapped.sent_at.plus(INTERVAL_MS).max(now), stream.clone()));
        }
    }
}
