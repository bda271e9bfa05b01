//! What a like costs a processor: the machine and its log, flat out, as its driver runs them.
//!
//! `cargo run --release -p watershed-store --example likes [DIRECTORY]`. Batches of 1,000 likes, as broadcast nodes send
//! them, by a million viewers on 10,000 comments (Zipf, s = 1), are decoded, merged into registers, logged, synced and
//! answered. Then the same with every like on one comment. Links and reports to the root are not in it. The processor time is
//! that of all threads; the making of the batches is not in it.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use bytes::Bytes;
use watershed_log::{Base, LogConfig};
use watershed_placement::Map;
use watershed_processor::{Config, Input, Output, Processor};
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Millis, NodeName, Part, Register, Slot, Spread, Stamp, ViewerKey,
    peer::{
        self, PeerId,
        uplink::{CommentWrite, FromProcessor, LikeRow, ToProcessor, WriteBatch},
    },
};
use watershed_store::{CommitEvent, CommitThread};

const VIEWERS: u64 = 1_000_000;
const COMMENTS: usize = 10_000;
const LIKES: usize = 4_000_000;
const PER_BATCH: usize = 1_000;
const RUNS: usize = 3;
const NOW: Millis = Millis::new(1_763_900_000_000);
const PEER: PeerId = PeerId::new(1);

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("{LIKES} likes by {VIEWERS} viewers, {PER_BATCH} to a batch, {RUNS} runs each\n");
    println!("| likes on | M likes/CPU-s | M likes/s | fresh | likes/sync | log B/like | RSS B/register |");
    println!("|---|---|---|---|---|---|---|");
    for (name, comments) in [("10,000 comments", COMMENTS), ("one comment", 1)] {
        for seed in 0..RUNS as u64 {
            let likes = Likes::new(comments, seed);
            let run = Stage::open(&directory, &likes.comments)?.run(&likes)?;
            println!(
                "| {name} | {:.2} | {:.2} | {:.0}% | {:.0} | {:.1} | {:.1} |",
                LIKES as f64 / run.cpu.as_secs_f64() / 1e6,
                LIKES as f64 / run.elapsed.as_secs_f64() / 1e6,
                run.registers as f64 * 100.0 / LIKES as f64,
                LIKES as f64 / run.commits as f64,
                run.log_bytes as f64 / LIKES as f64,
                run.resident as f64 / run.registers as f64,
            );
        }
    }
    Ok(())
}

/// Batches as they come over a link, and the comments that they speak of.
struct Likes {
    comments: Vec<CommentId>,
    batches: Vec<Bytes>,
}

impl Likes {
    fn new(comments: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sum = 0.0;
        let before = |rank| {
            let before = sum;
            sum += 1.0 / rank as f64;
            before
        };
        let sums: Vec<f64> = (1..=comments).map(before).collect();
        let ids: Vec<CommentId> = (0..comments).map(|_| CommentId::from_bytes(random.u128(..).to_be_bytes())).collect();
        let mut stamp = NOW.get();
        let batches = (0..LIKES / PER_BATCH).map(|_| {
            let rows: Vec<LikeRow> = (0..PER_BATCH as u64)
                .map(|number| {
                    stamp += 1;
                    let at = random.f64() * sum;
                    let comment = ids[sums.partition_point(|before| *before <= at) - 1];
                    let viewer =
                        u128::from(random.u64(..VIEWERS)).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
                    let register = Register { stamp: Stamp::new(stamp / 100).expect("a time of today"), liked: true };
                    let viewer = ViewerKey::from_bytes(viewer.to_be_bytes());
                    LikeRow { number, stream: 0, comment, viewer, register, part: Part::WHOLE }
                })
                .collect();
            let mut batch = batch(rows.iter().map(|row| row.comment.slot()));
            rows.into_iter().for_each(|row| batch.likes.push(row));
            peer::encode(&ToProcessor::Writes(batch))
        });
        Self { batches: batches.collect(), comments: ids }
    }
}

/// A batch without rows that may speak of these slots.
fn batch(slots: impl Iterator<Item = Slot>) -> WriteBatch {
    let map = map();
    let mut slots: Vec<_> = slots.map(|slot| (slot, map.owner(slot).epoch)).collect();
    slots.sort_unstable();
    slots.dedup();
    WriteBatch {
        map_epoch: map.epoch(),
        slots,
        streams: vec!["demo".parse().expect("a name")],
        ..WriteBatch::default()
    }
}

fn map() -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &[node()]).expect("one processor is enough")
}

fn node() -> NodeName {
    "p1".parse().expect("a name")
}

struct Run {
    elapsed: Duration,
    cpu: Duration,
    registers: u64,
    commits: u64,
    log_bytes: u64,
    resident: u64,
}

/// One processor, as its driver runs it.
struct Stage {
    machine: Processor,
    commit: CommitThread,
    events: mpsc::Receiver<CommitEvent>,
    outbox: Vec<Output>,
    _directory: tempfile::TempDir,
}

impl Stage {
    fn open(directory: &Path, comments: &[CommentId]) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::tempdir_in(directory)?;
        let (writer, _) =
            watershed_store::open(directory.path(), LogConfig::default(), Base::default(), |_| Ok::<(), String>(()))?;
        let (told, events) = mpsc::channel();
        let commit = CommitThread::start(writer, move |event| drop(told.send(event)))?;
        let mut machine = Processor::new(Config { tell_counts: true, ..Config::new(node()) });
        machine.start(NOW, Arc::new(map()));
        let mut stage = Self { machine, commit, events, outbox: Vec::new(), _directory: directory };
        for ids in comments.chunks(500) {
            let mut batch = batch(ids.iter().map(CommentId::slot));
            batch.comments = (0..).zip(ids).map(|(number, id)| comment(number, *id)).collect();
            stage.take(&peer::encode(&ToProcessor::Writes(batch)))?;
            stage.settle()?;
        }
        Ok(stage)
    }

    fn run(mut self, likes: &Likes) -> Result<Run, Box<dyn Error>> {
        let (begun, cpu, before) = (Instant::now(), cpu()?, self.commit.stats().figures());
        let resident = resident()?;
        for batch in &likes.batches {
            self.take(batch)?;
            while let Ok(event) = self.events.try_recv() {
                self.committed(event)?;
            }
        }
        self.settle()?;
        let (elapsed, cpu, after) = (begun.elapsed(), self::cpu()? - cpu, self.commit.stats().figures());
        Ok(Run {
            elapsed,
            cpu,
            registers: self.machine.counters().registers,
            commits: after.commits - before.commits,
            log_bytes: after.bytes - before.bytes,
            resident: self::resident()?.saturating_sub(resident),
        })
    }

    fn take(&mut self, message: &[u8]) -> Result<(), Box<dyn Error>> {
        let ToProcessor::Writes(batch) = peer::decode(message)? else { return Err("a batch was made".into()) };
        // A full group is what a link's window would hold back: here the next batch waits for it.
        while self.machine.is_full() {
            let event = self.events.recv()?;
            self.committed(event)?;
        }
        self.step(Input::Writes { peer: PEER, batch: &batch })
    }

    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        while !self.machine.is_idle() {
            let event = self.events.recv()?;
            self.committed(event)?;
        }
        Ok(())
    }

    fn committed(&mut self, event: CommitEvent) -> Result<(), Box<dyn Error>> {
        match event {
            CommitEvent::Durable { group, .. } => self.step(Input::Durable { group }),
            other => Err(format!("{other:?}").into()),
        }
    }

    fn step(&mut self, input: Input<'_>) -> Result<(), Box<dyn Error>> {
        self.machine.step(NOW, input, &mut self.outbox);
        for output in self.outbox.drain(..) {
            match output {
                Output::Append { group, sections } => self.commit.submit(group, sections)?,
                Output::Answer { batch, .. } => {
                    if !batch.refused.is_empty() || !batch.moved.is_empty() {
                        return Err(format!("refused: {:?}", batch.refused.first()).into());
                    }
                    std::hint::black_box(peer::encode(&FromProcessor::Answers(batch)));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn comment(number: u64, id: CommentId) -> CommentWrite {
    let body = CommentBody::new("hello", 100).expect("a body");
    let (author, name) = ("ann".parse().expect("a name"), DisplayName::new("Ann").expect("a name"));
    CommentWrite { number, stream: 0, id, author, name, body, spread: Spread::WHOLE }
}

/// Processor time of all threads so far, those that have ended too.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let told = fs::read_to_string("/proc/self/stat")?;
    let after_name = told.rsplit(')').next().ok_or("no process status")?;
    let ticks: u64 =
        after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    // USER_HZ, which Linux has kept at 100 for all that it shows to processes.
    Ok(Duration::from_millis(ticks * 10))
}

fn resident() -> Result<u64, Box<dyn Error>> {
    let told = fs::read_to_string("/proc/self/statm")?;
    Ok(told.split_whitespace().nth(1).ok_or("no memory status")?.parse::<u64>()? * 4_096)
}
