//! How long something took within the last minute, as a distribution.
//!
//! The commit thread counts, whoever looks at the node's figures asks. Six windows of ten seconds stand side by side; the
//! oldest is emptied to become the newest. Invariant: a time is counted in one window, and forgotten after 50 to 60 seconds.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

/// How long one window gathers.
const WINDOW: Duration = Duration::from_secs(10);
/// So many windows together are what is called recent: a minute.
const WINDOWS: usize = 6;
/// Times are kept with so many digits, which makes a window 21 KiB large: 1% is more than anybody reads off a page.
const DIGITS: u8 = 2;
/// Longest time that is told apart; what takes longer counts as this long.
const US_MAX: u64 = 60_000_000;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Recent {
    windows: Mutex<Windows>,
}

#[derive(Debug)]
struct Windows {
    began: Instant,
    /// Windows that have gone by since; the newest stands at this number modulo [`WINDOWS`].
    number: u64,
    counted: [Histogram<u32>; WINDOWS],
}

/// The time within which half of all, and of a hundred all but one, were done. Zero when there were none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Of half, in microseconds.
    pub p50_us: u64,
    /// Of 99 in a hundred, in microseconds.
    pub p99_us: u64,
}

impl Default for Recent {
    fn default() -> Self {
        Self::since(Instant::now())
    }
}

impl Recent {
    fn since(began: Instant) -> Self {
        let counted = std::array::from_fn(|_| window());
        Self { windows: Mutex::new(Windows { began, number: 0, counted }) }
    }

    /// Something has taken so long.
    pub(crate) fn count(&self, took: Duration) {
        self.count_at(Instant::now(), took);
    }

    /// How long it took within the last minute.
    pub(crate) fn percentiles(&self) -> Percentiles {
        self.percentiles_at(Instant::now())
    }

    fn count_at(&self, now: Instant, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, US_MAX);
        let mut windows = self.lock();
        windows.turn_to(now);
        let newest = windows.newest();
        windows.counted[newest].saturating_record(us);
    }

    fn percentiles_at(&self, now: Instant) -> Percentiles {
        let mut all = window();
        let mut windows = self.lock();
        windows.turn_to(now);
        for counted in &windows.counted {
            // All windows have the same bounds, so each fits the sum.
            let _added = all.add(counted);
        }
        drop(windows);
        if all.is_empty() {
            return Percentiles::default();
        }
        Percentiles { p50_us: all.value_at_quantile(0.5), p99_us: all.value_at_quantile(0.99) }
    }

    fn lock(&self) -> MutexGuard<'_, Windows> {
        self.windows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Windows {
    fn newest(&self) -> usize {
        (self.number % WINDOWS as u64) as usize
    }

    /// Empties the windows whose time is over.
    fn turn_to(&mut self, now: Instant) {
        let number = now.saturating_duration_since(self.began).as_secs() / WINDOW.as_secs();
        for _ in self.number..number.min(self.number + WINDOWS as u64) {
            self.number += 1;
            let newest = self.newest();
            self.counted[newest].reset();
        }
        self.number = self.number.max(number);
    }
}

fn window() -> Histogram<u32> {
    // Bounds and digits that a histogram has are constants here.
    Histogram::new_with_bounds(1, US_MAX, DIGITS).unwrap_or_else(|error| unreachable!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;
    const S: fn(u64) -> Duration = Duration::from_secs;

    /// Whether a time is another, but for the digits that are not kept.
    fn is_about(found_us: u64, us: u64) -> bool {
        found_us.abs_diff(us) * 100 <= us
    }

    #[test]
    fn half_and_all_but_one_in_a_hundred_are_within_their_times() {
        let begin = Instant::now();
        let recent = Recent::since(begin);
        assert_eq!(recent.percentiles_at(begin), Percentiles::default());
        (1..=1_000).for_each(|ms| recent.count_at(begin + S(ms / 20), MS(ms)));
        let Percentiles { p50_us, p99_us } = recent.percentiles_at(begin + S(50));
        assert!(is_about(p50_us, 500_000) && is_about(p99_us, 990_000), "{p50_us} {p99_us}");
    }

    #[test]
    fn what_is_a_minute_ago_is_forgotten_and_nothing_before() {
        let begin = Instant::now();
        let recent = Recent::since(begin);
        recent.count_at(begin + S(9), MS(100));
        recent.count_at(begin + S(20), MS(1));
        assert!(is_about(recent.percentiles_at(begin + S(59)).p99_us, 100_000));
        assert!(is_about(recent.percentiles_at(begin + S(60)).p99_us, 1_000));
        assert_eq!(recent.percentiles_at(begin + S(80)), Percentiles::default());
        // After any silence it begins anew.
        recent.count_at(begin + S(86_400), MS(2));
        assert!(is_about(recent.percentiles_at(begin + S(86_401)).p50_us, 2_000));
    }

    #[test]
    fn what_takes_longer_than_all_bounds_counts_as_the_longest() {
        let recent = Recent::default();
        recent.count(S(3_600));
        assert!(is_about(recent.percentiles().p50_us, US_MAX));
    }
}
