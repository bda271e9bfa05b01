//! Who is let in: the decision about each viewer that asks for a stream.
//!
//! Between the handshake and the carousel. A node that ends or has its fill sends viewers on; one that is asked by too
//! many at once tells them when to come again. Invariant: nobody is let in beyond `viewers_per_node`, and whoever is not
//! let in is told where to go, or when to come again, each at another moment.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use watershed_broadcast::{Admission, Coming, admission};
use watershed_membership::{Limits, Load};
use watershed_net::{
    carousel::{Carousel, Kept},
    clock::SharedClock,
};
use watershed_protocol::{StreamId, ViewerId};

use super::{placing::Placing, sizes::Sizes};

/// Those who are sent on go within this time. Two reports of a load take as long, so that the second node to be tried is
/// chosen by what is true by then.
const SENT_ON_MS_MAX: u64 = 500;

/// Where all nodes are full, viewers come again after this time, and at most twice of it.
const FULL_RETRY_MS: u64 = 2_000;

/// What becomes of a viewer.
pub(super) enum Verdict {
    /// It is let in; its place is kept.
    In(Kept),
    /// It goes to another node, or comes again, after a time.
    Away {
        /// Where to; here, when there is nowhere else.
        url: Option<String>,
        /// After how long.
        after_ms: u64,
    },
}

/// What it has decided so far, for `/metrics`.
#[derive(Clone, Copy, Default)]
pub(super) struct Figures {
    /// The bucket's.
    pub(super) admission: admission::Counters,
    /// Viewers that were sent to other nodes.
    pub(super) sent_on: u64,
    /// Viewers that found all nodes full.
    pub(super) full: u64,
}

/// See the head of the file.
pub(super) struct Entrance {
    viewers_max: u64,
    admission: Mutex<Admission>,
    placing: Arc<Placing>,
    sizes: Arc<Sizes>,
    carousel: Arc<Carousel>,
    clock: Arc<SharedClock>,
    draining: AtomicBool,
    sent_on: AtomicU64,
    full: AtomicU64,
}

impl Entrance {
    pub(super) fn new(
        limits: &Limits,
        placing: &Arc<Placing>,
        sizes: &Arc<Sizes>,
        carousel: &Arc<Carousel>,
        clock: &Arc<SharedClock>,
    ) -> Self {
        let admission = Admission::new(admission::Config { per_s: limits.joins_per_s, burst: limits.join_burst });
        Self {
            viewers_max: limits.viewers_per_node.into(),
            admission: Mutex::new(admission),
            placing: placing.clone(),
            sizes: sizes.clone(),
            carousel: carousel.clone(),
            clock: clock.clone(),
            draining: AtomicBool::new(false),
            sent_on: AtomicU64::new(0),
            full: AtomicU64::new(0),
        }
    }

    /// From now on everybody is sent on.
    pub(super) fn shut(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether it is shut.
    pub(super) fn is_shut(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// What the others are told.
    pub(super) fn load(&self) -> Load {
        Load {
            viewers: self.carousel.viewers(),
            viewers_max: self.viewers_max,
            draining: self.is_shut(),
            streams: self.sizes.largest(),
        }
    }

    /// Decides on one viewer.
    pub(super) fn decide(&self, stream: &StreamId, viewer: &ViewerId, coming: Coming) -> Verdict {
        let sight = self.placing.sight();
        if self.is_shut() {
            return self.away(sight.elsewhere(stream, viewer));
        }
        if self.carousel.viewers() >= sight.bound_of(self.viewers_max)
            && let Some(url) = sight.relief(stream, viewer)
        {
            return self.away(Some(url));
        }
        let Some(kept) = self.carousel.keep_place(self.viewers_max) else {
            return self.away(sight.elsewhere(stream, viewer));
        };
        let mut admission = self.admission.lock().unwrap_or_else(PoisonError::into_inner);
        match admission.take(self.clock.now(), coming, fastrand::u64(..)) {
            Ok(()) => Verdict::In(kept),
            Err(after_ms) => Verdict::Away { url: None, after_ms },
        }
    }

    fn away(&self, url: Option<String>) -> Verdict {
        if url.is_some() {
            self.sent_on.fetch_add(1, Ordering::Relaxed);
            return Verdict::Away { url, after_ms: fastrand::u64(..SENT_ON_MS_MAX) };
        }
        self.full.fetch_add(1, Ordering::Relaxed);
        Verdict::Away { url, after_ms: FULL_RETRY_MS + fastrand::u64(..FULL_RETRY_MS) }
    }

    /// What was decided so far.
    pub(super) fn figures(&self) -> Figures {
        Figures {
            admission: self.admission.lock().unwrap_or_else(PoisonError::into_inner).counters(),
            sent_on: self.sent_on.load(Ordering::Relaxed),
            full: self.full.load(Ordering::Relaxed),
        }
    }
}
