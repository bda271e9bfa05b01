//! `crowd`: up to 19,000 WebSocket viewers in one thread, who watch one stream and count.
//!
//! Stands outside the cluster, like `loadgen`, but only watches: what it costs is to be small beside what it measures.
//! Invariant: it knows the client protocol and nothing else of ours; exit status 0 when told to end, 1 when something of
//! its own failed, 64 for bad usage.
//!
//! ```text
//! crowd 127.0.0.1:8080 --stream demo --sources 127.1.0.0/16
//! ```
//!
//! One command a line on standard input; the end of the input ends it. One answer a line on standard output, named by
//! `did`; what cannot be done is answered `{"did":"error","error":…}`. Times in answers are microseconds (`_us`), seconds
//! (`_s`, `seconds`), or nanoseconds of the machine's monotonic clock (`_ns`), which compare over processes.
//!
//! | command | answered | with |
//! |---|---|---|
//! | `{"do":"join","viewers":1000}` | when all have joined | `seconds`, `joins_per_s`, `handshake_us` (connect to welcome), `ends` |
//! | `{"do":"reconnect"}` | when all have joined again | the same; every connection was dropped at once, and resumes |
//! | `{"do":"window","seconds":2.5}` | then | `deliveries`, `comments`, `latency_us`, `latency_counts` (rows of µs, how many), `cpu_s`, `chain_errors`, `laps`, … within it |
//! | `{"do":"sleep","share":0.1}` | at once | how many read nothing from now on |
//! | `{"do":"wake"}` | at once | how many read again |
//! | `{"do":"report"}` | at once | totals, `points` (epoch, seq, viewers), `markers` (count → viewers), `each_…` sums |
//! | `{"do":"end"}` | at the end | |
//!
//! `join` and `reconnect` may carry `"handshakes_max"`. A comment whose body holds `t=NANOSECONDS` of the monotonic clock
//! is timed at each viewer that it reaches. `ends` counts how connections ended: the code of the close frame, `lost` without
//! one, or what failed before. Viewers come back by themselves, with their resume point, when the server says or after a
//! random wait that grows.

mod arguments;
mod clock;
mod command;
mod crowd;
mod figures;
mod handshake;
mod joining;
mod laps;
mod marks;
mod memo;
mod news;
mod receive;
mod report;
mod sources;
mod viewer;
mod wire;

use std::process::ExitCode;

use anyhow::Context;
use arguments::{Arguments, Config};
use clap::{Parser, error::ErrorKind};
use crowd::Crowd;

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

fn main() -> ExitCode {
    let config = match Arguments::try_parse() {
        Ok(arguments) => arguments.check(),
        Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => Err(error.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").into()),
    };
    let config = match config {
        Ok(config) => config,
        Err(why) => {
            eprintln!("crowd: {why}");
            return ExitCode::from(BAD_USAGE);
        }
    };
    match run(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crowd: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> anyhow::Result<()> {
    if let Some(core) = config.core {
        let mut cores = rustix::thread::CpuSet::new();
        cores.set(core);
        let pinned = rustix::thread::sched_setaffinity(None, &cores);
        pinned.with_context(|| format!("cannot run on core {core} only"))?;
    }
    Crowd::new(config)?.run()
}
