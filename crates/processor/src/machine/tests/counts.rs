//! What analytics are told: what became durable, by stream, once.

use watershed_protocol::{Part, Spread};

use crate::machine::{rig::*, *};

fn rig() -> Rig {
    Rig::with(Config { tell_counts: true, ..config() })
}

/// What was put out of "demo", as (comments, likes, unlikes, reactions).
fn counted(outbox: &[Output]) -> Vec<(u64, u64, u64, u64)> {
    let of = |output: &Output| match output {
        Output::Counted { stream, counts: c } => {
            assert_eq!(stream.as_str(), "demo");
            Some((c.comments, c.likes, c.unlikes, c.reactions))
        }
        _ => None,
    };
    outbox.iter().filter_map(of).collect()
}

fn all(rig: &mut Rig, writes: WriteBatch) -> Vec<(u64, u64, u64, u64)> {
    let mut outbox = rig.send(A, writes);
    if rig.in_flight.is_some() {
        assert_eq!(counted(&outbox), [], "nothing is counted before it is durable");
        outbox.extend(rig.durable());
    }
    counted(&outbox)
}

#[test]
fn what_changed_is_counted_and_what_changed_nothing_is_not() {
    let mut rig = rig();
    let first = batch().comment(HI, "ann", "hi").comment(HI, "ann", "hi");
    assert_eq!(all(&mut rig, first), [(1, 0, 0, 0)]);
    let likes = batch().like(HI, "v1", 5).like(HI, "v2", 5).like(HI, "v1", 6).unlike(HI, "v3", 5);
    assert_eq!(all(&mut rig, likes), [(0, 2, 0, 0)], "a later like and an unlike of nothing change no count");
    assert_eq!(all(&mut rig, batch().like(HI, "v2", 5).unlike(HI, "v2", 4)), []);
    assert_eq!(all(&mut rig, batch().unlike(HI, "v2", 7).like(HI, "v2", 8)), [(0, 1, 1, 0)]);
    assert_eq!(all(&mut rig, batch().delete(HI, "ann")), [], "a deletion is no unlike");
}

#[test]
fn taps_are_counted_as_they_grow() {
    let mut rig = rig();
    assert_eq!(all(&mut rig, batch().taps(7, &[("heart", 3), ("clap", 1)])), [(0, 0, 0, 4)]);
    assert_eq!(all(&mut rig, batch().taps(7, &[("heart", 3), ("clap", 1)])), []);
    assert_eq!(all(&mut rig, batch().taps(7, &[("heart", 10)]).taps(8, &[("heart", 2)])), [(0, 0, 0, 9)]);
}

#[test]
fn what_the_disk_did_not_take_and_what_is_read_back_is_not_counted() {
    let mut rig = rig();
    rig.send(A, batch().comment(HI, "ann", "hi"));
    assert_eq!(counted(&rig.full()), []);
    assert_eq!(all(&mut rig, batch().comment(HI, "ann", "hi")), [(1, 0, 0, 0)]);
    assert_eq!(all(&mut rig, batch().like(HI, "v1", 5)), [(0, 1, 0, 0)]);
    rig.restart();
    assert_eq!(all(&mut rig, batch().comment(HI, "ann", "hi").like(HI, "v1", 5)), []);
    assert_eq!(all(&mut rig, batch().like(HI, "v2", 5)), [(0, 1, 0, 0)]);
}

#[test]
fn a_spread_comment_is_one_comment_and_its_likes_are_those_of_all_parts() {
    let mut rig = rig();
    let spread = Spread::new(4, 0).unwrap();
    let part = |index| Part::new(index, spread).unwrap();
    let headers = batch().header(HI, "ann", part(1)).header(HI, "ann", part(2)).header(HI, "ann", part(3));
    assert_eq!(all(&mut rig, headers), []);
    assert_eq!(all(&mut rig, batch().comment(HI, "ann", "hi").spread(spread)), [(1, 0, 0, 0)]);
    let likes = batch().like(HI, "v1", 5).in_part(part(0)).like(HI, "v2", 5).in_part(part(2));
    assert_eq!(all(&mut rig, likes), [(0, 2, 0, 0)]);
}

#[test]
fn nothing_is_told_to_who_has_not_asked() {
    let mut rig = Rig::new();
    assert_eq!(all(&mut rig, batch().comment(HI, "ann", "hi").like(HI, "v1", 5)), []);
}
