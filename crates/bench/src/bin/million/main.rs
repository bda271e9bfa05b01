//! `million`: as many real viewers as asked for, on one machine, and whether every one of them has everything.
//!
//! Starts a cluster and crowds, joins all viewers to one stream, writes comments and likes through viewers of its own,
//! waits until all have the same, times frames to all, and prints a table. Run by `make million`. Invariant: exit status 0
//! means that no viewer was wrong, 1 that one was or that the run broke off, 64 bad usage; nothing that it started or set
//! is left.

mod bare;
mod run;
mod steps;

use std::process::ExitCode;

use clap::Parser;
use watershed_bench::scale::{conductor::conduct, or_interrupted, sysctl::settle, topology::VIEWERS_PER_PROCESS_MAX};

use run::Run;

/// Comments whose counts a crowd can follow.
const COMMENTS_MAX: u64 = 8;

/// Real viewers of one stream on this machine, with everything they are to see.
#[derive(Debug, Parser)]
#[command(name = "million", version)]
struct Arguments {
    /// Viewers.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=2_000_000))]
    viewers: u64,
    /// Viewers of one node and of one crowd.
    #[arg(long, default_value_t = VIEWERS_PER_PROCESS_MAX, value_parser = clap::value_parser!(u64).range(1..=VIEWERS_PER_PROCESS_MAX))]
    viewers_per_process: u64,
    /// Comments that are liked.
    #[arg(long, default_value_t = COMMENTS_MAX, value_parser = clap::value_parser!(u64).range(1..=COMMENTS_MAX))]
    comments: u64,
    /// Likes, each by another viewer.
    #[arg(long, default_value_t = 4_000, value_parser = clap::value_parser!(u64).range(0..=1_000_000))]
    likes: u64,
    /// Frames that are timed.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=100))]
    frames: u64,
    /// Afterwards time as many frames to as many viewers of bare loops.
    #[arg(long)]
    bare: bool,
    /// Raise the kernel's settings that are too low, and put them back at the end. Needs root.
    #[arg(long)]
    sysctl: bool,
}

fn main() -> ExitCode {
    conduct("million", run)
}

/// Whether every viewer was right.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let _sysctls = settle(arguments.viewers, arguments.sysctl)?;
    let run = Run {
        viewers: arguments.viewers,
        viewers_per_process: arguments.viewers_per_process,
        comments: arguments.comments,
        likes: arguments.likes,
        frames: arguments.frames,
        bare: arguments.bare,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(or_interrupted(run.run()))
}
