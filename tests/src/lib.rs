//! What the end-to-end tests share: real clusters, viewers, crowds and browsers, and the ledger that watches them.
//!
//! `tests/*.rs` hold one promise each. Everything here starts processes of its own, on free ports and in a directory of
//! its own, so that tests run beside a demo and beside each other. Invariants: what is started is ended when its value is
//! dropped, also by a panic; a wait is for an event and ends with an error after [`PATIENCE`], never with a guess.

pub mod analytics;
pub mod book;
pub mod browser;
pub mod chance;
pub mod cluster;
pub mod compact;
pub mod crowd;
pub mod image;
pub mod interrupt;
pub mod live_page;
pub mod loadgen;
mod member;
pub mod operator_page;
pub mod packed;
pub mod power;
pub mod preload;
pub mod process;
pub mod recording;
pub mod site;
pub mod stage;
pub mod storm;
pub mod terminal;
pub mod topology;
pub mod view;
pub mod viewer;
pub mod web;

use std::{fmt::Display, time::Duration};

use tokio::time::{Instant, sleep};

/// How long anything may take before a test fails: far more than it takes on a machine that is busy with other work.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// How often a condition is looked at that nothing announces.
const POLL: Duration = Duration::from_millis(20);

/// Waits until `look` finds what it wants; what it says while it has not is in the message of the panic.
pub async fn until<T, W: Display>(what: &str, mut look: impl AsyncFnMut() -> Result<T, W>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(still) if Instant::now() >= deadline => panic!("{what}: not within {PATIENCE:?}; {still}"),
            Err(_) => sleep(POLL).await,
        }
    }
}
