//! What one view covers at one point: comments received in and since its last snapshot, minus deleted, with counts.
//!
//! Between a viewer's screen and the agreement of views. Shared: all viewers that took the same steps hold the same
//! contents, and a step is made once for all of them. Invariant: contents never change; a step makes new ones.

use std::collections::VecDeque;

use watershed_protocol::{
    CommentId,
    client::{Line, Response},
};

use crate::Point;

/// The covered comments of a view.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    point: Point,
    /// Covered comments with their counts, by id.
    covered: Vec<(CommentId, u64)>,
    /// The same ids in order of arrival, so that the oldest are forgotten first.
    arrived: VecDeque<CommentId>,
    /// A digest of the set of ids: equal sets have equal digests.
    coverage: u64,
}

impl Contents {
    /// A view that covers nothing yet.
    pub(crate) fn empty(point: Point) -> Self {
        Self { point, covered: Vec::new(), arrived: VecDeque::new(), coverage: 0 }
    }

    /// The view that a snapshot's comments make.
    pub(crate) fn of_snapshot(point: Point, comments: &[Line], covered_max: usize) -> Self {
        let mut contents = Self::empty(point);
        contents.add(comments);
        contents.forget(covered_max);
        contents
    }

    /// The view after a delta; its chain was checked before.
    pub(crate) fn after(&self, delta: &Response, covered_max: usize) -> Self {
        let mut next = self.clone();
        if let Response::Delta { epoch, seq, comments, likes, deleted, .. } = delta {
            next.point = Point { epoch: *epoch, seq: *seq };
            next.add(comments);
            for (id, count) in likes {
                if let Ok(at) = next.find(*id) {
                    next.covered[at].1 = *count;
                }
            }
            for id in deleted {
                next.remove(*id);
            }
        }
        next.forget(covered_max);
        next
    }

    pub(crate) fn point(&self) -> Point {
        self.point
    }

    pub(crate) fn coverage(&self) -> u64 {
        self.coverage
    }

    /// The covered comments with their counts, by id.
    pub(crate) fn covered(&self) -> &[(CommentId, u64)] {
        &self.covered
    }

    pub(crate) fn covers(&self, id: CommentId) -> bool {
        self.find(id).is_ok()
    }

    fn find(&self, id: CommentId) -> Result<usize, usize> {
        self.covered.binary_search_by_key(&id, |(id, _)| *id)
    }

    fn add(&mut self, comments: &[Line]) {
        for line in comments {
            if let Err(at) = self.find(line.id) {
                self.covered.insert(at, (line.id, line.likes));
                self.arrived.push_back(line.id);
                self.coverage = self.coverage.wrapping_add(mix(line.id));
            }
        }
    }

    fn remove(&mut self, id: CommentId) {
        if let Ok(at) = self.find(id) {
            self.covered.remove(at);
            self.arrived.retain(|arrived| *arrived != id);
            self.coverage = self.coverage.wrapping_sub(mix(id));
        }
    }

    /// Forgetting is sound: a comment that is not covered is not compared.
    fn forget(&mut self, covered_max: usize) {
        while self.arrived.len() > covered_max
            && let Some(&oldest) = self.arrived.front()
        {
            self.remove(oldest);
        }
    }
}

/// Spreads an id over 64 bits (the finalizer of splitmix64), so that sums of them tell sets apart.
fn mix(id: CommentId) -> u64 {
    let whole = u128::from_be_bytes(*id.as_bytes());
    let mut bits = (whole as u64) ^ ((whole >> 64) as u64).rotate_left(32);
    bits = (bits ^ (bits >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_protocol::{DisplayName, ViewerId};

    fn id(number: u8) -> CommentId {
        CommentId::from_bytes([number; 16])
    }

    fn line(number: u8) -> Line {
        let (author, name) = (ViewerId::new("ann").unwrap(), DisplayName::new("Ann").unwrap());
        Line { id: id(number), author, name, body: "hi".into(), at: 1, likes: 0 }
    }

    fn delta(comments: &[u8], likes: &[(u8, u64)], deleted: &[u8]) -> Response {
        Response::Delta {
            epoch: 1,
            from: 1,
            seq: 2,
            comments: comments.iter().map(|n| line(*n)).collect(),
            likes: likes.iter().map(|(n, count)| (id(*n), *count)).collect(),
            deleted: deleted.iter().map(|n| id(*n)).collect(),
            pinned: None,
            top: None,
            reactions: None,
            viewers: None,
            shown: 0,
            total: 0,
        }
    }

    const START: Point = Point { epoch: 1, seq: 1 };

    #[test]
    fn comments_come_before_likes_and_likes_before_deletions() {
        let start = Contents::of_snapshot(START, &[line(1)], 10);
        let next = start.after(&delta(&[2, 3], &[(2, 7), (9, 1), (3, 1)], &[3, 8]), 10);
        assert_eq!(next.covered(), [(id(1), 0), (id(2), 7)]);
        assert_eq!(next.point(), Point { epoch: 1, seq: 2 });
    }

    #[test]
    fn equal_sets_have_equal_coverage_however_they_came_about() {
        let one = Contents::of_snapshot(START, &[line(1), line(2), line(3)], 2);
        let two = Contents::of_snapshot(START, &[line(3), line(2)], 10);
        assert_eq!(one.coverage(), two.coverage());
        assert_ne!(one.coverage(), Contents::of_snapshot(START, &[line(2)], 10).coverage());
    }
}
