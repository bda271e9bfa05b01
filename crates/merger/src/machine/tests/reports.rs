//! What the root promises of reports: repeats, gaps, fences, counts, the pin.

use watershed_protocol::{Part, Pinned, Spread, peer::report::From};

use crate::machine::{rig::*, *};

#[test]
fn a_report_goes_out_at_once_as_a_frame() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let told = report(1).span(2, 0, 3).comment(id(2, 2), 2).comment(id(2, 1), 1).tally(tally(id(2, 2), 3, 6));
    let frame = frame(&rig.report(p1, told), node);
    assert_eq!((frame.from, frame.seq, frame.shown, frame.total), (Seq::ZERO, Seq::new(1), 2, 2));
    assert_eq!(ids(&frame.comments), [id(2, 1), id(2, 2)], "within a report by order key");
    assert_eq!(frame.comments[1].likes, 6);
    assert_eq!(frame.likes, [], "the first count is in the comment");
}

#[test]
fn a_repeated_report_is_ignored() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    let told = report(1).span(2, 0, 3).comment(id(2, 1), 1).tally(tally(id(2, 1), 3, 6)).delete(id(2, 9)).pin(4, None);
    assert_eq!(sent(&rig.report(p1, told.clone()), node).len(), 1);
    assert_eq!(rig.report(p1, told), []);
    assert_eq!(rig.pass(1_000), []);
    assert_eq!(rig.root.counters().repeats, 1);
}

#[test]
fn a_gap_is_not_merged_and_its_owner_is_opened_again() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 3).comment(id(2, 1), 1));
    let outbox = rig.report(p1, report(1).span(3, 0, 1).span(2, 4, 5).comment(id(3, 2), 2));
    assert_eq!(told(&outbox), [(p1, Some(1), merged(&[(2, 3)]))]);
    assert_eq!(sent(&outbox, node), []);
    assert_eq!(rig.report(p1, report(1).span(2, 5, 6)), [], "what was under way leaves gaps too: asked once");
    assert_eq!(rig.root.counters().gaps, 2);
    rig.pass(200);
    assert_eq!(told(&rig.report(p1, report(1).span(2, 6, 7))), told(&outbox), "but not for ever");
    let again = report(1).span(3, 0, 1).span(2, 3, 6).comment(id(3, 2), 2);
    assert_eq!(ids(&frame(&rig.report(p1, again), node).comments), [id(3, 2)]);
    assert_eq!(told(&rig.report(p1, report(1).span(2, 8, 9))), [(p1, Some(1), merged(&[(2, 6), (3, 1)]))]);
}

#[test]
fn an_overlap_is_refused_so_that_no_comment_is_delivered_twice() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 3).comment(id(2, 1), 1));
    let outbox = rig.report(p1, report(1).span(2, 1, 5).comment(id(2, 1), 1).comment(id(2, 2), 2));
    assert_eq!(told(&outbox), [(p1, Some(1), merged(&[(2, 3)]))]);
    let frame = frame(&rig.report(p1, report(1).span(2, 3, 5).comment(id(2, 2), 2)), node);
    assert_eq!((ids(&frame.comments), frame.total), (vec![id(2, 2)], 1));
    assert_eq!(rig.root.counters().overlaps, 1);
}

#[test]
fn a_former_owner_is_fenced_off() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    let mut map = map();
    map.claim(&name("p1"));
    rig.step(Input::Map(Arc::new(map)));
    let told = report(1).span(2, 0, 3).comment(id(2, 1), 1).tally(tally(id(2, 1), 3, 6)).delete(id(2, 9));
    assert_eq!(rig.report(p1, told.clone()), []);
    assert_eq!(rig.root.counters().fenced, 1);
    assert_eq!(rig.pass(1_000), []);
    let fresh = report(1).span_of(2, 2, 0, 3).comment(id(2, 1), 1);
    assert_eq!(sent(&rig.report(p1, fresh), node).len(), 1);
    // A higher epoch in a report fences as well, before the map tells.
    rig.report(p2, report(1).span_of(5, 0, 0, 1));
    assert_eq!(rig.report(p2, report(1).span_of(4, 0, 1, 2).comment(id(0, 1), 1)), []);
}

#[test]
fn a_resync_of_a_former_owner_does_not_count_as_one() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 0);
    let mut map = map();
    map.claim(&name("p1"));
    rig.step(Input::Map(Arc::new(map)));
    rig.report(p1, report(1).resync().span(2, 0, 3).comment(id(2, 1), 1));
    let (again, outbox) = rig.processor_up("p1");
    assert_eq!(told(&outbox), [(again, Some(1), From::Nothing)]);
    assert_eq!(rig.report(p1, report(1).resync()), [], "its former link says nothing any more");
    assert_eq!(snapshot(&rig.pass(800), node).comments, []);
}

#[test]
fn a_resync_of_one_that_had_resynced_replaces_its_slots_under_a_further_epoch() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 2).comment(id(2, 1), 1).comment(id(2, 2), 2));
    rig.report(p2, report(1).span(0, 0, 1).comment(id(0, 1), 3));
    assert_eq!(rig.report(p1, report(1).resync().span(2, 0, 2).comment(id(2, 1), 1)), [], "nothing new");
    rig.pass(1_000);
    let outbox = rig.report(p1, report(1).resync().span(2, 0, 9).comment(id(2, 2), 2).comment(id(2, 7), 7));
    assert_eq!(ids(&snapshot(&outbox, node).comments), [id(2, 2), id(0, 1), id(2, 7)]);
}

#[test]
fn a_count_that_changes_is_told_whether_its_comment_is_shown_or_not() {
    let (mut rig, [p1, ..], node) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 3).comment(id(2, 1), 1));
    let told = report(1).span(2, 3, 9).tally(tally(id(2, 1), 8, 6)).tally(tally(id(2, 77), 9, 5));
    assert_eq!(frame(&rig.report(p1, told), node).likes, [(id(2, 1), 6), (id(2, 77), 5)]);
    assert_eq!(rig.report(p1, report(1).span(2, 9, 10).tally(tally(id(2, 1), 10, 6))), [], "the same count is no news");
    assert_eq!(rig.root.counters().reduction_factor(), 1.5);
}

#[test]
fn a_spread_count_is_told_when_all_parts_are_in_hand() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    let part = |index| Part::new(index, Spread::new(2, 1).unwrap()).unwrap();
    rig.report(p1, report(1).span(2, 0, 3).comment(id(2, 1), 1));
    assert_eq!(rig.report(p1, report(1).tally(part_tally(id(2, 1), part(0), 4, 6))), []);
    let outbox = rig.report(p2, report(1).tally(part_tally(id(2, 1), part(1), 9, 7)));
    assert_eq!(frame(&outbox, node).likes, [(id(2, 1), 13)]);
}

#[test]
fn the_pin_of_a_deleted_comment_becomes_nothing_and_stays_so() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    let pinned = frame(&rig.report(p1, report(1).span(2, 0, 3).comment(id(2, 1), 1).pin(7, Some(id(2, 1)))), node);
    assert_eq!(pinned.pinned.unwrap().comment().unwrap().likes, 1);
    assert_eq!(rig.report(p2, report(1).span(0, 0, 1).pin(6, None)), [], "an earlier pin");
    rig.report(p1, report(1).span(2, 3, 4).tally(tally(id(2, 1), 4, 9)));
    assert_eq!(rig.root.snapshot(&stream()).unwrap().pinned.comment().unwrap().likes, 9);
    let deleted = frame(&rig.report(p1, report(1).span(2, 4, 5).delete(id(2, 1))), node);
    assert_eq!((deleted.pinned, deleted.deleted), (Some(Pinned::Nothing), vec![id(2, 1)]));
    assert_eq!(rig.report(p1, report(1).span(2, 5, 6).pin(7, Some(id(2, 1)))).len(), 0);
    assert_eq!(rig.root.snapshot(&stream()).unwrap().pinned, Pinned::Nothing);
}

#[test]
fn a_comment_outside_its_reports_spans_does_not_come_twice() {
    let (mut rig, [p1, ..], node) = Rig::open(Config { frame_burst: 1, ..config() });
    rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1));
    rig.report(p1, report(1).span(2, 1, 2).comment(id(2, 1), 1).comment(id(2, 2), 2));
    rig.report(p1, report(1).span(2, 2, 3).comment(id(2, 2), 2));
    assert_eq!(ids(&frame(&rig.pass(100), node).comments), [id(2, 2)]);
}
