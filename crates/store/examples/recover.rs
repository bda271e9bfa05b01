//! How long a start takes: a processor with millions of registers, read back from its log and from a checkpoint.
//!
//! `cargo run --release -p watershed-store --example recover [DIRECTORY] [MILLIONS]`. Likes by a million viewers on 10,000
//! comments (Zipf, s = 1), 10 million registers unless it is said otherwise. Each reading is a process of its own, first
//! with nothing of the files in the page cache, then with all; each compares what it has read with the likes that were
//! sent. Figures of one machine are in decision 0019.

#[expect(dead_code, reason = "the stage of all examples")]
mod stage;

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Instant,
};

use rustix::fs::{Advice, fadvise};
use stage::{COMMENTS, Failed, Likes, NOW, Stage, VIEWERS, cpu, node, resident, viewer};
use watershed_log::{Base, LogWriter, Record};
use watershed_processor::{Checkpoint, Config, Input, Keyspace, Output, Processor, SavedRow};
use watershed_protocol::{
    CommentId, ViewerKey,
    peer::{
        PeerId,
        uplink::{Query, Reply},
    },
};
use watershed_store::{FileDisk, Keyspaces};

const SEED: u64 = 1;
/// Every so many viewers are asked for what they like.
const ASKED: u64 = 500;
/// How this program calls itself for one reading.
const READING: &str = "reading";

fn main() -> Result<(), Failed> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|argument| argument == READING) {
        return reading(Path::new(&arguments[1]), arguments[2].to_string_lossy().parse()?);
    }
    let directory = arguments.first().map_or_else(|| PathBuf::from("."), PathBuf::from);
    let millions: u64 = arguments.get(1).map_or(Ok(10), |text| text.to_string_lossy().parse())?;
    let directory = tempfile::tempdir_in(directory)?;
    let sent = write(directory.path(), millions * 1_000_000)?;
    println!("{millions} million registers, {sent} batches of likes\n");
    println!("| from | page cache | s | CPU-s | s per million | MB on disk | RSS B/register |");
    println!("|---|---|---|---|---|---|---|");
    for from in ["log", "checkpoint"] {
        if from == "checkpoint" {
            save(directory.path())?;
        }
        for cache in ["cold", "warm", "warm"] {
            if cache == "cold" {
                forget(directory.path())?;
            }
            let told = Command::new(std::env::current_exe()?)
                .args([READING.as_ref(), directory.path().as_os_str(), sent.to_string().as_ref()])
                .output()?;
            if !told.status.success() {
                return Err(String::from_utf8_lossy(&told.stderr).into());
            }
            println!("| {from} | {cache} | {} |", String::from_utf8(told.stdout)?.trim());
        }
    }
    Ok(())
}

/// Sends likes until there are so many registers; how many batches it took.
fn write(directory: &Path, registers: u64) -> Result<u64, Failed> {
    let mut likes = Likes::new(COMMENTS, SEED);
    let mut stage = Stage::open(&directory.join("log"), Config::new(node()), &likes.comments)?;
    let mut sent = 0;
    while stage.machine.counters().registers < registers {
        stage.take(&likes.batch().0)?;
        sent += 1;
    }
    stage.settle()?;
    Ok(sent)
}

/// Reads what there is, says how long it took, and compares it with what was sent.
fn reading(directory: &Path, sent: u64) -> Result<(), Failed> {
    let (begun, before) = (Instant::now(), resident()?);
    let Found { machine, .. } = read(directory)?;
    let (elapsed, cpu, after) = (begun.elapsed().as_secs_f64(), cpu()?.as_secs_f64(), resident()?);
    let registers = machine.counters().registers as f64;
    println!(
        "{elapsed:.2} | {cpu:.2} | {:.3} | {:.0} | {:.1}",
        elapsed / registers * 1e6,
        bytes_on_disk(directory)? as f64 / 1e6,
        after.saturating_sub(before) as f64 / registers,
    );
    compare(machine, sent)
}

struct Found {
    machine: Processor,
    writer: LogWriter<FileDisk>,
    keyspaces: Arc<Keyspaces>,
}

/// As the node's driver does it.
fn read(directory: &Path) -> Result<Found, Failed> {
    let keyspaces = Keyspaces::open(directory, &Keyspace::ALL.map(Keyspace::name))?;
    let checkpoint = keyspaces.checkpoint()?.map(|bytes| Checkpoint::decode(&bytes)).transpose()?.unwrap_or_default();
    let mut machine = Processor::new(Config::new(node()));
    let mut look_up = |_: Keyspace, _: &[u8]| Err("all of it fits memory".to_owned());
    let rows = keyspaces.read(|index, key, value| {
        let row = SavedRow { keyspace: Keyspace::ALL[index], key: key.to_vec(), value: Some(value.to_vec()) };
        Ok::<(), Failed>(machine.restore(&row, &mut look_up)?)
    })?;
    if rows > 0 {
        machine.restored(&checkpoint);
    }
    let replay = |record: &Record| record.sections.iter().try_for_each(|section| machine.replay(section, &mut look_up));
    let (writer, _) =
        watershed_store::open(&directory.join("log"), Default::default(), Base::from(checkpoint), replay)?;
    machine.replayed(&mut look_up)?;
    Ok(Found { machine, writer, keyspaces: Arc::new(keyspaces) })
}

/// Counts of all comments, and what some of the viewers like, must be what was sent.
fn compare(mut machine: Processor, sent: u64) -> Result<(), Failed> {
    let mut likes = Likes::new(COMMENTS, SEED);
    let asked: BTreeMap<ViewerKey, u64> = (0..VIEWERS).step_by(ASKED as usize).map(|no| (viewer(no), no)).collect();
    let mut liked: BTreeMap<ViewerKey, Vec<CommentId>> = BTreeMap::new();
    for _ in 0..sent {
        for row in likes.batch().1.into_iter().filter(|row| asked.contains_key(&row.viewer)) {
            liked.entry(row.viewer).or_default().push(row.comment);
        }
    }
    if machine.tallies().map(|row| row.tally.count).sum::<u64>() != machine.counters().registers {
        return Err("counts are not what the registers say".into());
    }
    let ids = &likes.comments[..100];
    for (viewer, comments) in liked {
        let query =
            Query::Likes { stream: "demo".parse()?, viewer, comments: ids.iter().map(|id| (id.slot(), *id)).collect() };
        let mut outbox = Vec::new();
        let stage = PeerId::new(1);
        machine.start(NOW, Arc::new(stage::map()));
        machine.step(NOW, Input::Query { peer: stage, number: 1, query: &query }, &mut outbox);
        let expected: Vec<CommentId> = ids.iter().copied().filter(|id| comments.contains(id)).collect();
        let told = outbox
            .iter()
            .any(|output| matches!(output, Output::Reply { reply: Reply::Likes(found), .. } if *found == expected));
        if !told {
            return Err(format!("likes of {viewer:?} are not what was sent").into());
        }
    }
    Ok(())
}

/// Makes a checkpoint of all there is, and cuts the log.
fn save(directory: &Path) -> Result<(), Failed> {
    let Found { machine, writer, keyspaces } = read(directory)?;
    let mut stage = Stage::start(machine, writer)?;
    stage.save_to(keyspaces)?;
    stage.checkpoint()?;
    stage.commit.close();
    Ok(())
}

/// Drops all files from the page cache.
fn forget(directory: &Path) -> Result<(), Failed> {
    for path in files(directory)? {
        let file = File::open(path)?;
        file.sync_all()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}

fn bytes_on_disk(directory: &Path) -> Result<u64, Failed> {
    files(directory)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, Failed> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
