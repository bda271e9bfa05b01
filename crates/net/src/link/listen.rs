//! Accepting links: one task for the port, one for each connection.
//!
//! A role calls it once. Invariant: strangers hold at most `handshakes_max` connections, and all peers together
//! at most `links_max`; beyond that, connections wait in the kernel's backlog.

use std::{sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};
use watershed_link::Link;

use super::{LinkStats, Links, carrier::Carrier, handle::Shared};

/// A pause after a failed accept: the reason is mostly a lack of file descriptors, which only time mends.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How much a listener takes on.
#[derive(Clone, Copy, Debug)]
pub struct ListenLimits {
    /// Connections that have not shown yet that they know the secret.
    pub handshakes_max: usize,
    /// All connections.
    pub links_max: usize,
}

impl Default for ListenLimits {
    /// 64 handshakes of two seconds at worst are 32 strangers a second; 1,024 links are more nodes than one root serves.
    fn default() -> Self {
        Self { handshakes_max: 64, links_max: 1_024 }
    }
}

/// A port that takes links.
#[derive(Debug)]
pub struct Listening {
    stats: Arc<LinkStats>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Listening {
    /// The counters of all links that came in here.
    pub fn stats(&self) -> &Arc<LinkStats> {
        &self.stats
    }

    /// Says goodbye on all links and accepts no more. [`Listening::ended`] tells when it is done.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the end of the port and of all its links.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            debug!(%error, "the task of a listener did not end by itself");
        }
    }
}

impl Links {
    /// Takes links on a bound port.
    pub fn listen(&self, listener: TcpListener, limits: ListenLimits) -> Listening {
        let (stats, stop) = (Arc::new(LinkStats::default()), self.shutdown.child_token());
        let port = Port {
            links: self.clone(),
            stats: stats.clone(),
            stop: stop.clone(),
            handshakes: Arc::new(Semaphore::new(limits.handshakes_max.max(1))),
            places: Arc::new(Semaphore::new(limits.links_max.max(1))),
            carriers: JoinSet::new(),
        };
        Listening { stats, stop, task: tokio::spawn(port.run(listener)) }
    }
}

struct Port {
    links: Links,
    stats: Arc<LinkStats>,
    stop: CancellationToken,
    handshakes: Arc<Semaphore>,
    places: Arc<Semaphore>,
    carriers: JoinSet<()>,
}

impl Port {
    async fn run(mut self, listener: TcpListener) {
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = self.carriers.join_next() => {}
                accepted = accept(&listener, self.places.clone(), self.handshakes.clone()) => match accepted {
                    Ok(accepted) => self.carry(accepted),
                    Err(error) => {
                        warn!(%error, "cannot accept a link");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        while self.carriers.join_next().await.is_some() {}
    }

    fn carry(&mut self, Accepted { stream, address, place, handshake }: Accepted) {
        let hello = (self.links.hello)();
        let machine = Link::accepter(self.links.config.clone(), hello.clone());
        let shared = Shared::new(machine, self.links.clock.clone(), self.stats.clone());
        // A link of its own token: a consumer that is gone ends its links one by one, not the port's other users.
        let mut carrier = Carrier::new(&self.links, shared, self.stop.child_token(), address);
        carrier.hold_until_up(handshake);
        self.carriers.spawn(async move {
            carrier.carry(stream, hello).await;
            drop(place);
        });
    }
}

struct Accepted {
    stream: TcpStream,
    address: String,
    place: OwnedSemaphorePermit,
    handshake: OwnedSemaphorePermit,
}

/// Takes the next connection when there is a place for it. Cancelled between connections, it loses none.
async fn accept(
    listener: &TcpListener,
    places: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
) -> std::io::Result<Accepted> {
    let closed = |_| std::io::Error::other("the semaphore is closed");
    let place = places.acquire_owned().await.map_err(closed)?;
    let handshake = handshakes.acquire_owned().await.map_err(closed)?;
    let (stream, address) = listener.accept().await?;
    Ok(Accepted { stream, address: address.to_string(), place, handshake })
}
