//! What is promised of a start: the log read back is what was visible, or is refused by slot and position.

use watershed_log::Section;
use watershed_protocol::{CommentId, Epoch, Position, Spread, Stamp};

use crate::{
    ReplayError,
    machine::{rig::*, *},
    rows::Encoder,
};

const VIEWERS: [&str; 4] = ["v0", "v1", "bob", "nobody"];

/// A processor that has seen writes of every kind.
fn lived() -> (Rig, Vec<CommentId>) {
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(3, 1), 0), (id(5, 1), 1)]);
    rig.put(batch().unlike(HI, "v0", 6).like(HI, "bob", 6).unlike(id(3, 1), "bob", 6).unlike(id(5, 1), "v0", 9));
    rig.put(batch().comment_on(1, id(3, 2), "bob", "ho").taps(7, &[("heart", 3)]).taps(8, &[("heart", 2)]));
    rig.put(batch().pin(id(2, 2)).taps(7, &[("heart", 5), ("clap", 1)]));
    rig.put(batch().delete(id(2, 2), "ann").unpin().pin(id(3, 1)));
    (rig, vec![HI, id(2, 2), id(3, 1), id(3, 2), id(5, 1), id(2, 9)])
}

#[test]
fn the_log_read_back_is_what_was_visible() {
    let (mut rig, all) = lived();
    let before = rig.picture(&all, &VIEWERS);
    assert!(before.resync.pin.is_some() && before.resync.reactions.is_some());
    rig.restart();
    assert_eq!(without_epochs(rig.picture(&all, &VIEWERS)), without_epochs(before));
}

/// Epochs are raised at each start, and are nothing that changed.
fn without_epochs(mut picture: Picture) -> Picture {
    let resync = &mut picture.resync;
    resync.spans.iter_mut().for_each(|span| span.epoch = Epoch::ZERO);
    resync.tallies.iter_mut().for_each(|row| row.tally.epoch = Epoch::ZERO);
    resync.reactions.iter_mut().for_each(|row| row.epoch = Epoch::ZERO);
    let pinned = resync.pin.iter_mut().filter_map(|pin| pin.comment.as_mut());
    let top = resync.top.iter_mut().flatten();
    pinned.chain(top).for_each(|(_, row)| row.tally.epoch = Epoch::ZERO);
    picture
}

#[test]
fn after_a_restart_versions_go_on_under_a_raised_epoch() {
    let (mut rig, _) = lived();
    let before = rig.watched();
    rig.restart();
    let after = rig.watched();
    assert_eq!((tallies(&after), spans(&after)), (tallies(&before), spans(&before)));
    assert!(after.tallies.iter().all(|row| row.tally.epoch == Epoch::new(2)));
    assert!(after.spans.iter().all(|span| span.epoch == Epoch::new(2)));
    let next = rig.reported(batch().like(HI, "eve", 5)).remove(0);
    let (_, _, to) = spans(&before)[0];
    assert_eq!((spans(&next), tallies(&next)), (vec![(2, to, to + 1)], vec![(HI, to + 1, 3)]));
}

#[test]
fn a_trace_can_begin_with_the_counts_that_were_recovered() {
    let mut rig = Rig::holding(&[(HI, 2), (id(3, 1), 0)]);
    rig.send(A, batch().like(HI, "eve", 5).comment(id(4, 1), "ann", "hi"));
    rig.restart();
    rig.send(A, batch().like(HI, "bob", 5));
    let rows: Vec<_> = rig.machine.tallies().map(|row| (row.id, row.tally.version.get(), row.tally.count)).collect();
    assert_eq!(rows, [(HI, 3, 2), (id(3, 1), 1, 0)], "and with nothing that is not durable");
    assert!(rig.machine.tallies().all(|row| row.tally.epoch == Epoch::new(2)));
}

#[test]
fn after_a_restart_repeats_are_still_repeats() {
    let (mut rig, _) = lived();
    rig.restart();
    let rows = rig.log.len();
    let writes =
        batch().like(HI, "v0", 5).comment(HI, "ann", "hi").comment(id(2, 2), "ann", "no").delete(id(2, 2), "ann");
    let told = [Told::Like(6, false), Told::Done, Told::Refused(Code::RefReused), Told::Done, Told::Done];
    assert_eq!(rig.put(writes.taps(7, &[("heart", 5)])), told);
    assert_eq!(rig.log.len(), rows);
}

#[test]
fn what_was_in_flight_at_a_crash_is_lost_or_kept_as_a_whole() {
    for synced in [false, true] {
        let mut rig = Rig::holding(&[(HI, 0)]);
        rig.send(A, batch().like(HI, "ann", 5).comment(id(3, 1), "ann", "hi"));
        if synced {
            let sections = rig.in_flight.clone().unwrap().1;
            rig.log.extend(sections);
        }
        rig.restart();
        assert_eq!(rig.shown(), if synced { vec![(id(3, 1), 0), (HI, 1)] } else { vec![(HI, 0)] });
        let again = batch().like(HI, "ann", 5).comment(id(3, 1), "ann", "hi");
        assert_eq!(rig.put(again), [Told::Like(5, true), Told::Done]);
        assert_eq!(rig.shown(), [(id(3, 1), 0), (HI, 1)]);
    }
}

#[test]
fn a_comment_is_later_than_those_before_the_restart_whatever_the_clock_says() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.now = Millis::new(500);
    rig.restart();
    rig.put(batch().comment(id(2, 2), "ann", "hi"));
    assert_eq!(rig.shown(), [(id(2, 2), 0), (HI, 0)]);
}

#[test]
fn a_log_newer_than_the_map_gives_nothing() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.restart();
    rig.put(batch().like(HI, "ann", 5));
    let mut machine = replayed(config(), &rig.log).unwrap();
    machine.start(rig.now, Arc::new(Rig::new().map_where("p2")));
    let mut writes = batch().like(HI, "bob", 5).comment(id(3, 1), "ann", "hi");
    writes.slots = vec![(slot(2), Epoch::new(1)), (slot(3), Epoch::new(1))];
    let mut outbox = Vec::new();
    machine.step(rig.now, Input::Writes { peer: A, batch: &writes }, &mut outbox);
    assert_eq!(answers(&outbox, A), [(1, Told::Moved)], "the other slot's log is not newer");
}

/// Replays a log whose section `at` was changed; the reason why it is refused.
fn refused(at: usize, change: impl FnOnce(&mut Section)) -> String {
    let mut log = Rig::holding(&[(HI, 2), (id(3, 1), 0)]).log;
    change(&mut log[at]);
    replayed(config(), &log).expect_err("it is refused").to_string()
}

#[test]
fn a_gap_is_refused() {
    // Sections: the comment of slot 2, that of slot 3, the likes of slot 2.
    let why = "rows of slot 2 after position 2 do not follow those before";
    assert_eq!(refused(2, |section| section.from = Position::new(2)), why);
    let why = "rows of slot 2 after position 0 do not follow those before";
    assert_eq!(refused(2, |section| section.from = Position::ZERO), why, "nor do repeats");
    let error = {
        let mut log = Rig::holding(&[(HI, 2)]).log;
        log[1].epoch = Epoch::ZERO;
        replayed(config(), &log).unwrap_err()
    };
    assert_eq!(error, ReplayError::Gap { slot: slot(2), from: Position::new(1) }, "an epoch never falls");
}

#[test]
fn rows_of_another_format_are_refused() {
    let why = "rows of slot 2 after position 1 have format Some(2), only 1 is read";
    assert_eq!(refused(2, |section| section.body[0] = 2), why);
    let why = "rows of slot 2 after position 1 have format None, only 1 is read";
    assert_eq!(refused(2, |section| section.body.clear()), why);
}

#[test]
fn a_row_that_cannot_be_read_is_refused_by_slot_and_position() {
    let why = "row of slot 2 at position 3: the body ends within a row";
    assert_eq!(refused(2, |section| section.body.truncate(section.body.len() - 1)), why);
    assert_eq!(refused(2, |section| section.body.push(99)), "row of slot 2 at position 4: there is no row of tag 99");
    let why = "row of slot 3 at position 1: there is no row of tag 0";
    assert_eq!(refused(1, |section| section.body[1] = 0), why);
}

#[test]
fn a_section_with_more_or_fewer_rows_than_its_head_says_is_refused() {
    let why = "row of slot 2 at position 4: the section ends here, its head says 4";
    assert_eq!(refused(2, |section| section.to = Position::new(4)), why);
    let why = "row of slot 2 at position 4: the section ends here, its head says 2";
    assert_eq!(refused(2, |section| section.to = Position::new(2)), why);
}

/// Replays one more row after those of HI (slot 2, deleted at last) and (3, 1); the reason why it is refused.
fn misfit(number: u16, row: impl FnOnce(&mut Encoder)) -> String {
    let mut rig = Rig::holding(&[(HI, 1), (id(3, 1), 1)]);
    rig.put(batch().comment_on(1, id(3, 2), "ann", "hi").taps_in(3, 7, &[("heart", 5)]).delete(HI, "ann"));
    let mut encoder = Encoder::default();
    row(&mut encoder);
    let from = rig.log.iter().filter(|section| section.slot == slot(number)).map(|section| section.to).max().unwrap();
    let (slot, epoch, to) = (slot(number), Epoch::new(1), from.next());
    rig.log.push(Section { slot, epoch, from, to, body: encoder.finish() });
    match replayed(config(), &rig.log).expect_err("it is refused") {
        ReplayError::Row { slot: named, at, why } if (named, at) == (slot, to) => why,
        other => panic!("{other}"),
    }
}

fn bits(stamp: u64) -> u64 {
    watershed_protocol::Register { stamp: Stamp::new(stamp).unwrap(), liked: true }.to_bits()
}

#[test]
fn a_row_that_does_not_fit_what_is_there_is_refused() {
    let nothing = |id: CommentId| format!("there is no {id:?} in this slot");
    let gone = format!("{HI:?} is deleted already");
    assert_eq!(misfit(3, |row| row.like(id(3, 9), key("ann"), bits(5))), nothing(id(3, 9)));
    assert_eq!(misfit(2, |row| row.like(id(3, 1), key("ann"), bits(5))), nothing(id(3, 1)), "of another slot");
    assert_eq!(misfit(2, |row| row.deletion(id(3, 1))), nothing(id(3, 1)));
    assert_eq!(misfit(2, |row| row.like(HI, key("ann"), bits(5))), gone);
    assert_eq!(misfit(2, |row| row.deletion(HI)), gone);
    assert_eq!(misfit(3, |row| row.like(id(3, 1), key("v0"), bits(4))), "the like changes nothing");
    assert_eq!(misfit(2, |row| row.pin(&stream("demo"), at(0), Some(id(3, 1)))), nothing(id(3, 1)));
    let why = "the pinned comment is of another stream";
    assert_eq!(misfit(3, |row| row.pin(&stream("demo"), at(0), Some(id(3, 2)))), why);
    assert_eq!(misfit(3, |row| row.taps(&stream("demo"), 7, &taps(&[("heart", 4)]))), "the taps of reporter 7 fall");
    let comment = watershed_protocol::Comment {
        id: id(3, 1),
        time: at(0),
        author: "ann".parse().unwrap(),
        name: watershed_protocol::DisplayName::new("Name").unwrap(),
        body: body("hi"),
    };
    let why = format!("{:?} is of another slot, or comes twice", id(3, 1));
    assert_eq!(misfit(3, |row| row.comment(&stream("demo"), &comment, Spread::WHOLE)), why);
    assert_eq!(misfit(2, |row| row.comment(&stream("demo"), &comment, Spread::WHOLE)), why);
}
