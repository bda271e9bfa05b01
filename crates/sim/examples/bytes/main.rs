//! What a viewer costs in bytes and a frame in time, in each encoding.
//!
//! `cargo run --release -p watershed-sim --example bytes`. The reference flood under a simulated clock: 100 comments a second
//! and 5,000 likes a second, spread evenly over the newest 200 comments, for 60 s, through a real processor, root and room
//! at 10 frames a second. One viewer takes each frame, one every fifth. Timed is the encoding, alone and with deflate.
//! Invariant: whoever reads the compact messages has word for word what the others have, or this fails.

mod words;

use std::{
    collections::{BTreeMap, VecDeque},
    error::Error,
    hint::black_box,
    sync::Arc,
    time::Instant,
};

use watershed_broadcast::{Behind, Cursor, Room, RoomConfig, Update};
use watershed_merger::{self as merger, Merger};
use watershed_placement::Map;
use watershed_processor::{self as processor, Processor};
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, Delta, DisplayName, Millis, Part, Register, Slot, Spread, Stamp, StreamId,
    ViewerKey,
    client::{Encoding, Names, Response, deflate},
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
        report::FromMerger,
        uplink::{CommentWrite, LikeRow, WriteBatch},
    },
};
use words::Writers;

const START: Millis = Millis::new(1_763_900_000_000);
const WARM_UP_MS: u64 = 3_000;
const RUN_MS: u64 = 60_000;
const COMMENT_EVERY_MS: u64 = 10;
const LIKES_PER_MS: u64 = 5;
const LIKED_COMMENTS: usize = 200;
const VIEWERS: u64 = 1_000_000;
/// How many frames the slower viewer lags by.
const LAG: usize = 5;
/// The time of a message is the least of so many: what else the machine does is not counted.
const PASSES: usize = 10;
const LEVELS: [u32; 2] = [1, 6];
const ROOT: PeerId = PeerId::new(1);
const WRITER: PeerId = PeerId::new(2);
const NODE: PeerId = PeerId::new(3);
const PROCESSOR: PeerId = PeerId::new(4);

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    let mut stage = Stage::new()?;
    let mut viewers = Viewers::join(&stage);
    viewers.watch(&mut stage, WARM_UP_MS)?;
    stage.taken.clear();
    viewers.begin(&stage);
    viewers.watch(&mut stage, RUN_MS)?;
    let frames = std::mem::take(&mut stage.taken);
    let ranges: Vec<Arc<Delta>> = frames
        .chunks_exact(LAG)
        .filter_map(|frames| Delta::merged(frames.iter().map(|frame| &**frame)))
        .map(Arc::new)
        .collect();
    describe(&frames);
    println!();
    println!(
        "| encoding | keeps up: bytes/s | µs a frame | lags by {LAG} frames: bytes/s | µs a range | a join: bytes |"
    );
    println!("|---|---|---|---|---|---|");
    let (one, lagging) = (Messages::of(&frames), Messages::of(&ranges));
    let join = stage.room.view().map(|view| view.snapshot()).ok_or("no view")?;
    for (name, encoding) in
        [("JSON", Encoding::Json), ("MessagePack", Encoding::MessagePack), ("compact", Encoding::Compact)]
    {
        let (up, up_us) = one.cost(encoding, None);
        let (behind, behind_us) = lagging.cost(encoding, None);
        let joined = framed(join.encode(encoding).len());
        println!("| {name} | {up:.0} | {up_us:.0} | {behind:.0} | {behind_us:.0} | {joined} |");
        if encoding == Encoding::Json {
            continue;
        }
        for level in LEVELS {
            let (up, up_us) = one.cost(encoding, Some(level));
            let (behind, behind_us) = lagging.cost(encoding, Some(level));
            let joined = framed(1 + deflate(&join.encode(encoding), level).ok_or("a snapshot gets shorter")?.len());
            println!("| {name}, deflate {level} | {up:.0} | {up_us:.0} | {behind:.0} | {behind_us:.0} | {joined} |");
        }
    }
    println!();
    println!("what the room sent to viewers that keep up, and to those that lag, in bytes/s:");
    for (encoding, (up, behind)) in &viewers.bytes {
        let per_s = |bytes: &u64| *bytes as f64 * 1e3 / RUN_MS as f64;
        println!("{}: {:.0}, {:.0}", encoding.subprotocol(), per_s(up), per_s(behind));
    }
    Ok(())
}

/// What the flood was like.
fn describe(frames: &[Arc<Delta>]) {
    let comments: Vec<_> = frames.iter().flat_map(|frame| &frame.comments).collect();
    let text_bytes: usize = comments.iter().map(|shown| shown.comment.body.as_str().len()).sum();
    let counts: usize = frames.iter().map(|frame| frame.likes.len()).sum();
    println!(
        "{} frames in {} s, {} comments of {} bytes, {} counts a frame",
        frames.len(),
        RUN_MS / 1_000,
        comments.len(),
        text_bytes / comments.len().max(1),
        counts / frames.len().max(1),
    );
}

/// A WebSocket frame around a payload.
fn framed(payload_bytes: usize) -> usize {
    payload_bytes + if payload_bytes < 126 { 2 } else { 4 + 6 * usize::from(payload_bytes > 65_535) }
}

/// What one viewer is sent in the run.
struct Messages<'a>(&'a [Arc<Delta>]);

impl<'a> Messages<'a> {
    fn of(deltas: &'a [Arc<Delta>]) -> Self {
        Self(deltas)
    }

    /// Bytes a second, and microseconds a message to make them.
    fn cost(&self, encoding: Encoding, level: Option<u32>) -> (f64, f64) {
        let (mut bytes, mut busy_s) = (0, 0.0);
        for delta in self.0 {
            let (mut length, mut least_s) = (0, f64::MAX);
            for _ in 0..PASSES {
                let begun = Instant::now();
                let plain = black_box(delta.encode(encoding));
                length = match level {
                    Some(level) => 1 + black_box(deflate(&plain, level)).map_or(plain.len(), |deflated| deflated.len()),
                    None => plain.len(),
                };
                least_s = f64::min(least_s, begun.elapsed().as_secs_f64());
            }
            (bytes, busy_s) = (bytes + framed(length), busy_s + least_s);
        }
        (bytes as f64 * 1e3 / RUN_MS as f64, busy_s * 1e6 / self.0.len() as f64)
    }
}

/// A viewer of each encoding that keeps up, and one that lags.
struct Viewers {
    cursors: BTreeMap<Encoding, (Cursor, Cursor)>,
    bytes: BTreeMap<Encoding, (u64, u64)>,
    names: BTreeMap<Encoding, Names>,
    frames: usize,
}

impl Viewers {
    fn join(stage: &Stage) -> Self {
        let mut viewers = Self { cursors: BTreeMap::new(), bytes: BTreeMap::new(), names: BTreeMap::new(), frames: 0 };
        let snapshot = stage.room.view().map(|view| view.snapshot());
        for encoding in Encoding::ALL {
            let mut names = Names::default();
            snapshot.iter().for_each(|snapshot| drop(names.read(encoding, &snapshot.encode(encoding))));
            viewers.names.insert(encoding, names);
        }
        viewers.begin(stage);
        viewers
    }

    /// Counts from here on.
    fn begin(&mut self, stage: &Stage) {
        self.frames = 0;
        for encoding in Encoding::ALL {
            self.cursors.insert(encoding, (stage.room.head(), stage.room.head()));
            self.bytes.insert(encoding, (0, 0));
        }
    }

    fn watch(&mut self, stage: &mut Stage, ms: u64) -> Result<(), Failed> {
        for _ in 0..ms {
            stage.run(1)?;
            self.visit(stage)?;
        }
        Ok(())
    }

    /// Takes the newest frame, if there is one: those who lag only every fifth.
    fn visit(&mut self, stage: &mut Stage) -> Result<(), Failed> {
        if stage.taken.len() == self.frames {
            return Ok(());
        }
        self.frames = stage.taken.len();
        let newest = stage.taken.last().ok_or("no frame")?;
        let wanted = Response::from(&**newest);
        for (encoding, (up, behind)) in &mut self.cursors {
            let (up_bytes, behind_bytes) = self.bytes.entry(*encoding).or_default();
            let chunk = stage.room.since(stage.now, *up, *encoding, Behind::Lags).ok_or("nothing new")?;
            (*up, *up_bytes) = (chunk.to, *up_bytes + chunk.bytes.len() as u64);
            let read = self.names.entry(*encoding).or_default().read(*encoding, &newest.encode(*encoding))?;
            if read != wanted {
                return Err(format!("{encoding:?} says something else than the frame {}", newest.seq).into());
            }
            if self.frames.is_multiple_of(LAG) {
                let chunk = stage.room.since(stage.now, *behind, *encoding, Behind::Lags).ok_or("nothing new")?;
                (*behind, *behind_bytes) = (chunk.to, *behind_bytes + chunk.bytes.len() as u64);
            }
        }
        Ok(())
    }
}

/// A processor, the root and a room, run by hand.
struct Stage {
    now: Millis,
    map: Map,
    stream: StreamId,
    root: Merger,
    processor: Processor,
    room: Room,
    /// The frames that came down.
    taken: Vec<Arc<Delta>>,
    writers: Writers,
    random: fastrand::Rng,
    /// The newest, which are liked.
    comments: VecDeque<CommentId>,
    number: u64,
}

impl Stage {
    fn new() -> Result<Self, Failed> {
        let name: watershed_protocol::NodeName = "p1".parse()?;
        let map = Map::found(ClusterKey::from_bytes([7; 32]), std::slice::from_ref(&name))?;
        let mut machine = Processor::new(processor::Config::new(name.clone()));
        machine.start(START, Arc::new(map.clone()));
        let mut stage = Self {
            now: START,
            stream: "demo".parse()?,
            root: Merger::new(merger::Config::new("m1".parse()?), Arc::new(map.clone()), 1..1_001),
            processor: machine,
            room: Room::new(RoomConfig::default()),
            taken: Vec::new(),
            writers: Writers::new(7),
            random: fastrand::Rng::with_seed(7),
            comments: VecDeque::new(),
            number: 0,
            map,
        };
        stage.step(processor::Input::MergerUp(ROOT))?;
        stage.merge(merger::Input::ProcessorUp { peer: PROCESSOR, node: name })?;
        stage.merge(merger::Input::NodeUp { peer: NODE, node: "b1".parse()? })?;
        let subscribe = ToFeed::Subscribe { stream: stage.stream.clone(), have: None, viewers: VIEWERS };
        stage.merge(merger::Input::Node { peer: NODE, message: &subscribe })?;
        Ok(stage)
    }

    /// Lets so many milliseconds of the flood pass.
    fn run(&mut self, ms: u64) -> Result<(), Failed> {
        for _ in 0..ms {
            self.now = self.now.plus(1);
            let slots = Slot::all().map(|slot| (slot, self.map.owner(slot).epoch)).collect();
            let streams = vec![self.stream.clone()];
            let mut batch = WriteBatch { map_epoch: self.map.epoch(), slots, streams, ..WriteBatch::default() };
            if self.now.get().is_multiple_of(COMMENT_EVERY_MS) {
                batch.comments.push(self.comment()?);
            }
            for _ in 0..LIKES_PER_MS.min(self.comments.len() as u64) {
                batch.likes.push(self.like()?);
            }
            self.step(processor::Input::Writes { peer: WRITER, batch: &batch })?;
            if self.root.deadline().is_some_and(|at| at <= self.now) {
                self.merge(merger::Input::Tick)?;
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<CommentWrite, Failed> {
        let id = CommentId::from_bytes(self.random.u128(..).to_be_bytes());
        self.comments.push_back(id);
        if self.comments.len() > LIKED_COMMENTS {
            self.comments.pop_front();
        }
        let (author, name) = self.writers.author();
        let body = CommentBody::new(&self.writers.body(), 1_000)?;
        self.number += 1;
        let (author, name) = (author.parse()?, DisplayName::new(&name)?);
        Ok(CommentWrite { number: self.number, stream: 0, id, author, name, body, spread: Spread::WHOLE })
    }

    fn like(&mut self) -> Result<LikeRow, Failed> {
        let comment = self.comments[self.random.usize(..self.comments.len())];
        let viewer = u128::from(self.random.u64(..VIEWERS)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let viewer = ViewerKey::from_bytes(viewer.to_be_bytes());
        let register = Register { stamp: Stamp::new(self.now.get())?, liked: true };
        self.number += 1;
        Ok(LikeRow { number: self.number, stream: 0, comment, viewer, register, part: Part::WHOLE })
    }

    /// Steps the processor: its groups are durable at once, its reports go to the root.
    fn step(&mut self, input: processor::Input<'_>) -> Result<(), Failed> {
        let (mut outbox, mut reports) = (Vec::new(), Vec::new());
        self.processor.step(self.now, input, &mut outbox);
        let mut outputs = VecDeque::from(outbox);
        while let Some(output) = outputs.pop_front() {
            match output {
                processor::Output::Append { group, .. } => {
                    let mut outbox = Vec::new();
                    self.processor.step(self.now, processor::Input::Durable { group }, &mut outbox);
                    outputs.extend(outbox);
                }
                processor::Output::Report(message) => reports.push(message),
                _ => {}
            }
        }
        reports.iter().try_for_each(|message| self.merge(merger::Input::Processor { peer: PROCESSOR, message }))
    }

    /// Steps the root: what it says goes to the room, and to the processor.
    fn merge(&mut self, input: merger::Input<'_>) -> Result<(), Failed> {
        let mut outbox = Vec::new();
        self.root.step(self.now, input, &mut outbox);
        for output in outbox {
            match output {
                merger::Output::ToNodes { message: FromFeed::Snapshot { snapshot, .. }, .. } => {
                    self.room.publish(self.now, Update::Snapshot(snapshot))?;
                }
                merger::Output::ToNodes { message: FromFeed::Frame { delta, .. }, .. } => {
                    let delta = Arc::new(delta);
                    self.taken.push(delta.clone());
                    self.room.publish(self.now, Update::Frame(delta))?;
                }
                merger::Output::ToProcessor { message, .. } => {
                    let message: FromMerger = message;
                    self.step(processor::Input::Merger(&message))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
