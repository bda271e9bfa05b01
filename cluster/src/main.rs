//! `cluster`: starts, shows and stops a local cluster of real processes.
//!
//! It reads the topology, starts each node as a process group of its own, and leaves: it is no supervisor. What it knows
//! of running nodes it reads back from the cluster's directory, so any later call takes over where this one ended.
//!
//! Invariant: it signals only processes that it can name by process id *and* start time, never a recycled id.

mod args;
mod cluster;
mod demo;
mod factors;
mod logs;
mod process;
mod readiness;
mod status;
mod stop;
mod up;

use std::{io::Write, path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::Parser;

use args::{Args, Command};
use cluster::Cluster;

/// The command line or the topology is wrong: exit 64, with nothing started.
const EXIT_USAGE: u8 = 64;

/// What the caller has to correct, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Usage(String);

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if !error.use_stderr() => {
            let _ = error.print(); // The help or the version that was asked for.
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse(&one_line(&error.to_string())),
    };
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => match error.downcast_ref::<Usage>() {
            Some(usage) => refuse(&usage.to_string()),
            None => {
                eprintln!("cluster: {error:#}");
                ExitCode::FAILURE
            }
        },
    }
}

fn run(args: &Args) -> anyhow::Result<()> {
    let cluster = Cluster::open(&args.config)?;
    match args.command()? {
        Command::Up { .. } => up::up(&cluster, args.bin.as_deref(), None),
        Command::Start { node } => up::up(&cluster, args.bin.as_deref(), Some(&cluster.named(&node)?.name)),
        Command::Demo => demo::demo(&cluster, args.bin.as_deref()),
        Command::Urls { operator } => {
            let urls = if operator { demo::operator_urls(&cluster)? } else { demo::urls(&cluster)? };
            print(&urls.iter().map(|url| format!("{url}\n")).collect::<String>())
        }
        Command::Token => print(&format!("{}\n", token(&cluster)?)),
        Command::Factors => factors::show(&cluster),
        Command::Analytics => print(&format!("{}\n", analytics_files(&cluster)?.display())),
        Command::Status { json } => status::show(&cluster, json),
        Command::Stop => stop::stop_all(&cluster),
        Command::Kill { node, signal } => stop::kill(&cluster, cluster.named(&node)?, signal),
        Command::Logs { follow, lines, node } => {
            let nodes = match node {
                Some(node) => vec![cluster.named(&node)?],
                None => cluster.topology.nodes().iter().collect(),
            };
            logs::show(&cluster, &nodes, lines, follow)
        }
    }
}

/// Where the nodes' files of analytics are, if the topology has any.
fn analytics_files(cluster: &Cluster) -> Result<PathBuf, Usage> {
    let off = || Usage(format!("{} keeps no analytics: [analytics] on is false", cluster.config.display()));
    cluster.topology.analytics_files().ok_or_else(off)
}

/// What operators show, if the topology has a secret.
fn token(cluster: &Cluster) -> Result<String, Usage> {
    let needless =
        || Usage(format!("{}: there is no [cluster] secret, so no token is needed", cluster.config.display()));
    Ok(cluster.topology.operator_token().ok_or_else(needless)?.reveal())
}

/// The fact of an error message, without the usage that follows it.
fn one_line(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ")
}

fn refuse(line: &str) -> ExitCode {
    eprintln!("cluster: {}", line.trim_start_matches("error: "));
    ExitCode::from(EXIT_USAGE)
}

/// Writes to standard output; that nobody reads any more is an error and not a panic.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}
