//! The broadcast node's driver: viewers' writes up, frames down.
//!
//! One task steps the uplink and the feed and publishes into rooms; workers of the carousel hold the sockets; HTTP asks
//! through a channel. Invariant: a stream that is wanted from the root has a room here, and the other way round.

mod api;
mod history;
mod metrics;
mod rooms;

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use watershed_broadcast::{Feed, SessionConfig, To, Uplink, feed, uplink};
use watershed_link::Sent;
use watershed_net::{
    carousel::{Carousel, CarouselConfig, Event},
    clock::SharedClock,
    http::{ServerConfig, serve},
    link::{LinkEvent, LinkEventKind},
};
use watershed_placement::Map;
use watershed_protocol::{
    Role, StreamId,
    peer::{
        self, PeerId,
        feed::FromFeed,
        uplink::{FromProcessor, Query, Reply},
    },
};

use crate::{
    admin::{Admin, Readiness},
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
    let presence = Presence::join(membership, map.clone(), &member, &shutdown)?;

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
    let rooms = Arc::new(Rooms::new(limits.streams_per_node as usize));
    let admin = Admin::new(&setup, readiness.clone(), board.source(&carousel));
    let session = Arc::new(session_config(&setup, &map));
    let api = Arc::new(Api::new(&setup, presence.clone(), admin, session, carousel.clone(), rooms.clone(), wished));
    let serving = tokio::spawn(serve(listener, api, ServerConfig::default(), shutdown.clone()));

    let links_end = CancellationToken::new();
    let (told, links) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    let dialer = wiring::links(&setup, &presence, &clock, told, &links_end)?;
    let _root = wiring::follow_root(&dialer, &presence, shutdown.clone());
    let _processors = wiring::follow_processors(&dialer, &presence, shutdown.clone());
    tracing::info!(http = %member.http, "broadcast node is up");

    let driver = Driver {
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
        up: Vec::new(),
        down: Vec::new(),
    };
    driver.run(presence.map(), links, events, wishes, shutdown).await;
    links_end.cancel();
    serving.await?;
    // All others that held it have ended. Viewers are told to come again, and have a moment to take it.
    match Arc::into_inner(carousel) {
        Some(carousel) => tokio::task::spawn_blocking(|| carousel.shutdown()).await??,
        None => tracing::error!("the carousel is still in use: viewers are left without a word"),
    }
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
    up: Vec<uplink::Output>,
    down: Vec<feed::Output>,
}

impl Driver {
    async fn run(
        mut self,
        mut maps: watch::Receiver<Arc<Map>>,
        mut links: mpsc::Receiver<LinkEvent>,
        mut events: mpsc::Receiver<Event>,
        mut wishes: mpsc::Receiver<Wish>,
        shutdown: CancellationToken,
    ) {
        loop {
            let deadlines = [self.uplink.deadline(), self.feed.deadline(), self.rooms.deadline()];
            let deadline = deadlines.into_iter().flatten().min();
            tokio::select! {
                () = shutdown.cancelled() => return,
                Some(event) = links.recv() => self.link(event),
                Some(event) = events.recv() => self.event(event),
                Some(wish) = wishes.recv() => self.wish(wish),
                Ok(()) = maps.changed() => {
                    let map = maps.borrow_and_update().clone();
                    self.upward(uplink::Input::Map(map));
                }
                () = wiring::until(&self.clock, deadline) => self.tick(),
            }
            self.board.set(&self.uplink, &self.feed);
        }
    }

    fn tick(&mut self) {
        self.upward(uplink::Input::Tick);
        self.downward(feed::Input::Tick);
        for stream in self.rooms.leave_empty(self.clock.now()) {
            self.downward(feed::Input::Unwant { stream });
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Writes(mut writes) => self.upward(uplink::Input::Writes(&mut writes)),
            Event::Taps { stream, kind, count } => self.upward(uplink::Input::Taps { stream, kind, count }),
            Event::Ahead { stream, epoch, seq } => self.downward(feed::Input::Point { stream, epoch, seq }),
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

    fn link(&mut self, event: LinkEvent) {
        let peer = PeerId::new(event.link.get());
        let from_root = event.peer.role == Role::Merger;
        let node = event.peer.node.clone();
        match event.kind {
            LinkEventKind::Up { handle, .. } => {
                self.outlets.up(handle);
                if from_root {
                    self.readiness.ready();
                    self.downward(feed::Input::Up { peer });
                } else {
                    self.upward(uplink::Input::Up { peer, node });
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
                if from_root {
                    self.readiness.set(Some(NO_ROOT));
                    self.downward(feed::Input::Lost(peer));
                } else {
                    self.upward(uplink::Input::Lost(peer));
                }
            }
        }
    }

    fn message(&mut self, peer: PeerId, from_root: bool, body: &[u8]) -> Result<(), watershed_protocol::Invalid> {
        if from_root {
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
                        Ok(()) => self.carousel.wake(&room),
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
