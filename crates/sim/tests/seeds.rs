//! Promises of the whole cluster, under many seeds.

use std::sync::atomic::{AtomicU64, Ordering};

use watershed_sim::{Options, Outcome, Trouble, Troubles, run};

/// What `make test` runs; `make sim SEEDS=` runs more.
const SEEDS: u64 = 300;

fn fails_with(outcome: &Outcome) -> String {
    let broken: Vec<String> =
        outcome.broken.iter().map(|broken| format!("invariant {}: {}", broken.invariant, broken.what)).collect();
    format!("seed {} broke\n{}\nsee it again: {}", outcome.seed, broken.join("\n"), outcome.replay(None))
}

/// What many seeds did together.
#[derive(Default)]
struct Sum {
    acknowledged: u64,
    deliveries: u64,
    troubles: Troubles,
}

impl Sum {
    fn add(mut self, outcome: &Outcome) -> Self {
        self.acknowledged += outcome.acknowledged;
        self.deliveries += outcome.deliveries;
        self.troubles += outcome.troubles;
        self
    }
}

/// Seeds 1 to `last`, shared by as many threads as there are cores.
fn all_kept(last: u64, options: impl Fn(u64) -> Options + Sync) -> Sum {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(1);
    let work = || {
        let seeds = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed <= last));
        let outcomes = seeds.map(|seed| run(&options(seed)));
        let kept = outcomes.inspect(|outcome| assert!(outcome.broken.is_empty(), "{}", fails_with(outcome)));
        kept.collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let outcomes = running.into_iter().flat_map(|thread| thread.join().expect("a seed failed"));
        outcomes.fold(Sum::default(), |sum, outcome| sum.add(&outcome))
    })
}

#[test]
fn three_hundred_seeds_of_faults_keep_every_promise_and_every_fault_happens() {
    let Sum { acknowledged, deliveries, troubles } = all_kept(SEEDS, Options::new);
    assert!(
        acknowledged > 100_000 && deliveries > 300_000,
        "{acknowledged} writes and {deliveries} deliveries prove little"
    );
    for trouble in Trouble::ALL {
        let happened = troubles.of(*trouble);
        println!("{happened:>9} {}", trouble.name());
        assert!(happened > 0, "in {SEEDS} seeds there were no {}", trouble.name());
    }
}

#[test]
fn calm_seeds_keep_every_promise() {
    all_kept(4, |seed| Options { faults: false, ..Options::new(seed) });
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    for seed in [3, 4] {
        assert_eq!(run(&Options::new(seed)), run(&Options::new(seed)));
    }
    assert_ne!(run(&Options::new(3)).trace, run(&Options::new(4)).trace);
}
