//! What the root has done, for metrics.
//!
//! Counted by the machine as it acts; read by the driver. Invariant: all but `streams_open` only rise.

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Reports received, dropped ones too.
    pub reports_in: u64,
    /// Tallies in them.
    pub tallies_in: u64,
    /// Comments in them.
    pub comments_in: u64,
    /// Frames sealed; each goes to all subscribers.
    pub frames_out: u64,
    /// Counts in them.
    pub tallies_out: u64,
    /// Comments in them.
    pub comments_out: u64,
    /// Comments written that no frame showed: more than people can read, or deleted before.
    pub comments_unshown: u64,
    /// Snapshots that began an epoch or took the place of frames.
    pub snapshots_out: u64,
    /// Spans of slots whose reporter is no longer the owner.
    pub fenced: u64,
    /// Reports that would have left a gap.
    pub gaps: u64,
    /// Reports that began before what is merged and ended after it.
    pub overlaps: u64,
    /// Reports that told nothing new.
    pub repeats: u64,
    /// Reports for a stream that is closed, for another epoch, or from an owner that has yet to resync.
    pub stale: u64,
    /// Streams in memory now.
    pub streams_open: u64,
    /// Subscriptions not taken, because too many streams were open.
    pub streams_refused: u64,
    /// First snapshots of an epoch that were sent although an owner was missing.
    pub resyncs_partial: u64,
    /// Spread comments whose missing parts were asked for.
    pub parts_asked: u64,
    /// Epochs begun because an owner came late.
    pub raises: u64,
}

impl Counters {
    /// Tallies in for each that went out: what the merging of windows earns. 1 when nothing went out.
    pub fn reduction_factor(&self) -> f64 {
        if self.tallies_out == 0 { 1.0 } else { self.tallies_in as f64 / self.tallies_out as f64 }
    }
}
