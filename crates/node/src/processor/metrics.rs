//! A processor's figures.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use watershed_processor::Counters;
use watershed_store::{CommitStats, SegmentStats};

use crate::figures::{Figure, Source};

/// The machine's counters, as of its last step, and those of the commit thread and its disk.
#[derive(Default)]
pub(super) struct Board {
    counters: Mutex<Counters>,
    commit: OnceLock<Arc<CommitStats>>,
    segments: OnceLock<Arc<SegmentStats>>,
}

impl Board {
    pub(super) fn set(&self, counters: Counters) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    pub(super) fn set_commit(&self, stats: Arc<CommitStats>) {
        // Set once, at the start.
        let _ = self.commit.set(stats);
    }

    pub(super) fn set_segments(&self, stats: Arc<SegmentStats>) {
        let _ = self.segments.set(stats);
    }

    pub(super) fn source(self: &Arc<Self>) -> Source {
        let board = self.clone();
        Arc::new(move || board.figures())
    }

    fn figures(&self) -> Vec<Figure> {
        let c = *self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let commit = self.commit.get().map(|stats| stats.figures()).unwrap_or_default();
        let recent = self.commit.get().map(|stats| stats.recent()).unwrap_or_default();
        let segments = self.segments.get().map(|stats| stats.figures()).unwrap_or_default();
        vec![
            Figure::counter("writes_in", "Writes that came in", c.writes_in),
            Figure::counter("likes_in", "Likes and unlikes that came in", c.likes_in),
            Figure::counter("rows_logged", "Writes that changed something", c.rows),
            Figure::counter("writes_refused", "Writes that were refused", c.refused),
            Figure::counter("writes_moved", "Writes to slots that are not owned here", c.moved),
            Figure::counter("reports_out", "Reports to the root", c.reports),
            Figure::counter("tallies_out", "Counts in reports", c.tallies_out),
            Figure::counter("queries_answered", "Questions answered", c.queries),
            Figure::counter("slots_fenced", "Slots taken away by a newer map", c.fenced),
            Figure::counter("commits", "Records written and synced", commit.commits),
            Figure::counter("commit_bytes", "Bytes of the records", commit.bytes),
            Figure::counter("commit_microseconds", "Time of all commits", commit.sync_us_total),
            Figure::gauge("commit_microseconds_max", "The longest commit", commit.sync_us_max as f64),
            Figure::gauge("commit_microseconds_p50", "Half of the last minute's commits", recent.p50_us as f64),
            Figure::gauge("commit_microseconds_p99", "All but 1% of the last minute's", recent.p99_us as f64),
            Figure::counter("commit_disk_full", "Times that the disk was full", commit.full),
            Figure::counter("segments_prepared", "Segments that began in a spare file", segments.prepared),
            Figure::counter("segments_grown", "Segments that began in an empty file", segments.grown),
            Figure::counter("segment_spares_failed", "Spares that could not be written", segments.spares_failed),
            Figure::counter("segment_spares_given_up", "Spares that a full disk took", segments.spares_given_up),
            Figure::counter("checkpoints", "Checkpoints that were made", c.checkpoints),
            Figure::counter("checkpoints_failed", "Checkpoints that the store did not take", c.checkpoints_failed),
            Figure::gauge("comments_held", "Comments in memory", c.comments as f64),
            Figure::gauge("registers_held", "Registers, in memory and in the store", c.registers as f64),
            Figure::gauge("registers_bytes", "Bytes of registers in memory", c.registers_bytes as f64),
            Figure::counter("pages_evicted", "Pages of registers that memory let go of", c.pages_evicted),
            Figure::counter("pages_loaded", "Pages that were asked for again", c.loads),
            Figure::counter("pages_load_failed", "Pages that the store did not give", c.loads_failed),
            Figure::gauge("writes_held", "Writes that wait for a page", c.writes_held as f64),
            Figure::counter("writes_crowded_out", "Writes refused for want of memory", c.writes_crowded_out),
            Figure::counter("viewers_turned_away", "Likes refused because of viewers_max", c.viewers_turned_away),
            Figure::gauge("viewers_known", "Viewers that ever liked something here", c.viewers as f64),
            Figure::gauge("streams_held", "Streams that hold something here", c.streams as f64),
            Figure::reduction("reduction_likes_per_tally", "Likes in for one count out", c.likes_in, c.tallies_out),
            Figure::reduction("reduction_writes_per_commit", "Writes in for one sync", c.writes_in, commit.commits),
        ]
    }
}
