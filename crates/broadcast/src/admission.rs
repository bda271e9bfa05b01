//! Who is let in when many come at once: a token bucket of joins, and behind it an order of coming again.
//!
//! Asked by the node for each viewer that has shaken hands. Whoever finds no token is told when to come again, each after
//! the one refused before it, as fast as tokens come: a storm becomes a queue that nobody has to keep. A viewer that
//! resumes needs one merged frame where a new one needs a snapshot, so it takes a part of a token only.
//!
//! Invariants: over any stretch of time at most `burst` plus `per_s` times its seconds are let in; and whoever is refused
//! is told to come when its turn is, never sooner.

use watershed_protocol::Millis;

/// A new viewer costs so many parts of a token, a resuming one a single part: it is sent a frame of a few hundred bytes
/// in place of a snapshot of some 20 KB.
const PARTS: u64 = 4;

/// Nobody is told to wait longer: beyond it the order of coming again is not worth the wait.
const RETRY_MS_MAX: u64 = 60_000;

/// Those told the same moment come apart by so much at least: two turns of a carousel.
const JITTER_MS: u64 = 20;

/// How many may come.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// New viewers a second.
    pub per_s: u32,
    /// New viewers at once, after a quiet time.
    pub burst: u32,
}

/// How a viewer comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coming {
    /// Without anything: it is sent a snapshot.
    New,
    /// With a resume point: it is sent what it has missed.
    Resuming,
}

/// What was decided so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// New viewers that were let in.
    pub admitted: u64,
    /// Resuming viewers that were let in.
    pub resumed: u64,
    /// Viewers that were told to come again.
    pub refused: u64,
}

/// See the head of the file. It starts full.
#[derive(Debug)]
pub struct Admission {
    /// The time in which one part of a token comes.
    part_us: u64,
    /// How far ahead of now the bucket may be used up.
    ahead_us: u64,
    /// When the bucket is full again.
    full_at_us: u64,
    /// Until when the tokens are promised to those who were refused.
    promised_us: u64,
    counters: Counters,
}

impl Admission {
    /// A full bucket. A rate or burst of zero counts as one.
    pub fn new(config: Config) -> Self {
        let part_us = (1_000_000 / u64::from(config.per_s.max(1)) / PARTS).max(1);
        let ahead_us = part_us * PARTS * u64::from(config.burst.max(1));
        Self { part_us, ahead_us, full_at_us: 0, promised_us: 0, counters: Counters::default() }
    }

    /// Lets a viewer in, or says in how many milliseconds it should come again. `chance` is any number, for the jitter.
    pub fn take(&mut self, now: Millis, coming: Coming, chance: u64) -> Result<(), u64> {
        let cost_us = self.part_us * if coming == Coming::New { PARTS } else { 1 };
        let now_us = now.get().saturating_mul(1_000);
        let full_at_us = self.full_at_us.max(now_us) + cost_us;
        if full_at_us <= now_us + self.ahead_us {
            self.full_at_us = full_at_us;
            match coming {
                Coming::New => self.counters.admitted += 1,
                Coming::Resuming => self.counters.resumed += 1,
            }
            return Ok(());
        }
        self.counters.refused += 1;
        // The bucket has this viewer's tokens then; later, when others were promised them.
        let ready_us = full_at_us - self.ahead_us;
        let turn_us = ready_us.max(self.promised_us + cost_us).min(now_us + RETRY_MS_MAX * 1_000);
        self.promised_us = turn_us;
        let wait_ms = (turn_us - now_us).div_ceil(1_000);
        Err(wait_ms + chance % (JITTER_MS + wait_ms / 8))
    }

    /// What was decided so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BinaryHeap};

    use Coming::{New, Resuming};

    use super::*;

    fn admission(per_s: u32, burst: u32) -> Admission {
        Admission::new(Config { per_s, burst })
    }

    /// How many are let in at one moment.
    fn admitted(admission: &mut Admission, now: u64, coming: Coming) -> usize {
        (0..100_000).take_while(|_| admission.take(Millis::new(now), coming, 0).is_ok()).count()
    }

    #[test]
    fn a_burst_is_let_in_and_then_the_rate() {
        let mut admission = admission(100, 50);
        assert_eq!(admitted(&mut admission, 10_000, New), 50);
        assert_eq!(admitted(&mut admission, 10_009, New), 0);
        assert_eq!(admitted(&mut admission, 10_010, New), 1);
        assert_eq!(admitted(&mut admission, 10_110, New), 10);
        assert_eq!(admitted(&mut admission, 900_000, New), 50, "it holds no more than its burst");
    }

    #[test]
    fn four_resume_for_one_who_is_new() {
        assert_eq!(admitted(&mut admission(100, 50), 10_000, Resuming), 200);
    }

    #[test]
    fn the_refused_come_again_one_after_the_other() {
        let mut admission = admission(100, 1);
        let now = Millis::new(10_000);
        assert_eq!(admission.take(now, New, 0), Ok(()));
        let waits: Vec<u64> = (0..5).map(|_| admission.take(now, New, 0).unwrap_err()).collect();
        assert_eq!(waits, [10, 20, 30, 40, 50]);
        // A resuming one takes a quarter of a turn.
        assert_eq!(admission.take(now, Resuming, 0), Err(53));
        // What was promised is past when it is over.
        assert_eq!(admission.take(Millis::new(99_000), New, 0), Ok(()));
        assert_eq!(admission.take(Millis::new(99_000), New, 0), Err(10));
    }

    #[test]
    fn chance_only_adds_and_an_eighth_at_most() {
        for chance in [0, 1, 7_777_777, u64::MAX] {
            let mut admission = admission(10, 1);
            let now = Millis::new(10_000);
            assert_eq!(admission.take(now, New, chance), Ok(()));
            for turn in 1..100 {
                let (wait, least) = (admission.take(now, New, chance).unwrap_err(), turn * 100);
                assert!((least..least + JITTER_MS + least / 8).contains(&wait), "turn {turn}: {wait} ms");
            }
        }
    }

    #[test]
    fn nobody_waits_for_longer_than_a_minute_and_the_jitter() {
        let mut admission = admission(1, 1);
        let waits = (0..10_000).filter_map(|chance| admission.take(Millis::new(10_000), New, chance).err());
        assert!(waits.max().unwrap() < RETRY_MS_MAX + JITTER_MS + RETRY_MS_MAX / 8);
    }

    #[test]
    fn a_storm_that_comes_when_it_was_told_is_let_in_at_the_full_rate() {
        let mut admission = admission(500, 100);
        let mut coming: BinaryHeap<Reverse<u64>> = (0..20_000).map(|_| Reverse(1_000)).collect();
        let (mut tries, mut last, mut chance) = (0_u64, 0, 1_u64);
        while let Some(Reverse(now)) = coming.pop() {
            tries += 1;
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            match admission.take(Millis::new(now), New, chance >> 33) {
                Ok(()) => last = now,
                Err(wait) => coming.push(Reverse(now + wait)),
            }
        }
        let Counters { admitted, refused, .. } = admission.counters();
        println!("20000 in {} ms, {tries} tries; at 500 a second they need 39800 ms", last - 1_000);
        assert_eq!((admitted, refused), (20_000, tries - 20_000));
        assert!(last - 1_000 < 60_000, "the last came in after {} ms", last - 1_000);
        assert!(tries < 4 * 20_000, "{tries} tries");
    }

    #[test]
    fn a_rate_of_nothing_lets_one_in_a_second() {
        let mut admission = admission(0, 0);
        assert_eq!(admitted(&mut admission, 5_000, New), 1);
        assert_eq!(admitted(&mut admission, 5_999, New), 0);
        assert_eq!(admitted(&mut admission, 6_000, New), 1);
    }
}
