//! When the newest frames reached the first viewer, the median one, and the last.
//!
//! Told by every delivery of a delta. Invariant: frames of one epoch, consecutive, at most [`LAPS_MAX`]; a merged delta
//! counts for each frame in it.

use std::collections::VecDeque;

use serde::Serialize;

use crate::viewer::Point;

/// Most frames that are kept.
const LAPS_MAX: u64 = 64;

/// One frame's way through the crowd; times by the monotonic clock, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Lap {
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
    /// When its newest comment says that it was sent; 0 if it does not.
    pub(crate) sent_ns: u64,
    pub(crate) first_ns: u64,
    /// When half of the viewers had it; 0 if they have not.
    pub(crate) median_ns: u64,
    pub(crate) last_ns: u64,
    /// Viewers that have it.
    pub(crate) viewers: u64,
}

/// The newest frames.
#[derive(Debug, Default)]
pub(crate) struct Laps {
    laps: VecDeque<Lap>,
}

impl Laps {
    /// A viewer of so many that watch has come from `from` to a point.
    pub(crate) fn arrive(&mut self, from: u64, to: Point, sent_ns: Option<u64>, now_ns: u64, watching: u64) {
        self.make_room(to);
        let Some(oldest) = self.laps.front().map(|lap| lap.seq) else { return };
        for seq in from.saturating_add(1).max(oldest)..=to.seq {
            let Some(lap) = self.laps.get_mut((seq - oldest) as usize) else { continue };
            if lap.viewers == 0 {
                lap.first_ns = now_ns;
            }
            lap.viewers += 1;
            lap.last_ns = now_ns;
            if lap.median_ns == 0 && lap.viewers * 2 >= watching {
                lap.median_ns = now_ns;
            }
            if seq == to.seq {
                lap.sent_ns = sent_ns.unwrap_or(lap.sent_ns);
            }
        }
    }

    /// The frames, oldest first.
    pub(crate) fn all(&self) -> Vec<Lap> {
        self.laps.iter().cloned().collect()
    }

    fn make_room(&mut self, to: Point) {
        let newest = self.laps.back().map(|lap| (lap.epoch, lap.seq));
        let next = match newest {
            Some((epoch, seq)) if epoch == to.epoch && to.seq < seq + LAPS_MAX => seq + 1,
            // A viewer of an epoch that is over: its frames do not come to all any more.
            Some((epoch, _)) if epoch > to.epoch => return,
            _ => {
                self.laps.clear();
                to.seq
            }
        };
        for seq in next..=to.seq {
            self.laps.push_back(Lap { epoch: to.epoch, seq, ..Lap::default() });
        }
        while self.laps.len() as u64 > LAPS_MAX {
            self.laps.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_timed_at_the_first_the_median_and_the_last_viewer() {
        let mut laps = Laps::default();
        for now_ns in [10, 20, 30, 40] {
            laps.arrive(6, Point::new(1, 7), Some(5), now_ns, 4);
        }
        let lap = Lap { epoch: 1, seq: 7, sent_ns: 5, first_ns: 10, median_ns: 20, last_ns: 40, viewers: 4 };
        assert_eq!(laps.all(), [lap]);
    }

    #[test]
    fn a_merged_delta_counts_for_each_frame_in_it() {
        let mut laps = Laps::default();
        laps.arrive(0, Point::new(1, 1), None, 10, 2);
        laps.arrive(1, Point::new(1, 2), None, 20, 2);
        laps.arrive(2, Point::new(1, 3), None, 30, 2);
        laps.arrive(0, Point::new(1, 3), None, 40, 2);
        let ends: Vec<_> = laps.all().iter().map(|lap| (lap.seq, lap.viewers, lap.last_ns)).collect();
        assert_eq!(ends, [(1, 2, 40), (2, 2, 40), (3, 2, 40)]);
    }

    #[test]
    fn only_the_newest_frames_of_the_newest_epoch_are_kept() {
        let mut laps = Laps::default();
        laps.arrive(0, Point::new(1, 1), None, 10, 1);
        laps.arrive(1, Point::new(1, LAPS_MAX + 5), None, 20, 1);
        assert_eq!(laps.all().len() as u64, 1, "the frames between never come one by one");
        laps.arrive(0, Point::new(2, 1), None, 30, 1);
        laps.arrive(LAPS_MAX + 5, Point::new(1, LAPS_MAX + 6), None, 40, 1);
        assert_eq!(laps.all().iter().map(|lap| (lap.epoch, lap.seq)).collect::<Vec<_>>(), [(2, 1)]);
    }
}
