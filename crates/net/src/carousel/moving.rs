//! Telling viewers to move: to a node that has come, or away from one that ends.
//!
//! Between the node, which knows where each belongs, and the viewers, who are told by a `move` of their own. A worker asks
//! for a few viewers at a time, so that a node of many turns its carousel on. Invariant: the moments that a worker names
//! are spread evenly over the period, however many viewers it turns out to move.

use std::{fmt, sync::Arc};

use watershed_protocol::{StreamId, ViewerId, client::Response};

use super::{
    viewer::{Flags, NO_STREAM},
    worker::Worker,
};

/// Viewers that are asked about in one step of a slice: with 60 nodes some 40 µs, of which a slice has 32 at least.
const VIEWERS_PER_STEP: u32 = 4;

/// 2^64 by the golden ratio: its multiples, cut to 64 bits, divide the circle evenly, however many of them are taken
/// (Knuth, "The Art of Computer Programming", volume 3, section 6.4).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The address for this viewer of this stream; none for one who stays.
pub type Whereto = Box<dyn Fn(&StreamId, &ViewerId) -> Option<String> + Send + Sync>;

/// Where viewers are to go, and over what time they are spread.
pub struct Moving {
    /// Who goes where.
    pub whereto: Whereto,
    /// Each goes at its own moment within this time.
    pub period_ms: u64,
    /// Whether whoever has been told is not told again: the node ends, and says it until all have gone.
    pub once: bool,
}

impl fmt::Debug for Moving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Moving").field("period_ms", &self.period_ms).finish_non_exhaustive()
    }
}

/// How far one worker has come with it.
pub(super) struct Progress {
    moving: Arc<Moving>,
    /// The place in the slab that is looked at next.
    next: u32,
    /// How many have been told.
    told: u64,
}

impl Progress {
    pub(super) fn start(moving: Arc<Moving>) -> Self {
        Self { moving, next: 0, told: 0 }
    }
}

impl Worker {
    /// Tells some viewers; what is left to do, if anything is.
    pub(super) fn move_some(&mut self, mut progress: Progress) -> Option<Progress> {
        let end = (progress.next + VIEWERS_PER_STEP).min(self.viewers.places());
        for index in progress.next..end {
            let viewer = self.viewers.at(index);
            // Who is being closed has no stream any more, and is told nothing more.
            let told = progress.moving.once && viewer.flags.has(Flags::SENT_OFF);
            let wanted = viewer.stream != NO_STREAM && !told;
            let Some(session) = viewer.session.as_ref().filter(|_| wanted) else { continue };
            let Some(url) = (progress.moving.whereto)(session.stream(), session.viewer()) else { continue };
            if progress.moving.once {
                viewer.flags.set(Flags::SENT_OFF);
            }
            let after_ms = moment(self.number, progress.told, progress.moving.period_ms);
            progress.told += 1;
            self.figures.moves_told += 1;
            self.push_answer(index, &Response::Move { url, after_ms });
        }
        progress.next = end;
        (end < self.viewers.places()).then_some(progress)
    }
}

/// The moment of a worker's n-th within a period.
pub(super) fn moment(worker: u8, n: u64, period_ms: u64) -> u64 {
    // Workers go on from different places of the circle.
    let place = GOLDEN.wrapping_mul(n + (u64::from(worker) << 32));
    ((u128::from(place) * u128::from(period_ms)) >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_many_move_their_moments_are_spread_evenly() {
        for (worker, count) in [(0, 2), (1, 3), (63, 10), (5, 1_000)] {
            let mut moments: Vec<u64> = (0..count).map(|n| moment(worker, n, 60_000)).collect();
            moments.sort_unstable();
            let widest = moments.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            assert!(moments.iter().all(|at| *at < 60_000));
            assert!(widest <= 3 * 60_000 / count, "{count} viewers: nobody for {widest} ms");
        }
        assert_eq!(moment(7, 7, 0), 0);
    }
}
