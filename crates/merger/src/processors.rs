//! The links to write processors, and what each has yet to be told while it is full.
//!
//! Told by the driver which links are up; asked when a stream opens or closes. Invariant: nothing is made for a full link;
//! the names of the streams are kept, and what to say of them is decided when there is room.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{NodeName, StreamId, peer::PeerId};

/// One processor's link.
#[derive(Debug)]
struct Processor {
    peer: PeerId,
    full: bool,
    untold: BTreeSet<StreamId>,
}

/// The newest link of each processor.
#[derive(Debug, Default)]
pub(crate) struct Processors {
    by_name: BTreeMap<NodeName, Processor>,
    names: BTreeMap<PeerId, NodeName>,
}

impl Processors {
    /// A link is up. It replaces an older one of the same processor, from which nothing is taken any more.
    pub(crate) fn up(&mut self, peer: PeerId, name: &NodeName) {
        let before = self.by_name.insert(name.clone(), Processor { peer, full: false, untold: BTreeSet::new() });
        if let Some(before) = before {
            self.names.remove(&before.peer);
        }
        self.names.insert(peer, name.clone());
    }

    /// A link is gone.
    pub(crate) fn lost(&mut self, peer: PeerId) {
        if let Some(name) = self.names.remove(&peer) {
            self.by_name.remove(&name);
        }
    }

    /// Whose link this is.
    pub(crate) fn name(&self, peer: PeerId) -> Option<&NodeName> {
        self.names.get(&peer)
    }

    /// The link takes no more for now.
    pub(crate) fn full(&mut self, peer: PeerId) {
        if let Some(processor) = self.get_mut(peer) {
            processor.full = true;
        }
    }

    /// The link has room: whose it is, and the streams of which it has to be told.
    pub(crate) fn room(&mut self, peer: PeerId) -> Option<(NodeName, BTreeSet<StreamId>)> {
        let name = self.names.get(&peer)?.clone();
        let processor = self.by_name.get_mut(&name)?;
        processor.full = false;
        Some((name, std::mem::take(&mut processor.untold)))
    }

    /// Where to tell this processor of the stream now. `None`: it is not connected, or full, which is noted for later.
    pub(crate) fn may_send(&mut self, name: &NodeName, stream: &StreamId) -> Option<PeerId> {
        let processor = self.by_name.get_mut(name)?;
        if processor.full {
            processor.untold.insert(stream.clone());
            return None;
        }
        Some(processor.peer)
    }

    /// The link to this processor, if a message may be made for it that will not be missed.
    pub(crate) fn spare(&self, name: &NodeName) -> Option<PeerId> {
        self.by_name.get(name).filter(|processor| !processor.full).map(|processor| processor.peer)
    }

    /// The processors that are connected.
    pub(crate) fn connected(&self) -> Vec<NodeName> {
        self.by_name.keys().cloned().collect()
    }

    fn get_mut(&mut self, peer: PeerId) -> Option<&mut Processor> {
        self.by_name.get_mut(self.names.get(&peer)?)
    }
}
