//! The binary `watershed`: one subcommand a role, one that shows the cluster in a terminal, one that checks what a
//! stopped node has left, and an echo for suites that check the framing.
//!
//! Each role's folder holds its driver: the only place where clock, sockets, disk and machine meet.
//! Invariant: a bad command line or topology ends with one line and exit code 64, and nothing was bound or started.

mod admin;
mod analytics;
mod broadcast;
mod cached;
mod echo;
mod figures;
mod guard;
mod merger;
mod outlet;
mod presence;
mod process;
mod processor;
mod setup;
mod top;
mod verify;
mod wiring;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, Subcommand, ValueEnum};
use tokio_util::sync::CancellationToken;
use watershed_protocol::{NodeName, Role};

use echo::EchoArguments;
use setup::{Setup, UsageError};
use top::TopArguments;

/// Live comments and likes for millions of viewers.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Holds viewers' WebSockets; sends their writes up and the merged frames down.
    Broadcast(NodeArguments),
    /// Owns comments by hash; makes comments and likes durable and counts them.
    Processor(NodeArguments),
    /// Merges the processors' reports into one ordered sequence of frames per stream.
    Merger(NodeArguments),
    /// Shows a running cluster's figures in the terminal: nodes, stages, slowest viewers, events.
    Top(TopArguments),
    /// Checks the data directory of a stopped processor, and changes nothing in it.
    ///
    /// Ends with 0 if a start would find every record that was durable, with 1 if it is damaged.
    Verify(VerifyArguments),
    /// Prints the token that operators show: to Prometheus, to the operator page, as `Authorization: Bearer TOKEN`.
    Token(TokenArguments),
    /// Sends back every WebSocket message, over the port of viewers and without a cluster, for suites that check the framing.
    Echo(EchoArguments),
}

#[derive(clap::Args)]
struct VerifyArguments {
    /// The node's data directory, which holds `log`.
    directory: PathBuf,
}

#[derive(clap::Args)]
struct TokenArguments {
    /// The file that describes the cluster.
    #[arg(long, visible_alias = "config")]
    topology: PathBuf,
}

#[derive(clap::Args)]
struct NodeArguments {
    /// The file that describes the cluster.
    #[arg(long)]
    topology: PathBuf,
    /// Which of its nodes to be.
    #[arg(long)]
    name: String,
    /// How log lines are written. Without it: text on a terminal, JSON elsewhere.
    #[arg(long, value_enum)]
    log: Option<LogForm>,
    /// Writes each durable (comment, epoch, version, count, part) to this file, for checks from outside.
    #[arg(long)]
    trace_tallies: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum LogForm {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// How long a node may take to end before it says that it did not end in time; a broadcast node drains before.
const GRACE: Duration = Duration::from_secs(8);
/// Exit code for a bad command line or configuration (EX_USAGE).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let command = match Arguments::try_parse() {
        Ok(arguments) => arguments.command,
        Err(error) if !error.use_stderr() => {
            let _ = error.print(); // The help or the version that was asked for.
            return ExitCode::SUCCESS;
        }
        Err(error) => return refuse("watershed", &one_line(&error)),
    };
    let (role, arguments) = match command {
        Command::Broadcast(arguments) => (Role::Broadcast, arguments),
        Command::Processor(arguments) => (Role::Processor, arguments),
        Command::Merger(arguments) => (Role::Merger, arguments),
        Command::Verify(VerifyArguments { directory }) => return report(verify::run(&directory)),
        Command::Top(arguments) => return end("top", top::run(arguments)),
        Command::Token(TokenArguments { topology }) => return end("token", print_token(&topology)),
        Command::Echo(arguments) => {
            return end("echo", start_logging(None).map_err(Into::into).and_then(|()| run_echo(arguments)));
        }
    };
    let started = start_logging(arguments.log).map_err(Into::into);
    end(&role.to_string(), started.and_then(|()| run(role, arguments)))
}

/// Says how a command has ended, if it ended badly.
fn end(command: &str, ended: anyhow::Result<()>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<UsageError>() => refuse(&format!("watershed {command}"), &format!("{error:#}")),
        Err(error) => {
            eprintln!("watershed {command}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn refuse(who: &str, line: &str) -> ExitCode {
    eprintln!("{who}: {line}");
    EXIT_USAGE.into()
}

/// The fact of an error message, without the usage that follows it.
fn one_line(error: &clap::Error) -> String {
    if error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a command is needed: broadcast, processor, merger, top, verify, token or echo; see --help".into();
    }
    let message = error.to_string();
    let lines: Vec<&str> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}

/// Says what a check has found.
fn report(found: Result<String, verify::Failed>) -> ExitCode {
    match found {
        Ok(words) => {
            println!("{words}");
            ExitCode::SUCCESS
        }
        Err(failed) => {
            eprintln!("watershed verify: {failed}");
            if matches!(failed, verify::Failed::Usage(_)) { EXIT_USAGE.into() } else { ExitCode::FAILURE }
        }
    }
}

fn run(role: Role, arguments: NodeArguments) -> anyhow::Result<()> {
    let name: NodeName = arguments.name.parse().map_err(UsageError::name)?;
    let setup = Setup::load(role, &arguments.topology, &name, arguments.trace_tallies)?;
    let drain = if role == Role::Broadcast { broadcast::drain_max(&setup.topology.limits) } else { Duration::ZERO };
    until_signalled(drain, async |shutdown| match role {
        Role::Broadcast => broadcast::run(setup, shutdown).await,
        Role::Processor => processor::run(setup, shutdown).await,
        Role::Merger => merger::run(setup, shutdown).await,
    })
}

/// Prints the operators' token of a cluster.
fn print_token(topology: &Path) -> anyhow::Result<()> {
    let token = setup::topology(topology)?.operator_token();
    let needless = || UsageError::needless_token(topology);
    writeln!(std::io::stdout(), "{}", token.ok_or_else(needless)?.reveal())?;
    Ok(())
}

fn run_echo(arguments: EchoArguments) -> anyhow::Result<()> {
    until_signalled(Duration::ZERO, async |shutdown| echo::run(arguments, shutdown).await)
}

/// Runs until it ends by itself or is asked to; gives it the time to drain then, and what is left the grace period.
fn until_signalled(
    drain: Duration,
    run: impl AsyncFnOnce(CancellationToken) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async { run(shutdown_on_signals(drain + GRACE)?).await });
    runtime.shutdown_timeout(GRACE);
    ended
}

/// A token that is cancelled by SIGTERM and SIGINT. A second signal, or the end of the grace period, ends the process.
fn shutdown_on_signals(grace: Duration) -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = CancellationToken::new();
    let requested = token.clone();
    tokio::spawn(async move {
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} }
        tracing::info!("asked to end");
        requested.cancel();
        let why = tokio::select! {
            _ = terminate.recv() => "asked again",
            _ = interrupt.recv() => "asked again",
            () = tokio::time::sleep(grace) => "the grace period is over",
        };
        tracing::error!(why, grace_ms = grace.as_millis() as u64, "did not end in time");
        std::process::exit(1);
    });
    Ok(token)
}

/// What is logged when nobody says otherwise: the store's engine speaks only of what is wrong.
const FILTER: &str = "info,fjall=warn,lsm_tree=warn";

fn start_logging(form: Option<LogForm>) -> Result<(), UsageError> {
    use std::io::IsTerminal;
    let terminal = std::io::stderr().is_terminal();
    let form = form.unwrap_or(if terminal { LogForm::Text } else { LogForm::Json });
    let filter = match std::env::var_os("WATERSHED_LOG") {
        None => FILTER.into(),
        Some(text) => tracing_subscriber::EnvFilter::try_new(text.to_string_lossy()).map_err(UsageError::filter)?,
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal);
    match form {
        LogForm::Text => builder.init(),
        LogForm::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
