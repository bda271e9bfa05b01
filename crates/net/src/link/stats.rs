//! Counters of links, for `/metrics`.
//!
//! Written by carriers and handles, read by the admin port. A dialed peer has its own; all links of one listener share
//! theirs, so that the number of series does not grow with reconnects. Invariant: a counter only rises.

use std::sync::atomic::{AtomicU64, Ordering};

use watershed_link::DownReason;

const REASONS: usize = DownReason::LABELS.len();

/// What links did since the process started.
#[derive(Debug, Default)]
pub struct LinkStats {
    /// Connections that came up; all but the first of a dialed peer are reconnects.
    pub ups: AtomicU64,
    /// Messages written to sockets.
    pub messages_sent: AtomicU64,
    /// Messages that came in.
    pub messages_received: AtomicU64,
    /// Bytes written to sockets, of all frames.
    pub bytes_sent: AtomicU64,
    /// Bytes read from sockets, of all frames.
    pub bytes_received: AtomicU64,
    /// System calls that wrote: messages sent ÷ writes is what gathering earns.
    pub writes: AtomicU64,
    /// Offers refused because the window was full.
    pub full: AtomicU64,
    downs: [AtomicU64; REASONS],
    failures: [AtomicU64; REASONS],
}

impl LinkStats {
    /// Connections that ended after they were up, by reason.
    pub fn downs(&self) -> impl Iterator<Item = (&'static str, u64)> {
        labelled(&self.downs)
    }

    /// Attempts that ended before they were up, by reason.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        labelled(&self.failures)
    }

    pub(super) fn count_down(&self, reason: &DownReason) {
        add(&self.downs[reason.index()], 1);
    }

    pub(super) fn count_failure(&self, reason: &DownReason) {
        add(&self.failures[reason.index()], 1);
    }
}

/// Counters are read by people, not by the program: no order with other memory is needed.
pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn labelled(counters: &[AtomicU64; REASONS]) -> impl Iterator<Item = (&'static str, u64)> {
    DownReason::LABELS.into_iter().zip(counters.iter().map(|counter| counter.load(Ordering::Relaxed)))
}
