//! Ours: the HTTP server and the carousel as a broadcast node runs them, with one room, and frames of this process.
//!
//! What is measured. Invariant: nothing on a viewer's path is other than in a node; only who publishes is.

use std::{sync::Arc, time::Instant};

use http::{StatusCode, request::Parts};
use tokio::{sync::mpsc, time::sleep_until};
use tokio_util::sync::CancellationToken;
use watershed_broadcast::{Room, RoomConfig, Session, SessionConfig, Update};
use watershed_net::{
    carousel::{Carousel, CarouselConfig, Joiner, SharedRoom},
    clock::SharedClock,
    http::{Handler, ListenerConfig, Reply, Request, ServerConfig, Upgraded, listen, serve as serve_http, text},
};
use watershed_protocol::{ClusterKey, DisplayName, Epoch, NodeName, Seq, StreamId, ViewerId, client::Encoding};

use crate::{
    frames::Frames,
    orders::{self, Order, Schedule, Status},
};

/// Events that may wait: nobody writes here.
const EVENTS_MAX: usize = 1_024;

/// Serves until the end of the input.
pub(crate) fn serve(workers: usize) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(workers))
}

async fn run(workers: usize) -> anyhow::Result<()> {
    let clock = Arc::new(SharedClock::start());
    let (sender, mut events) = mpsc::channel(EVENTS_MAX);
    let node = NodeName::new("b1")?;
    let config = CarouselConfig { workers, ..CarouselConfig::default() };
    let carousel = Arc::new(Carousel::start(config, &node, &clock, &sender)?);
    let room = Arc::new(SharedRoom::new(StreamId::new("demo")?, Room::new(RoomConfig::default())));
    room.publish(clock.now(), Update::Snapshot(Frames::snapshot()))?;
    let rules = Arc::new(SessionConfig::new(ClusterKey::from_bytes([7; 32]), 1));
    let door = Door { carousel: carousel.clone(), room: room.clone(), rules, node };
    let listener = listen(([127, 0, 0, 1], 0).into(), ListenerConfig::default())?;
    orders::say_address(listener.local_addr()?)?;
    let shutdown = CancellationToken::new();
    tokio::spawn(serve_http(listener, Arc::new(door), ServerConfig::default(), shutdown.clone()));
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    Publisher { frames: Frames::new()?, schedule: Schedule::quiet(), carousel, room, clock }.run().await
}

/// In the place of the feed.
struct Publisher {
    frames: Frames,
    schedule: Schedule,
    carousel: Arc<Carousel>,
    room: Arc<SharedRoom>,
    clock: Arc<SharedClock>,
}

impl Publisher {
    async fn run(mut self) -> anyhow::Result<()> {
        let (sender, mut orders) = mpsc::unbounded_channel();
        orders::listen(move |order| {
            let _ = sender.send(order);
        });
        loop {
            let due = self.schedule.due();
            tokio::select! {
                order = orders.recv() => match order.flatten() {
                    Some(order) => self.obey(order)?,
                    None => return Ok(()),
                },
                () = sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => self.publish()?,
            }
        }
    }

    fn obey(&mut self, order: Order) -> anyhow::Result<()> {
        self.schedule.obey(order, Instant::now());
        let figures = self.carousel.figures();
        let figures = figures.all().map(|figure| (figure.name.to_owned(), figure.value)).collect();
        orders::answer(&Status { figures, ..Status::of(&self.frames) })
    }

    fn publish(&mut self) -> anyhow::Result<()> {
        let Some(shape) = self.schedule.take(Instant::now()) else { return Ok(()) };
        let delta = self.frames.next(shape)?;
        self.room.publish(self.clock.now(), Update::Frame(Arc::new(delta)))?;
        self.carousel.wake(&self.room);
        Ok(())
    }
}

/// In the place of the node's handler: it knows one stream and lets everybody in.
struct Door {
    carousel: Arc<Carousel>,
    room: Arc<SharedRoom>,
    rules: Arc<SessionConfig>,
    node: NodeName,
}

impl Door {
    fn session(&self, query: &str, encoding: Encoding) -> Option<Session> {
        let viewer = ViewerId::new(field(query, "viewer")?).ok()?;
        let name = DisplayName::from(&viewer);
        Some(Session::new(self.rules.clone(), viewer, name, self.room.stream().clone(), encoding))
    }
}

impl Handler for Door {
    type Ticket = (Session, Option<(Epoch, Seq)>);

    async fn handle(self: Arc<Self>, _request: Request) -> Reply {
        text(StatusCode::NOT_FOUND, "there is only the stream demo")
    }

    async fn admit(self: Arc<Self>, head: Parts, encoding: Encoding) -> Result<Self::Ticket, Reply> {
        let query = head.uri.query().unwrap_or_default();
        let session = self.session(query, encoding);
        let session = session.ok_or_else(|| text(StatusCode::BAD_REQUEST, "viewer is missing or not a name"))?;
        let resume = field(query, "resume").and_then(|point| point.split_once(':'));
        let resume = resume.and_then(|(epoch, seq)| Some((epoch.parse().ok()?, seq.parse().ok()?)));
        Ok((session, resume.map(|(epoch, seq)| (Epoch::new(epoch), Seq::new(seq)))))
    }

    fn adopt(&self, (session, resume): Self::Ticket, upgraded: Upgraded) {
        let (room, placed) = (self.room.clone(), self.node.clone());
        self.carousel.adopt(Joiner { upgraded, session, room, resume, placed });
    }
}

fn field<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}
