//! The links of the nodes below, and what each is owed while it is full.
//!
//! Told by the driver which links are up and which have room; asked by whoever sends. Invariant: nothing is made for a
//! full link; what it misses is kept as the names of its streams, never as frames.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use watershed_protocol::{Epoch, NodeName, Seq, StreamId, peer::PeerId};

/// Most points that wait as unknown for one full link. A viewer whose point is beyond it is told to move by its own node.
const UNKNOWN_MAX: usize = 256;

/// One link to a node below.
#[derive(Debug)]
struct Below {
    name: NodeName,
    full: bool,
    streams: BTreeSet<StreamId>,
    /// These have gone on while the link was full.
    owed: BTreeSet<StreamId>,
    /// These points were asked for and do not exist.
    unknown: BTreeSet<(StreamId, Epoch, Seq)>,
    /// The owed stream that was taken last. The next is the one behind it: a link that is full again and again would else
    /// get the first streams only.
    taken: Option<StreamId>,
}

impl Below {
    fn owes(&self) -> bool {
        let owes = !self.owed.is_empty() || !self.unknown.is_empty();
        owes && !self.full
    }

    fn take_next(&mut self) -> Option<StreamId> {
        let last = self.taken.as_ref();
        let behind = last.and_then(|last| self.owed.range((Bound::Excluded(last), Bound::Unbounded)).next());
        let next = behind.or_else(|| self.owed.first())?.clone();
        self.owed.remove(&next);
        self.taken = Some(next.clone());
        Some(next)
    }
}

/// What a link gets when it has room.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// These have gone on.
    pub(super) streams: Vec<StreamId>,
    /// These points were asked for and do not exist. Behind all streams.
    pub(super) unknown: BTreeSet<(StreamId, Epoch, Seq)>,
}

/// All links to nodes below.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_peer: BTreeMap<PeerId, Below>,
}

impl Links {
    /// A link is up. Returns the node's former link, if that is still held to be up.
    pub(super) fn up(&mut self, peer: PeerId, name: &NodeName) -> Option<PeerId> {
        let former = self.by_peer.iter().find(|(_, below)| below.name == *name).map(|(peer, _)| *peer);
        let (streams, owed, unknown) = Default::default();
        let below = Below { name: name.clone(), full: false, streams, owed, unknown, taken: None };
        self.by_peer.insert(peer, below);
        former
    }

    /// A link is gone: the streams that it was subscribed to.
    pub(super) fn lost(&mut self, peer: PeerId) -> BTreeSet<StreamId> {
        self.by_peer.remove(&peer).map(|below| below.streams).unwrap_or_default()
    }

    pub(super) fn knows(&self, peer: PeerId) -> bool {
        self.by_peer.contains_key(&peer)
    }

    pub(super) fn len(&self) -> usize {
        self.by_peer.len()
    }

    pub(super) fn peers(&self) -> Vec<PeerId> {
        self.by_peer.keys().copied().collect()
    }

    pub(super) fn subscribe(&mut self, peer: PeerId, stream: &StreamId) {
        if let Some(below) = self.by_peer.get_mut(&peer) {
            below.streams.insert(stream.clone());
        }
    }

    pub(super) fn leave(&mut self, peer: PeerId, stream: &StreamId) {
        if let Some(below) = self.by_peer.get_mut(&peer) {
            below.streams.remove(stream);
            below.owed.remove(stream);
        }
    }

    /// The link takes no more for now.
    pub(super) fn fill(&mut self, peer: PeerId) {
        if let Some(below) = self.by_peer.get_mut(&peer) {
            below.full = true;
        }
    }

    /// The link has room.
    pub(super) fn room(&mut self, peer: PeerId) {
        if let Some(below) = self.by_peer.get_mut(&peer) {
            below.full = false;
        }
    }

    /// Whether a link that has room is still owed something.
    pub(super) fn owes(&self) -> bool {
        self.by_peer.values().any(Below::owes)
    }

    /// Which links that have room are still owed something.
    pub(super) fn owing(&self) -> Vec<PeerId> {
        self.by_peer.iter().filter(|(_, below)| below.owes()).map(|(peer, _)| *peer).collect()
    }

    /// What the link is owed, of so many streams at most: the rest is still owed.
    pub(super) fn take_owed(&mut self, peer: PeerId, streams_max: usize) -> Owed {
        let Some(below) = self.by_peer.get_mut(&peer) else { return Owed::default() };
        let streams = std::iter::from_fn(|| below.take_next()).take(streams_max).collect();
        let ends = below.owed.is_empty();
        let unknown = if ends { std::mem::take(&mut below.unknown) } else { BTreeSet::new() };
        Owed { streams, unknown }
    }

    /// Whether something of this stream may be sent now; if not, the stream is noted for later.
    #[must_use]
    pub(super) fn may_send(&mut self, peer: PeerId, stream: &StreamId) -> bool {
        let Some(below) = self.by_peer.get_mut(&peer) else { return false };
        if below.full {
            below.owed.insert(stream.clone());
        }
        !below.full
    }

    /// Whether the link may be told now that a point does not exist, behind all that it is owed; if not, that is noted for
    /// later.
    #[must_use]
    pub(super) fn may_deny(&mut self, peer: PeerId, point: &(StreamId, Epoch, Seq)) -> bool {
        let Some(below) = self.by_peer.get_mut(&peer) else { return false };
        let may_deny = !below.full && below.owed.is_empty();
        if !may_deny && below.unknown.len() < UNKNOWN_MAX {
            below.unknown.insert(point.clone());
        }
        may_deny
    }
}
