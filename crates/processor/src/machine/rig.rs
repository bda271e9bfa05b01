//! Plays broadcast nodes, a log and a root around one processor: the stage of the machine's tests.
//!
//! Slots 2 to 5 belong to p1, which is the one on the stage, slot 0 to p2 (see the map's golden test). A group that was
//! ordered stays in flight until the test calls it durable or full.

mod reading;
mod saving;
mod writing;

use watershed_placement::Map;
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, HybridTime, NodeName, Position, ReactionKind, Reactions, Shown, Slot, Spread,
    StreamId, ViewerKey,
    peer::report::{From, Report},
};

pub(super) use self::{reading::*, saving::*, writing::*};
use super::*;
use crate::ReplayError;
use std::collections::VecDeque;

pub(super) const A: PeerId = PeerId::new(1);
pub(super) const B: PeerId = PeerId::new(2);
const ROOT: PeerId = PeerId::new(99);
/// Where the stream's taps and unpins are kept.
pub(super) const HOME: u16 = 4;
/// The comment of tests that need one.
pub(super) const HI: CommentId = id(2, 1);

pub(super) fn stream(name: &str) -> StreamId {
    name.parse().unwrap()
}

pub(super) const fn id(slot: u16, n: u16) -> CommentId {
    let [high, low] = (slot << 4).to_be_bytes();
    let [n_high, n_low] = n.to_be_bytes();
    let mut bytes = [n_low; 16];
    (bytes[0], bytes[1], bytes[2], bytes[14]) = (high, low, n_high, n_high);
    CommentId::from_bytes(bytes)
}

pub(super) fn key(viewer: &str) -> ViewerKey {
    let mut bytes = [0; 16];
    bytes[16 - viewer.len()..].copy_from_slice(viewer.as_bytes());
    ViewerKey::from_bytes(bytes)
}

pub(super) fn body(text: &str) -> CommentBody {
    CommentBody::new(text, 1_000).unwrap()
}

pub(super) fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

pub(super) fn kind(kind: &str) -> ReactionKind {
    ReactionKind::new(kind).unwrap()
}

pub(super) fn taps(counts: &[(&str, u64)]) -> Reactions {
    counts.iter().map(|(name, count)| (kind(name), *count)).collect()
}

pub(super) fn config() -> Config {
    Config { trace_tallies: true, ..Config::new(node()) }
}

fn node() -> NodeName {
    "p1".parse().unwrap()
}

fn map() -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &["p1", "p2", "p3"].map(|name| name.parse().unwrap())).unwrap()
}

pub(super) fn merged(positions: &[(u16, u64)]) -> From {
    From::Merged(positions.iter().map(|(number, to)| (slot(*number), Position::new(*to))).collect())
}

pub(super) fn history(name: &str) -> Query {
    Query::History { stream: stream(name), before: None, limit: 500 }
}

/// All that anybody can see of one processor, and what it holds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Picture {
    history: [Vec<Shown>; 2],
    totals: [Reply; 2],
    likes: Vec<Vec<CommentId>>,
    orders: Vec<Reply>,
    pub(super) resync: Report,
    comments: u64,
    registers: u64,
    streams: u64,
    shelves: usize,
}

/// One processor and the log that it writes.
pub(super) struct Rig {
    pub(super) machine: Processor,
    pub(super) now: Millis,
    /// The sections of durable groups.
    pub(super) log: Vec<Section>,
    pub(super) in_flight: Option<(u64, Vec<Section>)>,
    pub(super) store: Store,
    /// Rows that were asked for.
    pub(super) loads: VecDeque<(u64, Keyspace, Vec<u8>)>,
    pub(super) map: Map,
    config: Config,
    questions: u64,
}

impl Rig {
    /// A processor with an empty log, at one million milliseconds, and nobody there.
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: Config) -> Self {
        let machine = Processor::new(config.clone());
        let now = Millis::new(1_000_000);
        let (log, in_flight, store, loads) = Default::default();
        let mut rig = Self { machine, now, log, in_flight, store, loads, map: map(), config, questions: 0 };
        rig.machine.start(now, Arc::new(rig.map.clone()));
        rig
    }

    /// A processor with these comments, by "ann" on "demo", each with as many likes, by viewers "v0", "v1"…
    pub(super) fn holding(comments: &[(CommentId, usize)]) -> Self {
        let mut rig = Self::new();
        rig.put(comments.iter().fold(batch(), |batch, (id, _)| batch.comment(*id, "ann", "hi")));
        for (id, likes) in comments.iter().filter(|(_, likes)| *likes > 0) {
            rig.put((0..*likes).fold(batch(), |batch, viewer| batch.like(*id, &format!("v{viewer}"), 5)));
        }
        rig
    }

    /// Takes an input; orders to append and to save are kept, all else is returned.
    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.machine.step(self.now, input, &mut outbox);
        outbox.retain(|output| match output {
            Output::Append { group, sections } => {
                assert!(self.in_flight.is_none(), "one group at a time");
                assert!(sections.is_sorted_by(|a, b| a.slot < b.slot) && sections.iter().all(|s| s.from < s.to));
                self.in_flight = Some((*group, sections.clone()));
                false
            }
            Output::Save(rows) => {
                assert!(self.store.given.is_none(), "one part at a time");
                self.store.given = Some(Given::Rows(rows.clone()));
                false
            }
            Output::Checkpoint(checkpoint) => {
                assert!(self.store.given.is_none(), "the checkpoint comes last");
                self.store.given = Some(Given::Checkpoint(checkpoint.clone()));
                false
            }
            Output::Load { load, keyspace, key } => {
                self.loads.push_back((*load, *keyspace, key.clone()));
                false
            }
            _ => true,
        });
        outbox
    }

    /// Sends a batch by the map of the stage.
    pub(super) fn send(&mut self, peer: PeerId, mut batch: WriteBatch) -> Vec<Output> {
        let likes = batch.likes.iter().map(|like| like.part.slot(&like.comment));
        let others = batch.comments.iter().map(|write| write.id.slot());
        let others = others.chain(batch.headers.iter().map(|write| write.part.slot(&write.id)));
        let others = others.chain(batch.deletes.iter().map(|write| write.part.slot(&write.id)));
        let others = others.chain(batch.pins.iter().map(|write| write.slot));
        let slots = likes.chain(others).chain(batch.reactions.iter().map(|write| write.slot));
        let slots: BTreeSet<Slot> = slots.collect();
        batch.slots = slots.into_iter().map(|slot| (slot, self.map.owner(slot).epoch)).collect();
        batch.map_epoch = self.map.epoch();
        self.send_as_it_is(peer, batch)
    }

    pub(super) fn send_as_it_is(&mut self, peer: PeerId, batch: WriteBatch) -> Vec<Output> {
        self.step(Input::Writes { peer, batch: &batch })
    }

    /// The group in flight is durable.
    pub(super) fn durable(&mut self) -> Vec<Output> {
        let (group, sections) = self.in_flight.take().expect("a group is in flight");
        self.log.extend(sections);
        self.step(Input::Durable { group })
    }

    /// The disk has no space for the group in flight.
    pub(super) fn full(&mut self) -> Vec<Output> {
        let (group, _) = self.in_flight.take().expect("a group is in flight");
        self.step(Input::Full { group })
    }

    /// Sends a batch while nothing is in flight, makes it durable and returns its answers in the order of its writes.
    pub(super) fn put(&mut self, batch: WriteBatch) -> Vec<Told> {
        assert!(self.machine.is_idle());
        let writes = batch.len() as u64;
        let mut outbox = self.send(A, batch);
        while !self.machine.is_idle() {
            outbox.extend(self.loaded());
            if self.in_flight.is_some() {
                outbox.extend(self.durable());
            }
        }
        let told = answers(&outbox, A);
        assert!(told.iter().map(|(number, _)| *number).eq(1..=writes), "each write has one answer: {told:?}");
        told.into_iter().map(|(_, told)| told).collect()
    }

    /// Asks, and returns the question's number and what comes back at once.
    pub(super) fn ask_from(&mut self, peer: PeerId, query: &Query) -> (u64, Option<Reply>) {
        self.questions += 1;
        let number = self.questions;
        let outbox = self.step(Input::Query { peer, number, query });
        (number, replies(&outbox, peer).remove(&number))
    }

    /// Asks what is answered at once, or when the store has answered.
    pub(super) fn ask(&mut self, query: &Query) -> Reply {
        let (number, reply) = self.ask_from(B, query);
        reply.or_else(|| replies(&self.loaded(), B).remove(&number)).expect("a reply")
    }

    /// The visible comments of "demo" with their counts, newest first.
    pub(super) fn shown(&mut self) -> Vec<(CommentId, u64)> {
        let Reply::History(shown) = self.ask(&history("demo")) else { panic!("a history") };
        shown.iter().map(|shown| (shown.comment.id, shown.likes)).collect()
    }

    /// Which of these the viewer likes.
    pub(super) fn likes(&mut self, viewer: &str, ids: &[CommentId]) -> Vec<CommentId> {
        let query = Query::Likes {
            stream: stream("demo"),
            viewer: key(viewer),
            comments: ids.iter().map(|id| (id.slot(), *id)).collect(),
        };
        let Reply::Likes(liked) = self.ask(&query) else { panic!("likes") };
        liked
    }

    /// Comments, likes and taps of "demo".
    pub(super) fn totals(&mut self) -> (u64, u64, Reactions) {
        let Reply::Totals { comments, likes, reactions } = self.ask(&Query::Totals { stream: stream("demo") }) else {
            panic!("totals")
        };
        (comments, likes, reactions)
    }

    pub(super) fn open(&mut self, from: From) -> Vec<Output> {
        self.open_under(1, from)
    }

    pub(super) fn open_under(&mut self, epoch: u64, from: From) -> Vec<Output> {
        self.step(Input::Merger(&FromMerger::Open { stream: stream("demo"), epoch: Epoch::new(epoch), from }))
    }

    /// The root asks for the counts of these comments.
    pub(super) fn count(&mut self, comments: &[(CommentId, Spread)]) -> Vec<Output> {
        let (stream, comments) = (stream("demo"), comments.to_vec());
        self.step(Input::Merger(&FromMerger::Count { stream, epoch: Epoch::new(1), comments }))
    }

    pub(super) fn close(&mut self) -> Vec<Output> {
        self.step(Input::Merger(&FromMerger::Close { stream: stream("demo") }))
    }

    /// The root comes and watches "demo", of which it knows nothing; the processor's first report.
    pub(super) fn watched(&mut self) -> Report {
        assert_eq!(self.step(Input::MergerUp(ROOT)), []);
        report(&self.open(From::Nothing))
    }

    /// The root comes and watches "demo" from these positions on.
    pub(super) fn watched_from(&mut self, positions: &[(u16, u64)]) -> Vec<Report> {
        assert_eq!(self.step(Input::MergerUp(ROOT)), []);
        reports(&self.open(merged(positions)))
    }

    /// Sends, makes durable, and returns the reports.
    pub(super) fn reported(&mut self, batch: WriteBatch) -> Vec<Report> {
        let mut outbox = self.send(A, batch);
        outbox.extend(self.durable());
        reports(&outbox)
    }

    /// Lets time pass, with a tick at each deadline on the way.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<Output> {
        let end = self.now.plus(ms);
        let mut outbox = Vec::new();
        while let Some(deadline) = self.machine.deadline().filter(|at| *at <= end) {
            self.now = deadline.max(self.now);
            outbox.extend(self.step(Input::Tick));
        }
        self.now = end;
        outbox
    }

    /// The map after another start of this node.
    pub(super) fn map_raised(&self) -> Map {
        self.map_where("p1")
    }

    /// The map after another start of a node.
    pub(super) fn map_where(&self, started: &str) -> Map {
        let mut map = self.map.clone();
        map.claim(&started.parse().unwrap());
        map
    }

    /// The process dies with what is in flight, reads its log again and starts under raised epochs.
    pub(super) fn restart(&mut self) {
        self.in_flight = None;
        self.store.given = None;
        self.loads.clear();
        self.machine = self.store.read(self.config.clone(), &self.log);
        self.map = self.map_raised();
        self.machine.start(self.now, Arc::new(self.map.clone()));
    }

    /// All that can be seen, while nothing is in flight; the root is thereafter a new one, which watches "demo".
    pub(super) fn picture(&mut self, ids: &[CommentId], viewers: &[&str]) -> Picture {
        let resync = self.watched();
        let counters = self.machine.counters();
        let reply_of = |rig: &mut Self, query| match rig.ask(&query) {
            Reply::History(shown) => shown,
            other => panic!("{other:?}"),
        };
        Picture {
            history: ["demo", "other"].map(|name| reply_of(self, history(name))),
            totals: ["demo", "other"].map(|name| self.ask(&Query::Totals { stream: stream(name) })),
            likes: viewers.iter().map(|viewer| self.likes(viewer, ids)).collect(),
            orders: ids.iter().map(|id| self.ask(&Query::Order { stream: stream("demo"), id: *id })).collect(),
            resync,
            comments: counters.comments,
            registers: counters.registers,
            streams: counters.streams,
            shelves: self.machine.state.streams.shelves.iter().count(),
        }
    }
}

/// A processor that has read this log, not started.
pub(super) fn replayed(config: Config, log: &[Section]) -> Result<Processor, ReplayError> {
    let mut machine = Processor::new(config);
    log.iter().try_for_each(|section| machine.replay(section, &mut |_, _| Ok(None)))?;
    machine.replayed(&mut |_, _| Ok(None))?;
    Ok(machine)
}

/// Hybrid times of the stage's first moment: a processor's start takes the first, its first comment the second.
pub(super) fn at(counter: u64) -> HybridTime {
    HybridTime::from_bits(HybridTime::at(Millis::new(1_000_000)).bits() + counter)
}
