//! Who connects next: viewers that wait for their first connection, and those that come back.
//!
//! Between commands, ends of connections and the loop. Invariant: at most `handshakes_max` handshakes are under way, and a
//! viewer is in one place: waiting, to come back, or in its handshake.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

/// Longest handshake: then it is dropped and tried again.
const HANDSHAKE_NS_MAX: u64 = 20_000_000_000;

/// The queue of those that connect. Times are of the monotonic clock, in nanoseconds.
#[derive(Debug)]
pub(crate) struct Joining {
    waiting: VecDeque<u32>,
    coming_back: BinaryHeap<Reverse<(u64, u32)>>,
    /// When each handshake began.
    under_way: HashMap<u32, u64>,
    pub(crate) handshakes_max: usize,
    spacing_ns: u64,
    next_ns: u64,
    next_check_ns: u64,
}

impl Joining {
    pub(crate) fn new(handshakes_max: usize, joins_per_s: Option<f64>) -> Self {
        Self {
            waiting: VecDeque::new(),
            coming_back: BinaryHeap::new(),
            under_way: HashMap::new(),
            handshakes_max,
            spacing_ns: joins_per_s.map_or(0, |rate| (1e9 / rate) as u64),
            next_ns: 0,
            next_check_ns: 0,
        }
    }

    /// These connect as soon as there is room.
    pub(crate) fn add(&mut self, viewers: impl IntoIterator<Item = u32>) {
        self.waiting.extend(viewers);
    }

    /// This one connects at that time.
    pub(crate) fn add_at(&mut self, viewer: u32, at_ns: u64) {
        self.coming_back.push(Reverse((at_ns, viewer)));
    }

    /// Nobody connects any more.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
        self.coming_back.clear();
        self.under_way.clear();
    }

    /// The next one that may begin now; it counts as under way from here on.
    pub(crate) fn begin(&mut self, now_ns: u64) -> Option<u32> {
        while let Some(Reverse((at_ns, viewer))) = self.coming_back.peek().copied()
            && at_ns <= now_ns
        {
            self.coming_back.pop();
            self.waiting.push_back(viewer);
        }
        if self.under_way.len() >= self.handshakes_max || now_ns < self.next_ns {
            return None;
        }
        let viewer = self.waiting.pop_front()?;
        self.under_way.insert(viewer, now_ns);
        // Behind by more than a second, the rate is not made up for.
        self.next_ns = self.next_ns.max(now_ns.saturating_sub(1_000_000_000)) + self.spacing_ns;
        Some(viewer)
    }

    /// A handshake has ended; when it began.
    pub(crate) fn end(&mut self, viewer: u32) -> Option<u64> {
        self.under_way.remove(&viewer)
    }

    /// Those whose handshake has taken too long. Looks once a second.
    pub(crate) fn late(&mut self, now_ns: u64) -> Vec<u32> {
        if now_ns < self.next_check_ns {
            return Vec::new();
        }
        self.next_check_ns = now_ns + 1_000_000_000;
        let late = self.under_way.iter().filter(|(_, began_ns)| now_ns.saturating_sub(**began_ns) > HANDSHAKE_NS_MAX);
        late.map(|(viewer, _)| *viewer).collect()
    }

    /// When there is something to do again, if nothing else happens.
    pub(crate) fn deadline_ns(&self) -> Option<u64> {
        let rate = (!self.waiting.is_empty() && self.under_way.len() < self.handshakes_max).then_some(self.next_ns);
        let back = self.coming_back.peek().map(|Reverse((at_ns, _))| *at_ns);
        let check = (!self.under_way.is_empty()).then_some(self.next_check_ns);
        [rate, back, check].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshakes_under_way_are_bounded() {
        let mut joining = Joining::new(2, None);
        joining.add(0..3);
        assert_eq!([joining.begin(1), joining.begin(1), joining.begin(1)], [Some(0), Some(1), None]);
        assert_eq!(joining.end(0), Some(1));
        assert_eq!(joining.begin(2), Some(2));
    }

    #[test]
    fn a_viewer_comes_back_at_its_time() {
        let mut joining = Joining::new(2, None);
        joining.add_at(7, 100);
        assert_eq!((joining.begin(99), joining.deadline_ns()), (None, Some(100)));
        assert_eq!(joining.begin(100), Some(7));
    }

    #[test]
    fn joins_keep_their_rate() {
        let mut joining = Joining::new(9, Some(10.0));
        joining.add(0..3);
        let start = 5_000_000_000;
        joining.next_ns = start;
        assert_eq!((joining.begin(start), joining.begin(start)), (Some(0), None));
        assert_eq!(joining.begin(start + 100_000_000), Some(1));
    }

    #[test]
    fn a_handshake_that_takes_too_long_is_late() {
        let mut joining = Joining::new(2, None);
        joining.add(0..1);
        joining.begin(1);
        assert!(joining.late(HANDSHAKE_NS_MAX).is_empty());
        assert_eq!(joining.late(2 * HANDSHAKE_NS_MAX), [0]);
    }
}
