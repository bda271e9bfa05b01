//! Who may like one comment: per person the highest acknowledged register and the sendings whose fate is open.
//!
//! Fed by sendings and answers, read by the checks of shown counts. Invariant: whatever the fate of the open sendings,
//! the true count lies in [`Registers::interval`], and was never above [`Registers::may_like`].

use std::collections::BTreeMap;

/// All registers of one comment. Registers travel as their order-preserving bits.
#[derive(Debug, Default)]
pub(crate) struct Registers {
    pairs: BTreeMap<u32, Pair>,
    may_like: u64,
    may_unlike: u64,
}

/// One person's sendings for one comment.
#[derive(Debug, Default)]
struct Pair {
    /// The highest acknowledged register, 0 for none.
    acked: u64,
    /// Sent, and neither acknowledged nor refused.
    open: Vec<u64>,
    /// Likes that have, or may have, taken effect at some time.
    likes: u32,
    /// Unlikes that have, or may have.
    unlikes: u32,
}

const fn says_like(bits: u64) -> bool {
    bits != 0 && bits & 1 == 0
}

impl Registers {
    /// A sending that may take effect from now on.
    pub(crate) fn sent(&mut self, person: u32, bits: u64) {
        let pair = self.pairs.entry(person).or_default();
        pair.open.push(bits);
        if says_like(bits) {
            pair.likes += 1;
            self.may_like += u64::from(pair.likes == 1);
        } else {
            pair.unlikes += 1;
            self.may_unlike += u64::from(pair.unlikes == 1);
        }
    }

    /// A sending that certainly had no effect.
    pub(crate) fn refused(&mut self, person: u32, bits: u64) {
        let Some(pair) = self.pairs.get_mut(&person) else { return };
        let Some(at) = pair.open.iter().position(|open| *open == bits) else { return };
        pair.open.swap_remove(at);
        if says_like(bits) {
            pair.likes -= 1;
            self.may_like -= u64::from(pair.likes == 0);
        } else {
            pair.unlikes -= 1;
            self.may_unlike -= u64::from(pair.unlikes == 0);
        }
    }

    /// A sending was acknowledged, with the register as it now is. False: nobody sent such a register.
    pub(crate) fn acked(&mut self, person: u32, sent: u64, register: u64) -> bool {
        let pair = self.pairs.entry(person).or_default();
        let known = register == sent || register <= pair.acked || pair.open.contains(&register);
        if let Some(at) = pair.open.iter().position(|open| *open == sent) {
            pair.open.swap_remove(at);
        }
        if known {
            pair.acked = pair.acked.max(register);
        }
        known
    }

    /// The least and the greatest count that the answers allow.
    pub(crate) fn interval(&self) -> (u64, u64) {
        self.pairs.values().fold((0, 0), |(min, max), pair| {
            let later = || pair.open.iter().copied().filter(|open| *open > pair.acked);
            let surely = says_like(pair.acked) && later().all(says_like);
            let perhaps = says_like(pair.acked) || later().any(says_like);
            (min + u64::from(surely), max + u64::from(perhaps))
        })
    }

    /// What each person's own likes must say: of those whose last word no open sending can have changed.
    pub(crate) fn certain(&self) -> impl Iterator<Item = (u32, bool)> {
        self.pairs.iter().filter_map(|(person, pair)| {
            let liked = says_like(pair.acked);
            let sure = pair.open.iter().all(|open| *open <= pair.acked || says_like(*open) == liked);
            sure.then_some((*person, liked))
        })
    }

    /// How many people may ever have liked.
    pub(crate) fn may_like(&self) -> u64 {
        self.may_like
    }

    /// How many people may ever have unliked.
    pub(crate) fn may_unlike(&self) -> u64 {
        self.may_unlike
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn like(stamp: u64) -> u64 {
        stamp << 1
    }

    const fn unlike(stamp: u64) -> u64 {
        stamp << 1 | 1
    }

    #[test]
    fn an_open_unlike_widens_the_interval_downwards() {
        let mut registers = Registers::default();
        registers.sent(1, like(5));
        assert_eq!(registers.interval(), (0, 1));
        assert!(registers.acked(1, like(5), like(5)));
        assert_eq!(registers.interval(), (1, 1));
        assert_eq!(registers.certain().collect::<Vec<_>>(), [(1, true)]);
        registers.sent(1, unlike(6));
        assert_eq!(registers.interval(), (0, 1));
        assert_eq!(registers.certain().count(), 0);
        registers.refused(1, unlike(6));
        assert_eq!(registers.interval(), (1, 1));
        assert_eq!((registers.may_like(), registers.may_unlike()), (1, 0));
    }

    #[test]
    fn an_open_sending_below_the_acknowledged_stamp_changes_nothing() {
        let mut registers = Registers::default();
        registers.sent(1, unlike(4));
        registers.sent(1, like(5));
        assert!(registers.acked(1, like(5), like(5)));
        assert_eq!(registers.interval(), (1, 1));
    }

    #[test]
    fn an_acknowledgement_may_carry_another_device_s_later_register_but_no_stranger_s() {
        let mut registers = Registers::default();
        registers.sent(1, like(5));
        registers.sent(1, unlike(9));
        assert!(registers.acked(1, like(5), unlike(9)));
        assert_eq!(registers.interval(), (0, 0));
        registers.sent(1, like(10));
        assert!(!registers.acked(1, like(10), like(11)));
    }
}
