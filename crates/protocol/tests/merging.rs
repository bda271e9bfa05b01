//! What is merged, merges alike in any order, any grouping, and however often: registers, tallies, and ranges of frames.
//!
//! The three merges that the cluster is built of (decision 0001), as laws over all their inputs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeMap, sync::Arc};

use proptest::{prelude::*, sample::Index};
use watershed_protocol::{
    Comment, CommentBody, CommentId, Delta, DisplayName, Epoch, HybridTime, Pinned, Position, ReactionKind, Reactions,
    Register, Seq, Shown, Snapshot, Stamp, Tally, View,
    client::{Encoding, Response},
};

fn registers() -> impl Strategy<Value = Register> {
    (1u64..6, any::<bool>()).prop_map(|(stamp, liked)| Register { stamp: Stamp::new(stamp).unwrap(), liked })
}

/// Tallies of one slot: of one epoch and version there is one count.
fn tallies() -> impl Strategy<Value = Tally> {
    (1u64..4, 0u64..5).prop_map(|(epoch, version)| Tally {
        epoch: Epoch::new(epoch),
        version: Position::new(version),
        count: epoch * 7 + version * 3,
    })
}

/// The same in any order, and some of them twice.
fn stirred<T: Clone>(all: &[T], order: &[Index]) -> Vec<T> {
    let mut left = all.to_vec();
    let mut stirred = Vec::new();
    for index in order.iter().cycle().take(2 * all.len()) {
        if left.is_empty() {
            break;
        }
        let at = index.index(left.len());
        stirred.push(left[at].clone());
        // Every other one stays, to come once more.
        if stirred.len() % 2 == 0 {
            left.remove(at);
        }
    }
    stirred.extend(left);
    stirred
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn registers_end_alike_in_any_order_and_count_what_they_say(
        all in prop::collection::vec(registers(), 1..12),
        order in prop::collection::vec(any::<Index>(), 1..24),
    ) {
        let merged = |registers: &[Register]| {
            let mut kept = registers[0];
            let mut count = i64::from(kept.liked);
            registers[1..].iter().for_each(|register| count += i64::from(kept.merge(*register)));
            (kept, count)
        };
        let (kept, count) = merged(&all);
        prop_assert_eq!(count, i64::from(kept.liked), "the sum of changes is the state");
        prop_assert_eq!(merged(&stirred(&all, &order)), (kept, count));
        // In groups, as when two nodes have merged and then meet.
        let cut = order[0].index(all.len());
        if cut > 0 {
            let (mut left, right) = (merged(&all[..cut]).0, merged(&all[cut..]).0);
            left.merge(right);
            prop_assert_eq!(left, kept);
        }
        let highest = all.iter().map(|register| register.to_bits()).max().unwrap();
        prop_assert_eq!(kept.to_bits(), highest);
    }

    #[test]
    fn tallies_end_alike_in_any_order_and_are_never_added(
        all in prop::collection::vec(tallies(), 1..12),
        order in prop::collection::vec(any::<Index>(), 1..24),
    ) {
        let merged = |tallies: &[Tally]| {
            let mut kept = tallies[0];
            for tally in &tallies[1..] {
                let before = kept;
                prop_assert_eq!(kept.merge(*tally), kept.count != before.count);
            }
            Ok(kept)
        };
        let kept = merged(&all)?;
        prop_assert_eq!(merged(&stirred(&all, &order))?, kept);
        prop_assert!(all.contains(&kept));
        let cut = order[0].index(all.len());
        if cut > 0 {
            let (mut left, right) = (merged(&all[..cut])?, merged(&all[cut..])?);
            left.merge(right);
            prop_assert_eq!(left, kept);
        }
    }
}

fn id(n: u8) -> CommentId {
    CommentId::from_bytes([n; 16])
}

fn shown(n: u8, likes: u64) -> Shown {
    let comment = Comment {
        id: id(n),
        time: HybridTime::from_bits(u64::from(n)),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new(&format!("comment {n}"), 100).unwrap(),
    };
    Shown::new(Arc::new(comment), likes)
}

/// What one frame may do, with numbers that are made to fit.
#[derive(Clone, Debug)]
struct Step {
    comments: u8,
    unshown: u64,
    likes: Vec<(u8, u64)>,
    deleted: Option<u8>,
    pin: Option<Option<u8>>,
    taps: Option<u64>,
    viewers: Option<u64>,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        0u8..3,
        0u64..3,
        prop::collection::vec((0u8..20, 0u64..50), 0..5),
        prop::option::of(0u8..20),
        prop::option::weighted(0.3, prop::option::of(0u8..20)),
        prop::option::weighted(0.3, 1u64..100),
        prop::option::weighted(0.3, 1u64..100),
    );
    let step = step.prop_map(|(comments, unshown, likes, deleted, pin, taps, viewers)| Step {
        comments,
        unshown,
        likes,
        deleted,
        pin,
        taps,
        viewers,
    });
    prop::collection::vec(step, 1..14)
}

fn taps(count: u64) -> Reactions {
    [(ReactionKind::new("heart").unwrap(), count)].into()
}

/// Frames as the root makes them: a comment comes once, counts are of comments that are there, what is pinned is there and
/// has the count of its comment, and what is deleted does not come back.
fn frames(steps: &[Step]) -> Vec<Delta> {
    let (mut next, mut counts, mut frames) = (0u8, BTreeMap::<u8, u64>::new(), Vec::new());
    for (from, step) in (0u64..).zip(steps) {
        let mut delta = Delta::empty(Epoch::new(3), Seq::new(from), Seq::new(from + 1));
        for n in next..next + step.comments {
            counts.insert(n, 0);
            delta.comments.push(shown(n, 0));
        }
        next += step.comments;
        (delta.shown, delta.total) = (step.comments.into(), u64::from(step.comments) + step.unshown);
        let changed: BTreeMap<u8, u64> = step.likes.iter().copied().filter(|(n, _)| counts.contains_key(n)).collect();
        counts.extend(&changed);
        delta.likes = changed.iter().map(|(n, count)| (id(*n), *count)).collect();
        delta.pinned = match step.pin {
            Some(Some(n)) => counts.get(&n).map(|count| Pinned::Comment(shown(n, *count))),
            Some(None) => Some(Pinned::Nothing),
            None => None,
        };
        if let Some(n) = step.deleted.filter(|n| counts.remove(n).is_some()) {
            delta.deleted.push(id(n));
        }
        (delta.reactions, delta.viewers) = (step.taps.map(taps), step.viewers);
        frames.push(delta);
    }
    frames
}

fn start() -> View {
    View::new(&Snapshot {
        epoch: Epoch::new(3),
        seq: Seq::ZERO,
        partial: false,
        viewers: 1,
        reactions: taps(1),
        pinned: Pinned::Comment(shown(250, 4)),
        top: vec![],
        comments: vec![shown(250, 4)],
    })
}

fn after<'a>(frames: impl IntoIterator<Item = &'a Delta>) -> Snapshot {
    let mut view = start();
    frames.into_iter().for_each(|frame| view.apply(frame).unwrap());
    view.snapshot()
}

/// The frames in pieces, each as one range.
fn split(frames: &[Delta], cuts: &[Index]) -> Vec<Delta> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(frames.len() + 1)).chain([0, frames.len()]).collect();
    ends.sort_unstable();
    ends.windows(2).filter_map(|ends| Delta::merged(&frames[ends[0]..ends[1]])).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_frames_gives_the_same_view(steps in steps(), cuts in prop::collection::vec(any::<Index>(), 0..6)) {
        let frames = frames(&steps);
        let ranges = split(&frames, &cuts);
        prop_assert_eq!(after(&ranges), after(&frames));
        prop_assert_eq!(ranges.iter().map(|range| range.total).sum::<u64>(), frames.iter().map(|frame| frame.total).sum::<u64>());
        prop_assert_eq!(ranges.iter().map(|range| range.shown).sum::<u64>(), frames.iter().map(|frame| frame.shown).sum::<u64>());
    }

    #[test]
    fn ranges_of_ranges_are_ranges(
        steps in steps(),
        cuts in prop::collection::vec(any::<Index>(), 0..6),
        again in prop::collection::vec(any::<Index>(), 0..3),
    ) {
        let frames = frames(&steps);
        let ranges = split(&frames, &cuts);
        prop_assert_eq!(Delta::merged(&split(&ranges, &again)), Delta::merged(&frames));
        prop_assert_eq!(Delta::merged(&ranges), Delta::merged(&frames));
    }

    #[test]
    fn a_range_is_the_same_in_both_encodings(steps in steps()) {
        let range = Response::from(&Delta::merged(&frames(&steps)).unwrap());
        for encoding in Encoding::ALL {
            prop_assert_eq!(&Response::decode(encoding, &range.encode(encoding)).unwrap(), &range);
        }
    }

    #[test]
    fn a_viewer_who_resumes_anywhere_ends_where_the_others_are(steps in steps(), left in any::<Index>()) {
        let frames = frames(&steps);
        let left = left.index(frames.len() + 1);
        let mut view = start();
        frames[..left].iter().for_each(|frame| view.apply(frame).unwrap());
        if let Some(missed) = Delta::merged(&frames[left..]) {
            view.apply(&missed).unwrap();
        }
        prop_assert_eq!(view.snapshot(), after(&frames));
    }
}
