//! The one task of a broadcast node that meets everybody: links, carousel, HTTP, map and clock.
//!
//! What comes up goes to `upward`, what comes down to `downward`. Invariant: it never waits for a peer: what a link does
//! not take is held, and "full" comes back as an input.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use watershed_broadcast::{feed, relay, uplink};
use watershed_net::{
    carousel::Event,
    clock::SharedClock,
    link::{LinkEvent, LinkEventKind, Peer},
};
use watershed_placement::Map;
use watershed_protocol::{
    Invalid, Role,
    peer::{self, PeerId},
};

use super::{Wish, downward::Downward, metrics::Board, upward::Upward};
use crate::{outlet::Outlets, wiring};

/// What the node at the other end of a link is to this one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hop {
    /// It owns comments.
    Owner,
    /// It has frames: a merger, or a node above.
    Source,
    /// It wants frames.
    Below,
}

/// See the head of the file.
pub(super) struct Driver {
    pub(super) maps: watch::Receiver<Arc<Map>>,
    pub(super) clock: Arc<SharedClock>,
    pub(super) up: Upward,
    pub(super) down: Downward,
    pub(super) outlets: Outlets,
    pub(super) board: Arc<Board>,
}

impl Driver {
    pub(super) async fn run(
        mut self,
        mut links: mpsc::Receiver<LinkEvent>,
        mut events: mpsc::Receiver<Event>,
        mut wishes: mpsc::Receiver<Wish>,
        shutdown: CancellationToken,
    ) {
        loop {
            let deadline = [self.up.deadline(), self.down.deadline()].into_iter().flatten().min();
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(event) = links.recv() => self.link(event),
                Some(event) = events.recv() => self.event(event),
                Some(wish) = wishes.recv() => self.wish(wish),
                Ok(()) = self.maps.changed() => self.learn(),
                () = wiring::until(&self.clock, deadline) => self.tick(),
            }
            self.board.set(self.up.uplink(), self.down.feed(), self.down.relay());
        }
    }

    fn tick(&mut self) {
        self.up.step(uplink::Input::Tick, &mut self.outlets);
        self.down.tick(&mut self.outlets);
    }

    fn event(&mut self, event: Event) {
        let outlets = &mut self.outlets;
        match event {
            Event::Writes(mut writes) => self.up.step(uplink::Input::Writes(&mut writes), outlets),
            Event::Taps { stream, kind, count } => self.up.step(uplink::Input::Taps { stream, kind, count }, outlets),
            Event::Ahead { stream, epoch, seq } => self.down.step(feed::Input::Point { stream, epoch, seq }, outlets),
            Event::Shed { stream, count } => self.up.shed(&stream, count),
            Event::Viewers(stream) => self.down.count(stream, outlets),
        }
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Want(stream) => self.down.want(stream, &mut self.outlets),
            Wish::Ask(ask) => self.up.ask(ask, &mut self.outlets),
        }
    }

    fn learn(&mut self) {
        let map = self.maps.borrow_and_update().clone();
        self.down.learn(&map, &mut self.outlets);
        self.up.step(uplink::Input::Map(map), &mut self.outlets);
    }

    fn hop(&self, peer: &Peer) -> Hop {
        match peer.role {
            Role::Processor => Hop::Owner,
            Role::Merger => Hop::Source,
            Role::Broadcast if self.down.names(&peer.node) => Hop::Source,
            Role::Broadcast => Hop::Below,
        }
    }

    fn link(&mut self, event: LinkEvent) {
        let (peer, hop) = (PeerId::new(event.link.get()), self.hop(&event.peer));
        let node = event.peer.node.clone();
        match event.kind {
            LinkEventKind::Up { hello, handle } => {
                self.outlets.up(handle);
                match hop {
                    Hop::Owner => self.up.step(uplink::Input::Up { peer, node }, &mut self.outlets),
                    Hop::Below => self.down.pass(relay::Input::Up { peer, node: &node }, &mut self.outlets),
                    Hop::Source => {
                        // Whom this node dials follows from the newest map; so must whom it believes.
                        self.learn();
                        self.down.source_up(peer, &node, hello.root_epoch, &mut self.outlets);
                    }
                }
            }
            LinkEventKind::Message(ref body) => {
                if let Err(error) = self.message(peer, hop, body) {
                    tracing::error!(%error, %node, "what was sent cannot be read");
                    self.outlets.hang_up(peer);
                }
            }
            LinkEventKind::Room => {
                if self.outlets.room(peer) {
                    match hop {
                        Hop::Owner => self.up.step(uplink::Input::Room(peer), &mut self.outlets),
                        Hop::Source => self.down.step(feed::Input::Room(peer), &mut self.outlets),
                        Hop::Below => self.down.pass(relay::Input::Room(peer), &mut self.outlets),
                    }
                }
            }
            LinkEventKind::Down(reason) => {
                tracing::info!(%node, %reason, "a link is down");
                self.outlets.lost(peer);
                match hop {
                    Hop::Owner => self.up.step(uplink::Input::Lost(peer), &mut self.outlets),
                    Hop::Source => self.down.source_lost(peer, &reason, &mut self.outlets),
                    Hop::Below => self.down.pass(relay::Input::Lost(peer), &mut self.outlets),
                }
            }
        }
    }

    fn message(&mut self, peer: PeerId, hop: Hop, body: &[u8]) -> Result<(), Invalid> {
        match hop {
            Hop::Owner => {
                let message = peer::decode(body)?;
                self.up.step(uplink::Input::Message { peer, message }, &mut self.outlets);
                Ok(())
            }
            Hop::Source => self.down.source_says(peer, body, &mut self.outlets),
            Hop::Below => self.down.below_says(peer, body, &mut self.outlets),
        }
    }
}
