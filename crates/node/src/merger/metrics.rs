//! The root merger's figures.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

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
    steps: u64,
    step_us: u64,
    step_us_max: u64,
}

impl Board {
    /// The machine has made one step, which took so long.
    pub(super) fn stepped(&self, counters: Counters, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mut counted = self.lock();
        counted.machine = counters;
        counted.steps += 1;
        counted.step_us += us;
        counted.step_us_max = counted.step_us_max.max(us);
    }

    /// This merger is the root.
    pub(super) fn begin(&self, root_epoch: Epoch) {
        let mut counted = self.lock();
        *counted = Counted { root_epoch, terms: counted.terms + 1, ..Counted::default() };
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
        let Counted { machine: c, root_epoch, terms, steps, step_us, step_us_max } = *self.lock();
        vec![
            Figure::gauge("root", "1: this merger is the root, 0: it stands by", f64::from(root_epoch > Epoch::ZERO)),
            Figure::gauge("root_epoch", "Its epoch as the root", root_epoch.get() as f64),
            Figure::counter("root_terms", "How often it has become the root", terms),
            Figure::counter(
                "merge_steps",
                "Steps of the root: a report merged, a frame made, a question answered",
                steps,
            ),
            Figure::counter("merge_microseconds", "Time of all steps, what they send on included", step_us),
            Figure::gauge("merge_microseconds_max", "The longest step", step_us_max as f64),
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
