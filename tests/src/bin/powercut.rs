//! `powercut`: cuts the power of a small cluster again and again, and says whether anything acknowledged was lost.
//!
//! Run by `make powercut`, as root. Invariant: exit status 0 means that every cut was survived, 1 that one was not, or
//! that this machine cannot try; 64 bad usage.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use clap::Parser;
use watershed_tests::{image::Image, interrupt::or_interrupted, power::Outages, preload};

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

/// Cuts the power of a cluster under load, each time on from what the last cut left.
#[derive(Debug, Parser)]
#[command(name = "powercut")]
struct Arguments {
    /// How many cuts.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    cuts: u64,
    /// Seeds the moments of the cuts.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The disk forgets what nodes of this role ask it to keep: shows that a lost write is found.
    #[arg(long, value_name = "ROLE", value_parser = ["broadcast", "processor", "merger"])]
    forgetful: Option<String>,
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    if let Some(why) = Image::impossible() {
        eprintln!("powercut: {why}");
        return ExitCode::FAILURE;
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("powercut: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    // A broken promise is a panic that tells of itself.
    let cuts = AssertUnwindSafe(|| runtime.block_on(or_interrupted(cut(&arguments))));
    let Ok(done) = catch_unwind(cuts) else {
        eprintln!("powercut: again with make powercut CUTS={} SEED={}", arguments.cuts, arguments.seed);
        return ExitCode::FAILURE;
    };
    if done.is_none() {
        eprintln!("powercut: interrupted");
        return ExitCode::FAILURE;
    }
    println!("powercut: {} cuts, nothing that was acknowledged is missing", arguments.cuts);
    ExitCode::SUCCESS
}

async fn cut(Arguments { cuts, seed, forgetful }: &Arguments) {
    let library = tempfile::tempdir().expect("a directory for the library");
    let prelude = forgetful.as_ref().map(|role| preload::forgets(library.path(), role)).unwrap_or_default();
    let mut outages = Outages::begin(*seed, &prelude).await;
    for number in 1..=*cuts {
        println!("cut {number} of {cuts}: {}", outages.cut().await);
    }
}
