//! The most liked comments of one stream here, kept while the root watches it.
//!
//! Told of counts as they are reported, so it costs something for each tally and nothing for a like. It knows more comments
//! than are shown, and the greatest count that any other may have; so it is sure of the first ones until unlikes and
//! deletions have used up what it knows, and only then looks at all comments again.
//!
//! Invariant: a comment that is not in the list has at most `floor` likes.

use watershed_protocol::limits::TOP_COMMENTS_MAX;

use crate::comments::CommentNo;

/// Comments that are known: four times as many as are shown.
const KNOWN_MAX: usize = 4 * TOP_COMMENTS_MAX;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Top {
    /// Not sorted.
    known: Vec<(u64, CommentNo)>,
    floor: u64,
    /// What the root was told last.
    pub(crate) told: Vec<CommentNo>,
}

impl Default for Top {
    /// It knows nothing: whatever is asked of it, all comments are to be looked at first.
    fn default() -> Self {
        Self { known: Vec::new(), floor: u64::MAX, told: Vec::new() }
    }
}

impl Top {
    /// A comment has this many likes.
    pub(crate) fn offer(&mut self, comment: CommentNo, likes: u64) {
        if let Some(known) = self.known.iter_mut().find(|(_, known)| *known == comment) {
            known.0 = likes;
            return;
        }
        if likes <= self.floor {
            return;
        }
        self.known.push((likes, comment));
        if self.known.len() > KNOWN_MAX
            && let Some(least) = (0..self.known.len()).min_by_key(|at| self.known[*at].0)
        {
            let (likes, _) = self.known.swap_remove(least);
            self.floor = self.floor.max(likes);
        }
    }

    /// A comment is gone.
    pub(crate) fn remove(&mut self, comment: CommentNo) {
        self.known.retain(|(_, known)| *known != comment);
    }

    /// All comments are about to be offered.
    pub(crate) fn forget(&mut self) {
        (self.known, self.floor) = (Vec::new(), 0);
    }

    /// The most liked comments, the first the most. `None` when others may have as many: look at all again.
    pub(crate) fn best(&mut self) -> Option<Vec<CommentNo>> {
        self.known.sort_unstable_by_key(|(likes, comment)| (std::cmp::Reverse(*likes), *comment));
        let liked = self.known.iter().filter(|(likes, _)| *likes > 0 && *likes >= self.floor);
        let best: Vec<CommentNo> = liked.take(TOP_COMMENTS_MAX).map(|(_, comment)| *comment).collect();
        (best.len() == TOP_COMMENTS_MAX || self.floor == 0).then_some(best)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_most_liked_come_first_and_those_without_likes_never() {
        let mut top = Top::default();
        assert_eq!(top.best(), None);
        top.forget();
        [(1, 3), (2, 0), (3, 9)].into_iter().for_each(|(comment, likes)| top.offer(comment, likes));
        assert_eq!(top.best(), Some(vec![3, 1]));
        top.offer(3, 1);
        assert_eq!(top.best(), Some(vec![1, 3]));
        top.remove(1);
        assert_eq!(top.best(), Some(vec![3]));
    }

    #[test]
    fn it_asks_for_all_when_it_is_not_sure_any_more() {
        let mut top = Top::default();
        top.forget();
        (0..100).for_each(|comment| top.offer(comment, 10 + u64::from(comment)));
        assert_eq!(top.best(), Some(vec![99, 98, 97, 96, 95]));
        (85..100).for_each(|comment| top.remove(comment));
        assert_eq!(top.best(), Some(vec![84, 83, 82, 81, 80]));
        top.offer(84, 1);
        assert_eq!(top.best(), None, "number 79 may have more");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_it_is_sure_of_is_so(steps in prop::collection::vec((0..60u32, prop::option::weighted(0.9, 0..40u64)), 0..300)) {
            let (mut top, mut likes) = (Top::default(), std::collections::BTreeMap::new());
            for (comment, count) in steps {
                match count {
                    Some(count) => {
                        likes.insert(comment, count);
                        top.offer(comment, count);
                    }
                    None => {
                        likes.remove(&comment);
                        top.remove(comment);
                    }
                }
                let best = top.best().unwrap_or_else(|| {
                    top.forget();
                    likes.iter().for_each(|(comment, likes)| top.offer(*comment, *likes));
                    top.best().expect("it has just seen all")
                });
                let mut counts: Vec<u64> = likes.values().copied().filter(|likes| *likes > 0).collect();
                counts.sort_unstable_by(|a, b| b.cmp(a));
                counts.truncate(TOP_COMMENTS_MAX);
                prop_assert_eq!(best.iter().map(|comment| likes[comment]).collect::<Vec<_>>(), counts);
            }
        }
    }
}
