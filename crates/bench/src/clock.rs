//! The clock that servers, conductors and crowds of one machine share.
//!
//! Written into a comment's body as `t=`, read back by whoever receives it. Invariant: it compares over processes.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, which the crowd reads too.
pub fn monotonic_ns() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
