//! What happens to the root, and what it orders.
//!
//! The machine's whole surface towards its driver. Invariant: one input is one event, and borrows what it brings.

use std::{ops::Range, sync::Arc};

use watershed_placement::Map;
use watershed_protocol::{
    Epoch, NodeName, Seq, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, ToMerger},
    },
};

use crate::StreamCounts;

/// What happens to the root.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A write processor is connected. Nothing is open on its link.
    ProcessorUp {
        /// Its link.
        peer: PeerId,
        /// Which processor.
        node: NodeName,
    },
    /// A processor's message.
    Processor {
        /// Its link.
        peer: PeerId,
        /// What it says.
        message: &'a ToMerger,
    },
    /// A broadcast node is connected. It has no subscriptions.
    NodeUp {
        /// Its link.
        peer: PeerId,
        /// Which node.
        node: NodeName,
    },
    /// A broadcast node's message.
    Node {
        /// Its link.
        peer: PeerId,
        /// What it says.
        message: &'a ToFeed,
    },
    /// A link is gone, with all that was on its way.
    Lost(PeerId),
    /// A link holds as much as it may; what was made for it so far is kept by the driver.
    Full(PeerId),
    /// That link has room again.
    Room(PeerId),
    /// A map was read. An older one than known is ignored.
    Map(Arc<Map>),
    /// The answer to [`Output::ReserveEpochs`]: numbers that are durably this root's.
    EpochsReserved(Range<u64>),
    /// The deadline has come.
    Tick,
}

/// What the root orders.
#[expect(clippy::large_enum_variant, reason = "a message is carried out where it is made; nothing keeps many of these")]
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send to a processor.
    ToProcessor {
        /// Its link.
        peer: PeerId,
        /// What to say.
        message: FromMerger,
    },
    /// Send to broadcast nodes: encode once.
    ToNodes {
        /// Their links, each once.
        peers: Vec<PeerId>,
        /// What to say.
        message: FromFeed,
    },
    /// What happened on one stream: only with [`crate::Config::tell_counts`].
    Counted {
        /// Which stream.
        stream: StreamId,
        /// What, since the last time.
        counts: StreamCounts,
    },
    /// Reserve more stream epochs, durably. Not ordered again until they come: the driver retries.
    ReserveEpochs,
}

/// One stream's figures, for operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figures {
    /// Which stream.
    pub stream: StreamId,
    /// The last frame; `None` while it waits for an epoch.
    pub point: Option<(Epoch, Seq)>,
    /// Viewers on all nodes.
    pub viewers: u64,
    /// Nodes subscribed.
    pub subscribers: usize,
    /// Owners of slots that have not resynced.
    pub owners_missing: usize,
}
