//! All that has to do with viewers' coming and going, wired together: where they belong, who is let in, who moves, the drain.
//!
//! Between the node's `run` and the four. Invariant: what the others are told of this node's load is what its own entrance
//! goes by.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use watershed_net::{carousel::Carousel, clock::SharedClock};

use super::{drain::Drain, entrance::Entrance, placing::Placing, sizes::Sizes};
use crate::{admin::Readiness, presence::Presence, setup::Setup};

/// See the head of the file.
pub(super) struct Reception {
    pub(super) placing: Arc<Placing>,
    pub(super) sizes: Arc<Sizes>,
    pub(super) entrance: Arc<Entrance>,
    carousel: Arc<Carousel>,
    move_period_ms: u64,
    drain_ms: u64,
}

impl Reception {
    /// Opens it; from now on heartbeats tell this node's load.
    pub(super) fn open(setup: &Setup, presence: &Presence, carousel: &Arc<Carousel>, clock: &Arc<SharedClock>) -> Self {
        let limits = &setup.topology.limits;
        let placing = Arc::new(Placing::new(&setup.node.name, &setup.topology, presence));
        let sizes = Arc::new(Sizes::new(placing.growth()));
        let entrance = Arc::new(Entrance::new(limits, &placing, &sizes, carousel, clock));
        // Presence outlives the node's viewers.
        let load = Arc::downgrade(&entrance);
        presence.report(move || load.upgrade().map(|entrance| entrance.load()).unwrap_or_default());
        let (move_period_ms, drain_ms) = (limits.move_period_ms, limits.drain_ms);
        Self { placing, sizes, entrance, carousel: carousel.clone(), move_period_ms, drain_ms }
    }

    /// Follows the others, and moves viewers to those who come, until `shutdown`; then drains, and cancels `end`.
    pub(super) async fn run(
        self,
        presence: Presence,
        readiness: Readiness,
        shutdown: CancellationToken,
        end: CancellationToken,
    ) {
        let Self { placing, entrance, carousel, move_period_ms, drain_ms, .. } = self;
        let drain = Drain { entrance, placing: placing.clone(), carousel: carousel.clone(), readiness, drain_ms };
        let following = placing.follow(presence, carousel, move_period_ms, shutdown.clone(), end.clone());
        tokio::join!(following, drain.run(shutdown, end));
    }
}
