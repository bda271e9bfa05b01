//! A comment's number within one epoch of its stream: what the compact encodings call it instead of its 16 bytes.
//!
//! Given by the root to each comment that a frame or an epoch's first snapshot delivers, in that order, and carried with the
//! comment to every viewer. Invariant: within one epoch an ordinal names one comment for ever; a new epoch counts anew.

use std::{fmt, num::NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::{Invalid, limits};

/// See the head of the file. The first of an epoch is 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64")]
pub struct Ordinal(NonZeroU64);

impl Ordinal {
    /// That of the first comment of an epoch.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Whether frames may still call a comment by this ordinal when `newest` has been given: what is further back is called
    /// by its id, so that nobody remembers ordinals without end.
    pub const fn is_kept(self, newest: Self) -> bool {
        newest.get().saturating_sub(self.get()) < limits::ORDINALS_KEPT_MAX
    }
}

impl TryFrom<u64> for Ordinal {
    type Error = Invalid;
    fn try_from(number: u64) -> Result<Self, Invalid> {
        let range = || Invalid::Range { what: "ordinal", found: number, min: 1, max: limits::NUMBER_MAX };
        NonZeroU64::new(number).filter(|number| number.get() <= limits::NUMBER_MAX).map(Self).ok_or_else(range)
    }
}

impl fmt::Display for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Ordinal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ordinal {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_begin_with_one_and_end_where_javascript_does() {
        assert_eq!(Ordinal::try_from(1), Ok(Ordinal::FIRST));
        assert_eq!(Ordinal::FIRST.next().get(), 2);
        assert_eq!(Ordinal::try_from(0).unwrap_err().to_string(), "ordinal is 0, 1 to 9007199254740991 are allowed");
        assert!(Ordinal::try_from(limits::NUMBER_MAX).is_ok());
        assert!(Ordinal::try_from(limits::NUMBER_MAX + 1).is_err());
    }

    #[test]
    fn only_the_newest_are_kept() {
        let newest = Ordinal::try_from(10_000).unwrap();
        assert!(Ordinal::try_from(10_001 - limits::ORDINALS_KEPT_MAX).unwrap().is_kept(newest));
        assert!(!Ordinal::try_from(10_000 - limits::ORDINALS_KEPT_MAX).unwrap().is_kept(newest));
    }
}
