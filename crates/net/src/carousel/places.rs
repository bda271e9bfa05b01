//! How many viewers a node has, counted so that a maximum is never exceeded.
//!
//! Between the handshake, which keeps a place before it answers, and the workers, who give it back when the viewer leaves.
//! Invariant: kept places and seated viewers together never exceed the maximum that the keeping was asked with.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The count, shared by all workers.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<AtomicU64>);

/// A place for one viewer between its handshake and the carousel. Dropped, it is free again.
#[derive(Debug)]
pub struct Kept(Places);

impl Places {
    pub(super) fn taken(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn take(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn free(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Keeps a place, if fewer than `max` are taken.
    pub(super) fn keep(&self, max: u64) -> Option<Kept> {
        let more = |taken: u64| (taken < max).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Kept(self.clone()))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.free();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_are_kept_than_there_are() {
        let places = Places::default();
        places.take();
        let kept = places.keep(2).unwrap();
        assert!(places.keep(2).is_none());
        drop(kept);
        assert_eq!(places.taken(), 1);
        assert!(places.keep(2).is_some());
        places.free();
        assert_eq!(places.taken(), 0);
    }
}
