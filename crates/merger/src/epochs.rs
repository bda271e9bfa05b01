//! Fresh stream epochs: durable numbers that the driver reserved in blocks, so that an opening waits for no disk.
//!
//! Taken by a stream that opens or is raised. Invariant: no number is given twice, and each is greater than all before it.

use std::{collections::VecDeque, ops::Range};

use watershed_protocol::Epoch;

/// With fewer left than this, more are asked for: enough for the streams that open while the answer is on its way.
const LOW: u64 = 100;

/// The reserved numbers that are left.
#[derive(Debug)]
pub(crate) struct Epochs {
    blocks: VecDeque<Range<u64>>,
    /// All below this have been given or never will be.
    next: u64,
    asked: bool,
}

impl Epochs {
    pub(crate) fn new(block: Range<u64>) -> Self {
        let mut epochs = Self { blocks: VecDeque::new(), next: 0, asked: false };
        epochs.add(block);
        epochs
    }

    /// A further block. What it has in common with numbers already given, or with an earlier block, is left out.
    pub(crate) fn add(&mut self, block: Range<u64>) {
        self.asked = false;
        let start = self.blocks.back().map_or(self.next, |last| last.end).max(block.start);
        if start < block.end {
            self.blocks.push_back(start..block.end);
        }
    }

    /// The next epoch, if one is left.
    pub(crate) fn take(&mut self) -> Option<Epoch> {
        let block = self.blocks.front_mut()?;
        let number = block.start;
        block.start += 1;
        self.next = number + 1;
        if block.is_empty() {
            self.blocks.pop_front();
        }
        Some(Epoch::new(number))
    }

    /// Whether `epoch` may have been given to a stream, by this root or by one before it.
    pub(crate) fn may_be_given(&self, epoch: Epoch) -> bool {
        epoch.get() < self.blocks.front().map_or(self.next, |block| block.start)
    }

    /// Whether to ask for more: true once, until they come.
    #[must_use]
    pub(crate) fn ask(&mut self) -> bool {
        let left: u64 = self.blocks.iter().map(|block| block.end - block.start).sum();
        let ask = left < LOW && !self.asked;
        self.asked |= ask;
        ask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_are_asked_for_once_until_they_come() {
        let mut epochs = Epochs::new(1..101);
        assert!(!epochs.ask(), "100 are left");
        assert_eq!(epochs.take(), Some(Epoch::new(1)));
        assert!(epochs.ask());
        assert!(!epochs.ask());
        epochs.add(500..600);
        assert!(!epochs.ask());
        for number in 2..=100 {
            assert_eq!(epochs.take(), Some(Epoch::new(number)));
        }
        assert_eq!(epochs.take(), Some(Epoch::new(500)));
        assert!(epochs.ask());
    }

    #[test]
    fn a_number_is_never_given_twice() {
        let mut epochs = Epochs::new(5..7);
        epochs.add(6..8);
        let given: Vec<u64> = std::iter::from_fn(|| epochs.take()).map(Epoch::get).collect();
        assert_eq!(given, [5, 6, 7]);
        epochs.add(1..8);
        assert_eq!(epochs.take(), None);
        assert!(epochs.may_be_given(Epoch::new(7)));
        assert!(!epochs.may_be_given(Epoch::new(8)));
    }
}
