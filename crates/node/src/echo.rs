//! `watershed echo`: the viewers' port without a cluster, which sends every message back, for suites that check the framing.
//!
//! Command line → listener → `net`'s echo. Invariant: no role starts it and no topology names it; only this command does.

use std::net::SocketAddr;

use anyhow::Context;
use tokio_util::sync::CancellationToken;
use watershed_net::{
    echo::Echo,
    http::{ListenerConfig, listen},
};

/// The greatest limit that may be asked for. What a worker keeps of messages that are on their way is a multiple of it.
const MESSAGE_BYTES_MOST: u64 = 64 * 1024 * 1024;

/// The command line.
#[derive(clap::Args)]
pub(crate) struct EchoArguments {
    /// Where to listen; with port 0 the system chooses one.
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Longest message in bytes, its fragments together; longer ones are closed with 1009.
    #[arg(long, value_name = "BYTES", default_value_t = 16 * 1024 * 1024,
          value_parser = clap::value_parser!(u64).range(1..=MESSAGE_BYTES_MOST))]
    message_bytes_max: u64,
}

/// Serves until the token is cancelled. The first line of the output says where.
pub(crate) async fn run(arguments: EchoArguments, shutdown: CancellationToken) -> anyhow::Result<()> {
    let EchoArguments { listen: address, message_bytes_max } = arguments;
    let listener = listen(address, ListenerConfig::default());
    let listener = listener.with_context(|| format!("cannot listen on {address}"))?;
    let echo = Echo::start(message_bytes_max as usize)?;
    println!("echo listens on ws://{}", listener.local_addr()?);
    echo.run(listener, shutdown).await?;
    Ok(())
}
