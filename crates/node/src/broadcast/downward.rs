//! Frames on their way down: from a source above into the rooms, and on to viewers and to the nodes below.
//!
//! Between the links and the carousel: it steps the sources, the feed and the relay, and carries their orders out.
//! Invariants: a stream that is wanted from above has a room here, and the other way round; a frame for nodes below is
//! encoded once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::watch;
use watershed_broadcast::{Feed, Relay, Sources, feed, relay, sources};
use watershed_link::Sent;
use watershed_net::{carousel::Carousel, clock::SharedClock, link::DownReason};
use watershed_placement::Map;
use watershed_protocol::{Epoch, Invalid, Millis, NodeName, StreamId, peer, peer::PeerId};

use super::{rooms::Rooms, sizes::Sizes};
use crate::{admin::Readiness, outlet::Outlets};

/// What keeps a broadcast node from being ready.
pub(super) const NO_ROOT: &str = "no heartbeat of the root merger has arrived within 3 s";

/// What the tasks of the links know of the sources.
#[derive(Clone)]
pub(super) struct Shown {
    /// Whether the root is called.
    calls_root: watch::Sender<bool>,
    /// The root's epoch, as handshakes show it.
    root_epoch: Arc<AtomicU64>,
}

impl Shown {
    /// A node that nothing feeds yet.
    pub(super) fn new(calls_root: bool) -> Self {
        Self { calls_root: watch::channel(calls_root).0, root_epoch: Arc::default() }
    }

    pub(super) fn calls_root(&self) -> watch::Receiver<bool> {
        self.calls_root.subscribe()
    }

    pub(super) fn root_epoch(&self) -> Epoch {
        Epoch::new(self.root_epoch.load(Ordering::Acquire))
    }
}

/// See the head of the file.
pub(super) struct Downward {
    clock: Arc<SharedClock>,
    carousel: Arc<Carousel>,
    rooms: Arc<Rooms>,
    sources: Sources,
    feed: Feed,
    relay: Relay,
    /// Links to sources, by whose they are.
    above: BTreeMap<PeerId, NodeName>,
    shown: Shown,
    readiness: Readiness,
    sizes: Arc<Sizes>,
    outbox: Vec<feed::Output>,
}

impl Downward {
    pub(super) fn new(
        clock: Arc<SharedClock>,
        carousel: Arc<Carousel>,
        rooms: Arc<Rooms>,
        sources: Sources,
        streams_max: usize,
        (shown, readiness, sizes): (Shown, Readiness, Arc<Sizes>),
    ) -> Self {
        let relay = Relay::new(relay::Config { streams_max, ..relay::Config::default() });
        Self {
            clock,
            carousel,
            rooms,
            sources,
            feed: Feed::new(feed::Config::default()),
            relay,
            above: BTreeMap::new(),
            shown,
            readiness,
            sizes,
            outbox: Vec::new(),
        }
    }

    pub(super) fn feed(&self) -> &Feed {
        &self.feed
    }

    pub(super) fn relay(&self) -> &Relay {
        &self.relay
    }

    /// Whether this is a node above.
    pub(super) fn names(&self, node: &NodeName) -> bool {
        self.sources.names(node)
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        let machines = [self.sources.deadline(), self.feed.deadline(), self.relay.deadline()];
        machines.into_iter().chain([self.rooms.deadline()]).flatten().min()
    }

    pub(super) fn tick(&mut self, outlets: &mut Outlets) {
        self.choose(sources::Input::Tick, outlets);
        self.step(feed::Input::Tick, outlets);
        self.pass(relay::Input::Tick, outlets);
        for stream in self.rooms.leave_empty(self.clock.now()) {
            self.sizes.forget(&stream);
            self.step(feed::Input::Unwant { stream }, outlets);
        }
    }

    /// Takes the newest map, and leaves a root that was replaced.
    pub(super) fn learn(&mut self, map: &Map, outlets: &mut Outlets) {
        self.choose(sources::Input::Map(map), outlets);
    }

    /// A link to a merger or to a node above is up.
    pub(super) fn source_up(&mut self, peer: PeerId, node: &NodeName, root_epoch: Epoch, outlets: &mut Outlets) {
        self.above.insert(peer, node.clone());
        self.choose(sources::Input::Up { peer, node, root_epoch }, outlets);
    }

    pub(super) fn source_lost(&mut self, peer: PeerId, reason: &DownReason, outlets: &mut Outlets) {
        let silent_ms = if let DownReason::Silent { ms } = reason { *ms } else { 0 };
        let goodbye = *reason == DownReason::Goodbye;
        self.choose(sources::Input::Lost { peer, silent_ms, goodbye }, outlets);
        self.above.remove(&peer);
    }

    /// A source says something. The feed drops what does not come from the link that it was told of last.
    pub(super) fn source_says(&mut self, peer: PeerId, body: &[u8], outlets: &mut Outlets) -> Result<(), Invalid> {
        self.step(feed::Input::Message { peer, message: peer::decode(body)? }, outlets);
        Ok(())
    }

    /// A node below says something.
    pub(super) fn below_says(&mut self, peer: PeerId, body: &[u8], outlets: &mut Outlets) -> Result<(), Invalid> {
        self.pass(relay::Input::Message { peer, message: peer::decode(body)? }, outlets);
        Ok(())
    }

    /// Subscribes to a stream. Its viewers are counted with it: what was told of them before, the feed did not know.
    pub(super) fn want(&mut self, stream: StreamId, outlets: &mut Outlets) {
        self.step(feed::Input::Want { stream: stream.clone() }, outlets);
        self.count(stream, outlets);
    }

    /// Tells how many viewers a stream has here and below.
    pub(super) fn count(&mut self, stream: StreamId, outlets: &mut Outlets) {
        if let Some(here) = self.rooms.viewers_changed(self.clock.now(), &stream) {
            let viewers = here.saturating_add(self.relay.viewers(&stream));
            self.step(feed::Input::Viewers { stream, viewers }, outlets);
        }
    }

    /// Steps the feed and does what it wants.
    pub(super) fn step(&mut self, input: feed::Input, outlets: &mut Outlets) {
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.outbox);
        self.feed.step(now, input, &mut outputs);
        let mut full = Vec::new();
        for output in outputs.drain(..) {
            match output {
                feed::Output::Send { peer, message } => {
                    if outlets.send(peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                feed::Output::Publish { stream, update } => self.publish(now, stream, update, outlets),
                feed::Output::Unknown { stream, epoch, seq } => {
                    self.carousel.unknown_point(&stream, epoch, seq);
                    self.pass(relay::Input::Unknown { stream, epoch, seq }, outlets);
                }
            }
        }
        self.outbox = outputs;
        full.into_iter().for_each(|peer| self.step(feed::Input::Full(peer), outlets));
    }

    fn publish(&mut self, now: Millis, stream: StreamId, update: feed::Update, outlets: &mut Outlets) {
        let Some(room) = self.rooms.find(&stream) else { return };
        self.sizes.learn(&stream, &update);
        match room.publish(now, update) {
            Ok(()) => {
                self.carousel.wake(&room);
                self.pass(relay::Input::Published { stream: &stream }, outlets);
                self.rooms.published(&room);
            }
            Err(gap) => {
                tracing::error!(%stream, %gap, "a room refused a frame: it is asked for anew");
                self.step(feed::Input::Unwant { stream: stream.clone() }, outlets);
                self.want(stream, outlets);
            }
        }
    }

    /// Steps the relay and does what it wants.
    pub(super) fn pass(&mut self, input: relay::Input<'_>, outlets: &mut Outlets) {
        let mut outputs = Vec::new();
        self.relay.step(self.clock.now(), input, &*self.rooms, &mut outputs);
        for output in outputs {
            match output {
                relay::Output::Send { peers, message } => {
                    let body = peer::encode(&*message);
                    let send = |peer: &PeerId| outlets.send(*peer, body.clone()) == Sent::Filled;
                    let full: Vec<PeerId> = peers.into_iter().filter(send).collect();
                    full.into_iter().for_each(|peer| self.pass(relay::Input::Full(peer), outlets));
                }
                relay::Output::Want(stream) => match self.rooms.want_below(&stream) {
                    Some(true) => self.want(stream, outlets),
                    Some(false) => {}
                    None => {
                        tracing::warn!(%stream, "a node below wants a stream, this node has as many as it may");
                        self.pass(relay::Input::Refused { stream: &stream }, outlets);
                    }
                },
                relay::Output::Leave(stream) => {
                    self.rooms.leave_below(&stream);
                    self.count(stream, outlets);
                }
                relay::Output::Viewers(stream) => self.count(stream, outlets),
                relay::Output::Ask { stream, epoch, seq } => {
                    self.step(feed::Input::Point { stream, epoch, seq }, outlets);
                }
                relay::Output::HangUp(peer) => outlets.hang_up(peer),
            }
        }
    }

    /// Steps the sources and does what they want.
    fn choose(&mut self, input: sources::Input<'_>, outlets: &mut Outlets) {
        let mut outputs = Vec::new();
        self.sources.step(self.clock.now(), input, &mut outputs);
        self.shown.root_epoch.store(self.sources.shown_epoch().get(), Ordering::Release);
        for output in outputs {
            match output {
                sources::Output::Feed(peer) => {
                    let node = self.above.get(&peer).cloned();
                    tracing::info!(source = node.as_ref().map(NodeName::as_str), "frames come from another node");
                    self.readiness.fed_by(node);
                    self.step(feed::Input::Up { peer }, outlets);
                }
                sources::Output::Starve(peer) => {
                    self.readiness.fed_by(None);
                    self.step(feed::Input::Lost(peer), outlets);
                }
                sources::Output::HangUp(peer) => {
                    let node = self.above.get(&peer).map(NodeName::as_str);
                    tracing::info!(node, "frames are not taken from this node now");
                    outlets.hang_up(peer);
                }
                sources::Output::CallRoot(calls) => drop(self.shown.calls_root.send_replace(calls)),
                sources::Output::Ready(ready) => {
                    self.readiness.set((!ready).then_some(NO_ROOT));
                    self.pass(relay::Input::Ready(ready), outlets);
                }
            }
        }
    }
}
