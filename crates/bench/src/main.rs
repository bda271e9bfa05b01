//! `fanout`: what it costs to bring one frame to many viewers, by a bare loop, a naive server and ours.
//!
//! Beside the floors: the servers here are made of the project's own parts, or of none, and `run` sets the `crowd` of the
//! load generator on each in turn. Invariant: all servers send the same bytes at the same times to the same client.
//!
//! | command | what it is |
//! |---|---|
//! | `fanout floor` | one loop, one `write` per socket: what the kernel alone costs |
//! | `fanout naive` | tokio-tungstenite, a task and a channel's receiver for each viewer |
//! | `fanout ours` | the HTTP server and the carousel of `watershed-net`, a room of `watershed-broadcast` |
//! | `fanout run` | the tables: all scenes, or `--scene NAME` |
//!
//! A server prints `listening on ADDRESS`, then takes [`orders::Order`]s as lines of JSON on standard input and answers
//! each with a line of its figures. The end of the input ends it.

mod floor;
mod frames;
mod naive;
mod orders;
mod ours;
mod run;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

/// What fan-out costs: a bare loop, a naive server and ours, side by side.
#[derive(Debug, Parser)]
#[command(name = "fanout", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One loop, one write per socket.
    Floor(Server),
    /// A task, a channel's receiver and a tungstenite socket for each viewer.
    Naive(Server),
    /// The carousel.
    Ours(Server),
    /// Sets the crowd on each server in turn and prints tables.
    Run(run::Options),
}

/// How a server runs.
#[derive(Clone, Copy, Debug, Args)]
struct Server {
    /// Run on this core only.
    #[arg(long)]
    core: Option<usize>,
    /// Threads that send; the bare loop has one.
    #[arg(long, default_value_t = 1)]
    workers: usize,
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Floor(server) => {
            pin(server.core)?;
            floor::serve()
        }
        Command::Naive(server) => {
            pin(server.core)?;
            naive::serve(server.workers)
        }
        Command::Ours(server) => {
            pin(server.core)?;
            ours::serve(server.workers)
        }
        Command::Run(options) => run::run(&options),
    }
}

/// Before any thread is started: they inherit it.
fn pin(core: Option<usize>) -> anyhow::Result<()> {
    let Some(core) = core else { return Ok(()) };
    let mut cores = rustix::thread::CpuSet::new();
    cores.set(core);
    rustix::thread::sched_setaffinity(None, &cores).with_context(|| format!("cannot run on core {core} only"))
}
