//! The links to broadcast nodes, and what each is owed while it is full.
//!
//! Told by the driver which links are up and which have room; asked by whoever publishes. Invariant: nothing is made for a
//! full link; what it misses is kept as the names of its streams, never as frames.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{Epoch, NodeName, Seq, StreamId, peer::PeerId};

/// Most points that wait as unknown for one full link. A viewer whose point is beyond it is told to move by its own node.
const UNKNOWN_MAX: usize = 256;

/// One link to a broadcast node.
#[derive(Debug)]
pub(crate) struct Node {
    name: NodeName,
    full: bool,
    pub(crate) streams: BTreeSet<StreamId>,
    owed: Owed,
}

/// What a link gets when it has room again.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// These have gone on.
    pub(crate) streams: BTreeSet<StreamId>,
    /// These points were asked for and do not exist.
    pub(crate) unknown: BTreeSet<(StreamId, Epoch, Seq)>,
}

/// All links to broadcast nodes.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    by_peer: BTreeMap<PeerId, Node>,
}

impl Nodes {
    /// A link is up. Returns the node's former link, if that is still held to be up.
    pub(crate) fn up(&mut self, peer: PeerId, name: &NodeName) -> Option<PeerId> {
        let former = self.by_peer.iter().find(|(_, node)| node.name == *name).map(|(peer, _)| *peer);
        let node = Node { name: name.clone(), full: false, streams: BTreeSet::new(), owed: Owed::default() };
        self.by_peer.insert(peer, node);
        former
    }

    /// A link is gone: the streams that it was subscribed to.
    pub(crate) fn lost(&mut self, peer: PeerId) -> BTreeSet<StreamId> {
        self.by_peer.remove(&peer).map(|node| node.streams).unwrap_or_default()
    }

    pub(crate) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Node> {
        self.by_peer.get_mut(&peer)
    }

    /// The link takes no more for now.
    pub(crate) fn full(&mut self, peer: PeerId) {
        if let Some(node) = self.by_peer.get_mut(&peer) {
            node.full = true;
        }
    }

    /// The link has room: what it is owed.
    pub(crate) fn room(&mut self, peer: PeerId) -> Owed {
        let Some(node) = self.by_peer.get_mut(&peer) else { return Owed::default() };
        node.full = false;
        std::mem::take(&mut node.owed)
    }

    /// Whether something of this stream may be sent now; if not, the stream is noted for later.
    #[must_use]
    pub(crate) fn may_send(&mut self, peer: PeerId, stream: &StreamId) -> bool {
        let Some(node) = self.by_peer.get_mut(&peer) else { return false };
        if node.full {
            node.owed.streams.insert(stream.clone());
        }
        !node.full
    }

    /// Whether the link may be told now that it asked for a point that does not exist; if not, that is noted for later.
    #[must_use]
    pub(crate) fn may_deny(&mut self, peer: PeerId, point: (StreamId, Epoch, Seq)) -> bool {
        let Some(node) = self.by_peer.get_mut(&peer) else { return false };
        if node.full && node.owed.unknown.len() < UNKNOWN_MAX {
            node.owed.unknown.insert(point);
        }
        !node.full
    }
}
