//! Root merger ↔ broadcast node (or broadcast node ↔ broadcast node below it): subscriptions up, frames down.
//!
//! A node names what it has when it subscribes; it gets the frames since, one by one, or a snapshot. Frames of one
//! stream arrive in order on a link, so each continues the one before.

use serde::{Deserialize, Serialize};

use crate::{Delta, Epoch, Seq, Snapshot, StreamId};

/// From a broadcast node to what it feeds from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToFeed {
    /// Send this stream's frames from now on.
    Subscribe {
        /// Which stream.
        stream: StreamId,
        /// The last frame that the node has.
        have: Option<(Epoch, Seq)>,
        /// How many viewers it holds.
        viewers: u64,
    },
    /// Send them no more.
    Unsubscribe {
        /// Which stream.
        stream: StreamId,
    },
    /// How many viewers the node holds, for the streams where that changed.
    Viewers(Vec<(StreamId, u64)>),
    /// A viewer came with a resume point that the node does not have (yet): is there such a frame?
    Ask {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
}

/// From the root (or the node above) to a broadcast node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromFeed {
    /// The whole view: at first, after a gap, and at each new epoch.
    Snapshot {
        /// Which stream.
        stream: StreamId,
        /// The view.
        snapshot: Snapshot,
    },
    /// The next frame.
    Frame {
        /// Which stream.
        stream: StreamId,
        /// What it changes.
        delta: Delta,
    },
    /// There is no such frame, in no epoch: the answer to [`ToFeed::Ask`], after all frames sent before it. A point that
    /// does exist is not answered: its frame is on the way.
    Unknown {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
}
