//! What likes cost the root: nearly nothing that grows with them.
//!
//! `cargo run --release -p watershed-sim --example root`. Three processors and a root run by hand under one simulated clock:
//! likes by a million viewers on 1,000 comments of one stream (Zipf, s = 1) go in at rates from 1,000 to 1,000,000 a second,
//! groups are durable at once, and every message to and from the root is encoded and decoded as on a link. Timed is the root
//! alone: decoding reports, its steps, encoding frames.

use std::{
    collections::{BTreeMap, VecDeque},
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use watershed_merger::{self as merger, Merger};
use watershed_placement::Map;
use watershed_processor::{self as processor, Processor};
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Millis, NodeName, Part, Register, Slot, Spread, Stamp, StreamId,
    ViewerKey,
    peer::{
        self, PeerId,
        feed::ToFeed,
        report::{FromMerger, ToMerger},
        uplink::{CommentWrite, LikeRow, WriteBatch},
    },
};

const START: Millis = Millis::new(1_763_900_000_000);
const RATES: [u64; 4] = [1_000, 10_000, 100_000, 1_000_000];
const COMMENTS: usize = 1_000;
const VIEWERS: u64 = 1_000_000;
/// Milliseconds of the simulated clock for each rate, and those before that are not timed.
const RUN_MS: u64 = 6_000;
const WARM_UP_MS: u64 = 1_000;
const WRITER: PeerId = PeerId::new(1);
const NODE: PeerId = PeerId::new(100);

type Failed = Box<dyn Error>;

fn main() -> Result<(), Failed> {
    println!("| likes/s | root CPU, ms a second | reports/s | frames/s | likes in for one count out |");
    println!("|---|---|---|---|---|");
    for rate in RATES {
        let mut stage = Stage::new()?;
        stage.run(rate, WARM_UP_MS)?;
        let (before, likes) = (stage.root.counters(), stage.likes);
        stage.busy = Duration::ZERO;
        stage.run(rate, RUN_MS)?;
        let (after, seconds) = (stage.root.counters(), RUN_MS as f64 / 1e3);
        println!(
            "| {rate} | {:.2} | {:.1} | {:.1} | {:.1} |",
            stage.busy.as_secs_f64() * 1e3 / seconds,
            (after.reports_in - before.reports_in) as f64 / seconds,
            (after.frames_out - before.frames_out) as f64 / seconds,
            (stage.likes - likes) as f64 / (after.tallies_out - before.tallies_out).max(1) as f64,
        );
    }
    Ok(())
}

/// The root and its processors.
struct Stage {
    now: Millis,
    map: Map,
    stream: StreamId,
    root: Merger,
    processors: BTreeMap<NodeName, (PeerId, Processor)>,
    /// Each with its owner.
    comments: Vec<(CommentId, NodeName)>,
    /// What each comment and those before it have of all likes.
    sums: Vec<f64>,
    random: fastrand::Rng,
    likes: u64,
    /// How long the root has worked.
    busy: Duration,
}

impl Stage {
    fn new() -> Result<Self, Failed> {
        let names = ["p1", "p2", "p3"].into_iter().map(str::parse).collect::<Result<Vec<NodeName>, _>>()?;
        let map = Map::found(ClusterKey::from_bytes([7; 32]), &names)?;
        let mut random = fastrand::Rng::with_seed(7);
        let mut sum = 0.0;
        let sums = (1..=COMMENTS).map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        let sums = sums.collect();
        let ids = (0..COMMENTS).map(|_| CommentId::from_bytes(random.u128(..).to_be_bytes()));
        let machine = |name: &NodeName| {
            let mut machine = Processor::new(processor::Config::new(name.clone()));
            machine.start(START, Arc::new(map.clone()));
            machine
        };
        let peers = (10..).map(PeerId::new);
        let mut stage = Self {
            now: START,
            stream: "demo".parse()?,
            root: Merger::new(merger::Config::new("m1".parse()?), Arc::new(map.clone()), 1..1_001),
            processors: names.iter().zip(peers).map(|(name, peer)| (name.clone(), (peer, machine(name)))).collect(),
            comments: ids.map(|id| (id, map.owner_of(&id).node.clone())).collect(),
            sums,
            random,
            likes: 0,
            busy: Duration::ZERO,
            map,
        };
        stage.connect(&names)?;
        Ok(stage)
    }

    /// Links, comments and a subscription.
    fn connect(&mut self, names: &[NodeName]) -> Result<(), Failed> {
        for name in names {
            self.step(name, processor::Input::MergerUp(PeerId::new(99)))?;
            self.merge(merger::Input::ProcessorUp { peer: self.processors[name].0, node: name.clone() })?;
            let ids = self.comments.iter().filter(|(_, owner)| owner == name).map(|(id, _)| *id);
            let comments = (1..).zip(ids).map(|(number, id)| comment(number, id)).collect::<Result<_, _>>()?;
            let batch = WriteBatch { comments, ..self.batch() };
            self.step(name, processor::Input::Writes { peer: WRITER, batch: &batch })?;
        }
        self.merge(merger::Input::NodeUp { peer: NODE, node: "b1".parse()? })?;
        let subscribe = ToFeed::Subscribe { stream: self.stream.clone(), have: None, viewers: VIEWERS };
        self.merge(merger::Input::Node { peer: NODE, message: &subscribe })
    }

    fn batch(&self) -> WriteBatch {
        let slots = Slot::all().map(|slot| (slot, self.map.owner(slot).epoch)).collect();
        WriteBatch { map_epoch: self.map.epoch(), slots, streams: vec![self.stream.clone()], ..WriteBatch::default() }
    }

    /// Lets so many milliseconds pass, with likes at this rate.
    fn run(&mut self, rate: u64, ms: u64) -> Result<(), Failed> {
        let names: Vec<NodeName> = self.processors.keys().cloned().collect();
        for _ in 0..ms {
            self.now = self.now.plus(1);
            let mut batches: BTreeMap<NodeName, WriteBatch> =
                names.iter().map(|name| (name.clone(), self.batch())).collect();
            for number in 0..rate / 1_000 {
                let (owner, row) = self.like(number)?;
                batches.entry(owner).or_default().likes.push(row);
            }
            for (name, batch) in &batches {
                self.step(name, processor::Input::Writes { peer: WRITER, batch })?;
            }
            if self.root.deadline().is_some_and(|at| at <= self.now) {
                self.merge(merger::Input::Tick)?;
            }
        }
        Ok(())
    }

    fn like(&mut self, number: u64) -> Result<(NodeName, LikeRow), Failed> {
        self.likes += 1;
        let at = self.random.f64() * self.sums[COMMENTS - 1];
        let (comment, owner) = self.comments[self.sums.partition_point(|sum| *sum <= at)].clone();
        let viewer = u128::from(self.random.u64(..VIEWERS)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        let viewer = ViewerKey::from_bytes(viewer.to_be_bytes());
        let register = Register { stamp: Stamp::new(self.now.get())?, liked: true };
        Ok((owner, LikeRow { number, stream: 0, comment, viewer, register, part: Part::WHOLE }))
    }

    /// Steps a processor: its groups are durable at once, its reports go to the root.
    fn step(&mut self, name: &NodeName, input: processor::Input<'_>) -> Result<(), Failed> {
        let Some((peer, machine)) = self.processors.get_mut(name) else { return Ok(()) };
        let (peer, mut outbox, mut reports) = (*peer, Vec::new(), Vec::new());
        machine.step(self.now, input, &mut outbox);
        let mut outputs = VecDeque::from(outbox);
        while let Some(output) = outputs.pop_front() {
            match output {
                processor::Output::Append { group, .. } => {
                    let mut outbox = Vec::new();
                    machine.step(self.now, processor::Input::Durable { group }, &mut outbox);
                    outputs.extend(outbox);
                }
                processor::Output::Report(message) => reports.push(peer::encode(&message)),
                _ => {}
            }
        }
        for bytes in reports {
            let begun = Instant::now();
            let message: ToMerger = peer::decode(&bytes)?;
            self.busy += begun.elapsed();
            self.merge(merger::Input::Processor { peer, message: &message })?;
        }
        Ok(())
    }

    /// Steps the root, and the processors with what it says.
    fn merge(&mut self, input: merger::Input<'_>) -> Result<(), Failed> {
        let (mut outbox, mut told) = (Vec::new(), Vec::new());
        let begun = Instant::now();
        self.root.step(self.now, input, &mut outbox);
        for output in outbox {
            match output {
                merger::Output::ToNodes { message, .. } => drop(std::hint::black_box(peer::encode(&message))),
                merger::Output::ToProcessor { peer, message } => told.push((peer, message)),
                merger::Output::Counted { .. } | merger::Output::ReserveEpochs => {}
            }
        }
        self.busy += begun.elapsed();
        for (peer, message) in told {
            let named = self.processors.iter().find(|(_, (of, _))| *of == peer).map(|(name, _)| name.clone());
            if let Some(name) = named {
                let message: FromMerger = message;
                self.step(&name, processor::Input::Merger(&message))?;
            }
        }
        Ok(())
    }
}

fn comment(number: u64, id: CommentId) -> Result<CommentWrite, Failed> {
    let (author, name) = ("ann".parse()?, DisplayName::new("Ann")?);
    let body = CommentBody::new("hello", 100)?;
    Ok(CommentWrite { number, stream: 0, id, author, name, body, spread: Spread::WHOLE })
}
