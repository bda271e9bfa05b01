//! A link's sending end, as a driver uses it: what one step of a machine made is never lost to a full window.
//!
//! Between the machines' outputs and [`LinkHandle`]. When the window is full, the rest of the step is held here and the
//! machine is told `Full`; it makes nothing more for this peer until `Room`.
//! Invariant: bodies leave in the order they came, and what is held came from one step.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use watershed_net::link::{LinkHandle, OfferError};
use watershed_protocol::peer::PeerId;

/// What became of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is on its way (or the link is gone, which the machine is told by itself).
    Taken,
    /// It is held: the machine must be told that this peer is full.
    Filled,
    /// It is held behind others; the machine knows.
    Held,
}

struct Outlet {
    link: LinkHandle,
    held: VecDeque<Bytes>,
}

/// The outlets of one driver, by peer.
#[derive(Default)]
pub(crate) struct Outlets {
    links: BTreeMap<PeerId, Outlet>,
}

impl Outlets {
    /// A link came up.
    pub(crate) fn up(&mut self, link: LinkHandle) -> PeerId {
        let peer = PeerId::new(link.link().get());
        self.links.insert(peer, Outlet { link, held: VecDeque::new() });
        peer
    }

    /// A link is gone. False when it was not one of these.
    pub(crate) fn lost(&mut self, peer: PeerId) -> bool {
        self.links.remove(&peer).is_some()
    }

    /// Ends the connection to a peer that sent what it should not.
    pub(crate) fn hang_up(&self, peer: PeerId) {
        if let Some(outlet) = self.links.get(&peer) {
            outlet.link.hang_up();
        }
    }

    /// How many links are up.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// Sends, or holds.
    pub(crate) fn send(&mut self, peer: PeerId, body: Bytes) -> Sent {
        let Some(outlet) = self.links.get_mut(&peer) else { return Sent::Taken };
        if !outlet.held.is_empty() {
            outlet.held.push_back(body);
            return Sent::Held;
        }
        match outlet.link.offer(body.clone()) {
            Ok(()) | Err(OfferError::Down) => Sent::Taken,
            Err(error @ OfferError::TooLarge { .. }) => too_large(&outlet.link, &error),
            Err(OfferError::Full { .. }) => {
                outlet.held.push_back(body);
                Sent::Filled
            }
        }
    }

    /// Sends to the only peer there is: the newest link, while an older one to the same peer is dying.
    pub(crate) fn send_to_newest(&mut self, body: Bytes) -> Sent {
        match self.links.keys().next_back().copied() {
            Some(peer) => self.send(peer, body),
            None => Sent::Taken,
        }
    }

    /// The link says that there is room: sends what is held. True when the machine may make more.
    pub(crate) fn room(&mut self, peer: PeerId) -> bool {
        let Some(outlet) = self.links.get_mut(&peer) else { return false };
        while let Some(body) = outlet.held.front() {
            match outlet.link.offer(body.clone()) {
                Ok(()) | Err(OfferError::Down | OfferError::TooLarge { .. }) => drop(outlet.held.pop_front()),
                Err(OfferError::Full { .. }) => return false,
            }
        }
        true
    }
}

/// A body that no frame holds is our own bug: the machines bound their messages. Ending the link makes them resume.
fn too_large(link: &LinkHandle, error: &OfferError) -> Sent {
    tracing::error!(%error, "a message was not sent, the link is ended");
    link.hang_up();
    Sent::Taken
}
