//! What the crowd has counted: in all, and within the open window.
//!
//! Told by the loop, read by the report. Invariant: a counter only rises, so a window is a difference of two totals.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// Longest latency that is told apart: two minutes.
const LATENCY_US_MAX: u64 = 120_000_000;

/// Counters since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Totals {
    /// Deltas and snapshots that viewers received.
    pub(crate) deliveries: u64,
    /// Deltas that held more than one frame.
    pub(crate) merged: u64,
    /// Snapshots.
    pub(crate) snapshots: u64,
    /// Distinct messages among all that came.
    pub(crate) payloads: u64,
    /// Comments received, by all viewers together.
    pub(crate) comments: u64,
    pub(crate) bytes: u64,
    pub(crate) beats: u64,
    pub(crate) pings: u64,
    pub(crate) moves: u64,
    /// Times that a delta, a beat or a snapshot did not fit what the viewer had.
    pub(crate) chain_errors: u64,
    /// Messages that are none of the protocol, and answers that nobody asked for.
    pub(crate) unreadable: u64,
    /// Handshakes that led to a viewer.
    pub(crate) joins: u64,
    /// Calls that waited for the sockets.
    pub(crate) polls: u64,
}

impl Totals {
    /// What has been added since.
    pub(crate) fn since(&self, before: &Self) -> Self {
        Self {
            deliveries: self.deliveries - before.deliveries,
            merged: self.merged - before.merged,
            snapshots: self.snapshots - before.snapshots,
            payloads: self.payloads - before.payloads,
            comments: self.comments - before.comments,
            bytes: self.bytes - before.bytes,
            beats: self.beats - before.beats,
            pings: self.pings - before.pings,
            moves: self.moves - before.moves,
            chain_errors: self.chain_errors - before.chain_errors,
            unreadable: self.unreadable - before.unreadable,
            joins: self.joins - before.joins,
            polls: self.polls - before.polls,
        }
    }
}

/// Times in microseconds, by their percentiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: u64,
    pub(crate) p50: u64,
    pub(crate) p90: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

/// A distribution of times.
#[derive(Debug)]
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        // Fails only for bounds out of order and more than five digits.
        let times = Histogram::new_with_bounds(1, LATENCY_US_MAX, 2);
        Self(times.unwrap_or_else(|error| unreachable!("the bounds are constants: {error}")))
    }
}

impl Times {
    pub(crate) fn record_ns(&mut self, ns: u64) {
        self.0.saturating_record(ns / 1_000);
    }

    pub(crate) fn clear(&mut self) {
        self.0.reset();
    }

    /// Rows of a time and how many took it: several processes' times can be put together.
    pub(crate) fn counts(&self) -> Vec<(u64, u64)> {
        self.0.iter_recorded().map(|row| (row.value_iterated_to(), row.count_at_value())).collect()
    }

    pub(crate) fn percentiles(&self) -> Percentiles {
        let at = |quantile| self.0.value_at_quantile(quantile);
        Percentiles {
            count: self.0.len(),
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: self.0.max(),
        }
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) totals: Totals,
    /// From the sending of a comment to its arrival at a viewer, since the window was opened.
    pub(crate) latency: Times,
    /// From the connect to the welcome, since the last command that joins.
    pub(crate) handshake: Times,
    /// How connections ended: the code of the close frame, `lost` without one, or what went wrong before there was a viewer.
    pub(crate) ends: BTreeMap<String, u64>,
}

impl Figures {
    /// Counts the end of a connection.
    pub(crate) fn end(&mut self, how: &str) {
        if let Some(count) = self.ends.get_mut(how) {
            *count += 1;
        } else {
            self.ends.insert(how.to_owned(), 1);
        }
    }
}
