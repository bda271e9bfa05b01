//! What a comment costs a processor: the machine and its log, flat out, as its driver runs them.
//!
//! `cargo run --release -p watershed-store --example comments [DIRECTORY]`. Batches of 100 comments of 100 bytes are decoded,
//! given their place in the history, logged, synced and answered; with them, and after them, goes a checkpoint that puts
//! all of them into the store. Then the same with one comment to a group: what one sync for each write costs. Links and
//! reports to the root are not in it. The processor time is that of all threads; the making of the batches is not in it.

#[expect(dead_code, reason = "the stage of all examples")]
mod stage;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use bytes::Bytes;
use stage::{Failed, Stage, batch, cpu};
use watershed_processor::{Config, Keyspace};
use watershed_protocol::{
    CommentBody, CommentId, DisplayName, Spread, ViewerId,
    peer::{
        self,
        uplink::{CommentWrite, ToProcessor, WriteBatch},
    },
};
use watershed_store::Keyspaces;

const COMMENTS: u64 = 400_000;
const ALONE: u64 = 10_000;
const PER_BATCH: u64 = 100;
const BODY_BYTES: usize = 100;
const PAIRS: usize = 7;

fn main() -> Result<(), Failed> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("comments of {BODY_BYTES} bytes; medians of {PAIRS} alternating pairs, with the least and the greatest\n");
    println!("| commits | comments | thousand/CPU-s | thousand/s | comments/sync |");
    println!("|---|---|---|---|---|");
    let mut runs = [Vec::new(), Vec::new()];
    for seed in 0..PAIRS as u64 {
        runs[0].push(run(&directory, COMMENTS, seed, false)?);
        runs[1].push(run(&directory, ALONE, seed, true)?);
    }
    let names = [("in groups, and a checkpoint", COMMENTS), ("one sync for each comment", ALONE)];
    for ((name, comments), runs) in names.into_iter().zip(&runs) {
        let figure = |of: fn(&Run) -> f64| spread(runs.iter().map(of));
        let (per_cpu, per_s) = (figure(|run| run.per_cpu_s / 1e3), figure(|run| run.per_s / 1e3));
        println!("| {name} | {comments} | {per_cpu} | {per_s} | {} |", figure(|run| run.per_sync));
    }
    Ok(())
}

struct Run {
    per_cpu_s: f64,
    per_s: f64,
    per_sync: f64,
}

/// One processor, from its first comment to its last answer. `alone`: each comment waits for the answer to the one before.
fn run(directory: &Path, comments: u64, seed: u64, alone: bool) -> Result<Run, Failed> {
    let directory = tempfile::tempdir_in(directory)?;
    let mut stage = Stage::open(&directory.path().join("log"), Config::new(stage::node()), &[])?;
    let names: Vec<&str> = Keyspace::ALL.iter().map(|keyspace| keyspace.name()).collect();
    stage.save_to(Arc::new(Keyspaces::open(&directory.path().join("store"), &names)?))?;
    let batches = batches(comments, if alone { 1 } else { PER_BATCH }, seed)?;
    let (begun, cpu_before, before) = (Instant::now(), cpu()?, stage.commit.stats().figures());
    for batch in &batches {
        stage.take(batch)?;
        if alone {
            stage.settle()?;
        }
    }
    stage.settle()?;
    let commits = stage.commit.stats().figures().commits - before.commits;
    if !alone {
        stage.checkpoint()?;
    }
    let (elapsed, cpu) = (begun.elapsed(), cpu()? - cpu_before);
    let written = stage.machine.counters().comments;
    if written != comments {
        return Err(format!("{comments} comments were sent, {written} are there").into());
    }
    let comments = comments as f64;
    Ok(Run {
        per_cpu_s: comments / cpu.as_secs_f64(),
        per_s: comments / elapsed.as_secs_f64(),
        per_sync: comments / commits as f64,
    })
}

fn batches(comments: u64, per_batch: u64, seed: u64) -> Result<Vec<Bytes>, Failed> {
    let mut random = fastrand::Rng::with_seed(seed);
    let author: ViewerId = "ann".parse()?;
    let name = DisplayName::new("Ann")?;
    let body = CommentBody::new(&"x".repeat(BODY_BYTES), BODY_BYTES)?;
    let mut comment = |number| CommentWrite {
        number,
        stream: 0,
        id: CommentId::from_bytes(random.u128(..).to_be_bytes()),
        author: author.clone(),
        name: name.clone(),
        body: body.clone(),
        spread: Spread::WHOLE,
    };
    let comments: Vec<CommentWrite> = (0..comments).map(&mut comment).collect();
    let message = |comments: &[CommentWrite]| {
        let empty = batch(comments.iter().map(|write| write.id.slot()));
        peer::encode(&ToProcessor::Writes(WriteBatch { comments: comments.to_vec(), ..empty }))
    };
    Ok(comments.chunks(per_batch as usize).map(message).collect())
}

fn spread(figures: impl Iterator<Item = f64>) -> String {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    let (least, median, greatest) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
    format!("{median:.1} ({least:.1} to {greatest:.1})")
}
