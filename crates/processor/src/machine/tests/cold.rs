//! Registers that memory has no room for: let go of, loaded again, and exact all the while.

use std::collections::BTreeMap;

use watershed_protocol::{
    CommentId, Part, Register, Stamp, ViewerKey,
    client::Code,
    peer::uplink::{LikeRow, Query, Reply, WriteBatch},
};

use crate::{Config, machine::rig::*};

/// Room for the registers of some comments, but not for all of them.
const TIGHT: usize = 400;

fn tight() -> Rig {
    Rig::with(Config { registers_bytes_max: TIGHT, ..config() })
}

/// Ten comments with five likes each, all of them saved, and most not in memory.
fn cold() -> (Rig, Vec<CommentId>) {
    let mut rig = tight();
    let ids: Vec<CommentId> = (1..=10).map(|n| id(2, n)).collect();
    rig.put(ids.iter().fold(batch(), |batch, id| batch.comment(*id, "ann", "hi")));
    for id in &ids {
        rig.put((0..5).fold(batch(), |batch, viewer| batch.like(*id, &format!("v{viewer}"), 5)));
        rig.checkpoint();
    }
    (rig, ids)
}

/// A comment none of whose registers are in memory.
fn cold_one(rig: &Rig, ids: &[CommentId]) -> CommentId {
    *ids.iter().find(|id| rig.is_cold(id)).expect("a comment is cold")
}

#[test]
fn registers_in_memory_stay_within_the_limit_and_counts_stay_true() {
    let (mut rig, ids) = cold();
    let counters = rig.machine.counters();
    assert!(counters.registers_bytes <= TIGHT as u64 && counters.pages_evicted > 0, "{counters:?}");
    assert_eq!(counters.registers, 50);
    assert!(rig.shown().iter().all(|(_, likes)| *likes == 5));
    for id in &ids {
        assert_eq!(rig.likes("v3", &[*id]), [*id]);
    }
    assert!(rig.machine.counters().registers_bytes <= TIGHT as u64);
}

#[test]
fn a_like_of_a_cold_comment_waits_for_its_page_and_then_for_its_group() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    assert_eq!(rig.send(A, batch().unlike(id, "v0", 7)), []);
    assert!(rig.in_flight.is_none() && !rig.machine.is_idle());
    assert_eq!(rig.machine.counters().writes_held, 1);
    assert_eq!(rig.store_answers(true), []);
    assert!(rig.in_flight.is_some(), "it has joined a group");
    assert_eq!(answers(&rig.durable(), A), [(1, Told::Like(7, false))]);
    assert!(rig.shown().contains(&(id, 4)));
}

#[test]
fn a_repeat_of_a_cold_like_changes_nothing() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    rig.send(A, batch().like(id, "v0", 5).like(id, "v1", 3));
    let outbox = rig.loaded();
    assert!(rig.in_flight.is_none());
    assert_eq!(answers(&outbox, A), [(1, Told::Like(5, true)), (2, Told::Like(5, true))]);
}

#[test]
fn writes_of_one_page_wait_for_one_load() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    rig.send(A, batch().like(id, "v0", 6).like(id, "v1", 6));
    rig.send(B, batch().like(id, "v0", 8));
    assert_eq!((rig.loads.len(), rig.machine.counters().writes_held), (1, 3));
    rig.store_answers(true);
    let outbox = rig.durable();
    assert_eq!(answers(&outbox, A).len() + answers(&outbox, B).len(), 3);
}

#[test]
fn a_store_that_cannot_be_read_refuses_who_waits_and_is_asked_again() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    rig.send(A, batch().like(id, "v9", 6));
    assert_eq!(answers(&rig.store_answers(false), A), [(1, Told::Refused(Code::Unavailable))]);
    assert!(rig.machine.is_idle());
    assert_eq!(rig.put(batch().like(id, "v9", 6)), [Told::Like(6, true)]);
    assert!(rig.shown().contains(&(id, 6)));
}

#[test]
fn nobody_has_more_than_thirty_two_writes_waiting() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    let outbox = rig.send(A, (0..40).fold(batch(), |batch, n| batch.like(id, "v0", 10 + n)));
    assert_eq!(answers(&outbox, A).len(), 8);
    assert!(answers(&outbox, A).iter().all(|(_, told)| *told == Told::Refused(Code::Overloaded)));
    rig.loaded();
    assert_eq!(answers(&rig.durable(), A).len(), 32);
}

#[test]
fn a_comment_that_was_deleted_meanwhile_is_unknown_to_who_waited() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    rig.send(A, batch().like(id, "v9", 6));
    rig.send(A, batch().delete(id, "ann"));
    rig.durable();
    assert_eq!(answers(&rig.loaded(), A), [(1, Told::Refused(Code::UnknownComment))]);
    rig.checkpoint();
    rig.restart();
    assert!(rig.shown().iter().all(|(shown, likes)| *shown != id && *likes == 5));
    assert_eq!(rig.machine.counters().registers, 45);
}

#[test]
fn a_question_about_cold_likes_waits_for_all_its_pages_and_for_what_is_not_durable() {
    let (mut rig, ids) = cold();
    let id = cold_one(&rig, &ids);
    rig.send(A, batch().unlike(id, "v0", 9));
    rig.loaded();
    let query = Query::Likes {
        stream: stream("demo"),
        viewer: key("v0"),
        comments: ids.iter().map(|id| (id.slot(), *id)).collect(),
    };
    let (number, reply) = rig.ask_from(B, &query);
    assert_eq!(reply, None);
    assert_eq!(replies(&rig.loaded(), B), BTreeMap::new(), "it rests on the group in flight");
    let liked = ids.iter().copied().filter(|other| *other != id).collect();
    assert_eq!(replies(&rig.durable(), B).remove(&number), Some(Reply::Likes(liked)));
}

#[test]
fn a_question_that_read_what_a_full_disk_took_back_is_refused() {
    let (mut rig, ids) = cold();
    let first = cold_one(&rig, &ids);
    rig.send(A, batch().unlike(first, "v0", 9));
    rig.loaded();
    let other = ids.iter().rfind(|id| **id != first && rig.is_cold(id)).copied().expect("another is cold");
    let query = Query::Likes {
        stream: stream("demo"),
        viewer: key("v0"),
        comments: [first, other].map(|id| (id.slot(), id)).to_vec(),
    };
    let (number, _) = rig.ask_from(B, &query);
    assert_eq!(replies(&rig.full(), B).remove(&number), Some(Reply::Unavailable));
    assert_eq!(rig.likes("v0", &[first, other]), [first, other]);
}

#[test]
fn likes_are_refused_while_memory_is_full_of_what_is_not_saved() {
    let mut rig = tight();
    rig.put((1..=20).fold(batch(), |batch, n| batch.comment(id(2, n), "ann", "hi")));
    let like = |n| batch().like(id(2, n), "v0", 5).like(id(2, n), "v1", 5).like(id(2, n), "v2", 5);
    let mut told = Vec::new();
    (1..=20).for_each(|n| told.extend(rig.put(like(n))));
    assert!(told.contains(&Told::Refused(Code::Overloaded)), "{told:?}");
    assert!(rig.machine.wants_saving());
    rig.checkpoint();
    assert!(!rig.machine.wants_saving());
    assert_eq!(rig.put(like(20)), [Told::Like(5, true); 3]);
}

#[test]
fn after_a_checkpoint_that_failed_the_next_is_wanted_a_second_later() {
    let mut rig = tight();
    rig.put((1..=20).fold(batch(), |batch, n| batch.comment(id(2, n), "ann", "hi").like(id(2, n), "v", 1)));
    (1..=20).for_each(|n| drop(rig.put(batch().like(id(2, n), "v0", 5).like(id(2, n), "v1", 5))));
    assert!(rig.machine.wants_saving());
    rig.save();
    rig.store_takes(0.0);
    assert!(!rig.machine.wants_saving());
    assert_eq!(rig.machine.deadline(), Some(rig.now.plus(1_000)));
    rig.pass(1_000);
    assert!(rig.machine.wants_saving());
}

#[test]
fn the_log_is_replayed_over_pages_that_are_only_in_the_store() {
    let (mut rig, ids) = cold();
    for id in &ids[..4] {
        let told = rig.put(batch().unlike(*id, "v0", 9).like(*id, "v7", 2).like(*id, "v1", 3));
        assert_eq!(told, [Told::Like(9, false), Told::Like(2, true), Told::Like(5, true)]);
    }
    let shown = rig.shown();
    rig.restart();
    assert_eq!(rig.shown(), shown);
    assert!(shown.iter().all(|(_, likes)| *likes == 5));
    for id in &ids[..4] {
        assert_eq!(rig.likes("v0", &[*id]), []);
        assert_eq!(rig.likes("v7", &[*id]), [*id]);
    }
}

/// Likes of viewers by number, their stamps too.
fn likes(viewers: impl Iterator<Item = u32>, stamp: u64, liked: bool) -> WriteBatch {
    viewers.fold(batch(), |mut batch, viewer| {
        let key = ViewerKey::from_bytes((u128::from(viewer) * 0x9e37_79b9_7f4a_7c15).to_be_bytes());
        let register = Register { stamp: Stamp::new(stamp + u64::from(viewer) % 7).unwrap(), liked };
        let number = batch.likes.len() as u64 + 1;
        batch.likes.push(LikeRow { number, stream: 0, comment: HI, viewer: key, register, part: Part::WHOLE });
        batch
    })
}

/// Sends until everything is taken; checkpoints are made when they are wanted.
fn push(rig: &mut Rig, viewers: impl Fn() -> std::ops::Range<u32>, stamp: u64, liked: bool) {
    let mut again: Vec<u32> = viewers().collect();
    while !again.is_empty() {
        let told = rig.put(likes(again.iter().copied(), stamp, liked));
        let refused = |told: &Told| *told == Told::Refused(Code::Overloaded);
        again = again.iter().zip(&told).filter(|(_, told)| refused(told)).map(|(viewer, _)| *viewer).collect();
        if rig.machine.wants_saving() {
            rig.checkpoint();
        }
    }
}

#[test]
fn a_comment_has_three_hundred_thousand_likers_in_four_hundred_kibibytes() {
    const LIKERS: u32 = 300_000;
    const STEP: u32 = 10_000;
    let limit = 400 * 1024;
    let mut rig = Rig::with(Config { registers_bytes_max: limit, ..config() });
    rig.put(batch().comment(HI, "ann", "hi"));
    for from in (0..LIKERS).step_by(STEP as usize) {
        push(&mut rig, || from..from + STEP, 1_000_000, true);
        assert!(rig.machine.counters().registers_bytes as usize <= limit + 65_536);
    }
    assert_eq!(rig.shown(), [(HI, LIKERS.into())]);
    // A restart in the middle of a checkpoint, at every fourth round of unlikes of every third viewer.
    for (round, from) in (0..LIKERS).step_by(STEP as usize).enumerate() {
        push(&mut rig, || from..from + STEP / 3, 1_030_000, false);
        if round % 4 == 0 {
            rig.save();
            rig.store_takes(1.0);
            rig.store_takes(0.3);
            rig.restart();
            assert!(rig.machine.counters().registers_bytes as usize <= limit + 65_536);
        }
    }
    let left = LIKERS - LIKERS / STEP * (STEP / 3);
    assert_eq!(rig.shown(), [(HI, left.into())]);
    push(&mut rig, || 0..LIKERS / 10, 500, true);
    assert_eq!(rig.shown(), [(HI, left.into())], "late repeats change nothing");
    rig.checkpoint();
    rig.restart();
    assert_eq!((rig.shown(), rig.machine.counters().registers), (vec![(HI, left.into())], LIKERS.into()));
    rig.put(batch().delete(HI, "ann"));
    rig.checkpoint();
    rig.restart();
    assert_eq!((rig.shown(), rig.machine.counters().registers), (vec![], 0));
    assert!(rig.store.rows.keys().all(|(keyspace, key)| keyspace.name() != "metrics" || key.len() < 16));
}
