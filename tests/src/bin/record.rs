//! `record`: what one viewer of a running cluster gets of a stream, written to `tests/recordings`.
//!
//! Run by hand when the protocol has changed, beside a crowd that floods the stream. Invariant: exit status 0 means that the
//! file was written; 1 that it was not, 64 bad usage.

use std::process::ExitCode;

use anyhow::ensure;
use clap::Parser;
use watershed_protocol::client::Encoding;
use watershed_tests::{book::Book, recording::Recording, viewer::Viewer};

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

/// Records what a viewer gets: `record --http http://127.0.0.1:8080 --stream demo --messages 80 flood`
#[derive(Debug, Parser)]
#[command(name = "record")]
struct Arguments {
    /// The HTTP address of a broadcast node.
    #[arg(long)]
    http: String,
    /// The stream to watch.
    #[arg(long, default_value = "demo")]
    stream: String,
    /// So many messages, welcome and snapshot included.
    #[arg(long, default_value_t = 80, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    messages: u32,
    /// What the recording is called.
    name: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match record(&arguments).await {
        Ok(bytes) => {
            println!("{} messages in {bytes} bytes", arguments.messages);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("record: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Watches, and writes what came; how many bytes the file has.
async fn record(arguments: &Arguments) -> anyhow::Result<usize> {
    let mut viewer = Viewer::new(&Book::open(&arguments.stream), "recorder", Encoding::MessagePack);
    viewer.connect(&arguments.http).await?;
    let mut recording = Recording::default();
    while recording.messages.len() < arguments.messages as usize {
        viewer.hear().await?;
        recording.messages.push(viewer.payload.clone());
    }
    let seen = viewer.view();
    ensure!(recording.view_after(recording.messages.len()) == seen, "the recording does not give what was seen");
    recording.save(&arguments.name)
}
