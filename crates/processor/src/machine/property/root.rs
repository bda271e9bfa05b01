//! The root of a random history: what it has merged, and the counts that it shows.
//!
//! Invariant: spans chain, no comment is told twice, versions never fall, and every count was durably true.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{CommentId, Epoch, peer::report::Report};

use super::truth::Truth;

/// The root: what it has merged, and the counts that it shows.
#[derive(Default)]
pub(super) struct Root {
    pub(super) epoch: u64,
    pub(super) deaf: bool,
    pub(super) merged: BTreeMap<u16, u64>,
    comments: BTreeSet<CommentId>,
    counts: BTreeMap<CommentId, (Epoch, u64, u64)>,
    deleted: BTreeSet<CommentId>,
}

impl Root {
    pub(super) fn take(&mut self, report: &Report, truth: &Truth) {
        assert_eq!(report.epoch.get(), self.epoch);
        for row in &report.tallies {
            let (version, count) = (row.tally.version.get(), row.tally.count);
            assert!(truth.was(row.id, version, count), "{:?}: {count} was never durable", row.id);
        }
        if self.deaf {
            return;
        }
        if report.resync {
            (self.merged, self.comments) = (BTreeMap::new(), BTreeSet::new());
        }
        for span in &report.spans {
            let merged = self.merged.entry(span.slot.get()).or_default();
            assert_eq!(span.from.get(), *merged, "spans chain");
            assert!(span.to.get() <= truth.positions[&span.slot.get()], "beyond what is durable");
            *merged = span.to.get();
        }
        for comment in &report.comments {
            assert!(self.comments.insert(comment.id), "{:?} was told twice", comment.id);
        }
        for row in &report.tallies {
            let told = (row.tally.epoch, row.tally.version.get(), row.tally.count);
            let former = self.counts.insert(row.id, told);
            assert!(former.is_none_or(|former| (former.0, former.1) <= (told.0, told.1)), "a version fell");
        }
        for id in &report.deleted {
            self.deleted.insert(*id);
        }
    }

    pub(super) fn shown(&self) -> BTreeMap<CommentId, u64> {
        let live = self.comments.difference(&self.deleted);
        live.map(|id| (*id, self.counts.get(id).map_or(0, |(.., count)| *count))).collect()
    }
}
