//! The broadcast node's driver in the simulator.
//!
//! Between the uplink, the feed and the halls, and the simulated links and viewers' connections; `downward` has the way of
//! the frames. Invariant: a stream that is wanted from above has a hall here, and the other way round.

mod downward;

use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use watershed_broadcast::{
    Feed, Origin, Relay, Session, SessionConfig, Sources, To, Uplink, Verdict, feed, relay, sources, uplink,
};
use watershed_ledger::Hop;
use watershed_link::{DownReason, Sent};
use watershed_placement::Map;
use watershed_protocol::{
    Epoch, Millis, NodeName, ReactionKind, Role, Snapshot, StreamId,
    peer::{self, PeerId, uplink::FromProcessor},
};

use super::{Driver, hall::Hall};
use crate::{
    event::{Event, Join, NodeEvent},
    links::{Links, Told},
    network::{ConnId, Side},
    outside::Outside,
    time::Moment,
};

/// How long a stream without viewers stays. Short, so that a run leaves and enters streams.
const EMPTY_MS: u64 = 3_000;
/// Comments on one page of the checker's history. Small, so that a run has many pages.
pub(crate) const PAGE: u32 = 40;

/// One process.
#[derive(Debug)]
pub(crate) struct Broadcast {
    me: usize,
    life: u64,
    links: Links,
    /// The newest map that this node has read.
    map: Arc<Map>,
    uplink: Uplink,
    sources: Sources,
    feed: Feed,
    relay: Relay,
    /// Links to sources: mergers, and nodes above.
    above: BTreeMap<PeerId, NodeName>,
    session: Arc<SessionConfig>,
    halls: BTreeMap<StreamId, Hall>,
    seats: BTreeMap<ConnId, (StreamId, u32)>,
    seats_made: u32,
}

impl Broadcast {
    pub(crate) fn start(outside: &mut Outside, me: usize, life: u64) -> Self {
        let map = outside.map().clone();
        let reporter = outside.random.u64(..);
        let mut session = SessionConfig::new(map.key().clone(), reporter);
        session.moderators = "mod".parse().into_iter().collect();
        session.kinds = ["heart", "clap"].into_iter().filter_map(|kind| ReactionKind::new(kind).ok()).collect();
        session.comments_per_minute = 120;
        session.likes_per_minute = 240;
        session.beat_ms = super::hall::BEAT_MS;
        let (links, names) = (Links::new(outside, me, life), outside.places[me].above.clone());
        let mut node = Self {
            me,
            life,
            sources: Sources::new(links.clock.now(outside.now()), names, &map),
            links,
            map: map.clone(),
            uplink: Uplink::new(uplink::Config::new(reporter), map),
            feed: Feed::new(feed::Config::default()),
            relay: Relay::new(relay::Config::default()),
            above: BTreeMap::new(),
            session: Arc::new(session),
            halls: BTreeMap::new(),
            seats: BTreeMap::new(),
            seats_made: 0,
        };
        node.map(outside);
        node
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let halls = self.halls.values().filter_map(Hall::deadline);
        let empty = self.halls.values().filter(|hall| self.is_empty(hall));
        let empty = empty.map(|hall| hall.empty_since.plus(EMPTY_MS));
        let machines = [self.uplink.deadline(), self.feed.deadline(), self.relay.deadline(), self.sources.deadline()];
        let own = machines.into_iter().chain([self.links.deadline()]).flatten();
        own.chain(halls).chain(empty).min().map(|at| self.links.clock.moment_of(at))
    }

    pub(crate) fn snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        Some(self.halls.get(stream)?.room.view()?.snapshot())
    }

    /// How many viewers of the stream sit here.
    pub(crate) fn seats(&self, stream: &StreamId) -> usize {
        self.halls.get(stream).map_or(0, |hall| hall.seats.len())
    }

    /// Whether neither viewers nor nodes below want the stream.
    fn is_empty(&self, hall: &Hall) -> bool {
        hall.seats.is_empty() && !self.relay.wants(&hall.stream)
    }

    fn now(&self, outside: &Outside) -> Millis {
        self.links.clock.now(outside.now())
    }

    fn upward(&mut self, outside: &mut Outside, input: uplink::Input<'_>) {
        let (now, mut outputs, mut full) = (self.now(outside), Vec::new(), Vec::new());
        self.uplink.step(now, input, &mut outputs);
        for output in outputs {
            match output {
                uplink::Output::Send { peer, message } => {
                    if self.links.send(outside, peer, peer::encode(&message)) == Sent::Filled {
                        full.push(peer);
                    }
                }
                uplink::Output::Answer { origin, response } => {
                    let number = origin.0 as u32;
                    let Some(hall) = self.halls.values_mut().find(|hall| hall.seats.contains_key(&number)) else {
                        continue;
                    };
                    if let Some(seat) = hall.seats.get_mut(&number) {
                        seat.session.answered();
                        seat.push(&response);
                    }
                    hall.serve(outside, now, number, false);
                }
                uplink::Output::Told { token, reply } => drop(outside.read.insert(token, reply)),
                uplink::Output::WantMap { .. } | uplink::Output::Shed { .. } => {}
            }
        }
        full.into_iter().for_each(|peer| self.upward(outside, uplink::Input::Full(peer)));
        outside.judge(self.me, self.hop().check());
    }

    /// The books of the uplink.
    fn hop(&self) -> Hop {
        let counters = self.uplink.counters();
        Hop {
            accepted: counters.writes_in,
            acknowledged: counters.acknowledged,
            refused: counters.rejected.values().sum(),
            in_flight: self.uplink.viewers_writes_held() as u64,
            abandoned: 0,
        }
    }

    /// Puts the turns that are wanted on the agenda.
    fn put_turns(&mut self, outside: &mut Outside) {
        let (node, life) = (self.me, self.life);
        for hall in self.halls.values_mut().filter(|hall| hall.wants_turn()) {
            hall.turning = true;
            let event = NodeEvent::Turn { stream: hall.stream.clone() };
            outside.agenda.in_us(outside.random.u64(20..400), Event::Node { node, life, event });
        }
    }

    fn turn(&mut self, outside: &mut Outside, stream: &StreamId) {
        let now = self.now(outside);
        if let Some(hall) = self.halls.get_mut(stream) {
            hall.turn(outside, now);
            hall.turning = false;
        }
        self.put_turns(outside);
    }

    fn join(&mut self, outside: &mut Outside, conn: ConnId, join: Join) {
        let now = self.now(outside);
        let Join { viewer, name, stream, encoding, resume, room } = join;
        let is_new = !self.halls.contains_key(&stream);
        let hall = self.halls.entry(stream.clone()).or_insert_with(|| Hall::new(stream.clone(), now));
        self.seats_made += 1;
        let number = self.seats_made;
        self.seats.insert(conn, (stream.clone(), number));
        let session = Session::new(self.session.clone(), viewer, name, stream.clone(), encoding);
        let place = outside.places[self.me].name.as_str();
        let welcome = session.welcome(place, place);
        let ahead = hall.join(now, number, (conn, session, room), resume, &welcome);
        hall.serve(outside, now, number, false);
        if is_new {
            self.downward(outside, feed::Input::Want { stream: stream.clone() });
        }
        self.count(outside, stream.clone());
        if let Some((epoch, seq)) = ahead {
            self.downward(outside, feed::Input::Point { stream, epoch, seq });
        }
    }

    fn leave(&mut self, outside: &mut Outside, conn: ConnId) {
        let now = self.now(outside);
        let Some((stream, number)) = self.seats.remove(&conn) else { return };
        let Some(hall) = self.halls.get_mut(&stream) else { return };
        hall.leave(now, number);
        self.count(outside, stream);
    }

    /// A viewer says something. While too much of it is unanswered it is not read.
    fn hear(&mut self, outside: &mut Outside, conn: ConnId, payload: Bytes) {
        let Some((stream, number)) = self.seats.get(&conn).cloned() else { return };
        if let Some(seat) = self.halls.get_mut(&stream).and_then(|hall| hall.seats.get_mut(&number)) {
            seat.unread.push_back(payload);
        }
        self.read(outside, &stream, number);
    }

    /// Takes what a viewer has sent, as far as it may be read.
    fn read(&mut self, outside: &mut Outside, stream: &StreamId, number: u32) {
        let now = self.now(outside);
        let mut writes = Vec::new();
        let mut tapped = Vec::new();
        let Some(hall) = self.halls.get_mut(stream) else { return };
        while let Some(seat) = hall.seats.get_mut(&number).filter(|seat| !seat.is_halted()) {
            let Some(payload) = seat.unread.pop_front() else { break };
            match seat.session.request(now, Origin(number.into()), &payload) {
                Verdict::Write(write) => writes.push(write),
                Verdict::Answer(response) => {
                    seat.push(&response);
                    hall.serve(outside, now, number, false);
                }
                Verdict::Taps { kind, count } => tapped.push((kind, count)),
                Verdict::Nothing => {}
            }
        }
        if !writes.is_empty() {
            self.upward(outside, uplink::Input::Writes(&mut writes));
        }
        for (kind, count) in tapped {
            self.upward(outside, uplink::Input::Taps { stream: stream.clone(), kind, count: count.into() });
        }
    }

    /// Reads on where too much was unanswered and is no longer.
    fn read_on(&mut self, outside: &mut Outside) {
        let halls = self.halls.values();
        let free = halls.flat_map(|hall| hall.readable().map(|number| (hall.stream.clone(), number)));
        let free: Vec<(StreamId, u32)> = free.collect();
        free.into_iter().for_each(|(stream, number)| self.read(outside, &stream, number));
    }

    /// Forgets streams that nobody has watched for a while.
    fn leave_empty(&mut self, outside: &mut Outside, now: Millis) {
        let over = |hall: &Hall| self.is_empty(hall) && now.since(hall.empty_since) >= EMPTY_MS;
        let gone: Vec<StreamId> =
            self.halls.values().filter(|hall| over(hall)).map(|hall| hall.stream.clone()).collect();
        for stream in gone {
            self.halls.remove(&stream);
            self.downward(outside, feed::Input::Unwant { stream });
        }
    }
}

impl Driver for Broadcast {
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    fn told(&mut self, outside: &mut Outside, told: Told) {
        match told {
            Told::Up { peer, role: Role::Processor, node, .. } => {
                self.upward(outside, uplink::Input::Up { peer, node });
            }
            Told::Up { peer, role, node, root_epoch } => {
                if role == Role::Broadcast && !self.sources.names(&node) {
                    return self.pass(outside, relay::Input::Up { peer, node: &node });
                }
                self.above.insert(peer, node.clone());
                self.choose(outside, sources::Input::Up { peer, node: &node, root_epoch });
            }
            Told::Message { peer, role: Role::Processor, body } => match peer::decode::<FromProcessor>(&body) {
                Ok(message) => self.upward(outside, uplink::Input::Message { peer, message }),
                Err(error) => outside.breaks(5, format!("node {} cannot read an answer: {error}", self.me)),
            },
            Told::Message { peer, body, .. } => self.hear_of_frames(outside, peer, &body),
            Told::Room { peer, role } => {
                if self.links.room(outside, peer) {
                    match role {
                        Role::Processor => self.upward(outside, uplink::Input::Room(peer)),
                        _ if self.above.contains_key(&peer) => self.downward(outside, feed::Input::Room(peer)),
                        _ => self.pass(outside, relay::Input::Room(peer)),
                    }
                }
            }
            Told::Down { peer, role: Role::Processor, .. } => self.upward(outside, uplink::Input::Lost(peer)),
            Told::Down { peer, reason, .. } => {
                if self.above.remove(&peer).is_none() {
                    return self.pass(outside, relay::Input::Lost(peer));
                }
                let silent_ms = if let DownReason::Silent { ms } = reason { ms } else { 0 };
                let goodbye = reason == DownReason::Goodbye;
                self.choose(outside, sources::Input::Lost { peer, silent_ms, goodbye });
            }
        }
    }

    fn map(&mut self, outside: &mut Outside) {
        self.map = outside.map().clone();
        let map = self.map.clone();
        self.links.learn(&map);
        self.choose(outside, sources::Input::Map(&map));
        let owners: Vec<_> =
            map.processors().into_iter().map(|node| (node.clone(), map.claimed_epoch(&node))).collect();
        let above: Vec<_> = outside.places[self.me].above.iter().map(|node| (node.clone(), Epoch::ZERO)).collect();
        let mut told = self.links.follow(outside, Role::Processor, &owners);
        told.extend(self.links.follow(outside, Role::Broadcast, &above));
        told.into_iter().for_each(|told| self.told(outside, told));
        self.follow_root(outside);
        self.upward(outside, uplink::Input::Map(map));
    }

    fn other(&mut self, outside: &mut Outside, event: NodeEvent) {
        match event {
            NodeEvent::Joined { conn, join } => self.join(outside, conn, *join),
            NodeEvent::Bytes { conn, bytes } => self.hear(outside, conn, bytes),
            NodeEvent::Closed { conn } => self.leave(outside, conn),
            NodeEvent::Writable { conn } => {
                let now = self.now(outside);
                if let Some((stream, number)) = self.seats.get(&conn)
                    && let Some(hall) = self.halls.get_mut(stream)
                {
                    hall.serve(outside, now, *number, false);
                }
            }
            NodeEvent::Turn { stream } => self.turn(outside, &stream),
            NodeEvent::Ask { token, to, query } => {
                self.upward(outside, uplink::Input::Ask { token, to: To::Node(to), query: *query });
            }
            _ => {}
        }
    }

    fn tick(&mut self, outside: &mut Outside) {
        let now = self.now(outside);
        let due = |at: Option<Millis>| at.is_some_and(|at| at <= now);
        if due(self.uplink.deadline()) {
            self.upward(outside, uplink::Input::Tick);
        }
        if due(self.feed.deadline()) {
            self.downward(outside, feed::Input::Tick);
        }
        if due(self.relay.deadline()) {
            self.pass(outside, relay::Input::Tick);
        }
        if due(self.sources.deadline()) {
            self.choose(outside, sources::Input::Tick);
        }
        let mut given_up = Vec::new();
        for hall in self.halls.values_mut() {
            let seats = hall.tick(now);
            given_up.extend(seats.into_iter().filter_map(|number| hall.seats.get(&number).map(|seat| seat.conn)));
        }
        for conn in given_up {
            outside.close(conn, Side::Called);
            self.leave(outside, conn);
        }
        self.leave_empty(outside, now);
        self.read_on(outside);
        self.put_turns(outside);
    }
}
