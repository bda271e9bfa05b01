//! `storm`: ten kills over all roles in two minutes of heavy writing, and the ledger's word on what was kept.
//!
//! Run by `make storm`. Invariant: exit status 0 means that every promise was kept, 1 that one was not; 64 bad usage.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::Parser;
use watershed_tests::{interrupt::or_interrupted, storm::Storm};

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

/// The protocol's 10 s, and some travel.
const ANSWER_WITHIN_S: u64 = 11;

/// A crowd that writes, repeats itself and reconnects, while nodes of every role are killed and started again.
#[derive(Debug, Parser)]
#[command(name = "storm")]
struct Arguments {
    /// Seeds the kills and the crowd's choices.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many nodes are killed.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(0..=10_000))]
    kills: u64,
    /// How long the crowd writes, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    duration: u64,
    /// Viewers, each with a connection.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=19_000))]
    viewers: u64,
    /// Likes a second.
    #[arg(long, default_value_t = 5_000)]
    likes: u64,
    /// Unlikes a second.
    #[arg(long, default_value_t = 200)]
    unlikes: u64,
    /// Comments a second.
    #[arg(long, default_value_t = 5)]
    comments: u64,
    /// The share of writes that are sent twice, in percent.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=100))]
    duplicates_percent: u64,
    /// Connections a second that are dropped and made again.
    #[arg(long, default_value_t = 25)]
    reconnects: u64,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    let storm = Storm {
        seed: arguments.seed,
        kills: arguments.kills,
        duration_s: arguments.duration,
        viewers: arguments.viewers,
        likes: arguments.likes,
        unlikes: arguments.unlikes,
        comments: arguments.comments,
        duplicates_percent: arguments.duplicates_percent,
        reconnects: arguments.reconnects,
        answer_within_s: ANSWER_WITHIN_S,
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("storm: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    let blowing = AssertUnwindSafe(|| runtime.block_on(or_interrupted(storm.blow(|line| println!("{line}")))));
    match catch_unwind(blowing) {
        Ok(Some(aftermath)) => {
            println!("{aftermath}");
            if aftermath.code == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Ok(None) => {
            eprintln!("storm: interrupted");
            ExitCode::FAILURE
        }
        // It has told of itself.
        Err(_) => ExitCode::FAILURE,
    }
}
