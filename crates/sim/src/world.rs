//! The world of one run: processes, viewers, what lies outside of them, and the loop over the agenda.
//!
//! Between the seed and the checks. Invariant: nothing happens here that is not an event of the agenda, and nothing but
//! the seed decides.

mod strike;

use std::collections::{BTreeMap, VecDeque};

use watershed_ledger::{Config as LedgerConfig, Ledger};
use watershed_placement::{Pattern, SpreadRule, Spreads, Subject};
use watershed_protocol::{Invalid, NodeName, Role, Spread, StreamId, ViewerId};

use crate::{
    Options,
    decoded::Decoded,
    event::{Event, NodeEvent, ViewerEvent},
    faults,
    network::{Network, Party},
    node::Process,
    outside::{Outside, Place},
    time::Moment,
    trace::Trace,
    viewer::{Around, Habits, Viewer},
};

/// After this nobody writes anything new; faults are over before.
const WRITES_UNTIL: Moment = Moment::of_ms(25_000);

/// Events of a run, at most: twenty times as many as of a usual one.
const EVENTS_MAX: u64 = 1_000_000;

/// A process, and what has come for it while it was held up.
#[derive(Debug)]
struct Running {
    process: Process,
    life: u64,
    /// When its next wake is on the agenda.
    wakes_at: Option<Moment>,
    held: Option<VecDeque<NodeEvent>>,
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) outside: Outside,
    nodes: BTreeMap<usize, Running>,
    lives: Vec<u64>,
    pub(crate) viewers: Vec<Viewer>,
    /// One for each stream.
    pub(crate) ledgers: Vec<Ledger>,
    decoded: Decoded,
    pub(crate) events: u64,
}

impl World {
    pub(crate) fn new(options: &Options) -> Self {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let mut places = places(&mut random);
        build_levels(&mut places, &mut fastrand::Rng::with_seed(options.seed.wrapping_mul(31)));
        let delay_us = [60, 300, 2_000][random.usize(..3)];
        let network = Network::new(delay_us, random.fork());
        let streams = ["main", "side"].iter().filter_map(|name| StreamId::new(name).ok()).collect();
        let (trace, spreads) = (Trace::new(options.prints), spreads(&mut random));
        let mut outside = Outside::new(places, network, random.fork(), trace, streams, spreads);
        outside.window_bytes = [4_096, 64 << 10, 16 << 20][random.usize(..3)];
        let mut world = Self {
            lives: vec![0; outside.places.len()],
            nodes: BTreeMap::new(),
            viewers: Vec::new(),
            ledgers: outside.streams.iter().map(|_| Ledger::new(ledger_config())).collect(),
            decoded: Decoded::default(),
            events: 0,
            outside,
        };
        for node in 0..world.outside.places.len() {
            let after_us = random.u64(0..300_000);
            world.outside.agenda.in_us(after_us, Event::Start(node));
        }
        world.seat_viewers(options.viewers, &mut random);
        if options.faults {
            for (at, fault) in faults::plan(&world.outside, &mut random, options.viewers) {
                world.outside.agenda.at(at, Event::Fault(fault));
            }
        }
        world
    }

    /// A quarter of the crowd is on the second stream. The first moderates; the last three of the first stream are second
    /// devices of others.
    fn seat_viewers(&mut self, count: usize, random: &mut fastrand::Rng) {
        for number in 0..count {
            let stream = usize::from(number % 4 == 3);
            let name = match number {
                0 => "mod".to_owned(),
                _ if number >= 8 && number + 4 >= count && stream == 0 => format!("v{}", number - 4),
                _ => format!("v{number}"),
            };
            let id = ViewerId::new(&name).unwrap_or_else(|invalid| unreachable!("{invalid}"));
            let slow = random.u8(..8) == 0;
            let habits = Habits {
                reads_us: if slow { random.u64(200_000..1_500_000) } else { random.u64(10..2_000) },
                room: if slow { 1 } else { random.u32(2..16) },
                writes_every_ms: random.u64(100..1_500),
                repeats: 10,
            };
            let seat = self.ledgers[stream].seat(&id);
            let mut viewer = Viewer::new(number, id, stream, seat, habits, random.fork(), WRITES_UNTIL);
            viewer.begin(&mut self.outside);
            self.viewers.push(viewer);
        }
    }

    /// Lets everything happen up to a moment.
    pub(crate) fn run_until(&mut self, end: Moment) {
        while !self.is_endless()
            && let Some(event) = self.outside.agenda.next(end)
        {
            self.events += 1;
            self.happen(event);
            self.bury();
        }
        self.outside.agenda.skip_to(end);
    }

    /// Whether more happens than ever should: a bug that goes round in circles.
    pub(crate) fn is_endless(&self) -> bool {
        self.events >= EVENTS_MAX
    }

    /// Whether every viewer is connected and waits for nothing.
    pub(crate) fn is_quiet(&self) -> bool {
        self.viewers.iter().all(Viewer::is_quiet) && self.ledgers.iter().all(|ledger| ledger.waiting() == 0)
    }

    /// Who is not quiet, in words.
    pub(crate) fn restless(&self) -> impl Iterator<Item = String> {
        self.viewers.iter().filter(|viewer| !viewer.is_quiet()).map(Viewer::describe)
    }

    /// The processes of a role that run, by node.
    pub(crate) fn running(&self, role: Role) -> impl Iterator<Item = (usize, u64, &Process)> {
        let of_role = move |(node, _): &(&usize, &Running)| self.outside.places[**node].role == role;
        self.nodes.iter().filter(of_role).map(|(node, running)| (*node, running.life, &running.process))
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Node { node, life, event } => self.node(node, life, event),
            Event::Viewer { viewer, event } => self.viewer(viewer, event),
            Event::Start(node) => self.start(node),
            Event::Resume { node, life } => self.resume(node, life),
            Event::Call { conn, caller, called } => self.call(conn, caller, called),
            Event::Join { conn, viewer, node, join } => self.join(conn, viewer, node, join),
            Event::Fault(fault) => self.strike(fault),
        }
    }

    fn node(&mut self, node: usize, life: u64, event: NodeEvent) {
        let party = Party::Node { node, life };
        let heard = match &event {
            NodeEvent::Bytes { conn, .. } => self.outside.network.arrives(*conn, party),
            NodeEvent::Closed { conn } => self.outside.network.closes(*conn, party),
            _ => true,
        };
        let Some(running) = self.nodes.get_mut(&node).filter(|running| running.life == life && heard) else { return };
        if let Some(at) = self.outside.sees_at(node).filter(|_| matches!(event, NodeEvent::Map)) {
            return self.outside.agenda.at(at, Event::Node { node, life, event });
        }
        if let Some(held) = &mut running.held {
            held.push_back(event);
            return;
        }
        if matches!(event, NodeEvent::Wake) {
            running.wakes_at = None;
        }
        note(&mut self.outside, node, &event);
        running.process.event(&mut self.outside, event);
        self.set_alarm(node);
    }

    fn set_alarm(&mut self, node: usize) {
        let Some(running) = self.nodes.get_mut(&node) else { return };
        let Some(at) = running.process.deadline() else { return };
        if running.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            let at = at.max(self.outside.now());
            running.wakes_at = Some(at);
            self.outside.agenda.at(at, Event::Node { node, life: running.life, event: NodeEvent::Wake });
        }
    }

    fn viewer(&mut self, number: usize, event: ViewerEvent) {
        let party = Party::Viewer(number);
        let heard = match &event {
            ViewerEvent::Bytes { conn, .. } => self.outside.network.arrives(*conn, party),
            // One that was never made is over all the same.
            ViewerEvent::Closed { conn } => {
                self.outside.network.closes(*conn, party) || !self.outside.network.knows(*conn)
            }
            _ => true,
        };
        if heard {
            self.with_viewer(number, |viewer, around| viewer.event(around, event));
        }
    }

    fn with_viewer(&mut self, number: usize, act: impl FnOnce(&mut Viewer, &mut Around<'_>)) {
        let other = self.viewers[number].stream ^ 1;
        let elsewhere = self.viewers.iter().filter(|viewer| viewer.stream == other).find_map(Viewer::knows);
        let viewer = &mut self.viewers[number];
        let ledger = &mut self.ledgers[viewer.stream];
        let (outside, decoded) = (&mut self.outside, &mut self.decoded);
        act(viewer, &mut Around { outside, ledger, decoded, elsewhere });
    }

    fn start(&mut self, node: usize) {
        if self.nodes.contains_key(&node) {
            return;
        }
        self.lives[node] += 1;
        let life = self.lives[node];
        self.outside.note(format_args!("node {node} starts its life {life}"));
        self.outside.alive.insert(node, life);
        match Process::start(&mut self.outside, node, life) {
            Ok(_) if self.outside.disks[node].is_damaged() => {
                self.outside.alive.remove(&node);
                self.outside.breaks(1, format!("node {node} starts with a log that is damaged"));
            }
            Ok(process) => {
                self.nodes.insert(node, Running { process, life, wakes_at: None, held: None });
                self.set_alarm(node);
            }
            Err(why) => {
                self.outside.alive.remove(&node);
                self.start_failed(node, why);
            }
        }
    }

    /// The process goes on with all that has come meanwhile.
    fn resume(&mut self, node: usize, life: u64) {
        let Some(running) = self.nodes.get_mut(&node).filter(|running| running.life == life) else { return };
        self.outside.note(format_args!("node {node} goes on"));
        for event in running.held.take().into_iter().flatten() {
            running.process.event(&mut self.outside, event);
        }
        running.wakes_at = None;
        self.set_alarm(node);
    }

    /// A node's call arrives. Where it cannot, nobody answers, and the link gives up by itself.
    fn call(&mut self, conn: crate::network::ConnId, caller: Party, called: usize) {
        let Party::Node { node, life } = caller else { return };
        let Some(&to) = self.outside.alive.get(&called) else {
            self.outside.agenda.in_us(100, Event::Node { node, life, event: NodeEvent::Refused { conn } });
            return;
        };
        let party = Party::Node { node: called, life: to };
        let now = self.outside.now();
        if self.outside.network.partition(now, caller, party).is_some() || self.outside.alive.get(&node) != Some(&life)
        {
            return;
        }
        self.outside.network.connect(conn, now, caller, party, 0);
        let event = NodeEvent::Called { conn };
        self.outside.agenda.in_us(0, Event::Node { node: called, life: to, event });
        let back_us = self.outside.network.delay_us();
        self.outside.agenda.in_us(back_us, Event::Node { node, life, event: NodeEvent::Connected { conn } });
    }

    fn join(&mut self, conn: crate::network::ConnId, viewer: usize, node: usize, join: Box<crate::event::Join>) {
        let event = match self.outside.alive.get(&node).copied() {
            Some(life) if self.viewers[viewer].conn() == Some(conn) => {
                let now = self.outside.now();
                let party = Party::Node { node, life };
                let delay_us = self.outside.random.u64(0..3_000);
                self.outside.network.connect(conn, now, Party::Viewer(viewer), party, delay_us);
                self.outside.agenda.in_us(0, Event::Node { node, life, event: NodeEvent::Joined { conn, join } });
                ViewerEvent::Connected { conn }
            }
            _ => ViewerEvent::Closed { conn },
        };
        // In order with all that the node sends: nothing of it arrives earlier than this.
        self.outside.agenda.in_us(0, Event::Viewer { viewer, event });
    }
}

fn ledger_config() -> LedgerConfig {
    LedgerConfig {
        keep_counts: true,
        // Ten seconds by the protocol; a node that is held up answers as much later, and a slow client reads later still.
        answer_within_ms: 18_000,
        ..LedgerConfig::default()
    }
}

/// Nothing, one stream, or both are spread.
fn spreads(random: &mut fastrand::Rng) -> Spreads {
    let rules = match random.usize(..3) {
        0 => Vec::new(),
        1 => vec![("side", 3)],
        _ => vec![("side", 2), ("m*", 5)],
    };
    let rule = |(streams, parts)| {
        let subject = Subject::Streams(Pattern::new(streams)?);
        Ok(SpreadRule { subject, spread: Spread::new(parts, 0)? })
    };
    let rules = rules.into_iter().map(rule).collect::<Result<_, Invalid>>();
    rules.and_then(Spreads::new).unwrap_or_else(|invalid| unreachable!("the rules are ours: {invalid}"))
}

fn places(random: &mut fastrand::Rng) -> Vec<Place> {
    let mut places = Vec::new();
    for (role, letter, count) in [
        (Role::Broadcast, 'b', random.usize(2..=3)),
        (Role::Processor, 'p', random.usize(1..=3)),
        (Role::Merger, 'm', 2),
    ] {
        for number in 1..=count {
            let name = NodeName::new(&format!("{letter}{number}")).unwrap_or_else(|invalid| unreachable!("{invalid}"));
            places.push(Place { name, role, ahead_ms: random.i64(0..100), above: Vec::new() });
        }
    }
    places
}

/// In two seeds of three the broadcast nodes stand one below the other, the third with or without a second way.
fn build_levels(places: &mut [Place], random: &mut fastrand::Rng) {
    let names: Vec<NodeName> =
        places.iter().filter(|place| place.role == Role::Broadcast).map(|place| place.name.clone()).collect();
    let second_way = random.bool();
    if random.u8(..3) == 0 {
        return;
    }
    for (number, place) in (0..names.len()).zip(places) {
        place.above = names[..number].iter().rev().take(if second_way { 2 } else { 1 }).cloned().collect();
    }
}

/// A line for each thing that happens to a process.
fn note(outside: &mut Outside, node: usize, event: &NodeEvent) {
    match event {
        NodeEvent::Wake => outside.note(format_args!("node {node} wakes")),
        NodeEvent::Bytes { conn, bytes } => {
            outside.note(format_args!("node {node} hears {} bytes on {}", bytes.len(), conn.0));
        }
        event => outside.note(format_args!("node {node}: {event:?}")),
    }
}
