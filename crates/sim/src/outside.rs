//! What lies outside of every process: time, network, disks, the map, and the books of the checker.
//!
//! Lent to whoever acts. Invariant: processes share nothing but this, and of this only what real ones share.

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use watershed_ledger::{Durable, Ownership, Process, Violation};
use watershed_placement::{Map, Spreads};
use watershed_protocol::{ClusterKey, NodeName, Role, StreamId, peer::uplink::Reply};

use crate::{
    agenda::Agenda,
    checks::Broken,
    disk::Disk,
    event::{Event, NodeEvent},
    network::{ConnId, Network, Party, Side},
    time::Moment,
    trace::Trace,
    troubles::Troubles,
};

/// A lease without a heartbeat for so long is silent: membership's own rule.
const SILENT_AFTER_MS: u64 = 1_000;
/// Examples of broken invariants that are kept of one run, beside the ledger's.
const BROKEN_MAX: usize = 20;

/// A node as all know it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: NodeName,
    pub(crate) role: Role,
    /// By how much its machine's clock is ahead.
    pub(crate) ahead_ms: i64,
    /// The broadcast nodes that it feeds from, in order of preference; none: from the root.
    pub(crate) above: Vec<NodeName>,
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Outside {
    pub(crate) agenda: Agenda<Event>,
    pub(crate) network: Network,
    pub(crate) random: fastrand::Rng,
    pub(crate) trace: Trace,
    pub(crate) places: Vec<Place>,
    /// By node; broadcast nodes and mergers leave theirs empty.
    pub(crate) disks: Vec<Disk>,
    /// When a slow disk is quick again.
    pub(crate) slow_until: Vec<Moment>,
    /// The lives of the processes that run; a dead node has none.
    pub(crate) alive: BTreeMap<usize, u64>,
    /// When each node last beat its lease.
    beaten: Vec<Moment>,
    /// Until when a node neither beats its lease nor reads the map, while all else of it goes on.
    blind_until: Vec<Moment>,
    /// Unacknowledged bytes of links.
    pub(crate) window_bytes: u64,
    pub(crate) streams: Vec<StreamId>,
    /// Every count that became durable.
    pub(crate) durable: Vec<Durable>,
    /// Answers to the checker's questions.
    pub(crate) read: BTreeMap<u64, Option<Reply>>,
    /// What no process should ever do.
    pub(crate) broken: Vec<Broken>,
    /// Who owns which slots, and knows of it.
    pub(crate) ownership: Ownership,
    /// What went wrong as it should, counted.
    pub(crate) troubles: Troubles,
    /// Nodes whose process has ended itself.
    pub(crate) exits: Vec<usize>,
    map: Arc<Map>,
}

impl Outside {
    pub(crate) fn new(
        places: Vec<Place>,
        network: Network,
        random: fastrand::Rng,
        trace: Trace,
        streams: Vec<StreamId>,
        spreads: Spreads,
    ) -> Self {
        let processors: Vec<NodeName> =
            places.iter().filter(|place| place.role == Role::Processor).map(|place| place.name.clone()).collect();
        let map = Map::found(ClusterKey::from_bytes([7; 32]), &processors);
        let map = map.unwrap_or_else(|error| unreachable!("a run has processors: {error}")).spreading(spreads);
        Self {
            agenda: Agenda::new(),
            network,
            random,
            trace,
            disks: places.iter().map(|_| Disk::default()).collect(),
            slow_until: vec![Moment::default(); places.len()],
            beaten: vec![Moment::default(); places.len()],
            blind_until: vec![Moment::default(); places.len()],
            places,
            alive: BTreeMap::new(),
            window_bytes: 16 << 20,
            streams,
            durable: Vec::new(),
            read: BTreeMap::new(),
            broken: Vec::new(),
            ownership: Ownership::default(),
            troubles: Troubles::default(),
            exits: Vec::new(),
            map: Arc::new(map),
        }
    }

    /// Notes that an invariant is broken. The first examples are enough.
    pub(crate) fn breaks(&mut self, invariant: u8, what: impl Into<String>) {
        if self.broken.len() < BROKEN_MAX {
            self.broken.push(Broken { invariant, what: what.into() });
        }
    }

    /// Notes what a checker has found of a node, if it has.
    pub(crate) fn judge(&mut self, node: usize, found: Result<(), (Violation, String)>) {
        if let Err((violation, words)) = found {
            self.breaks(violation.invariant(), format!("{} at node {node}: {words}", violation.name()));
        }
    }

    pub(crate) fn now(&self) -> Moment {
        self.agenda.now()
    }

    /// Writes a line of the trace.
    pub(crate) fn note(&mut self, line: std::fmt::Arguments<'_>) {
        self.trace.note(self.agenda.now(), line);
    }

    pub(crate) fn map(&self) -> &Arc<Map> {
        &self.map
    }

    /// A process has claimed the slots of a node on the map.
    pub(crate) fn claimed(&mut self, node: usize, process: Process) {
        let map = self.map.clone();
        for slot in map.slots_of(&self.places[node].name) {
            let found = self.ownership.claimed(process, slot, map.owner(slot).epoch);
            self.judge(node, found);
        }
    }

    /// Replaces the map, as membership does on a disk; every process sees it when it looks next.
    pub(crate) fn update_map(&mut self, change: impl FnOnce(&mut Map)) -> Arc<Map> {
        change(Arc::make_mut(&mut self.map));
        let alive: Vec<(usize, u64)> = self.alive.iter().map(|(node, life)| (*node, *life)).collect();
        for (node, life) in alive {
            let after_us = self.random.u64(0..200_000);
            self.agenda.in_us(after_us, Event::Node { node, life, event: NodeEvent::Map });
        }
        self.map.clone()
    }

    /// The state directory does not answer a node: it is thought dead or gone silent, and does not hear of it.
    pub(crate) fn blind(&mut self, node: usize, until: Moment) {
        self.blind_until[node] = until;
    }

    /// When a node sees again what others write; none if it does now.
    pub(crate) fn sees_at(&self, node: usize) -> Option<Moment> {
        Some(self.blind_until[node]).filter(|until| *until > self.now())
    }

    /// A node says that it is still here.
    pub(crate) fn beat(&mut self, node: usize) {
        self.beaten[node] = self.now();
    }

    /// Whether a node's lease is held and its heartbeat young: what membership says of it.
    pub(crate) fn lives(&self, name: &NodeName) -> bool {
        let young = |node: &usize| self.now() < self.beaten[*node].plus_ms(SILENT_AFTER_MS);
        self.find(name).filter(|node| self.alive.contains_key(node)).is_some_and(|node| young(&node))
    }

    /// The node that is the root by the map.
    pub(crate) fn root(&self) -> Option<usize> {
        self.find(&self.map.root()?.node)
    }

    /// Whether others feed from this node.
    pub(crate) fn feeds_others(&self, node: usize) -> bool {
        self.places.iter().any(|place| place.above.contains(&self.places[node].name))
    }

    /// The links of the broadcast tier's levels: a node, and one that may feed from it.
    pub(crate) fn inner_links(&self) -> Vec<(usize, usize)> {
        let of = |(below, place): (usize, &Place)| {
            let pair = move |above: &NodeName| Some((self.find(above)?, below));
            place.above.iter().filter_map(pair).collect::<Vec<_>>()
        };
        self.places.iter().enumerate().flat_map(of).collect()
    }

    /// The node of this name.
    pub(crate) fn find(&self, name: &NodeName) -> Option<usize> {
        self.places.iter().position(|place| place.name == *name)
    }

    /// The nodes of a role.
    pub(crate) fn of_role(&self, role: Role) -> Vec<usize> {
        (0..self.places.len()).filter(|node| self.places[*node].role == role).collect()
    }

    /// Sends a piece of a viewer's connection.
    pub(crate) fn send(&mut self, conn: ConnId, from: Side, bytes: Bytes) {
        self.network.send(&mut self.agenda, conn, from, bytes);
    }

    pub(crate) fn send_split(&mut self, conn: ConnId, from: Side, bytes: Bytes) {
        self.network.send_split(&mut self.agenda, conn, from, bytes);
    }

    pub(crate) fn close(&mut self, conn: ConnId, from: Side) {
        self.network.close(&mut self.agenda, conn, from);
    }

    /// Calls another node: the answer comes as an event.
    pub(crate) fn call(&mut self, caller: Party, called: usize) -> ConnId {
        let conn = self.network.name();
        let after_us = self.network.delay_us();
        self.agenda.in_us(after_us, Event::Call { conn, caller, called });
        conn
    }

    /// How long the next sync of this node takes.
    pub(crate) fn sync_us(&mut self, node: usize) -> u64 {
        if self.slow_until[node] > self.now() {
            return self.random.u64(200_000..2_000_000);
        }
        // Half a millisecond on average; one in fifty waits for something else.
        if self.random.u8(..50) == 0 { self.random.u64(2_000..30_000) } else { self.random.u64(150..1_000) }
    }
}
