//! Where a viewer belongs, and where it may go: the broadcast node that should hold this viewer of this stream.
//!
//! Asked by broadcast nodes (`welcome`, `/place`, a full node, a draining one); it is advice: a viewer who connects
//! elsewhere is served all the same.
//!
//! ```text
//!   ring, from the stream's name on:   b3   b1   b4 | b2   b5
//!                                     └── spread 3 ─┘
//!   one viewer's order:                b1   b4   b3   b2   b5
//!                                      └ by its name ┘ └ ring ┘
//! ```
//!
//! A stream lives on the first `spread` nodes of the ring from its name on: one while it is small, all when it is huge
//! (see [`crate::Growth`]). Among them a viewer's own order is rendezvous hashing (Thaler and Ravishankar, 1998), so that
//! a node more, or fewer, moves only the viewers that go to it, or leave it. It belongs to the first of its order, and goes
//! to the first that has room there: loads are bounded (Mirrokni, Thorup and Zadimoghaddam, 2016), and a node at its bound
//! passes on.
//!
//! Invariant: the answer depends on the names, the loads and the spread alone, so all nodes with the same facts give the
//! same answer; and no node is named that has its bound, or its maximum, while another has room.

use std::{cmp::Reverse, sync::Arc};

use watershed_protocol::{NodeName, StreamId, ViewerId};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Ring, ring::SEED};

/// How full a broadcast node is, as it last said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Viewers that it has.
    pub viewers: u64,
    /// The most that it may have.
    pub viewers_max: u64,
}

/// A ring of broadcast nodes with what each of them has: made anew when loads change, at the cost of a few additions.
#[derive(Clone, Debug)]
pub struct Places {
    ring: Arc<Ring>,
    /// Of each node of the ring, in its order.
    fills: Vec<Fill>,
    /// What a node takes before it passes on, if its own maximum is not less.
    bound: u64,
}

impl Places {
    /// `fill` says what is known of each node. A node that holds fewer than `free_viewers` never passes on: to share out
    /// so few is worth nothing, and would tear small streams apart in a quiet cluster.
    pub fn new(ring: Arc<Ring>, fill: impl Fn(&NodeName) -> Fill, free_viewers: u64) -> Self {
        let fills: Vec<Fill> = ring.nodes().iter().map(fill).collect();
        // What nodes report may be anything.
        let viewers = fills.iter().fold(1_u64, |sum, fill| sum.saturating_add(fill.viewers));
        // 1.25 times the mean, the viewer who is to be placed counted in.
        let bound = viewers.saturating_mul(5).div_ceil(fills.len().max(1) as u64 * 4).max(free_viewers);
        Self { ring, fills, bound }
    }

    /// The nodes that can be named.
    pub fn ring(&self) -> &Arc<Ring> {
        &self.ring
    }

    /// How many viewers a node may have before it passes on: 1.25 times the mean, but never more than its own maximum.
    pub fn bound_of(&self, viewers_max: u64) -> u64 {
        self.bound.min(viewers_max)
    }

    /// The node where a viewer belongs, whatever the loads; none when there are no nodes.
    pub fn home(&self, stream: &StreamId, viewer: &ViewerId, spread: u16) -> Option<&NodeName> {
        let candidates = self.ring.walk(stream.as_str().as_bytes()).take(spread.max(1).into());
        let best = candidates.min_by_key(|node| self.rank(*node, viewer))?;
        Some(&self.ring.nodes()[best])
    }

    /// The node where a viewer should go now: the first of its order with room. `None` when all are full, or are `but`,
    /// which is not named.
    pub fn place(
        &self,
        stream: &StreamId,
        viewer: &ViewerId,
        spread: u16,
        but: Option<&NodeName>,
    ) -> Option<&NodeName> {
        // Where nobody is below its bound, because some have a low maximum, whoever has room takes more than that.
        let below_max = |fill: Fill| fill.viewers < fill.viewers_max;
        let order = self.order(stream, viewer, spread);
        self.first(&order, but, |fill| self.is_below_bound(fill)).or_else(|| self.first(&order, but, below_max))
    }

    /// The first node of a viewer's order that has fewer viewers than its bound: who can relieve one that has more.
    pub fn relief(
        &self,
        stream: &StreamId,
        viewer: &ViewerId,
        spread: u16,
        but: Option<&NodeName>,
    ) -> Option<&NodeName> {
        self.first(&self.order(stream, viewer, spread), but, |fill| self.is_below_bound(fill))
    }

    /// The nodes that a viewer tries when `node` is gone: the first `max` others of its order, whatever their loads.
    pub fn others(
        &self,
        stream: &StreamId,
        viewer: &ViewerId,
        spread: u16,
        node: &NodeName,
        max: usize,
    ) -> impl Iterator<Item = &NodeName> {
        let order = self.order(stream, viewer, spread).into_iter().map(|other| &self.ring.nodes()[other]);
        order.filter(move |other| *other != node).take(max)
    }

    fn first(&self, order: &[usize], but: Option<&NodeName>, takes: impl Fn(Fill) -> bool) -> Option<&NodeName> {
        let named = |node: &usize| (&self.ring.nodes()[*node], self.fills[*node]);
        order.iter().map(named).find(|(node, fill)| Some(*node) != but && takes(*fill)).map(|(node, _)| node)
    }

    fn is_below_bound(&self, fill: Fill) -> bool {
        fill.viewers < self.bound_of(fill.viewers_max)
    }

    /// The nodes in the order in which this viewer tries them.
    fn order(&self, stream: &StreamId, viewer: &ViewerId, spread: u16) -> Vec<usize> {
        let mut order: Vec<usize> = self.ring.walk(stream.as_str().as_bytes()).collect();
        let spread = usize::from(spread.max(1)).min(order.len());
        order[..spread].sort_by_cached_key(|node| self.rank(*node, viewer));
        order
    }

    /// A node's rank for a viewer: the least comes first, the earlier name of equals.
    fn rank(&self, node: usize, viewer: &ViewerId) -> (Reverse<u64>, usize) {
        (Reverse(score(&self.ring.nodes()[node], viewer)), node)
    }
}

/// The rendezvous hash of a node and a viewer: of the viewer's name, under the hash of the node's.
fn score(node: &NodeName, viewer: &ViewerId) -> u64 {
    xxh3_64_with_seed(viewer.as_str().as_bytes(), xxh3_64_with_seed(node.as_str().as_bytes(), SEED))
}

#[cfg(test)]
mod tests;
