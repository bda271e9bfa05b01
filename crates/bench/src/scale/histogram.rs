//! Times of many processes as one distribution.
//!
//! Between the crowds, each of which counts its own, and the tables. Invariant: what was counted once is counted once.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How many took how many microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Vec<(u64, u64)>")]
pub struct Histogram {
    counts: BTreeMap<u64, u64>,
}

impl From<Vec<(u64, u64)>> for Histogram {
    fn from(rows: Vec<(u64, u64)>) -> Self {
        let mut histogram = Self::default();
        rows.into_iter().for_each(|(us, count)| histogram.add(us, count));
        histogram
    }
}

impl Histogram {
    /// All of these together.
    pub fn sum<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        let rows = all.into_iter().flat_map(|histogram| &histogram.counts);
        rows.for_each(|(us, count)| sum.add(*us, *count));
        sum
    }

    fn add(&mut self, us: u64, count: u64) {
        *self.counts.entry(us).or_default() += count;
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The time within which this share of them came, in seconds; 0 when there are none.
    pub fn seconds_at(&self, share: f64) -> f64 {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += **count;
            seen >= wanted
        });
        found.map_or(0.0, |(us, _)| *us as f64 / 1e6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_two_processes_is_that_of_all_their_times() {
        let (fast, slow) =
            (Histogram::from(vec![(1_000_000, 3)]), Histogram::from(vec![(2_000_000, 1), (9_000_000, 1)]));
        let all = Histogram::sum([&fast, &slow]);
        assert_eq!((all.count(), all.seconds_at(0.0), all.seconds_at(0.5), all.seconds_at(1.0)), (5, 1.0, 1.0, 9.0));
        assert_eq!(Histogram::default().seconds_at(0.5), 0.0);
    }
}
