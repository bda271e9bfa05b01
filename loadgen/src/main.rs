//! `loadgen`: a crowd of real WebSocket viewers, and the ledger of what it was promised and what it saw.
//!
//! Stands outside the cluster: it knows the client protocol and nothing else of ours. Invariant: exit status 0 means that
//! every promise that was checked was kept, 1 that one was broken or could not be checked, 64 bad usage.

mod arguments;
mod backoff;
mod book;
mod durable;
mod progress;
mod random;
mod report;
mod run;
mod schedule;
mod sending;
mod socket;
#[cfg(test)]
mod tests;
mod viewer;
mod voice;
mod web;

use std::process::ExitCode;

use anyhow::Context;
use arguments::{Arguments, Config};
use clap::{Parser, error::ErrorKind};
use tokio::sync::watch;

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

fn main() -> ExitCode {
    let config = match Arguments::try_parse() {
        Ok(arguments) => arguments.check(),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(first_line(&error.to_string())),
    };
    // Found out now, not when the run is over and its report lost.
    let config = config.and_then(|config| {
        let Some(path) = &config.json else { return Ok(config) };
        let opened = std::fs::File::options().create(true).append(true).open(path);
        opened.map_err(|error| format!("--json: cannot write {}: {error}", path.display()))?;
        Ok(config)
    });
    let config = match config {
        Ok(config) => config,
        Err(why) => {
            eprintln!("loadgen: {why}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match run_to_end(&config) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("loadgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_to_end(config: &Config) -> anyhow::Result<bool> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(config.threads).enable_all().build().context("no runtime")?;
    runtime.block_on(async {
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                let _ = stop.send(true);
            }
        });
        let report = run::run(config, stopped).await?;
        eprintln!();
        print!("{report}");
        if let Some(path) = &config.json {
            let json = serde_json::to_vec_pretty(&report)?;
            std::fs::write(path, json).with_context(|| format!("{} could not be written", path.display()))?;
        }
        Ok(report.kept())
    })
}

/// The fact of an error message, without the usage that follows it.
fn first_line(message: &str) -> String {
    let lines: Vec<_> = message.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    lines.join(" ").trim_start_matches("error: ").to_owned()
}
