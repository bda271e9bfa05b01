//! When to dial again: full jitter under a ceiling that doubles with each failure.
//!
//! Used by the dialer's side of a link. Full jitter (Brooker, "Exponential Backoff and Jitter", 2015) keeps a hundred
//! nodes that lost the same peer in the same millisecond from coming back in the same millisecond.
//! Invariant: a delay never exceeds the configured maximum, and the same seed gives the same delays.

/// Delays before the next attempt.
#[derive(Clone, Debug)]
pub struct Backoff {
    min_ms: u64,
    max_ms: u64,
    failures: u32,
    state: u64,
}

impl Backoff {
    /// The first ceiling is `min_ms`, the last `max_ms`. The seed should differ from node to node.
    pub fn new(min_ms: u64, max_ms: u64, seed: u64) -> Self {
        Self { min_ms: min_ms.max(1), max_ms: max_ms.max(min_ms).max(1), failures: 0, state: seed }
    }

    /// Counts a failure and returns how long to wait after it: uniform from 0 to the ceiling, both included.
    pub fn failed(&mut self) -> u64 {
        let ceiling = self.ceiling_ms();
        self.failures = self.failures.saturating_add(1);
        // The bias of the remainder is below 2^-50 for ceilings of seconds.
        self.random() % (ceiling + 1)
    }

    /// Starts again at the least ceiling: the peer was well for a while.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The longest that the next delay may be.
    pub fn ceiling_ms(&self) -> u64 {
        // 2^20 times any delay is beyond any maximum in use; it also keeps the shift defined.
        self.min_ms.saturating_mul(1 << self.failures.min(20)).min(self.max_ms)
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): good enough for jitter, and eight bytes of state.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(seed: u64) -> Vec<u64> {
        let mut backoff = Backoff::new(50, 2_000, seed);
        (0..200).map(|_| backoff.failed()).collect()
    }

    #[test]
    fn back_off_is_jittered_and_bounded() {
        let delays = delays(7);
        for (attempt, delay) in delays.iter().enumerate() {
            let ceiling = (50u64 << attempt.min(10)).min(2_000);
            assert!(*delay <= ceiling, "attempt {attempt} waits {delay} ms, at most {ceiling} are allowed");
        }
        let late = &delays[10..];
        assert!(late.iter().any(|d| *d < 500) && late.iter().any(|d| *d > 1_500), "no spread: {late:?}");
        let mean = late.iter().sum::<u64>() / late.len() as u64;
        assert!((800..1_200).contains(&mean), "the mean of full jitter under 2000 ms is near 1000 ms, not {mean}");
    }

    #[test]
    fn the_same_seed_gives_the_same_delays_and_another_seed_others() {
        assert_eq!(delays(1), delays(1));
        assert_ne!(delays(1), delays(2));
    }

    #[test]
    fn success_brings_the_ceiling_back_to_the_least() {
        let mut backoff = Backoff::new(50, 2_000, 1);
        for _ in 0..10 {
            backoff.failed();
        }
        assert_eq!(backoff.ceiling_ms(), 2_000);
        backoff.succeeded();
        assert_eq!(backoff.ceiling_ms(), 50);
    }

    #[test]
    fn a_maximum_below_the_minimum_is_raised_to_it() {
        assert_eq!(Backoff::new(50, 10, 1).ceiling_ms(), 50);
        assert_eq!(Backoff::new(0, 0, 1).ceiling_ms(), 1);
    }
}
