//! Plays processors and broadcast nodes around one root: the stage of the machine's tests.
//!
//! Slot 0 belongs to p2, slot 1 to p3, slots 2 to 5 to p1 (see the map's golden test).

use watershed_placement::Map;
use watershed_protocol::{
    ClusterKey, Comment, CommentBody, CommentId, DisplayName, HybridTime, Part, Position, Slot, Tally,
    peer::report::{From, PinRow, ReactionRow, Span, TallyRow},
};

use super::*;

pub(super) fn stream() -> StreamId {
    "demo".parse().unwrap()
}

pub(super) fn name(name: &str) -> NodeName {
    name.parse().unwrap()
}

pub(super) fn id(slot: u16, n: u8) -> CommentId {
    let [high, low] = (slot << 4).to_be_bytes();
    let mut bytes = [n; 16];
    (bytes[0], bytes[1]) = (high, low);
    CommentId::from_bytes(bytes)
}

pub(super) fn comment(id: CommentId, time: u64) -> Arc<Comment> {
    Arc::new(Comment {
        id,
        time: HybridTime::from_bits(time),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new("hi", 100).unwrap(),
    })
}

pub(super) fn tally(id: CommentId, version: u64, count: u64) -> TallyRow {
    part_tally(id, Part::WHOLE, version, count)
}

pub(super) fn part_tally(id: CommentId, part: Part, version: u64, count: u64) -> TallyRow {
    TallyRow { id, part, tally: Tally { epoch: Epoch::new(1), version: Position::new(version), count } }
}

pub(super) fn map() -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &["p1", "p2", "p3"].map(name)).unwrap()
}

pub(super) fn config() -> Config {
    Config::new(name("m1"))
}

/// An empty report of the stream's epoch, to be filled.
pub(super) fn report(epoch: u64) -> Report {
    Report {
        stream: stream(),
        epoch: Epoch::new(epoch),
        resync: false,
        spans: Vec::new(),
        comments: Vec::new(),
        tallies: Vec::new(),
        deleted: Vec::new(),
        pin: None,
        reactions: None,
        total: 0,
        top: None,
    }
}

pub(super) trait Build: Sized {
    fn resync(self) -> Self;
    fn span(self, slot: u16, from: u64, to: u64) -> Self;
    fn span_of(self, epoch: u64, slot: u16, from: u64, to: u64) -> Self;
    fn comment(self, id: CommentId, time: u64) -> Self;
    fn tally(self, row: TallyRow) -> Self;
    fn delete(self, id: CommentId) -> Self;
    fn pin(self, time: u64, id: Option<CommentId>) -> Self;
    fn taps(self, version: u64, count: u64) -> Self;
    /// The most liked comments as (slot, number, likes), and their tallies.
    fn top(self, comments: &[(u16, u8, u64)]) -> Self;
}

impl Build for Report {
    fn resync(mut self) -> Self {
        self.resync = true;
        self
    }
    fn span(self, slot: u16, from: u64, to: u64) -> Self {
        self.span_of(1, slot, from, to)
    }
    fn span_of(mut self, epoch: u64, slot: u16, from: u64, to: u64) -> Self {
        let (slot, epoch) = (Slot::new(slot).unwrap(), Epoch::new(epoch));
        self.spans.push(Span { slot, epoch, from: Position::new(from), to: Position::new(to) });
        self
    }
    fn comment(mut self, id: CommentId, time: u64) -> Self {
        self.comments.push(comment(id, time));
        self.total += 1;
        self
    }
    fn tally(mut self, row: TallyRow) -> Self {
        self.tallies.push(row);
        self
    }
    fn delete(mut self, id: CommentId) -> Self {
        self.deleted.push(id);
        self
    }
    fn pin(mut self, time: u64, pinned: Option<CommentId>) -> Self {
        let comment = pinned.map(|id| (comment(id, 1), tally(id, 1, 1)));
        self.pin = Some(PinRow { time: HybridTime::from_bits(time), comment });
        self
    }
    fn top(mut self, comments: &[(u16, u8, u64)]) -> Self {
        let row = |(slot, n, likes): &(u16, u8, u64)| {
            (comment(id(*slot, *n), u64::from(*n)), tally(id(*slot, *n), *likes, *likes))
        };
        self.top = Some(comments.iter().map(row).collect());
        self
    }
    fn taps(mut self, version: u64, count: u64) -> Self {
        let counts = [(watershed_protocol::ReactionKind::new("heart").unwrap(), count)].into();
        self.reactions = Some(ReactionRow { epoch: Epoch::new(1), version: Position::new(version), counts });
        self
    }
}

/// One root and the links that it was told of.
pub(super) struct Rig {
    pub(super) root: Merger,
    pub(super) now: Millis,
    peer_next: u64,
}

impl Rig {
    /// A root with the epochs 1 to 1,000, at one million milliseconds, and nobody there.
    pub(super) fn new(config: Config) -> Self {
        Self::with_epochs(config, 1..1_001)
    }

    pub(super) fn with_epochs(config: Config, epochs: Range<u64>) -> Self {
        Self { root: Merger::new(config, Arc::new(map()), epochs), now: Millis::new(1_000_000), peer_next: 1 }
    }

    /// A root with all processors and one subscribed node: the stream is open under epoch 1 and empty.
    pub(super) fn open(config: Config) -> (Self, [PeerId; 3], PeerId) {
        let mut rig = Self::new(config);
        let processors = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
        let node = rig.node_up("b1");
        rig.subscribe(node, None, 0);
        for peer in processors {
            rig.report(peer, report(1).resync());
        }
        assert!(rig.root.snapshot(&stream()).is_some());
        (rig, processors, node)
    }

    pub(super) fn step(&mut self, input: Input<'_>) -> Vec<Output> {
        let mut outbox = Vec::new();
        self.root.step(self.now, input, &mut outbox);
        outbox
    }

    /// Lets time pass, with a tick at each deadline on the way.
    pub(super) fn pass(&mut self, ms: u64) -> Vec<Output> {
        let end = self.now.plus(ms);
        let mut outbox = Vec::new();
        while let Some(deadline) = self.root.deadline().filter(|at| *at <= end) {
            self.now = deadline.max(self.now);
            outbox.extend(self.step(Input::Tick));
        }
        self.now = end;
        outbox
    }

    pub(super) fn peer(&mut self) -> PeerId {
        self.peer_next += 1;
        PeerId::new(self.peer_next)
    }

    pub(super) fn processor_up(&mut self, node: &str) -> (PeerId, Vec<Output>) {
        let peer = self.peer();
        (peer, self.step(Input::ProcessorUp { peer, node: name(node) }))
    }

    pub(super) fn node_up(&mut self, node: &str) -> PeerId {
        let peer = self.peer();
        self.step(Input::NodeUp { peer, node: name(node) });
        peer
    }

    pub(super) fn report(&mut self, peer: PeerId, report: Report) -> Vec<Output> {
        self.step(Input::Processor { peer, message: &ToMerger::Report(report) })
    }

    pub(super) fn node(&mut self, peer: PeerId, message: ToFeed) -> Vec<Output> {
        self.step(Input::Node { peer, message: &message })
    }

    pub(super) fn subscribe(&mut self, peer: PeerId, have: Option<(u64, u64)>, viewers: u64) -> Vec<Output> {
        let have = have.map(|(epoch, seq)| (Epoch::new(epoch), Seq::new(seq)));
        self.node(peer, ToFeed::Subscribe { stream: stream(), have, viewers })
    }
}

/// What a node was sent, in short.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sent {
    Snapshot(Snapshot),
    Frame(watershed_protocol::Delta),
    Unknown(u64, u64),
}

/// What `peer` was sent.
pub(super) fn sent(outbox: &[Output], peer: PeerId) -> Vec<Sent> {
    let messages = outbox.iter().filter_map(|output| match output {
        Output::ToNodes { peers, message } if peers.contains(&peer) => Some(message.clone()),
        _ => None,
    });
    messages
        .map(|message| match message {
            FromFeed::Snapshot { snapshot, .. } => Sent::Snapshot(snapshot),
            FromFeed::Frame { delta, .. } => Sent::Frame(delta),
            FromFeed::Unknown { epoch, seq, .. } => Sent::Unknown(epoch.get(), seq.get()),
        })
        .collect()
}

/// The one snapshot that `peer` was sent.
pub(super) fn snapshot(outbox: &[Output], peer: PeerId) -> Snapshot {
    match &sent(outbox, peer)[..] {
        [Sent::Snapshot(snapshot)] => snapshot.clone(),
        other => panic!("not one snapshot: {other:?}"),
    }
}

/// The one frame that `peer` was sent.
pub(super) fn frame(outbox: &[Output], peer: PeerId) -> watershed_protocol::Delta {
    match &sent(outbox, peer)[..] {
        [Sent::Frame(frame)] => frame.clone(),
        other => panic!("not one frame: {other:?}"),
    }
}

/// What processors were told, as (peer, epoch, from); a close has no epoch.
pub(super) fn told(outbox: &[Output]) -> Vec<(PeerId, Option<u64>, From)> {
    let told = outbox.iter().filter_map(|output| match output {
        Output::ToProcessor { peer, message: FromMerger::Open { epoch, from, .. } } => {
            Some((*peer, Some(epoch.get()), from.clone()))
        }
        Output::ToProcessor { peer, message: FromMerger::Close { .. } } => Some((*peer, None, From::Nothing)),
        _ => None,
    });
    told.collect()
}

pub(super) fn merged(positions: &[(u16, u64)]) -> From {
    From::Merged(positions.iter().map(|(slot, to)| (Slot::new(*slot).unwrap(), Position::new(*to))).collect())
}

/// The ids of shown comments.
pub(super) fn ids(shown: &[watershed_protocol::Shown]) -> Vec<CommentId> {
    shown.iter().map(|shown| shown.comment.id).collect()
}
