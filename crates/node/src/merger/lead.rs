//! A merger that is the root: the machine meets links, clock and map.
//!
//! From the claim to the map that names another. Invariants: a frame is encoded once, however many nodes get it; stream
//! epochs are taken, and points are called unknown, only after the map has said again that this is the root.

use std::{collections::BTreeMap, ops::Range, sync::Arc, time::Duration};

use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use watershed_analytics::Recorder;
use watershed_link::Sent;
use watershed_membership::{CasError, Membership, StateDir};
use watershed_merger::{Config, Input, Merger, Output};
use watershed_net::{
    clock::SharedClock,
    link::{LinkEvent, LinkEventKind},
};
use watershed_placement::{Duty, Map, duty};
use watershed_protocol::{
    Epoch, NodeName, Role,
    peer::{self, PeerId, feed::ToFeed, report::ToMerger},
};

use super::{EPOCHS_PER_BLOCK, EPOCHS_PER_BLOCK_MAX, metrics::Board, standby::Term};
use crate::{analytics, outlet::Outlets, presence::Presence, setup::Setup};

/// How long a root that is asked to end works on until a standby has taken its place.
const HAND_OVER: Duration = Duration::from_millis(1_000);
/// When the state directory is asked again after it has failed.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Most questions about points that wait for a look at the map; who asks more asks again.
const ASKS_MAX: usize = 4_096;

/// Why a term of leading is over.
pub(super) enum Left {
    /// The map names another root.
    Replaced,
    /// The process is asked to end.
    Ended,
}

/// What the map said when it was read for it.
enum Looked {
    /// Stream epochs that are durably this root's.
    Reserved(Range<u64>),
    /// This was still the root.
    Confirmed,
    /// Another is the root: the map's news is on its way.
    Replaced,
}

/// See the head of the file.
pub(super) struct Lead {
    name: NodeName,
    epoch: Epoch,
    machine: Merger,
    clock: Arc<SharedClock>,
    membership: Arc<StateDir>,
    presence: Presence,
    looked: mpsc::UnboundedSender<Looked>,
    looks: mpsc::UnboundedReceiver<Looked>,
    outlets: Outlets,
    /// Stream epochs in the last block that was asked for.
    block: u64,
    /// Each node's newest link that is up.
    newest: BTreeMap<NodeName, PeerId>,
    /// Questions about points: those that the look under way is for, and those that came since.
    asks: [Vec<(PeerId, ToFeed)>; 2],
    outbox: Vec<Output>,
    board: Arc<Board>,
    recorder: Recorder,
}

impl Lead {
    pub(super) fn new(
        setup: &Setup,
        term: Term,
        clock: Arc<SharedClock>,
        membership: Arc<StateDir>,
        presence: Presence,
        board: Arc<Board>,
    ) -> Self {
        let (looked, looks) = mpsc::unbounded_channel();
        Self {
            name: setup.node.name.clone(),
            epoch: term.epoch,
            machine: Merger::new(config(setup), term.map, term.stream_epochs),
            clock,
            membership,
            presence,
            looked,
            looks,
            outlets: Outlets::default(),
            block: EPOCHS_PER_BLOCK,
            newest: BTreeMap::new(),
            asks: Default::default(),
            outbox: Vec::new(),
            board,
            recorder: Recorder::off(),
        }
    }

    /// Counts for analytics.
    pub(super) fn recording(self, recorder: Recorder) -> Self {
        Self { recorder, ..self }
    }

    /// Leads until the map names another, or until the process is asked to end and a standby had time to take over.
    pub(super) async fn run(mut self, events: &mut mpsc::Receiver<LinkEvent>, shutdown: &CancellationToken) -> Left {
        let (mut maps, mut members) = (self.presence.map(), self.presence.members_changes());
        let mut ends_at = None;
        loop {
            let deadline = self.machine.deadline();
            let end = ends_at.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = shutdown.cancelled(), if ends_at.is_none() => {
                    if !self.has_standby() {
                        return Left::Ended;
                    }
                    // The lease is given back already: a standby sees that when it looks.
                    tracing::info!("a standby is to take over");
                    ends_at = Some(Instant::now() + HAND_OVER);
                }
                () = sleep_until(end), if ends_at.is_some() => return Left::Ended,
                Ok(()) = members.changed(), if ends_at.is_some() => if !self.has_standby() { return Left::Ended },
                Ok(()) = maps.changed() => {
                    let map = maps.borrow_and_update().clone();
                    if !self.learn(map) {
                        self.outlets.hang_up_all();
                        return Left::Replaced;
                    }
                }
                () = crate::wiring::until(&self.clock, deadline) => self.step(Input::Tick),
                Some(looked) = self.looks.recv() => self.looked(looked),
                Some(event) = events.recv() => self.link(event),
            }
        }
    }

    fn has_standby(&self) -> bool {
        self.presence.any_merger(|merger| *merger != self.name)
    }

    /// False: another is the root.
    fn learn(&mut self, map: Arc<Map>) -> bool {
        let leads = duty(&map, &self.name, Some(self.epoch), |_| true) == Duty::Lead;
        if leads {
            self.step(Input::Map(map));
        }
        leads
    }

    fn link(&mut self, event: LinkEvent) {
        let peer = PeerId::new(event.link.get());
        let node = event.peer.node.clone();
        match event.kind {
            LinkEventKind::Up { hello, handle } => {
                // The machine forgets a node's former link, which its other end may believe in: the newer one may be an
                // attempt that was given up before it was accepted. Ended, it is dialed again.
                if let Some(former) = self.newest.insert(node.clone(), peer) {
                    self.outlets.hang_up(former);
                }
                self.outlets.up(handle);
                match event.peer.role {
                    // It knows a later root, which this node will read of at its next look.
                    _ if hello.root_epoch > self.epoch => self.outlets.hang_up(peer),
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
            return Ok(());
        }
        match peer::decode(body)? {
            ask @ ToFeed::Ask { .. } => self.ask(peer, ask),
            message => self.step(Input::Node { peer, message: &message }),
        }
        Ok(())
    }

    fn step(&mut self, input: Input<'_>) {
        let (now, begun) = (self.clock.now(), Instant::now());
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
                Output::Counted { stream, counts } => self.recorder.count(now, &stream, &analytics::of_root(&counts)),
                Output::ReserveEpochs => self.reserve(),
            }
        }
        for peer in full {
            self.machine.step(now, Input::Full(peer), &mut outbox);
        }
        debug_assert!(outbox.is_empty(), "a full peer makes the machine say nothing");
        self.outbox = outbox;
        self.board.stepped(self.machine.counters(), begun.elapsed());
    }
}

/// What rests on the map as it is now, not as it was read last.
impl Lead {
    /// Takes another block of stream epochs, off this task: the map is on a disk.
    fn reserve(&mut self) {
        self.block = (self.block * 2).min(EPOCHS_PER_BLOCK_MAX);
        let (membership, epoch, block) = (self.membership.clone(), self.epoch, self.block);
        self.look(move || {
            let mut range = None;
            membership.update(&mut |map| range = map.reserve_stream_epochs(epoch, block))?;
            Ok(range.clone().map_or(Looked::Replaced, Looked::Reserved))
        });
    }

    /// A node asks for a point that may be of a later root's, which this one would call unknown. It answers only if it is
    /// the root after it was asked: a viewer would be sent back else.
    fn ask(&mut self, peer: PeerId, ask: ToFeed) {
        let [asked, waiting] = &mut self.asks;
        if waiting.len() < ASKS_MAX {
            waiting.push((peer, ask));
        }
        if asked.is_empty() {
            self.confirm();
        }
    }

    fn confirm(&mut self) {
        self.asks.swap(0, 1);
        if self.asks[0].is_empty() {
            return;
        }
        let (membership, epoch) = (self.membership.clone(), self.epoch);
        self.look(move || {
            let root = membership.map()?.map(|map| map.root_epoch());
            Ok(if root == Some(epoch) { Looked::Confirmed } else { Looked::Replaced })
        });
    }

    fn look(&self, look: impl Fn() -> Result<Looked, CasError> + Clone + Send + Sync + 'static) {
        let told = self.looked.clone();
        tokio::spawn(async move {
            loop {
                match tokio::task::spawn_blocking(look.clone()).await {
                    // A term that is over hears nothing more.
                    Ok(Ok(looked)) => return drop(told.send(looked)),
                    Ok(Err(error)) => tracing::error!(%error, "the map cannot be used, streams may wait for an epoch"),
                    Err(error) => tracing::error!(%error, "the look at the map did not end by itself"),
                }
                if told.is_closed() {
                    return;
                }
                sleep(LOOK_AGAIN).await;
            }
        });
    }

    fn looked(&mut self, looked: Looked) {
        match looked {
            Looked::Reserved(range) => self.step(Input::EpochsReserved(range)),
            Looked::Replaced => self.asks[0].clear(),
            Looked::Confirmed => {
                for (peer, ask) in std::mem::take(&mut self.asks[0]) {
                    self.step(Input::Node { peer, message: &ask });
                }
                self.confirm();
            }
        }
    }
}

fn config(setup: &Setup) -> Config {
    let windows = &setup.topology.windows;
    let mut config = Config::new(setup.node.name.clone());
    config.frames_per_s = windows.frames_per_s;
    config.frame_burst = windows.frame_burst;
    config.resync_wait_ms = windows.resync_wait_ms;
    config.side_every_ms = windows.viewers_every_ms;
    config.tell_counts = setup.topology.analytics.is_some();
    config
}
