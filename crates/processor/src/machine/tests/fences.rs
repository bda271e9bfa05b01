//! What is promised of ownership: who does not own a slot answers nothing for it.

use std::sync::Arc;

use watershed_protocol::{Epoch, peer::report::From};

use crate::machine::{rig::*, *};

/// Slot 0 belongs to another processor.
const ELSEWHERE: watershed_protocol::CommentId = id(0, 1);

#[test]
fn a_write_to_a_slot_of_another_owner_has_moved() {
    let mut rig = Rig::new();
    let writes = batch().like(ELSEWHERE, "ann", 5).comment(ELSEWHERE, "ann", "hi").delete(ELSEWHERE, "ann");
    let writes = writes.pin(ELSEWHERE).unpin_in(0).taps_in(0, 7, &[("heart", 1)]);
    assert_eq!(rig.put(writes), [Told::Moved; 6]);
    assert_eq!((rig.machine.counters().moved, rig.machine.counters().streams, rig.log.len()), (6, 0, 0));
}

#[test]
fn a_write_by_another_epoch_of_the_slot_has_moved() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    for epoch in [0, 2] {
        let mut writes = batch().like(HI, "ann", 5).comment(id(2, 2), "ann", "hi");
        writes.slots = vec![(HI.slot(), Epoch::new(epoch))];
        assert_eq!(answers(&rig.send_as_it_is(A, writes), A), [(1, Told::Moved), (2, Told::Moved)]);
    }
    let unnamed = batch().like(HI, "ann", 5);
    assert_eq!(answers(&rig.send_as_it_is(A, unnamed), A), [(1, Told::Moved)], "no epoch is a wrong one");
    assert_eq!(rig.shown(), [(HI, 0)]);
}

#[test]
fn writes_of_one_batch_are_judged_one_by_one() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(rig.put(batch().like(HI, "ann", 5).comment(ELSEWHERE, "ann", "hi")), [Told::Like(5, true), Told::Moved]);
}

#[test]
fn answers_name_the_map_by_which_they_were_given() {
    let mut rig = Rig::new();
    let epoch_of = |outbox: &[Output]| match outbox {
        [Output::Answer { batch, .. }] => batch.map_epoch.get(),
        other => panic!("not one batch: {other:?}"),
    };
    assert_eq!(epoch_of(&rig.send(A, batch().comment(ELSEWHERE, "ann", "hi"))), 1);
    let newer = rig.map_raised();
    rig.step(Input::Map(Arc::new(newer)));
    assert_eq!(epoch_of(&rig.send(A, batch().comment(HI, "ann", "hi"))), 2);
}

#[test]
fn a_fenced_owner_answers_nothing_for_what_is_in_flight() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.send(A, batch().like(HI, "ann", 5).comment(id(2, 2), "ann", "hi"));
    rig.send(B, batch().like(HI, "ann", 5));
    rig.send(B, batch().like(HI, "bob", 5));
    let newer = rig.map_raised();
    assert_eq!(rig.step(Input::Map(Arc::new(newer))), []);
    assert_eq!(rig.machine.counters().fenced, newer_slots());
    for _ in 0..2 {
        let outbox = rig.durable();
        assert_eq!((answers(&outbox, A), answers(&outbox, B)), (vec![], vec![]));
    }
    assert_eq!(answers(&rig.send(A, batch().like(HI, "eve", 5)), A), [(1, Told::Moved)]);
    assert!(rig.in_flight.is_none());
}

fn newer_slots() -> u64 {
    let rig = Rig::new();
    rig.map_raised().slots_of(&config().node).len() as u64
}

#[test]
fn a_fenced_owner_reports_nothing_of_its_former_slots() {
    let mut rig = Rig::holding(&[(HI, 1), (id(3, 1), 0)]);
    rig.watched();
    rig.send(A, batch().like(HI, "ann", 5).taps(7, &[("heart", 1)]).pin(HI));
    let newer = rig.map_raised();
    rig.step(Input::Map(Arc::new(newer)));
    for report in reports(&rig.durable()).into_iter().chain(reports(&rig.pass(5_000))) {
        assert_eq!((spans(&report), tallies(&report), report.pin, report.reactions), (vec![], vec![], None, None));
    }
    assert_eq!(rig.watched_from(&[]), []);
}

#[test]
fn an_owner_of_nothing_sends_no_resync_which_would_pass_for_all_that_there_is() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    let newer = rig.map_raised();
    rig.step(Input::Map(Arc::new(newer)));
    assert_eq!(reports(&rig.open(From::Nothing)), []);
    assert_eq!(reports(&rig.pass(5_000)), []);
}

#[test]
fn a_map_that_is_not_newer_changes_nothing() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let older = rig.map.clone();
    rig.restart();
    let same = rig.map.clone();
    for map in [older, same] {
        rig.step(Input::Map(Arc::new(map)));
    }
    assert_eq!(rig.put(batch().like(HI, "ann", 5)), [Told::Like(5, true)]);
    assert_eq!(rig.machine.counters().fenced, 0);
}

#[test]
fn a_change_elsewhere_fences_nothing_here() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let newer = rig.map_where("p2");
    rig.step(Input::Map(Arc::new(newer)));
    assert_eq!(rig.machine.counters().fenced, 0);
    assert_eq!(rig.put(batch().like(HI, "ann", 5)), [Told::Like(5, true)]);
}

#[test]
fn after_a_restart_what_a_sender_with_the_older_map_writes_has_moved() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let mut stale = batch().like(HI, "ann", 5);
    stale.slots = vec![(HI.slot(), Epoch::new(1))];
    rig.restart();
    assert_eq!(answers(&rig.send_as_it_is(A, stale), A), [(1, Told::Moved)]);
    assert_eq!(rig.put(batch().like(HI, "ann", 5)), [Told::Like(5, true)]);
    assert_eq!(rig.log.last().map(|section| section.epoch), Some(Epoch::new(2)));
}
