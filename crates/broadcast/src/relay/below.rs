//! The links of the nodes below, and what each is owed while it is full.
//!
//! Told by the driver which links are up and which have room; asked by whoever sends. Invariant: nothing is made for a
//! full link; what it misses is kept as the names of its streams, never as frames.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{Epoch, NodeName, Seq, StreamId, peer::PeerId};

/// Most points that wait as unknown for one full link. A viewer whose point is beyond it is told to move by its own node.
const UNKNOWN_MAX: usize = 256;

/// One link to a node below.
#[derive(Debug)]
struct Below {
    name: NodeName,
    full: bool,
    streams: BTreeSet<StreamId>,
    owed: Owed,
}

/// What a link gets when it has room again.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// These have gone on.
    pub(super) streams: BTreeSet<StreamId>,
    /// These points were asked for and do not exist.
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
        let below = Below { name: name.clone(), full: false, streams: BTreeSet::new(), owed: Owed::default() };
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
            below.owed.streams.remove(stream);
        }
    }

    /// The link takes no more for now.
    pub(super) fn fill(&mut self, peer: PeerId) {
        if let Some(below) = self.by_peer.get_mut(&peer) {
            below.full = true;
        }
    }

    /// The link has room: what it is owed.
    pub(super) fn room(&mut self, peer: PeerId) -> Owed {
        let Some(below) = self.by_peer.get_mut(&peer) else { return Owed::default() };
        below.full = false;
        std::mem::take(&mut below.owed)
    }

    /// Whether something of this stream may be sent now; if not, the stream is noted for later.
    #[must_use]
    pub(super) fn may_send(&mut self, peer: PeerId, stream: &StreamId) -> bool {
        let Some(below) = self.by_peer.get_mut(&peer) else { return false };
        if below.full {
            below.owed.streams.insert(stream.clone());
        }
        !below.full
    }

    /// Whether the link may be told now that a point does not exist; if not, that is noted for later.
    #[must_use]
    pub(super) fn may_deny(&mut self, peer: PeerId, point: &(StreamId, Epoch, Seq)) -> bool {
        let Some(below) = self.by_peer.get_mut(&peer) else { return false };
        if below.full && below.owed.unknown.len() < UNKNOWN_MAX {
            below.owed.unknown.insert(point.clone());
        }
        !below.full
    }
}
