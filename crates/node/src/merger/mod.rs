//! The root merger's driver: reports in, frames out.
//!
//! Before anything else it raises the root's epoch and reserves stream epochs, durably, in the map: what an earlier root
//! still sends is older than everything from here. Invariant: a frame is encoded once, however many nodes get it.

mod metrics;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use watershed_link::Sent;
use watershed_membership::{Membership, StateDir};
use watershed_merger::{Config, Input, Merger, Output};
use watershed_net::{
    clock::SharedClock,
    link::{LinkEvent, LinkEventKind, ListenLimits},
};
use watershed_placement::Map;
use watershed_protocol::{
    NodeName, Role,
    peer::{self, PeerId, feed::ToFeed, report::ToMerger},
};

use crate::{
    admin::{Admin, Readiness},
    outlet::Outlets,
    presence::Presence,
    setup::Setup,
    wiring,
};
use metrics::Board;

/// Stream epochs are made durable in blocks of this many: one change of the map for so many openings of streams.
const EPOCHS_PER_BLOCK: u64 = 1_000;

/// Runs until the token is cancelled.
pub(crate) async fn run(setup: Setup, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock = Arc::new(SharedClock::start());
    let (http, peers) = wiring::bind(&setup.node).await?;
    let peers = peers.context("a merger has a port for links")?;
    let member = setup.member(http.local_addr()?, Some(peers.local_addr()?));
    let (membership, map) = Presence::open(&setup.topology)?;
    let presence = Presence::join(membership.clone(), map, &member, &shutdown)?;
    let name = setup.node.name.clone();
    let mut epochs = 0..0;
    let map = membership.update(&mut |map| {
        map.claim_root(&name);
        epochs = map.reserve_stream_epochs(EPOCHS_PER_BLOCK);
    })?;
    tracing::info!(root_epoch = map.root().map(|root| root.epoch.get()), "the root is claimed");

    let board = Arc::new(Board::default());
    let readiness = Readiness::new("starting");
    let serving = Admin::new(&setup, readiness.clone(), board.source()).serve(http, shutdown.clone());
    let links_end = CancellationToken::new();
    let (told, events) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    let listening = wiring::links(&setup, &presence, &clock, told, &links_end)?.listen(peers, ListenLimits::default());
    tracing::info!(http = %member.http, "merger is up");
    readiness.ready();

    let (reserved, reservations) = mpsc::unbounded_channel();
    let driver = Driver {
        machine: Merger::new(config(&setup), map, epochs),
        clock,
        membership,
        reserved,
        outlets: Outlets::default(),
        newest: BTreeMap::new(),
        outbox: Vec::new(),
        board,
    };
    driver.run(presence.map(), events, reservations, shutdown).await;
    links_end.cancel();
    listening.ended().await;
    serving.await?;
    Ok(())
}

fn config(setup: &Setup) -> Config {
    let windows = &setup.topology.windows;
    let mut config = Config::new(setup.node.name.clone());
    config.frames_per_s = windows.frames_per_s;
    config.frame_burst = windows.frame_burst;
    config.resync_wait_ms = windows.resync_wait_ms;
    config
}

struct Driver {
    machine: Merger,
    clock: Arc<SharedClock>,
    membership: Arc<StateDir>,
    reserved: mpsc::UnboundedSender<Range<u64>>,
    outlets: Outlets,
    /// Each node's newest link that is up.
    newest: BTreeMap<NodeName, PeerId>,
    outbox: Vec<Output>,
    board: Arc<Board>,
}

impl Driver {
    async fn run(
        mut self,
        mut maps: watch::Receiver<Arc<Map>>,
        mut events: mpsc::Receiver<LinkEvent>,
        mut reservations: mpsc::UnboundedReceiver<Range<u64>>,
        shutdown: CancellationToken,
    ) {
        loop {
            let deadline = self.machine.deadline();
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = wiring::until(&self.clock, deadline) => self.step(Input::Tick),
                Some(range) = reservations.recv() => self.step(Input::EpochsReserved(range)),
                Some(event) = events.recv() => self.link(event),
                Ok(()) = maps.changed() => {
                    let map = maps.borrow_and_update().clone();
                    self.step(Input::Map(map));
                }
            }
        }
    }

    fn link(&mut self, event: LinkEvent) {
        let peer = PeerId::new(event.link.get());
        let node = event.peer.node.clone();
        match event.kind {
            LinkEventKind::Up { handle, .. } => {
                // The machine forgets a node's former link, which its other end may believe in: the newer one may be an
                // attempt that was given up before it was accepted. Ended, it is dialed again.
                if let Some(former) = self.newest.insert(node.clone(), peer) {
                    self.outlets.hang_up(former);
                }
                self.outlets.up(handle);
                match event.peer.role {
                    Role::Processor => self.step(Input::ProcessorUp { peer, node }),
                    Role::Broadcast => self.step(Input::NodeUp { peer, node }),
                    Role::Merger => self.outlets.hang_up(peer),
                }
            }
            LinkEventKind::Message(ref body) => {
                if let Err(error) = self.message(peer, event.peer.role, body) {
                    tracing::error!(%error, %node, "what was sent cannot be read");
                    self.outlets.hang_up(peer);
                }
            }
            LinkEventKind::Room => {
                if self.outlets.room(peer) {
                    self.step(Input::Room(peer));
                }
            }
            LinkEventKind::Down(reason) => {
                tracing::info!(%node, %reason, "a link is down");
                self.outlets.lost(peer);
                if self.newest.get(&node) == Some(&peer) {
                    self.newest.remove(&node);
                }
                self.step(Input::Lost(peer));
            }
        }
    }

    fn message(&mut self, peer: PeerId, from: Role, body: &[u8]) -> Result<(), watershed_protocol::Invalid> {
        if from == Role::Processor {
            let message: ToMerger = peer::decode(body)?;
            self.step(Input::Processor { peer, message: &message });
        } else {
            let message: ToFeed = peer::decode(body)?;
            self.step(Input::Node { peer, message: &message });
        }
        Ok(())
    }

    fn step(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        self.machine.step(now, input, &mut outbox);
        let mut full = Vec::new();
        for output in outbox.drain(..) {
            match output {
                Output::ToProcessor { peer, message } => {
                    self.outlets.send(peer, peer::encode(&message));
                }
                Output::ToNodes { peers, message } => {
                    let body = peer::encode(&message);
                    full.extend(
                        peers.into_iter().filter(|peer| self.outlets.send(*peer, body.clone()) == Sent::Filled),
                    );
                }
                Output::ReserveEpochs => self.reserve(),
            }
        }
        for peer in full {
            self.machine.step(now, Input::Full(peer), &mut outbox);
        }
        debug_assert!(outbox.is_empty(), "a full peer makes the machine say nothing");
        self.outbox = outbox;
        self.board.set(self.machine.counters());
    }

    /// Takes another block of stream epochs, off this task: the map is on a disk.
    fn reserve(&self) {
        let (membership, reserved) = (self.membership.clone(), self.reserved.clone());
        tokio::task::spawn_blocking(move || {
            let mut range = 0..0;
            let updated = membership.update(&mut |map| range = map.reserve_stream_epochs(EPOCHS_PER_BLOCK));
            match updated {
                Ok(_) => drop(reserved.send(range)),
                Err(error) => tracing::error!(%error, "no stream epochs were reserved: streams cannot be opened"),
            }
        });
    }
}
