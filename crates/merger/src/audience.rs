//! Who gets one stream's frames, and how far each is.
//!
//! Changed by subscriptions and losses; asked whenever something is published. Invariant: once the stream is open, a
//! subscriber that is not at the head is one whose link is full.

use watershed_protocol::{Epoch, Millis, Seq, StreamId, peer::PeerId};

use crate::nodes::Nodes;

/// A frame's place in a stream.
pub(crate) type Point = (Epoch, Seq);

/// The subscribers of one stream.
#[derive(Debug)]
pub(crate) struct Audience {
    /// By peer. A stream has few nodes, and nearly all streams have one: a list has room for exactly them.
    subscribers: Vec<Subscriber>,
    /// When the last one left.
    empty_since: Millis,
}

#[derive(Debug)]
struct Subscriber {
    peer: PeerId,
    viewers: u64,
    /// The last frame that it has or that is on the way to it.
    at: Option<Point>,
}

impl Audience {
    pub(crate) fn new(now: Millis) -> Self {
        Self { subscribers: Vec::new(), empty_since: now }
    }

    pub(crate) fn subscribe(&mut self, peer: PeerId, viewers: u64, have: Option<Point>) {
        let subscriber = Subscriber { peer, viewers, at: have };
        match self.place(peer) {
            Ok(place) => self.subscribers[place] = subscriber,
            Err(place) => {
                self.subscribers.reserve_exact(1);
                self.subscribers.insert(place, subscriber);
            }
        }
    }

    pub(crate) fn leave(&mut self, now: Millis, peer: PeerId) {
        if let Ok(place) = self.place(peer) {
            self.subscribers.remove(place);
            if self.subscribers.is_empty() {
                self.empty_since = now;
            }
        }
    }

    /// A subscriber holds this many viewers now.
    pub(crate) fn set_viewers(&mut self, peer: PeerId, viewers: u64) {
        if let Ok(place) = self.place(peer) {
            self.subscribers[place].viewers = viewers;
        }
    }

    /// All viewers of the stream.
    pub(crate) fn viewers(&self) -> u64 {
        self.subscribers.iter().fold(0, |sum, subscriber| sum.saturating_add(subscriber.viewers))
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
        let reached = self.subscribers.iter_mut().filter(|subscriber| nodes.may_send(subscriber.peer, stream));
        reached
            .map(|subscriber| {
                subscriber.at = Some(head);
                subscriber.peer
            })
            .collect()
    }

    /// One subscriber is taken to `head`: from where. `None`: it is there, or it is none.
    pub(crate) fn catch_up(&mut self, peer: PeerId, head: Point) -> Option<Option<Point>> {
        let place = self.place(peer).ok()?;
        let from = self.subscribers[place].at.replace(head);
        (from != Some(head)).then_some(from)
    }

    /// Where a subscriber is in the list, or would be.
    fn place(&self, peer: PeerId) -> Result<usize, usize> {
        self.subscribers.binary_search_by_key(&peer, |subscriber| subscriber.peer)
    }
}
