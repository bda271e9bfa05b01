//! What the root promises of frames: when they go out, and what is in them when there is too much.

use watershed_protocol::{CommentId, Delta};

use crate::machine::{rig::*, *};

#[test]
fn a_busy_stream_sends_its_burst_and_then_its_rate() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let mut frames = Vec::new();
    for n in 0..8 {
        let from = u64::from(n);
        frames.extend(sent(&rig.report(p1, report(1).span(2, from, from + 1).comment(id(2, n), from)), node));
    }
    assert_eq!(frames.len(), 5);
    assert_eq!(rig.root.deadline(), Some(rig.now.plus(100)));
    let merged = frame(&rig.pass(100), node);
    assert_eq!((ids(&merged.comments), merged.seq), (vec![id(2, 5), id(2, 6), id(2, 7)], Seq::new(6)));
    assert_eq!(rig.root.deadline(), None, "a quiet stream wants no tick");
}

#[test]
fn comments_beyond_a_frame_are_sampled_and_counted() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { comments_per_frame: 3, ..config() });
    let told = [4, 9, 1, 8, 2].into_iter().enumerate();
    let told = told.fold(report(1).span(2, 0, 5), |all, (time, n)| all.comment(id(2, n), time as u64));
    let told = told.tally(tally(id(2, 9), 5, 7));
    let frame = frame(&rig.report(p1, told), node);
    assert_eq!(ids(&frame.comments), [id(2, 4), id(2, 1), id(2, 2)], "the smallest ids, in the root's order");
    assert_eq!((frame.shown, frame.total), (3, 5));
    assert_eq!(frame.likes, [(id(2, 9), 7)], "counts flow for those left out too");
    assert_eq!(rig.root.counters().comments_unshown, 2);
}

#[test]
fn counts_beyond_a_frame_wait_for_the_next() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    let wide = |n: u16| {
        let mut bytes = *id(2, 0).as_bytes();
        bytes[14..].copy_from_slice(&n.to_be_bytes());
        CommentId::from_bytes(bytes)
    };
    let told = (0..1_500).fold(report(1).span(2, 0, 1), |all, n| all.tally(tally(wide(n), 1, 1)));
    assert_eq!(frame(&rig.report(p1, told), node).likes.len(), 1_000);
    assert_eq!(frame(&rig.pass(100), node).likes.len(), 500);
}

#[test]
fn a_pin_brings_the_count_of_its_comment_though_more_wait_than_fit() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    let pinned = id(2, 1);
    let first = frame(&rig.report(p1, report(1).span(2, 0, 2).comment(pinned, 1).tally(tally(pinned, 2, 3))), node);
    rig.pass(1_000);
    let wide = |n: u16| {
        let mut bytes = *id(2, 0).as_bytes();
        bytes[14..].copy_from_slice(&n.to_be_bytes());
        CommentId::from_bytes(bytes)
    };
    let told = (0..1_000).fold(report(1).span(2, 2, 3), |all, n| all.tally(tally(wide(n), 3, 1)));
    let second = frame(&rig.report(p1, told.tally(tally(pinned, 3, 7)).pin(5, Some(pinned))), node);
    assert_eq!(second.likes.last(), Some(&(pinned, 7)));
    let merged = Delta::merged([&first, &second]).unwrap();
    let count = merged.likes.iter().find(|(id, _)| *id == pinned).map(|(_, count)| *count);
    assert_eq!((count, merged.pinned.unwrap().comment().map(|shown| shown.likes)), (Some(7), Some(7)));
    assert_eq!(rig.pass(1_000), [], "it is told once");
}

#[test]
fn when_too_much_waits_a_snapshot_takes_the_place_of_the_frames() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, waiting_max: 4, ..config() });
    rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1));
    let told = (0..5).fold(report(1).span(2, 1, 2), |all, n| all.delete(id(2, 50 + n)));
    let outbox = rig.report(p1, told.comment(id(2, 2), 2));
    let snapshot = snapshot(&outbox, node);
    assert_eq!((snapshot.epoch, snapshot.seq), (Epoch::new(1), Seq::new(2)));
    assert_eq!(ids(&snapshot.comments), [id(2, 1), id(2, 2)]);
    assert_eq!(rig.pass(1_000), [], "nothing waits any more");
    let frame = frame(&rig.report(p1, report(1).span(2, 2, 3).comment(id(2, 3), 3)), node);
    assert_eq!(frame.from, Seq::new(2));
}

#[test]
fn a_comment_deleted_before_its_frame_is_counted_but_not_shown() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1));
    rig.report(p1, report(1).span(2, 1, 2).comment(id(2, 2), 2));
    rig.report(p1, report(1).span(2, 2, 3).delete(id(2, 2)));
    let frame = frame(&rig.pass(100), node);
    assert_eq!((frame.comments.len(), frame.shown, frame.total), (0, 1, 1));
    assert_eq!(frame.deleted, [id(2, 2)]);
}

#[test]
fn viewers_alone_make_a_frame_every_two_seconds_and_only_for_one_percent() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let viewers = |n| ToFeed::Viewers(vec![(stream(), n)]);
    assert_eq!(rig.node(node, viewers(1_000)), []);
    assert_eq!(rig.pass(1_999), []);
    let told = frame(&rig.pass(1), node);
    assert_eq!((told.viewers, told.total), (Some(1_000), 0));
    assert_eq!(rig.node(node, viewers(1_009)), []);
    assert_eq!(rig.pass(60_000), [], "less than one percent");
    assert_eq!(frame(&rig.node(node, viewers(1_010)), node).viewers, Some(1_010));
    rig.node(node, viewers(1_011));
    let riding = frame(&rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1)), node);
    assert_eq!(riding.viewers, Some(1_011), "it rides on any frame");
}

#[test]
fn reactions_alone_spend_no_token() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    rig.pass(2_000);
    let told = frame(&rig.report(p1, report(1).taps(1, 5)), node);
    assert_eq!(told.reactions.unwrap().values().sum::<u64>(), 5);
    assert_eq!(rig.report(p1, report(1).taps(2, 9)), []);
    let riding = frame(&rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1)), node);
    assert_eq!(riding.reactions.unwrap().values().sum::<u64>(), 9, "the token was still there");
    assert_eq!(rig.report(p1, report(1).taps(1, 5)), [], "an older register");
}
