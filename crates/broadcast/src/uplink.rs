//! Viewers' writes on their way to the owners of the comments, and the owners' answers on their way back.
//!
//! Between the session, which makes a [`Write`], and the links to the write processors. Writes are numbered, gathered by
//! owner, sent, held until answered, and sent again when a link was lost in between:
//!
//! ```text
//!              ┌────────────── moved: by a newer map ─────────────┐
//!              ▼                                                  │
//!   write ──▶ waits in its owner's lane ──▶ is sent in a batch ──▶ answered
//!              ▲   │ 3 s, no link                │   │ 10 s
//!              │   ▼                             │   ▼
//!              │  unavailable                    │  unknown
//!              └───────── the link is lost ──────┘
//! ```
//!
//! Batching needs no timer: a batch goes at once while few are unanswered, and what comes meanwhile goes in the next.
//!
//! Invariant: every write with a reference gets exactly one [`Output::Answer`], within ten seconds of its arrival.

mod answers;
mod batch;
mod config;
mod lane;
mod parts;
mod port;
mod questions;
mod taps;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_placement::Map;
use watershed_protocol::{
    Epoch, Millis, Mutant, NodeName, Part, Slot,
    client::{Code, Refusal, Response},
    limits,
    peer::{
        PeerId,
        uplink::{FromProcessor, Query, ReactionWrite, ToProcessor, WriteBatch},
    },
};

use batch::Builder;
use lane::Lane;
use questions::Questions;
use taps::Taps;

pub use config::{Config, Counters};
pub use port::{Input, Output, To};
pub use write::{Op, Origin, Write};

/// How long a write waits for a link to its owner before it is refused: links come back within a second or two.
const UNREACHABLE_MS: u64 = 3_000;

/// How long any write waits for its answer: what the client protocol promises.
const UNANSWERED_MS: u64 = 10_000;

/// When a client may try again after a refusal of ours.
const RETRY_AFTER_MS: u64 = 1_000;

/// When a write is offered again to an owner that does not know of its ownership yet: maps spread within this.
const MOVED_RETRY_MS: u64 = 200;

/// A write that is not answered yet.
#[derive(Debug)]
struct Held {
    write: Write,
    part: Part,
    slot: Slot,
    arrived: Millis,
    standing: Standing,
    /// The write that waits for this one, which tells a part of a spread comment.
    parent: Option<u64>,
    /// It was under way when a link was lost: it may have been taken, so only its owner or time can end it.
    unsure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Waiting,
    Sent {
        lane: usize,
        peer: PeerId,
        flight: u64,
    },
    /// The parts of its comment are being told: so many have not answered.
    Spreading {
        left: u16,
    },
}

/// The machine.
#[derive(Debug)]
pub struct Uplink {
    config: Config,
    map: Arc<Map>,
    /// By number, which is the order of arrival.
    held: BTreeMap<u64, Held>,
    /// The number of the last write or report of taps.
    last: u64,
    lanes: Vec<Lane>,
    /// Each slot's index of `lanes`.
    routes: Box<[usize]>,
    peers: BTreeMap<PeerId, usize>,
    /// Writes that an owner did not take for its own.
    moved: BTreeSet<u64>,
    /// The map that these wait for.
    moved_for: Epoch,
    /// When these are offered again, or the map is asked for again.
    moved_at: Millis,
    /// The newest map that was asked for.
    wanted: Epoch,
    taps: Taps,
    questions: Questions,
    counters: Counters,
}

impl Uplink {
    /// An uplink without links.
    pub fn new(config: Config, map: Arc<Map>) -> Self {
        let mut uplink = Self {
            config,
            wanted: map.epoch(),
            map,
            held: BTreeMap::new(),
            last: 0,
            lanes: Vec::new(),
            routes: Box::default(),
            peers: BTreeMap::new(),
            moved: BTreeSet::new(),
            moved_for: Epoch::ZERO,
            moved_at: Millis::default(),
            taps: Taps::default(),
            questions: Questions::default(),
            counters: Counters::default(),
        };
        uplink.find_routes(Millis::default());
        uplink
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many writes are not answered yet.
    pub fn writes_held(&self) -> usize {
        self.held.len()
    }

    /// How many writes of viewers are not answered yet: those that the uplink makes itself, for parts, are left out.
    pub fn viewers_writes_held(&self) -> usize {
        self.held.values().filter(|held| held.parent.is_none()).count()
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, now: Millis, input: Input<'_>, outbox: &mut Vec<Output>) {
        match input {
            Input::Writes(writes) => writes.drain(..).for_each(|write| self.take(now, write, outbox)),
            Input::Taps { stream, kind, count } => {
                let key = self.map.key();
                let home = |stream: &_| key.home(stream).slot();
                let taken = self.taps.add(now, (stream, kind, count), self.config.tapped_streams_max, home);
                let counter = if taken { &mut self.counters.taps_in } else { &mut self.counters.taps_dropped };
                *counter += count;
            }
            Input::Ask { token, to, query } => self.ask(now, token, to, query, outbox),
            Input::Up { peer, node } => self.up(now, peer, node, outbox),
            Input::Lost(peer) => self.lost(now, peer, outbox),
            Input::Full(peer) => self.set_full(peer, true),
            Input::Room(peer) => self.set_full(peer, false),
            Input::Message { peer, message } => match message {
                FromProcessor::Answers(answers) => self.answers(now, peer, answers, outbox),
                FromProcessor::Reply { number, reply } => {
                    let told = self.questions.answered(peer, number);
                    outbox.extend(told.map(|token| Output::Told { token, reply: Some(reply) }));
                }
            },
            Input::Map(map) => self.change_map(now, map),
            Input::Tick => {}
        }
        self.expire(now, outbox);
        self.offer_moved(now, outbox);
        self.send_writes(outbox);
        self.send_taps(now, outbox);
    }

    /// When a [`Input::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        let unanswered = self.held.first_key_value().map(|(_, held)| held.arrived.plus(UNANSWERED_MS));
        let unreachable = self.lanes.iter().filter_map(|lane| self.unreachable_at(lane));
        let moved = (!self.moved.is_empty()).then_some(self.moved_at);
        let others = [unanswered, moved, self.taps.deadline(), self.questions.deadline()];
        unreachable.chain(others.into_iter().flatten()).min()
    }

    /// A viewer writes.
    fn take(&mut self, now: Millis, write: Write, outbox: &mut Vec<Output>) {
        self.counters.writes_in += 1;
        if self.held.len() >= self.config.writes_held_max {
            let why = format!("{} writes wait for their owners, no more are taken", self.held.len());
            self.reject(write, Refusal::retry(Code::Overloaded, RETRY_AFTER_MS, why), outbox);
            return;
        }
        let (part, slot) = write.place(&self.map);
        let number = self.number();
        let standing = Standing::Waiting;
        let spreads = matches!(write.op, Op::Comment { .. }) && !part.spread().is_whole();
        self.held.insert(number, Held { write, part, slot, arrived: now, standing, parent: None, unsure: false });
        if spreads {
            self.tell_parts(now, number);
        } else {
            self.lanes[self.routes[slot.index()]].fresh.push_back(number);
        }
    }

    fn ask(&mut self, now: Millis, token: u64, to: To, query: Query, outbox: &mut Vec<Output>) {
        self.counters.queries_in += 1;
        let lane = match to {
            To::Owner(slot) => Some(&self.lanes[self.routes[slot.index()]]),
            To::Node(node) => self.lanes.iter().find(|lane| lane.node == node),
        };
        match lane.and_then(Lane::open).filter(|_| self.questions.len() < self.config.queries_max) {
            Some(peer) => {
                let number = self.questions.ask(now, token, peer);
                outbox.push(Output::Send { peer, message: ToProcessor::Query { number, query } });
            }
            None => self.tell_nothing(token, outbox),
        }
    }

    fn tell_nothing(&mut self, token: u64, outbox: &mut Vec<Output>) {
        self.counters.queries_unanswered += 1;
        outbox.push(Output::Told { token, reply: None });
    }

    fn up(&mut self, now: Millis, peer: PeerId, node: NodeName, outbox: &mut Vec<Output>) {
        let lane = self.lane(now, &node);
        if let Some(former) = self.lanes[lane].peer {
            self.lost(now, former, outbox);
        }
        self.lanes[lane].peer = Some(peer);
        self.peers.insert(peer, lane);
    }

    fn lost(&mut self, now: Millis, peer: PeerId, outbox: &mut Vec<Output>) {
        let Some(lane) = self.peers.remove(&peer) else { return };
        let mut numbers = self.lanes[lane].lose(now);
        numbers.retain(|number| match self.held.get_mut(number) {
            Some(held) if matches!(held.standing, Standing::Sent { peer: to, .. } if to == peer) => {
                held.standing = Standing::Waiting;
                held.unsure = !Mutant::SentForgotten.lives();
                true
            }
            _ => false,
        });
        if Mutant::UnansweredForgotten.lives() {
            self.held.retain(|number, _| !numbers.contains(number));
        }
        self.route(numbers);
        self.taps.lost(now, peer);
        for token in self.questions.lost(peer) {
            self.tell_nothing(token, outbox);
        }
    }

    fn set_full(&mut self, peer: PeerId, full: bool) {
        if let Some(lane) = self.peers.get(&peer) {
            self.lanes[*lane].full = full;
        }
    }

    fn change_map(&mut self, now: Millis, map: Arc<Map>) {
        if map.epoch() <= self.map.epoch() {
            return;
        }
        self.map = map;
        self.find_routes(now);
        let waiting = |lane: &mut Lane| lane.fresh.drain(..).chain(lane.again.drain(..)).collect::<Vec<_>>();
        let numbers = self.lanes.iter_mut().flat_map(waiting).collect();
        self.route(numbers);
        // What moved is offered by the same step.
        self.moved_at = now;
    }

    fn reject(&mut self, write: Write, refusal: Refusal, outbox: &mut Vec<Output>) {
        *self.counters.rejected.entry(refusal.code).or_default() += 1;
        if refusal.code == Code::Overloaded {
            outbox.push(Output::Shed { stream: write.stream.clone() });
        }
        if let Some(reference) = write.reference {
            outbox.push(Output::Answer { origin: write.origin, response: Response::reject(Some(reference), refusal) });
        }
    }

    /// Ends what has waited too long.
    fn expire(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        for lane in 0..self.lanes.len() {
            while self.unreachable_at(&self.lanes[lane]).is_some_and(|at| at <= now) {
                let number = self.lanes[lane].fresh.pop_front();
                let Some(held) = number.and_then(|number| self.held.remove(&number)) else { break };
                let why = format!("the comment's owner, {}, cannot be reached", self.lanes[lane].node);
                self.end(held, Refusal::retry(Code::Unavailable, RETRY_AFTER_MS, why), outbox);
            }
        }
        let mut expired = false;
        while let Some(first) = self.held.first_entry() {
            if first.get().arrived.plus(UNANSWERED_MS) > now {
                break;
            }
            let held = first.remove();
            expired = true;
            self.give_up(held, outbox);
        }
        if expired {
            self.forget_expired();
        }
        while let Some(token) = self.questions.expired(now) {
            self.tell_nothing(token, outbox);
        }
    }

    /// Answers a write for which time is up: by whether it may have been taken.
    fn give_up(&mut self, held: Held, outbox: &mut Vec<Output>) {
        let sent = match held.standing {
            Standing::Sent { lane, flight, .. } => {
                self.lanes[lane].arrive(flight);
                true
            }
            Standing::Waiting => held.unsure,
            // Deleted at home already; or not written, for which its parts are to blame.
            Standing::Spreading { .. } => matches!(held.write.op, Op::Delete { .. }),
        };
        let seconds = UNANSWERED_MS / 1_000;
        let lane = &self.lanes[self.routes[held.slot.index()]];
        let (code, why) = if matches!(held.standing, Standing::Spreading { .. }) && !sent {
            (Code::Unavailable, format!("not all owners of the comment's parts have answered for {seconds} s"))
        } else if sent {
            (Code::Unknown, format!("the comment's owner has not answered for {seconds} s"))
        } else if lane.peer.is_some() {
            (Code::Overloaded, format!("the comment's owner has taken no more for {seconds} s"))
        } else {
            (Code::Unavailable, format!("the comment's owner, {}, cannot be reached", lane.node))
        };
        self.end(held, Refusal::retry(code, RETRY_AFTER_MS, why), outbox);
    }

    /// Expired writes have the lowest numbers, so they stand in front.
    fn forget_expired(&mut self) {
        let Self { held, lanes, moved, .. } = self;
        let gone = |number: Option<&u64>| number.is_some_and(|number| !held.contains_key(number));
        for lane in lanes {
            while gone(lane.fresh.front()) {
                lane.fresh.pop_front();
            }
            while gone(lane.again.front()) {
                lane.again.pop_front();
            }
        }
        while gone(moved.first()) {
            moved.pop_first();
        }
    }

    /// When the first write of a lane without a link is refused.
    fn unreachable_at(&self, lane: &Lane) -> Option<Millis> {
        let first = lane.fresh.front().filter(|_| lane.peer.is_none())?;
        let arrived = self.held.get(first)?.arrived;
        Some(arrived.max(lane.down_since).plus(UNREACHABLE_MS))
    }

    /// Offers what moved again once there is a newer map, or after a while to an owner whose map is the older one.
    fn offer_moved(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        if self.moved.is_empty() || now < self.moved_at {
            return;
        }
        if self.map.epoch() < self.moved_for {
            self.moved_at = now.plus(MOVED_RETRY_MS);
            outbox.push(Output::WantMap { epoch: self.moved_for });
            return;
        }
        let numbers = std::mem::take(&mut self.moved).into_iter().collect();
        self.route(numbers);
    }

    /// Sends what waits, as far as links and unanswered batches allow.
    fn send_writes(&mut self, outbox: &mut Vec<Output>) {
        for lane in 0..self.lanes.len() {
            while let Some(peer) = self.lanes[lane].ready(self.config.batches_in_flight_max) {
                let Some(batch) = self.gather(lane, peer) else { break };
                self.counters.batches_out += 1;
                outbox.push(Output::Send { peer, message: ToProcessor::Writes(batch) });
            }
        }
    }

    fn gather(&mut self, lane: usize, peer: PeerId) -> Option<WriteBatch> {
        let writes_max = self.config.writes_per_batch_max.clamp(1, limits::WRITES_PER_BATCH_MAX);
        let flight = self.lanes[lane].flight_next();
        let mut builder = Builder::new();
        let mut numbers = Vec::new();
        while builder.has_room(writes_max) {
            let Some(number) = self.lanes[lane].pop() else { break };
            // One that expired while it waited is only a number.
            let Some(held) = self.held.get_mut(&number) else { continue };
            builder.add(number, (held.part, held.slot), &held.write);
            held.standing = Standing::Sent { lane, peer, flight };
            self.counters.resent += u64::from(held.unsure);
            numbers.push(number);
        }
        if numbers.is_empty() {
            return None;
        }
        self.counters.writes_out += numbers.len() as u64;
        self.lanes[lane].depart(numbers);
        Some(builder.finish(&self.map))
    }

    /// Taps wait for no answer and count for no flight: the next report says all that this one did.
    fn send_taps(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        let mut builders: BTreeMap<PeerId, Builder> = BTreeMap::new();
        for (stream, slot) in self.taps.take_due(now) {
            let Some(peer) = self.lanes[self.routes[slot.index()]].open() else {
                self.taps.put_off(now, stream);
                continue;
            };
            let builder = builders.entry(peer).or_insert_with(Builder::new);
            if !builder.has_room(limits::WRITES_PER_BATCH_MAX) {
                self.taps.put_off(now, stream);
                continue;
            }
            let number = self.number();
            let counts = self.taps.sent(now, &stream, number, peer);
            let reporter = self.config.reporter;
            builder.add_reactions(&stream, ReactionWrite { number, stream: 0, slot, reporter, counts });
            self.counters.reactions_out += 1;
        }
        for (peer, builder) in builders {
            outbox.push(Output::Send { peer, message: ToProcessor::Writes(builder.finish(&self.map)) });
        }
    }

    fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Queues writes for the owners that the map names, in the order of their numbers.
    fn route(&mut self, numbers: Vec<u64>) {
        let mut touched = BTreeSet::new();
        for number in numbers {
            let Some(held) = self.held.get(&number) else { continue };
            let index = self.routes[held.slot.index()];
            let lane = &mut self.lanes[index];
            let queue = if held.unsure { &mut lane.again } else { &mut lane.fresh };
            queue.push_back(number);
            touched.insert(index);
        }
        for index in touched {
            self.lanes[index].sort();
        }
    }

    /// Points each slot at its owner's lane.
    fn find_routes(&mut self, now: Millis) {
        let map = self.map.clone();
        let lanes: BTreeMap<NodeName, usize> =
            map.processors().into_iter().map(|node| (node.clone(), self.lane(now, &node))).collect();
        self.routes = Slot::all().map(|slot| lanes[&map.owner(slot).node]).collect();
    }

    /// The lane of a processor: its own, or a new one.
    fn lane(&mut self, now: Millis, node: &NodeName) -> usize {
        if let Some(index) = self.lanes.iter().position(|lane| lane.node == *node) {
            return index;
        }
        self.lanes.push(Lane::new(node.clone(), now));
        self.lanes.len() - 1
    }
}

#[cfg(test)]
mod tests;
