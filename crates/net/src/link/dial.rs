//! Dialing one named peer, for ever: connect, carry, pause, again.
//!
//! A role calls it for each peer that it should reach; the machine's back-off is the only schedule.
//! Invariant: at most one connection or attempt at a time per [`Dialing`].

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;
use watershed_link::{Expect, Input, Link};

use super::{LinkStats, Links, carrier::Carrier, handle::Shared};

/// A peer that is being dialed, or is connected.
#[derive(Debug)]
pub struct Dialing {
    shared: Arc<Shared>,
    stats: Arc<LinkStats>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Dialing {
    /// The counters of this peer.
    pub fn stats(&self) -> &Arc<LinkStats> {
        &self.stats
    }

    /// The peer is known to be there again: if this pauses between attempts, it dials at once.
    pub fn hurry(&self) {
        self.shared.hurry();
    }

    /// Says goodbye and dials no more. [`Dialing::ended`] tells when it is done.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits for the end: last words are said, last events are taken or given up.
    pub async fn ended(self) {
        if let Err(error) = self.task.await {
            debug!(%error, "the task of a link did not end by itself");
        }
    }
}

impl Links {
    /// Keeps a link to the peer at the address that `resolve` names at each attempt. Whoever answers must be `expect`,
    /// if given.
    pub fn dial(&self, expect: Option<Expect>, resolve: impl Fn() -> Option<SocketAddr> + Send + 'static) -> Dialing {
        let name = expect.as_ref().map_or_else(|| "unnamed peer".to_owned(), |(role, node)| format!("{role} {node}"));
        let machine = Link::dialer(self.config.clone(), (self.hello)(), expect, self.next_seed());
        let (stats, stop) = (Arc::new(LinkStats::default()), self.shutdown.child_token());
        let shared = Shared::new(machine, self.clock.clone(), stats.clone());
        let carrier = Carrier::new(self, shared.clone(), stop.clone(), name);
        let dialer = Dialer { links: self.clone(), shared: shared.clone(), carrier, stop: stop.clone() };
        Dialing { shared, stats, stop, task: tokio::spawn(dialer.run(resolve)) }
    }
}

struct Dialer {
    links: Links,
    shared: Arc<Shared>,
    carrier: Carrier,
    stop: CancellationToken,
}

impl Dialer {
    async fn run(mut self, resolve: impl Fn() -> Option<SocketAddr> + Send) {
        while !self.shared.is_over() {
            if !self.pause().await {
                self.carrier.step(Input::Shutdown);
                continue;
            }
            if self.carrier.begin_attempt()
                && let Some(stream) = self.connect(resolve()).await
            {
                self.carrier.carry(stream, (self.links.hello)()).await;
            }
        }
    }

    /// Waits until the next attempt is due, which may become sooner. False if there will be none.
    async fn pause(&self) -> bool {
        loop {
            let due = self.shared.due().0.unwrap_or_else(Instant::now);
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return false,
                () = sleep_until(due) => return true,
                () = self.shared.woken() => {}
            }
        }
    }

    /// One attempt, until it succeeds, fails, or takes longer than the machine allows.
    async fn connect(&mut self, address: Option<SocketAddr>) -> Option<TcpStream> {
        let Some(address) = address else {
            self.carrier.step(Input::ConnectFailed);
            return None;
        };
        let connecting = TcpStream::connect(address);
        tokio::pin!(connecting);
        while !self.carrier.has_ended() {
            let due = self.shared.due().0.unwrap_or_else(Instant::now);
            tokio::select! {
                connected = &mut connecting => match connected {
                    Ok(stream) => return Some(stream),
                    Err(error) => {
                        debug!(%address, %error, "cannot connect");
                        self.carrier.step(Input::ConnectFailed);
                    }
                },
                () = sleep_until(due) => self.carrier.tick(),
                () = self.stop.cancelled() => self.carrier.step(Input::Shutdown),
            }
        }
        None
    }
}
