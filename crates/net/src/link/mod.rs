//! Links between nodes over TCP: the tokio driver of `watershed-link`.
//!
//! Between a role's driver, which has one channel of [`LinkEvent`]s from all its links and one [`LinkHandle`] for each
//! connection, and the sockets. Invariant: nothing here waits for a consumer while it could hear or speak. A link's
//! task reads its socket at all times; what its consumer has not taken is bounded by the agreed window, since only what the
//! consumer has dropped is acknowledged.
//!
//! ```text
//!  role ── LinkHandle::offer ──▶ Shared (machine, unsent) ══ gathered write ══▶ socket
//!   ▲                               ▲  │ Notify                                   │
//!   │                          credit│  ▼                                          │
//!   └── one mpsc ◀── pending ◀── Carrier (one task a connection) ◀════ read ═══════┘
//! ```

mod carrier;
mod dial;
mod event;
mod handle;
mod listen;
mod stats;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watershed_link::{Hello, LinkConfig};

use crate::clock::SharedClock;

pub use dial::Dialing;
pub use event::{LinkEvent, LinkEventKind, LinkId, Peer};
pub use handle::LinkHandle;
pub use listen::{ListenLimits, Listening};
pub use stats::LinkStats;
pub use watershed_link::{DownReason, Expect, OfferError, Refusal, Secret};

/// What all links of a role have in common.
#[derive(Clone)]
pub struct Links {
    clock: Arc<SharedClock>,
    config: LinkConfig,
    hello: Arc<dyn Fn() -> Hello + Send + Sync>,
    events: mpsc::Sender<LinkEvent>,
    shutdown: CancellationToken,
    seeds: Arc<AtomicU64>,
}

impl Links {
    /// `hello` is asked before each handshake, since epochs move on. `events` may be as small as one: it bounds events,
    /// while windows bound bytes. `seed` jitters the back-off and should differ from node to node.
    pub fn new(
        clock: Arc<SharedClock>,
        config: LinkConfig,
        hello: impl Fn() -> Hello + Send + Sync + 'static,
        events: mpsc::Sender<LinkEvent>,
        shutdown: CancellationToken,
        seed: u64,
    ) -> Self {
        Self { clock, config, hello: Arc::new(hello), events, shutdown, seeds: Arc::new(AtomicU64::new(seed)) }
    }

    /// Another seed for each link, so that links of one node do not come back in step either.
    fn next_seed(&self) -> u64 {
        self.seeds.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests;
