//! A count that may arrive twice, late or out of order: the register reported for one part of one comment.
//!
//! Written by the processor's window, merged by the root. Invariant: merging replaces, it never adds.

use serde::{Deserialize, Serialize};

use crate::{Epoch, Mutant, Position};

/// How many viewers like (a part of) a comment, as of one change of its slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Epoch of the slot's ownership.
    pub epoch: Epoch,
    /// The slot's position of the last effective change: survives eviction and replay.
    pub version: Position,
    /// Viewers whose register says liked.
    pub count: u64,
}

impl Tally {
    /// Keeps the later of the two by (epoch, version); true when that is `other` and differs.
    pub fn merge(&mut self, other: Self) -> bool {
        let later = (other.epoch, other.version) > (self.epoch, self.version);
        let changes = later && other.count != self.count;
        if later {
            let added = if Mutant::TalliesAdded.lives() { self.count } else { 0 };
            *self = Self { count: added + other.count, ..other };
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(epoch: u64, version: u64, count: u64) -> Tally {
        Tally { epoch: Epoch::new(epoch), version: Position::new(version), count }
    }

    #[test]
    fn a_late_tally_changes_nothing() {
        let mut kept = tally(2, 10, 7);
        assert!(!kept.merge(tally(2, 9, 6)));
        assert!(!kept.merge(tally(1, 99, 50)));
        assert!(!kept.merge(tally(2, 10, 7)));
        assert_eq!(kept.count, 7);
        assert!(kept.merge(tally(3, 10, 8)));
    }
}
