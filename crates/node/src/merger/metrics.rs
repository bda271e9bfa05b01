//! The root merger's figures.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use watershed_merger::Counters;
use watershed_protocol::Epoch;

use crate::figures::{Figure, Source};

/// The machine's counters, as of its last step, and the root's epoch. A term of leading begins at zero.
#[derive(Default)]
pub(super) struct Board {
    counted: Mutex<Counted>,
}

#[derive(Clone, Copy, Default)]
struct Counted {
    machine: Counters,
    /// Zero while another is the root.
    root_epoch: Epoch,
    terms: u64,
}

impl Board {
    pub(super) fn set(&self, counters: Counters) {
        self.lock().machine = counters;
    }

    /// This merger is the root.
    pub(super) fn begin(&self, root_epoch: Epoch) {
        let mut counted = self.lock();
        *counted = Counted { machine: Counters::default(), root_epoch, terms: counted.terms + 1 };
    }

    /// Another is.
    pub(super) fn end(&self) {
        let mut counted = self.lock();
        *counted = Counted { terms: counted.terms, ..Counted::default() };
    }

    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn source(self: &Arc<Self>) -> Source {
        let board = self.clone();
        Arc::new(move || board.figures())
    }

    fn figures(&self) -> Vec<Figure> {
        let Counted { machine: c, root_epoch, terms } = *self.lock();
        vec![
            Figure::gauge("root", "1: this merger is the root, 0: it stands by", f64::from(root_epoch > Epoch::ZERO)),
            Figure::gauge("root_epoch", "Its epoch as the root", root_epoch.get() as f64),
            Figure::counter("root_terms", "How often it has become the root", terms),
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
