//! What is promised of windows: a burst at once, then at a rate, and only while the root watches and takes.

use watershed_protocol::peer::report::{From, Report};

use crate::machine::{rig::*, *};

/// Nine likes, one a millisecond: when their reports went, and the counts in them.
fn nine_likes(rig: &mut Rig, by: &str) -> Vec<(u64, u64)> {
    let start = rig.now;
    let mut told = Vec::new();
    let mut note = |rig: &Rig, list: Vec<Report>| {
        told.extend(list.iter().map(|report| (rig.now.since(start), tallies(report)[0].2)));
    };
    for n in 0..9 {
        let list = rig.reported(batch().like(HI, &format!("{by}{n}"), 5));
        note(rig, list);
        rig.pass(1);
    }
    while let Some(due) = rig.machine.deadline() {
        let list = reports(&rig.pass(due.since(rig.now)));
        note(rig, list);
    }
    told
}

#[test]
fn the_first_changes_are_told_at_once_and_further_ones_gather() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    assert_eq!(nine_likes(&mut rig, "a"), [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (50, 9)]);
    rig.pass(250);
    let told = [(0, 10), (1, 11), (2, 12), (3, 13), (4, 14), (50, 18)];
    assert_eq!(nine_likes(&mut rig, "b"), told, "the bucket is full again after a quarter of a second");
}

#[test]
fn under_steady_likes_there_are_twenty_reports_a_second() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    let mut told = 0;
    for n in 0..1_000 {
        told += rig.reported(batch().like(HI, &format!("w{n}"), 5)).len();
        told += reports(&rig.pass(1)).len();
    }
    assert!((24..=25).contains(&told), "5 at once and 20 in a second, not {told}");
    assert_eq!((rig.shown(), rig.machine.counters().reports), (vec![(HI, 1_000)], told as u64 + 1));
}

#[test]
fn a_resync_waits_for_no_token() {
    let mut rig = Rig::with(Config { report_burst: 1, reports_per_s: 1, ..config() });
    rig.put(batch().comment(HI, "ann", "hi"));
    rig.watched();
    assert_eq!(rig.reported(batch().like(HI, "ann", 5)).len(), 1);
    assert_eq!(rig.reported(batch().like(HI, "bob", 5)).len(), 0);
    let again = report(&rig.open_under(2, From::Nothing));
    assert_eq!((again.resync, again.epoch.get(), tallies(&again)), (true, 2, vec![(HI, 3, 2)]));
    assert_eq!(rig.reported(batch().like(HI, "eve", 5)).len(), 0, "and an opening fills no bucket");
    assert_eq!(
        (reports(&rig.pass(999)).len(), rig.step(Input::Tick)),
        (0, vec![]),
        "nor is a tick before its time one"
    );
    assert_eq!(tallies(&report(&rig.pass(1))), [(HI, 4, 3)]);
}

#[test]
fn a_stream_that_nobody_watches_is_not_reported() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.step(Input::MergerUp(A));
    assert_eq!((rig.reported(batch().like(HI, "ann", 5)), rig.machine.deadline()), (vec![], None));
    rig.open(From::Nothing);
    assert_eq!(rig.reported(batch().like(HI, "bob", 5)).len(), 1);
    rig.close();
    assert_eq!((rig.reported(batch().like(HI, "eve", 5)), rig.machine.deadline()), (vec![], None));
    rig.close();
    let again = report(&rig.open_under(2, merged(&[(2, 3)])));
    assert_eq!((again.epoch.get(), spans(&again), tallies(&again)), (2, vec![(2, 3, 4)], vec![(HI, 4, 3)]));
}

#[test]
fn what_was_left_when_a_stream_was_closed_is_told_when_it_is_opened_again() {
    let mut rig = Rig::with(Config { report_burst: 1, ..config() });
    rig.put(batch().comment(HI, "ann", "hi").comment(id(3, 1), "ann", "hi"));
    rig.watched();
    assert_eq!(rig.reported(batch().like(HI, "ann", 5)).len(), 1);
    assert_eq!(rig.reported(batch().like(HI, "bob", 5).like(id(3, 1), "bob", 5)).len(), 0);
    rig.close();
    let report = report(&rig.open(merged(&[(2, 2), (3, 1)])));
    assert_eq!((spans(&report), tallies(&report)), (vec![(2, 2, 3), (3, 1, 2)], vec![(HI, 3, 2), (id(3, 1), 2, 1)]));
}

#[test]
fn a_full_link_gets_nothing_until_it_has_room_and_then_all_in_one() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    assert_eq!(rig.step(Input::MergerFull), []);
    for (n, viewer) in ["ann", "bob", "eve"].into_iter().enumerate() {
        assert_eq!(rig.reported(batch().like(HI, viewer, 5).comment(id(3, n as u16), "ann", "hi")), []);
    }
    assert_eq!((rig.machine.deadline(), rig.pass(5_000)), (None, vec![]));
    let report = report(&rig.step(Input::MergerRoom));
    assert_eq!((spans(&report), tallies(&report)), (vec![(2, 1, 4), (3, 0, 3)], vec![(HI, 4, 3)]));
}

#[test]
fn a_resync_that_found_the_link_full_goes_when_there_is_room() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.step(Input::MergerUp(A));
    rig.step(Input::MergerFull);
    assert_eq!(rig.open(From::Nothing), []);
    rig.put(batch().like(HI, "ann", 5));
    let resync = report(&rig.step(Input::MergerRoom));
    assert_eq!((resync.resync, spans(&resync), tallies(&resync)), (true, vec![(2, 0, 2)], vec![(HI, 2, 1)]));
}

#[test]
fn a_root_that_is_gone_watches_nothing() {
    for gone in [Input::MergerLost, Input::MergerUp(B)] {
        let mut rig = Rig::holding(&[(HI, 0)]);
        rig.watched();
        assert_eq!(rig.step(gone), []);
        assert_eq!(rig.reported(batch().like(HI, "ann", 5)), []);
        assert_eq!((rig.machine.deadline(), rig.pass(5_000)), (None, vec![]));
    }
}

#[test]
fn each_stream_has_its_own_bucket() {
    let mut rig = Rig::with(Config { report_burst: 1, ..config() });
    rig.put(batch().comment(HI, "ann", "hi"));
    rig.watched();
    rig.step(Input::Merger(&FromMerger::Open { stream: stream("other"), epoch: Epoch::new(7), from: From::Nothing }));
    assert_eq!(rig.reported(batch().like(HI, "ann", 5)).len(), 1);
    assert_eq!(rig.reported(batch().like(HI, "bob", 5)).len(), 0);
    let told = rig.reported(batch().comment_on(1, id(2, 2), "ann", "hi"));
    assert_eq!((told.len(), told[0].stream.as_str(), spans(&told[0])), (1, "other", vec![(2, 0, 4)]));
    let left = report(&rig.pass(1_000));
    assert_eq!((left.stream.as_str(), spans(&left)), ("demo", vec![(2, 2, 4)]));
}
