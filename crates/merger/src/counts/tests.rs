//! What counts promise: later replaces, spread counts are whole or not shown, and nothing that waits is forgotten.

use watershed_protocol::{Epoch, Position};

use super::*;

fn id(n: u8) -> CommentId {
    CommentId::from_bytes([n; 16])
}

fn row(n: u8, part: Part, version: u64, count: u64) -> TallyRow {
    TallyRow { id: id(n), part, tally: Tally { epoch: Epoch::new(1), version: Position::new(version), count } }
}

fn whole(n: u8, version: u64, count: u64) -> TallyRow {
    row(n, Part::WHOLE, version, count)
}

fn part(index: u16, of: u16, generation: u32) -> Part {
    Part::new(index, Spread::new(of, generation).unwrap()).unwrap()
}

#[test]
fn a_repeated_or_older_tally_changes_nothing() {
    let mut counts = Counts::new(10);
    assert!(counts.merge(&whole(1, 5, 7)));
    assert!(!counts.merge(&whole(1, 5, 7)));
    assert!(!counts.merge(&whole(1, 4, 6)));
    assert_eq!(counts.take(10), [(id(1), 7)]);
    assert_eq!(counts.take(10), []);
    assert!(!counts.merge(&whole(1, 4, 6)));
    assert_eq!(counts.take(10), []);
}

#[test]
fn a_spread_count_is_shown_only_with_all_parts_of_one_generation() {
    let mut counts = Counts::new(10);
    counts.merge(&whole(1, 5, 7));
    counts.merge(&row(1, part(0, 2, 1), 6, 4));
    assert_eq!(counts.count(id(1)), Some(7), "the old generation is shown until the new one is complete");
    counts.merge(&row(1, part(1, 2, 1), 3, 5));
    assert_eq!(counts.count(id(1)), Some(9));
    counts.merge(&whole(1, 9, 100));
    assert_eq!(counts.count(id(1)), Some(9), "an older generation is over");
    counts.merge(&row(1, part(1, 2, 1), 4, 6));
    assert_eq!(counts.count(id(1)), Some(10));
}

#[test]
fn a_newer_generation_replaces_one_that_never_was_complete() {
    let mut counts = Counts::new(10);
    counts.merge(&row(1, part(0, 3, 1), 1, 50));
    counts.merge(&row(1, part(1, 2, 2), 1, 2));
    counts.merge(&row(1, part(1, 3, 1), 1, 50));
    assert_eq!(counts.count(id(1)), None);
    counts.merge(&row(1, part(0, 2, 2), 1, 1));
    assert_eq!(counts.count(id(1)), Some(3));
}

#[test]
fn parts_that_are_missing_are_asked_for_until_they_come() {
    let mut counts = Counts::new(10);
    counts.merge(&whole(2, 1, 1));
    assert!(!counts.is_lacking());
    counts.merge(&row(1, part(0, 2, 1), 1, 1));
    assert!(counts.lacks(id(1)) && !counts.lacks(id(2)));
    assert_eq!(counts.ask(10), [(id(1), Spread::new(2, 1).unwrap())]);
    counts.merge(&row(1, part(1, 2, 1), 1, 1));
    assert!(!counts.is_lacking());
    counts.merge(&row(3, part(1, 2, 1), 1, 1));
    assert!((0..100).all(|_| counts.ask(10) == [(id(3), Spread::new(2, 1).unwrap())]), "an owner may be away for long");
    counts.merge(&row(3, part(1, 2, 1), 2, 2));
    counts.remove(id(3));
    assert!(!counts.is_lacking(), "what is gone is not asked for");
}

#[test]
fn counts_beyond_a_frame_wait_in_the_order_of_their_change() {
    let mut counts = Counts::new(10);
    for n in [3, 1, 2] {
        counts.merge(&whole(n, 1, 1));
    }
    counts.merge(&whole(3, 2, 9));
    assert_eq!(counts.take(2), [(id(3), 9), (id(1), 1)]);
    assert_eq!(counts.take(2), [(id(2), 1)]);
}

#[test]
fn the_longest_unchanged_are_forgotten_but_never_one_that_waits() {
    let mut counts = Counts::new(1);
    counts.merge(&whole(1, 1, 1));
    counts.merge(&whole(2, 1, 1));
    counts.merge(&whole(3, 1, 1));
    assert_eq!(counts.count(id(1)), Some(1));
    assert_eq!(counts.take(2).len(), 2);
    assert_eq!([1, 2, 3].map(|n| counts.count(id(n))), [None, Some(1), Some(1)]);
}

#[test]
fn what_was_told_otherwise_does_not_wait() {
    let mut counts = Counts::new(10);
    counts.merge(&whole(1, 1, 1));
    counts.merge(&whole(2, 1, 1));
    counts.told(id(2));
    assert_eq!(counts.take(10), [(id(1), 1)]);
    counts.merge(&whole(1, 2, 2));
    counts.remove(id(1));
    assert_eq!(counts.take(10), []);
}
