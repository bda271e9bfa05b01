//! The numbers that an epoch's comments get as they are delivered, and what a frame calls each comment that it speaks of.
//!
//! Between `live`, which seals frames, and the compact encodings far below. A frame calls a comment by its ordinal only if
//! whoever shows the comment got it with that ordinal: in the list of new comments, which always has it, or beside them, as
//! one of the most liked or as pinned, where it is missing if the root did not know it.
//!
//! Invariant: within an epoch no ordinal is given twice, and a merged range may call a comment what any of its frames does.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{CommentId, Delta, Empty, Mutant, Ordinal, Rare, Shown, Snapshot, View};

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Ordinals {
    next: Ordinal,
    newest: Rare<Newest>,
}

/// The newest comments that were delivered.
#[derive(Debug, Default)]
struct Newest {
    given: BTreeMap<CommentId, Ordinal>,
    /// The same, oldest first.
    order: BTreeMap<Ordinal, CommentId>,
}

impl Empty for Newest {
    const EMPTY: &'static Self = &Self { given: BTreeMap::new(), order: BTreeMap::new() };
}

impl Ordinals {
    /// Those of the epoch that begins with this snapshot, which gets them.
    pub(crate) fn begin(first: &mut Snapshot) -> Self {
        let mut ordinals = Self { next: Ordinal::FIRST, newest: Rare::default() };
        first.comments.iter_mut().for_each(|shown| ordinals.give(shown));
        let beside = first.top.iter_mut().chain(first.pinned.comment_mut());
        beside.for_each(|shown| shown.ordinal = ordinals.of(shown.comment.id));
        ordinals
    }

    /// Numbers what a frame delivers, and names what it speaks of. `view` is what its viewers have before it.
    pub(crate) fn number(&mut self, frame: &mut Delta, view: &View) {
        if Mutant::OrdinalsGivenAgain.lives() {
            self.next = Ordinal::FIRST;
        }
        frame.comments.iter_mut().for_each(|shown| self.give(shown));
        let pinned = frame.pinned.as_mut().and_then(|pinned| pinned.comment_mut());
        let beside = frame.top.iter_mut().flatten().chain(pinned);
        beside.for_each(|shown| shown.ordinal = self.of(shown.comment.id));
        if frame.likes.is_empty() && frame.deleted.is_empty() {
            return;
        }
        let pinned = frame.pinned.as_ref().and_then(|pinned| pinned.comment());
        let beside = view.beside().chain(frame.top.iter().flatten()).chain(pinned);
        let unknown: BTreeSet<CommentId> =
            beside.filter(|shown| shown.ordinal.is_none()).map(|shown| shown.comment.id).collect();
        let name = |id: &CommentId| self.of(*id).filter(|_| !unknown.contains(id));
        frame.likes_ordinals = frame.likes.iter().map(|(id, _)| name(id)).collect();
        frame.deleted_ordinals = frame.deleted.iter().map(name).collect();
    }

    fn of(&self, id: CommentId) -> Option<Ordinal> {
        self.newest.given.get(&id).copied()
    }

    fn give(&mut self, shown: &mut Shown) {
        let (id, ordinal) = (shown.comment.id, self.next);
        self.next = ordinal.next();
        shown.ordinal = Some(ordinal);
        let newest = self.newest.make();
        newest.given.insert(id, ordinal);
        newest.order.insert(ordinal, id);
        while let Some(oldest) = newest.order.first_entry().filter(|oldest| !oldest.key().is_kept(ordinal)) {
            let (ordinal, id) = oldest.remove_entry();
            // It may have been delivered once more since.
            if newest.given.get(&id) == Some(&ordinal) {
                newest.given.remove(&id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watershed_protocol::{Comment, CommentBody, DisplayName, Epoch, HybridTime, Pinned, Seq, limits};

    use super::*;

    fn id(n: u64) -> CommentId {
        CommentId::from_bytes(u128::from(n).to_be_bytes())
    }

    fn shown(n: u64) -> Shown {
        let comment = Comment {
            id: id(n),
            time: HybridTime::from_bits(n),
            author: "ann".parse().unwrap(),
            name: DisplayName::new("Ann").unwrap(),
            body: CommentBody::new("hi", 10).unwrap(),
        };
        Shown::new(Arc::new(comment), 1)
    }

    /// An epoch that begins with these comments, and with these as the most liked.
    struct Stage {
        ordinals: Ordinals,
        view: View,
    }

    impl Stage {
        fn new(comments: &[u64], top: &[u64]) -> Self {
            let mut first = Snapshot {
                epoch: Epoch::new(1),
                seq: Seq::ZERO,
                partial: false,
                viewers: 1,
                reactions: Default::default(),
                pinned: Pinned::Nothing,
                top: top.iter().map(|n| shown(*n)).collect(),
                comments: comments.iter().map(|n| shown(*n)).collect(),
            };
            let ordinals = Ordinals::begin(&mut first);
            Self { ordinals, view: View::new(&first) }
        }

        /// Seals a frame of new comments and of counts.
        fn frame(&mut self, comments: &[u64], likes: &[u64], change: impl FnOnce(&mut Delta)) -> Delta {
            let mut frame = Delta::empty(self.view.epoch(), self.view.seq(), self.view.seq().next());
            frame.comments = comments.iter().map(|n| shown(*n)).collect();
            frame.likes = likes.iter().map(|n| (id(*n), 7)).collect();
            change(&mut frame);
            self.ordinals.number(&mut frame, &self.view);
            self.view.apply(&frame).unwrap();
            frame
        }

        /// What a frame calls these comments.
        fn names(&mut self, likes: &[u64]) -> Vec<Option<u64>> {
            let frame = self.frame(&[], likes, |_| {});
            numbers(frame.likes_ordinals.iter())
        }
    }

    fn numbers<'a>(ordinals: impl Iterator<Item = &'a Option<Ordinal>>) -> Vec<Option<u64>> {
        ordinals.map(|ordinal| ordinal.map(Ordinal::get)).collect()
    }

    #[test]
    fn comments_are_numbered_as_they_are_delivered() {
        let mut stage = Stage::new(&[31, 32], &[]);
        let frame = stage.frame(&[33, 34], &[31, 34], |_| {});
        assert_eq!(numbers(frame.comments.iter().map(|shown| &shown.ordinal)), [Some(3), Some(4)]);
        assert_eq!(numbers(frame.likes_ordinals.iter()), [Some(1), Some(4)]);
        assert_eq!(stage.names(&[32, 33]), [Some(2), Some(3)]);
    }

    #[test]
    fn a_comment_that_was_never_delivered_is_called_by_its_id() {
        assert_eq!(Stage::new(&[31], &[]).names(&[31, 99]), [Some(1), None]);
    }

    #[test]
    fn a_most_liked_comment_that_was_delivered_has_its_ordinal() {
        let mut stage = Stage::new(&[31], &[31]);
        assert_eq!(stage.names(&[31]), [Some(1)]);
        let frame = stage.frame(&[32], &[32], |frame| frame.top = Some(vec![shown(32), shown(31)]));
        assert_eq!(numbers(frame.top.iter().flatten().map(|shown| &shown.ordinal)), [Some(2), Some(1)]);
        assert_eq!(numbers(frame.likes_ordinals.iter()), [Some(2)]);
    }

    #[test]
    fn a_comment_that_somebody_may_show_without_its_ordinal_is_called_by_its_id_until_it_is_deleted() {
        let mut stage = Stage::new(&[], &[31]);
        // Delivered while it is among the most liked: who comes by a snapshot later may have it from there alone.
        stage.frame(&[31], &[], |_| {});
        assert_eq!(stage.names(&[31]), [None]);
        let frame = stage.frame(&[], &[], |frame| frame.deleted = vec![id(31)]);
        assert_eq!(frame.deleted_ordinals, [None]);
    }

    #[test]
    fn a_pinned_comment_is_called_what_whoever_shows_it_knows() {
        let mut stage = Stage::new(&[31], &[]);
        let pin = |n| move |frame: &mut Delta| frame.pinned = Some(Pinned::Comment(shown(n)));
        assert_eq!(numbers(stage.frame(&[], &[31], pin(31)).likes_ordinals.iter()), [Some(1)]);
        assert_eq!(numbers(stage.frame(&[], &[99], pin(99)).likes_ordinals.iter()), [None]);
    }

    #[test]
    fn only_the_newest_comments_are_called_by_ordinals() {
        let mut stage = Stage::new(&[1], &[]);
        for n in 2..=limits::ORDINALS_KEPT_MAX {
            stage.frame(&[n], &[], |_| {});
        }
        assert_eq!(stage.names(&[1]), [Some(1)]);
        stage.frame(&[5_000], &[], |_| {});
        assert_eq!(stage.names(&[1, 2]), [None, Some(2)]);
        assert_eq!(stage.ordinals.newest.given.len() as u64, limits::ORDINALS_KEPT_MAX);
    }

    #[test]
    fn a_comment_that_is_delivered_twice_is_called_by_its_newer_ordinal() {
        let mut stage = Stage::new(&[1], &[]);
        stage.frame(&[1], &[], |_| {});
        assert_eq!(stage.names(&[1]), [Some(2)]);
    }
}
