//! The root merger's figures.

use std::sync::{Arc, Mutex, PoisonError};

use watershed_merger::Counters;

use crate::figures::{Figure, Source};

/// The machine's counters, as of its last step.
#[derive(Default)]
pub(super) struct Board {
    counters: Mutex<Counters>,
}

impl Board {
    pub(super) fn set(&self, counters: Counters) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }

    pub(super) fn source(self: &Arc<Self>) -> Source {
        let board = self.clone();
        Arc::new(move || board.figures())
    }

    fn figures(&self) -> Vec<Figure> {
        let c = *self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        vec![
            Figure::counter("reports_in", "Reports of processors", c.reports_in),
            Figure::counter("tallies_in", "Counts in reports", c.tallies_in),
            Figure::counter("comments_in", "Comments in reports", c.comments_in),
            Figure::counter("frames_out", "Frames made", c.frames_out),
            Figure::counter("tallies_out", "Counts in frames", c.tallies_out),
            Figure::counter("comments_out", "Comments in frames", c.comments_out),
            Figure::counter("comments_unshown", "Comments left out of frames", c.comments_unshown),
            Figure::counter("snapshots_out", "Snapshots made", c.snapshots_out),
            Figure::counter("reports_fenced", "Spans of owners that were replaced", c.fenced),
            Figure::counter("reports_gaps", "Reports that left a gap", c.gaps),
            Figure::counter("reports_repeated", "Reports that were there already", c.repeats),
            Figure::counter("resyncs_partial", "Streams opened without all owners", c.resyncs_partial),
            Figure::gauge("streams_open", "Streams that somebody watches", c.streams_open as f64),
            Figure::reduction("reduction_tallies", "Counts in for one count out", c.tallies_in, c.tallies_out),
            Figure::reduction(
                "reduction_reports_per_frame",
                "Reports in for one frame out",
                c.reports_in,
                c.frames_out,
            ),
        ]
    }
}
