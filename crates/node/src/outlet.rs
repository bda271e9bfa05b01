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

    /// Ends the connections to all peers.
    pub(crate) fn hang_up_all(&self) {
        self.links.values().for_each(|(link, _)| link.hang_up());
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

    /// The link says that there is room: sends what is held. True when the machine may make more.
    pub(crate) fn room(&mut self, peer: PeerId) -> bool {
        self.links.get_mut(&peer).is_some_and(|(link, outlet)| outlet.room(|body| link.offer(body)))
    }
}
