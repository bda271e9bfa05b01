//! Checkpoints: what was saved and what the log has beyond it make the state that was visible.

use watershed_protocol::CommentId;

use crate::machine::rig::*;

const IDS: [CommentId; 3] = [HI, id(3, 1), id(5, 9)];
const VIEWERS: [&str; 3] = ["v0", "v1", "v2"];

/// A processor with comments, likes, a deletion, a pin and taps.
fn lived_in() -> Rig {
    let mut rig = Rig::holding(&[(HI, 3), (IDS[1], 2), (IDS[2], 0)]);
    rig.put(batch().unlike(HI, "v1", 9).delete(IDS[1], "ann").pin(HI).taps(7, &[("heart", 5)]));
    rig
}

/// All that can be seen, but for numbers that only rise: epochs, and the versions of counts.
fn seen(rig: &mut Rig) -> Picture {
    let mut picture = rig.picture(&IDS, &VIEWERS);
    let report = &mut picture.resync;
    report.epoch = Default::default();
    report.spans.iter_mut().for_each(|span| span.epoch = Default::default());
    report.tallies.iter_mut().for_each(|row| (row.tally.epoch, row.tally.version) = Default::default());
    let pinned = report.pin.iter_mut().flat_map(|pin| &mut pin.comment);
    pinned.chain(report.top.iter_mut().flatten()).for_each(|(_, row)| {
        (row.tally.epoch, row.tally.version) = Default::default();
    });
    report.reactions.iter_mut().for_each(|row| row.epoch = Default::default());
    picture
}

#[test]
fn a_restart_from_a_checkpoint_shows_what_was_visible() {
    let mut rig = lived_in();
    let before = seen(&mut rig);
    rig.checkpoint();
    assert_eq!(rig.store.checkpoint.position, rig.log.len() as u64);
    rig.log.iter_mut().for_each(|section| section.body.clear());
    rig.restart();
    assert_eq!(seen(&mut rig), before);
}

#[test]
fn rows_that_came_after_the_checkpoint_are_replayed_on_top() {
    let mut rig = lived_in();
    rig.checkpoint();
    rig.put(batch().like(HI, "v7", 3).unlike(HI, "v0", 12).comment(id(4, 4), "bob", "later").delete(IDS[2], "ann"));
    let before = seen(&mut rig);
    rig.restart();
    assert_eq!(seen(&mut rig), before);
}

#[test]
fn what_was_saved_for_a_checkpoint_that_was_not_finished_changes_nothing() {
    let mut rig = lived_in();
    rig.checkpoint();
    rig.put(batch().like(HI, "v7", 3).unlike(HI, "v0", 12).comment(id(4, 4), "bob", "later").delete(IDS[2], "ann"));
    rig.save();
    let position = rig.store.checkpoint.position;
    rig.store_takes(1.0);
    let before = seen(&mut rig);
    rig.restart();
    assert_eq!(rig.store.checkpoint.position, position, "the former checkpoint is in force");
    assert_eq!(seen(&mut rig), before);
}

#[test]
fn a_part_waits_for_the_group_whose_changes_it_holds() {
    let mut rig = lived_in();
    rig.send(A, batch().like(HI, "v8", 4));
    rig.save();
    assert!(rig.store.given.is_none(), "it holds a register that is not durable");
    rig.durable();
    assert!(rig.store.given.is_some());
}

#[test]
fn a_part_that_holds_what_a_full_disk_refused_is_made_again() {
    let mut rig = lived_in();
    let before = seen(&mut rig);
    rig.send(A, batch().like(HI, "v8", 4).unlike(HI, "v0", 99));
    rig.save();
    rig.full();
    while rig.store.given.is_some() {
        rig.store_takes(1.0);
    }
    assert_eq!(rig.store.checkpoint.position, rig.log.len() as u64);
    rig.restart();
    assert_eq!(seen(&mut rig), before);
}

#[test]
fn what_the_store_did_not_take_is_saved_by_the_next_checkpoint() {
    let mut rig = lived_in();
    let before = seen(&mut rig);
    for share in [0.0, 0.4] {
        rig.save();
        rig.store_takes(share);
        assert!(rig.store.given.is_none(), "it is given up");
    }
    rig.checkpoint();
    rig.restart();
    assert_eq!(seen(&mut rig), before);
    assert_eq!(rig.machine.counters().checkpoints, 0, "counters are the process's own");
}

#[test]
fn a_checkpoint_without_changes_saves_nothing() {
    let mut rig = lived_in();
    rig.checkpoint();
    rig.save();
    assert!(matches!(rig.store.given, Some(Given::Checkpoint(_))));
}

#[test]
fn a_comment_with_more_likes_than_a_part_holds_is_saved_in_parts() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    for part in 0..30 {
        let viewers = part * 3_000..(part + 1) * 3_000;
        rig.put(viewers.fold(batch(), |batch, viewer| batch.like(HI, &format!("w{viewer}"), 5 + viewer * 11)));
    }
    rig.save();
    let mut parts = 0;
    while let Some(Given::Rows(rows)) = &rig.store.given {
        let bytes: usize = rows.iter().map(|row| row.value.as_ref().map_or(0, Vec::len)).sum();
        assert!(bytes < 1_400_000, "{bytes} bytes");
        parts += 1;
        rig.store_takes(1.0);
    }
    rig.store_takes(1.0);
    assert!(parts > 2, "{parts} parts");
    rig.restart();
    assert_eq!(rig.shown(), [(HI, 90_000)]);
}
