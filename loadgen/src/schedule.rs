//! When to send: times fixed in advance, so that a slow server is asked no less and its delay is measured in full.
//!
//! Between the arguments and the crowd. This is the open loop that avoids what Gil Tene calls coordinated omission.
//! Invariant: the nth sending is due at n / rate, whatever happened to the ones before it.

/// The times of one kind of sending, in nanoseconds from the start.
#[derive(Debug)]
pub(crate) struct Schedule {
    per_s: f64,
    next: u64,
    count: u64,
}

impl Schedule {
    /// `per_s` sendings a second for `duration_s` seconds, spread evenly.
    pub(crate) fn new(per_s: f64, duration_s: f64) -> Self {
        Self { per_s, next: 0, count: (per_s * duration_s).floor() as u64 }
    }

    /// When the next sending is due; `None` after the last.
    pub(crate) fn next_ns(&self) -> Option<u64> {
        (self.next < self.count).then(|| ((self.next as f64 + 0.5) / self.per_s * 1e9) as u64)
    }

    /// Takes the next sending if it is due.
    pub(crate) fn take(&mut self, now_ns: u64) -> Option<u64> {
        let due = self.next_ns().filter(|due| *due <= now_ns)?;
        self.next += 1;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_driver_gets_all_that_fell_due_with_their_own_times() {
        let mut schedule = Schedule::new(10.0, 1.0);
        let due: Vec<_> = std::iter::from_fn(|| schedule.take(360_000_000)).collect();
        assert_eq!(due, [50_000_000, 150_000_000, 250_000_000, 350_000_000]);
        assert_eq!(schedule.next_ns(), Some(450_000_000));
        assert_eq!(std::iter::from_fn(|| schedule.take(u64::MAX)).count(), 6);
        assert_eq!(schedule.next_ns(), None);
    }

    #[test]
    fn a_rate_of_nothing_is_never_due() {
        assert_eq!(Schedule::new(0.0, 60.0).next_ns(), None);
    }
}
