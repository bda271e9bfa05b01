//! The promise of the carousel: in a turn, nobody is passed over, whoever comes and goes.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// A round beside a plain model of it: who is a member at which place, and who has still to be named.
#[derive(Default)]
struct Checked {
    round: Round,
    places: BTreeMap<u32, u32>,
    owed: BTreeSet<u32>,
    next: u32,
}

impl Checked {
    fn with(members: u32) -> Self {
        let mut checked = Self::default();
        (0..members).for_each(|_| checked.join());
        checked
    }

    fn join(&mut self) {
        let place = self.round.join(self.next);
        self.places.insert(self.next, place);
        self.next += 1;
        self.check();
    }

    fn leave(&mut self, viewer: u32) {
        let place = self.places.remove(&viewer).unwrap();
        self.owed.remove(&viewer);
        let mut moves = 0;
        self.round.leave(place, |viewer, place| {
            moves += 1;
            self.places.insert(viewer, place);
        });
        assert!(moves <= 3, "{moves} members moved for one");
        self.check();
    }

    fn call(&mut self) {
        self.round.call();
        self.owed = self.places.keys().copied().collect();
    }

    fn advance(&mut self) -> Option<u32> {
        let named = self.round.advance();
        match named {
            Some(viewer) => {
                assert!(self.places.contains_key(&viewer), "{viewer} has left and was named");
                self.owed.remove(&viewer);
            }
            None => assert!(self.owed.is_empty(), "the turn passed over {:?}", self.owed),
        }
        self.check();
        named
    }

    fn check(&self) {
        assert_eq!(self.round.len(), self.places.len());
        for (viewer, place) in &self.places {
            assert_eq!(self.round.members()[*place as usize], *viewer);
        }
        assert!(self.round.waiting() >= self.owed.len());
    }
}

#[test]
fn a_turn_names_each_member_once() {
    let mut checked = Checked::with(5);
    checked.call();
    let named: Vec<u32> = std::iter::from_fn(|| checked.advance()).collect();
    assert_eq!(named, [0, 1, 2, 3, 4]);
}

#[test]
fn a_call_in_mid_turn_goes_on_from_where_the_turn_is() {
    let mut checked = Checked::with(4);
    checked.call();
    assert_eq!([checked.advance(), checked.advance()], [Some(0), Some(1)]);
    checked.call();
    let named: Vec<u32> = std::iter::from_fn(|| checked.advance()).collect();
    assert_eq!(named, [2, 3, 0, 1]);
}

#[test]
fn whoever_leaves_in_mid_turn_nobody_is_passed_over() {
    for members in 1..=6_u32 {
        for named_before in 0..=2 * members {
            for calls_again_at in 0..=named_before {
                for leaver in 0..members {
                    for second in 0..members {
                        let mut checked = Checked::with(members);
                        checked.call();
                        for step in 0..named_before {
                            if step == calls_again_at {
                                checked.call();
                            }
                            checked.advance();
                        }
                        checked.leave(leaver);
                        if second != leaver {
                            checked.leave(second);
                        }
                        checked.join();
                        while checked.advance().is_some() {}
                    }
                }
            }
        }
    }
}

#[test]
fn a_newcomer_in_a_wrapped_turn_takes_nobodys_place() {
    let mut checked = Checked::with(3);
    checked.call();
    checked.advance();
    checked.advance();
    checked.call();
    checked.join();
    while checked.advance().is_some() {}
    assert!(checked.owed.is_empty());
}

#[test]
fn the_last_member_may_leave_and_another_come() {
    let mut checked = Checked::with(1);
    checked.call();
    checked.leave(0);
    assert_eq!(checked.advance(), None);
    checked.join();
    checked.call();
    assert_eq!(checked.advance(), Some(1));
}
