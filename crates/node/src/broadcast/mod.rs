//! A broadcast node: viewers' writes up, frames down.
//!
//! Here it is put together, and taken apart again at its end. One task, the driver, steps the machines and publishes into
//! rooms; workers of the carousel hold the sockets; HTTP asks through a channel. Asked to end, a node drains before: see
//! `drain`. Invariant: everything that was started here has ended before `run` returns.

mod api;
mod downward;
mod drain;
mod driver;
mod entrance;
mod history;
mod metrics;
mod placing;
mod reception;
mod rooms;
mod shelf;
mod sizes;
mod slowest;
mod tree;
mod upward;

use std::{sync::Arc, time::Duration};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use watershed_broadcast::{SessionConfig, Sources, To, Uplink, uplink};
use watershed_membership::Limits;
use watershed_net::{
    carousel::{Carousel, CarouselConfig},
    clock::SharedClock,
    http::{ServerConfig, serve},
    link::ListenLimits,
};
use watershed_placement::Map;
use watershed_protocol::{
    StreamId,
    peer::uplink::{Query, Reply},
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
use downward::{Downward, NO_ROOT, Shown};
use driver::Driver;
use metrics::Board;
use reception::Reception;
use rooms::Rooms;
use slowest::Slowest;
use tree::Tree;
use upward::Upward;

/// Events of the carousel that may wait: each is a batch.
const EVENTS_MAX: usize = 1_024;
/// Questions of HTTP requests that may wait for the driver.
const ASKS_MAX: usize = 4_096;

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

/// The longest that a node with these limits drains.
pub(crate) fn drain_max(limits: &Limits) -> Duration {
    Duration::from_millis(limits.drain_ms) + drain::GRACE
}

/// Runs until the token is cancelled and the node has drained.
pub(crate) async fn run(setup: Setup, shutdown: CancellationToken) -> anyhow::Result<()> {
    let end = CancellationToken::new();
    let clock = Arc::new(SharedClock::start());
    let (listener, peers) = wiring::bind(&setup.node).await?;
    let peer = peers.as_ref().map(|peers| peers.local_addr()).transpose()?;
    let member = setup.member(listener.local_addr()?, peer);
    let (membership, map) = Presence::open(&setup.topology)?;
    let presence = Presence::join(membership, map.clone(), &member, &shutdown, &end)?;

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
    let reception = Reception::open(&setup, &presence, &carousel, &clock);
    let sizes = reception.sizes.clone();
    let figures = analytics::with_figures(board.source(&carousel, &rooms, &reception.entrance), &recorder);
    let admin = Admin::new(&setup, readiness.clone(), figures);
    let session = Arc::new(session_config(&setup, &map));
    let api = Api {
        node: setup.node.name.clone(),
        placing: reception.placing.clone(),
        entrance: reception.entrance.clone(),
        map: presence.map(),
        presence: presence.clone(),
        admin,
        tree: Tree::new(&setup.topology, &presence, &reception.placing),
        slowest: Slowest::default(),
        session,
        carousel: carousel.clone(),
        rooms: rooms.clone(),
        wishes: wished,
    };
    let serving = tokio::spawn(serve(listener, Arc::new(api), ServerConfig::default(), end.clone()));
    let receiving = tokio::spawn(reception.run(presence.clone(), readiness.clone(), shutdown, end.clone()));

    let links_end = CancellationToken::new();
    let (told, links) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    let above = setup.topology.broadcast.levels.above(&setup.node.name);
    let sources = Sources::new(clock.now(), above.to_vec(), &map);
    let shown = Shown::new(sources.calls_root());
    let epoch = shown.clone();
    let dialer = wiring::links(&setup, &presence, &clock, told, &links_end, move |_| epoch.root_epoch())?;
    let listening = peers.map(|peers| dialer.listen(peers, ListenLimits::default()));
    let _root = wiring::follow_root_while(&dialer, &presence, shown.calls_root(), end.clone());
    let _above = wiring::follow_above(&dialer, &presence, above, end.clone());
    let _processors = wiring::follow_processors(&dialer, &presence, end.clone());
    tracing::info!(http = %member.http, "broadcast node is up");

    let uplink = Uplink::new(uplink::Config::new(setup.incarnation), map);
    let streams_max = limits.streams_per_node as usize;
    let driver = Driver {
        maps: presence.map(),
        up: Upward::new(clock.clone(), carousel.clone(), recorder.clone(), uplink),
        down: Downward::new(clock.clone(), carousel.clone(), rooms, sources, streams_max, (shown, readiness, sizes)),
        clock,
        outlets: Outlets::default(),
        board,
    };
    driver.run(links, events, wishes, end).await;
    links_end.cancel();
    if let Some(listening) = listening {
        listening.ended().await;
    }
    receiving.await?;
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
