//! The counts shown for one comment, point by point: they may rise freely and fall only where unlikes explain it.
//!
//! Fed once per distinct frame. Frames arrive in any order, for viewers lag: what is compared are points, not arrivals.
//! Invariant: memory per comment is constant unless every shown count is kept for a durable trace.

use std::collections::BTreeSet;

use crate::Point;

/// What was shown for one comment.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The highest count, at its earliest known point.
    peak: Option<(Point, u64)>,
    /// The count at the latest known point.
    last: Option<(Point, u64)>,
    /// Every count that was shown, if they are kept.
    shown: BTreeSet<u64>,
}

/// Two counts that contradict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contradiction {
    /// The count at the later point is lower than unlikes explain.
    Fell { earlier: (Point, u64), later: (Point, u64) },
    /// Two counts at one point.
    Differs { point: Point, one: u64, other: u64 },
}

impl Counts {
    /// Takes a count that was shown at a point, when at most `may_unlike` people may have unliked.
    pub(crate) fn show(&mut self, point: Point, count: u64, may_unlike: u64) -> Option<Contradiction> {
        let fell = |earlier: (Point, u64), later: (Point, u64)| {
            (earlier.0 <= later.0 && later.1.saturating_add(may_unlike) < earlier.1)
                .then_some(Contradiction::Fell { earlier, later })
        };
        let now = (point, count);
        let mut found =
            self.peak.and_then(|peak| fell(peak, now)).or_else(|| self.last.and_then(|last| fell(now, last)));
        if let Some((at, other)) = self.last
            && at == point
            && other != count
        {
            found = Some(Contradiction::Differs { point, one: other, other: count });
        }
        if self.peak.is_none_or(|peak| count > peak.1 || (count == peak.1 && point < peak.0)) {
            self.peak = Some(now);
        }
        if self.last.is_none_or(|last| point > last.0) {
            self.last = Some(now);
        }
        found
    }

    /// Keeps the count for the comparison with a durable trace.
    pub(crate) fn keep(&mut self, count: u64) {
        self.shown.insert(count);
    }

    /// All counts that were kept.
    pub(crate) fn kept(&self) -> &BTreeSet<u64> {
        &self.shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seq: u64) -> Point {
        Point { epoch: 1, seq }
    }

    #[test]
    fn a_fall_is_seen_whichever_of_the_two_arrives_first() {
        let mut counts = Counts::default();
        assert_eq!(counts.show(at(1), 5, 0), None);
        assert!(matches!(counts.show(at(2), 4, 0), Some(Contradiction::Fell { .. })));
        let mut late = Counts::default();
        assert_eq!(late.show(at(2), 4, 0), None);
        assert!(matches!(late.show(at(1), 5, 0), Some(Contradiction::Fell { .. })));
    }

    #[test]
    fn a_lagging_viewer_s_lower_count_is_no_fall() {
        let mut counts = Counts::default();
        assert_eq!(counts.show(at(9), 5, 0), None);
        assert_eq!(counts.show(at(3), 2, 0), None);
        assert_eq!(counts.show(at(9), 5, 0), None);
    }

    #[test]
    fn unlikes_explain_as_many_as_they_are() {
        let mut counts = Counts::default();
        assert_eq!(counts.show(at(1), 5, 0), None);
        assert_eq!(counts.show(at(2), 3, 2), None);
        assert!(matches!(counts.show(at(3), 2, 2), Some(Contradiction::Fell { .. })));
    }

    #[test]
    fn one_point_has_one_count() {
        let mut counts = Counts::default();
        assert_eq!(counts.show(at(1), 5, 0), None);
        assert_eq!(counts.show(at(1), 6, 0), Some(Contradiction::Differs { point: at(1), one: 5, other: 6 }));
    }
}
