//! The way to one processor: the link, what waits for it, and the batches that it has not answered.
//!
//! Owned by the uplink, which holds the writes themselves; here are only their numbers.
//! Invariant: both queues are ascending, and what is in a flight is in no queue.

use std::collections::{BTreeMap, VecDeque};

use watershed_protocol::{Millis, NodeName, peer::PeerId};

/// A batch whose answers have not all come.
#[derive(Debug)]
struct Flight {
    numbers: Vec<u64>,
    unanswered: usize,
}

/// The way to one processor.
#[derive(Debug)]
pub(super) struct Lane {
    pub(super) node: NodeName,
    pub(super) peer: Option<PeerId>,
    /// The link takes no more.
    pub(super) full: bool,
    /// Since when there is no link; meaningless while there is one.
    pub(super) down_since: Millis,
    /// Writes that no owner can have taken yet: these may still be refused.
    pub(super) fresh: VecDeque<u64>,
    /// Writes that were sent on a link that was then lost: nobody knows.
    pub(super) again: VecDeque<u64>,
    flights: BTreeMap<u64, Flight>,
    flight_next: u64,
}

impl Lane {
    pub(super) fn new(node: NodeName, now: Millis) -> Self {
        Self {
            node,
            peer: None,
            full: false,
            down_since: now,
            fresh: VecDeque::new(),
            again: VecDeque::new(),
            flights: BTreeMap::new(),
            flight_next: 1,
        }
    }

    /// The link, if a message may be made for it.
    pub(super) fn open(&self) -> Option<PeerId> {
        self.peer.filter(|_| !self.full)
    }

    /// The link, if there is something to send on it and not too much is under way.
    pub(super) fn ready(&self, flights_max: usize) -> Option<PeerId> {
        let waiting = !(self.fresh.is_empty() && self.again.is_empty());
        self.open().filter(|_| waiting && self.flights.len() < flights_max)
    }

    /// The lowest number that waits.
    pub(super) fn pop(&mut self) -> Option<u64> {
        match (self.again.front(), self.fresh.front()) {
            (Some(again), Some(fresh)) if again > fresh => self.fresh.pop_front(),
            (Some(_), _) => self.again.pop_front(),
            (None, _) => self.fresh.pop_front(),
        }
    }

    /// Brings both queues into order after numbers were added at their ends.
    pub(super) fn sort(&mut self) {
        // Merges sorted runs, which is what a queue and an addition are.
        self.fresh.make_contiguous().sort();
        self.again.make_contiguous().sort();
    }

    /// The number that the next flight will have.
    pub(super) fn flight_next(&self) -> u64 {
        self.flight_next
    }

    /// These numbers are on their way.
    pub(super) fn depart(&mut self, numbers: Vec<u64>) {
        let flight = Flight { unanswered: numbers.len(), numbers };
        self.flights.insert(self.flight_next, flight);
        self.flight_next += 1;
    }

    /// One write of a flight has its answer, or will not be waited for any longer.
    pub(super) fn arrive(&mut self, flight: u64) {
        let Some(open) = self.flights.get_mut(&flight) else { return };
        open.unanswered -= 1;
        if open.unanswered == 0 {
            self.flights.remove(&flight);
        }
    }

    /// The link is gone: hands over all numbers that were under way, answered ones among them.
    pub(super) fn lose(&mut self, now: Millis) -> Vec<u64> {
        self.peer = None;
        self.full = false;
        self.down_since = now;
        std::mem::take(&mut self.flights).into_values().flat_map(|flight| flight.numbers).collect()
    }
}
