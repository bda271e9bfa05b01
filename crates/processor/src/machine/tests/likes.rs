//! What is promised of likes: stamps, repeats, strangers, limits.

use watershed_protocol::{Register, Stamp};

use crate::machine::{rig::*, *};

fn liked(stamp: u64) -> Register {
    Register { stamp: Stamp::new(stamp).unwrap(), liked: true }
}

#[test]
fn a_like_sent_twice_counts_once() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(rig.put(batch().like(HI, "ann", 5).like(HI, "ann", 5)), [Told::Like(5, true), Told::Like(5, true)]);
    assert_eq!(rig.put(batch().like(HI, "ann", 5)), [Told::Like(5, true)]);
    assert_eq!(rig.shown(), [(HI, 1)]);
}

#[test]
fn an_older_stamp_is_acknowledged_with_the_register_as_it_is() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().unlike(HI, "ann", 9));
    assert_eq!(rig.put(batch().like(HI, "ann", 8)), [Told::Like(9, false)]);
    assert_eq!(rig.shown(), [(HI, 0)]);
    assert_eq!(rig.likes("ann", &[HI]), []);
}

#[test]
fn at_equal_stamps_unlike_wins_in_either_order() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(rig.put(batch().like(HI, "ann", 5).unlike(HI, "ann", 5)), [Told::Like(5, true), Told::Like(5, false)]);
    assert_eq!(rig.put(batch().unlike(HI, "bob", 5).like(HI, "bob", 5)), [Told::Like(5, false), Told::Like(5, false)]);
    assert_eq!(rig.shown(), [(HI, 0)]);
}

#[test]
fn a_viewer_may_change_his_mind_as_often_as_he_likes() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().like(HI, "ann", 1).like(HI, "bob", 1));
    rig.put(batch().unlike(HI, "ann", 2));
    assert_eq!(rig.shown(), [(HI, 1)]);
    rig.put(batch().like(HI, "ann", 3).unlike(HI, "ann", 4).like(HI, "ann", 5));
    assert_eq!(rig.shown(), [(HI, 2)]);
    assert_eq!((rig.likes("ann", &[HI]), rig.machine.counters().registers), (vec![HI], 2));
}

#[test]
fn unliking_what_was_not_liked_is_acknowledged_and_counts_nothing() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.watched();
    assert_eq!(rig.put(batch().unlike(HI, "bob", 5)), [Told::Like(5, false)]);
    assert_eq!(rig.shown(), [(HI, 1)]);
    assert_eq!(rig.pass(5_000), [], "and nobody is told");
    assert_eq!(rig.put(batch().like(HI, "bob", 4)), [Told::Like(5, false)], "but it is remembered");
}

#[test]
fn a_stamp_may_be_sixty_seconds_ahead_and_no_more() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let bound = rig.now.get() + 60_000;
    assert_eq!(rig.put(batch().like(HI, "ann", bound + 1)), [Told::Refused(Code::BadStamp)]);
    assert_eq!(rig.shown(), [(HI, 0)]);
    assert_eq!(rig.put(batch().like(HI, "ann", bound)), [Told::Like(bound, true)]);
    rig.now = rig.now.plus(1);
    assert_eq!(rig.put(batch().like(HI, "ann", bound + 1)), [Told::Like(bound + 1, true)]);
    assert_eq!(rig.put(batch().like(HI, "bob", limits::STAMP_MAX)), [Told::Refused(Code::BadStamp)]);
}

#[test]
fn a_comment_is_unknown_on_every_other_stream() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().comment_on(1, id(2, 2), "ann", "hi"));
    let writes = batch().set(1, HI, key("ann"), liked(5)).set(9, HI, key("ann"), liked(5)).like(id(2, 2), "ann", 5);
    assert_eq!(rig.put(writes.like(id(2, 3), "ann", 5)), [Told::Refused(Code::UnknownComment); 4]);
    assert_eq!(rig.shown(), [(HI, 0)]);
    assert_eq!(rig.put(batch().set(1, id(2, 2), key("ann"), liked(5))), [Told::Like(5, true)]);
}

#[test]
fn a_comment_is_unknown_until_it_is_durable() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    assert_eq!(answers(&rig.send(B, batch().like(HI, "bob", 5)), B), [], "the refusal waits: it read what may be lost");
    assert_eq!(answers(&rig.durable(), B), [(1, Told::Refused(Code::UnknownComment))]);
    assert_eq!(rig.put(batch().like(HI, "bob", 5)), [Told::Like(5, true)]);
}

#[test]
fn beyond_viewers_max_only_those_who_are_known_may_like() {
    let mut rig = Rig::with(Config { viewers_max: 2, ..config() });
    rig.put(batch().comment(HI, "ann", "hi").comment(id(3, 1), "ann", "ho"));
    rig.put(batch().like(HI, "ann", 1).like(HI, "bob", 1));
    let writes = batch().like(HI, "eve", 1).like(id(3, 1), "ann", 1).unlike(HI, "bob", 2).unlike(HI, "eve", 2);
    let refused = Told::Refused(Code::Overloaded);
    assert_eq!(rig.put(writes), [refused, Told::Like(1, true), Told::Like(2, false), refused]);
    rig.restart();
    assert_eq!(rig.put(batch().like(HI, "eve", 3).like(HI, "bob", 3)), [refused, Told::Like(3, true)]);
    assert_eq!(rig.shown(), [(id(3, 1), 1), (HI, 2)]);
    assert_eq!((rig.machine.counters().viewers, rig.machine.counters().viewers_turned_away), (2, 1));
}

#[test]
fn beyond_registers_max_only_those_who_said_something_before_may_say_more() {
    let mut rig = Rig::with(Config { registers_max: 2, ..config() });
    rig.put(batch().comment(HI, "ann", "hi").comment(id(3, 1), "ann", "ho"));
    rig.put(batch().like(HI, "ann", 1).like(HI, "bob", 1));
    let writes = batch().like(HI, "eve", 1).like(id(3, 1), "ann", 1).unlike(HI, "ann", 2).like(HI, "bob", 1);
    let refused = Told::Refused(Code::Overloaded);
    assert_eq!(rig.put(writes), [refused, refused, Told::Like(2, false), Told::Like(1, true)]);
    assert_eq!((rig.shown(), rig.machine.counters().registers), (vec![(id(3, 1), 0), (HI, 1)], 2));
    assert_eq!(rig.machine.counters().viewers, 2, "who is refused is not remembered");
    rig.put(batch().delete(HI, "ann"));
    assert_eq!(rig.put(batch().like(id(3, 1), "eve", 1)), [Told::Like(1, true)], "a deletion makes room");
}
