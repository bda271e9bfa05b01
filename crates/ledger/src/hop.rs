//! The books of one hop of a write: a broadcast node's uplink, or a processor.
//!
//! Filled in from the counters of whoever is the hop, at any moment. Invariant (8 of the design): what was accepted is
//! acknowledged, refused, in flight or abandoned, and nothing is two of these.

use crate::Violation;

/// Writes at one hop since its process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hop {
    /// Writes that came in.
    pub accepted: u64,
    /// Writes of which it was said that they are durable.
    pub acknowledged: u64,
    /// Writes that were refused, or sent back to be sent elsewhere.
    pub refused: u64,
    /// Writes that are not answered yet.
    pub in_flight: u64,
    /// Writes whose connection was gone before the answer.
    pub abandoned: u64,
}

impl Hop {
    /// Whether the books balance; else what is broken, and the figures in words.
    pub fn check(&self) -> Result<(), (Violation, String)> {
        let Self { accepted, acknowledged, refused, in_flight, abandoned } = *self;
        let known = acknowledged + refused + in_flight + abandoned;
        if known == accepted {
            return Ok(());
        }
        let words = format!(
            "{accepted} writes were accepted, {known} are known of: {acknowledged} acknowledged, {refused} refused, \
             {in_flight} in flight, {abandoned} abandoned"
        );
        Err((Violation::HopUnbalanced, words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_that_is_forgotten_or_counted_twice_unbalances_the_books() {
        let hop = Hop { accepted: 10, acknowledged: 5, refused: 2, in_flight: 2, abandoned: 1 };
        assert_eq!(hop.check(), Ok(()));
        for accepted in [9, 11] {
            let broken = Hop { accepted, ..hop }.check();
            assert!(matches!(broken, Err((Violation::HopUnbalanced, _))), "{broken:?}");
        }
    }
}
