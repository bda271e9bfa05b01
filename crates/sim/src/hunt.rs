//! The hunt for one mutant: seeds are run with the bug planted, until an invariant is seen to break.
//!
//! Between the list of mutants and `make mutants`, or the test that runs a short form of it. Invariant: what a hunt finds
//! depends on the mutant and the seeds alone, but for the moment at which it gives up.

use std::{
    ops::RangeInclusive,
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use watershed_protocol::Mutant;

use crate::{Options, run};

/// How a mutant was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// The seed that broke.
    pub seed: u64,
    /// The first invariant that broke; none if a machine's own assertion was faster.
    pub invariant: Option<u8>,
    /// The promise, and the first example.
    pub what: String,
}

/// Runs these seeds until one breaks. `None`: the mutant has survived them, or all that fit into `limit`.
pub fn hunt(mutant: Mutant, seeds: RangeInclusive<u64>, limit: Duration) -> Option<Caught> {
    let begun = Instant::now();
    let mut left = seeds.take_while(|_| begun.elapsed() < limit);
    left.find_map(|seed| try_seed(mutant, seed))
}

fn try_seed(mutant: Mutant, seed: u64) -> Option<Caught> {
    let options = Options { mutant: Some(mutant), ..Options::new(seed) };
    match catch_unwind(AssertUnwindSafe(|| run(&options))) {
        Ok(outcome) => {
            let broken = outcome.broken.into_iter().next()?;
            Some(Caught { seed, invariant: Some(broken.invariant), what: broken.what })
        }
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let what = text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string()));
            Some(Caught { seed, invariant: None, what: what.unwrap_or_default() })
        }
    }
}
