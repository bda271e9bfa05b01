//! `watershed-sim`: many seeds, or one of them once more with its trace.
//!
//! Ends with exit status 0 when every promise was kept, 1 when one was broken, 64 when the arguments are wrong.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    sync::mpsc,
    thread,
    time::Instant,
};

use clap::Parser;
use watershed_sim::{Options, Outcome, Sabotage, Trouble, Troubles, run};

/// Simulated clusters under faults: every promise to their viewers is checked.
#[derive(Debug, Parser)]
#[command(name = "watershed-sim", version)]
struct Arguments {
    /// How many seeds to run.
    #[arg(long, default_value_t = 50)]
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
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
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
        sabotage: arguments.sabotage,
        prints: arguments.trace,
        ..Options::new(seed)
    }
}

/// Runs all seeds; how many were broken.
fn many(arguments: &Arguments) -> u64 {
    let end = arguments.first_seed.saturating_add(arguments.seeds);
    let next = AtomicU64::new(arguments.first_seed);
    let threads = arguments.threads.unwrap_or_else(|| thread::available_parallelism().map_or(1, usize::from));
    let (done, outcomes) = mpsc::channel();
    let (mut broken, mut acknowledged, mut deliveries, mut events) = (0, 0, 0, 0);
    let mut troubles = Troubles::default();
    thread::scope(|scope| {
        for _ in 0..threads.max(1) {
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
    println!("  see it again: {}", outcome.replay(arguments.sabotage));
    1
}
