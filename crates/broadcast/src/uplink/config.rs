//! The uplink's limits, and the figures that say how near it comes to them.
//!
//! Invariant: everything that the uplink keeps has its maximum here or among the protocol's limits.

use std::collections::BTreeMap;

use watershed_protocol::{client::Code, limits};

/// The uplink's limits.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Fresh at each start of the process: names this reporter's cumulative taps.
    pub reporter: u64,
    /// Most writes that wait for their answers; beyond it writes are refused as `overloaded`.
    pub writes_held_max: usize,
    /// Most writes in one batch, at most [`limits::WRITES_PER_BATCH_MAX`].
    pub writes_per_batch_max: usize,
    /// Most batches on the way to one processor; while so many are unanswered, writes gather.
    pub batches_in_flight_max: usize,
    /// Most questions that wait for their answers.
    pub queries_max: usize,
    /// Most streams whose taps are counted; taps on others are dropped.
    pub tapped_streams_max: usize,
}

impl Config {
    /// The default limits for a reporter's fresh id.
    pub const fn new(reporter: u64) -> Self {
        Self {
            reporter,
            writes_held_max: 262_144,
            writes_per_batch_max: limits::WRITES_PER_BATCH_MAX,
            batches_in_flight_max: 4,
            queries_max: 4_096,
            tapped_streams_max: 65_536,
        }
    }
}

/// What the uplink has done so far. Writes in by batches out is the reduction factor of this stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Writes that viewers made.
    pub writes_in: u64,
    /// Batches that were sent, those of taps alone left out.
    pub batches_out: u64,
    /// Writes in these batches, each as often as it was sent.
    pub writes_out: u64,
    /// Writes that were sent once more after a link was lost.
    pub resent: u64,
    /// Writes that an owner sent back as not its own.
    pub moved: u64,
    /// Writes that are durable.
    pub acknowledged: u64,
    /// Writes that were refused, here or by their owners.
    pub rejected: BTreeMap<Code, u64>,
    /// Answers to what is not waited for any longer, or that do not fit the write.
    pub answers_ignored: u64,
    /// Taps that were counted.
    pub taps_in: u64,
    /// Taps that were dropped, for there were too many streams or kinds.
    pub taps_dropped: u64,
    /// Reports of taps that were sent.
    pub reactions_out: u64,
    /// Questions that were asked.
    pub queries_in: u64,
    /// Questions that had no answer.
    pub queries_unanswered: u64,
}
