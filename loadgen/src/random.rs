//! Small, seeded randomness: splitmix64 and a Zipf choice by rank.
//!
//! Used by schedules, choices and back-off. Invariant: the same seed gives the same numbers.

/// A seeded generator (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// At least 0, below 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// At least 0, below `end`; 0 where `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        (self.unit() * end as f64) as u64
    }
}

/// Ranks weighted by 1 / rank^s.
#[derive(Debug)]
pub(crate) struct Zipf {
    /// Sums of the weights up to each rank.
    sums: Vec<f64>,
}

impl Zipf {
    /// For up to `ranks` ranks; `s` 0 is uniform.
    pub(crate) fn new(s: f64, ranks: usize) -> Self {
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-s));
        let sums = weights.scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        });
        Self { sums: sums.collect() }
    }

    /// One of the first `count` ranks, from 0; `None` where there is none.
    pub(crate) fn pick(&self, count: usize, random: &mut Random) -> Option<usize> {
        let sums = &self.sums[..count.min(self.sums.len())];
        let at = random.unit() * sums.last()?;
        Some(sums.partition_point(|sum| *sum <= at).min(sums.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rank_of_two_is_picked_twice_as_often_at_one() {
        let (zipf, mut random) = (Zipf::new(1.0, 100), Random::new(7));
        let first = (0..30_000).filter(|_| zipf.pick(2, &mut random) == Some(0)).count();
        assert!((19_500..20_500).contains(&first), "{first} of 30,000");
        assert_eq!(zipf.pick(0, &mut random), None);
    }

    #[test]
    fn numbers_stay_below_their_end() {
        let mut random = Random::new(1);
        assert!((0..1_000).all(|_| random.below(3) < 3));
        assert_eq!(random.below(0), 0);
    }
}
