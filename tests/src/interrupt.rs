//! The wish to end early: Ctrl-C, or a polite signal from whoever started the program.
//!
//! Under the binaries of this crate. Invariant: what was begun is dropped, so that no node, mount or crowd is left behind.

use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` to its end, or drops it when the program is asked to end: then there is no result.
pub async fn or_interrupted<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler for SIGTERM");
    tokio::select! {
        done = work => Some(done),
        _ = tokio::signal::ctrl_c() => None,
        _ = terminate.recv() => None,
    }
}
