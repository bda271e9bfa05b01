//! What is promised when the disk is full: what was refused never was, and later writes work.

use watershed_protocol::CommentId;

use crate::machine::{rig::*, *};

const NO_SPACE: Told = Told::Refused(Code::Unavailable);
const VIEWERS: [&str; 3] = ["v0", "v1", "bob"];

/// Writes of every kind on what [`Rig::holding`] made of `HI` and (2, 2), and on streams that nobody knows.
fn everything(n: u16) -> WriteBatch {
    let stamp = u64::from(n) + 9;
    let changes = batch().like(HI, "bob", stamp).unlike(HI, "v0", stamp).like(id(2, 3), "v1", stamp);
    let writes =
        changes.comment(id(3, n), "ann", "hi").comment(id(3, n + 1), "ann", "hi").comment(id(HOME, n), "bob", "hi");
    let writes = writes.comment_on(1, id(5, n), "ann", "hi").comment_on(1, id(5, n + 1), "ann", "hi");
    writes.delete(id(2, 2), "ann").pin(HI).unpin().unpin().taps(7, &[("heart", u64::from(n))]).taps(8, &[("clap", 1)])
}

fn all_ids() -> Vec<CommentId> {
    let slots = [2, 3, HOME, 5].into_iter();
    slots.flat_map(|slot| (0..12).map(move |n| id(slot, n))).collect()
}

#[test]
fn a_group_that_finds_no_space_is_refused_and_never_was() {
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(2, 3), 0)]);
    let before = rig.picture(&all_ids(), &VIEWERS);
    assert_eq!(rig.send(A, everything(1)), []);
    assert_eq!(answers(&rig.full(), A), (1..=14).map(|number| (number, NO_SPACE)).collect::<Vec<_>>());
    assert!(rig.machine.is_idle());
    assert_eq!(rig.picture(&all_ids(), &VIEWERS), before);
}

#[test]
fn what_gathered_on_a_refused_group_is_refused_with_it() {
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(2, 3), 0)]);
    let before = rig.picture(&all_ids(), &VIEWERS);
    rig.send(A, everything(1));
    rig.send(B, everything(3));
    rig.send(A, everything(1));
    let outbox = rig.full();
    let refused = |outbox: &[Output], peer| answers(outbox, peer).iter().filter(|told| told.1 == NO_SPACE).count();
    assert_eq!((refused(&outbox, A), refused(&outbox, B)), (28, 14));
    assert!(rig.machine.is_idle() && rig.in_flight.is_none());
    assert_eq!(rig.picture(&all_ids(), &VIEWERS), before);
}

#[test]
fn after_a_full_disk_the_same_writes_work_and_have_the_same_end() {
    let mut plain = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(2, 3), 0)]);
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(2, 3), 0)]);
    rig.send(A, everything(1));
    rig.send(A, everything(3));
    rig.full();
    let (told, group) = (rig.put(everything(1)), rig.machine.counters().groups);
    assert_eq!(told, plain.put(everything(1)));
    assert!(!told.contains(&NO_SPACE));
    assert_eq!((group, rig.machine.counters().groups_refused), (plain.machine.counters().groups, 1));
    let heads = |rig: &Rig| rig.log.iter().map(|s| (s.slot, s.from, s.to)).collect::<Vec<_>>();
    assert_eq!(heads(&rig), heads(&plain), "positions have no gap");
    let (shown, totals) = (rig.shown(), rig.totals());
    rig.restart();
    assert_eq!((rig.shown(), rig.totals()), (shown, totals));
}

#[test]
fn a_refused_group_gives_its_number_to_the_next() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    rig.full();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    assert_eq!(rig.in_flight.as_ref().map(|(group, _)| *group), Some(1));
    assert_eq!(answers(&rig.durable(), A), [(1, Told::Done)]);
    assert_eq!(rig.shown(), [(HI, 0)]);
}

#[test]
fn a_ref_whose_comment_was_refused_is_free_again() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    rig.send(A, batch().comment(HI, "ann", "hi"));
    assert_eq!(answers(&rig.full(), A), [(1, NO_SPACE), (1, NO_SPACE)], "its repeat rested on it");
    assert_eq!(rig.put(batch().comment(HI, "ann", "ho")), [Told::Done]);
}

#[test]
fn a_register_that_was_refused_is_what_it_was() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.send(A, batch().unlike(HI, "v0", 7).like(HI, "v0", 8).like(HI, "bob", 1));
    rig.send(A, batch().unlike(HI, "v0", 9));
    rig.full();
    assert_eq!(rig.put(batch().like(HI, "v0", 4)), [Told::Like(5, true)]);
    assert_eq!((rig.shown(), rig.machine.counters().registers), (vec![(HI, 1)], 1));
}

#[test]
fn taps_that_were_refused_count_when_they_come_again() {
    let mut rig = Rig::new();
    rig.put(batch().taps(7, &[("heart", 3)]));
    rig.send(A, batch().taps(7, &[("heart", 5)]).taps(8, &[("heart", 1)]));
    rig.send(A, batch().taps(7, &[("heart", 6)]));
    rig.full();
    assert_eq!(rig.totals().2, taps(&[("heart", 3)]));
    assert_eq!(rig.put(batch().taps(7, &[("heart", 5)]).taps(8, &[("heart", 1)])), [Told::Done; 2]);
    assert_eq!(rig.totals().2, taps(&[("heart", 6)]));
}

#[test]
fn a_comment_whose_deletion_was_refused_lives_on() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.send(A, batch().delete(HI, "ann"));
    rig.send(A, batch().delete(HI, "ann"));
    rig.full();
    assert_eq!(rig.put(batch().like(HI, "bob", 5)), [Told::Like(5, true)]);
    assert_eq!(rig.shown(), [(HI, 2)]);
    assert_eq!(rig.put(batch().delete(HI, "ann")), [Told::Done]);
    assert_eq!(rig.shown(), []);
}

#[test]
fn a_question_that_read_what_was_refused_is_not_left_without_an_answer() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let query = Query::Likes { stream: stream("demo"), viewer: key("ann"), comments: vec![(HI.slot(), HI)] };
    rig.send(A, batch().like(HI, "ann", 5));
    let (first, _) = rig.ask_from(B, &query);
    rig.send(A, batch().unlike(HI, "ann", 6));
    let (second, _) = rig.ask_from(B, &query);
    assert_eq!(replies(&rig.full(), B), [(first, Reply::Unavailable), (second, Reply::Unavailable)].into());
    assert_eq!(rig.ask(&query), Reply::Likes(vec![]));
}

#[test]
fn a_full_disk_keeps_reporting_and_reading() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    rig.send(A, batch().like(HI, "ann", 5));
    rig.send(A, batch().like(HI, "bob", 5));
    assert_eq!(tallies(&report(&rig.durable())), [(HI, 2, 1)]);
    assert_eq!(reports(&rig.full()), []);
    assert_eq!((rig.pass(5_000), rig.shown()), (vec![], vec![(HI, 1)]));
    let report = rig.reported(batch().like(HI, "bob", 5)).remove(0);
    assert_eq!((spans(&report), tallies(&report)), (vec![(2, 2, 3)], vec![(HI, 3, 2)]));
}
