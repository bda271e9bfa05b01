//! On how many nodes a stream lives: as many as its viewers need, a step at a time.
//!
//! Between the root's count of a stream's viewers and [`crate::Places`]. It grows as soon as there is one viewer too many
//! and shrinks only a good deal below, so that a crowd around a step does not go to and fro.
//! Invariant: between two counts that are within a quarter of a step, the spread does not change twice.

/// How a stream's spread follows from its viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Growth {
    /// Viewers of one stream that one node takes, before a further node takes some.
    pub viewers_per_node: u32,
    /// However few viewers it has, a stream is on so many nodes.
    pub spread_min: u16,
}

impl Growth {
    /// The spread of a stream with so many viewers, that was spread over `now` nodes: at least 1.
    ///
    /// It is not bounded by the nodes that there are: that changes, and whoever places takes as many as it has.
    pub fn spread(&self, now: u16, viewers: u64) -> u16 {
        let step = u64::from(self.viewers_per_node.max(1));
        let nodes = |viewers: u64| u16::try_from(viewers.div_ceil(step)).unwrap_or(u16::MAX);
        let grown = nodes(viewers).max(now.min(nodes(viewers.saturating_add(step / 4))));
        grown.max(self.spread_min).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROWTH: Growth = Growth { viewers_per_node: 1_000, spread_min: 1 };

    #[test]
    fn a_stream_grows_step_by_step_from_one_node() {
        let spreads = [0, 1, 1_000, 1_001, 2_000, 2_001, 60_000].map(|viewers| GROWTH.spread(1, viewers));
        assert_eq!(spreads, [1, 1, 1, 2, 2, 3, 60]);
        assert_eq!(GROWTH.spread(1, u64::MAX), u16::MAX);
    }

    #[test]
    fn a_crowd_around_a_step_does_not_go_to_and_fro() {
        let mut spread = 1;
        for viewers in [1_000, 1_001, 999, 1_001, 800, 751] {
            spread = GROWTH.spread(spread, viewers);
            assert!(viewers == 1_000 || spread == 2, "{viewers} viewers on {spread}");
        }
        assert_eq!(GROWTH.spread(spread, 750), 1);
        assert_eq!(GROWTH.spread(60, 10), 1, "what is nearly gone needs one node");
    }

    #[test]
    fn it_never_falls_below_what_was_configured() {
        let growth = Growth { spread_min: 4, ..GROWTH };
        assert_eq!([0, 5_000].map(|viewers| growth.spread(1, viewers)), [4, 5]);
        let nothing = Growth { viewers_per_node: 0, spread_min: 0 };
        assert_eq!(nothing.spread(0, 0), 1);
    }
}
