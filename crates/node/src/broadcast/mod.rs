//! The broadcast node's driver: viewers' writes up, frames down.
//!
//! One task steps the uplink and the feed and publishes into rooms; workers of the carousel hold the sockets; HTTP asks
//! through a channel. Invariant: a stream that is wanted from the root has a room here, and the other way round.

mod api;
mod history;
mod metrics;
mod rooms;
mod shelf;

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use watershed_analytics::Recorder;
use watershed_broadcast::{Feed, SessionConfig, To, Uplink, feed, uplink};
use watershed_link::Sent;
use watershed_net::{
    carousel::{Carousel, CarouselConfig, Event},
    clock::SharedClock,
    http::{ServerConfig, serve},
    link::{DownReason, LinkEvent, LinkEventKind},
};
use watershed_placement::{Following, Map};
use watershed_protocol::{
    Millis, Role, StreamId,
    peer::{
        self, PeerId,
        feed::FromFeed,
        uplink::{FromProcessor, Query, Reply},
    },
};

use crate::{
    admin::{Admin, Readiness},
    analytics,
    outlet::Outlets,
    presence::Presence,
    setup::Setup,
    wiring,
};
use api::Api;
use metrics::Board;
use rooms::Rooms;

/// Events of the carousel that may wait: each is a batch.
const EVENTS_MAX: usize = 1_024;
/// Questions of HTTP requests that may wait for the driver.
const ASKS_MAX: usize = 4_096;
/// Without a heartbeat of the root for this long a node is not ready: longer than a standby takes to replace it.
const ROOT_SILENT_MS: u64 = 3_000;
/// What keeps a broadcast node from being ready.
const NO_ROOT: &str = "no heartbeat of the root merger has arrived within 3 s";

/// A question of an HTTP request, on its way to a processor.
pub(crate) struct Ask {
    to: To,
    query: Query,
    told: oneshot::Sender<Option<Reply>>,
}

/// What the HTTP side wants of the driver.
pub(crate) enum Wish {
    /// An answer of a processor.
    Ask(Ask),
    /// The frames of a stream that has just got a room.
    Want(StreamId),
}

/// Runs until the token is cancelled.
pub(crate) async fn run(setup: Setup, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock = Arc::new(SharedClock::start());
    let (listener, _) = wiring::bind(&setup.node).await?;
    let member = setup.member(listener.local_addr()?, None);
    let (membership, map) = Presence::open(&setup.topology)?;
    let presence = Presence::join(membership, map.clone(), &member, &shutdown, &shutdown)?;

    let limits = &setup.topology.limits;
    let (events_told, events) = mpsc::channel(EVENTS_MAX);
    let config = CarouselConfig {
        workers: setup.topology.broadcast.workers.into(),
        beat_ms: limits.beat_ms,
        ..CarouselConfig::default()
    };
    let carousel = Arc::new(Carousel::start(config, &setup.node.name, &clock, &events_told)?);
    let (wished, wishes) = mpsc::channel(ASKS_MAX);
    let (board, readiness) = (Arc::new(Board::default()), Readiness::new(NO_ROOT));
    let rooms = Arc::new(Rooms::new(limits.streams_per_node as usize, limits.kept_bytes_per_node as usize));
    let recorder = analytics::start(&setup, &clock);
    let figures = analytics::with_figures(board.source(&carousel, &rooms), &recorder);
    let admin = Admin::new(&setup, readiness.clone(), figures);
    let session = Arc::new(session_config(&setup, &map));
    let api = Arc::new(Api::new(&setup, presence.clone(), admin, session, carousel.clone(), rooms.clone(), wished));
    let serving = tokio::spawn(serve(listener, api, ServerConfig::default(), shutdown.clone()));

    let links_end = CancellationToken::new();
    let (told, links) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    let dialer = wiring::links(&setup, &presence, &clock, told, &links_end, Map::root_epoch)?;
    let _root = wiring::follow_root(&dialer, &presence, shutdown.clone());
    let _processors = wiring::follow_processors(&dialer, &presence, shutdown.clone());
    tracing::info!(http = %member.http, "broadcast node is up");

    let driver = Driver {
        following: Following::new(&map),
        maps: presence.map(),
        rootless_at: None,
        uplink: Uplink::new(uplink::Config::new(setup.incarnation), map),
        feed: Feed::new(feed::Config::default()),
        clock,
        carousel: carousel.clone(),
        rooms,
        outlets: Outlets::default(),
        waiting: BTreeMap::new(),
        tokens: 0,
        readiness,
        board,
        recorder: recorder.clone(),
        up: Vec::new(),
        down: Vec::new(),
    };
    driver.run(links, events, wishes, shutdown).await;
    links_end.cancel();
    serving.await?;
    // All others that held it have ended. Viewers are told to come again, and have a moment to take it.
    match Arc::into_inner(carousel) {
        Some(carousel) => tokio::task::spawn_blocking(|| carousel.shutdown()).await??,
        None => tracing::error!("the carousel is still in use: viewers are left without a word"),
    }
    analytics::close(recorder).await;
    Ok(())
}

fn session_config(setup: &Setup, map: &Map) -> SessionConfig {
    let limits = &setup.topology.limits;
    let mut config = SessionConfig::new(map.key().clone(), setup.incarnation);
    config.moderators = setup.topology.broadcast.moderators.iter().cloned().collect();
    config.kinds = setup.topology.reactions.iter().cloned().collect();
    config.comment_bytes = limits.body_bytes;
    config.comments_per_minute = limits.comments_per_minute;
    config.likes_per_minute = limits.likes_per_minute;
    config.tap_interval_ms = limits.tap_interval_ms as u32;
    config.beat_ms = limits.beat_ms;
    config
}

struct Driver {
    following: Following,
    maps: watch::Receiver<Arc<Map>>,
    /// When this node is no longer ready, while it has no link to the root.
    rootless_at: Option<Millis>,
    uplink: Uplink,
    feed: Feed,
    clock: Arc<SharedClock>,
    carousel: Arc<Carousel>,
    rooms: Arc<Rooms>,
    outlets: Outlets,
    /// HTTP requests that wait for a processor, by token.
    waiting: BTreeMap<u64, oneshot::Sender<Option<Reply>>>,
    tokens: u64,
    readiness: Readiness,
    board: Arc<Board>,
    recorder: Recorder,
    up: Vec<uplink::Output>,
    down: Vec<feed::Output>,
}

impl Driver {
    async fn run(
        mut self,
        mut links: mpsc::Receiver<LinkEvent>,
        mut events: mpsc::Receiver<Event>,
        mut wishes: mpsc::Receiver<Wish>,
        shutdown: CancellationToken,
    ) {
        loop {
            let deadlines = [self.uplink.deadline(), self.feed.deadline(), self.rooms.deadline(), self.rootless_at];
            let deadline = deadlines.into_iter().flatten().min();
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(event) = links.recv() => self.link(event),
                Some(event) = events.recv() => self.event(event),
                Some(wish) = wishes.recv() => self.wish(wish),
                Ok(()) = self.maps.changed() => self.learn(),
                () = wiring::until(&self.clock, deadline) => self.tick(),
            }
            self.board.set(&self.uplink, &self.feed);
        }
    }

    fn tick(&mut self) {
        self.upward(uplink::Input::Tick);
        self.downward(feed::Input::Tick);
        if self.rootless_at.take_if(|at| *at <= self.clock.now()).is_some() {
            self.readiness.set(Some(NO_ROOT));
        }
        for stream in self.rooms.leave_empty(self.clock.now()) {
            self.downward(feed::Input::Unwant { stream });
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Writes(mut writes) => self.upward(uplink::Input::Writes(&mut writes)),
            Event::Taps { stream, kind, count } => self.upward(uplink::Input::Taps { stream, kind, count }),
            Event::Ahead { stream, epoch, seq } => self.downward(feed::Input::Point { stream, epoch, seq }),
            Event::Shed { stream, count } => self.shed(&stream, count),
            Event::Viewers(stream) => self.count(stream),
        }
    }

    /// Subscribes to a stream. Its viewers are counted with it: what was told of them before, the feed did not know.
    fn want(&mut self, stream: StreamId) {
        self.downward(feed::Input::Want { stream: stream.clone() });
        self.count(stream);
    }

    fn count(&mut self, stream: StreamId) {
        if let Some(viewers) = self.rooms.viewers_changed(self.clock.now(), &stream) {
            self.downward(feed::Input::Viewers { stream, viewers });
        }
    }

    /// Writes were refused as overloaded.
    fn shed(&self, stream: &StreamId, count: u64) {
        self.recorder.count(self.clock.now(), stream, &analytics::of_refused(count));
    }

    fn wish(&mut self, wish: Wish) {
        match wish {
            Wish::Want(stream) => self.want(stream),
            Wish::Ask(Ask { to, query, told }) => {
                self.tokens += 1;
                self.waiting.insert(self.tokens, told);
                self.upward(uplink::Input::Ask { token: self.tokens, to, query });
            }
        }
    }

    /// Takes the newest map, and leaves a root that was replaced.
    fn learn(&mut self) {
        let map = self.maps.borrow_and_update().clone();
        if let Some(former) = self.following.learn(&map) {
            self.outlets.hang_up(former);
            self.root_lost(former, 0);
        }
        self.upward(uplink::Input::Map(map));
    }

    /// The root is gone, or is none any more; nothing had been heard of it for a while.
    fn root_lost(&mut self, peer: PeerId, silent_ms: u64) {
        self.rootless_at = Some(self.clock.now().plus(ROOT_SILENT_MS.saturating_sub(silent_ms)));
        self.downward(feed::Input::Lost(peer));
    }

    fn link(&mut self, event: LinkEvent) {
        let peer = PeerId::new(event.link.get());
        let from_root = event.peer.role == Role::Merger;
        let node = event.peer.node.clone();
        match event.kind {
            LinkEventKind::Up { hello, handle } => {
                self.outlets.up(handle);
                if from_root {
                    // Whom this node dials follows from the newest map; so must whom it believes.
                    self.learn();
                }
                if !from_root {
                    self.upward(uplink::Input::Up { peer, node });
                } else if self.following.up(peer, &node, hello.root_epoch) {
                    self.rootless_at = None;
                    self.readiness.ready();
                    self.downward(feed::Input::Up { peer });
                } else {
                    tracing::info!(%node, root_epoch = %hello.root_epoch, "this merger is not the root");
                    self.outlets.hang_up(peer);
                }
            }
            LinkEventKind::Message(ref body) => {
                if let Err(error) = self.message(peer, from_root, body) {
                    tracing::error!(%error, %node, "what was sent cannot be read");
                    self.outlets.hang_up(peer);
                }
            }
            LinkEventKind::Room => {
                if self.outlets.room(peer) {
                    self.upward(uplink::Input::Room(peer));
                    self.downward(feed::Input::Room(peer));
                }
            }
            LinkEventKind::Down(reason) => {
                tracing::info!(%node, %reason, "a link is down");
                self.outlets.lost(peer);
                if !from_root {
                    self.upward(uplink::Input::Lost(peer));
                } else if self.following.lost(peer) {
                    let silent_ms = if let DownReason::Silent { ms } = reason { ms } else { 0 };
                    self.root_lost(peer, silent_ms);
                }
            }
        }
    }

    fn message(&mut self, peer: PeerId, from_root: bool, body: &[u8]) -> Result<(), watershed_protocol::Invalid> {
        if from_root {
            // The feed drops what does not come from the link that it was told of last, the root's.
            let message: FromFeed = peer::decode(body)?;
            self.downward(feed::Input::Message { peer, message });
        } else {
            let message: FromProcessor = peer::decode(body)?;
            self.upward(uplink::Input::Message { peer, message });
        }
        Ok(())
    }

    /// Steps the uplink and does what it wants.
    fn upward(&mut self, input: uplink::Input<'_>) {
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.up);
        self.uplink.step(now, input, &mut outputs);
        let (mut answers, mut full) = (Vec::new(), Vec::new());
        for output in outputs.drain(..) {
            match output {
                uplink::Output::Send { peer, message } => {
                    if self.outlets.send(peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                uplink::Output::Answer { origin, response } => answers.push((origin, response)),
                uplink::Output::Shed { stream } => self.shed(&stream, 1),
                uplink::Output::Told { token, reply } => {
                    if let Some(told) = self.waiting.remove(&token) {
                        // Whoever asked may have gone.
                        let _ = told.send(reply);
                    }
                }
                // The map is looked at ten times a second anyway.
                uplink::Output::WantMap { epoch } => tracing::debug!(%epoch, "a processor has a newer map"),
            }
        }
        self.up = outputs;
        if !answers.is_empty() {
            self.carousel.answer(answers);
        }
        full.into_iter().for_each(|peer| self.upward(uplink::Input::Full(peer)));
    }

    /// Steps the feed and does what it wants.
    fn downward(&mut self, input: feed::Input) {
        let now = self.clock.now();
        let mut outputs = std::mem::take(&mut self.down);
        self.feed.step(now, input, &mut outputs);
        let (mut again, mut full) = (Vec::new(), Vec::new());
        for output in outputs.drain(..) {
            match output {
                feed::Output::Send { peer, message } => {
                    if self.outlets.send(peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                feed::Output::Publish { stream, update } => {
                    let Some(room) = self.rooms.find(&stream) else { continue };
                    match room.publish(now, update) {
                        Ok(()) => {
                            self.carousel.wake(&room);
                            self.rooms.published(&room);
                        }
                        Err(gap) => {
                            tracing::error!(%stream, %gap, "a room refused a frame: it is asked for anew");
                            again.push(stream);
                        }
                    }
                }
                feed::Output::Unknown { stream, epoch, seq } => self.carousel.unknown_point(&stream, epoch, seq),
            }
        }
        self.down = outputs;
        full.into_iter().for_each(|peer| self.downward(feed::Input::Full(peer)));
        for stream in again {
            self.downward(feed::Input::Unwant { stream: stream.clone() });
            self.want(stream);
        }
    }
}
