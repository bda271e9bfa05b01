//! The time of this machine and the processor time of this process, in nanoseconds.
//!
//! Beneath everything here. Invariant: the monotonic clock is the machine's, so the times of several processes compare.

use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC`: what `t=` in a comment's body says, too.
pub(crate) fn monotonic_ns() -> u64 {
    nanoseconds(ClockId::Monotonic)
}

/// User and system time of this process so far.
pub(crate) fn own_cpu_ns() -> u64 {
    nanoseconds(ClockId::ProcessCPUTime)
}

fn nanoseconds(clock: ClockId) -> u64 {
    let time = clock_gettime(clock);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}
