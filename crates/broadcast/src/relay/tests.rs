//! Each rule of what the nodes below get.

use std::{collections::BTreeSet, sync::Arc};

use watershed_protocol::{Delta, NodeName, Pinned, Reactions, Snapshot};

use super::*;
use crate::{Room, RoomConfig};

const B2: PeerId = PeerId::new(2);
const B3: PeerId = PeerId::new(3);
const START: Millis = Millis::new(1_000_000);
/// Frames that the room keeps.
const KEPT: usize = 4;

impl Rooms for BTreeMap<StreamId, Room> {
    fn look<T>(&self, stream: &StreamId, at: impl FnOnce(&Room) -> T) -> Option<T> {
        self.get(stream).map(at)
    }
}

/// A node that feeds others: its relay, and its rooms as the feed fills them.
struct Node {
    relay: Relay,
    rooms: BTreeMap<StreamId, Room>,
    now: Millis,
}

impl Node {
    /// Ready, with these links, and with the stream at epoch 1, seq 0.
    fn with(peers: &[PeerId]) -> Self {
        let mut node = Self { relay: Relay::new(Config::default()), rooms: BTreeMap::new(), now: START };
        node.step(Input::Ready(true));
        peers.iter().for_each(|peer| drop(node.up(*peer, &format!("b{}", peer.get()))));
        let room = Room::new(RoomConfig { frames_kept: KEPT, ..RoomConfig::default() });
        node.rooms.insert(main(), room);
        node.publish(Update::Snapshot(snapshot(1, 0)));
        node
    }

    fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.relay.step(self.now, input, &self.rooms, &mut outbox);
        outbox
    }

    fn up(&mut self, peer: PeerId, name: &str) -> Vec<Output> {
        let name: NodeName = name.parse().unwrap();
        self.step(Input::Up { peer, node: &name })
    }

    fn hear(&mut self, peer: PeerId, message: ToFeed) -> Vec<Output> {
        self.step(Input::Message { peer, message })
    }

    fn subscribe(&mut self, peer: PeerId, have: Option<(u64, u64)>, viewers: u64) -> Vec<Output> {
        self.hear(peer, ToFeed::Subscribe { stream: main(), have: have.map(point), viewers })
    }

    fn ask(&mut self, peer: PeerId, epoch: u64, seq: u64) -> Vec<Output> {
        let (epoch, seq) = point((epoch, seq));
        self.hear(peer, ToFeed::Ask { stream: main(), epoch, seq })
    }

    fn publish(&mut self, update: Update) -> Vec<Output> {
        self.rooms.get_mut(&main()).unwrap().publish(self.now, update).unwrap();
        self.step(Input::Published { stream: &main() })
    }

    /// The next frame of epoch 1.
    fn frame(&mut self, from: u64) -> Vec<Output> {
        self.publish(Update::Frame(Arc::new(Delta::empty(Epoch::new(1), Seq::new(from), Seq::new(from + 1)))))
    }
}

fn main() -> StreamId {
    "main".parse().unwrap()
}

fn point((epoch, seq): (u64, u64)) -> Point {
    (Epoch::new(epoch), Seq::new(seq))
}

fn snapshot(epoch: u64, seq: u64) -> Snapshot {
    Snapshot {
        epoch: Epoch::new(epoch),
        seq: Seq::new(seq),
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: Vec::new(),
    }
}

/// Who is sent what: a frame as (from, seq), a snapshot as its point.
fn sent(outbox: &[Output]) -> Vec<(Vec<u64>, String)> {
    let one = |output: &Output| {
        let Output::Send { peers, message } = output else { return None };
        let what = match &**message {
            FromFeed::Frame { delta, .. } => format!("frame {}-{}", delta.from, delta.seq),
            FromFeed::Snapshot { snapshot, .. } => format!("snapshot {}:{}", snapshot.epoch, snapshot.seq),
            FromFeed::Unknown { epoch, seq, .. } => format!("unknown {epoch}:{seq}"),
        };
        Some((peers.iter().map(|peer| peer.get()).collect(), what))
    };
    outbox.iter().filter_map(one).collect()
}

fn to(peers: &[u64], what: &str) -> (Vec<u64>, String) {
    (peers.to_vec(), what.to_owned())
}

#[test]
fn a_new_node_below_gets_a_snapshot_and_then_each_frame_once_for_all() {
    let mut node = Node::with(&[B2, B3]);
    assert_eq!(sent(&node.subscribe(B2, None, 0)), [to(&[2], "snapshot 1:0")]);
    assert_eq!(sent(&node.subscribe(B3, None, 0)), [to(&[3], "snapshot 1:0")]);
    assert_eq!(sent(&node.frame(0)), [to(&[2, 3], "frame 0-1")]);
    assert_eq!(node.relay.counters().frames_out, 1);
    assert_eq!(node.relay.counters().sends, 4);
}

#[test]
fn a_node_that_comes_back_gets_what_it_missed_one_by_one_while_the_log_holds_it() {
    let mut node = Node::with(&[B2]);
    (0..6).for_each(|from| drop(node.frame(from)));
    let missed = [to(&[2], "frame 4-5"), to(&[2], "frame 5-6")];
    assert_eq!(sent(&node.subscribe(B2, Some((1, 4)), 0)), missed);
    assert_eq!(sent(&node.subscribe(B2, Some((1, 1)), 0)), [to(&[2], "snapshot 1:6")], "the log begins at 2");
    assert_eq!(sent(&node.subscribe(B2, Some((1, 6)), 0)), [], "it has all");
}

#[test]
fn another_epoch_goes_down_as_a_snapshot() {
    let mut node = Node::with(&[B2]);
    node.subscribe(B2, Some((1, 0)), 0);
    assert_eq!(sent(&node.publish(Update::Snapshot(snapshot(2, 0)))), [to(&[2], "snapshot 2:0")]);
    assert_eq!(sent(&node.subscribe(B2, Some((1, 9)), 0)), [to(&[2], "snapshot 2:0")]);
}

#[test]
fn a_node_that_is_ahead_is_sent_nothing_until_the_room_is_where_it_is() {
    let mut node = Node::with(&[B2]);
    assert_eq!(sent(&node.subscribe(B2, Some((1, 2)), 0)), []);
    assert_eq!(sent(&node.frame(0)), []);
    assert_eq!(sent(&node.frame(1)), []);
    assert_eq!(sent(&node.frame(2)), [to(&[2], "frame 2-3")]);
}

#[test]
fn a_full_link_keeps_a_position_and_goes_on_from_there() {
    let mut node = Node::with(&[B2, B3]);
    node.subscribe(B2, None, 0);
    node.subscribe(B3, None, 0);
    node.step(Input::Full(B2));
    assert_eq!(sent(&node.frame(0)), [to(&[3], "frame 0-1")]);
    assert_eq!(sent(&node.frame(1)), [to(&[3], "frame 1-2")]);
    assert_eq!(sent(&node.step(Input::Room(B2))), [to(&[2], "frame 0-1"), to(&[2], "frame 1-2")]);
    node.step(Input::Full(B2));
    (2..8).for_each(|from| drop(node.frame(from)));
    assert_eq!(sent(&node.step(Input::Room(B2))), [to(&[2], "snapshot 1:8")], "more than the log holds");
    assert_eq!(sent(&node.step(Input::Room(B2))), []);
}

/// A node with many streams, each at 1:0, all of which these want and have.
fn with_many(streams: usize, peers: &[PeerId]) -> Node {
    let mut node = Node::with(peers);
    for stream in (0..streams).map(nth) {
        let mut room = Room::new(RoomConfig { frames_kept: KEPT, ..RoomConfig::default() });
        room.publish(START, Update::Snapshot(snapshot(1, 0))).unwrap();
        node.rooms.insert(stream.clone(), room);
        for peer in peers {
            let have = Some(point((1, 0)));
            node.hear(*peer, ToFeed::Subscribe { stream: stream.clone(), have, viewers: 0 });
        }
    }
    node
}

fn nth(n: usize) -> StreamId {
    format!("{n:06}").parse().unwrap()
}

/// The next frame of each of these streams.
fn go_on(node: &mut Node, streams: std::ops::Range<usize>) {
    for stream in streams.map(nth) {
        let from = node.rooms[&stream].point().unwrap().1;
        let delta = Delta::empty(Epoch::new(1), from, Seq::new(from.get() + 1));
        node.rooms.get_mut(&stream).unwrap().publish(START, Update::Frame(Arc::new(delta))).unwrap();
        node.step(Input::Published { stream: &stream });
    }
}

/// Which streams are sent on a link.
fn streams(outbox: &[Output], to: PeerId) -> Vec<StreamId> {
    let one = |output: &Output| match output {
        Output::Send { peers, message } if peers.contains(&to) => match &**message {
            FromFeed::Frame { stream, .. } => Some(stream.clone()),
            _ => None,
        },
        _ => None,
    };
    outbox.iter().filter_map(one).collect()
}

#[test]
fn what_a_link_is_owed_of_many_streams_follows_over_several_steps() {
    let many = 2 * OWED_PER_STEP_MAX + 7;
    let mut node = with_many(many, &[B2]);
    node.step(Input::Full(B2));
    go_on(&mut node, 0..many);
    assert_eq!(node.relay.deadline(), None, "there is nothing to do before there is room");
    let mut said = streams(&node.step(Input::Room(B2)), B2);
    assert_eq!(said.len(), OWED_PER_STEP_MAX);
    while let Some(at) = node.relay.deadline() {
        assert!(at <= node.now);
        let next = streams(&node.step(Input::Tick), B2);
        assert!(next.len() <= OWED_PER_STEP_MAX);
        said.extend(next);
    }
    assert_eq!(said, (0..many).map(nth).collect::<Vec<_>>());
}

#[test]
fn a_stream_that_goes_on_while_it_is_still_owed_is_sent_from_where_it_was_and_once() {
    let many = OWED_PER_STEP_MAX + 1;
    let mut node = with_many(many, &[B2]);
    node.step(Input::Full(B2));
    go_on(&mut node, 0..many);
    node.step(Input::Room(B2));
    let last = nth(many - 1);
    let delta = Delta::empty(Epoch::new(1), Seq::new(1), Seq::new(2));
    node.rooms.get_mut(&last).unwrap().publish(START, Update::Frame(Arc::new(delta))).unwrap();
    let said = node.step(Input::Published { stream: &last });
    assert_eq!(sent(&said), [to(&[2], "frame 0-1"), to(&[2], "frame 1-2")]);
    assert_eq!(node.step(Input::Tick), []);
    assert_eq!(node.relay.deadline(), None);
}

#[test]
fn a_link_that_is_full_after_each_step_gets_all_its_streams_in_turn() {
    let many = 3 * OWED_PER_STEP_MAX;
    let mut node = with_many(many, &[B2]);
    let mut said = BTreeSet::new();
    for _ in 0..3 {
        node.step(Input::Full(B2));
        go_on(&mut node, 0..many);
        said.extend(streams(&node.step(Input::Room(B2)), B2));
    }
    assert_eq!(said.len(), many);
}

#[test]
fn links_that_are_owed_much_share_a_step() {
    let many = 3 * OWED_PER_STEP_MAX;
    let mut node = with_many(2 * many, &[B2, B3]);
    (0..many).for_each(|n| drop(node.hear(B3, ToFeed::Unsubscribe { stream: nth(n) })));
    (many..2 * many).for_each(|n| drop(node.hear(B2, ToFeed::Unsubscribe { stream: nth(n) })));
    [B2, B3].into_iter().for_each(|peer| drop(node.step(Input::Full(peer))));
    go_on(&mut node, 0..2 * many);
    [B2, B3].into_iter().for_each(|peer| drop(node.step(Input::Room(peer))));
    let said = node.step(Input::Tick);
    assert_eq!(streams(&said, B2).len(), OWED_PER_STEP_MAX / 2);
    assert_eq!(streams(&said, B3).len(), OWED_PER_STEP_MAX / 2);
}

#[test]
fn that_a_point_is_unknown_is_said_behind_all_that_is_owed() {
    let many = OWED_PER_STEP_MAX + 1;
    let mut node = with_many(many, &[B2]);
    let (epoch, seq) = point((1, 9));
    node.hear(B2, ToFeed::Ask { stream: nth(many - 1), epoch, seq });
    node.step(Input::Full(B2));
    go_on(&mut node, 0..many);
    node.step(Input::Room(B2));
    assert_eq!(node.step(Input::Unknown { stream: nth(many - 1), epoch, seq }), []);
    assert_eq!(sent(&node.step(Input::Tick)), [to(&[2], "frame 0-1"), to(&[2], "unknown 1:9")]);
}

#[test]
fn a_stream_is_wanted_while_a_node_below_wants_it() {
    let mut node = Node::with(&[B2, B3]);
    assert_eq!(node.subscribe(B2, Some((1, 0)), 0), [Output::Want(main())]);
    assert_eq!(node.subscribe(B3, Some((1, 0)), 0), []);
    assert_eq!(node.hear(B2, ToFeed::Unsubscribe { stream: main() }), []);
    assert!(node.relay.wants(&main()));
    assert_eq!(node.step(Input::Lost(B3)), [Output::Leave(main())]);
    assert!(!node.relay.wants(&main()));
}

#[test]
fn viewers_below_are_counted_once_and_are_gone_with_their_link() {
    let mut node = Node::with(&[B2, B3]);
    let changed = || Output::Viewers(main());
    assert_eq!(node.subscribe(B2, Some((1, 0)), 10), [Output::Want(main()), changed()]);
    assert_eq!(node.subscribe(B3, Some((1, 0)), 5), [changed()]);
    assert_eq!(node.subscribe(B2, Some((1, 0)), 10), [], "the same ones");
    assert_eq!(node.hear(B3, ToFeed::Viewers(vec![(main(), 7)])), [changed()]);
    assert_eq!(node.hear(B3, ToFeed::Viewers(vec![(main(), 7)])), []);
    assert_eq!(node.relay.viewers(&main()), 17);
    let ended = Output::HangUp(B2);
    assert_eq!(node.up(PeerId::new(9), "b2"), [ended, changed()], "the same node on another link");
    assert_eq!(node.relay.viewers(&main()), 7);
}

#[test]
fn a_nodes_second_link_ends_the_first() {
    let mut node = Node::with(&[B2, B3]);
    node.subscribe(B2, None, 0);
    let second = PeerId::new(9);
    assert_eq!(node.up(second, "b2"), [Output::HangUp(B2), Output::Leave(main())]);
    assert_eq!(node.subscribe(B2, None, 0), [], "what still comes of the first is not heard");
    assert_eq!(node.step(Input::Lost(B2)), []);
    assert_eq!(sent(&node.subscribe(second, None, 0)), [to(&[9], "snapshot 1:0")]);
    assert_eq!(node.relay.counters().links, 2);
}

#[test]
fn a_point_that_the_room_has_is_not_asked_for_above() {
    let mut node = Node::with(&[B2]);
    node.frame(0);
    node.subscribe(B2, None, 0);
    assert_eq!(node.ask(B2, 1, 1), []);
    assert_eq!(node.ask(B2, 0, 900), [], "an earlier epoch: a snapshot is on its way");
}

#[test]
fn a_point_ahead_of_the_room_is_asked_for_above_and_the_answer_goes_to_who_asked() {
    let mut node = Node::with(&[B2, B3]);
    node.subscribe(B2, None, 0);
    node.subscribe(B3, None, 0);
    let (epoch, seq) = point((1, 9));
    let asked = Output::Ask { stream: main(), epoch, seq };
    assert_eq!(node.ask(B2, 1, 9), [asked]);
    let unknown = || Input::Unknown { stream: main(), epoch, seq };
    assert_eq!(sent(&node.step(unknown())), [to(&[2], "unknown 1:9")]);
    assert_eq!(node.step(unknown()), [], "nobody waits any more");
    node.ask(B3, 1, 9);
    node.step(Input::Full(B3));
    assert_eq!(node.step(unknown()), []);
    assert_eq!(sent(&node.step(Input::Room(B3))), [to(&[3], "unknown 1:9")]);
}

#[test]
fn a_point_that_the_room_comes_to_is_forgotten() {
    let mut node = Node::with(&[B2]);
    node.subscribe(B2, None, 0);
    node.ask(B2, 1, 1);
    node.frame(0);
    let (epoch, seq) = point((1, 1));
    assert_eq!(node.step(Input::Unknown { stream: main(), epoch, seq }), [], "its frame has been sent");
}

#[test]
fn points_that_wait_are_bounded_and_old_ones_give_way() {
    let mut node = Node::with(&[B2]);
    node.relay = Relay::new(Config { points_max: 2, ..Config::default() });
    node.step(Input::Ready(true));
    node.up(B2, "b2");
    node.subscribe(B2, None, 0);
    assert_eq!((3..6).map(|seq| node.ask(B2, 1, seq).len()).sum::<usize>(), 2);
    assert_eq!(node.relay.counters().points_dropped, 1);
    node.now = node.now.plus(2_000);
    assert_eq!(node.ask(B2, 1, 9).len(), 1);
}

#[test]
fn more_streams_than_may_be_are_refused() {
    let mut node = Node::with(&[B2]);
    node.relay = Relay::new(Config { streams_max: 1, ..Config::default() });
    node.step(Input::Ready(true));
    node.up(B2, "b2");
    node.subscribe(B2, None, 0);
    let other = ToFeed::Subscribe { stream: "other".parse().unwrap(), have: None, viewers: 3 };
    let elsewhere = [Output::HangUp(B2), Output::Leave(main())];
    assert_eq!(node.hear(B2, other), elsewhere, "it is to look for another source");
    assert_eq!(node.relay.counters().streams_refused, 1);
    assert_eq!(node.relay.counters().links, 0);
}

#[test]
fn a_stream_that_gets_no_room_here_is_not_wanted_and_who_wants_it_is_sent_away() {
    let mut node = Node::with(&[B2, B3]);
    node.subscribe(B3, Some((1, 0)), 0);
    let other: StreamId = "other".parse().unwrap();
    let subscribe = ToFeed::Subscribe { stream: other.clone(), have: None, viewers: 3 };
    assert_eq!(node.hear(B2, subscribe), [Output::Want(other.clone()), Output::Viewers(other.clone())]);
    let left = [Output::HangUp(B2), Output::Viewers(other.clone()), Output::Leave(other.clone())];
    assert_eq!(node.step(Input::Refused { stream: &other }), left);
    assert!(!node.relay.wants(&other));
    assert_eq!(node.step(Input::Refused { stream: &other }), [], "nobody wants it any more");
    assert_eq!(sent(&node.frame(0)), [to(&[3], "frame 0-1")], "the others stay");
}

#[test]
fn a_node_without_frames_hangs_up_on_those_below_and_on_whoever_calls() {
    let mut node = Node::with(&[B2]);
    node.subscribe(B2, None, 4);
    let left = [Output::HangUp(B2), Output::Viewers(main()), Output::Leave(main())];
    assert_eq!(node.step(Input::Ready(false)), left);
    assert_eq!(node.step(Input::Lost(B2)), []);
    assert_eq!(node.up(B3, "b3"), [Output::HangUp(B3)]);
    assert_eq!(node.subscribe(B3, None, 4), [], "it is as good as gone");
    assert_eq!(node.relay.viewers(&main()), 0);
}
