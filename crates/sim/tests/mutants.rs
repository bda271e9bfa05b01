//! Bugs that are planted, each to be caught by the checker of an invariant: what `make mutants` does, on fewer seeds.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use watershed_protocol::Mutant;
use watershed_sim::hunt;

/// Seeds that a mutant may survive.
const SEEDS_MAX: u64 = 400;

#[test]
fn every_mutant_is_caught_by_an_invariant() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicUsize::new(0);
    let work = || {
        while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
            // Seeds and not time decide whether it is caught.
            let caught = hunt(*mutant, 1..=SEEDS_MAX, Duration::MAX);
            let caught = caught.unwrap_or_else(|| panic!("{mutant} survived {SEEDS_MAX} seeds"));
            assert!(caught.invariant.is_some(), "{mutant} at seed {}: {}", caught.seed, caught.what);
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}
