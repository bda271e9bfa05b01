//! What is promised of pins: the latest wins, and a deleted comment is not pinned.

use watershed_protocol::{CommentId, peer::report::Report};

use crate::machine::{rig::*, *};

/// The pin of a report: whether there is one, and the comment with its count.
fn pinned(report: &Report) -> Option<Option<(CommentId, u64)>> {
    let pin = report.pin.as_ref()?;
    Some(pin.comment.as_ref().map(|(comment, row)| {
        assert_eq!(comment.id, row.id);
        (comment.id, row.tally.count)
    }))
}

#[test]
fn a_pin_is_reported_whole_with_its_count() {
    let mut rig = Rig::holding(&[(HI, 2)]);
    rig.watched();
    assert_eq!(rig.put(batch().pin(HI)), [Told::Done]);
    rig.restart();
    assert_eq!(pinned(&rig.watched()), Some(Some((HI, 2))));
}

#[test]
fn the_latest_pin_wins_whatever_slots_they_are_in() {
    let mut rig = Rig::holding(&[(HI, 0), (id(3, 1), 0), (id(2, 2), 0)]);
    rig.watched();
    for id in [HI, id(3, 1), id(2, 2)] {
        let report = rig.reported(batch().pin(id)).remove(0);
        assert_eq!((pinned(&report), report.spans.len()), (Some(Some((id, 0))), 1));
    }
    assert_eq!(pinned(&rig.watched()), Some(Some((id(2, 2), 0))));
    rig.put(batch().pin(id(2, 2)).pin(HI).pin(id(3, 1)));
    assert_eq!(pinned(&rig.watched()), Some(Some((id(3, 1), 0))), "within a batch, too");
}

#[test]
fn an_unpin_is_a_pin_of_nothing() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    rig.put(batch().pin(HI));
    let report = rig.reported(batch().unpin()).remove(0);
    assert_eq!((pinned(&report), spans(&report)), (Some(None), vec![(HOME, 0, 1)]));
    assert_eq!(pinned(&rig.watched()), Some(None));
    rig.put(batch().pin(HI));
    assert_eq!(pinned(&rig.watched()), Some(Some((HI, 0))));
}

#[test]
fn only_a_durable_comment_of_the_stream_can_be_pinned() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().comment_on(1, id(2, 2), "ann", "hi").delete(HI, "ann"));
    let unknown = Told::Refused(Code::UnknownComment);
    let writes = batch().comment(id(2, 3), "ann", "hi").pin(HI).pin(id(2, 2)).pin(id(2, 3)).pin(id(2, 9));
    assert_eq!(rig.put(writes), [Told::Done, unknown, unknown, unknown, unknown]);
    assert_eq!(pinned(&rig.watched()), None);
}

#[test]
fn a_pin_in_another_slot_than_its_comments_is_refused() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let mut writes = batch().pin(HI);
    writes.pins[0].slot = slot(3);
    assert_eq!(rig.put(writes), [Told::Refused(Code::BadMessage)]);
}

#[test]
fn a_deleted_comment_is_not_pinned_and_no_earlier_pin_comes_back() {
    let mut rig = Rig::holding(&[(HI, 1), (id(3, 1), 1)]);
    rig.watched();
    rig.put(batch().pin(id(3, 1)));
    rig.put(batch().pin(HI));
    let report = rig.reported(batch().moderate(HI)).remove(0);
    assert_eq!((report.deleted.clone(), pinned(&report)), (vec![HI], None));
    assert_eq!(pinned(&rig.watched()), Some(None));
    rig.restart();
    assert_eq!(pinned(&rig.watched()), Some(None));
}

#[test]
fn a_pin_beyond_what_the_root_has_merged_is_told_again() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.put(batch().pin(HI));
    assert_eq!(rig.watched_from(&[(2, 2)]), []);
    let again = rig.watched_from(&[(2, 1)]).remove(0);
    assert_eq!((pinned(&again), spans(&again)), (Some(Some((HI, 0))), vec![(2, 1, 2)]));
}

#[test]
fn a_pin_is_later_than_what_was_pinned_before_a_restart() {
    let mut rig = Rig::holding(&[(HI, 0), (id(3, 1), 0)]);
    rig.now = Millis::new(2_000_000);
    rig.put(batch().pin(HI));
    rig.now = Millis::new(1_000_000);
    rig.restart();
    rig.put(batch().pin(id(3, 1)));
    assert_eq!(pinned(&rig.watched()), Some(Some((id(3, 1), 0))));
}
