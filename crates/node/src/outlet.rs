//! The outlets of one driver: every link that is up, with what waits for its window.
//!
//! Between the machines' outputs and net's handles. Invariant: a body goes to the link that the machine named, or to none.

use std::collections::BTreeMap;

use bytes::Bytes;
use watershed_link::{Outlet, Sent};
use watershed_net::link::LinkHandle;
use watershed_protocol::peer::PeerId;

/// The outlets of one driver, by peer.
#[derive(Default)]
pub(crate) struct Outlets {
    links: BTreeMap<PeerId, (LinkHandle, Outlet)>,
}

impl Outlets {
    /// A link came up.
    pub(crate) fn up(&mut self, link: LinkHandle) -> PeerId {
        let peer = PeerId::new(link.link().get());
        self.links.insert(peer, (link, Outlet::default()));
        peer
    }

    /// A link is gone. False when it was not one of these.
    pub(crate) fn lost(&mut self, peer: PeerId) -> bool {
        self.links.remove(&peer).is_some()
    }

    /// Ends the connection to a peer that sent what it should not.
    pub(crate) fn hang_up(&self, peer: PeerId) {
        if let Some((link, _)) = self.links.get(&peer) {
            link.hang_up();
        }
    }

    /// How many links are up.
    pub(crate) fn len(&self) -> usize {
        self.links.len()
    }

    /// Sends, or holds.
    pub(crate) fn send(&mut self, peer: PeerId, body: Bytes) -> Sent {
        let Some((link, outlet)) = self.links.get_mut(&peer) else { return Sent::Taken };
        let bytes = body.len();
        let sent = outlet.send(body, |body| link.offer(body));
        if sent == Sent::TooLarge {
            // The machines bound their messages, so this is our own bug. Ending the link makes them resume.
            tracing::error!(bytes, "a message that no frame holds was not sent, the link is ended");
            link.hang_up();
        }
        sent
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
        self.links.get_mut(&peer).is_some_and(|(link, outlet)| outlet.room(|body| link.offer(body)))
    }
}
