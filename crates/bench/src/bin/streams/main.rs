//! `streams`: very many streams at once, each with one viewer and nearly all silent, and what each of them costs.
//!
//! Starts a cluster with a standby, opens the streams, lets them be, opens a few more, kills the root, and prints a table.
//! Run by `make streams`. Invariant: exit status 0 means that every viewer had a whole view at the end, 1 that one had not
//! or that the run broke off, 64 bad usage; nothing that it started or set is left.

mod open;
mod run;

use std::process::ExitCode;

use clap::Parser;
use watershed_bench::scale::{conductor::conduct, or_interrupted, sysctl::settle};

use run::Run;

/// Streams with one viewer each, and what they cost while nothing happens.
#[derive(Debug, Parser)]
#[command(name = "streams", version)]
struct Arguments {
    /// Streams, each with one viewer.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=200_000))]
    streams: u64,
    /// Broadcast nodes.
    #[arg(long, default_value_t = 6, value_parser = clap::value_parser!(u16).range(1..=64))]
    nodes: u16,
    /// Seconds in which nothing happens.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    idle: u64,
    /// Streams that are opened one after another while the others are there, and as many while a root takes over.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    opens: u64,
    /// Milliseconds of silence after which a viewer is sent a beat.
    #[arg(long, default_value_t = 3_600_000, value_parser = clap::value_parser!(u64).range(1_000..=3_600_000))]
    beat: u64,
    /// Raise the kernel's settings that are too low, and put them back at the end. Needs root.
    #[arg(long)]
    sysctl: bool,
}

fn main() -> ExitCode {
    conduct("streams", run)
}

/// Whether every viewer had a whole view.
fn run(arguments: &Arguments) -> anyhow::Result<bool> {
    let Arguments { streams, nodes, idle, opens, beat, sysctl } = *arguments;
    let _sysctls = settle(streams, sysctl)?;
    let run = Run { streams, nodes, idle_s: idle, opens, beat_ms: beat };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(or_interrupted(run.run()))
}
