//! What the thread has done so far, for metrics.
//!
//! Written by the thread, read by whoever is asked. Invariant: all but `rows_held` only grow.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts since the process started, and the rows of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Files written.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their rows.
    pub rows: u64,
    /// Times that a file could not be written.
    pub failures: u64,
    /// Files removed because all together took more than they may.
    pub files_removed: u64,
    /// Rows dropped because too many waited.
    pub rows_dropped: u64,
    /// Countings that a row without a stream took, because a second had too many streams.
    pub counts_folded: u64,
    /// Rows that wait for the next file.
    pub rows_held: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) files: AtomicU64,
    pub(crate) bytes: AtomicU64,
    pub(crate) rows: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) files_removed: AtomicU64,
}

impl Stats {
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }

    /// All that the thread counts; the rest is the gatherer's.
    pub(crate) fn figures(&self) -> Figures {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Figures {
            files: of(&self.files),
            bytes: of(&self.bytes),
            rows: of(&self.rows),
            failures: of(&self.failures),
            files_removed: of(&self.files_removed),
            ..Figures::default()
        }
    }
}
