//! What is promised of commit groups: every answer waits for the group that holds what it read.

use crate::machine::{rig::*, *};

#[test]
fn an_answer_waits_for_its_group() {
    let mut rig = Rig::new();
    assert_eq!(rig.send(A, batch().comment(HI, "ann", "hi")), []);
    assert!(!rig.machine.is_idle());
    assert_eq!(answers(&rig.durable(), A), [(1, Told::Done)]);
    assert!(rig.machine.is_idle());
}

#[test]
fn what_comes_while_a_group_is_in_flight_makes_the_next() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.send(A, batch().like(HI, "ann", 1));
    assert_eq!(rig.send(A, batch().like(HI, "bob", 1)), []);
    assert_eq!(rig.send(B, batch().like(HI, "eve", 1)), []);
    let (group, sections) = rig.in_flight.clone().unwrap();
    assert_eq!((group, sections.len(), sections[0].to.get()), (2, 1, 2));
    assert_eq!(answers(&rig.durable(), A), [(1, Told::Like(1, true))]);
    assert_eq!(rig.shown(), [(HI, 1)]);
    let (group, sections) = rig.in_flight.clone().unwrap();
    assert_eq!((group, sections[0].from.get(), sections[0].to.get()), (3, 2, 4));
    let outbox = rig.durable();
    assert_eq!((answers(&outbox, A).len(), answers(&outbox, B).len()), (1, 1));
    assert_eq!(rig.shown(), [(HI, 3)]);
}

#[test]
fn a_group_has_one_section_for_each_slot_in_order() {
    let mut rig = Rig::new();
    let comments = [(5, 1), (2, 1), (3, 1), (2, 2)].map(|(slot, n)| id(slot, n));
    rig.send(A, comments.iter().fold(batch(), |batch, id| batch.comment(*id, "ann", "hi")));
    let sections = rig.in_flight.clone().unwrap().1;
    let heads: Vec<_> = sections.iter().map(|s| (s.slot.get(), s.epoch.get(), s.from.get(), s.to.get())).collect();
    assert_eq!(heads, [(2, 1, 0, 2), (3, 1, 0, 1), (5, 1, 0, 1)]);
}

#[test]
fn a_repeat_waits_for_the_group_in_flight_that_holds_its_first_sending() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.send(A, batch().like(HI, "ann", 5).comment(id(2, 2), "ann", "hi"));
    let repeats = batch().like(HI, "ann", 5).like(HI, "ann", 4).comment(id(2, 2), "ann", "hi").comment(HI, "ann", "ho");
    assert_eq!(rig.send(B, repeats), []);
    let told = [(1, Told::Like(5, true)), (2, Told::Like(5, true)), (3, Told::Done)];
    let told = [&told[..], &[(4, Told::Refused(Code::RefReused))]].concat();
    assert_eq!(answers(&rig.durable(), B), told);
    assert!(rig.machine.is_idle(), "repeats make no group");
}

#[test]
fn a_repeat_waits_for_the_open_group_if_that_holds_what_it_read() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.send(A, batch().like(HI, "ann", 5));
    rig.send(A, batch().unlike(HI, "ann", 6));
    rig.send(B, batch().like(HI, "ann", 5));
    assert_eq!(answers(&rig.durable(), B), [], "the register that it read is in the second group");
    assert_eq!(answers(&rig.durable(), B), [(1, Told::Like(6, false))]);
}

#[test]
fn with_nothing_to_wait_for_a_repeat_is_answered_at_once() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    let repeats = batch().like(HI, "v0", 5).comment(HI, "ann", "hi").delete(HI, "bob");
    let told = [(1, Told::Like(5, true)), (2, Told::Done), (3, Told::Refused(Code::Forbidden))];
    assert_eq!(answers(&rig.send(B, repeats), B), told);
    assert!(rig.in_flight.is_none());
}

#[test]
fn a_lost_peer_gets_no_answers_and_its_writes_stay() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.send(A, batch().like(HI, "ann", 1));
    rig.send(A, batch().like(HI, "bob", 1));
    rig.send(B, batch().like(HI, "eve", 1));
    let likes = Query::Likes { stream: stream("demo"), viewer: key("ann"), comments: vec![(HI.slot(), HI)] };
    rig.ask_from(A, &likes);
    let (number, _) = rig.ask_from(B, &likes);
    assert_eq!(rig.step(Input::PeerLost(A)), []);
    let outbox = rig.durable();
    assert_eq!(answers(&outbox, A), []);
    let outbox = rig.durable();
    assert_eq!((answers(&outbox, A), replies(&outbox, A).len()), (vec![], 0));
    assert_eq!(answers(&outbox, B), [(1, Told::Like(1, true))]);
    assert_eq!(replies(&outbox, B)[&number], Reply::Likes(vec![HI]));
    assert_eq!(rig.shown(), [(HI, 3)]);
}

#[test]
fn beyond_group_answers_max_writes_are_refused() {
    let mut rig = Rig::with(Config { group_answers_max: 2, ..config() });
    rig.put(batch().comment(HI, "ann", "hi"));
    let likes = |names: &[&str]| names.iter().fold(batch(), |batch, name| batch.like(HI, name, 1));
    let refused = Told::Refused(Code::Overloaded);
    assert_eq!(answers(&rig.send(A, likes(&["a", "b", "c"])), A), [(3, refused)]);
    assert_eq!(answers(&rig.send(A, likes(&["a"])), A), [(1, refused)], "a repeat that would wait in flight, too");
    assert_eq!(answers(&rig.send(A, likes(&["d", "e", "f"])), A), [(3, refused)], "the next group has room");
    assert_eq!(answers(&rig.durable(), A), [(1, Told::Like(1, true)), (2, Told::Like(1, true))]);
    rig.durable();
    assert_eq!(rig.shown(), [(HI, 4)]);
}

#[test]
fn beyond_group_bytes_max_writes_are_refused() {
    let mut rig = Rig::with(Config { group_bytes_max: 200, ..config() });
    rig.send(A, batch().comment(HI, "ann", "hi"));
    let long = "x".repeat(200);
    let told = answers(&rig.send(A, batch().comment(id(2, 2), "ann", &long).comment(id(2, 3), "ann", "hi")), A);
    assert_eq!(told, [(2, Told::Refused(Code::Overloaded))]);
    rig.durable();
    rig.durable();
    assert_eq!(rig.shown(), [(id(2, 2), 0), (HI, 0)]);
}

#[test]
fn beyond_group_answers_max_questions_are_not_answered_now() {
    let mut rig = Rig::with(Config { group_answers_max: 1, ..config() });
    rig.send(A, batch().comment(HI, "ann", "hi"));
    let likes = Query::Likes { stream: stream("demo"), viewer: key("ann"), comments: vec![(HI.slot(), HI)] };
    assert_eq!(rig.ask_from(B, &likes).1, None);
    assert_eq!(rig.ask_from(B, &likes).1, Some(Reply::Unavailable));
}

#[test]
fn answers_travel_in_batches_no_larger_than_those_of_writes() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let writes = 2 * limits::WRITES_PER_BATCH_MAX + 1;
    rig.send(B, batch().like(HI, "first", 1));
    rig.send(A, (0..writes).fold(batch(), |batch, viewer| batch.like(HI, &format!("v{viewer}"), 1)));
    rig.durable();
    let outbox = rig.durable();
    assert_eq!(outbox.iter().filter(|output| matches!(output, Output::Answer { .. })).count(), 3);
    assert_eq!(answers(&outbox, A).len(), writes);
}

#[test]
fn every_write_is_counted_once_in_and_once_out() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().like(HI, "ann", 1).like(HI, "ann", 1).comment(id(2, 2), "ann", "hi").moderate(id(2, 9)));
    let counters = rig.machine.counters();
    assert_eq!((counters.writes_in, counters.likes_in, counters.answers, counters.refused), (5, 2, 5, 1));
    assert_eq!((counters.rows, counters.groups, counters.viewers, counters.streams), (3, 2, 1, 1));
}
