//! The resume points that nodes below have asked for, while nobody has answered.
//!
//! Filled by their questions; emptied by the root's answer, by the room that has come to the point, and by time.
//! Invariant: a point waits here once, however many nodes ask for it, and for no longer than a viewer waits for it, when
//! there are many.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{Epoch, Millis, Seq, StreamId, peer::PeerId};

use super::Point;

/// How long a viewer waits for its point; later an answer is for nobody.
const POINT_MS: u64 = 2_000;

/// How often the points are searched for those that are over, when there are too many: not for each that comes.
const PURGE_MS: u64 = 100;

/// See the head of the file.
#[derive(Debug)]
pub(super) struct Asked {
    max: usize,
    points: BTreeMap<(StreamId, Epoch, Seq), Waiting>,
    /// When they may be searched again.
    purge_at: Millis,
    dropped: u64,
}

#[derive(Debug)]
struct Waiting {
    at: Millis,
    peers: BTreeSet<PeerId>,
}

impl Asked {
    pub(super) fn new(max: usize) -> Self {
        Self { max, points: BTreeMap::new(), purge_at: Millis::default(), dropped: 0 }
    }

    /// Points that were not taken, for too many waited.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Notes who asks. True when the point is to be asked for above, which forgets no repeat of its own accord.
    pub(super) fn add(&mut self, now: Millis, peer: PeerId, point: (StreamId, Epoch, Seq)) -> bool {
        if self.points.len() >= self.max && !self.points.contains_key(&point) {
            if now >= self.purge_at {
                self.points.retain(|_, waiting| now.since(waiting.at) < POINT_MS);
                self.purge_at = now.plus(PURGE_MS);
            }
            if self.points.len() >= self.max {
                self.dropped += 1;
                return false;
            }
        }
        let waiting = self.points.entry(point).or_insert_with(|| Waiting { at: now, peers: BTreeSet::new() });
        waiting.at = now;
        waiting.peers.insert(peer);
        true
    }

    /// There is no such point: who is to be told.
    pub(super) fn answered(&mut self, point: &(StreamId, Epoch, Seq)) -> Vec<PeerId> {
        self.points.remove(point).map(|waiting| waiting.peers.into_iter().collect()).unwrap_or_default()
    }

    /// The stream's room has come so far: points up to there exist, and who asked for them is sent the frames.
    pub(super) fn forget_up_to(&mut self, stream: &StreamId, head: Option<Point>) {
        let Some((epoch, seq)) = head.filter(|_| !self.points.is_empty()) else { return };
        let first = (stream.clone(), Epoch::ZERO, Seq::ZERO);
        let reached = self.points.range(first..=(stream.clone(), epoch, seq));
        let reached: Vec<_> = reached.map(|(point, _)| point.clone()).collect();
        reached.iter().for_each(|point| drop(self.points.remove(point)));
    }

    /// A node below is gone.
    pub(super) fn lose(&mut self, peer: PeerId) {
        self.points.retain(|_, waiting| !waiting.peers.remove(&peer) || !waiting.peers.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_searched_for_old_ones_once_in_a_while_not_for_each_that_comes() {
        let (start, peer) = (Millis::new(1_000_000), PeerId::new(2));
        let point = |seq| ("main".parse().unwrap(), Epoch::new(1), Seq::new(seq));
        let mut asked = Asked::new(2);
        assert!(asked.add(start, peer, point(1)));
        assert!(asked.add(start, peer, point(2)));
        let searched = start.plus(POINT_MS - 1);
        assert!(!asked.add(searched, peer, point(3)), "both are young");
        assert!(!asked.add(start.plus(POINT_MS), peer, point(3)), "it has just been searched");
        assert!(asked.add(searched.plus(PURGE_MS), peer, point(3)));
        assert_eq!(asked.dropped(), 2);
    }
}
