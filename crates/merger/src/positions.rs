//! What has been merged of each slot, and whether a report continues it.
//!
//! The first thing that a report meets. Invariant: of a report that is merged, every slot's span either begins exactly where
//! that slot's last merged one ended, or lies wholly before it: so each comment is taken once, and none is left out, without
//! remembering a single id.
//!
//! ```text
//! merged:          ────────────────┤
//! continues                        ├──────┤      take its rows
//! covered              ├─────┤                   a repeat: take registers only, they merge
//! gap                                  ├──────┤  refuse, open again from what is merged
//! overlap                    ├─────────┤         refuse too: which of its comments are new cannot be told
//! ```
//!
//! Overlaps are rare (a processor was opened again while its reports were under way, or took over a slot), and the answer to
//! a refusal is exact, so refusing costs a round trip now and then, and saves a set of ids for every stream.

use std::collections::{BTreeMap, BTreeSet};

use watershed_placement::Map;
use watershed_protocol::{Epoch, Position, Slot, peer::report::Span};

/// The highest epoch seen of each slot, on the map or in any report.
#[derive(Debug)]
pub(crate) struct Fences {
    epochs: Vec<Epoch>,
}

impl Fences {
    pub(crate) fn new(map: &Map) -> Self {
        Self { epochs: Slot::all().map(|slot| map.owner(slot).epoch).collect() }
    }

    /// A newer map is known.
    pub(crate) fn learn(&mut self, map: &Map) {
        for slot in Slot::all() {
            self.raise(slot, map.owner(slot).epoch);
        }
    }

    fn raise(&mut self, slot: Slot, epoch: Epoch) {
        let fence = &mut self.epochs[slot.index()];
        *fence = epoch.max(*fence);
    }

    /// Learns from the spans and says which of their slots are fenced off.
    pub(crate) fn meet(&mut self, spans: &[Span]) -> BTreeSet<Slot> {
        spans.iter().for_each(|span| self.raise(span.slot, span.epoch));
        spans.iter().filter(|span| span.epoch < self.epochs[span.slot.index()]).map(|span| span.slot).collect()
    }
}

/// How a report stands to what is merged.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It continues these slots; others in it are covered.
    Continues(BTreeSet<Slot>),
    /// It begins after what is merged: something was lost in between.
    Gap,
    /// It begins before what is merged and ends after it.
    Overlap,
}

/// Merged positions of one stream.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    merged: BTreeMap<Slot, Position>,
}

impl Positions {
    /// How spans that are not fenced off stand to what is merged.
    ///
    /// A report that continues some slots and repeats changes of others is an overlap: its total cannot be divided.
    pub(crate) fn fit<'a>(&self, spans: impl Iterator<Item = &'a Span>) -> Fit {
        let (mut continued, mut repeats) = (BTreeSet::new(), false);
        for span in spans {
            let merged = self.of(span.slot);
            if span.from > merged || span.to < span.from {
                return Fit::Gap;
            }
            if span.to > merged {
                if span.from < merged {
                    return Fit::Overlap;
                }
                continued.insert(span.slot);
            } else {
                repeats |= span.from < span.to;
            }
        }
        if repeats && !continued.is_empty() { Fit::Overlap } else { Fit::Continues(continued) }
    }

    /// Whether a resync reaches beyond what is merged.
    pub(crate) fn behind(&self, spans: &[Span]) -> bool {
        spans.iter().any(|span| span.to > self.of(span.slot))
    }

    /// Whether more is merged than the span reaches.
    pub(crate) fn beyond(&self, span: &Span) -> bool {
        self.of(span.slot) > span.to
    }

    /// The span is merged.
    pub(crate) fn advance(&mut self, span: &Span) {
        if span.to > self.of(span.slot) {
            self.merged.insert(span.slot, span.to);
        }
    }

    /// All of them, as an `Open` names them.
    pub(crate) fn list(&self) -> Vec<(Slot, Position)> {
        self.merged.iter().map(|(slot, position)| (*slot, *position)).collect()
    }

    fn of(&self, slot: Slot) -> Position {
        self.merged.get(&slot).copied().unwrap_or(Position::ZERO)
    }
}

#[cfg(test)]
mod tests {
    use watershed_protocol::ClusterKey;

    use super::*;

    fn span(slot: u16, epoch: u64, from: u64, to: u64) -> Span {
        let (from, to) = (Position::new(from), Position::new(to));
        Span { slot: Slot::new(slot).unwrap(), epoch: Epoch::new(epoch), from, to }
    }

    fn merged(spans: &[Span]) -> Positions {
        let mut positions = Positions::default();
        spans.iter().for_each(|span| positions.advance(span));
        positions
    }

    fn fit(positions: &Positions, spans: &[Span]) -> Fit {
        positions.fit(spans.iter())
    }

    fn continues(slots: &[u16]) -> Fit {
        Fit::Continues(slots.iter().map(|slot| Slot::new(*slot).unwrap()).collect())
    }

    #[test]
    fn a_report_continues_covers_leaves_a_gap_or_overlaps() {
        let positions = merged(&[span(7, 1, 0, 10)]);
        assert_eq!(fit(&positions, &[span(7, 1, 10, 12)]), continues(&[7]));
        assert_eq!(fit(&positions, &[span(7, 1, 2, 10)]), continues(&[]));
        assert_eq!(fit(&positions, &[span(7, 1, 11, 12)]), Fit::Gap);
        assert_eq!(fit(&positions, &[span(7, 1, 9, 12)]), Fit::Overlap);
        assert_eq!(fit(&positions, &[span(8, 1, 0, 3)]), continues(&[8]), "a slot not heard of is merged up to zero");
        assert_eq!(fit(&positions, &[span(8, 1, 0, 3), span(7, 1, 11, 12)]), Fit::Gap, "one gap refuses all");
        assert_eq!(fit(&positions, &[span(8, 1, 0, 3), span(7, 1, 9, 10)]), Fit::Overlap);
        assert_eq!(fit(&positions, &[span(8, 1, 0, 3), span(7, 1, 10, 10)]), continues(&[8]));
        assert_eq!(fit(&positions, &[span(7, 1, 10, 3)]), Fit::Gap, "a span that ends before it begins");
    }

    #[test]
    fn a_lower_epoch_than_seen_on_the_map_or_in_a_report_is_fenced_off() {
        let map = Map::found(ClusterKey::from_bytes([7; 32]), &["p1".parse().unwrap()]).unwrap();
        let mut fences = Fences::new(&map);
        assert!(fences.meet(&[span(7, 1, 0, 1)]).is_empty());
        assert_eq!(fences.meet(&[span(7, 0, 0, 1)]).len(), 1);
        assert!(fences.meet(&[span(7, 5, 0, 1)]).is_empty());
        assert_eq!(fences.meet(&[span(7, 4, 0, 1), span(8, 1, 0, 1)]), [Slot::new(7).unwrap()].into());
        fences.learn(&map);
        assert_eq!(fences.meet(&[span(7, 4, 0, 1)]).len(), 1, "an older map lowers nothing");
    }
}
