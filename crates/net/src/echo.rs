//! An echo server on the viewers' path, for suites from outside that check the framing: never a part of a node.
//!
//! [`crate::http::serve`] takes the handshake and [`Carousel`] the socket, as for a viewer; what comes in is read by the
//! decoder of viewers and goes out by their sender. Invariant: nothing here reads or writes a socket.

use std::{io, sync::Arc, thread};

use http::{StatusCode, request::Parts};
use tokio::{net::TcpListener, sync::mpsc, task::spawn_blocking};
use tokio_util::sync::CancellationToken;
use watershed_protocol::{NodeName, client::Encoding};

use crate::{
    carousel::{Carousel, CarouselConfig, WORKERS_MAX},
    clock::SharedClock,
    http::{Handler, Reply, Request, ServerConfig, Upgraded, serve, text},
};

/// Messages of the greatest length that a worker keeps while they come; clients that send more of them at once are told to
/// try later.
const MESSAGES_KEPT_MAX: usize = 16;

/// An echo, running since it was made.
pub struct Echo {
    carousel: Arc<Carousel>,
}

impl Echo {
    /// Starts the workers. `message_bytes_max`: the longest message, its fragments together.
    pub fn start(message_bytes_max: usize) -> io::Result<Self> {
        let workers = thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX);
        let kept_bytes_max = workers * MESSAGES_KEPT_MAX * message_bytes_max;
        let config = CarouselConfig {
            workers,
            message_bytes_max,
            input_bytes_max: kept_bytes_max,
            held_bytes_max: kept_bytes_max,
            ..CarouselConfig::default()
        };
        let name = NodeName::new("echo").map_err(io::Error::other)?;
        // Nobody watches a stream here, so there is nothing that the workers could tell.
        let (events, _) = mpsc::channel(1);
        let carousel = Carousel::start(config, &name, &Arc::new(SharedClock::start()), &events)?;
        Ok(Self { carousel: Arc::new(carousel) })
    }

    /// Serves until `shutdown`, then says farewell to the clients.
    pub async fn run(self, listener: TcpListener, shutdown: CancellationToken) -> io::Result<()> {
        let door = Arc::new(Door { carousel: self.carousel.clone() });
        serve(listener, door, ServerConfig::default(), shutdown).await;
        match Arc::into_inner(self.carousel) {
            Some(carousel) => spawn_blocking(|| carousel.shutdown()).await?,
            None => Err(io::Error::other("the carousel is still in use: clients are left without a word")),
        }
    }
}

/// Lets everybody in, at any path.
struct Door {
    carousel: Arc<Carousel>,
}

impl Handler for Door {
    type Ticket = ();

    async fn handle(self: Arc<Self>, _: Request) -> Reply {
        text(StatusCode::UPGRADE_REQUIRED, "this is an echo for WebSocket clients")
    }

    async fn admit(self: Arc<Self>, _: Parts, _: Encoding) -> Result<(), Reply> {
        Ok(())
    }

    fn adopt(&self, (): (), upgraded: Upgraded) {
        self.carousel.adopt_echo(upgraded);
    }
}
