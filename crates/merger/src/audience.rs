//! Who gets one stream's frames, and how far each is.
//!
//! Changed by subscriptions and losses; asked whenever something is published. Invariant: once the stream is open, a
//! subscriber that is not at the head is one whose link is full.

use std::collections::BTreeMap;

use watershed_protocol::{Epoch, Millis, Seq, StreamId, peer::PeerId};

use crate::nodes::Nodes;

/// A frame's place in a stream.
pub(crate) type Point = (Epoch, Seq);

/// The subscribers of one stream.
#[derive(Debug)]
pub(crate) struct Audience {
    subscribers: BTreeMap<PeerId, Subscriber>,
    /// When the last one left.
    empty_since: Millis,
}

#[derive(Debug)]
struct Subscriber {
    viewers: u64,
    /// The last frame that it has or that is on the way to it.
    at: Option<Point>,
}

impl Audience {
    pub(crate) fn new(now: Millis) -> Self {
        Self { subscribers: BTreeMap::new(), empty_since: now }
    }

    pub(crate) fn subscribe(&mut self, peer: PeerId, viewers: u64, have: Option<Point>) {
        self.subscribers.insert(peer, Subscriber { viewers, at: have });
    }

    pub(crate) fn leave(&mut self, now: Millis, peer: PeerId) {
        if self.subscribers.remove(&peer).is_some() && self.subscribers.is_empty() {
            self.empty_since = now;
        }
    }

    /// A subscriber holds this many viewers now.
    pub(crate) fn set_viewers(&mut self, peer: PeerId, viewers: u64) {
        if let Some(subscriber) = self.subscribers.get_mut(&peer) {
            subscriber.viewers = viewers;
        }
    }

    /// All viewers of the stream.
    pub(crate) fn viewers(&self) -> u64 {
        self.subscribers.values().fold(0, |sum, subscriber| sum.saturating_add(subscriber.viewers))
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.len()
    }

    /// Since when nobody is subscribed.
    pub(crate) fn empty_since(&self) -> Option<Millis> {
        self.subscribers.is_empty().then_some(self.empty_since)
    }

    /// What is published takes everybody to `head`: whom it is to be sent to. Full links are left where they are.
    pub(crate) fn reach(&mut self, head: Point, stream: &StreamId, nodes: &mut Nodes) -> Vec<PeerId> {
        let reached = self.subscribers.iter_mut().filter(|(peer, _)| nodes.may_send(**peer, stream));
        reached
            .map(|(peer, subscriber)| {
                subscriber.at = Some(head);
                *peer
            })
            .collect()
    }

    /// One subscriber is taken to `head`: from where. `None`: it is there, or it is none.
    pub(crate) fn catch_up(&mut self, peer: PeerId, head: Point) -> Option<Option<Point>> {
        let subscriber = self.subscribers.get_mut(&peer)?;
        let from = subscriber.at.replace(head);
        (from != Some(head)).then_some(from)
    }
}
