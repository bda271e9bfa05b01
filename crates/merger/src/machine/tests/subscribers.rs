//! What the root promises to broadcast nodes: frames since what they have, or a snapshot; and when it lets a stream go.

use watershed_protocol::peer::report::From;

use crate::machine::{rig::*, *};

/// Seals frames 1 to n, one comment each.
fn frames(rig: &mut Rig, p1: PeerId, n: u8) -> Vec<Output> {
    let mut outbox = Vec::new();
    for n in 0..n {
        let from = u64::from(n);
        outbox.extend(rig.report(p1, report(1).span(2, from, from + 1).comment(id(2, n), from)));
        outbox.extend(rig.pass(100));
    }
    outbox
}

#[test]
fn a_subscriber_gets_the_frames_since_what_it_has() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let all = sent(&frames(&mut rig, p1, 4), node);
    let other = rig.node_up("b2");
    let outbox = rig.subscribe(other, Some((1, 1)), 0);
    assert_eq!(sent(&outbox, other), all[1..]);
    let third = rig.node_up("b3");
    assert_eq!(rig.subscribe(third, Some((1, 4)), 0), [], "it has all");
}

#[test]
fn a_subscriber_that_the_log_cannot_serve_gets_a_snapshot() {
    let (mut rig, [p1, ..], _) = Rig::open(Config { log_frames_max: 2, ..config() });
    frames(&mut rig, p1, 4);
    let root = rig.root.snapshot(&stream()).unwrap();
    for (n, have) in [None, Some((1, 1)), Some((1, 5)), Some((0, 4)), Some((2, 1))].into_iter().enumerate() {
        let node = rig.node_up(&format!("c{n}"));
        let outbox = rig.subscribe(node, have, 0);
        assert_eq!(snapshot(&outbox, node), root, "{have:?}");
    }
}

#[test]
fn a_new_subscriber_continues_with_the_next_frame() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1));
    rig.report(p1, report(1).span(2, 1, 2).comment(id(2, 2), 2));
    let other = rig.node_up("b2");
    let first = snapshot(&rig.subscribe(other, None, 0), other);
    assert_eq!(ids(&first.comments), [id(2, 1)], "as of the last frame");
    let outbox = rig.pass(100);
    assert_eq!(frame(&outbox, other).from, first.seq);
    assert!(matches!(&outbox[..], [Output::ToNodes { peers, .. }] if *peers == [node, other]), "one message for all");
}

#[test]
fn a_point_that_does_not_exist_is_called_unknown() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    frames(&mut rig, p1, 2);
    let mut ask = |epoch, seq| {
        let (epoch, seq) = (Epoch::new(epoch), Seq::new(seq));
        sent(&rig.node(node, ToFeed::Ask { stream: stream(), epoch, seq }), node)
    };
    assert_eq!(ask(1, 2), []);
    assert_eq!(ask(1, 3), [Sent::Unknown(1, 3)]);
    assert_eq!(ask(0, 99), []);
    assert_eq!(ask(2, 0), [Sent::Unknown(2, 0)]);
}

#[test]
fn a_full_node_gets_nothing_until_there_is_room_and_then_what_it_missed() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { log_frames_max: 3, ..config() });
    rig.step(Input::Full(node));
    let outbox = frames(&mut rig, p1, 3);
    assert_eq!(sent(&outbox, node), []);
    let (epoch, seq) = (Epoch::new(9), Seq::new(1));
    assert_eq!(rig.node(node, ToFeed::Ask { stream: stream(), epoch, seq }), []);
    let missed = sent(&rig.step(Input::Room(node)), node);
    assert!(matches!(missed[..], [Sent::Frame(_), Sent::Frame(_), Sent::Frame(_), Sent::Unknown(9, 1)]), "{missed:?}");
    rig.step(Input::Full(node));
    for n in 3..7 {
        let from = u64::from(n);
        rig.report(p1, report(1).span(2, from, from + 1).comment(id(2, n), from));
    }
    rig.pass(1_000);
    assert_eq!(snapshot(&rig.step(Input::Room(node)), node), rig.root.snapshot(&stream()).unwrap());
    assert_eq!(rig.step(Input::Room(node)), []);
}

#[test]
fn a_full_processor_is_told_when_there_is_room() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let node = rig.node_up("b1");
    rig.step(Input::Full(p1));
    assert_eq!(rig.subscribe(node, None, 0), []);
    assert_eq!(told(&rig.step(Input::Room(p1))), [(p1, Some(1), From::Nothing)]);
    rig.step(Input::Full(p1));
    rig.step(Input::Lost(node));
    assert_eq!(rig.pass(30_000), []);
    assert_eq!(told(&rig.step(Input::Room(p1))), [(p1, None, From::Nothing)], "closed in the meantime");
}

#[test]
fn viewers_are_the_sum_over_subscribed_nodes() {
    let (mut rig, _, node) = Rig::open(config());
    let other = rig.node_up("b2");
    rig.subscribe(other, None, 7);
    rig.node(node, ToFeed::Viewers(vec![(stream(), u64::MAX)]));
    let viewers = |rig: &Rig| rig.root.figures().next().unwrap().viewers;
    assert_eq!(viewers(&rig), u64::MAX, "a sum too large is cut");
    rig.node(node, ToFeed::Unsubscribe { stream: stream() });
    assert_eq!(viewers(&rig), 7);
    let again = rig.node_up("b2");
    assert_eq!(viewers(&rig), 0, "a node that comes back is not counted twice");
    rig.subscribe(again, None, 8);
    assert_eq!(viewers(&rig), 8);
    rig.step(Input::Lost(other));
    assert_eq!(viewers(&rig), 8);
    rig.step(Input::Lost(again));
    assert_eq!(viewers(&rig), 0);
}

#[test]
fn a_stream_without_subscribers_is_closed_after_a_while_and_opens_under_a_fresh_epoch() {
    let (mut rig, processors, node) = Rig::open(config());
    rig.node(node, ToFeed::Unsubscribe { stream: stream() });
    assert_eq!(told(&rig.pass(29_999)), []);
    assert_eq!(told(&rig.pass(1)), processors.map(|peer| (peer, None, From::Nothing)));
    assert_eq!(rig.root.counters().streams_open, 0);
    assert_eq!(rig.root.deadline(), None);
    assert_eq!(rig.report(processors[0], report(1).span(2, 0, 1)), []);
    let outbox = rig.subscribe(node, Some((1, 0)), 0);
    assert_eq!(told(&outbox), processors.map(|peer| (peer, Some(2), From::Nothing)));
}

#[test]
fn a_subscriber_that_comes_back_in_time_keeps_the_stream_open() {
    let (mut rig, _, node) = Rig::open(config());
    rig.step(Input::Lost(node));
    rig.pass(29_999);
    let node = rig.node_up("b1");
    assert_eq!(rig.subscribe(node, Some((1, 0)), 0), []);
    assert_eq!(told(&rig.pass(60_000)), []);
}

#[test]
fn streams_beyond_the_limit_are_not_taken() {
    let (mut rig, _, node) = Rig::open(Config { streams_max: 1, ..config() });
    let other = "other".parse().unwrap();
    assert_eq!(rig.node(node, ToFeed::Subscribe { stream: other, have: None, viewers: 0 }), []);
    assert_eq!((rig.root.counters().streams_refused, rig.root.counters().streams_open), (1, 1));
}

#[test]
fn a_subscription_that_itself_makes_a_frame_is_first_brought_up_to_it() {
    let (mut rig, [p1, ..], _) = Rig::open(config());
    frames(&mut rig, p1, 3);
    rig.pass(2_000);
    let other = rig.node_up("b2");
    let outbox = rig.subscribe(other, Some((1, 1)), 100);
    let seqs: Vec<u64> = sent(&outbox, other)
        .into_iter()
        .map(|sent| match sent {
            Sent::Frame(frame) => frame.seq.get(),
            other => panic!("not a frame: {other:?}"),
        })
        .collect();
    assert_eq!(seqs, [2, 3, 4], "the last one tells its viewers");
}
