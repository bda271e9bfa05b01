//! The root's delivery order, as far as it can be told from what viewers got: one epoch's comments and their places.
//!
//! Fed once per distinct list (a delta's comments, a snapshot's). A delta of (from, seq] says that its comments came
//! at a seq of that range, a snapshot at s that they came by s; a list says the order of its members. Each is a fact, so
//! two that contradict are a fault, and no sampling can make a false alarm.
//! Invariant: at most [`PLACES_MAX`] comments are remembered, the oldest are forgotten first.

use std::collections::{BTreeMap, VecDeque};

use watershed_protocol::CommentId;

/// Comments of one epoch whose place is remembered: a minute of a very fast stream.
const PLACES_MAX: usize = 8_192;

/// Where a comment stands: by the tightest list that had it.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// It came at this seq or later.
    low: u64,
    /// It came at this seq or earlier.
    high: u64,
    /// The list that said so, and the comment's index in it.
    list: u64,
    index: usize,
}

/// One epoch's order.
#[derive(Debug, Default)]
pub(crate) struct Order {
    places: BTreeMap<CommentId, Place>,
    arrived: VecDeque<CommentId>,
    lists: u64,
}

/// Two lists that contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disorder {
    /// The second is listed after the first, and came before it elsewhere.
    Inverted { first: CommentId, second: CommentId },
    /// The comment came by `by`, and again after it.
    Twice { id: CommentId, by: u64, after: u64 },
}

impl Order {
    /// Takes a list whose members came at `low` to `high`.
    pub(crate) fn arrange(
        &mut self,
        ids: impl Iterator<Item = CommentId>,
        low: u64,
        high: u64,
        mut found: impl FnMut(Disorder),
    ) {
        self.lists += 1;
        let list = self.lists;
        let mut latest: Option<(u64, CommentId)> = None;
        let mut passed: BTreeMap<u64, (usize, CommentId)> = BTreeMap::new();
        for (index, id) in ids.enumerate() {
            let Some(place) = self.places.get_mut(&id) else {
                self.places.insert(id, Place { low, high, list, index });
                self.arrived.push_back(id);
                continue;
            };
            if low > place.high || high < place.low {
                found(Disorder::Twice { id, by: place.high.min(high), after: place.low.max(low) - 1 });
                continue;
            }
            if let Some((_, first)) = latest.filter(|(low, _)| *low > place.high) {
                found(Disorder::Inverted { first, second: id });
            }
            if latest.is_none_or(|(low, _)| place.low > low) {
                latest = Some((place.low, id));
            }
            match passed.insert(place.list, (place.index, id)) {
                Some((last, first)) if last > place.index => found(Disorder::Inverted { first, second: id }),
                _ => {}
            }
            if high - low < place.high - place.low {
                *place = Place { low: low.max(place.low), high: high.min(place.high), list, index };
            }
        }
        while self.arrived.len() > PLACES_MAX {
            let oldest = self.arrived.pop_front();
            oldest.map(|oldest| self.places.remove(&oldest));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> CommentId {
        CommentId::from_bytes([number; 16])
    }

    fn lists(lists: &[(&[u8], u64, u64)]) -> Vec<Disorder> {
        let (mut order, mut found) = (Order::default(), Vec::new());
        for (ids, low, high) in lists {
            order.arrange(ids.iter().map(|n| id(*n)), *low, *high, |disorder| found.push(disorder));
        }
        found
    }

    #[test]
    fn frames_merged_ranges_and_snapshots_of_one_order_agree() {
        let frames: &[(&[u8], u64, u64)] =
            &[(&[1, 2], 1, 1), (&[3], 2, 2), (&[1, 2, 3], 0, 2), (&[2, 3, 4], 0, 3), (&[3, 4], 2, 3), (&[1, 4], 1, 3)];
        assert_eq!(lists(frames), []);
    }

    #[test]
    fn an_inversion_within_one_frame_is_found() {
        let expected = Disorder::Inverted { first: id(2), second: id(1) };
        assert_eq!(lists(&[(&[1, 2], 1, 1), (&[2, 1], 0, 1)]), [expected]);
    }

    #[test]
    fn an_inversion_across_frames_is_found_in_a_snapshot_with_strangers_between() {
        let expected = Disorder::Inverted { first: id(2), second: id(1) };
        assert_eq!(lists(&[(&[1], 1, 1), (&[2], 2, 2), (&[2, 9, 1], 0, 2)]), [expected]);
    }

    #[test]
    fn a_comment_in_two_frames_is_delivered_twice() {
        let expected = Disorder::Twice { id: id(1), by: 1, after: 3 };
        assert_eq!(lists(&[(&[1], 1, 1), (&[1], 4, 4)]), [expected]);
    }

    #[test]
    fn samples_that_do_not_overlap_prove_nothing() {
        assert_eq!(lists(&[(&[1, 3], 1, 4), (&[1, 2], 1, 4), (&[3, 2], 1, 4)]), []);
    }

    #[test]
    fn the_oldest_places_are_forgotten() {
        let mut order = Order::default();
        for n in 0..PLACES_MAX as u128 + 10 {
            let id = CommentId::from_bytes(n.to_be_bytes());
            order.arrange([id].into_iter(), n as u64 + 1, n as u64 + 1, |_| panic!("all in order"));
        }
        assert_eq!(order.places.len(), PLACES_MAX);
    }
}
