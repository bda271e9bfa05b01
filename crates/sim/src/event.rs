//! What can come up: the one enum behind the agenda.
//!
//! Invariant: an event for a process names the life that it is for, so that nothing reaches the next one.

use bytes::Bytes;
use watershed_protocol::{
    DisplayName, Epoch, NodeName, Seq, StreamId, ViewerId, client::Encoding, peer::uplink::Query,
};

use crate::{
    faults::Fault,
    network::{ConnId, Party},
};

/// Something that happens.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// To a node's process.
    Node { node: usize, life: u64, event: NodeEvent },
    /// To a viewer's client.
    Viewer { viewer: usize, event: ViewerEvent },
    /// A node's process starts.
    Start(usize),
    /// A process goes on after it was held up.
    Resume { node: usize, life: u64 },
    /// A node calls another.
    Call { conn: ConnId, caller: Party, called: usize },
    /// A viewer's client calls a node.
    Join { conn: ConnId, viewer: usize, node: usize, join: Box<Join> },
    /// Something goes wrong.
    Fault(Fault),
}

/// What happens to a node's process.
#[derive(Clone, Debug)]
pub(crate) enum NodeEvent {
    /// Its deadline may have come.
    Wake,
    /// A connection that it called for stands.
    Connected { conn: ConnId },
    /// A connection that it called for was refused.
    Refused { conn: ConnId },
    /// Another node has called.
    Called { conn: ConnId },
    /// A viewer has come through the handshake.
    Joined { conn: ConnId, join: Box<Join> },
    /// Bytes have arrived.
    Bytes { conn: ConnId, bytes: Bytes },
    /// The connection is over.
    Closed { conn: ConnId },
    /// The socket of a viewer takes more.
    Writable { conn: ConnId },
    /// The carousel goes on with this stream.
    Turn { stream: StreamId },
    /// The disk has done what it was asked to.
    Synced { group: u64 },
    /// The disk had no place.
    Full { group: u64 },
    /// The store has taken a part of a checkpoint, or all of it; or it had no place.
    Saved { taken: bool, checkpoint: Option<Box<watershed_processor::Checkpoint>> },
    /// The store has looked for a row.
    Loaded { load: u64, row: Box<(watershed_processor::Keyspace, Vec<u8>)> },
    /// The map has changed.
    Map,
    /// The checker asks a processor.
    Ask { token: u64, to: NodeName, query: Box<Query> },
}

/// A viewer as it comes in.
#[derive(Clone, Debug)]
pub(crate) struct Join {
    pub(crate) viewer: ViewerId,
    pub(crate) name: DisplayName,
    pub(crate) stream: StreamId,
    pub(crate) encoding: Encoding,
    pub(crate) resume: Option<(Epoch, Seq)>,
    /// Pieces that its socket takes before it is full.
    pub(crate) room: u32,
}

/// What happens to a viewer's client.
#[derive(Clone, Debug)]
pub(crate) enum ViewerEvent {
    /// It is time for something: to connect, to send, to look whether the server is silent.
    Wake,
    /// The connection stands.
    Connected { conn: ConnId },
    /// Bytes have arrived.
    Bytes { conn: ConnId, bytes: Bytes },
    /// The connection is over, or was never made.
    Closed { conn: ConnId },
}
