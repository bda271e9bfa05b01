//! How a role's driver counts for analytics: the recorder as configured, what each machine tells of, and the figures.
//!
//! Beside the flow. Invariant: a node works the same with and without it, and whatever becomes of its files.

use std::sync::Arc;

use watershed_analytics::{Config, Counts, Recorder};
use watershed_net::clock::SharedClock;

use crate::{
    figures::{Figure, Source},
    setup::Setup,
};

/// Starts to record where the topology says so.
pub(crate) fn start(setup: &Setup, clock: &Arc<SharedClock>) -> Recorder {
    let (topology, node) = (&setup.topology, &setup.node.name);
    let (Some(analytics), Some(directory)) = (&topology.analytics, topology.analytics_dir(node)) else {
        return Recorder::off();
    };
    let config = Config {
        node: node.clone(),
        incarnation: setup.incarnation,
        directory,
        rotate_s: analytics.rotate_s,
        file_bytes: analytics.file_bytes,
        total_bytes: analytics.total_bytes,
    };
    let clock = clock.clone();
    Recorder::start(config, move || clock.now()).unwrap_or_else(|error| {
        tracing::warn!(%error, "no thread for analytics: none are kept");
        Recorder::off()
    })
}

/// Writes what was counted and is not in a file yet. After the last count of the node.
pub(crate) async fn close(recorder: Recorder) {
    if let Err(error) = tokio::task::spawn_blocking(move || recorder.close()).await {
        tracing::error!(%error, "the end of analytics did not end by itself");
    }
}

/// What a processor knows.
pub(crate) fn of_processor(counted: &watershed_processor::StreamCounts) -> Counts {
    let watershed_processor::StreamCounts { comments, likes, unlikes, reactions } = *counted;
    Counts { comments, likes, unlikes, reactions, ..Counts::default() }
}

/// What the root knows.
pub(crate) fn of_root(counted: &watershed_merger::StreamCounts) -> Counts {
    let watershed_merger::StreamCounts { viewers, frames, unshown } = *counted;
    Counts { viewers: Some(viewers), frames, shed: unshown, ..Counts::default() }
}

/// What a broadcast node knows: how many writes were refused as overloaded.
pub(crate) fn of_refused(refused: u64) -> Counts {
    Counts { shed: refused, ..Counts::default() }
}

/// A role's figures, and those of its analytics.
pub(crate) fn with_figures(source: Source, recorder: &Recorder) -> Source {
    let recorder = recorder.clone();
    Arc::new(move || {
        let mut figures = source();
        let f = recorder.figures();
        figures.extend([
            Figure::counter("analytics_files", "Files of analytics written", f.files),
            Figure::counter("analytics_bytes", "Their bytes", f.bytes),
            Figure::counter("analytics_rows", "Their rows", f.rows),
            Figure::counter("analytics_failures", "Files of analytics that could not be written", f.failures),
            Figure::counter("analytics_files_removed", "Old files of analytics removed", f.files_removed),
            Figure::counter("analytics_rows_dropped", "Rows dropped, for too many waited", f.rows_dropped),
            Figure::counter("analytics_counts_folded", "Counts of too many streams in one second", f.counts_folded),
            Figure::gauge("analytics_rows_held", "Rows that wait for the next file", f.rows_held as f64),
        ]);
        figures
    })
}
