//! `watershed-sim`: many seeds, or one of them once more with its trace.
//!
//! Ends with exit status 0 when every promise was kept, 1 when one was broken, 64 when the arguments are wrong.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use watershed_protocol::Mutant;
use watershed_sim::{Caught, Options, Outcome, Trouble, Troubles, hunt, run};

/// How long one mutant is hunted, and after how long without any hunt's end the rest is given up: a planted bug may make a
/// machine go round in circles.
const HUNT_MAX: Duration = Duration::from_secs(60);
const SILENCE_MAX: Duration = Duration::from_secs(120);

/// Simulated clusters under faults: every promise to their viewers is checked.
#[derive(Debug, Parser)]
#[command(name = "watershed-sim", version)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 1)]
    first_seed: u64,
    /// Run this seed alone.
    #[arg(long, conflicts_with_all = ["seeds", "first_seed"])]
    seed: Option<u64>,
    /// Print all that happens; for one seed.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Viewers of each cluster: a multiple of 4, up to 200.
    #[arg(long, default_value_t = 20)]
    viewers: usize,
    /// Nothing goes wrong.
    #[arg(long)]
    calm: bool,
    /// Plant a bug, to see that it is caught.
    #[arg(long)]
    mutant: Option<Mutant>,
    /// Plant each bug in turn, and say by which invariant and at which seed it was caught.
    #[arg(long, conflicts_with_all = ["seed", "mutant", "calm"])]
    mutants: bool,
    /// Seeds that run at the same time; as many as cores by default.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // The error's own printing is the best that can be done with it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    if !(4..=200).contains(&arguments.viewers) || !arguments.viewers.is_multiple_of(4) {
        eprintln!("--viewers is {}, a multiple of 4 from 4 to 200 is allowed", arguments.viewers);
        return ExitCode::from(64);
    }
    if cfg!(not(debug_assertions)) && (arguments.mutants || arguments.mutant.is_some()) {
        eprintln!("no bug can be planted in this build, it has no debug assertions: take --profile testing");
        return ExitCode::from(64);
    }
    if arguments.mutants {
        return mutants(&arguments);
    }
    let begun = Instant::now();
    let broken = match arguments.seed {
        Some(seed) => report(&run(&options(&arguments, seed)), &arguments),
        None => many(&arguments),
    };
    println!(
        "{} in {:.1} s",
        if broken == 0 { "all promises kept" } else { "promises broken" },
        begun.elapsed().as_secs_f64()
    );
    ExitCode::from(u8::from(broken > 0))
}

fn options(arguments: &Arguments, seed: u64) -> Options {
    Options {
        viewers: arguments.viewers,
        faults: !arguments.calm,
        mutant: arguments.mutant,
        prints: arguments.trace,
        ..Options::new(seed)
    }
}

/// Runs all seeds; how many were broken.
fn many(arguments: &Arguments) -> u64 {
    let end = arguments.first_seed.saturating_add(arguments.seeds);
    let next = AtomicU64::new(arguments.first_seed);
    let (done, outcomes) = mpsc::channel();
    let (mut broken, mut acknowledged, mut deliveries, mut events) = (0, 0, 0, 0);
    let mut troubles = Troubles::default();
    thread::scope(|scope| {
        for _ in 0..threads(arguments) {
            let (next, done) = (&next, done.clone());
            scope.spawn(move || {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || done.send(run(&options(arguments, seed))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(done);
        for (count, outcome) in (1..).zip(&outcomes) {
            if !outcome.broken.is_empty() {
                broken += report(&outcome, arguments);
            }
            acknowledged += outcome.acknowledged;
            deliveries += outcome.deliveries;
            events += outcome.events;
            troubles += outcome.troubles;
            progress(count, arguments.seeds, broken);
        }
    });
    println!(
        "{} seeds, {broken} broken: {events} events, {acknowledged} writes acknowledged, {deliveries} comments delivered",
        arguments.seeds
    );
    for trouble in Trouble::ALL {
        println!("{:>9} {}", troubles.of(*trouble), trouble.name());
    }
    broken
}

/// Hunts all mutants, as many at a time as there are cores, and prints a line for each; fails if one survives.
fn mutants(arguments: &Arguments) -> ExitCode {
    // A machine that meets its own assertion is caught, and says so in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let last = arguments.first_seed.saturating_add(arguments.seeds - 1);
    let next = Arc::new(AtomicUsize::new(0));
    let (done, hunts) = mpsc::channel();
    for _ in 0..threads(arguments) {
        let (next, done, seeds) = (Arc::clone(&next), done.clone(), arguments.first_seed..=last);
        // Not joined: one that never comes back must not keep the table from being finished.
        thread::spawn(move || {
            while let Some(mutant) = Mutant::ALL.get(next.fetch_add(1, Ordering::Relaxed)) {
                let begun = Instant::now();
                let caught = hunt(*mutant, seeds.clone(), HUNT_MAX);
                if done.send((*mutant, caught, begun.elapsed())).is_err() {
                    return;
                }
            }
        });
    }
    drop(done);
    println!("{:<24}{:<14}{:>6}{:>8}  first example", "mutant", "caught by", "seed", "s");
    let mut caught = 0;
    while let Ok((mutant, found, took)) = hunts.recv_timeout(SILENCE_MAX) {
        caught += usize::from(found.is_some());
        println!("{}", row(mutant, found, took));
    }
    let all = Mutant::ALL.len();
    println!("{caught} of {all} mutants caught");
    ExitCode::from(u8::from(caught < all))
}

fn row(mutant: Mutant, found: Option<Caught>, took: Duration) -> String {
    let seconds = took.as_secs_f64();
    let Some(Caught { seed, invariant, what }) = found else {
        return format!("{mutant:<24}{:<14}{:>6}{seconds:>8.1}", "SURVIVED", "");
    };
    let by = invariant.map_or("an assertion".into(), |invariant| format!("invariant {invariant}"));
    let what: String = what.lines().next().unwrap_or_default().chars().take(90).collect();
    format!("{mutant:<24}{by:<14}{seed:>6}{seconds:>8.1}  {what}")
}

fn threads(arguments: &Arguments) -> usize {
    arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from)).max(1)
}

fn progress(count: u64, seeds: u64, broken: u64) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{count} of {seeds} seeds, {broken} broken ");
        if count == seeds {
            eprintln!();
        }
        // A progress line that is late is still progress.
        let _ = std::io::stderr().flush();
    } else if count.is_multiple_of(100) {
        eprintln!("{count} of {seeds} seeds, {broken} broken");
    }
}

/// Says what was broken in a run, and how to see it again; 1 if anything was.
fn report(outcome: &Outcome, arguments: &Arguments) -> u64 {
    println!(
        "seed {}: {} events, {} writes acknowledged, {} comments delivered, trace {:016x}",
        outcome.seed, outcome.events, outcome.acknowledged, outcome.deliveries, outcome.trace
    );
    for broken in &outcome.broken {
        println!("  invariant {}: {}", broken.invariant, broken.what);
    }
    if outcome.broken.is_empty() {
        return 0;
    }
    println!("  see it again: {}", outcome.replay(arguments.mutant));
    1
}
