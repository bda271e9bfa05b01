//! What is promised of comments: refs, repeats, times, limits.

use crate::machine::{rig::*, *};

const REUSED: Told = Told::Refused(Code::RefReused);

#[test]
fn a_ref_sent_again_with_the_same_body_is_acknowledged_and_stored_once() {
    let mut rig = Rig::new();
    assert_eq!(rig.put(batch().comment(HI, "ann", "hi").comment(HI, "ann", "hi")), [Told::Done; 2]);
    rig.now = rig.now.plus(60_000);
    assert_eq!(rig.put(batch().comment(HI, "ann", "hi")), [Told::Done]);
    assert_eq!((rig.shown(), rig.totals().0, rig.log.len()), (vec![(HI, 0)], 1, 1));
}

#[test]
fn a_ref_sent_again_with_another_body_is_refused() {
    let mut rig = Rig::new();
    assert_eq!(rig.put(batch().comment(HI, "ann", "hi").comment(HI, "ann", "ho")), [Told::Done, REUSED]);
    let others = batch().comment(HI, "ann", "ho").comment(HI, "bob", "hi").comment_on(1, HI, "ann", "hi");
    assert_eq!(rig.put(others), [REUSED; 3]);
    let Reply::History(shown) = rig.ask(&history("demo")) else { panic!() };
    assert_eq!((shown.len(), shown[0].comment.body.as_str()), (1, "hi"));
    assert_eq!(rig.ask(&history("other")), Reply::History(Vec::new()));
}

#[test]
fn a_ref_is_used_for_ever_though_its_comment_is_deleted() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.put(batch().delete(HI, "ann"));
    for _ in 0..2 {
        assert_eq!(rig.put(batch().comment(HI, "ann", "hi").comment(HI, "ann", "ho")), [Told::Done, REUSED]);
        assert_eq!((rig.shown(), rig.totals().0), (vec![], 0));
        rig.restart();
    }
}

#[test]
fn comments_stand_in_the_order_in_which_they_came_however_the_clock_runs() {
    let mut rig = Rig::new();
    for (n, now) in [1_000_000, 1_000_000, 900_000, 1_000_050].into_iter().enumerate() {
        rig.now = Millis::new(now);
        rig.put(batch().comment(id(5 - n as u16, 1), "ann", "hi"));
    }
    assert_eq!(rig.shown().iter().map(|(id, _)| id.slot().get()).collect::<Vec<_>>(), [2, 3, 4, 5]);
    let Reply::History(shown) = rig.ask(&history("demo")) else { panic!() };
    assert_eq!(shown.iter().map(|shown| shown.comment.time).rev().take(3).collect::<Vec<_>>(), [at(1), at(2), at(3)]);
    assert_eq!(shown[0].comment.time, HybridTime::at(Millis::new(1_000_050)));
}

#[test]
fn a_comment_is_later_than_every_time_that_was_heard() {
    let mut rig = Rig::new();
    let heard = HybridTime::at(rig.now.plus(1_000));
    rig.step(Input::Heard(heard));
    rig.put(batch().comment(HI, "ann", "hi"));
    assert_eq!(rig.machine.hybrid(), HybridTime::from_bits(heard.bits() + 1));
    rig.step(Input::Heard(HybridTime::at(rig.now.plus(1_001))));
    assert_eq!(rig.machine.hybrid(), HybridTime::from_bits(heard.bits() + 1), "a jump is not followed");
}

#[test]
fn beyond_comments_max_new_ones_are_refused_and_repeats_answered() {
    let mut rig = Rig::with(Config { comments_max: 2, ..config() });
    rig.put(batch().comment(HI, "ann", "hi").comment(id(2, 2), "ann", "hi").delete(HI, "ann"));
    rig.put(batch().delete(HI, "ann"));
    let refused = Told::Refused(Code::Overloaded);
    assert_eq!(rig.put(batch().comment(id(2, 3), "ann", "hi").comment(HI, "ann", "hi")), [refused, Told::Done]);
    assert_eq!(rig.machine.counters().comments, 2, "a tombstone counts");
}

#[test]
fn a_batch_that_names_a_stream_which_it_does_not_hold_is_refused() {
    let mut rig = Rig::new();
    let refused = Told::Refused(Code::BadMessage);
    assert_eq!(rig.put(batch().comment_on(2, HI, "ann", "hi")), [refused]);
    assert_eq!(rig.machine.counters().streams, 0);
}

#[test]
fn what_a_refused_write_named_is_not_remembered() {
    let mut rig = Rig::with(Config { comments_max: 0, ..config() });
    rig.put(batch().comment(HI, "ann", "hi").like(HI, "ann", 5).delete(HI, "ann").pin(HI).taps(7, &[("heart", 0)]));
    let counters = rig.machine.counters();
    assert_eq!((counters.comments, counters.streams, counters.viewers, counters.registers), (0, 0, 0, 0));
    assert_eq!(rig.machine.state.streams.shelves.iter().count(), 0);
}
