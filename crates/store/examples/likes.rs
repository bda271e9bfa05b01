//! What a like costs a processor: the machine and its log, flat out, as its driver runs them.
//!
//! `cargo run --release -p watershed-store --example likes [DIRECTORY]`. Batches of 1,000 likes, as broadcast nodes send
//! them, by a million viewers on 10,000 comments (Zipf, s = 1), are decoded, merged into registers, logged, synced and
//! answered. Then the same with every like on one comment, and on one that is spread in eight parts, all of them here; each
//! time the count is compared with the viewers that were drawn. Links and reports to the root are not in it. The processor time is
//! that of all threads; the making of the batches is not in it.

#[expect(dead_code, reason = "the stage of all examples")]
mod stage;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use bytes::Bytes;
use stage::{COMMENTS, Failed, Likes, PER_BATCH, Stage, VIEWERS, cpu, resident};
use watershed_processor::Config;
use watershed_protocol::{CommentId, Spread, ViewerKey};

const LIKES: usize = 4_000_000;
const RUNS: usize = 3;

fn main() -> Result<(), Failed> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    println!("{LIKES} likes by {VIEWERS} viewers, {PER_BATCH} to a batch, {RUNS} runs each\n");
    println!("| likes on | M likes/CPU-s | M likes/s | fresh | likes/sync | log B/like | RSS B/register |");
    println!("|---|---|---|---|---|---|---|");
    let loads = [("10,000 comments", COMMENTS, 1), ("one comment", 1, 1), ("one comment in 8 parts", 1, 8)];
    for (name, comments, parts) in loads {
        let spread = Spread::new(parts, 0)?;
        for seed in 0..RUNS as u64 {
            let mut likes = Likes::new(comments, seed).spread(spread);
            let (mut batches, mut drawn): (Vec<Bytes>, HashSet<(CommentId, ViewerKey)>) = Default::default();
            for _ in 0..LIKES / PER_BATCH {
                let (batch, rows) = likes.batch();
                batches.push(batch);
                drawn.extend(rows.iter().map(|row| (row.comment, row.viewer)));
            }
            let run = run(&directory, &likes.comments, &batches, spread)?;
            if run.registers != drawn.len() as u64 || run.counted != run.registers {
                let (registers, counted) = (run.registers, run.counted);
                return Err(format!("{} likes: {registers} registers, {counted} counted", drawn.len()).into());
            }
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

struct Run {
    elapsed: Duration,
    cpu: Duration,
    registers: u64,
    /// The sum of all durable counts.
    counted: u64,
    commits: u64,
    log_bytes: u64,
    resident: u64,
}

fn run(directory: &Path, comments: &[CommentId], batches: &[Bytes], spread: Spread) -> Result<Run, Failed> {
    let directory = tempfile::tempdir_in(directory)?;
    let config = Config { tell_counts: true, ..Config::new(stage::node()) };
    let mut stage = Stage::open_spread(directory.path(), config, comments, spread)?;
    let (begun, cpu_before, before) = (Instant::now(), cpu()?, stage.commit.stats().figures());
    let resident_before = resident()?;
    for batch in batches {
        stage.take(batch)?;
    }
    stage.settle()?;
    let (elapsed, cpu, after) = (begun.elapsed(), cpu()? - cpu_before, stage.commit.stats().figures());
    Ok(Run {
        elapsed,
        cpu,
        registers: stage.machine.counters().registers,
        counted: stage.machine.tallies().map(|row| row.tally.count).sum(),
        commits: after.commits - before.commits,
        log_bytes: after.bytes - before.bytes,
        resident: resident()?.saturating_sub(resident_before),
    })
}
