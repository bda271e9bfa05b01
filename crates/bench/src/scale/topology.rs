//! The topology of a large cluster on one machine: as few nodes as hold the viewers, and as little beside the frames as may be.
//!
//! Written before `cluster up`. Invariant: everything of the cluster lies in one directory, which goes with the value.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use tempfile::TempDir;

/// Most viewers of one node and of one crowd: a process has 20,000 files, and needs some for itself.
pub const VIEWERS_PER_PROCESS_MAX: u64 = 18_500;
/// Viewers of a node beyond the crowd: those that write.
const WRITERS_PER_NODE_MAX: u64 = 400;
/// Processors of the cluster.
const PROCESSORS: u16 = 2;
/// Nobody waits for a beat in a run, and one to a million viewers is 20 s of processor time.
const BEAT_MS: u64 = 3_600_000;
/// How often the number of viewers alone may make a frame: to everybody, so not often while they join.
const VIEWERS_EVERY_MS: u64 = 3_600_000;
/// Frames a second of a busy stream: each goes to everybody on the same two cores.
const FRAMES_PER_S: u64 = 2;
/// All that come are let in: what a node can do is measured, not what it may.
const JOINS_PER_S: u64 = 1_000_000;

/// How large the cluster is.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Broadcast nodes.
    pub nodes: u16,
    /// Mergers: a second one stands by.
    pub mergers: u16,
    /// Streams that one node may have.
    pub streams_per_node: u64,
    /// After how much silence a viewer is sent a beat, in milliseconds; never within a run when absent.
    pub beat_ms: Option<u64>,
}

/// A topology that was written, and the directory of its cluster.
#[derive(Debug)]
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// Writes the topology; the system chooses the ports.
    pub fn make(shape: Shape) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir().context("no directory for the cluster")?;
        let home = Self { dir };
        fs::write(home.config(), text(shape, &home.dir.path().join("cluster"))).context("no topology")?;
        Ok(home)
    }

    /// The topology's file.
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("cluster.toml")
    }

    /// Where the nodes' logs are.
    pub fn logs(&self) -> PathBuf {
        self.dir.path().join("cluster/logs")
    }
}

fn text(shape: Shape, dir: &Path) -> String {
    let Shape { nodes, mergers, streams_per_node, beat_ms } = shape;
    let viewers_per_node = VIEWERS_PER_PROCESS_MAX + WRITERS_PER_NODE_MAX;
    let beat_ms = beat_ms.unwrap_or(BEAT_MS);
    format!(
        "[cluster]\nname = \"scale\"\ndir = {dir:?}\n\
         [broadcast]\nnodes = {nodes}\nport = 0\nworkers = 1\n\
         [processor]\nnodes = {PROCESSORS}\nport = 0\npeer_port = 0\n\
         [merger]\nnodes = {mergers}\nport = 0\npeer_port = 0\n\
         [limits]\nbeat_ms = {beat_ms}\nviewers_per_node = {viewers_per_node}\nstreams_per_node = {streams_per_node}\n\
         stream_viewers_per_node = {viewers_per_node}\njoins_per_s = {JOINS_PER_S}\njoin_burst = {JOINS_PER_S}\n\
         [windows]\nframes_per_s = {FRAMES_PER_S}\nframe_burst = 1\nviewers_every_ms = {VIEWERS_EVERY_MS}\n\
         [analytics]\non = false\n"
    )
}
