//! Which nodes there are and how they are configured: one TOML file, read by the launcher and by every node.
//!
//! Text becomes a [`Topology`] once; what is typed needs no second check. A refusal is one line that names the key, the
//! value and the limit.
//!
//! Invariant: names and addresses of a topology's nodes are distinct, and all numbers are within their limits.

use std::{
    fs::File,
    io::Read,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use watershed_placement::{Map, Spreads};
use watershed_protocol::{NodeName, ReactionKind, Role, ViewerId};

mod analytics;
mod file;
mod levels;
mod nodes;
mod secret;

pub use analytics::Analytics;
pub use levels::Levels;

/// Longest file that is read; with all keys and the most moderators it has a tenth of it.
const BYTES_MAX: u64 = 1024 * 1024;

/// A cluster as its file describes it. `cluster/local.toml` explains every key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// What people call the cluster.
    pub name: String,
    /// Where state, data, logs and process ids lie; relative to the working directory.
    pub dir: PathBuf,
    /// What only this cluster's nodes and its operators know; none where nobody but this machine can reach a node.
    pub secret: Option<String>,
    /// The broadcast nodes.
    pub broadcast: Broadcast,
    /// The write processors.
    pub processor: Processor,
    /// The mergers: one is the root, the others stand by.
    pub merger: Merger,
    /// What a viewer may do and a node may hold.
    pub limits: Limits,
    /// How long the cluster gathers before it sends on.
    pub windows: Windows,
    /// Size of a segment of a processor's log.
    pub segment_bytes: u64,
    /// How much a processor's log grows before a checkpoint lets it be cut.
    pub checkpoint_bytes: u64,
    /// Which comments are split over several processors.
    pub spreads: Spreads,
    /// What is kept for analytics; `None`: nothing.
    pub analytics: Option<Analytics>,
    /// What viewers may tap; distinct.
    pub reactions: Vec<ReactionKind>,
    nodes: Vec<Node>,
}

/// The broadcast nodes, b1 and on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broadcast {
    /// How many.
    pub nodes: u16,
    /// The address that they listen on.
    pub host: IpAddr,
    /// HTTP and WebSocket port of b1; b2 has the next; 0 takes any free port.
    pub port: u16,
    /// Port of b1 where links are accepted, if it feeds others; b2 has the next.
    pub peer_port: Option<u16>,
    /// Host name under which viewers and nodes reach them, if it is not `host`.
    pub advertise: Option<String>,
    /// Carousel threads of a node.
    pub workers: u16,
    /// On how many nodes a stream is at least, however few viewers it has.
    pub viewer_spread: u16,
    /// Who may delete and pin, in development mode.
    pub moderators: Vec<ViewerId>,
    /// Which of them feed from others instead of from the root.
    pub levels: Levels,
}

/// The write processors, p1 and on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Processor {
    /// How many.
    pub nodes: u16,
    /// The address that they listen on.
    pub host: IpAddr,
    /// HTTP port (health, metrics) of p1.
    pub port: u16,
    /// Port of p1 where links are accepted.
    pub peer_port: u16,
    /// Host name under which others reach them, if it is not `host`.
    pub advertise: Option<String>,
    /// Viewers that one of them may know; likes by others are refused.
    pub viewers_max: usize,
    /// Bytes of registers that one of them keeps in memory; others are in its store only.
    pub registers_bytes_max: usize,
}

/// The mergers, m1 and on: one is the root, the others stand by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merger {
    /// How many.
    pub nodes: u16,
    /// The address that they listen on.
    pub host: IpAddr,
    /// HTTP port (health, metrics) of m1.
    pub port: u16,
    /// Port of m1 where links are accepted.
    pub peer_port: u16,
    /// Host name under which others reach them, if it is not `host`.
    pub advertise: Option<String>,
}

/// What a viewer may do and a node may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest comment body.
    pub body_bytes: usize,
    /// Comments of one viewer on one stream.
    pub comments_per_minute: u32,
    /// Likes and unlikes of one viewer on one stream.
    pub likes_per_minute: u32,
    /// How often a client may send its taps.
    pub tap_interval_ms: u64,
    /// A connection is never silent for longer.
    pub beat_ms: u64,
    /// Connections of one broadcast node.
    pub viewers_per_node: u32,
    /// Streams in one node's memory.
    pub streams_per_node: u32,
    /// Bytes of frames that a broadcast node keeps for viewers who lag or come back, of all streams together.
    pub kept_bytes_per_node: u64,
    /// Viewers of one stream that one node takes, before a further node takes some: see `watershed_placement::Growth`.
    pub stream_viewers_per_node: u32,
    /// Viewers that one broadcast node lets in; those with a resume point count for a quarter.
    pub joins_per_s: u32,
    /// Viewers that it lets in at once, when it was quiet before.
    pub join_burst: u32,
    /// Over what time the viewers are spread that move to a broadcast node which has come.
    pub move_period_ms: u64,
    /// Over what time the viewers of a broadcast node are spread that is asked to end.
    pub drain_ms: u64,
}

/// How long the cluster gathers before it sends on: token buckets, per stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Windows {
    /// Reports of one processor.
    pub reports_per_s: u32,
    /// Reports that a quiet stream may send at once.
    pub report_burst: u32,
    /// Frames of the root.
    pub frames_per_s: u32,
    /// Frames that a quiet stream may send at once.
    pub frame_burst: u32,
    /// How often a change of viewers or reactions alone may make a frame, in milliseconds.
    pub viewers_every_ms: u64,
    /// How long a new root waits for the processors before its first, partial snapshot.
    pub resync_wait_ms: u64,
}

/// One node of a topology: what it is called and where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Letter of the role and number: b1, p2, m1.
    pub name: NodeName,
    /// What it does.
    pub role: Role,
    /// HTTP, and for broadcast nodes WebSocket; port 0 takes any free one.
    pub http: SocketAddr,
    /// Links; broadcast nodes accept some if others feed from them.
    pub peer: Option<SocketAddr>,
    /// Host under which others reach it; a literal IPv6 address stands in brackets.
    pub advertise: String,
}

/// Why a topology was not taken, in one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopologyError {
    /// The file cannot be read.
    #[error("cannot read {}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The text is not TOML, lacks a key, or has one too many.
    #[error("line {line} ({text}): {why}")]
    Text {
        /// Counted from 1.
        line: usize,
        /// The line as it stands.
        text: String,
        /// What the reader says.
        why: String,
    },
    /// A key's value is not one that it can have.
    #[error("{key} is {found}, {limit}")]
    Value {
        /// Section and key: `[broadcast] port`.
        key: String,
        /// The value as it stands.
        found: String,
        /// What would be allowed.
        limit: String,
    },
    /// Two listeners would share an address.
    #[error("{first} and {second} would both listen on {address}: change {key}")]
    Address {
        /// The listener that comes first in the file.
        first: String,
        /// The one that collides with it.
        second: String,
        /// The address of the second.
        address: SocketAddr,
        /// The key of the second.
        key: String,
    },
}

impl Topology {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<Self, TopologyError> {
        let mut text = String::new();
        let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_string(&mut text));
        let refused = |why| TopologyError::File { path: path.into(), why };
        match read {
            Ok(bytes) if bytes as u64 > BYTES_MAX => {
                Err(refused(format!("it is longer than {BYTES_MAX} bytes, which no topology is")))
            }
            Ok(_) => Self::parse(&text),
            Err(error) => Err(refused(error.to_string())),
        }
    }

    /// Checks the text of a file.
    pub fn parse(text: &str) -> Result<Self, TopologyError> {
        file::parse(text)
    }

    /// Whether the cluster was founded with what this file wants spread: registers lie where the map says, and changing the
    /// file moves none of them.
    pub fn agrees_with(&self, map: &Map) -> Result<(), TopologyError> {
        if self.spreads == *map.spreads() {
            return Ok(());
        }
        let limit = format!("but the cluster was founded with {}, which cannot be changed", map.spreads());
        Err(file::value("[[spread]]", self.spreads.to_string(), limit))
    }

    /// All nodes: mergers, then processors, then broadcast nodes, each by number. The order to start them in.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node by its name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }

    /// The names of a role's nodes, by number.
    pub fn names(&self, role: Role) -> Vec<NodeName> {
        self.nodes.iter().filter(|node| node.role == role).map(|node| node.name.clone()).collect()
    }

    /// The directory of the cluster's state: see [`crate::StateDir`].
    pub fn state_dir(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// The directory of one node's own data.
    pub fn data_dir(&self, node: &NodeName) -> PathBuf {
        self.dir.join("data").join(node.as_str())
    }

    /// The file that one node's output goes to.
    pub fn log_file(&self, node: &NodeName) -> PathBuf {
        self.dir.join("logs").join(format!("{node}.log"))
    }

    /// The directory of what the launcher knows of its processes.
    pub fn run_dir(&self) -> PathBuf {
        self.dir.join("run")
    }
}

impl Node {
    /// Base URL of its HTTP port, with the port that it really listens on.
    pub fn http_url(&self, port: u16) -> String {
        format!("http://{}:{port}", self.advertise)
    }

    /// Base URL of its WebSockets, with the port that it really listens on; broadcast nodes have one.
    pub fn ws_url(&self, port: u16) -> Option<String> {
        (self.role == Role::Broadcast).then(|| format!("ws://{}:{port}", self.advertise))
    }
}

#[cfg(test)]
mod tests;
