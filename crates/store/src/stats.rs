//! What commits cost: how many, how large, how long.
//!
//! The commit thread counts, the metrics page reads. Invariant: counting waits for no disk and no reader's work, and figures
//! only grow, but for those of the last minute.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crate::recent::{Percentiles, Recent};

/// Upper bounds of the histogram of commit times, in microseconds. The last bucket, beyond all of them, is unbounded.
pub const BUCKETS_US: [u64; 13] =
    [100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];

/// Counters of one commit thread.
#[derive(Debug, Default)]
pub struct CommitStats {
    commits: AtomicU64,
    groups: AtomicU64,
    bytes: AtomicU64,
    sync_us_total: AtomicU64,
    sync_us_max: AtomicU64,
    full: AtomicU64,
    buckets: [AtomicU64; BUCKETS_US.len() + 1],
    recent: Recent,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CommitFigures {
    /// Records written and synced.
    pub commits: u64,
    /// Groups in them; groups ÷ commits is what group commit earns beyond the processor's own gathering.
    pub groups: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// Time of all commits, write and sync, in microseconds.
    pub sync_us_total: u64,
    /// The longest of them.
    pub sync_us_max: u64,
    /// Times that the disk was full.
    pub full: u64,
    /// Commits per bucket of [`BUCKETS_US`], not cumulative; the last one holds what took longer than all bounds.
    pub buckets: [u64; BUCKETS_US.len() + 1],
}

impl CommitStats {
    /// Reads all counters. Each is exact; a commit that ends meanwhile may be in some and not yet in others.
    pub fn figures(&self) -> CommitFigures {
        CommitFigures {
            commits: self.commits.load(Relaxed),
            groups: self.groups.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            sync_us_total: self.sync_us_total.load(Relaxed),
            sync_us_max: self.sync_us_max.load(Relaxed),
            full: self.full.load(Relaxed),
            buckets: std::array::from_fn(|bucket| self.buckets[bucket].load(Relaxed)),
        }
    }

    /// How long the commits of the last minute took. It adds up a minute's counts: for people, not for every commit.
    pub fn recent(&self) -> Percentiles {
        self.recent.percentiles()
    }

    pub(crate) fn committed(&self, groups: u64, bytes: u64, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.commits.fetch_add(1, Relaxed);
        self.groups.fetch_add(groups, Relaxed);
        self.bytes.fetch_add(bytes, Relaxed);
        self.recent.count(took);
        self.sync_us_total.fetch_add(us, Relaxed);
        self.sync_us_max.fetch_max(us, Relaxed);
        self.buckets[BUCKETS_US.partition_point(|&bound| bound < us)].fetch_add(1, Relaxed);
    }

    pub(crate) fn was_full(&self) {
        self.full.fetch_add(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_counts_in_the_first_bucket_that_holds_it() {
        let stats = CommitStats::default();
        for us in [0, 100, 101, 1_000_000, 1_000_001] {
            stats.committed(2, 10, Duration::from_micros(us));
        }
        let figures = stats.figures();
        assert_eq!((figures.commits, figures.groups, figures.bytes), (5, 10, 50));
        assert_eq!((figures.sync_us_total, figures.sync_us_max), (2_000_202, 1_000_001));
        assert!(stats.recent().p50_us <= 101 && stats.recent().p99_us >= 990_000, "{:?}", stats.recent());
        assert_eq!((figures.buckets[0], figures.buckets[1], figures.buckets[12], figures.buckets[13]), (2, 1, 1, 1));
    }
}
