//! How loaded one broadcast node is, as it tells the others with its heartbeats.
//!
//! Written by the node with its lease, read by all who place viewers. Invariant: it is advice and never decides what is
//! true: a load that is old, or missing, costs a detour and nothing else.

use serde::{Deserialize, Serialize};
use watershed_protocol::StreamId;

/// Most streams that a node reports: the largest that it has. A node's share of a larger one is at least a step of
/// viewers, so it holds far fewer; and a member's file stays small.
pub const STREAMS_REPORTED_MAX: usize = 64;

/// What a broadcast node has, and may have.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Load {
    /// Connections of viewers.
    pub viewers: u64,
    /// The most that it may have.
    pub viewers_max: u64,
    /// It takes no new viewers, and sends its own to others.
    pub draining: bool,
    /// Streams that live on more nodes than every stream does, as it sees them, and on how many: at most [`STREAMS_REPORTED_MAX`],
    /// sorted by name.
    pub streams: Vec<(StreamId, u16)>,
}
