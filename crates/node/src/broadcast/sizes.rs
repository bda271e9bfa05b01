//! On how many nodes the streams of this node should live, by the root's counts of their viewers.
//!
//! Between the driver, which sees every frame, and the load that this node reports: so nodes that have no viewer of a stream
//! know of it too. Invariant: only streams that need more than the least number of nodes are in it, so it stays small
//! however many streams there are.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use watershed_broadcast::Update;
use watershed_membership::STREAMS_REPORTED_MAX;
use watershed_placement::Growth;
use watershed_protocol::StreamId;

/// See the head of the file.
pub(super) struct Sizes {
    growth: Growth,
    spreads: Mutex<BTreeMap<StreamId, u16>>,
}

impl Sizes {
    pub(super) fn new(growth: Growth) -> Self {
        Self { growth, spreads: Mutex::default() }
    }

    /// Takes a stream's viewers from what the root has sent, if that says how many there are.
    pub(super) fn learn(&self, stream: &StreamId, update: &Update) {
        let viewers = match update {
            Update::Snapshot(snapshot) => Some(snapshot.viewers),
            Update::Frame(delta) => delta.viewers,
        };
        if let Some(viewers) = viewers {
            self.count(stream, viewers);
        }
    }

    fn count(&self, stream: &StreamId, viewers: u64) {
        let mut spreads = self.spreads.lock().unwrap_or_else(PoisonError::into_inner);
        let spread = self.growth.spread(spreads.get(stream).copied().unwrap_or(1), viewers);
        if spread > self.growth.spread_min.max(1) {
            spreads.insert(stream.clone(), spread);
        } else {
            spreads.remove(stream);
        }
    }

    /// The stream has no room here any more.
    pub(super) fn forget(&self, stream: &StreamId) {
        self.spreads.lock().unwrap_or_else(PoisonError::into_inner).remove(stream);
    }

    /// The largest ones, by name, for the others.
    pub(super) fn largest(&self) -> Vec<(StreamId, u16)> {
        let spreads = self.spreads.lock().unwrap_or_else(PoisonError::into_inner);
        let mut largest: Vec<(StreamId, u16)> = spreads.iter().map(|(name, spread)| (name.clone(), *spread)).collect();
        drop(spreads);
        largest.sort_by(|(a, small), (b, great)| great.cmp(small).then_with(|| a.cmp(b)));
        largest.truncate(STREAMS_REPORTED_MAX);
        largest.sort();
        largest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(number: usize) -> StreamId {
        format!("stream-{number:03}").parse().unwrap()
    }

    #[test]
    fn a_stream_is_reported_while_it_needs_more_nodes_than_the_least() {
        let sizes = Sizes::new(Growth { viewers_per_node: 100, spread_min: 2 });
        for (viewers, spread) in [(200, None), (201, Some(3)), (1_000, Some(10)), (150, None)] {
            sizes.count(&stream(1), viewers);
            assert_eq!(sizes.largest(), spread.map(|spread| (stream(1), spread)).into_iter().collect::<Vec<_>>());
        }
        sizes.count(&stream(1), 1_000);
        sizes.forget(&stream(1));
        assert!(sizes.largest().is_empty());
    }

    #[test]
    fn of_too_many_large_streams_the_largest_are_reported_by_name() {
        let sizes = Sizes::new(Growth { viewers_per_node: 1, spread_min: 1 });
        (0..100).for_each(|number| sizes.count(&stream(number), 2 + number as u64));
        let largest = sizes.largest();
        assert_eq!((largest.len(), &largest[0]), (STREAMS_REPORTED_MAX, &(stream(36), 38)));
        assert!(largest.is_sorted());
    }
}
