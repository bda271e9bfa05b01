//! A like is a state, not an event: the register of one viewer on one comment.
//!
//! Between `client`, which reads stamps, and the processor's registers, which merge them.
//! Invariant: merging is idempotent, commutative and associative, so retries, duplicates and reordering cannot hurt.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Invalid, limits};

/// A client's own increasing number for its changes to one like: milliseconds, bumped to stay increasing. 1 to 2^53-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Stamp(u64);

impl Stamp {
    /// Checks the range.
    pub const fn new(number: u64) -> Result<Self, Invalid> {
        if number >= 1 && number <= limits::STAMP_MAX {
            Ok(Self(number))
        } else {
            Err(Invalid::Range { what: "stamp", found: number, min: 1, max: limits::STAMP_MAX })
        }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for Stamp {
    type Error = Invalid;
    fn try_from(number: u64) -> Result<Self, Invalid> {
        Self::new(number)
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stamp {}", self.0)
    }
}

/// One viewer's last word on one comment.
///
/// Merge keeps the later stamp, and at equal stamps the unlike, so any repeat, in any order, ends in the same state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    /// When it was said, by the client's clock.
    pub stamp: Stamp,
    /// What was said.
    pub liked: bool,
}

impl Register {
    /// The register in 64 bits whose order is the order of merging: the stamp, then unlike over like.
    pub const fn to_bits(self) -> u64 {
        (self.stamp.0 << 1) | (!self.liked) as u64
    }

    /// Back from [`Register::to_bits`].
    pub fn from_bits(bits: u64) -> Result<Self, Invalid> {
        Ok(Self { stamp: Stamp::new(bits >> 1)?, liked: bits & 1 == 0 })
    }

    /// Whether `other` would replace this.
    pub const fn yields_to(self, other: Self) -> bool {
        other.to_bits() > self.to_bits()
    }

    /// Takes `other` if it is later, and says by how much the count changes: -1, 0 or +1.
    pub fn merge(&mut self, other: Self) -> i8 {
        if !self.yields_to(other) {
            return 0;
        }
        let change = i8::from(other.liked) - i8::from(self.liked);
        *self = other;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(stamp: u64, liked: bool) -> Register {
        Register { stamp: Stamp::new(stamp).unwrap(), liked }
    }

    #[test]
    fn at_equal_stamps_unlike_wins_in_either_order() {
        let (mut first, mut second) = (at(5, true), at(5, false));
        assert_eq!(first.merge(at(5, false)), -1);
        assert_eq!(second.merge(at(5, true)), 0);
        assert_eq!(first, second);
    }

    #[test]
    fn a_register_survives_its_bits() {
        for register in [at(1, true), at(limits::STAMP_MAX, false)] {
            assert_eq!(Register::from_bits(register.to_bits()), Ok(register));
        }
        assert!(Register::from_bits(1).is_err());
    }
}
