//! What the root promises of the most liked comments.

use watershed_protocol::{CommentId, Shown};

use crate::machine::rig::*;

fn top(shown: &[Shown]) -> Vec<(CommentId, u64)> {
    shown.iter().map(|shown| (shown.comment.id, shown.likes)).collect()
}

#[test]
fn the_most_liked_of_all_owners_are_shown_the_most_liked_first() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    let told = frame(&rig.report(p1, report(1).span(2, 0, 1).top(&[(2, 1, 5), (2, 2, 3)])), node);
    assert_eq!(top(&told.top.unwrap()), [(id(2, 1), 5), (id(2, 2), 3)]);
    assert_eq!(told.comments, [], "they may be old ones, which nobody is shown again");
    assert!(
        frame(&rig.report(p2, report(1).span(0, 0, 1).top(&[(0, 1, 4)])), node).top.is_none(),
        "not more than once a second"
    );
    let told = frame(&rig.pass(1_000), node);
    assert_eq!(top(&told.top.unwrap()), [(id(2, 1), 5), (id(0, 1), 4), (id(2, 2), 3)]);
    let snapshot = rig.root.snapshot(&stream()).unwrap();
    assert_eq!(top(&snapshot.top), [(id(2, 1), 5), (id(0, 1), 4), (id(2, 2), 3)]);
}

#[test]
fn likes_that_change_no_order_are_told_as_likes() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 1).top(&[(2, 1, 5), (2, 2, 3)]));
    rig.pass(2_000);
    let told = frame(&rig.report(p1, report(1).tally(tally(id(2, 2), 9, 4))), node);
    assert_eq!((told.top, told.likes), (None, vec![(id(2, 2), 4)]));
    let told = frame(&rig.report(p1, report(1).tally(tally(id(2, 2), 10, 6))), node);
    assert_eq!(top(&told.top.unwrap()), [(id(2, 2), 6), (id(2, 1), 5)], "now they do");
    assert_eq!(top(&rig.root.snapshot(&stream()).unwrap().top), [(id(2, 2), 6), (id(2, 1), 5)]);
    assert_eq!(rig.pass(5_000), [], "and then all is told");
}

#[test]
fn a_deleted_comment_makes_room_among_the_most_liked() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let all: Vec<_> = (1..=5).map(|n| (2, n, 10 + u64::from(n))).collect();
    rig.report(p1, report(1).span(2, 0, 9).top(&all));
    rig.pass(2_000);
    let next: Vec<_> = (0..=4).map(|n| (2, n, 10 + u64::from(n))).collect();
    let told = frame(&rig.report(p1, report(1).span(2, 9, 10).delete(id(2, 5)).top(&next)), node);
    assert_eq!(told.top.unwrap().len(), 5);
    rig.report(p1, report(1).span(2, 10, 11).delete(id(2, 4)));
    assert_eq!(rig.root.snapshot(&stream()).unwrap().top.len(), 4);
}

#[test]
fn a_new_epoch_begins_with_the_most_liked() {
    let mut rig = Rig::new(config());
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    rig.report(p1, report(1).resync().span(2, 0, 1).top(&[(2, 1, 5)]));
    rig.report(p2, report(1).resync().span(0, 0, 1).top(&[(0, 1, 7)]));
    let first = snapshot(&rig.report(p3, report(1).resync()), node);
    assert_eq!(top(&first.top), [(id(0, 1), 7), (id(2, 1), 5)]);
}

#[test]
fn a_report_that_repeats_an_older_one_brings_no_deleted_comment_back() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let first = report(1).span(2, 0, 1).top(&[(2, 1, 5)]);
    rig.report(p1, first.clone());
    rig.report(p1, report(1).span(2, 1, 2).delete(id(2, 1)).top(&[]));
    rig.pass(5_000);
    assert_eq!(sent(&rig.report(p1, first), node), []);
    rig.pass(5_000);
    assert_eq!(rig.root.snapshot(&stream()).unwrap().top, []);
}
