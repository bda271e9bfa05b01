//! The simulator: the machines of all roles, link and log included, under a seeded clock, network, disks and faults.
//!
//! The other driver of the same code that `watershed` runs on tokio. A run is thirty simulated seconds of a small cluster
//! and twenty viewers, with processes that die and are held up, power cuts that keep only what was synced, links that
//! break or are slow, bytes that wait or come twice, disks that are slow, full, damaged or fail, and clocks that jump. Then everything heals, and what the viewers were
//! promised is checked by the same ledger that `loadgen` and the end-to-end tests use.
//!
//! ```text
//!  seed ─▶ faults, habits ─▶ agenda ─▶ world ─▶ node/* (machines) ─▶ network ─▶ viewer ─▶ ledger ─▶ checks
//! ```
//!
//! Invariant: a run depends on its seed and its options alone (invariant 11 of the design).

mod agenda;
mod checks;
mod decoded;
mod disk;
mod event;
mod faults;
mod hunt;
mod links;
mod network;
mod node;
mod outside;
mod owner;
mod store;
mod time;
mod trace;
mod troubles;
mod viewer;
mod world;

pub use checks::{Broken, Outcome};
pub use hunt::{Caught, hunt};
pub use troubles::{Trouble, Troubles};

use watershed_protocol::Mutant;
use world::World;

/// What to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Decides everything.
    pub seed: u64,
    /// How many viewers there are: a multiple of 4, 20 by default.
    pub viewers: usize,
    /// Whether anything goes wrong.
    pub faults: bool,
    /// A bug to plant: only in a build with debug assertions.
    pub mutant: Option<Mutant>,
    /// Print every line of the trace.
    pub prints: bool,
}

impl Options {
    /// A run of this seed, with faults.
    pub fn new(seed: u64) -> Self {
        Self { seed, viewers: 20, faults: true, mutant: None, prints: false }
    }
}

/// Runs one seed to its end, and checks it.
pub fn run(options: &Options) -> Outcome {
    #[cfg(debug_assertions)]
    let _planted = options.mutant.map(Mutant::plant);
    checks::run(World::new(options), options)
}
