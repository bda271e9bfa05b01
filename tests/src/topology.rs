//! The topology of a test's cluster, as the text that launcher and nodes read.
//!
//! Invariant: two clusters of this machine never share a port or a directory.

use std::{net::TcpListener, path::Path, sync::atomic::AtomicU16, sync::atomic::Ordering};

/// Ports below those that the system hands out by itself, for clusters that must come back where they were.
const PORTS: std::ops::Range<u16> = 12_000..30_000;

/// How many ports a cluster with fixed ports takes at most.
const PORTS_OF_A_CLUSTER: u16 = 40;

static PORTS_TAKEN: AtomicU16 = AtomicU16::new(0);

/// How many nodes, and where they listen.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Broadcast nodes.
    pub broadcast: u16,
    /// Write processors.
    pub processors: u16,
    /// The same ports after each start; else any free ones.
    pub fixed_ports: bool,
    /// Likes that a processor keeps in memory.
    pub registers_bytes_max: u32,
    /// On how many broadcast nodes a stream is at least.
    pub viewer_spread: u16,
    /// Further lines of `[limits]`.
    pub limits: &'static str,
}

/// As few likes in memory as a processor may be told to keep: the others are always on their way to the store or back.
pub const LITTLE: u32 = 64 * 1024;

/// Two broadcast nodes, two processors and a merger, on any free ports. Every stream is on both nodes: with one node there
/// is little to get wrong.
pub const SMALL: Shape = Shape {
    broadcast: 2,
    processors: 2,
    fixed_ports: false,
    registers_bytes_max: LITTLE,
    viewer_spread: 64,
    limits: "",
};

impl Shape {
    /// The topology's text, for a cluster in this directory, with this secret and these lines of `[broadcast.upstream]`. Streams called
    /// `spread-` and anything have spread comments.
    pub(crate) fn text(self, dir: &Path, mergers: u16, secret: Option<&str>, upstream: &str) -> String {
        let first = if self.fixed_ports { free_ports() } else { 0 };
        let port = |offset: u16| if first == 0 { 0 } else { first + offset };
        format!(
            "[cluster]\nname = \"test\"\ndir = \"{}\"\n{}\n\
             [broadcast]\nnodes = {}\nport = {}\npeer_port = {}\nviewer_spread = {}\nmoderators = [\"mod\"]\n\
             [broadcast.upstream]\n{upstream}\n\
             [limits]\n{}\n\
             [processor]\nnodes = {}\nport = {}\npeer_port = {}\nregisters_bytes_max = {}\n\
             [analytics]\nrotate_s = 1\n\
             [log]\nsegment_bytes = 1048576\ncheckpoint_bytes = 4096\n\
             [merger]\nnodes = {mergers}\nport = {}\npeer_port = {}\n\
             [[spread]]\nstreams = \"spread-*\"\nparts = 5\n",
            dir.display(),
            secret.map(|secret| format!("secret = {secret:?}")).unwrap_or_default(),
            self.broadcast,
            port(0),
            port(5),
            self.viewer_spread,
            self.limits,
            self.processors,
            port(10),
            port(20),
            self.registers_bytes_max,
            port(30),
            port(35),
        )
    }
}

/// The first of some ports in a row that nobody listens on.
fn free_ports() -> u16 {
    let blocks = (PORTS.end - PORTS.start) / PORTS_OF_A_CLUSTER;
    // Other processes start elsewhere in the range.
    let start = (std::process::id() % u32::from(blocks)) as u16;
    for _ in 0..blocks {
        let block = (start + PORTS_TAKEN.fetch_add(1, Ordering::Relaxed)) % blocks;
        let first = PORTS.start + block * PORTS_OF_A_CLUSTER;
        if (first..first + PORTS_OF_A_CLUSTER).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return first;
        }
    }
    panic!("no {PORTS_OF_A_CLUSTER} free ports in a row from {} to {}", PORTS.start, PORTS.end)
}
