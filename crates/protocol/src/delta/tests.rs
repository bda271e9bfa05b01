//! Merging frames into ranges, by itself and against the view.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::{CommentBody, DisplayName, HybridTime, View};

fn id(n: u8) -> CommentId {
    CommentId::from_bytes([n; 16])
}

fn shown(n: u8) -> Shown {
    let comment = Comment {
        id: id(n),
        time: HybridTime::from_bits(u64::from(n)),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new(&format!("comment {n}"), 100).unwrap(),
    };
    Shown::new(Arc::new(comment), 0)
}

fn frame(from: u64, comments: &[u8], likes: &[(u8, u64)], deleted: &[u8]) -> Delta {
    let mut delta = Delta::empty(Epoch::new(3), Seq::new(from), Seq::new(from + 1));
    delta.comments = comments.iter().map(|n| shown(*n)).collect();
    delta.likes = likes.iter().map(|(n, count)| (id(*n), *count)).collect();
    delta.deleted = deleted.iter().map(|n| id(*n)).collect();
    delta.shown = comments.len() as u64;
    delta.total = comments.len() as u64;
    delta
}

fn start() -> View {
    View::new(&Snapshot {
        epoch: Epoch::new(3),
        seq: Seq::ZERO,
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: vec![shown(250)],
    })
}

#[test]
fn a_range_keeps_the_newest_count_and_all_comments() {
    let frames = [frame(0, &[1, 2], &[(1, 1)], &[]), frame(1, &[3], &[(1, 5), (2, 1)], &[])];
    let range = Delta::merged(&frames).unwrap();
    assert_eq!((range.from, range.seq), (Seq::ZERO, Seq::new(2)));
    assert_eq!(range.comments.len(), 3);
    assert_eq!(range.likes, [(id(1), 5), (id(2), 1)]);
    assert_eq!((range.shown, range.total), (3, 3));
}

#[test]
fn the_most_liked_of_a_range_are_the_last_ones_but_for_those_deleted_since() {
    let mut frames = [frame(0, &[1, 2], &[], &[]), frame(1, &[], &[], &[]), frame(2, &[], &[], &[1])];
    frames[0].top = Some(vec![shown(2)]);
    frames[1].top = Some(vec![shown(1), shown(2)]);
    assert_eq!(Delta::merged(&frames).unwrap().top, Some(vec![shown(2)]));
}

#[test]
fn a_deletion_removes_body_and_count_but_stays_listed() {
    let frames = [frame(0, &[1, 2], &[(1, 4)], &[]), frame(1, &[], &[], &[1])];
    let range = Delta::merged(&frames).unwrap();
    assert_eq!(range.comments, [shown(2)]);
    assert!(range.likes.is_empty());
    assert_eq!(range.deleted, [id(1)]);
    assert_eq!(range.total, 2);
}

#[test]
#[should_panic(expected = "chain")]
fn frames_that_do_not_chain_are_our_own_bug() {
    Delta::merged(&[frame(0, &[], &[], &[]), frame(2, &[], &[], &[])]);
}

#[test]
fn a_view_refuses_a_frame_that_does_not_continue_it() {
    let mut view = start();
    assert!(view.apply(&frame(1, &[1], &[], &[])).is_err());
    assert_eq!(view.seq(), Seq::ZERO);
}

/// Frames as the root may make them: a comment comes once, counts only of comments that exist, no comment after its deletion.
fn chains() -> impl Strategy<Value = Vec<Delta>> {
    prop::collection::vec((0u8..3, prop::collection::vec((0u8..20, 1u64..50), 0..5), prop::option::of(0u8..20)), 1..12)
        .prop_map(|steps| {
            let (mut next, mut gone, mut frames) = (0u8, BTreeSet::<u8>::new(), Vec::new());
            for (from, (new, likes, delete)) in steps.into_iter().enumerate() {
                let comments: Vec<u8> = (next..next + new).collect();
                next += new;
                let likes: BTreeMap<u8, u64> =
                    likes.into_iter().filter(|(n, _)| *n < next && !gone.contains(n)).collect();
                let likes: Vec<(u8, u64)> = likes.into_iter().collect();
                let deleted: Vec<u8> = delete.into_iter().filter(|n| *n < next && !gone.contains(n)).collect();
                gone.extend(&deleted);
                frames.push(frame(from as u64, &comments, &likes, &deleted));
            }
            frames
        })
}

proptest! {
    #[test]
    fn a_view_after_a_range_is_the_view_after_its_frames(frames in chains(), cut in 0usize..12) {
        let cut = cut.min(frames.len());
        let (mut one_by_one, mut by_range) = (start(), start());
        for frame in &frames {
            one_by_one.apply(frame).unwrap();
        }
        for range in [Delta::merged(&frames[..cut]), Delta::merged(&frames[cut..])].into_iter().flatten() {
            by_range.apply(&range).unwrap();
        }
        prop_assert_eq!(one_by_one.snapshot(), by_range.snapshot());
    }

    #[test]
    fn merging_is_associative(frames in chains(), cut in 0usize..12) {
        let cut = cut.min(frames.len());
        let halves: Vec<Delta> =
            [Delta::merged(&frames[..cut]), Delta::merged(&frames[cut..])].into_iter().flatten().collect();
        prop_assert_eq!(Delta::merged(&halves), Delta::merged(&frames));
    }
}
