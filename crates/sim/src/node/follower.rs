//! Whose word a processor or a broadcast node takes, in the simulator.
//!
//! Between the links that come up and the machines. Invariant: it is [`Following`]'s word, unless a bug is planted: then
//! it is the word of whichever merger came up last.

use watershed_placement::{Following, Map};
use watershed_protocol::{Epoch, NodeName, peer::PeerId};

use crate::outside::{Outside, Sabotage};

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Follower {
    following: Following,
    /// With the bug planted: the merger that came up last.
    planted: Option<Option<PeerId>>,
}

impl Follower {
    pub(crate) fn new(outside: &Outside, map: &Map) -> Self {
        let planted = (outside.sabotage == Some(Sabotage::ObeyReplaced)).then_some(None);
        Self { following: Following::new(map), planted }
    }

    /// The newest map is known: whether the root that was followed is lost.
    pub(crate) fn learn(&mut self, map: &Map) -> Option<PeerId> {
        self.following.learn(map).filter(|_| self.planted.is_none())
    }

    pub(crate) fn up(&mut self, peer: PeerId, node: &NodeName, epoch: Epoch) -> bool {
        let follows = self.following.up(peer, node, epoch);
        match &mut self.planted {
            Some(last) => {
                *last = Some(peer);
                true
            }
            None => follows,
        }
    }

    pub(crate) fn lost(&mut self, peer: PeerId) -> bool {
        let lost = self.following.lost(peer);
        match &mut self.planted {
            Some(last) => last.take_if(|last| *last == peer).is_some(),
            None => lost,
        }
    }

    pub(crate) fn peer(&self) -> Option<PeerId> {
        self.planted.unwrap_or(self.following.peer())
    }

    pub(crate) fn is(&self, peer: PeerId) -> bool {
        self.peer() == Some(peer)
    }
}
