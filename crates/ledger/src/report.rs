//! The ledger in figures: what was sent, what became of it, and what was seen.
//!
//! Made on demand from the ledger, written by reports and read by people. Invariant: for each kind of sending,
//! sent = acknowledged + refused + unknown.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::Finding;

/// One kind of sending. A sending counts once, however often it is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Sendings.
    pub sent: u64,
    /// Durable.
    pub acknowledged: u64,
    /// Certainly without effect.
    pub refused: u64,
    /// With or without effect: no answer, or one that does not say.
    pub unknown: u64,
}

/// What a crowd was promised and what it saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Comments that were sent.
    pub comments: Tally,
    /// Likes that were sent.
    pub likes: Tally,
    /// Unlikes that were sent.
    pub unlikes: Tally,
    /// Deletions that were sent.
    pub deletes: Tally,
    /// Pins and unpins that were sent.
    pub pins: Tally,
    /// Attempts beyond the first.
    pub resent: u64,
    /// Refusals by code, each attempt counted.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Snapshots that viewers received.
    pub snapshots: u64,
    /// Deltas that viewers received.
    pub frames: u64,
    /// Beats that viewers received.
    pub beats: u64,
    /// Comments that viewers received in deltas: one comment to a thousand viewers is a thousand.
    pub deliveries: u64,
    /// Different comments of this crowd that were seen.
    pub seen: u64,
    /// Different comments of others that were seen.
    pub foreign: u64,
    /// Most comments that were counted and not shown to one viewer since its last snapshot.
    pub withheld_most: u64,
    /// Views that were compared with all that was acknowledged when quiet: 0 means that nothing was checked.
    pub views_checked: u64,
    /// What was broken.
    pub violations: Vec<Finding>,
}
