//! Simulated time: microseconds since the start of a run, and what each node's wall clock makes of them.
//!
//! Between the agenda, which knows only microseconds, and the machines, which know only milliseconds of their own clock.
//! Invariant: a deadline in a node's milliseconds is reached by its clock when its microsecond has come.

use std::fmt;

use watershed_protocol::{HybridClock, HybridTime, Millis};

/// The wall clock when a run starts: a moment of 2025, for stamps that look like real ones.
const WALL_AT_START_MS: u64 = 1_763_900_000_000;

/// A moment of the run, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Moment(pub(crate) u64);

impl Moment {
    pub(crate) const fn of_ms(ms: u64) -> Self {
        Self(ms * 1_000)
    }

    #[must_use]
    pub(crate) const fn plus_us(self, us: u64) -> Self {
        Self(self.0 + us)
    }

    #[must_use]
    pub(crate) const fn plus_ms(self, ms: u64) -> Self {
        Self(self.0 + ms * 1_000)
    }

    pub(crate) const fn ms(self) -> u64 {
        self.0 / 1_000
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>3}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// What a clock that is right shows.
pub(crate) fn wall(moment: Moment) -> Millis {
    Millis::new(WALL_AT_START_MS + moment.ms())
}

/// The clock of one process: off by as much as its machine's wall clock was when the process started, and its hybrid time.
#[derive(Clone, Debug, Default)]
pub(crate) struct NodeClock {
    /// By how much it is ahead of the rightest one; behind, if negative.
    ahead_ms: i64,
    hybrid: HybridClock,
}

impl NodeClock {
    pub(crate) fn new(ahead_ms: i64) -> Self {
        Self { ahead_ms, hybrid: HybridClock::default() }
    }

    pub(crate) fn now(&self, moment: Moment) -> Millis {
        self.at_start().plus(moment.ms())
    }

    /// When this clock will show `at`.
    pub(crate) fn moment_of(&self, at: Millis) -> Moment {
        Moment::of_ms(at.since(self.at_start()))
    }

    fn at_start(&self) -> Millis {
        Millis::new(WALL_AT_START_MS.saturating_add_signed(self.ahead_ms))
    }

    pub(crate) fn hybrid(&mut self, moment: Moment) -> HybridTime {
        let now = self.now(moment);
        self.hybrid.tick(now)
    }

    /// A peer's time. False if it is too far ahead: then it is ignored, and an alarm is raised in production.
    #[must_use]
    pub(crate) fn hear(&mut self, moment: Moment, heard: HybridTime) -> bool {
        let now = self.now(moment);
        self.hybrid.hear(now, heard)
    }

    pub(crate) fn recover(&mut self, durable: HybridTime) {
        self.hybrid.recover(durable);
    }
}
