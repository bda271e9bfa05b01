//! What is promised of deletions: who may, when, and that nothing comes back.

use crate::machine::{rig::*, *};

const UNKNOWN: Told = Told::Refused(Code::UnknownComment);

#[test]
fn the_author_and_moderators_may_delete_and_nobody_else() {
    let mut rig = Rig::holding(&[(HI, 2), (id(3, 1), 0)]);
    assert_eq!(rig.put(batch().delete(HI, "bob")), [Told::Refused(Code::Forbidden)]);
    assert_eq!(rig.shown(), [(id(3, 1), 0), (HI, 2)]);
    assert_eq!(rig.put(batch().delete(HI, "ann").moderate(id(3, 1))), [Told::Done; 2]);
    assert_eq!((rig.shown(), rig.totals()), (vec![], (0, 0, taps(&[]))));
}

#[test]
fn a_deletion_sent_twice_is_acknowledged_twice() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(rig.put(batch().delete(HI, "ann").delete(HI, "ann").moderate(HI)), [Told::Done; 3]);
    assert_eq!(rig.put(batch().delete(HI, "ann").moderate(HI)), [Told::Done; 2]);
    assert_eq!(rig.log.len(), 2, "one group for the comment, one for its deletion");
}

#[test]
fn to_a_stranger_a_deleted_comment_is_unknown() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(rig.put(batch().delete(HI, "ann").delete(HI, "bob")), [Told::Done, UNKNOWN]);
    assert_eq!(rig.put(batch().delete(HI, "bob")), [UNKNOWN]);
}

#[test]
fn a_comment_of_another_stream_is_unknown() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let writes = batch().delete_on(1, HI, "ann", true).delete_on(9, HI, "ann", true).moderate(id(2, 2));
    assert_eq!(rig.put(writes), [UNKNOWN; 3]);
    assert_eq!(rig.shown(), [(HI, 0)]);
}

#[test]
fn a_comment_that_is_not_durable_cannot_be_deleted_yet() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    assert_eq!(answers(&rig.send(B, batch().delete(HI, "ann").moderate(HI)), B), []);
    assert_eq!(answers(&rig.durable(), B), [(1, UNKNOWN), (2, UNKNOWN)]);
    assert_eq!(rig.shown(), [(HI, 0)]);
    assert_eq!(rig.put(batch().delete(HI, "ann")), [Told::Done]);
}

#[test]
fn until_its_deletion_is_durable_a_comment_is_seen_but_takes_nothing_more() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.send(A, batch().delete(HI, "ann"));
    assert_eq!(answers(&rig.send(B, batch().like(HI, "bob", 5).pin(HI).delete(HI, "ann")), B), []);
    assert_eq!(rig.shown(), [(HI, 1)]);
    assert_eq!(answers(&rig.durable(), B), [(1, UNKNOWN), (2, UNKNOWN), (3, Told::Done)]);
    assert_eq!((rig.shown(), rig.totals().1), (vec![], 0));
}

#[test]
fn nothing_comes_back_after_a_deletion() {
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1)]);
    rig.put(batch().delete(HI, "ann"));
    for _ in 0..2 {
        let writes = batch().like(HI, "v0", 9).unlike(HI, "v1", 9).comment(HI, "ann", "hi").pin(HI);
        assert_eq!(rig.put(writes), [UNKNOWN, UNKNOWN, Told::Done, UNKNOWN]);
        assert_eq!((rig.shown(), rig.totals().0, rig.totals().1), (vec![(id(2, 2), 1)], 1, 1));
        assert_eq!((rig.likes("v0", &[HI, id(2, 2)]), rig.machine.counters().registers), (vec![id(2, 2)], 1));
        let resync = rig.watched();
        assert_eq!((ids(&resync), resync.total), (vec![id(2, 2)], 2));
        rig.restart();
    }
}

#[test]
fn a_like_on_its_way_when_the_comment_is_deleted_is_durable_and_gone() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.send(A, batch().unlike(id(3, 9), "x", 1).comment(id(2, 2), "ann", "hi"));
    assert_eq!(rig.send(B, batch().like(HI, "bob", 5).delete(HI, "ann")), []);
    rig.durable();
    assert_eq!(answers(&rig.durable(), B), [(1, Told::Like(5, true)), (2, Told::Done)]);
    assert_eq!((rig.shown(), rig.machine.counters().registers), (vec![(id(2, 2), 0)], 0));
}
