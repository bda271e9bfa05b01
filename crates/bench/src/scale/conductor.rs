//! How a conductor begins and ends: its command line in, its exit status out.
//!
//! Around `million` and `streams`. Invariant: 0 means that all was right, 1 that something was not or that the run broke
//! off, 64 bad usage, in which case nothing was started.

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

/// Runs the conductor of this name. `run` says whether all was right.
pub fn conduct<A: Parser>(name: &str, run: impl FnOnce(&A) -> anyhow::Result<bool>) -> ExitCode {
    let arguments = match A::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            let words = error.to_string();
            eprintln!("{name}: {}", words.lines().next().unwrap_or_default().trim_start_matches("error: "));
            return ExitCode::from(BAD_USAGE);
        }
    };
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
