//! The last two minutes of the figures in the head.
//!
//! Between `watch`, which adds a point a second, and the sparklines. Invariant: a point is a second; seconds that nobody
//! answered in are gaps, not zeros.

use std::collections::VecDeque;

use watershed_protocol::Role;

use super::{rates::Rates, sample::Sample};

/// How many seconds are kept: two minutes, as much as is looked back at when something happens.
pub(super) const SECONDS_MAX: usize = 120;

/// How far apart two points are.
const POINT_MS: u64 = 1000;

/// One of the figures in the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// Viewers that are connected.
    Viewers,
    /// Writes of viewers that reached broadcast nodes.
    Writes,
    /// Likes that reached processors.
    Likes,
    /// Frames of the root.
    Frames,
    /// Frames, ranges and snapshots written to viewers.
    Deliveries,
}

impl Head {
    /// All, as they are shown.
    pub(super) const ALL: [Head; 5] = [Self::Viewers, Self::Writes, Self::Likes, Self::Frames, Self::Deliveries];

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Viewers => "viewers",
            Self::Writes => "writes/s",
            Self::Likes => "likes/s",
            Self::Frames => "frames/s",
            Self::Deliveries => "delivered/s",
        }
    }

    /// What it is now.
    pub(super) fn value(self, sample: &Sample, rates: &Rates) -> Option<f64> {
        match self {
            Self::Viewers => sample.sum(Role::Broadcast, "viewers"),
            Self::Writes => rates.sum(sample, Role::Broadcast, "writes_in"),
            Self::Likes => rates.sum(sample, Role::Processor, "likes_in"),
            Self::Frames => rates.sum(sample, Role::Merger, "frames_out"),
            Self::Deliveries => rates.sum(sample, Role::Broadcast, "frames_written"),
        }
    }
}

/// What the figures of the head were; none in a gap.
type Point = [Option<f64>; Head::ALL.len()];

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    points: VecDeque<Point>,
    last_ms: u64,
}

impl History {
    /// Adds what is now.
    pub(super) fn add(&mut self, at_ms: u64, sample: &Sample, rates: &Rates) {
        let seconds = (at_ms.saturating_sub(self.last_ms) + POINT_MS / 2) / POINT_MS;
        if !self.points.is_empty() {
            (1..seconds.min(SECONDS_MAX as u64)).for_each(|_| self.push(Point::default()));
        }
        self.push(Head::ALL.map(|head| head.value(sample, rates)));
        self.last_ms = at_ms;
    }

    fn push(&mut self, point: Point) {
        if self.points.len() == SECONDS_MAX {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// What a figure is now.
    pub(super) fn now(&self, head: Head) -> Option<f64> {
        self.points.back().and_then(|point| point[head as usize])
    }

    /// The two minutes in so many columns, the oldest first; of several seconds in one column the highest counts, so that
    /// a short peak is seen.
    pub(super) fn columns(&self, head: Head, columns: usize) -> Vec<Option<f64>> {
        let seconds = SECONDS_MAX.div_ceil(columns.max(1));
        let mut shown = vec![None; columns];
        for (age, point) in self.points.iter().rev().enumerate() {
            let Some(column) = columns.checked_sub(1 + age / seconds) else { break };
            shown[column] = shown[column].max_with(point[head as usize]);
        }
        shown
    }
}

/// The higher of two values that may be unknown.
trait MaxWith {
    fn max_with(self, other: Self) -> Self;
}

impl MaxWith for Option<f64> {
    fn max_with(self, other: Self) -> Self {
        self.into_iter().chain(other).reduce(f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(viewers: u64) -> Sample {
        let text = format!(
            r#"{{"nodes":[{{"node":"b1","role":"broadcast","state":"alive","figures":{{"viewers":{viewers}}}}}]}}"#
        );
        Sample::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_second_without_an_answer_is_a_gap() {
        let mut history = History::default();
        for (at_ms, viewers) in [(10_000, 3), (10_970, 4), (13_010, 5)] {
            history.add(at_ms, &watched(viewers), &Rates::default());
        }
        let last = history.columns(Head::Viewers, SECONDS_MAX).split_off(SECONDS_MAX - 5);
        assert_eq!(last, [None, Some(3.0), Some(4.0), None, Some(5.0)]);
        assert_eq!((history.now(Head::Viewers), history.now(Head::Likes)), (Some(5.0), None));
    }

    #[test]
    fn a_peak_of_one_second_is_seen_in_a_narrow_column() {
        let mut history = History::default();
        for second in 0..120 {
            history.add(second * 1000, &watched(if second == 61 { 900 } else { 7 }), &Rates::default());
        }
        assert_eq!(history.columns(Head::Viewers, 4), [Some(7.0), Some(7.0), Some(900.0), Some(7.0)]);
    }

    #[test]
    fn no_more_than_two_minutes_are_kept() {
        let mut history = History::default();
        history.add(1000, &watched(1), &Rates::default());
        history.add(9_000_000, &watched(2), &Rates::default());
        assert_eq!(history.points.len(), SECONDS_MAX);
        assert_eq!(history.columns(Head::Viewers, 1), [Some(2.0)]);
    }
}
