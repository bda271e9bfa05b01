//! The token bucket of one stream: how often it may send a frame.
//!
//! Asked by the stream before each frame. It holds no tokens but one moment: when it will be full again (the generic cell
//! rate algorithm), so an idle stream costs nothing. Invariant: in any span of time t, at most burst + t × rate are taken.

use watershed_protocol::Millis;

/// A rate and a burst.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    interval_us: u64,
    /// How far ahead of now the bucket may be used up: all tokens but one.
    ahead_us: u64,
    full_at_us: u64,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn new(per_s: u32, burst: u32) -> Self {
        let interval_us = 1_000_000 / u64::from(per_s.max(1));
        Self { interval_us, ahead_us: interval_us * u64::from(burst.max(1) - 1), full_at_us: 0 }
    }

    /// When there is a token.
    pub(crate) fn ready_at(&self) -> Millis {
        Millis::new(self.full_at_us.saturating_sub(self.ahead_us).div_ceil(1_000))
    }

    /// Takes a token, if there is one.
    #[must_use]
    pub(crate) fn take(&mut self, now: Millis) -> bool {
        if now < self.ready_at() {
            return false;
        }
        self.full_at_us = self.full_at_us.max(now.get().saturating_mul(1_000)).saturating_add(self.interval_us);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bucket: &mut Bucket, now: u64) -> usize {
        (0..100).take_while(|_| bucket.take(Millis::new(now))).count()
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_its_rate() {
        let mut bucket = Bucket::new(10, 5);
        assert_eq!(taken(&mut bucket, 1_000), 5);
        assert_eq!(bucket.ready_at(), Millis::new(1_100));
        assert_eq!(taken(&mut bucket, 1_099), 0);
        assert_eq!(taken(&mut bucket, 1_100), 1);
        assert_eq!(taken(&mut bucket, 1_300), 2);
        assert_eq!(taken(&mut bucket, 60_000), 5, "it holds no more than its burst");
    }

    #[test]
    fn a_rate_or_burst_of_zero_is_read_as_one() {
        let mut bucket = Bucket::new(0, 0);
        assert_eq!(taken(&mut bucket, 5), 1);
        assert_eq!(bucket.ready_at(), Millis::new(1_005));
    }
}
