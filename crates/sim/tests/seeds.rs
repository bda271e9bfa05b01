//! Promises of the whole cluster, under many seeds; and bugs that are planted, to see that they are caught.

use watershed_sim::{Options, Outcome, Sabotage, run};

/// What `make test` runs; `make sim SEEDS=` runs more.
const SEEDS: u64 = 50;

/// Seeds that a planted bug may survive.
const SEEDS_TO_CATCH_MAX: u64 = 50;

fn fails_with(outcome: &Outcome) -> String {
    let broken: Vec<String> =
        outcome.broken.iter().map(|broken| format!("invariant {}: {}", broken.invariant, broken.what)).collect();
    format!("seed {} broke\n{}\nsee it again: {}", outcome.seed, broken.join("\n"), outcome.replay(None))
}

/// Seeds first to last, shared by as many threads as there are cores.
fn all_kept(seeds: std::ops::RangeInclusive<u64>, options: impl Fn(u64) -> Options + Sync) -> (u64, u64) {
    let seeds: Vec<u64> = seeds.collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let check = |seed: &u64| {
        let outcome = run(&options(*seed));
        assert!(outcome.broken.is_empty(), "{}", fails_with(&outcome));
        (outcome.acknowledged, outcome.deliveries)
    };
    std::thread::scope(|scope| {
        let shares = seeds.chunks(seeds.len().div_ceil(threads));
        let running: Vec<_> = shares.map(|share| scope.spawn(|| share.iter().map(check).collect::<Vec<_>>())).collect();
        let sums = running.into_iter().flat_map(|thread| thread.join().expect("a seed failed"));
        sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    })
}

#[test]
fn fifty_seeds_of_faults_keep_every_promise() {
    let (acknowledged, deliveries) = all_kept(1..=SEEDS, Options::new);
    assert!(
        acknowledged > 10_000 && deliveries > 50_000,
        "{acknowledged} writes and {deliveries} deliveries prove little"
    );
}

#[test]
fn calm_seeds_keep_every_promise() {
    all_kept(1..=4, |seed| Options { faults: false, ..Options::new(seed) });
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    for seed in [3, 4] {
        assert_eq!(run(&Options::new(seed)), run(&Options::new(seed)));
    }
    assert_ne!(run(&Options::new(3)).trace, run(&Options::new(4)).trace);
}

/// The first seed at which the bug is caught by one of these invariants.
fn caught(sabotage: Sabotage, by: &[u8]) {
    let runs = (1..=SEEDS_TO_CATCH_MAX).map(|seed| run(&Options { sabotage: Some(sabotage), ..Options::new(seed) }));
    let found = runs.flat_map(|outcome| outcome.broken).find(|broken| by.contains(&broken.invariant));
    let found = found.unwrap_or_else(|| panic!("{sabotage:?} survived {SEEDS_TO_CATCH_MAX} seeds"));
    println!("{sabotage:?} was caught: invariant {}, {}", found.invariant, found.what);
}

#[test]
fn a_sync_that_is_skipped_is_caught() {
    caught(Sabotage::SkipSync, &[1, 3]);
}

#[test]
fn an_answer_before_its_sync_is_caught() {
    caught(Sabotage::AnswerEarly, &[1, 3, 4]);
}

#[test]
fn a_root_that_takes_old_epochs_again_is_caught() {
    caught(Sabotage::ReuseEpochs, &[4, 5]);
}

#[test]
fn a_resume_that_leaves_out_what_was_missed_is_caught() {
    caught(Sabotage::ForgetMissed, &[5]);
}

#[test]
fn a_root_that_leads_on_after_it_was_replaced_is_caught() {
    caught(Sabotage::ObeyReplaced, &[4, 6]);
}

#[test]
fn a_replaced_root_that_calls_the_next_ones_frames_unknown_is_caught() {
    caught(Sabotage::DenyBlindly, &[5]);
}
