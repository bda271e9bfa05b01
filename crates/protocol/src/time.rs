//! Time as the machines know it: milliseconds handed in, and hybrid time that orders comments across processors.
//!
//! Hybrid time follows Kulkarni et al., "Logical Physical Clocks" (2014): physical milliseconds with a counter below, so
//! that it never falls, stays near the wall clock, and is greater than every time heard of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Mutant;

/// Milliseconds since the Unix epoch. Machines are told it; they never ask.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(u64);

impl Millis {
    /// Takes the number as it is.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// The number of milliseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// This long after.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this; 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A moment of hybrid time: 48 bits of milliseconds, 16 bits of counter.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct HybridTime(u64);

impl HybridTime {
    const COUNTER_BITS: u32 = 16;

    /// The first moment of a millisecond.
    pub const fn at(millis: Millis) -> Self {
        Self(millis.get() << Self::COUNTER_BITS)
    }

    /// From its 64 bits.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Its 64 bits; their order is the order of time.
    pub const fn bits(self) -> u64 {
        self.0
    }

    /// The millisecond that it falls in.
    pub const fn millis(self) -> Millis {
        Millis::new(self.0 >> Self::COUNTER_BITS)
    }
}

impl fmt::Debug for HybridTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.0 >> Self::COUNTER_BITS, self.0 & 0xffff)
    }
}

/// A node's hybrid clock. Invariant: it never falls, at a restart neither (recovery feeds it what the log holds).
#[derive(Clone, Debug, Default)]
pub struct HybridClock {
    last: HybridTime,
}

impl HybridClock {
    /// How far ahead of the own wall clock a heard time may be; beyond it is ignored, and the caller should raise an alarm.
    pub const JUMP_MS_MAX: u64 = 1_000;

    /// A moment later than all before it and not before `now`.
    pub fn tick(&mut self, now: Millis) -> HybridTime {
        let least = if Mutant::ClockFalls.lives() { HybridTime::default() } else { HybridTime(self.last.0 + 1) };
        self.last = HybridTime::at(now).max(least);
        self.last
    }

    /// The last moment given out or heard.
    pub fn last(&self) -> HybridTime {
        self.last
    }

    /// Advances to a time heard from a peer. False when it jumps too far ahead of `now` and was ignored.
    #[must_use]
    pub fn hear(&mut self, now: Millis, heard: HybridTime) -> bool {
        if heard.millis().since(now) > Self::JUMP_MS_MAX {
            return false;
        }
        self.last = self.last.max(heard);
        true
    }

    /// Advances to a time that this node itself made durable earlier, however far ahead it is.
    pub fn recover(&mut self, durable: HybridTime) {
        if !Mutant::ClockForgets.lives() {
            self.last = self.last.max(durable);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hybrid_time_never_falls_when_the_wall_clock_does() {
        let mut clock = HybridClock::default();
        let first = clock.tick(Millis::new(1_000));
        let second = clock.tick(Millis::new(900));
        assert!(second > first);
        assert_eq!(second.millis(), Millis::new(1_000));
    }

    #[test]
    fn a_jump_of_more_than_a_second_is_ignored() {
        let mut clock = HybridClock::default();
        clock.tick(Millis::new(1_000));
        assert!(!clock.hear(Millis::new(1_000), HybridTime::at(Millis::new(2_001))));
        assert!(clock.hear(Millis::new(1_000), HybridTime::at(Millis::new(2_000))));
        assert!(clock.tick(Millis::new(1_000)) > HybridTime::at(Millis::new(2_000)));
    }
}
