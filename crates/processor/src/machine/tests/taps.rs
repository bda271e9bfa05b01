//! What is promised of taps: cumulative counts of each reporter, summed once.

use watershed_protocol::peer::report::Report;

use crate::{
    config::{REPORTERS_MAX, TAPS_MAX},
    machine::{rig::*, *},
};

fn reactions(report: &Report) -> Option<(u64, u64, watershed_protocol::Reactions)> {
    report.reactions.as_ref().map(|row| (row.epoch.get(), row.version.get(), row.counts.clone()))
}

#[test]
fn taps_sent_twice_count_once() {
    let mut rig = Rig::new();
    for _ in 0..2 {
        assert_eq!(rig.put(batch().taps(7, &[("heart", 3), ("clap", 1)])), [Told::Done]);
        assert_eq!(rig.totals().2, taps(&[("heart", 3), ("clap", 1)]));
    }
    assert_eq!(rig.log.len(), 1, "a repeat makes no row");
}

#[test]
fn a_reporters_count_replaces_its_former_one_and_never_falls() {
    let mut rig = Rig::new();
    rig.put(batch().taps(7, &[("heart", 3)]));
    rig.put(batch().taps(7, &[("heart", 10)]));
    rig.put(batch().taps(7, &[("heart", 4), ("clap", 2)]));
    assert_eq!(rig.totals().2, taps(&[("heart", 10), ("clap", 2)]));
}

#[test]
fn reporters_add_up() {
    let mut rig = Rig::new();
    rig.put(batch().taps(7, &[("heart", 3)]).taps(8, &[("heart", 4), ("wow", 1)]).taps(9, &[("clap", 2)]));
    rig.put(batch().taps(8, &[("heart", 5)]));
    assert_eq!(rig.totals().2, taps(&[("heart", 8), ("wow", 1), ("clap", 2)]));
}

#[test]
fn a_reporter_has_one_row_in_a_group_however_often_it_reports() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    let writes = batch().taps(7, &[("heart", 3)]).taps(8, &[("heart", 1)]).taps(7, &[("heart", 5), ("clap", 2)]);
    rig.send(A, writes);
    rig.durable();
    assert_eq!(rig.in_flight.as_ref().map(|(_, sections)| sections[0].to.get()), Some(2));
    assert_eq!(rig.totals().2, taps(&[]));
    assert_eq!(answers(&rig.durable(), A).len(), 3);
    assert_eq!(rig.totals().2, taps(&[("heart", 6), ("clap", 2)]));
    rig.restart();
    assert_eq!(rig.totals().2, taps(&[("heart", 6), ("clap", 2)]));
}

#[test]
fn taps_of_two_groups_that_overlap_count_once() {
    let mut rig = Rig::new();
    rig.send(A, batch().taps(7, &[("heart", 3)]));
    rig.send(A, batch().taps(7, &[("heart", 5)]));
    rig.send(A, batch().taps(7, &[("heart", 4)]));
    rig.durable();
    assert_eq!(rig.totals().2, taps(&[("heart", 3)]));
    rig.durable();
    assert_eq!(rig.totals().2, taps(&[("heart", 5)]));
}

#[test]
fn taps_of_nothing_are_acknowledged_and_leave_nothing() {
    let mut rig = Rig::new();
    assert_eq!(rig.put(batch().taps(7, &[]).taps(7, &[("heart", 0)])), [Told::Done; 2]);
    assert_eq!((rig.machine.counters().streams, rig.log.len()), (0, 0));
}

#[test]
fn taps_of_nothing_do_not_touch_a_comment_on_its_way() {
    let mut rig = Rig::new();
    rig.send(A, batch().comment(id(HOME, 1), "ann", "hi"));
    rig.send(B, batch().taps(7, &[("heart", 0)]));
    rig.send(B, batch().comment_on(1, id(HOME, 2), "ann", "hi"));
    rig.durable();
    rig.durable();
    assert_eq!(rig.shown(), [(id(HOME, 1), 0)]);
}

#[test]
fn a_reporter_counts_16_kinds_and_no_more() {
    let mut rig = Rig::new();
    let kinds: Vec<String> = (0..17).map(|n| format!("kind{n:02}")).collect();
    let counts: Vec<(&str, u64)> = kinds.iter().map(|kind| (kind.as_str(), 1)).collect();
    rig.put(batch().taps(7, &counts));
    rig.put(batch().taps(7, &[("zzz", 5), ("kind00", 2)]));
    let sums = rig.totals().2;
    assert_eq!((sums.len(), sums.get(&kind("kind00")), sums.get(&kind("kind16"))), (16, Some(&2), None));
}

#[test]
fn a_stream_has_a_named_maximum_of_reporters_and_of_taps() {
    let mut rig = Rig::new();
    let reporters = 0..REPORTERS_MAX as u64;
    rig.put(reporters.fold(batch(), |batch, reporter| batch.taps(reporter, &[("heart", u64::MAX)])));
    assert_eq!(rig.totals().2, taps(&[("heart", TAPS_MAX * REPORTERS_MAX as u64)]));
    let told = rig.put(batch().taps(5_000, &[("heart", 1)]).taps(5, &[("clap", 1)]));
    assert_eq!(told, [Told::Refused(Code::Overloaded), Told::Done]);
    rig.restart();
    assert_eq!(rig.totals().2.get(&kind("heart")), Some(&(TAPS_MAX * REPORTERS_MAX as u64)));
}

#[test]
fn taps_are_reported_as_sums_of_the_home_slot() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    assert_eq!(reactions(&rig.watched()), None);
    let outbox = rig.reported(batch().taps(7, &[("heart", 3)]).taps(8, &[("heart", 1)]));
    assert_eq!(reactions(&outbox[0]), Some((1, 2, taps(&[("heart", 4)]))));
    assert_eq!((spans(&outbox[0]), outbox.len()), (vec![], 1), "a register needs no span");
    rig.restart();
    let resync = rig.watched();
    assert_eq!(reactions(&resync), Some((2, 2, taps(&[("heart", 4)]))));
    assert_eq!(rig.watched_from(&[(2, 1), (HOME, 2)]), [], "the root has them");
    assert_eq!(reactions(&rig.watched_from(&[(2, 1), (HOME, 1)])[0]), Some((2, 2, taps(&[("heart", 4)]))));
}

#[test]
fn taps_alone_are_reported_every_two_seconds_and_only_if_they_changed_by_one_percent() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 1_000)])).len(), 1, "the first at once");
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 1_009)])), []);
    assert_eq!((rig.machine.deadline(), rig.pass(10_000)), (None, vec![]), "less than one percent");
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 1_010)])).len(), 1);
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 2_000)])), []);
    assert_eq!(rig.machine.deadline(), Some(rig.now.plus(2_000)));
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 3_000)])), []);
    assert_eq!(reports(&rig.pass(1_999)), []);
    assert_eq!(reactions(&report(&rig.pass(1))), Some((1, 5, taps(&[("heart", 3_000)]))));
}

#[test]
fn taps_ride_on_a_report_and_spend_no_token() {
    let mut rig = Rig::with(Config { report_burst: 1, ..config() });
    rig.put(batch().comment(HI, "ann", "hi"));
    rig.watched();
    assert_eq!(rig.reported(batch().taps(7, &[("heart", 1_000)])).len(), 1);
    rig.put(batch().taps(7, &[("heart", 1_001)]));
    let told = rig.reported(batch().like(HI, "ann", 5));
    assert_eq!(told.len(), 1, "the token is still there");
    assert_eq!((tallies(&told[0]).len(), reactions(&told[0])), (1, Some((1, 2, taps(&[("heart", 1_001)])))));
}
