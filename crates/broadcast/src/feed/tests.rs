//! Each rule of the subscriptions.

use watershed_protocol::{Pinned, Reactions};

use super::*;

const ROOT: PeerId = PeerId::new(1);
const NEXT_ROOT: PeerId = PeerId::new(2);
const START: Millis = Millis::new(1_000_000);

/// A feed and what it said last.
struct Node {
    feed: Feed,
    now: Millis,
}

impl Node {
    /// Connected, and with these streams.
    fn with(streams: &[&str]) -> Self {
        let mut node = Self { feed: Feed::new(Config::default()), now: START };
        node.step(Input::Up { peer: ROOT });
        streams.iter().for_each(|stream| drop(node.step(Input::Want { stream: id(stream) })));
        node
    }

    fn step(&mut self, input: Input) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.feed.step(self.now, input, &mut outbox);
        outbox
    }

    fn hear(&mut self, message: FromFeed) -> Vec<Output> {
        self.step(Input::Message { peer: ROOT, message })
    }

    fn after(&mut self, ms: u64, input: Input) -> Vec<Output> {
        self.now = self.now.plus(ms);
        self.step(input)
    }
}

fn id(stream: &str) -> StreamId {
    stream.parse().unwrap()
}

fn snapshot(stream: &str, epoch: u64, seq: u64) -> FromFeed {
    let snapshot = Snapshot {
        epoch: Epoch::new(epoch),
        seq: Seq::new(seq),
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: Vec::new(),
    };
    FromFeed::Snapshot { stream: id(stream), snapshot }
}

fn frame(stream: &str, epoch: u64, from: u64) -> FromFeed {
    FromFeed::Frame { stream: id(stream), delta: Delta::empty(Epoch::new(epoch), Seq::new(from), Seq::new(from + 1)) }
}

fn subscribe(peer: PeerId, stream: &str, have: Option<(u64, u64)>, viewers: u64) -> Output {
    let have = have.map(|(epoch, seq)| (Epoch::new(epoch), Seq::new(seq)));
    Output::Send { peer, message: ToFeed::Subscribe { stream: id(stream), have, viewers } }
}

/// (epoch, seq) of all that is published.
fn published(outbox: &[Output]) -> Vec<(u64, u64)> {
    let point = |output: &Output| match output {
        Output::Publish { update: Update::Frame(delta), .. } => Some((delta.epoch.get(), delta.seq.get())),
        Output::Publish { update: Update::Snapshot(view), .. } => Some((view.epoch.get(), view.seq.get())),
        _ => None,
    };
    outbox.iter().filter_map(point).collect()
}

#[test]
fn a_wanted_stream_is_subscribed_once() {
    let mut node = Node::with(&[]);
    assert_eq!(node.step(Input::Want { stream: id("a") }), [subscribe(ROOT, "a", None, 0)]);
    assert_eq!(node.step(Input::Want { stream: id("a") }), []);
}

#[test]
fn a_new_root_is_told_what_the_node_has() {
    let mut node = Node::with(&["a", "b"]);
    node.hear(snapshot("a", 3, 10));
    node.hear(frame("a", 3, 10));
    node.step(Input::Viewers { stream: id("a"), viewers: 7 });
    assert_eq!(node.step(Input::Lost(ROOT)), []);
    let said = node.step(Input::Up { peer: NEXT_ROOT });
    assert_eq!(said, [subscribe(NEXT_ROOT, "a", Some((3, 11)), 7), subscribe(NEXT_ROOT, "b", None, 0)]);
}

#[test]
fn a_new_root_is_asked_first_for_what_most_viewers_watch() {
    let mut node = Node::with(&["a", "b", "c"]);
    for (stream, viewers) in [("a", 1), ("b", 9)] {
        node.step(Input::Viewers { stream: id(stream), viewers });
    }
    node.step(Input::Lost(ROOT));
    node.step(Input::Viewers { stream: id("c"), viewers: 5 });
    node.step(Input::Viewers { stream: id("a"), viewers: 2 });
    let said = node.step(Input::Up { peer: NEXT_ROOT });
    let expected = [("b", 9), ("c", 5), ("a", 2)].map(|(stream, viewers)| subscribe(NEXT_ROOT, stream, None, viewers));
    assert_eq!(said, expected);
}

#[test]
fn frames_are_published_in_order_after_a_snapshot() {
    let mut node = Node::with(&["a"]);
    assert_eq!(published(&node.hear(frame("a", 3, 0))), [], "there is nothing that it continues");
    assert_eq!(published(&node.hear(snapshot("a", 3, 10))), [(3, 10)]);
    assert_eq!(published(&node.hear(frame("a", 3, 10))), [(3, 11)]);
    assert_eq!(published(&node.hear(frame("a", 3, 11))), [(3, 12)]);
    assert_eq!(published(&node.hear(frame("a", 3, 11))), [], "it came twice");
    assert_eq!(published(&node.hear(snapshot("a", 3, 11))), [], "it is older than the view");
    assert_eq!(published(&node.hear(snapshot("a", 4, 0))), [(4, 0)]);
    assert_eq!(published(&node.hear(frame("a", 3, 12))), [], "its epoch is over");
    assert_eq!(node.feed.counters().gaps, 0);
}

#[test]
fn a_gap_is_subscribed_over_once() {
    let mut node = Node::with(&["a"]);
    node.hear(snapshot("a", 3, 10));
    assert_eq!(node.hear(frame("a", 3, 12)), [subscribe(ROOT, "a", Some((3, 10)), 0)]);
    assert_eq!(node.hear(frame("a", 3, 13)), [], "the answer is on its way");
    assert_eq!(published(&node.hear(frame("a", 3, 10))), [(3, 11)]);
    assert_eq!(node.feed.counters().gaps, 1);
    assert_eq!(node.hear(frame("a", 3, 12)), [subscribe(ROOT, "a", Some((3, 11)), 0)], "another gap, another time");
}

#[test]
fn a_gap_that_stays_is_subscribed_over_again_after_five_seconds() {
    let mut node = Node::with(&["a"]);
    node.hear(snapshot("a", 3, 10));
    node.hear(frame("a", 3, 12));
    node.now = node.now.plus(RESUBSCRIBE_MS - 1);
    assert_eq!(node.hear(frame("a", 3, 13)), []);
    node.now = node.now.plus(1);
    assert_eq!(node.hear(frame("a", 3, 14)), [subscribe(ROOT, "a", Some((3, 10)), 0)]);
}

#[test]
fn what_another_link_says_is_dropped() {
    let mut node = Node::with(&["a"]);
    let message = snapshot("a", 3, 10);
    assert_eq!(node.step(Input::Message { peer: NEXT_ROOT, message: message.clone() }), []);
    node.step(Input::Up { peer: NEXT_ROOT });
    assert_eq!(node.hear(message.clone()), []);
    node.step(Input::Lost(ROOT));
    assert_eq!(published(&node.step(Input::Message { peer: NEXT_ROOT, message })), [(3, 10)]);
}

#[test]
fn viewers_are_told_twice_a_second_for_all_streams_at_once() {
    let mut node = Node::with(&["a", "b"]);
    let told = |rows: &[(&str, u64)]| {
        let rows = rows.iter().map(|(stream, viewers)| (id(stream), *viewers)).collect();
        vec![Output::Send { peer: ROOT, message: ToFeed::Viewers(rows) }]
    };
    assert_eq!(node.step(Input::Viewers { stream: id("a"), viewers: 1 }), told(&[("a", 1)]), "the first at once");
    for viewers in 2..100 {
        assert_eq!(node.step(Input::Viewers { stream: id("a"), viewers }), []);
    }
    node.step(Input::Viewers { stream: id("b"), viewers: 5 });
    assert_eq!(node.feed.deadline(), Some(START.plus(500)));
    assert_eq!(node.after(499, Input::Tick), []);
    assert_eq!(node.after(1, Input::Tick), told(&[("a", 99), ("b", 5)]));
    assert_eq!(node.feed.deadline(), None);
}

#[test]
fn viewers_that_come_and_go_between_two_reports_are_not_told() {
    let mut node = Node::with(&["a"]);
    node.step(Input::Viewers { stream: id("a"), viewers: 1 });
    node.step(Input::Viewers { stream: id("a"), viewers: 2 });
    node.step(Input::Viewers { stream: id("a"), viewers: 1 });
    assert_eq!(node.feed.deadline(), None);
    assert_eq!(node.after(1_000, Input::Tick), []);
}

#[test]
fn a_left_stream_is_unsubscribed_and_heard_no_more() {
    let mut node = Node::with(&["a"]);
    let left = Output::Send { peer: ROOT, message: ToFeed::Unsubscribe { stream: id("a") } };
    assert_eq!(node.step(Input::Unwant { stream: id("a") }), [left]);
    assert_eq!(node.hear(snapshot("a", 3, 10)), []);
    assert_eq!(node.step(Input::Unwant { stream: id("a") }), []);
}

#[test]
fn a_new_link_is_not_told_of_streams_that_it_never_had() {
    let mut node = Node::with(&["a", "b"]);
    node.step(Input::Full(ROOT));
    node.step(Input::Unwant { stream: id("a") });
    assert_eq!(node.step(Input::Up { peer: NEXT_ROOT }), [subscribe(NEXT_ROOT, "b", None, 0)]);
    node.step(Input::Lost(NEXT_ROOT));
    node.step(Input::Unwant { stream: id("b") });
    assert_eq!(node.step(Input::Up { peer: PeerId::new(3) }), []);
}

#[test]
fn a_full_link_is_told_the_newest_state_when_it_has_room() {
    let mut node = Node::with(&["a", "b"]);
    node.step(Input::Full(ROOT));
    for viewers in 0..1_000 {
        assert_eq!(node.step(Input::Viewers { stream: id("a"), viewers }), []);
        assert_eq!(node.step(Input::Want { stream: id("c") }), []);
        assert_eq!(node.step(Input::Unwant { stream: id("b") }), []);
        assert_eq!(node.step(Input::Want { stream: id("b") }), []);
    }
    assert_eq!(node.feed.deadline(), None, "there is nothing to do before there is room");
    let said = node.step(Input::Room(ROOT));
    let told = Output::Send { peer: ROOT, message: ToFeed::Viewers(vec![(id("a"), 999)]) };
    assert_eq!(said, [subscribe(ROOT, "b", None, 0), subscribe(ROOT, "c", None, 0), told]);
}

#[test]
fn many_streams_are_subscribed_over_several_steps() {
    let mut node = Node { feed: Feed::new(Config::default()), now: START };
    (0..3_000).for_each(|n| drop(node.step(Input::Want { stream: id(&n.to_string()) })));
    let mut said = node.step(Input::Up { peer: ROOT });
    assert_eq!(said.len(), SUBSCRIPTIONS_PER_STEP_MAX);
    while let Some(at) = node.feed.deadline() {
        assert!(at <= node.now);
        said.extend(node.step(Input::Tick));
    }
    assert_eq!(said.len(), 3_000);
}

#[test]
fn a_point_that_many_viewers_come_with_is_asked_for_once() {
    let mut node = Node::with(&["a"]);
    let point = || Input::Point { stream: id("a"), epoch: Epoch::new(3), seq: Seq::new(40) };
    let ask = |peer| {
        let (epoch, seq) = (Epoch::new(3), Seq::new(40));
        Output::Send { peer, message: ToFeed::Ask { stream: id("a"), epoch, seq } }
    };
    assert_eq!(node.step(point()), [ask(ROOT)]);
    assert_eq!(node.step(point()), []);
    let said = node.step(Input::Up { peer: NEXT_ROOT });
    assert_eq!(said, [subscribe(NEXT_ROOT, "a", None, 0), ask(NEXT_ROOT)], "nobody has answered it");
    let unknown = FromFeed::Unknown { stream: id("a"), epoch: Epoch::new(3), seq: Seq::new(40) };
    let said = node.step(Input::Message { peer: NEXT_ROOT, message: unknown });
    assert_eq!(said, [Output::Unknown { stream: id("a"), epoch: Epoch::new(3), seq: Seq::new(40) }]);
    assert_eq!(node.step(point()), [ask(NEXT_ROOT)]);
    assert_eq!(node.after(POINT_MS, point()), [ask(NEXT_ROOT)], "the answer may have been lost");
}

#[test]
fn a_point_that_has_come_meanwhile_is_not_asked_for() {
    let mut node = Node::with(&["a"]);
    node.hear(snapshot("a", 3, 40));
    assert_eq!(node.step(Input::Point { stream: id("a"), epoch: Epoch::new(3), seq: Seq::new(40) }), []);
}

#[test]
fn invented_points_have_a_maximum() {
    let mut node = Node::with(&["a"]);
    let point = |seq| Input::Point { stream: id("a"), epoch: Epoch::new(9), seq: Seq::new(seq) };
    let asked = (0..10_000).filter(|seq| !node.step(point(*seq)).is_empty()).count();
    assert_eq!(asked, Config::default().points_max);
    assert_eq!(node.feed.counters().points_dropped, 10_000 - asked as u64);
    assert_eq!(node.after(POINT_MS, point(1)).len(), 1);
}
