//! How a broadcast node ends without anybody missing anything: its viewers move, and it serves them until they have gone.
//!
//! Begun by SIGTERM, when presence gives the lease back; ended by the token that the rest of the node runs on. Invariant:
//! frames and answers flow until the last viewer has gone, or its time is over; and a node whose viewers have nowhere to
//! go does not keep them waiting.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, MissedTickBehavior, interval, timeout_at};
use tokio_util::sync::CancellationToken;
use watershed_net::carousel::{Carousel, Moving};
use watershed_protocol::{StreamId, ViewerId};

use super::{entrance::Entrance, placing::Placing};
use crate::admin::Readiness;

/// How long those who were told the last moment may take to be elsewhere: a few round trips and a handshake.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// How often it is looked whether all have gone. Nothing is counted per viewer for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How often it is said again: to those who were let in before the door was shut and seated after the others were told,
/// and to those for whom no node had room.
const SAY_EVERY: Duration = Duration::from_millis(500);

/// What a drain needs.
pub(super) struct Drain {
    pub(super) entrance: Arc<Entrance>,
    pub(super) placing: Arc<Placing>,
    pub(super) carousel: Arc<Carousel>,
    pub(super) readiness: Readiness,
    pub(super) drain_ms: u64,
}

impl Drain {
    /// Waits for `shutdown`, drains, and cancels `end`.
    pub(super) async fn run(self, shutdown: CancellationToken, end: CancellationToken) {
        shutdown.cancelled().await;
        self.readiness.leave("it is draining");
        self.entrance.shut();
        let viewers = self.carousel.viewers();
        tracing::info!(viewers, drain_ms = self.drain_ms, "viewers are sent to other nodes");
        let last_told = Instant::now() + Duration::from_millis(self.drain_ms);
        let deadline = last_told + GRACE;
        let mut in_time = false;
        while !in_time && Instant::now() < deadline {
            self.send_off(last_told.saturating_duration_since(Instant::now()));
            let next = deadline.min(Instant::now() + SAY_EVERY);
            in_time = timeout_at(next, self.gone()).await.is_ok();
        }
        tracing::info!(left = self.carousel.viewers(), in_time, "drained");
        end.cancel();
    }

    /// Tells all who have not been told, each to go at its own moment within the period.
    fn send_off(&self, period: Duration) {
        let placing = self.placing.clone();
        let whereto = move |stream: &StreamId, viewer: &ViewerId| placing.sight().elsewhere(stream, viewer);
        let period_ms = period.as_millis() as u64;
        self.carousel.send_off(Moving { whereto: Box::new(whereto), period_ms, once: true });
    }

    /// Waits until no viewer is left, or no node for them.
    async fn gone(&self) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while self.carousel.viewers() > 0 && self.placing.sight().has_others() {
            look.tick().await;
        }
    }
}
