//! The command line.
//!
//! Invariant: what comes out of here names one command; whether it fits the topology is checked where it runs.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use rustix::process::Signal;

use crate::Usage;

/// Starts, shows and stops a local cluster.
#[derive(Debug, Parser)]
#[command(name = "cluster", version, about, arg_required_else_help = false)]
pub(crate) struct Args {
    /// The topology to work on.
    #[arg(long, global = true, default_value = "cluster/local.toml", value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// The `watershed` binary; by default the one beside this binary.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) bin: Option<PathBuf>,
    /// Start what is dead, like `up`.
    #[arg(long)]
    respawn: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Command {
    /// Start every node that is not running, and wait until they are ready.
    Up {
        /// Say that some may be running already; `up` starts only what is dead in any case.
        #[arg(long)]
        respawn: bool,
    },
    /// Start one node, and wait until it is ready.
    Start {
        /// Its name, such as b1.
        node: String,
    },
    /// Start every node and a small crowd, and stay until Ctrl-C, which stops all of it.
    Demo,
    /// Print the URL of every broadcast node, one a line.
    Urls {
        /// Of the operator page at each, with the token where the cluster has a secret.
        #[arg(long)]
        operator: bool,
    },
    /// Print the token that operators show, where the cluster has a secret.
    Token,
    /// Show how much each stage that gathers has made of less: units in for one out, since each node started.
    Factors,
    /// Print the pattern that names all nodes' files of analytics.
    Analytics,
    /// Show every node with its process, URL and state.
    Status {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
    /// Stop every node: politely, and after 10 s by force.
    Stop,
    /// Send a signal to one node.
    Kill {
        /// Its name, such as p2.
        node: String,
        /// Which signal.
        #[arg(long, value_enum, ignore_case = true, default_value_t = SignalName::Kill)]
        signal: SignalName,
    },
    /// Show what nodes have written.
    Logs {
        /// Go on as they write.
        #[arg(short, long)]
        follow: bool,
        /// How many of the last lines of each node.
        #[arg(short = 'n', long, default_value_t = 100)]
        lines: usize,
        /// One node's name; all nodes by default.
        node: Option<String>,
    },
}

/// The signals that `kill` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignalName {
    /// End at once; cannot be caught.
    Kill,
    /// Ask to end.
    Term,
    /// Ask to end, as from the keyboard.
    Int,
    /// Freeze.
    Stop,
    /// Go on after a freeze.
    Cont,
}

impl SignalName {
    pub(crate) fn signal(self) -> Signal {
        match self {
            Self::Kill => Signal::KILL,
            Self::Term => Signal::TERM,
            Self::Int => Signal::INT,
            Self::Stop => Signal::STOP,
            Self::Cont => Signal::CONT,
        }
    }
}

impl Args {
    /// The command; `--respawn` alone stands for `up`.
    pub(crate) fn command(&self) -> Result<Command, Usage> {
        match &self.command {
            Some(_) if self.respawn => Err(Usage("--respawn stands alone or after `up`".into())),
            Some(command) => Ok(command.clone()),
            None if self.respawn => Ok(Command::Up { respawn: true }),
            None => Err(Usage(
                "a command is needed: up, demo, start, status, urls, token, analytics, stop, kill or logs; see --help"
                    .into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Result<Command, String> {
        let args = Args::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        args.command().map_err(|error| error.to_string())
    }

    #[test]
    fn respawn_alone_means_up() {
        assert!(matches!(command("cluster --respawn"), Ok(Command::Up { .. })));
        assert!(matches!(command("cluster up --respawn"), Ok(Command::Up { .. })));
        assert!(command("cluster --respawn stop").unwrap_err().contains("stands alone"));
    }

    #[test]
    fn a_command_is_needed() {
        assert!(command("cluster").unwrap_err().starts_with("a command is needed"));
        assert!(command("cluster explode").is_err());
    }

    #[test]
    fn the_topology_may_stand_before_or_after_the_command() {
        for line in ["cluster --config x.toml status --json", "cluster status --json --config x.toml"] {
            let args = Args::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(args.config, PathBuf::from("x.toml"));
            assert!(matches!(args.command(), Ok(Command::Status { json: true })));
        }
    }

    #[test]
    fn a_signal_is_named_in_either_case() {
        assert!(matches!(command("cluster kill p1"), Ok(Command::Kill { signal: SignalName::Kill, .. })));
        assert!(matches!(command("cluster kill p1 --signal STOP"), Ok(Command::Kill { signal: SignalName::Stop, .. })));
        assert!(command("cluster kill p1 --signal 9").is_err());
    }
}
