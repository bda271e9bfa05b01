//! Random histories: whatever is lost, repeated, reordered by refusals, full or restarted, all views end as the root's, and the
//! root's ends as the processors' truth.
//!
//! Three processors with logs that can be read from any position; two nodes that apply all they get with `View`, and refuse
//! frames that do not chain and comments that come twice in an epoch.

use std::collections::VecDeque;

use proptest::prelude::*;
use watershed_protocol::{
    Comment, CommentId, HybridTime, Part, Pinned, Position, Shown, Slot, Tally, View,
    peer::report::{From, PinRow, Span, TallyRow},
};

use super::{rig::*, *};

const NAMES: [&str; 3] = ["p1", "p2", "p3"];
/// Two slots of each processor on the map of [`rig::map`]; checked at the start.
const SLOTS: [[u16; 2]; 3] = [[2, 3], [0, 9], [1, 6]];
/// Few enough for one snapshot, so that nothing is out of sight.
const COMMENTS_MAX: usize = 90;

#[derive(Clone, Debug)]
enum Act {
    Comment {
        p: usize,
        slot: usize,
    },
    Like {
        p: usize,
        which: usize,
    },
    Delete {
        p: usize,
        which: usize,
    },
    Pin {
        p: usize,
        which: Option<usize>,
    },
    /// Reports up to a share of what is there, in eighths.
    Report {
        p: usize,
        share: u64,
    },
    /// The last report once more.
    Repeat {
        p: usize,
    },
    /// Reports again what was reported before.
    Rewind {
        p: usize,
        by: u64,
    },
    /// Passes over changes as if their report had been lost.
    Skip {
        p: usize,
    },
    /// Reads one message of the root.
    Read {
        p: usize,
    },
    Reconnect {
        p: usize,
    },
    Restart {
        p: usize,
    },
    Disconnect {
        p: usize,
    },
    ProcessorFull {
        p: usize,
        full: bool,
    },
    NodeFull {
        n: usize,
        full: bool,
    },
    NodeReconnect {
        n: usize,
        resume: bool,
    },
    Pass {
        ms: u64,
    },
}

fn act() -> impl Strategy<Value = Act> {
    let p = || 0..3usize;
    prop_oneof![
        6 => (p(), 0..2usize).prop_map(|(p, slot)| Act::Comment { p, slot }),
        4 => (p(), any::<usize>()).prop_map(|(p, which)| Act::Like { p, which }),
        1 => (p(), any::<usize>()).prop_map(|(p, which)| Act::Delete { p, which }),
        1 => (p(), any::<Option<usize>>()).prop_map(|(p, which)| Act::Pin { p, which }),
        8 => (p(), 1..=8u64).prop_map(|(p, share)| Act::Report { p, share }),
        2 => p().prop_map(|p| Act::Repeat { p }),
        2 => (p(), 1..5u64).prop_map(|(p, by)| Act::Rewind { p, by }),
        1 => p().prop_map(|p| Act::Skip { p }),
        6 => p().prop_map(|p| Act::Read { p }),
        1 => p().prop_map(|p| Act::Reconnect { p }),
        1 => p().prop_map(|p| Act::Restart { p }),
        1 => p().prop_map(|p| Act::Disconnect { p }),
        1 => (p(), any::<bool>()).prop_map(|(p, full)| Act::ProcessorFull { p, full }),
        2 => (0..2usize, any::<bool>()).prop_map(|(n, full)| Act::NodeFull { n, full }),
        1 => (0..2usize, any::<bool>()).prop_map(|(n, resume)| Act::NodeReconnect { n, resume }),
        4 => prop_oneof![0..50u64, 50..1_000u64].prop_map(|ms| Act::Pass { ms }),
    ]
}

#[derive(Clone, Debug)]
enum Row {
    Comment(Arc<Comment>),
    Like(CommentId),
    Delete(CommentId),
    Pin(HybridTime, Option<CommentId>),
}

/// One processor: its durable log, and what it has told.
#[derive(Default)]
struct Processor {
    log: BTreeMap<u16, Vec<Row>>,
    epoch: u64,
    peer: Option<PeerId>,
    full: bool,
    inbox: VecDeque<FromMerger>,
    /// The stream's epoch and where the next report begins; `None` where the root knows nothing.
    open: Option<(Epoch, Option<BTreeMap<u16, u64>>)>,
    last: Option<Report>,
}

impl Processor {
    fn rows(&self) -> impl Iterator<Item = &Row> {
        self.log.values().flatten()
    }

    fn live(&self) -> Vec<Arc<Comment>> {
        let deleted = |id| self.rows().any(|row| matches!(row, Row::Delete(gone) if *gone == id));
        let comments = self.rows().filter_map(|row| if let Row::Comment(comment) = row { Some(comment) } else { None });
        let mut live: Vec<_> = comments.filter(|comment| !deleted(comment.id)).cloned().collect();
        live.sort_by_key(|comment| comment.order());
        live
    }

    fn pick(&self, which: usize) -> Option<Arc<Comment>> {
        let live = self.live();
        live.get(which % live.len().max(1)).cloned()
    }

    fn tally(&self, id: CommentId) -> TallyRow {
        let rows = &self.log[&id.slot().get()];
        let likes = rows.iter().enumerate().filter(|(_, row)| matches!(row, Row::Like(liked) if *liked == id));
        let (count, version) = likes.fold((0, 0), |(count, _), (at, _)| (count + 1, at as u64 + 1));
        let tally = Tally { epoch: Epoch::new(self.epoch), version: Position::new(version), count };
        TallyRow { id, part: Part::WHOLE, tally }
    }

    fn pin(&self) -> Option<PinRow> {
        let pins = self.rows().filter_map(|row| if let Row::Pin(time, id) = row { Some((*time, *id)) } else { None });
        let (time, id) = pins.max_by_key(|(time, _)| *time)?;
        let live = self.live();
        let comment = live.into_iter().find(|comment| Some(comment.id) == id);
        Some(PinRow { time, comment: comment.map(|comment| (comment.clone(), self.tally(comment.id))) })
    }

    /// Reports a share of each slot's changes; nothing when nothing is open or there is nothing to tell.
    fn report(&mut self, share: u64) -> Option<Report> {
        let (epoch, reported) = self.open.clone()?;
        let mut report = report(epoch.get());
        report.resync = reported.is_none();
        let mut positions = reported.clone().unwrap_or_default();
        for (slot, rows) in &self.log {
            let (from, end) = (positions.get(slot).copied().unwrap_or(0), rows.len() as u64);
            let to = if report.resync { end } else { from + ((end.saturating_sub(from)) * share).div_ceil(8) };
            if from >= to {
                continue;
            }
            let (number, epoch) = (Slot::new(*slot).unwrap(), Epoch::new(self.epoch));
            report.spans.push(Span { slot: number, epoch, from: Position::new(from), to: Position::new(to) });
            positions.insert(*slot, to);
            for row in &rows[from as usize..to as usize] {
                match row {
                    Row::Comment(comment) => {
                        report.total += 1;
                        report.tallies.push(self.tally(comment.id));
                        report.comments.extend(self.live().into_iter().find(|live| live.id == comment.id));
                    }
                    Row::Like(id) => report.tallies.push(self.tally(*id)),
                    Row::Delete(id) if !report.resync => report.deleted.push(*id),
                    Row::Delete(_) => {}
                    Row::Pin(..) => report.pin = self.pin(),
                }
            }
        }
        report.comments.sort_by_key(|comment| comment.order());
        self.open = Some((epoch, Some(positions)));
        (report.resync || !report.spans.is_empty()).then(|| {
            self.last = Some(report.clone());
            report
        })
    }

    fn read(&mut self) -> bool {
        let Some(message) = self.inbox.pop_front() else { return false };
        self.open = match message {
            FromMerger::Open { epoch, from: From::Nothing, .. } => Some((epoch, None)),
            FromMerger::Open { epoch, from: From::Merged(list), .. } => {
                Some((epoch, Some(list.into_iter().map(|(slot, to)| (slot.get(), to.get())).collect())))
            }
            FromMerger::Close { .. } => None,
            FromMerger::Count { .. } => unreachable!("nothing is spread"),
        };
        true
    }

    fn forget_link(&mut self) {
        (self.peer, self.open, self.last, self.full) = (None, None, None, false);
        self.inbox.clear();
    }
}

#[derive(Default)]
struct Node {
    peer: Option<PeerId>,
    full: bool,
    view: Option<View>,
    /// What it got in this epoch.
    delivered: BTreeSet<CommentId>,
}

impl Node {
    fn get(&mut self, message: &FromFeed) {
        assert!(!self.full, "nothing is made for a full link");
        match message {
            FromFeed::Snapshot { snapshot, .. } => {
                if self.view.as_ref().is_none_or(|view| view.epoch() != snapshot.epoch) {
                    self.delivered.clear();
                }
                self.delivered.extend(ids(&snapshot.comments));
                self.view = Some(View::new(snapshot));
            }
            FromFeed::Frame { delta, .. } => {
                for id in ids(&delta.comments) {
                    assert!(self.delivered.insert(id), "{id} came twice");
                }
                self.view.as_mut().expect("a snapshot comes first").apply(delta).expect("frames chain");
            }
            FromFeed::Unknown { .. } => panic!("nobody asked"),
        }
    }
}

struct World {
    rig: Rig,
    map: watershed_placement::Map,
    processors: [Processor; 3],
    nodes: [Node; 2],
    written: usize,
    time: u64,
}

impl World {
    fn new(waiting_max: usize) -> Self {
        let mut map = map();
        map.claim_root(&name("m1"), Epoch::ZERO);
        for (p, slots) in SLOTS.iter().enumerate() {
            for slot in slots {
                assert_eq!(map.owner(Slot::new(*slot).unwrap()).node, name(NAMES[p]));
            }
        }
        let config = Config { log_frames_max: 4, frame_burst: 2, waiting_max, ..config() };
        let processors = [(); 3].map(|()| Processor { epoch: 1, ..Processor::default() });
        let nodes = <[Node; 2]>::default();
        let mut world = Self { rig: Rig::new(config), map, processors, nodes, written: 0, time: 0 };
        world.node_up(0, false);
        world.node_up(1, false);
        world
    }

    fn carry(&mut self, outbox: Vec<Output>) {
        for output in outbox {
            match output {
                Output::ToProcessor { peer, message } => {
                    let processor = self.processors.iter_mut().find(|processor| processor.peer == Some(peer)).unwrap();
                    assert!(!processor.full, "nothing is made for a full link");
                    processor.inbox.push_back(message);
                }
                Output::ToNodes { peers, message } => {
                    for peer in peers {
                        self.nodes.iter_mut().find(|node| node.peer == Some(peer)).unwrap().get(&message);
                    }
                }
                Output::Counted { .. } => unreachable!("nobody has asked for counts"),
                Output::ReserveEpochs => {
                    let root = self.map.root_epoch();
                    let range = self.map.reserve_stream_epochs(root, 1_000).unwrap();
                    let outbox = self.rig.step(Input::EpochsReserved(range.start + 1_000..range.end + 1_000));
                    self.carry(outbox);
                }
            }
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let outbox = self.rig.step(input);
        self.carry(outbox);
    }

    fn lose(&mut self, peer: Option<PeerId>) {
        if let Some(peer) = peer {
            self.step(Input::Lost(peer));
        }
    }

    fn disconnect(&mut self, p: usize) {
        self.lose(self.processors[p].peer);
        self.processors[p].forget_link();
    }

    fn connect(&mut self, p: usize) {
        self.disconnect(p);
        let peer = self.rig.peer();
        self.processors[p].peer = Some(peer);
        self.step(Input::ProcessorUp { peer, node: name(NAMES[p]) });
    }

    fn node_up(&mut self, n: usize, resume: bool) {
        self.lose(self.nodes[n].peer);
        let peer = self.rig.peer();
        let node = &mut self.nodes[n];
        (node.peer, node.full) = (Some(peer), false);
        node.view = node.view.take().filter(|_| resume);
        let have = node.view.as_ref().map(|view| (view.epoch(), view.seq()));
        if have.is_none() {
            node.delivered.clear();
        }
        self.step(Input::NodeUp { peer, node: name(&format!("b{n}")) });
        self.step(Input::Node { peer, message: &ToFeed::Subscribe { stream: stream(), have, viewers: 5 + n as u64 } });
    }

    fn send(&mut self, p: usize, report: Option<Report>) {
        if let (Some(peer), Some(report)) = (self.processors[p].peer, report) {
            self.step(Input::Processor { peer, message: &ToMerger::Report(report) });
        }
    }

    fn write(&mut self, p: usize, slot: u16, row: Row) {
        self.processors[p].log.entry(slot).or_default().push(row);
    }

    fn act(&mut self, act: Act) {
        self.time += 1;
        let time = HybridTime::from_bits(self.time);
        match act {
            Act::Comment { p, slot } if self.written < COMMENTS_MAX => {
                let slot = SLOTS[p][slot];
                self.write(p, slot, Row::Comment(comment(id(slot, self.written as u8), self.time)));
                self.written += 1;
            }
            Act::Comment { .. } => {}
            Act::Like { p, which } => {
                if let Some(comment) = self.processors[p].pick(which) {
                    self.write(p, comment.id.slot().get(), Row::Like(comment.id));
                }
            }
            Act::Delete { p, which } => {
                if let Some(comment) = self.processors[p].pick(which) {
                    self.write(p, comment.id.slot().get(), Row::Delete(comment.id));
                }
            }
            Act::Pin { p, which } => {
                let id = which.and_then(|which| self.processors[p].pick(which)).map(|comment| comment.id);
                let slot = id.map_or(SLOTS[p][0], |id| id.slot().get());
                self.write(p, slot, Row::Pin(time, id));
            }
            Act::Report { p, share } => {
                let report = self.processors[p].report(share);
                self.send(p, report);
            }
            Act::Repeat { p } => self.send(p, self.processors[p].last.clone()),
            Act::Rewind { p, by } => {
                if let Some((_, Some(positions))) = &mut self.processors[p].open {
                    positions.values_mut().for_each(|position| *position = position.saturating_sub(by));
                }
            }
            Act::Skip { p } => {
                // What is lost between two reports must come again, whoever lost it.
                let resyncs = self.processors[p].open.as_ref().is_some_and(|(_, positions)| positions.is_none());
                if !resyncs && self.processors[p].report(4).is_some() {
                    self.processors[p].last = None;
                }
            }
            Act::Read { p } => {
                self.processors[p].read();
            }
            Act::Reconnect { p } => self.connect(p),
            Act::Restart { p } => {
                self.processors[p].epoch += 1;
                self.map.claim(&name(NAMES[p]));
                self.step(Input::Map(Arc::new(self.map.clone())));
                self.connect(p);
            }
            Act::Disconnect { p } => self.disconnect(p),
            Act::ProcessorFull { p, full } => {
                if let Some(peer) = self.processors[p].peer {
                    self.processors[p].full = full;
                    self.step(if full { Input::Full(peer) } else { Input::Room(peer) });
                }
            }
            Act::NodeFull { n, full } => {
                if let Some(peer) = self.nodes[n].peer {
                    self.nodes[n].full = full;
                    self.step(if full { Input::Full(peer) } else { Input::Room(peer) });
                }
            }
            Act::NodeReconnect { n, resume } => self.node_up(n, resume),
            Act::Pass { ms } => {
                let outbox = self.rig.pass(ms);
                self.carry(outbox);
            }
        }
    }

    /// All faults heal, and everybody tells and reads until nothing moves.
    fn heal(&mut self) {
        for n in 0..2 {
            self.act(Act::NodeFull { n, full: false });
        }
        for p in 0..3 {
            match self.processors[p].peer {
                Some(_) => self.act(Act::ProcessorFull { p, full: false }),
                None => self.connect(p),
            }
        }
        for _ in 0..20 {
            self.act(Act::Pass { ms: 1_000 });
            for p in 0..3 {
                while self.processors[p].read() {}
                let report = self.processors[p].report(8);
                self.send(p, report);
            }
        }
        self.act(Act::Pass { ms: 5_000 });
    }

    /// Every live comment with its count, and the pin.
    fn truth(&self) -> (BTreeMap<CommentId, u64>, Option<CommentId>) {
        let counts = self.processors.iter().flat_map(|processor| {
            processor.live().into_iter().map(|comment| (comment.id, processor.tally(comment.id).tally.count))
        });
        let pin = self.processors.iter().filter_map(Processor::pin).max_by_key(|pin| pin.time);
        (counts.collect(), pin.and_then(|pin| pin.comment).map(|(comment, _)| comment.id))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn all_views_end_as_the_roots_and_that_as_the_truth(
        acts in prop::collection::vec(act(), 1..200),
        waiting_max in prop_oneof![Just(1usize), Just(16_000)],
    ) {
        let mut world = World::new(waiting_max);
        for act in acts {
            world.act(act);
        }
        // A loss shows only at the next report of that slot: each slot gets one.
        for (p, slots) in SLOTS.iter().enumerate() {
            for slot in *slots {
                world.write(p, slot, Row::Like(id(slot, 255)));
            }
        }
        world.heal();
        let root = world.rig.root.snapshot(&stream()).expect("the stream is open");
        prop_assert!(!root.partial);
        for node in &world.nodes {
            prop_assert_eq!(&node.view.as_ref().expect("a view").snapshot(), &root);
        }
        let (counts, pin) = world.truth();
        let shown: BTreeMap<CommentId, u64> = root.comments.iter().map(|s: &Shown| (s.comment.id, s.likes)).collect();
        prop_assert_eq!(shown, counts);
        let pinned = match &root.pinned {
            Pinned::Nothing => None,
            Pinned::Comment(shown) => Some(shown.comment.id),
        };
        prop_assert_eq!(pinned, pin);
        prop_assert_eq!(root.viewers, 11);
    }
}
