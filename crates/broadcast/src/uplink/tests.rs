//! Each rule of the way up. Two processors share the slots; the tests play them.

use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Reactions, Ref, Register, Stamp, ViewerKey,
    peer::uplink::{AnswerBatch, Reply},
};

use super::*;

mod answers;
mod parts;

const START: Millis = Millis::new(1_000_000);
const KEY: ClusterKey = ClusterKey::from_bytes([7; 32]);

fn stamp(number: u64) -> Stamp {
    Stamp::new(number).unwrap()
}

fn liked() -> Register {
    Register { stamp: stamp(5), liked: true }
}

fn names() -> [NodeName; 2] {
    ["p1".parse().unwrap(), "p2".parse().unwrap()]
}

/// An uplink and the hour.
struct Node {
    uplink: Uplink,
    map: Map,
    now: Millis,
    peer_last: u64,
}

impl Node {
    fn new(config: Config) -> Self {
        let map = Map::found(KEY, &names()).unwrap();
        Self { uplink: Uplink::new(config, Arc::new(map.clone())), map, now: START, peer_last: 0 }
    }

    /// With links to both.
    fn connected() -> (Self, [PeerId; 2]) {
        let mut node = Self::new(Config::new(77));
        let peers = [0, 1].map(|p| node.up(p).0);
        (node, peers)
    }

    fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.uplink.step(self.now, input, &mut outbox);
        outbox
    }

    fn up(&mut self, processor: usize) -> (PeerId, Vec<Output>) {
        self.peer_last += 1;
        let peer = PeerId::new(self.peer_last);
        (peer, self.step(Input::Up { peer, node: names()[processor].clone() }))
    }

    fn write(&mut self, write: Write) -> Vec<Output> {
        self.step(Input::Writes(&mut vec![write]))
    }

    fn after(&mut self, ms: u64) -> Vec<Output> {
        self.now = self.now.plus(ms);
        self.step(Input::Tick)
    }

    fn answer(&mut self, peer: PeerId, batch: AnswerBatch) -> Vec<Output> {
        self.step(Input::Message { peer, message: FromProcessor::Answers(batch) })
    }

    fn done(&mut self, peer: PeerId, done: &[u64]) -> Vec<Output> {
        self.answer(peer, AnswerBatch { done: done.to_vec(), ..AnswerBatch::default() })
    }

    /// The n-th comment of this processor.
    fn id(&self, processor: usize, n: usize) -> CommentId {
        let slots = self.map.slots_of(&names()[processor]);
        let mut bytes = [0; 16];
        bytes[..2].copy_from_slice(&(slots[n % slots.len()].get() << 4).to_be_bytes());
        bytes[8..].copy_from_slice(&(n as u64).to_be_bytes());
        CommentId::from_bytes(bytes)
    }

    fn comment(&self, processor: usize, n: usize) -> Write {
        let (author, name) = ("ann".parse().unwrap(), DisplayName::new("Ann").unwrap());
        let body = CommentBody::new("hello", 100).unwrap();
        write(n, Op::Comment { id: self.id(processor, n), author, name, body })
    }

    fn like(&self, processor: usize, n: usize) -> Write {
        let viewer = ViewerKey::from_bytes([9; 16]);
        write(n, Op::Like { id: self.id(processor, n), viewer, register: liked() })
    }
}

/// A write with the reference and the origin n.
fn write(n: usize, op: Op) -> Write {
    let reference = Some(Ref::new(&n.to_string()).unwrap());
    Write { origin: Origin(n as u64), stream: "demo".parse().unwrap(), reference, op }
}

/// The batches that were sent on this link.
fn batches(outbox: &[Output], on: PeerId) -> Vec<&WriteBatch> {
    let batch = |output| match output {
        &Output::Send { peer, message: ToProcessor::Writes(ref batch) } if peer == on => Some(batch),
        _ => None,
    };
    outbox.iter().filter_map(batch).collect()
}

/// The numbers of all writes of a batch but taps, ascending.
fn numbers(batch: &WriteBatch) -> Vec<u64> {
    let mut numbers: Vec<u64> = batch.likes.iter().map(|row| row.number).collect();
    numbers.extend(batch.comments.iter().map(|row| row.number));
    numbers.extend(batch.deletes.iter().map(|row| row.number));
    numbers.extend(batch.pins.iter().map(|row| row.number));
    numbers.sort();
    numbers
}

/// All numbers that were sent on this link, by batch.
fn sent(outbox: &[Output], on: PeerId) -> Vec<Vec<u64>> {
    batches(outbox, on).into_iter().map(numbers).collect()
}

fn answered(outbox: &[Output]) -> Vec<(u64, Response)> {
    let answer = |output: &Output| match output {
        Output::Answer { origin, response } => Some((origin.0, response.clone())),
        _ => None,
    };
    outbox.iter().filter_map(answer).collect()
}

/// Whom was refused what.
fn refused(outbox: &[Output]) -> Vec<(u64, Code)> {
    let refusal = |(origin, response)| match response {
        Response::Reject { code, retry_after_ms: Some(RETRY_AFTER_MS), .. } => (origin, code),
        other => panic!("not a refusal of ours: {other:?}"),
    };
    answered(outbox).into_iter().map(refusal).collect()
}

#[test]
fn a_lone_write_goes_to_its_owner_at_once() {
    let (mut node, [first, second]) = Node::connected();
    let outbox = node.write(node.comment(1, 5));
    assert!(sent(&outbox, first).is_empty());
    let batch = batches(&outbox, second)[0];
    let slot = node.id(1, 5).slot();
    assert_eq!(batch.comments[0].id, node.id(1, 5));
    assert_eq!((batch.map_epoch, batch.slot_epoch(slot)), (node.map.epoch(), Some(node.map.owner(slot).epoch)));
    assert_eq!(batch.stream(batch.comments[0].stream), Some(&"demo".parse().unwrap()));
}

#[test]
fn while_four_batches_are_unanswered_writes_gather() {
    let (mut node, [peer, _]) = Node::connected();
    for n in 1..=4 {
        let outbox = node.write(node.like(0, n));
        assert_eq!(sent(&outbox, peer), [[n as u64]]);
    }
    for n in 5..=100 {
        assert_eq!(node.write(node.like(0, n)), []);
    }
    let answer = AnswerBatch { likes: vec![(2, liked().to_bits())], ..AnswerBatch::default() };
    let outbox = node.answer(peer, answer);
    assert_eq!(sent(&outbox, peer), [(5..=100).collect::<Vec<u64>>()], "all that gathered, in one batch");
    assert_eq!(node.uplink.counters().batches_out, 5);
    assert_eq!(node.uplink.counters().writes_out, 100);
}

#[test]
fn a_batch_is_unanswered_until_its_last_write_is() {
    let (mut node, [peer, _]) = Node::connected();
    let mut writes: Vec<Write> = (1..=8).map(|n| node.comment(0, n)).collect();
    let outbox = node.step(Input::Writes(&mut writes));
    assert!(writes.is_empty());
    assert_eq!(sent(&outbox, peer), [(1..=8).collect::<Vec<u64>>()]);
    (9..=11).for_each(|n| drop(node.write(node.comment(0, n))));
    assert_eq!(node.write(node.comment(0, 12)), []);
    assert!(sent(&node.done(peer, &[1, 2, 3, 4, 5, 6, 7]), peer).is_empty());
    assert_eq!(sent(&node.done(peer, &[8]), peer), [[12]]);
}

#[test]
fn one_batch_has_at_most_so_many_writes_and_bytes() {
    let mut node = Node::new(Config { writes_per_batch_max: 10, ..Config::new(77) });
    let (peer, _) = node.up(0);
    let outbox = node.step(Input::Writes(&mut (1..=25).map(|n| node.comment(0, n)).collect()));
    assert_eq!(sent(&outbox, peer).iter().map(Vec::len).collect::<Vec<_>>(), [10, 10, 5]);

    let (mut node, [peer, _]) = Node::connected();
    let mut writes: Vec<Write> = (1..=3_000).map(|n| node.comment(0, n)).collect();
    for write in &mut writes {
        if let Op::Comment { body, .. } = &mut write.op {
            *body = CommentBody::new(&"x".repeat(4_000), 4_000).unwrap();
        }
    }
    let outbox = node.step(Input::Writes(&mut writes));
    assert_eq!(sent(&outbox, peer).iter().map(Vec::len).sum::<usize>(), 3_000);
    for batch in batches(&outbox, peer) {
        let message = ToProcessor::Writes(batch.clone());
        assert!(watershed_protocol::peer::encode(&message).len() < limits::PEER_FRAME_BYTES_MAX);
    }
}

#[test]
fn a_batch_names_every_slot_it_touches_once_and_ascending() {
    let (mut node, [peer, _]) = Node::connected();
    let outbox = node.step(Input::Writes(&mut (0..5_000).map(|n| node.like(0, n)).collect()));
    let slots: Vec<Slot> = batches(&outbox, peer)[0].slots.iter().map(|(slot, _)| *slot).collect();
    assert_eq!(slots, node.map.slots_of(&names()[0]));
}

#[test]
fn an_answer_becomes_an_acknowledgement() {
    let (mut node, [peer, _]) = Node::connected();
    let pin = write(3, Op::Pin { id: None });
    let home = KEY.home(&pin.stream).slot();
    let home = names().iter().position(|name| *name == node.map.owner(home).node).unwrap();
    let unnamed = Write { reference: None, ..node.comment(0, 4) };
    let mut writes = vec![node.comment(0, 1), node.like(0, 2), pin, unnamed];
    node.step(Input::Writes(&mut writes));
    let reference = |n: u64| Ref::new(&n.to_string()).unwrap();

    let ack = Response::ack(reference(1), Some(node.id(0, 1)));
    assert_eq!(answered(&node.done(peer, &[1])), [(1, ack)]);
    let later = Register { stamp: stamp(9), liked: false };
    let likes = vec![(2, later.to_bits())];
    let outbox = node.answer(peer, AnswerBatch { likes, ..AnswerBatch::default() });
    assert_eq!(answered(&outbox), [(2, Response::ack_like(reference(2), node.id(0, 2), later))]);
    let owner = [PeerId::new(1), PeerId::new(2)][home];
    assert_eq!(answered(&node.done(owner, &[3])), [(3, Response::ack(reference(3), None))]);
    assert_eq!(node.done(peer, &[4]), [], "it has no reference");
    assert_eq!(node.uplink.writes_held(), 0);
    assert_eq!(node.uplink.counters().acknowledged, 4);
}

#[test]
fn an_owners_refusal_is_passed_on_as_it_is() {
    let (mut node, [peer, _]) = Node::connected();
    node.write(node.like(0, 1));
    let refusal = Refusal::last(Code::UnknownComment, "there is no such comment");
    let refused = vec![(1, refusal.clone())];
    let outbox = node.answer(peer, AnswerBatch { refused, ..AnswerBatch::default() });
    assert_eq!(answered(&outbox), [(1, Response::reject(Some(Ref::new("1").unwrap()), refusal))]);
    assert_eq!(node.uplink.counters().rejected[&Code::UnknownComment], 1);
}

#[test]
fn what_a_lost_link_left_open_is_sent_again_in_order() {
    let (mut node, [peer, _]) = Node::connected();
    (1..=6).for_each(|n| drop(node.write(node.comment(0, n))));
    node.done(peer, &[2]);
    assert_eq!(node.step(Input::Lost(peer)), []);
    node.write(node.comment(0, 7));
    let (peer, outbox) = node.up(0);
    assert_eq!(sent(&outbox, peer), [[1, 3, 4, 5, 6, 7]]);
    // 1, 3, 4 and, after the answer, 5 with 6 had been sent before.
    assert_eq!(node.uplink.counters().resent, 5);
    assert_eq!(answered(&node.done(peer, &[1, 3, 4, 5, 6, 7])).len(), 6);
}

#[test]
fn the_refusal_of_a_repeat_is_unknown_for_the_first_sending_may_have_been_taken() {
    let (mut node, [peer, _]) = Node::connected();
    node.write(node.like(0, 1));
    node.step(Input::Lost(peer));
    let (peer, _) = node.up(0);
    // The owner's clock was set back before it started again.
    let refused = vec![(1, Refusal::last(Code::BadStamp, "stamp is 3600000 ms ahead, at most 60000 ms are allowed"))];
    let outbox = node.answer(peer, AnswerBatch { refused, ..AnswerBatch::default() });
    assert_eq!(self::refused(&outbox), [(1, Code::Unknown)]);
}

#[test]
fn the_oldest_writes_go_first_whether_they_were_sent_before_or_not() {
    let mut node = Node::new(Config { writes_per_batch_max: 2, ..Config::new(77) });
    let (peer, _) = node.up(0);
    (1..=2).for_each(|n| drop(node.write(node.comment(0, n))));
    let moved = AnswerBatch { moved: vec![1], map_epoch: node.map.epoch(), ..AnswerBatch::default() };
    node.answer(peer, moved);
    node.step(Input::Full(peer));
    node.after(MOVED_RETRY_MS);
    node.write(node.comment(0, 3));
    node.step(Input::Lost(peer));
    // 2 may have been taken; 1 and 3 surely not.
    let (peer, outbox) = node.up(0);
    let rows = batches(&outbox, peer).into_iter().flat_map(|batch| &batch.comments);
    assert_eq!(rows.map(|row| row.number).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn an_answer_of_another_processor_counts_for_nothing() {
    let (mut node, [peer, other]) = Node::connected();
    node.write(node.comment(0, 1));
    assert_eq!(node.done(other, &[1]), []);
    assert_eq!(node.done(peer, &[2]), [], "nor one to what was never written");
    let likes = vec![(1, liked().to_bits())];
    assert_eq!(node.answer(peer, AnswerBatch { likes, ..AnswerBatch::default() }), [], "nor a like's to a comment");
    assert_eq!(node.uplink.counters().answers_ignored, 3);
    assert_eq!(answered(&node.done(peer, &[1])).len(), 1);
}

#[test]
fn a_link_that_is_replaced_without_notice_counts_as_lost() {
    let (mut node, [former, _]) = Node::connected();
    node.write(node.comment(0, 1));
    let (peer, outbox) = node.up(0);
    assert_eq!(sent(&outbox, peer), [[1]]);
    assert_eq!(node.done(former, &[1]), [], "nobody listens there");
    assert_eq!(node.step(Input::Lost(former)), []);
    assert_eq!(answered(&node.done(peer, &[1])).len(), 1);
}

#[test]
fn an_owner_that_is_down_is_unavailable_after_three_seconds() {
    let mut node = Node::new(Config::new(77));
    node.write(node.comment(0, 1));
    node.now = START.plus(500);
    node.write(node.comment(0, 2));
    assert_eq!(node.uplink.deadline(), Some(START.plus(3_000)));
    assert_eq!(node.after(2_499), []);
    assert_eq!(refused(&node.after(1)), [(1, Code::Unavailable)]);
    assert_eq!(node.uplink.deadline(), Some(START.plus(3_500)));
    let (peer, outbox) = node.up(0);
    assert_eq!(sent(&outbox, peer), [[2]], "the link came in time");
}

#[test]
fn what_was_sent_is_unknown_after_ten_seconds_whether_the_link_is_there_or_not() {
    let (mut node, [first, second]) = Node::connected();
    node.write(node.comment(0, 1));
    node.write(node.comment(1, 2));
    node.after(1_000);
    node.step(Input::Lost(first));
    assert_eq!(node.after(8_999), [], "it may have been taken: 3 s say nothing");
    assert_eq!(refused(&node.after(1)), [(1, Code::Unknown), (2, Code::Unknown)]);
    assert_eq!(node.done(second, &[2]), [], "too late");
    assert_eq!(node.uplink.counters().answers_ignored, 1);
    let (peer, outbox) = node.up(0);
    assert_eq!(sent(&outbox, peer), Vec::<Vec<u64>>::new(), "it is not sent again");
}

#[test]
fn what_a_silent_owner_never_got_is_refused_as_overloaded_after_ten_seconds() {
    let (mut node, [peer, _]) = Node::connected();
    node.step(Input::Full(peer));
    assert_eq!(node.write(node.comment(0, 1)), []);
    assert_eq!(node.after(9_999), []);
    assert_eq!(refused(&node.after(1)), [(1, Code::Overloaded)]);
    assert_eq!(node.step(Input::Room(peer)), []);
}

#[test]
fn a_silent_owner_gets_new_batches_when_the_old_ones_are_given_up() {
    let (mut node, [peer, _]) = Node::connected();
    (1..=4).for_each(|n| drop(node.write(node.comment(0, n))));
    node.now = node.now.plus(5_000);
    assert_eq!(node.write(node.comment(0, 5)), []);
    let outbox = node.after(5_000);
    assert_eq!(refused(&outbox).len(), 4);
    assert_eq!(sent(&outbox, peer), [[5]]);
}

#[test]
fn a_full_link_gets_nothing_until_it_has_room() {
    let (mut node, [peer, other]) = Node::connected();
    node.step(Input::Full(peer));
    assert_eq!(node.write(node.like(0, 1)), []);
    assert_eq!(sent(&node.write(node.like(1, 2)), other), [[2]]);
    assert_eq!(sent(&node.step(Input::Room(peer)), peer), [[1]]);
}

#[test]
fn more_than_can_be_held_is_refused_as_overloaded() {
    let mut node = Node::new(Config { writes_held_max: 3, ..Config::new(77) });
    (1..=3).for_each(|n| assert_eq!(node.write(node.like(0, n)), []));
    assert_eq!(refused(&node.write(node.like(0, 4))), [(4, Code::Overloaded)]);
    let unnamed = Write { reference: None, ..node.like(0, 5) };
    let stream = unnamed.stream.clone();
    assert_eq!(node.write(unnamed), [Output::Shed { stream }]);
    assert_eq!(node.uplink.counters().rejected[&Code::Overloaded], 2);
    let (peer, outbox) = node.up(0);
    assert_eq!(sent(&outbox, peer), [[1, 2, 3]]);
}

#[test]
fn a_write_that_moved_waits_for_the_newer_map() {
    let (mut node, [peer, _]) = Node::connected();
    node.write(node.comment(0, 1));
    let mut newer = node.map.clone();
    newer.claim(&names()[0]);
    let moved = AnswerBatch { moved: vec![1], map_epoch: newer.epoch(), ..AnswerBatch::default() };
    assert_eq!(node.answer(peer, moved), [Output::WantMap { epoch: newer.epoch() }]);
    let outbox = node.step(Input::Map(Arc::new(newer.clone())));
    assert_eq!(sent(&outbox, peer), [[1]]);
    let slot = node.id(0, 1).slot();
    assert_eq!(batches(&outbox, peer)[0].slot_epoch(slot), Some(newer.owner(slot).epoch));
    assert_eq!(answered(&node.done(peer, &[1])).len(), 1);
}

#[test]
fn a_map_that_does_not_come_is_asked_for_again() {
    let (mut node, [peer, _]) = Node::connected();
    node.write(node.comment(0, 1));
    let want = Output::WantMap { epoch: Epoch::new(9) };
    let moved = AnswerBatch { moved: vec![1], map_epoch: Epoch::new(9), ..AnswerBatch::default() };
    assert_eq!(node.answer(peer, moved), std::slice::from_ref(&want));
    assert_eq!(node.uplink.deadline(), Some(START.plus(MOVED_RETRY_MS)));
    assert_eq!(node.after(MOVED_RETRY_MS), [want]);
    node.after(5_000);
    assert_eq!(refused(&node.after(5_000)), [(1, Code::Overloaded)], "an owner said that it was not taken");
    assert_eq!(node.uplink.deadline(), None);
}

#[test]
fn an_owner_with_the_older_map_is_asked_again_shortly() {
    let (mut node, [peer, _]) = Node::connected();
    let mut newer = node.map.clone();
    newer.claim(&names()[0]);
    node.step(Input::Map(Arc::new(newer)));
    node.write(node.comment(0, 1));
    let moved = AnswerBatch { moved: vec![1], map_epoch: node.map.epoch(), ..AnswerBatch::default() };
    assert_eq!(node.answer(peer, moved), []);
    assert_eq!(node.after(MOVED_RETRY_MS - 1), []);
    assert_eq!(sent(&node.after(1), peer), [[1]]);
}

#[test]
fn what_waits_follows_its_slot_to_another_owner() {
    let mut node = Node::new(Config::new(77));
    let (second, _) = node.up(1);
    node.write(node.comment(0, 1));
    let mut alone = Map::found(KEY, &names()[1..]).unwrap();
    alone.claim(&names()[1]);
    assert_eq!(sent(&node.step(Input::Map(Arc::new(alone))), second), [[1]]);
}

#[test]
fn an_older_map_changes_nothing() {
    let (mut node, [peer, _]) = Node::connected();
    let older = Arc::new(node.map.clone());
    node.map.claim(&names()[0]);
    node.step(Input::Map(Arc::new(node.map.clone())));
    node.step(Input::Map(older));
    let outbox = node.write(node.comment(0, 1));
    assert_eq!(batches(&outbox, peer)[0].map_epoch, node.map.epoch());
}

/// Taps on this processor's stream.
fn taps(node: &Node, processor: usize, count: u64) -> Input<'static> {
    let home = |name: &String| node.map.owner_of(&KEY.home(&name.parse().unwrap())).node == names()[processor];
    let stream = (0..).map(|n| format!("s{n}")).find(home).unwrap().parse().unwrap();
    Input::Taps { stream, kind: "heart".to_owned().try_into().unwrap(), count }
}

/// The reports of taps on a link: number, reporter, hearts.
fn reactions(outbox: &[Output], on: PeerId) -> Vec<(u64, u64, u64)> {
    let hearts = |counts: &Reactions| counts.values().sum();
    let rows = batches(outbox, on).into_iter().flat_map(|batch| &batch.reactions);
    rows.map(|row| (row.number, row.reporter, hearts(&row.counts))).collect()
}

#[test]
fn taps_are_sent_as_totals_five_times_a_second() {
    let (mut node, [peer, _]) = Node::connected();
    let outbox = node.step(taps(&node, 0, 3));
    assert_eq!(reactions(&outbox, peer), [(1, 77, 3)], "the first at once");
    for _ in 0..1_000 {
        assert_eq!(node.step(taps(&node, 0, 2)), []);
    }
    assert_eq!(node.uplink.deadline(), Some(START.plus(200)));
    assert_eq!(reactions(&node.after(200), peer), [(2, 77, 2_003)]);
    node.done(peer, &[2]);
    assert_eq!(node.uplink.deadline(), None);
    assert_eq!(node.uplink.counters().taps_in, 2_003);
    assert_eq!(node.uplink.counters().reactions_out, 2);
}

#[test]
fn taps_never_stand_in_the_way_of_writes() {
    let (mut node, [peer, _]) = Node::connected();
    for _ in 0..10 {
        node.step(taps(&node, 0, 1));
        node.after(200);
    }
    assert_eq!(sent(&node.write(node.comment(0, 1)), peer).len(), 1, "ten unanswered reports are no flights");
}

#[test]
fn a_reconnect_sends_the_taps_that_may_be_lost() {
    let (mut node, [peer, _]) = Node::connected();
    node.step(taps(&node, 0, 3));
    node.step(Input::Lost(peer));
    node.step(taps(&node, 0, 4));
    node.after(1_000);
    let (peer, _) = node.up(0);
    let outbox = node.after(TAPS_RETRY_MS);
    assert_eq!(reactions(&outbox, peer), [(2, 77, 7)]);
    node.done(peer, &[2]);
    node.step(Input::Lost(peer));
    let (peer, _) = node.up(0);
    assert_eq!(reactions(&node.after(TAPS_RETRY_MS), peer), [], "they are durable");
}
const TAPS_RETRY_MS: u64 = super::taps::INTERVAL_MS;

#[test]
fn taps_that_an_owner_did_not_take_are_sent_again() {
    let (mut node, [peer, _]) = Node::connected();
    node.step(taps(&node, 0, 3));
    let moved = AnswerBatch { moved: vec![1], map_epoch: node.map.epoch(), ..AnswerBatch::default() };
    assert_eq!(node.answer(peer, moved), []);
    assert_eq!(reactions(&node.after(200), peer), [(2, 77, 3)]);
    let refused = vec![(2, Refusal::retry(Code::Overloaded, 1_000, "the disk is full"))];
    assert_eq!(node.answer(peer, AnswerBatch { refused, ..AnswerBatch::default() }), []);
    assert_eq!(reactions(&node.after(200), peer), [(3, 77, 3)]);
}

#[test]
fn taps_on_too_many_streams_or_kinds_are_dropped() {
    let mut node = Node::new(Config { tapped_streams_max: 2, ..Config::new(77) });
    let tap = |stream: u32, kind: u32| Input::Taps {
        stream: format!("s{stream}").parse().unwrap(),
        kind: format!("k{kind}").try_into().unwrap(),
        count: 1,
    };
    (0..5).for_each(|stream| drop(node.step(tap(stream, 0))));
    assert_eq!(node.uplink.counters().taps_dropped, 3);
    (0..20).for_each(|kind| drop(node.step(tap(0, kind))));
    assert_eq!(node.uplink.counters().taps_dropped, 3 + 4);
}

fn ask(token: u64, to: To) -> Input<'static> {
    Input::Ask { token, to, query: Query::Totals { stream: "demo".parse().unwrap() } }
}

fn told(outbox: &[Output]) -> Vec<(u64, bool)> {
    let told = |output: &Output| match output {
        Output::Told { token, reply } => Some((*token, reply.is_some())),
        _ => None,
    };
    outbox.iter().filter_map(told).collect()
}

#[test]
fn a_question_is_told_its_answer_once() {
    let (mut node, [peer, other]) = Node::connected();
    let outbox = node.step(ask(40, To::Node(names()[0].clone())));
    let query = Query::Totals { stream: "demo".parse().unwrap() };
    assert_eq!(outbox, [Output::Send { peer, message: ToProcessor::Query { number: 1, query } }]);
    let reply = |number| FromProcessor::Reply { number, reply: Reply::Unavailable };
    assert_eq!(node.step(Input::Message { peer: other, message: reply(1) }), []);
    assert_eq!(told(&node.step(Input::Message { peer, message: reply(1) })), [(40, true)]);
    assert_eq!(node.step(Input::Message { peer, message: reply(1) }), []);
    let outbox = node.step(ask(41, To::Owner(node.id(1, 3).slot())));
    assert!(matches!(outbox[..], [Output::Send { peer, .. }] if peer == other));
}

#[test]
fn a_question_without_an_answer_is_told_so() {
    let (mut node, [peer, other]) = Node::connected();
    node.step(ask(1, To::Node(names()[0].clone())));
    assert_eq!(node.uplink.deadline(), Some(START.plus(3_000)));
    assert_eq!(told(&node.after(3_000)), [(1, false)], "late");
    node.step(ask(2, To::Node(names()[0].clone())));
    assert_eq!(told(&node.step(Input::Lost(peer))), [(2, false)], "lost");
    assert_eq!(told(&node.step(ask(3, To::Node(names()[0].clone())))), [(3, false)], "not there");
    assert_eq!(told(&node.step(ask(4, To::Node("p9".parse().unwrap())))), [(4, false)], "never was");
    node.step(Input::Full(other));
    assert_eq!(told(&node.step(ask(5, To::Node(names()[1].clone())))), [(5, false)], "full");
    assert_eq!(node.uplink.counters().queries_unanswered, 5);
}

#[test]
fn open_questions_have_a_maximum() {
    let mut node = Node::new(Config { queries_max: 2, ..Config::new(77) });
    node.up(0);
    let asked: Vec<_> = (0..3).flat_map(|token| told(&node.step(ask(token, To::Node(names()[0].clone()))))).collect();
    assert_eq!(asked, [(2, false)]);
}
