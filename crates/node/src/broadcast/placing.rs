//! Where viewers go, as this node sees it now: who is alive, how loaded each is, on how many nodes each stream lives.
//!
//! Between presence, which looks at the members, and everybody who names a node to a viewer: `welcome`, `/place`, the
//! entrance, moves. Rings are built when members change and loads are put in when they do, never for a join. Invariant: who
//! asks sees members, loads and spreads of one moment.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use watershed_membership::{Health, Topology};
use watershed_net::carousel::{Carousel, Moving};
use watershed_placement::{Fill, Growth, Places, Ring};
use watershed_protocol::{NodeName, Role, StreamId, ViewerId};

use crate::presence::{Loads, Members, Presence};

/// How many further nodes a viewer is told: so many would have to be gone at once before it knows none that is alive.
const OTHERS_MAX: usize = 3;

/// The broadcast nodes at one moment.
pub(super) struct Sight {
    node: NodeName,
    places: Places,
    spread_min: u16,
    /// Streams that live on more nodes than the least.
    spreads: BTreeMap<StreamId, u16>,
    /// The nodes' WebSocket addresses.
    urls: BTreeMap<NodeName, String>,
}

impl Sight {
    fn spread(&self, stream: &StreamId) -> u16 {
        self.spreads.get(stream).copied().unwrap_or(self.spread_min)
    }

    /// The node where a viewer belongs; this one when it sees none.
    pub(super) fn home(&self, stream: &StreamId, viewer: &ViewerId) -> &NodeName {
        self.places.home(stream, viewer, self.spread(stream)).unwrap_or(&self.node)
    }

    /// The node where a new viewer should go, and its address; where all are full, the one where it belongs.
    pub(super) fn place(&self, stream: &StreamId, viewer: &ViewerId) -> Option<(&NodeName, String)> {
        let found = self.places.place(stream, viewer, self.spread(stream), None);
        let node = found.unwrap_or_else(|| self.home(stream, viewer));
        Some((node, self.url(node, stream)?))
    }

    /// Where a viewer asks again when `node` is gone: other nodes in its order, a few.
    pub(super) fn others(&self, stream: &StreamId, viewer: &ViewerId, node: &NodeName) -> Vec<String> {
        let others = self.places.others(stream, viewer, self.spread(stream), node, OTHERS_MAX);
        others.filter_map(|other| self.url(other, stream)).collect()
    }

    /// Another node that has room for a viewer.
    pub(super) fn elsewhere(&self, stream: &StreamId, viewer: &ViewerId) -> Option<String> {
        let node = self.places.place(stream, viewer, self.spread(stream), Some(&self.node))?;
        self.url(node, stream)
    }

    /// Another node that has fewer viewers than its bound.
    pub(super) fn relief(&self, stream: &StreamId, viewer: &ViewerId) -> Option<String> {
        let node = self.places.relief(stream, viewer, self.spread(stream), Some(&self.node))?;
        self.url(node, stream)
    }

    /// How many viewers this node takes before it sends others on.
    pub(super) fn bound_of(&self, viewers_max: u64) -> u64 {
        self.places.bound_of(viewers_max)
    }

    /// Whether another broadcast node is alive.
    pub(super) fn has_others(&self) -> bool {
        self.places.ring().nodes().iter().any(|node| *node != self.node)
    }

    fn url(&self, node: &NodeName, stream: &StreamId) -> Option<String> {
        self.urls.get(node).map(|ws| format!("{ws}/v1/streams/{stream}/live"))
    }

    /// Where a viewer of this node belongs that belonged here before these nodes came; none for one who stays.
    fn moved(&self, before: &Self, joined: &[NodeName], stream: &StreamId, viewer: &ViewerId) -> Option<String> {
        let spread = self.spread(stream);
        let was = before.places.home(stream, viewer, spread)?;
        let is = self.places.home(stream, viewer, spread)?;
        // Who chose this node without belonging here is left alone.
        let moves = *was == self.node && joined.contains(is);
        moves.then(|| self.url(is, stream)).flatten()
    }
}

/// See the head of the file.
pub(super) struct Placing {
    node: NodeName,
    growth: Growth,
    viewers_max: u64,
    sight: watch::Sender<Arc<Sight>>,
}

impl Placing {
    pub(super) fn new(node: &NodeName, topology: &Topology, presence: &Presence) -> Self {
        let limits = &topology.limits;
        let (viewers_per_node, spread_min) = (limits.stream_viewers_per_node, topology.broadcast.viewer_spread);
        let growth = Growth { viewers_per_node, spread_min };
        let nobody = Sight {
            node: node.clone(),
            places: Places::new(Arc::new(Ring::new([])), |_| unreachable!("there are no nodes"), 0),
            spread_min,
            spreads: BTreeMap::new(),
            urls: BTreeMap::new(),
        };
        let (node, viewers_max) = (node.clone(), limits.viewers_per_node.into());
        let placing = Self { node, growth, viewers_max, sight: watch::channel(Arc::new(nobody)).0 };
        placing.learn(&presence.members(), &presence.loads());
        placing
    }

    /// What is seen now.
    pub(super) fn sight(&self) -> Arc<Sight> {
        self.sight.borrow().clone()
    }

    /// How streams grow.
    pub(super) fn growth(&self) -> Growth {
        self.growth
    }

    /// Takes in members and loads; gives what was seen before, what is now, and who has come.
    fn learn(&self, members: &Members, loads: &Loads) -> (Arc<Sight>, Arc<Sight>, Vec<NodeName>) {
        let before = self.sight();
        let draining = |node: &NodeName| loads.get(node).is_some_and(|load| load.draining);
        let alive = members.iter().filter(|(member, health)| {
            member.role == Role::Broadcast && *health == Health::Alive && !draining(&member.name)
        });
        let urls: BTreeMap<NodeName, String> =
            alive.filter_map(|(member, _)| Some((member.name.clone(), member.ws.clone()?))).collect();
        let known = before.places.ring();
        let same = known.nodes().iter().eq(urls.keys());
        let ring = if same { known.clone() } else { Arc::new(Ring::new(urls.keys().cloned())) };
        let unheard = Fill { viewers: 0, viewers_max: self.viewers_max };
        let fill = |node: &NodeName| {
            loads.get(node).map_or(unheard, |load| Fill { viewers: load.viewers, viewers_max: load.viewers_max })
        };
        let mut spreads = BTreeMap::<StreamId, u16>::new();
        for (stream, spread) in urls.keys().filter_map(|node| loads.get(node)).flat_map(|load| &load.streams) {
            // Whoever has just seen more viewers is right.
            spreads.entry(stream.clone()).and_modify(|known| *known = (*known).max(*spread)).or_insert(*spread);
        }
        let places = Places::new(ring, fill, self.growth.viewers_per_node.into());
        let joined = urls.keys().filter(|node| !before.urls.contains_key(*node)).cloned().collect();
        let now = Sight { node: self.node.clone(), places, spread_min: self.growth.spread_min, spreads, urls };
        let now = Arc::new(now);
        self.sight.send_replace(now.clone());
        (before, now, joined)
    }

    /// Follows members and loads until `end`. Viewers that belong to a node which has come are told to move to it, until
    /// this node itself is asked to end.
    pub(super) async fn follow(
        self: Arc<Self>,
        presence: Presence,
        carousel: Arc<Carousel>,
        move_period_ms: u64,
        shutdown: CancellationToken,
        end: CancellationToken,
    ) {
        let (mut members, mut loads) = (presence.members_changes(), presence.loads_changes());
        loop {
            let (seen, load) = (members.borrow_and_update().clone(), loads.borrow_and_update().clone());
            let (before, now, joined) = self.learn(&seen, &load);
            let had_me = before.urls.contains_key(&self.node);
            if had_me && !joined.is_empty() && !shutdown.is_cancelled() {
                tracing::info!(?joined, "broadcast nodes have come: viewers that belong there move");
                let whereto = move |stream: &StreamId, viewer: &ViewerId| now.moved(&before, &joined, stream, viewer);
                carousel.send_off(Moving { whereto: Box::new(whereto), period_ms: move_period_ms, once: false });
            }
            tokio::select! {
                changed = members.changed() => if changed.is_err() { return },
                changed = loads.changed() => if changed.is_err() { return },
                () = end.cancelled() => return,
            }
        }
    }
}
