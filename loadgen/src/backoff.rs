//! How long to wait before the next connection: full jitter (Brooker, "Exponential backoff and jitter", 2015).
//!
//! One per viewer. Invariant: the wait never exceeds [`WAIT_MAX`] but by what a server asks for.

use std::time::Duration;

use crate::random::Random;

/// The bound of the first wait; each failure doubles it.
const FIRST: Duration = Duration::from_millis(200);

/// The bound of all waits.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// The longest wait that a server may ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// Failures in a row, as a bound for the next wait.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// After a connection that worked.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure, with what the server asked for on top.
    pub(crate) fn wait(&mut self, asked: Duration, random: &mut Random) -> Duration {
        let bound = FIRST.saturating_mul(1 << self.failures.min(10)).min(WAIT_MAX);
        self.failures += 1;
        asked.min(ASKED_MAX) + bound.mul_f64(random.unit())
    }
}

/// The wait that a close frame asks for: the first number in its reason, in milliseconds.
pub(crate) fn asked_for(reason: &str) -> Duration {
    let digits = reason.split(|c: char| !c.is_ascii_digit()).find(|part| !part.is_empty());
    Duration::from_millis(digits.and_then(|digits| digits.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound_and_start_again() {
        let (mut backoff, mut random) = (Backoff::default(), Random::new(3));
        for failures in 0..40 {
            let bound = FIRST.saturating_mul(1 << failures.min(10)).min(WAIT_MAX);
            assert!(backoff.wait(Duration::ZERO, &mut random) <= bound);
        }
        backoff.reset();
        let wait = backoff.wait(Duration::from_secs(1), &mut random);
        assert!(wait >= Duration::from_secs(1) && wait <= Duration::from_secs(1) + FIRST);
    }

    #[test]
    fn a_close_s_reason_says_how_long() {
        assert_eq!(asked_for("try again in 1500 ms"), Duration::from_millis(1_500));
        assert_eq!(asked_for("going away"), Duration::ZERO);
    }
}
