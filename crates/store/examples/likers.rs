//! One comment with ten million likers, on a processor that has room for few of its likes.
//!
//! `cargo run --release -p watershed-store --example likers [DIRECTORY] [MILLIONS] [MEBIBYTES]`. Every viewer likes the
//! comment, then one in ten takes it back, in no order, so that nearly each of them needs a page that is in the store only.
//! Counts are compared after each step. What it prints is the most memory that the process ever had, all its tables in it.

#[expect(dead_code, reason = "the stage of all examples")]
mod stage;

use std::{fs, path::PathBuf, sync::Arc, time::Instant};

use stage::{Failed, NOW, PER_BATCH, Stage, batch, node, viewer};
use watershed_processor::{Config, Keyspace};
use watershed_protocol::{
    CommentId, Part, Register, Stamp,
    peer::{
        self,
        uplink::{LikeRow, ToProcessor},
    },
};
use watershed_store::Keyspaces;

const COMMENT: CommentId = CommentId::from_bytes([7; 16]);
/// Batches after which a checkpoint is made: 40 MB of log.
const CHECKPOINT_BATCHES: u64 = 1_000;

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, default: u64| arguments.get(at).map_or(Ok(default), |text| text.parse());
    let (millions, mebibytes) = (number(1, 10)?, number(2, 8)?);
    let directory = tempfile::tempdir_in(arguments.first().map_or_else(|| PathBuf::from("."), PathBuf::from))?;
    let mut config = Config::new(node());
    config.registers_bytes_max = (mebibytes << 20) as usize;
    let likers = millions * 1_000_000;

    let mut stage = Stage::open(&directory.path().join("log"), config, &[COMMENT])?;
    stage.save_to(Arc::new(Keyspaces::open(directory.path(), &Keyspace::ALL.map(Keyspace::name))?))?;
    println!(
        "| likes within {mebibytes} MiB | count | s | pages loaded | MiB of registers | most MiB of the process |"
    );
    println!("|---|---|---|---|---|---|");
    let begun = Instant::now();
    send(&mut stage, 0..likers, 1, true)?;
    tell(&stage, &format!("{millions} million like it"), begun, likers)?;

    let begun = Instant::now();
    let tenth = likers / 10;
    // A step through all the numbers that meets none twice.
    send(&mut stage, (0..tenth).map(|n| n * 7_919 % likers), 2, false)?;
    tell(&stage, &format!("{tenth} take it back"), begun, likers - tenth)
}

/// Sends likes or unlikes until all of them are taken.
fn send(stage: &mut Stage, mut viewers: impl Iterator<Item = u64>, stamp: u64, liked: bool) -> Result<(), Failed> {
    let stamp = Stamp::new(NOW.get() + stamp)?;
    let mut sent = 0;
    let mut send = |stage: &mut Stage, viewers: &[u64]| {
        let mut message = batch(std::iter::once(COMMENT.slot()));
        for number in viewers {
            let register = Register { stamp, liked };
            let viewer = viewer(*number);
            let row = LikeRow { number: *number, stream: 0, comment: COMMENT, viewer, register, part: Part::WHOLE };
            message.likes.push(row);
        }
        stage.take(&peer::encode(&ToProcessor::Writes(message)))?;
        stage.settle()?;
        sent += 1;
        if sent % CHECKPOINT_BATCHES == 0 || stage.machine.wants_saving() {
            stage.checkpoint()?;
        }
        Ok::<(), Failed>(())
    };
    loop {
        let some: Vec<u64> = viewers.by_ref().take(PER_BATCH).collect();
        if some.is_empty() {
            break;
        }
        send(stage, &some)?;
    }
    while !stage.refused.is_empty() {
        let again = std::mem::take(&mut stage.refused);
        again.chunks(PER_BATCH).try_for_each(|viewers| send(stage, viewers))?;
    }
    Ok(())
}

fn tell(stage: &Stage, what: &str, begun: Instant, expected: u64) -> Result<(), Failed> {
    let count = stage.machine.tallies().map(|row| row.tally.count).sum::<u64>();
    if count != expected {
        return Err(format!("{count} like it, and should be {expected}").into());
    }
    let counters = stage.machine.counters();
    println!(
        "| {what} | {count} | {:.1} | {} | {:.1} | {:.0} |",
        begun.elapsed().as_secs_f64(),
        counters.loads,
        counters.registers_bytes as f64 / f64::from(1 << 20),
        most_resident()? as f64 / f64::from(1 << 20),
    );
    Ok(())
}

/// The most bytes of this process that were ever in memory.
fn most_resident() -> Result<u64, Failed> {
    let told = fs::read_to_string("/proc/self/status")?;
    let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no memory status")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? * 1_024)
}
