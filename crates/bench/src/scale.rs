//! What `million` and `streams` have in common: a cluster of real processes, crowds of real viewers, and what both use.
//!
//! Conductors tell crowds what to do, write through viewers of their own, and hold what was seen against what was
//! acknowledged. Invariant: all that is measured happens in other processes than the conductor's.

mod histogram;

pub mod conductor;
pub mod crowds;
pub mod floors;
pub mod moment;
pub mod nodes;
pub mod proc;
pub mod sysctl;
pub mod table;
pub mod topology;
pub mod verdict;
pub mod writers;

pub use histogram::Histogram;

use tokio::signal::unix::{SignalKind, signal};

/// Runs `work` to its end, or drops it, and so all that it has started, when the program is asked to end.
pub async fn or_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => anyhow::bail!("interrupted"),
        _ = terminate.recv() => anyhow::bail!("asked to end"),
    }
}
