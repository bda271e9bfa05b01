//! The nodes below that want one stream, and how far each has been sent.
//!
//! Changed by subscriptions and losses; asked whenever the room's head has moved. Invariant: a position is what its node
//! has, or what is on the way to it; it never falls while the subscription lasts.

use std::collections::BTreeMap;

use watershed_protocol::{Mutant, peer::PeerId};

use super::Point;

/// The subscribers of one stream.
#[derive(Debug, Default)]
pub(super) struct Audience {
    subscribers: BTreeMap<PeerId, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    viewers: u64,
    at: Option<Point>,
    /// Whether it was brought anywhere since it subscribed.
    brought: bool,
}

impl Audience {
    pub(super) fn subscribe(&mut self, peer: PeerId, viewers: u64, have: Option<Point>) {
        self.subscribers.insert(peer, Subscriber { viewers, at: have, brought: false });
    }

    /// A subscriber is gone: the viewers that it held.
    pub(super) fn leave(&mut self, peer: PeerId) -> u64 {
        self.subscribers.remove(&peer).map_or(0, |subscriber| subscriber.viewers)
    }

    /// A subscriber holds this many viewers now. True when that is news.
    pub(super) fn set_viewers(&mut self, peer: PeerId, viewers: u64) -> bool {
        let subscriber = self.subscribers.get_mut(&peer);
        subscriber.is_some_and(|subscriber| std::mem::replace(&mut subscriber.viewers, viewers) != viewers)
    }

    /// All viewers below.
    pub(super) fn viewers(&self) -> u64 {
        self.subscribers.values().fold(0, |sum, subscriber| sum.saturating_add(subscriber.viewers))
    }

    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.subscribers.keys().copied().collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Takes all who are behind `head` there, but those whose links are full: from where, and who. One that is ahead, for
    /// it was fed by another node before, waits until the room has caught up with it.
    pub(super) fn reach(
        &mut self,
        head: Point,
        mut may_send: impl FnMut(PeerId) -> bool,
    ) -> BTreeMap<Option<Point>, Vec<PeerId>> {
        let mut behind: BTreeMap<Option<Point>, Vec<PeerId>> = BTreeMap::new();
        let waiting = self.subscribers.iter_mut().filter(|(_, subscriber)| subscriber.at < Some(head));
        for (peer, subscriber) in waiting.filter(|(peer, _)| may_send(**peer)) {
            let from = subscriber.at.replace(head);
            let resumes = !std::mem::replace(&mut subscriber.brought, true) && from.is_some();
            if !(resumes && Mutant::MissedBelow.lives()) {
                behind.entry(from).or_default().push(*peer);
            }
        }
        behind
    }
}
