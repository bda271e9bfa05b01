//! Each rule of whom a node feeds from.

use watershed_protocol::ClusterKey;

use super::*;

const B1: PeerId = PeerId::new(1);
const B2: PeerId = PeerId::new(2);
const ROOT: PeerId = PeerId::new(3);
const NEXT_ROOT: PeerId = PeerId::new(4);
const START: Millis = Millis::new(1_000_000);

struct Node {
    sources: Sources,
    now: Millis,
}

impl Node {
    /// One that feeds from these, under a root m1 of epoch 1.
    fn below(above: &[&str]) -> Self {
        let above = above.iter().map(|node| name(node)).collect();
        Self { sources: Sources::new(START, above, &map(&["m1"])), now: START }
    }

    fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.sources.step(self.now, input, &mut outbox);
        outbox
    }

    fn after(&mut self, ms: u64) -> Vec<Output> {
        self.now = self.now.plus(ms);
        self.step(Input::Tick)
    }

    fn up(&mut self, peer: PeerId, node: &str, root_epoch: u64) -> Vec<Output> {
        self.step(Input::Up { peer, node: &name(node), root_epoch: Epoch::new(root_epoch) })
    }

    fn lost(&mut self, peer: PeerId) -> Vec<Output> {
        self.step(Input::Lost { peer, silent_ms: 0, goodbye: false })
    }
}

fn name(node: &str) -> NodeName {
    node.parse().unwrap()
}

/// A map with these roots, one after the other.
fn map(roots: &[&str]) -> Map {
    let mut map = Map::found(ClusterKey::from_bytes([7; 32]), &[name("p1")]).unwrap();
    for root in roots {
        let seen = map.root_epoch();
        map.claim_root(&name(root), seen).unwrap();
    }
    map
}

#[test]
fn a_node_without_any_above_calls_the_root_at_once_and_is_ready_with_it() {
    let mut node = Node::below(&[]);
    assert!(node.sources.calls_root() && !node.sources.is_ready());
    assert_eq!(node.up(ROOT, "m1", 1), [Output::Feed(ROOT), Output::Ready(true)]);
    assert_eq!(node.sources.shown_epoch(), Epoch::new(1));
}

#[test]
fn a_node_that_starts_waits_for_those_above_before_it_calls_the_root() {
    let mut node = Node::below(&["b1"]);
    assert!(!node.sources.calls_root());
    assert_eq!(node.sources.deadline(), Some(START.plus(FIRST_WAIT_MS)));
    assert_eq!(node.after(FIRST_WAIT_MS), [Output::CallRoot(true)]);
    assert_eq!(node.up(ROOT, "m1", 1), [Output::Feed(ROOT), Output::Ready(true)]);
    assert_eq!(node.up(B1, "b1", 1), [Output::HangUp(ROOT), Output::Feed(B1), Output::CallRoot(false)]);
    assert_eq!(node.lost(ROOT), [], "it was left");
}

#[test]
fn the_first_of_the_list_that_is_up_feeds_and_the_next_is_there_when_it_dies() {
    let mut node = Node::below(&["b1", "b2"]);
    assert_eq!(node.up(B2, "b2", 1), [Output::Feed(B2), Output::Ready(true)]);
    assert_eq!(node.up(B1, "b1", 1), [Output::HangUp(B2), Output::Feed(B1)], "b2 sends no more");
    assert_eq!(node.lost(B2), []);
    assert_eq!(node.up(B2, "b2", 1), [], "it waits without subscriptions");
    assert_eq!(node.lost(B1), [Output::Feed(B2)]);
    assert_eq!(node.lost(B2), [Output::Starve(B2), Output::CallRoot(true)]);
}

#[test]
fn a_node_above_that_has_no_frames_or_follows_an_earlier_root_is_no_source() {
    let mut node = Node::below(&["b1"]);
    assert_eq!(node.up(B1, "b1", 0), [Output::HangUp(B1)]);
    node.step(Input::Map(&map(&["m1", "m2"])));
    assert_eq!(node.up(B1, "b1", 1), [Output::HangUp(B1)]);
    assert_eq!(node.up(B1, "b1", 2), [Output::Feed(B1), Output::Ready(true)]);
}

#[test]
fn a_node_that_nothing_feeds_is_not_ready_after_three_seconds_and_shows_no_root() {
    let mut node = Node::below(&["b1"]);
    node.up(B1, "b1", 1);
    node.lost(B1);
    assert_eq!(node.after(SILENT_MS - 1), []);
    assert!(node.sources.is_ready());
    assert_eq!(node.after(1), [Output::Ready(false)]);
    assert_eq!(node.sources.shown_epoch(), Epoch::ZERO);
    assert_eq!(node.up(B1, "b1", 1), [Output::Feed(B1), Output::Ready(true), Output::CallRoot(false)]);
}

#[test]
fn silence_and_a_goodbye_from_above_count_towards_the_three_seconds() {
    for (silent_ms, goodbye, left_ms) in [(2_000, false, SILENT_MS - 2_000), (0, true, SILENT_MS - GOODBYE_SILENT_MS)] {
        let mut node = Node::below(&["b1"]);
        node.up(B1, "b1", 1);
        node.step(Input::Lost { peer: B1, silent_ms, goodbye });
        assert_eq!(node.sources.deadline(), Some(START.plus(left_ms)));
    }
}

#[test]
fn a_root_that_was_replaced_is_left_and_the_next_one_feeds() {
    let mut node = Node::below(&[]);
    node.up(ROOT, "m1", 1);
    assert_eq!(node.step(Input::Map(&map(&["m1", "m2"]))), [Output::HangUp(ROOT), Output::Starve(ROOT)]);
    assert_eq!(node.up(ROOT, "m1", 1), [Output::HangUp(ROOT)]);
    assert_eq!(node.up(NEXT_ROOT, "m2", 2), [Output::Feed(NEXT_ROOT)], "ready all the while");
}

#[test]
fn a_new_link_of_the_node_above_takes_the_place_of_the_former() {
    let mut node = Node::below(&["b1"]);
    node.up(B1, "b1", 1);
    assert_eq!(node.up(B2, "b1", 1), [Output::HangUp(B1), Output::Feed(B2)]);
    assert_eq!(node.lost(B1), []);
}

#[test]
fn a_new_root_is_no_news_to_a_node_that_is_fed_from_above() {
    let mut node = Node::below(&["b1"]);
    node.up(B1, "b1", 1);
    assert_eq!(node.step(Input::Map(&map(&["m1", "m2"]))), []);
    assert_eq!(node.sources.shown_epoch(), Epoch::new(2));
}
