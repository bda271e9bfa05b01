//! What analytics are told: frames, comments that none shows, and viewers when they have come or gone.

use crate::machine::{rig::*, *};

/// What was put out, as (viewers, frames, unshown).
fn counted(outbox: &[Output]) -> Vec<(u64, u64, u64)> {
    let of = |output: &Output| match output {
        Output::Counted { stream: id, counts: c } => {
            assert_eq!(*id, stream());
            Some((c.viewers, c.frames, c.unshown))
        }
        _ => None,
    };
    outbox.iter().filter_map(of).collect()
}

fn config() -> Config {
    Config { tell_counts: true, comments_per_frame: 3, ..crate::machine::rig::config() }
}

#[test]
fn a_frame_is_counted_with_the_comments_that_it_does_not_show() {
    let (mut rig, [p1, ..], _) = Rig::open(config());
    let told = (0..5).fold(report(1).span(2, 0, 5), |all, n| all.comment(id(2, n), n.into()));
    let [(_, frames, unshown)] = counted(&rig.report(p1, told))[..] else { panic!("one frame") };
    assert_eq!((frames, unshown), (1, 2));
    assert_eq!(counted(&rig.pass(1_000)), [], "a quiet stream is not spoken of");
}

#[test]
fn viewers_are_told_when_they_have_come_or_gone() {
    let (mut rig, _, node) = Rig::open(config());
    let viewers = |rig: &mut Rig, count| {
        let changed = ToFeed::Viewers(vec![(stream(), count)]);
        counted(&rig.node(node, changed)).iter().map(|(viewers, ..)| *viewers).collect::<Vec<_>>()
    };
    assert_eq!(viewers(&mut rig, 7), [7]);
    assert!(viewers(&mut rig, 7).is_empty());
    assert_eq!(viewers(&mut rig, 8), [8]);
    let other = rig.node_up("b2");
    assert_eq!(counted(&rig.subscribe(other, None, 5)).last().map(|(viewers, ..)| *viewers), Some(13));
    assert_eq!(counted(&rig.step(Input::Lost(node))), [(5, 0, 0)]);
    assert_eq!(counted(&rig.step(Input::Lost(other))), [(0, 0, 0)]);
}

#[test]
fn nothing_is_told_to_who_has_not_asked() {
    let (mut rig, [p1, ..], _) = Rig::open(Config { tell_counts: false, ..config() });
    assert_eq!(counted(&rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1))), []);
}
