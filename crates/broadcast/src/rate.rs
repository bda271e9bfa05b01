//! How often something may be done: a token bucket in eight bytes.
//!
//! Used by the session for comments, likes and taps. The bucket is kept as the one moment when it will be full again
//! (the "generic cell rate algorithm" of ITU-T I.371), so an idle viewer's bucket costs no timer and no refill.
//! Invariant: over any stretch of time at most `burst` plus `per_minute` times its minutes are allowed.

use watershed_protocol::Millis;

const US_PER_MINUTE: u64 = 60_000_000;

/// How many tokens come a minute and how many a bucket holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Tokens that come in a minute. With 0 nothing is ever allowed.
    pub per_minute: u32,
    /// Tokens that a full bucket holds.
    pub burst: u32,
}

/// One bucket. It starts full.
#[derive(Clone, Copy, Debug, Default)]
pub struct Bucket {
    /// In microseconds since the Unix epoch.
    full_at: u64,
}

impl Bucket {
    /// Takes a token, or says in how many milliseconds there will be one.
    pub fn take(&mut self, now: Millis, rate: Rate) -> Result<(), u64> {
        if rate.per_minute == 0 || rate.burst == 0 {
            return Err(US_PER_MINUTE / 1_000);
        }
        let token = US_PER_MINUTE / u64::from(rate.per_minute);
        let now = now.get().saturating_mul(1_000);
        let full_at = self.full_at.max(now).saturating_add(token);
        let missing = (full_at - now).saturating_sub(token * u64::from(rate.burst));
        if missing > 0 {
            return Err(missing.div_ceil(1_000));
        }
        self.full_at = full_at;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_minute: 60, burst: 3 };

    #[test]
    fn a_full_bucket_allows_its_burst_and_then_says_when_to_come_back() {
        let mut bucket = Bucket::default();
        let now = Millis::new(1_000_000);
        (0..3).for_each(|_| assert_eq!(bucket.take(now, RATE), Ok(())));
        assert_eq!(bucket.take(now, RATE), Err(1_000));
        assert_eq!(bucket.take(now.plus(100), RATE), Err(900));
        assert_eq!(bucket.take(now.plus(1_000), RATE), Ok(()));
        assert_eq!(bucket.take(now.plus(1_000), RATE), Err(1_000));
    }

    #[test]
    fn who_is_refused_pays_nothing() {
        let mut bucket = Bucket::default();
        let now = Millis::new(1_000_000);
        while bucket.take(now, RATE).is_ok() {}
        (0..100).for_each(|_| assert!(bucket.take(now.plus(999), RATE).is_err()));
        assert_eq!(bucket.take(now.plus(1_000), RATE), Ok(()));
    }

    #[test]
    fn a_bucket_holds_no_more_than_its_burst_however_long_it_rests() {
        let mut bucket = Bucket::default();
        let later = Millis::new(1_000_000_000);
        assert_eq!(bucket.take(Millis::new(1), RATE), Ok(()));
        assert_eq!((0..10).filter(|_| bucket.take(later, RATE).is_ok()).count(), 3);
    }

    #[test]
    fn a_rate_of_nothing_allows_nothing() {
        assert!(Bucket::default().take(Millis::new(5), Rate { per_minute: 0, burst: 5 }).is_err());
    }

    #[test]
    fn a_clock_that_falls_gives_no_tokens_away() {
        let mut bucket = Bucket::default();
        let now = Millis::new(1_000_000);
        while bucket.take(now, RATE).is_ok() {}
        assert!(bucket.take(Millis::new(999_000), RATE).is_err());
    }
}
