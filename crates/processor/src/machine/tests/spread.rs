//! Comments that are spread: counted in parts, each with a register for each of its viewers.

use watershed_protocol::{Part, Spread, client::Code};

use super::super::rig::*;
use crate::machine::{Query, Reply};

/// The parts of [`HI`] lie in slots 2, 3, 4 and 5, all of them here.
fn spread() -> Spread {
    Spread::new(4, 0).unwrap()
}

fn part(index: u16) -> Part {
    Part::new(index, spread()).unwrap()
}

/// [`HI`] by "ann", spread, with the headers of all its parts.
fn spread_hi() -> Rig {
    let mut rig = Rig::new();
    let headers = batch().header(HI, "ann", part(1)).header(HI, "ann", part(2)).header(HI, "ann", part(3));
    assert_eq!(rig.put(headers), [Told::Done; 3]);
    assert_eq!(rig.put(batch().comment(HI, "ann", "hi").spread(spread())), [Told::Done]);
    rig
}

fn counts(rig: &mut Rig) -> Vec<u64> {
    let comments = spread().parts().map(|part| (part.slot(&HI), HI)).collect();
    let Reply::Counts(counts) = rig.ask(&Query::Counts { stream: stream("demo"), comments }) else { panic!("counts") };
    counts
}

#[test]
fn each_part_counts_its_own_viewers() {
    let mut rig = spread_hi();
    let likes = batch().like(HI, "ann", 5).in_part(part(0)).like(HI, "bob", 5).in_part(part(2));
    let likes = likes.like(HI, "cid", 5).in_part(part(2)).like(HI, "bob", 5).in_part(part(2));
    assert_eq!(rig.put(likes), [Told::Like(5, true); 4]);
    assert_eq!(counts(&mut rig), [1, 0, 2, 0]);
    assert_eq!(rig.put(batch().unlike(HI, "bob", 6).in_part(part(2))), [Told::Like(6, false)]);
    assert_eq!(counts(&mut rig), [1, 0, 1, 0]);
    assert_eq!(rig.totals().1, 2, "the stream's likes are those of all parts, its comment is one");
    assert_eq!(rig.totals().0, 1);
}

#[test]
fn a_part_without_its_header_knows_no_comment() {
    let mut rig = Rig::new();
    let like = batch().like(HI, "bob", 5).in_part(part(1));
    assert_eq!(rig.put(like), [Told::Refused(Code::UnknownComment)]);
    let mut rig = spread_hi();
    let other = Part::new(1, Spread::new(3, 0).unwrap()).unwrap();
    let like = batch().like(HI, "bob", 5).in_part(other).like(HI, "bob", 5);
    assert_eq!(rig.put(like), [Told::Refused(Code::UnknownComment); 2], "nor is it spread in another way");
}

#[test]
fn a_header_that_comes_again_changes_nothing_and_another_is_refused() {
    let mut rig = spread_hi();
    assert_eq!(rig.put(batch().header(HI, "ann", part(1))), [Told::Done]);
    assert_eq!(rig.put(batch().header(HI, "bob", part(1))), [Told::Refused(Code::BadMessage)]);
    assert_eq!(rig.put(batch().header(HI, "ann", part(0))), [Told::Refused(Code::BadMessage)]);
    assert_eq!(rig.machine.counters().comments, 4);
}

#[test]
fn the_root_hears_of_every_part_before_its_first_like() {
    let mut rig = Rig::new();
    rig.watched();
    let headers = batch().header(HI, "ann", part(1)).header(HI, "ann", part(2)).header(HI, "ann", part(3));
    let [report] = &rig.reported(headers)[..] else { panic!("one report") };
    assert_eq!(tallies(report), [(HI, 1, 0); 3]);
    assert_eq!(report.total, 0);
    let [report] = &rig.reported(batch().comment(HI, "ann", "hi").spread(spread()))[..] else { panic!("one report") };
    assert_eq!((ids(report), tallies(report), report.total), (vec![HI], vec![(HI, 1, 0)], 1));
    assert_eq!(report.tallies[0].part, part(0));
}

#[test]
fn a_root_that_lacks_parts_is_told_them_once_more() {
    let mut rig = spread_hi();
    rig.put(batch().like(HI, "bob", 5).in_part(part(3)));
    let resync = rig.watched();
    assert_eq!(tallies(&resync), [(HI, 1, 0)], "a resync tells of the comments at home");
    let report = report(&rig.count(&[(HI, spread())]));
    let mut told: Vec<(u16, u64)> = report.tallies.iter().map(|row| (row.part.index(), row.tally.count)).collect();
    told.sort();
    assert_eq!(told, [(0, 0), (1, 0), (2, 0), (3, 1)]);
    rig.put(batch().delete(HI, "ann").in_part(part(0)));
    rig.pass(1_000);
    let outbox = rig.count(&[(HI, spread())]);
    let again = reports(&outbox);
    assert_eq!(again[0].deleted, [HI], "what is gone is said to be gone");
}

#[test]
fn a_deleted_comment_takes_no_likes_in_any_part() {
    let mut rig = spread_hi();
    rig.put(batch().like(HI, "bob", 5).in_part(part(2)));
    let delete = |rig: &mut Rig, viewer, index| rig.put(batch().delete(HI, viewer).in_part(part(index)));
    assert_eq!(delete(&mut rig, "bob", 2), [Told::Refused(Code::Forbidden)]);
    for index in 0..4 {
        assert_eq!(delete(&mut rig, "ann", index), [Told::Done]);
        assert_eq!(delete(&mut rig, "ann", index), [Told::Done], "and again");
        let like = batch().like(HI, "cid", 5).in_part(part(index));
        assert_eq!(rig.put(like), [Told::Refused(Code::UnknownComment)]);
    }
    assert_eq!(rig.totals(), (0, 0, taps(&[])));
    assert_eq!(rig.put(batch().header(HI, "ann", part(1))), [Told::Done], "its header does not bring it back");
    assert_eq!(rig.put(batch().like(HI, "cid", 5).in_part(part(1))), [Told::Refused(Code::UnknownComment)]);
}

#[test]
fn parts_are_read_back_from_the_log_and_from_the_store() {
    let mut rig = spread_hi();
    let other = id(3, 1);
    rig.put(batch().header(other, "bob", part(1)).header(other, "bob", part(2)));
    rig.put(batch().comment(other, "bob", "ho").spread(Spread::new(3, 0).unwrap()));
    let likes = batch().like(HI, "ann", 5).in_part(part(0)).like(HI, "bob", 6).in_part(part(3));
    rig.put(likes);
    rig.put(batch().delete(HI, "ann").in_part(part(2)));
    let viewers = ["ann", "bob"];
    for saves in [false, true, true] {
        let before = rig.picture(&[HI, other], &viewers);
        let counted = counts(&mut rig);
        if saves {
            rig.checkpoint();
        }
        rig.restart();
        assert_eq!(counts(&mut rig), counted, "saved: {saves}");
        let after = rig.picture(&[HI, other], &viewers);
        assert_eq!((after.resync.comments, after.resync.total), (before.resync.comments, before.resync.total));
        rig.put(batch().like(HI, "cid", 7).in_part(part(1)));
    }
    assert_eq!(rig.machine.counters().comments, 7);
}

#[test]
fn a_disk_that_is_full_takes_headers_back() {
    let mut rig = Rig::new();
    rig.send(A, batch().header(HI, "ann", part(1)));
    rig.full();
    assert_eq!(rig.machine.counters().comments, 0);
    assert_eq!(rig.machine.counters().streams, 0);
    assert_eq!(rig.put(batch().header(HI, "ann", part(1))), [Told::Done]);
}
