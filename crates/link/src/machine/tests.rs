//! Promises of a link: two machines back to back, with a clock and a wire that the test holds in its hands.

use std::collections::VecDeque;

use proptest::prelude::*;
use watershed_protocol::{Epoch, NodeName, Role};

use super::*;
use crate::{MESSAGE_COST, Refusal};

const SECRET: &str = "of this cluster";

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn hello(role: Role, node: &str) -> Hello {
    Hello {
        role,
        node: name(node),
        incarnation: 1,
        url: format!("ws://{node}"),
        map_epoch: Epoch::new(1),
        root_epoch: Epoch::new(1),
    }
}

fn config() -> LinkConfig {
    LinkConfig::new(Secret::new(SECRET).unwrap())
}

fn with_window(window_bytes: u64) -> LinkConfig {
    LinkConfig { window_bytes, ..config() }
}

/// One machine, what it sent and has not arrived yet, and what it told its driver.
struct End {
    link: Link,
    wire: VecDeque<Packet>,
    told: Vec<Output>,
    bodies: Vec<Bytes>,
    takes: bool,
    silenced: bool,
    closing: bool,
}

impl End {
    fn new(link: Link) -> Self {
        let (wire, told, bodies) = (VecDeque::new(), Vec::new(), Vec::new());
        Self { link, wire, told, bodies, takes: true, silenced: false, closing: false }
    }

    fn step(&mut self, now: Millis, input: Input) {
        let mut outbox = Vec::new();
        self.link.step(now, input, &mut outbox);
        self.obey(now, outbox);
        while self.link.deadline().is_some_and(|at| at <= now) {
            let mut outbox = Vec::new();
            self.link.step(now, Input::Tick(HybridTime::at(now)), &mut outbox);
            self.obey(now, outbox);
        }
    }

    fn obey(&mut self, now: Millis, outbox: Vec<Output>) {
        for output in outbox {
            match output {
                Output::Transmit(packet) if !self.silenced => self.wire.push_back(packet),
                Output::Transmit(_) => {}
                Output::Message(body) => {
                    let bytes = body.len() as u64;
                    self.bodies.push(body);
                    if self.takes {
                        self.step(now, Input::Taken { messages: 1, bytes });
                    }
                }
                Output::Disconnect => {
                    self.closing = true;
                    self.told.push(Output::Disconnect);
                }
                Output::Heard(_) => {}
                other => self.told.push(other),
            }
        }
    }

    fn offer(&mut self, now: Millis, body: &[u8]) -> Result<(), OfferError> {
        let mut outbox = Vec::new();
        let offered = self.link.offer(now, Bytes::copy_from_slice(body), &mut outbox);
        self.obey(now, outbox);
        offered
    }

    fn reasons(&self) -> Vec<DownReason> {
        let reason = |output: &Output| match output {
            Output::Down(reason) | Output::Failed(reason) => Some(reason.clone()),
            _ => None,
        };
        self.told.iter().filter_map(reason).collect()
    }

    fn count(&self, wanted: impl Fn(&Output) -> bool) -> usize {
        self.told.iter().filter(|o| wanted(o)).count()
    }
}

struct Pair {
    now: Millis,
    dialer: End,
    accepter: End,
}

impl Pair {
    fn new(dialer: Link, accepter: Link) -> Self {
        Self { now: Millis::new(1_000), dialer: End::new(dialer), accepter: End::new(accepter) }
    }

    fn of(dialer: LinkConfig, accepter: LinkConfig) -> Self {
        let expect = Some((Role::Processor, name("p2")));
        Self::new(
            Link::dialer(dialer, hello(Role::Broadcast, "b1"), expect, 42),
            Link::accepter(accepter, hello(Role::Processor, "p2")),
        )
    }

    fn connected(dialer: LinkConfig, accepter: LinkConfig) -> Self {
        let mut pair = Self::of(dialer, accepter);
        pair.connect();
        pair.settle();
        pair
    }

    fn up() -> Self {
        let pair = Self::connected(config(), config());
        assert!(pair.dialer.link.is_up() && pair.accepter.link.is_up());
        pair
    }

    fn connect(&mut self) {
        self.dialer.step(self.now, Input::Tick(HybridTime::at(self.now)));
        assert_eq!(self.dialer.told.last(), Some(&Output::Dial));
        self.accepter.step(self.now, Input::Connected);
        self.dialer.step(self.now, Input::Connected);
    }

    /// Carries everything across, until nothing moves; then tells each end that the other has closed, if it has.
    fn settle(&mut self) {
        loop {
            let moved = carry(self.now, &mut self.dialer, &mut self.accepter)
                | carry(self.now, &mut self.accepter, &mut self.dialer);
            if !moved {
                break;
            }
        }
        if std::mem::take(&mut self.dialer.closing) {
            self.accepter.step(self.now, Input::Closed);
        }
        if std::mem::take(&mut self.accepter.closing) {
            self.dialer.step(self.now, Input::Closed);
        }
    }

    /// Lets time pass, a millisecond at a time, with everything sent arriving at once.
    fn pass(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now = self.now.plus(1);
            for end in [&mut self.dialer, &mut self.accepter] {
                if end.link.deadline().is_some_and(|at| at <= self.now) {
                    end.step(self.now, Input::Tick(HybridTime::at(self.now)));
                }
            }
            self.settle();
        }
    }
}

fn bytes_of(packet: &Packet) -> Bytes {
    [&packet.head()[4..], packet.body()].concat().into()
}

fn carry(now: Millis, from: &mut End, to: &mut End) -> bool {
    let Some(packet) = from.wire.pop_front() else { return false };
    to.step(now, Input::Frame(bytes_of(&packet)));
    true
}

#[test]
fn two_nodes_meet_and_learn_who_the_other_is() {
    let pair = Pair::up();
    assert_eq!(pair.dialer.told, [Output::Dial, Output::Up(hello(Role::Processor, "p2"))]);
    assert_eq!(pair.accepter.told, [Output::Up(hello(Role::Broadcast, "b1"))]);
}

#[test]
fn bodies_arrive_in_order_once_both_ways() {
    let mut pair = Pair::up();
    for n in 0..100u8 {
        pair.dialer.offer(pair.now, &[n]).unwrap();
        pair.accepter.offer(pair.now, &[n, n]).unwrap();
    }
    pair.settle();
    assert_eq!(pair.accepter.bodies, (0..100u8).map(|n| vec![n]).collect::<Vec<_>>());
    assert_eq!(pair.dialer.bodies, (0..100u8).map(|n| vec![n, n]).collect::<Vec<_>>());
}

#[test]
fn nothing_is_taken_before_the_link_is_up_nor_after_it_is_down() {
    let mut pair = Pair::of(config(), config());
    assert_eq!(pair.dialer.offer(pair.now, b"early"), Err(OfferError::Down));
    pair.connect();
    assert_eq!(pair.dialer.offer(pair.now, b"early"), Err(OfferError::Down));
    pair.settle();
    assert_eq!(pair.dialer.offer(pair.now, b"now"), Ok(()));
    pair.dialer.step(pair.now, Input::Closed);
    assert_eq!(pair.dialer.offer(pair.now, b"late"), Err(OfferError::Down));
}

#[test]
fn a_quiet_link_stays_up_by_its_heartbeats_alone() {
    let mut pair = Pair::up();
    pair.pass(60_000);
    assert!(pair.dialer.link.is_up() && pair.accepter.link.is_up());
    assert!(pair.dialer.reasons().is_empty());
}

#[test]
fn heartbeats_are_twice_a_second_and_carry_the_hybrid_time() {
    let mut pair = Pair::up();
    let mut heard = Vec::new();
    for _ in 0..2_000 {
        pair.now = pair.now.plus(1);
        if pair.dialer.link.deadline().is_some_and(|at| at <= pair.now) {
            pair.dialer.step(pair.now, Input::Tick(HybridTime::at(pair.now)));
        }
        while let Some(packet) = pair.dialer.wire.pop_front() {
            pair.accepter.link.step(pair.now, Input::Frame(bytes_of(&packet)), &mut heard);
        }
        pair.dialer.step(pair.now, Input::Progress);
    }
    let due = [500, 1_000, 1_500, 2_000].map(|ms| Output::Heard(HybridTime::at(Millis::new(1_000 + ms))));
    assert_eq!(heard, due);
}

#[test]
fn a_silent_peer_is_down_after_two_seconds() {
    let mut pair = Pair::up();
    pair.accepter.silenced = true;
    pair.pass(1_999);
    assert!(pair.dialer.link.is_up());
    pair.pass(1);
    assert_eq!(pair.dialer.reasons(), [DownReason::Silent { ms: 2_000 }]);
}

#[test]
fn a_part_of_a_large_message_is_a_sign_of_life() {
    let mut pair = Pair::up();
    pair.accepter.silenced = true;
    for _ in 0..10 {
        pair.pass(1_500);
        pair.dialer.step(pair.now, Input::Progress);
    }
    assert!(pair.dialer.link.is_up());
}

#[test]
fn a_lost_message_brings_the_connection_down() {
    let mut pair = Pair::up();
    for body in [b"a", b"b", b"c"] {
        pair.dialer.offer(pair.now, body).unwrap();
    }
    pair.dialer.wire.remove(1);
    pair.settle();
    assert_eq!(pair.accepter.bodies, [&b"a"[..]]);
    assert_eq!(pair.accepter.reasons(), [DownReason::Gap { expected: 2, found: 3 }]);
    assert_eq!(pair.dialer.reasons(), [DownReason::Closed]);
}

#[test]
fn a_message_that_comes_twice_brings_the_connection_down() {
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"a").unwrap();
    let again = pair.dialer.wire[0].clone();
    pair.dialer.wire.push_back(again);
    pair.settle();
    assert_eq!(pair.accepter.bodies, [&b"a"[..]]);
    assert_eq!(pair.accepter.reasons(), [DownReason::Gap { expected: 2, found: 1 }]);
}

#[test]
fn the_loss_of_the_last_message_is_seen_at_the_next_heartbeat() {
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"a").unwrap();
    pair.dialer.wire.clear();
    pair.pass(500);
    assert_eq!(pair.accepter.reasons(), [DownReason::Leak { sent: 1, received: 0 }]);
}

#[test]
fn a_peer_that_lives_but_receives_nothing_is_stalled() {
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"a").unwrap();
    pair.dialer.wire.clear();
    for _ in 0..9_999 {
        pair.now = pair.now.plus(1);
        pair.dialer.step(pair.now, Input::Progress);
    }
    assert!(pair.dialer.link.is_up());
    pair.now = pair.now.plus(1);
    pair.dialer.step(pair.now, Input::Progress);
    assert_eq!(pair.dialer.reasons(), [DownReason::Stalled { ms: 10_000, outstanding: 1 }]);
}

#[test]
fn a_full_window_refuses_and_says_when_there_is_room() {
    let mut pair = Pair::connected(with_window(10_000), with_window(10_000));
    pair.accepter.takes = false;
    let body = [0; 1_000 - MESSAGE_COST as usize];
    for _ in 0..10 {
        pair.dialer.offer(pair.now, &body).unwrap();
    }
    assert_eq!(pair.dialer.offer(pair.now, b""), Err(OfferError::Full { window: 10_000 }));
    pair.pass(5_000);
    assert_eq!(pair.accepter.bodies.len(), 10, "a full window holds nothing back that was accepted");
    assert_eq!(pair.dialer.count(|o| *o == Output::Room), 0);

    let taken = |messages: u64| Input::Taken { messages, bytes: messages * body.len() as u64 };
    pair.accepter.step(pair.now, taken(4));
    pair.settle();
    assert_eq!(pair.dialer.count(|o| *o == Output::Room), 0, "less than half is free");
    pair.accepter.step(pair.now, taken(3));
    pair.settle();
    assert_eq!(pair.dialer.count(|o| *o == Output::Room), 1, "acknowledged at once, without waiting for a heartbeat");
    for _ in 0..7 {
        pair.dialer.offer(pair.now, &body).unwrap();
    }
    assert!(pair.dialer.offer(pair.now, &body).is_err());
}

#[test]
fn a_slow_consumer_does_not_make_its_link_silent() {
    let mut pair = Pair::connected(with_window(10_000), with_window(10_000));
    pair.accepter.takes = false;
    while pair.dialer.offer(pair.now, &[0; 100]).is_ok() {}
    pair.pass(30_000);
    assert!(pair.dialer.link.is_up() && pair.accepter.link.is_up());
}

#[test]
fn room_is_only_told_to_whom_was_refused() {
    let mut pair = Pair::connected(with_window(10_000), with_window(10_000));
    for _ in 0..100 {
        pair.dialer.offer(pair.now, &[0; 2_000]).unwrap();
        pair.pass(500);
    }
    assert_eq!(pair.dialer.count(|o| *o == Output::Room), 0);
}

#[test]
fn a_single_body_may_be_larger_than_the_window() {
    let mut pair = Pair::connected(with_window(2_000), with_window(2_000));
    pair.dialer.offer(pair.now, &[1; 50_000]).unwrap();
    assert_eq!(pair.dialer.offer(pair.now, b"next"), Err(OfferError::Full { window: 2_000 }));
    pair.settle();
    assert_eq!(pair.accepter.bodies.len(), 1);
    assert_eq!(pair.dialer.count(|o| *o == Output::Room), 1);
    pair.dialer.offer(pair.now, b"next").unwrap();
}

#[test]
fn empty_bodies_fill_the_window_too() {
    let mut pair = Pair::connected(with_window(10_000), with_window(10_000));
    pair.accepter.takes = false;
    let taken = (0..).take_while(|_| pair.dialer.offer(pair.now, b"").is_ok()).count();
    assert_eq!(taken as u64, 10_000 / MESSAGE_COST);
}

#[test]
fn a_body_that_no_frame_holds_is_refused_for_its_size() {
    let mut pair = Pair::up();
    let max = watershed_protocol::limits::PEER_FRAME_BYTES_MAX;
    let refused = pair.dialer.offer(pair.now, &vec![0; max + 1]);
    assert_eq!(refused, Err(OfferError::TooLarge { bytes: max + 1, max }));
    assert!(pair.dialer.wire.is_empty());
    pair.dialer.offer(pair.now, &vec![0; max]).unwrap();
}

#[test]
fn both_sides_keep_to_the_smaller_window() {
    for (dialer, accepter) in [(2_000, 1 << 20), (1 << 20, 2_000)] {
        let mut pair = Pair::connected(with_window(dialer), with_window(accepter));
        for end in [&mut pair.dialer, &mut pair.accepter] {
            end.offer(pair.now, &[0; 1_900]).unwrap();
            assert_eq!(end.offer(pair.now, &[0; 1_900]), Err(OfferError::Full { window: 2_000 }));
        }
        pair.settle();
        assert_eq!(pair.dialer.count(|o| *o == Output::Room), 1);
        assert_eq!(pair.accepter.count(|o| *o == Output::Room), 1);
    }
}

#[test]
fn a_peer_that_overruns_the_window_is_cut_off() {
    let mut pair = Pair::connected(with_window(2_000), with_window(2_000));
    pair.accepter.takes = false;
    for number in 1..=2 {
        pair.accepter.step(pair.now, Input::Frame(bytes_of(&Packet::message(number, vec![0; 1_000].into()))));
    }
    assert_eq!(pair.accepter.reasons(), [DownReason::Overrun { bytes: 2_128, window: 2_000 }]);
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_brings_the_connection_down() {
    let hybrid = HybridTime::default();
    for (received, taken) in [(2, 0), (1, 66), (1, u64::MAX)] {
        let mut pair = Pair::up();
        pair.dialer.offer(pair.now, b"a").unwrap();
        let heartbeat = crate::Heartbeat { sent: 0, received, taken, hybrid };
        pair.dialer.step(pair.now, Input::Frame(bytes_of(&Packet::heartbeat(&heartbeat))));
        assert!(matches!(pair.dialer.reasons()[..], [DownReason::Acknowledged { .. }]), "{heartbeat:?}");
    }
}

#[test]
fn an_acknowledgement_is_never_taken_back() {
    let hybrid = HybridTime::default();
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"a").unwrap();
    for (received, taken) in [(1, 65), (0, 65)] {
        let heartbeat = crate::Heartbeat { sent: 0, received, taken, hybrid };
        pair.dialer.step(pair.now, Input::Frame(bytes_of(&Packet::heartbeat(&heartbeat))));
    }
    assert_eq!(pair.dialer.reasons(), [DownReason::Acknowledged { acknowledged: 0, sent: 1 }]);
}

#[test]
fn a_wrong_secret_is_refused_with_a_reason() {
    let stranger = LinkConfig::new(Secret::new("of another cluster").unwrap());
    let pair = Pair::connected(stranger, config());
    assert_eq!(pair.accepter.reasons(), [DownReason::Refused(Refusal::Secret)]);
    assert_eq!(pair.dialer.reasons(), [DownReason::RefusedByPeer(Refusal::Secret)]);
    assert_eq!(pair.accepter.count(|o| matches!(o, Output::Up(_))), 0);
    assert!(pair.accepter.link.is_over());
}

#[test]
fn another_node_at_the_address_is_refused_before_it_is_up() {
    let expected = (Role::Processor, name("p2"));
    let mut pair = Pair::new(
        Link::dialer(config(), hello(Role::Broadcast, "b1"), Some(expected.clone()), 1),
        Link::accepter(config(), hello(Role::Processor, "p3")),
    );
    pair.connect();
    pair.settle();
    let refusal = Refusal::Identity { expected, found: (Role::Processor, name("p3")) };
    assert_eq!(pair.accepter.told, [Output::Failed(DownReason::Refused(refusal.clone())), Output::Disconnect]);
    assert_eq!(pair.dialer.reasons(), [DownReason::RefusedByPeer(refusal)]);
}

#[test]
fn a_node_of_another_role_under_the_right_name_is_refused() {
    let mut pair = Pair::new(
        Link::dialer(config(), hello(Role::Broadcast, "b1"), Some((Role::Merger, name("p2"))), 1),
        Link::accepter(config(), hello(Role::Processor, "p2")),
    );
    pair.connect();
    pair.settle();
    assert!(matches!(pair.accepter.reasons()[..], [DownReason::Refused(Refusal::Identity { .. })]));
}

#[test]
fn a_dialer_checks_by_itself_who_answers() {
    let mut pair = Pair::of(config(), config());
    pair.connect();
    let mut imposter = Link::accepter(config(), hello(Role::Processor, "p3")).greeting();
    imposter.to = None;
    pair.dialer.step(pair.now, Input::Frame(bytes_of(&Packet::hello(&imposter))));
    assert!(matches!(pair.dialer.reasons()[..], [DownReason::Refused(Refusal::Identity { .. })]));
}

#[test]
fn another_format_version_is_refused_without_reading_its_greeting() {
    let mut pair = Pair::of(config(), config());
    pair.connect();
    pair.dialer.wire.clear();
    pair.accepter.step(pair.now, Input::Frame(Bytes::from_static(&[1, 200, 0xc1, 0xff])));
    pair.settle();
    let refusal = Refusal::Version { expected: 1, found: 200 };
    assert_eq!(pair.accepter.reasons(), [DownReason::Refused(refusal.clone())]);
    assert_eq!(pair.dialer.reasons(), [DownReason::RefusedByPeer(refusal)]);
}

#[test]
fn a_handshake_that_takes_too_long_is_given_up_by_both() {
    let mut pair = Pair::of(config(), config());
    pair.connect();
    pair.dialer.wire.clear();
    pair.dialer.silenced = true;
    pair.pass(2_000);
    assert_eq!(pair.accepter.reasons(), [DownReason::HandshakeTimeout { ms: 2_000 }]);
    assert_eq!(pair.dialer.reasons(), [DownReason::HandshakeTimeout { ms: 2_000 }]);
}

#[test]
fn connecting_that_takes_too_long_is_given_up() {
    let mut pair = Pair::of(config(), config());
    pair.dialer.step(pair.now, Input::Tick(HybridTime::default()));
    pair.pass(2_000);
    let expected = [Output::Dial, Output::Failed(DownReason::HandshakeTimeout { ms: 2_000 }), Output::Disconnect];
    assert_eq!(pair.dialer.told, expected);
}

#[test]
fn nothing_but_a_greeting_is_heard_before_the_handshake() {
    for packet in [
        Packet::message(1, Bytes::from_static(b"a")),
        Packet::heartbeat(&crate::Heartbeat { sent: 0, received: 0, taken: 0, hybrid: HybridTime::default() }),
    ] {
        let mut pair = Pair::of(config(), config());
        pair.connect();
        pair.accepter.step(pair.now, Input::Frame(bytes_of(&packet)));
        assert_eq!(pair.accepter.reasons(), [DownReason::OutOfPlace]);
        assert!(pair.accepter.bodies.is_empty());
    }
}

#[test]
fn a_stranger_may_not_send_large_frames() {
    let mut pair = Pair::of(config(), config());
    pair.connect();
    assert_eq!(pair.accepter.link.frame_bytes_max(), CONTROL_BYTES_MAX);
    pair.settle();
    assert_eq!(pair.accepter.link.frame_bytes_max(), FRAME_BYTES_MAX);
}

#[test]
fn a_second_greeting_is_out_of_place() {
    let mut pair = Pair::up();
    let again = Packet::hello(&pair.dialer.link.greeting());
    pair.accepter.step(pair.now, Input::Frame(bytes_of(&again)));
    assert_eq!(pair.accepter.reasons(), [DownReason::OutOfPlace]);
}

#[test]
fn a_dialer_dials_again_with_growing_bounded_pauses() {
    let mut link = End::new(Link::dialer(config(), hello(Role::Broadcast, "b1"), None, 3));
    let mut now = Millis::new(1_000);
    let mut longest = 0;
    for attempt in 0..50 {
        link.step(now, Input::Tick(HybridTime::at(now)));
        assert_eq!(link.told.last(), Some(&Output::Dial), "attempt {attempt}");
        let mut outbox = Vec::new();
        link.link.step(now, Input::ConnectFailed, &mut outbox);
        assert_eq!(outbox, [Output::Failed(DownReason::Unreachable), Output::Disconnect]);
        let pause = link.link.deadline().unwrap().since(now);
        assert!(pause <= (50u64 << attempt.min(10)).min(2_000), "attempt {attempt} pauses {pause} ms");
        longest = longest.max(pause);
        now = now.plus(pause);
    }
    assert!(longest > 1_000, "{longest}");
}

#[test]
fn a_peer_that_is_known_to_be_back_is_dialed_at_once_and_with_short_pauses_again() {
    let mut end = End::new(Link::dialer(config(), hello(Role::Broadcast, "b1"), None, 7));
    let mut now = Millis::new(1_000);
    let dials = |end: &End| end.count(|output| *output == Output::Dial);
    for _ in 0..12 {
        now = end.link.deadline().unwrap().max(now);
        end.step(now, Input::Tick(HybridTime::at(now)));
        end.step(now, Input::ConnectFailed);
    }
    let before = dials(&end);
    end.step(now, Input::Hurry);
    assert_eq!(dials(&end), before + 1);
    end.step(now, Input::Hurry);
    assert_eq!(dials(&end), before + 1, "it is dialing already");
    end.step(now, Input::ConnectFailed);
    assert!(end.link.deadline().unwrap() <= now.plus(50));
}

#[test]
fn a_connection_that_stands_is_not_hurried() {
    let mut pair = Pair::up();
    pair.dialer.step(pair.now, Input::Hurry);
    pair.accepter.step(pair.now, Input::Hurry);
    pair.settle();
    assert!(pair.dialer.link.is_up() && pair.accepter.link.is_up());
}

#[test]
fn a_peer_that_falls_as_soon_as_it_is_up_is_dialed_ever_more_slowly() {
    let ceiling_after = |up_ms: u64| {
        let mut pair = Pair::up();
        for _ in 0..8 {
            pair.pass(up_ms);
            pair.dialer.step(pair.now, Input::Closed);
            let Side::Dialer { backoff, .. } = &pair.dialer.link.side else { panic!("not a dialer") };
            let ceiling = backoff.ceiling_ms();
            pair.now = pair.dialer.link.deadline().unwrap();
            let wires = std::mem::take(&mut pair.dialer.told);
            assert!(!wires.is_empty());
            pair.accepter = End::new(Link::accepter(config(), hello(Role::Processor, "p2")));
            pair.dialer.wire.clear();
            pair.dialer.closing = false;
            pair.connect();
            pair.settle();
            assert!(pair.dialer.link.is_up());
            if ceiling == 2_000 {
                return ceiling;
            }
        }
        50
    };
    assert_eq!(ceiling_after(10), 2_000);
    assert_eq!(ceiling_after(2_100), 50);
}

#[test]
fn a_new_connection_starts_again_at_one_and_resends_nothing() {
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"lost").unwrap();
    pair.dialer.wire.clear();
    pair.dialer.step(pair.now, Input::Closed);
    pair.accepter = End::new(Link::accepter(config(), hello(Role::Processor, "p2")));
    pair.dialer.closing = false;
    pair.now = pair.dialer.link.deadline().unwrap();
    let mut newer = hello(Role::Broadcast, "b1");
    newer.map_epoch = Epoch::new(9);
    pair.dialer.link.introduce_as(newer.clone());
    pair.connect();
    pair.settle();
    assert_eq!(pair.accepter.told, [Output::Up(newer)]);
    pair.dialer.offer(pair.now, b"fresh").unwrap();
    pair.pass(1_000);
    assert_eq!(pair.accepter.bodies, [&b"fresh"[..]]);
    assert!(pair.dialer.link.is_up());
}

#[test]
fn a_shutdown_says_goodbye_and_is_final() {
    let mut pair = Pair::up();
    pair.dialer.offer(pair.now, b"last").unwrap();
    pair.dialer.step(pair.now, Input::Shutdown);
    pair.settle();
    assert_eq!(pair.accepter.bodies, [&b"last"[..]]);
    assert_eq!(pair.accepter.reasons(), [DownReason::Goodbye]);
    assert_eq!(pair.dialer.reasons(), [DownReason::Shutdown]);
    assert!(pair.dialer.link.is_over());
    assert_eq!(pair.dialer.link.deadline(), None);
    pair.dialer.step(pair.now, Input::Shutdown);
    assert_eq!(pair.dialer.reasons().len(), 1);
}

#[test]
fn a_shutdown_between_attempts_needs_no_connection() {
    let mut link = End::new(Link::dialer(config(), hello(Role::Broadcast, "b1"), None, 3));
    link.step(Millis::new(1), Input::Shutdown);
    assert!(link.link.is_over());
    assert_eq!(link.told, []);
}

#[test]
fn hanging_up_ends_the_connection_but_not_the_dialing() {
    let mut pair = Pair::up();
    pair.dialer.step(pair.now, Input::HangUp);
    pair.settle();
    assert_eq!(pair.dialer.reasons(), [DownReason::HungUp]);
    assert_eq!(pair.accepter.reasons(), [DownReason::Goodbye]);
    assert!(pair.dialer.link.deadline().is_some());
    assert!(pair.accepter.link.is_over());
}

#[test]
fn what_comes_after_the_end_changes_nothing() {
    let mut pair = Pair::up();
    pair.accepter.step(pair.now, Input::Closed);
    let told = pair.accepter.told.len();
    for input in [
        Input::Connected,
        Input::ConnectFailed,
        Input::Frame(bytes_of(&Packet::message(1, Bytes::from_static(b"late")))),
        Input::Progress,
        Input::Garbled(FrameError::Empty),
        Input::Closed,
        Input::Taken { messages: 1, bytes: 1 },
        Input::Tick(HybridTime::default()),
        Input::HangUp,
        Input::Shutdown,
    ] {
        pair.accepter.step(pair.now, input);
    }
    assert_eq!(pair.accepter.told.len(), told);
    assert!(pair.accepter.bodies.is_empty());
}

proptest! {
    #[test]
    fn no_frame_crashes_a_link(frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20)) {
        let mut pair = Pair::up();
        for (n, mut frame) in frames.into_iter().enumerate() {
            if let Some(kind) = frame.first_mut() {
                *kind %= 7;
            }
            let end = if n % 2 == 0 { &mut pair.dialer } else { &mut pair.accepter };
            end.step(pair.now, Input::Frame(frame.into()));
        }
        let downs = pair.accepter.count(|o| matches!(o, Output::Down(_)));
        prop_assert!(downs <= 1);
    }

    /// Whatever is offered, taken and delayed: order is kept, nothing is lost, the window holds, and all of it arrives.
    #[test]
    fn a_flood_within_the_window_arrives_whole(
        window in 1_024u64..8_000,
        sizes in prop::collection::vec(0usize..3_000, 1..60),
        pauses in prop::collection::vec(0u64..700, 1..60),
    ) {
        let mut pair = Pair::connected(with_window(window), config());
        pair.accepter.takes = false;
        let (mut offered, mut taken) = (0, 0);
        for pause in pauses.iter().cycle().take(4_000) {
            while offered < sizes.len() && pair.dialer.offer(pair.now, &vec![offered as u8; sizes[offered]]).is_ok() {
                offered += 1;
            }
            pair.pass(*pause);
            if taken < pair.accepter.bodies.len() {
                let bytes = pair.accepter.bodies[taken].len() as u64;
                pair.accepter.step(pair.now, Input::Taken { messages: 1, bytes });
                taken += 1;
            }
            let waiting = &pair.accepter.bodies[taken..];
            let cost: u64 = waiting.iter().map(|b| b.len() as u64 + MESSAGE_COST).sum();
            prop_assert!(waiting.len() <= 1 || cost <= window, "{} wait in a window of {}", cost, window);
            if taken == sizes.len() {
                break;
            }
        }
        prop_assert_eq!(taken, sizes.len());
        prop_assert!(pair.dialer.reasons().is_empty(), "{:?}", pair.dialer.reasons());
        for (n, body) in pair.accepter.bodies.iter().enumerate() {
            prop_assert_eq!(body, &vec![n as u8; sizes[n]]);
        }
    }
}
