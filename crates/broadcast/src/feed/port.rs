//! What goes into the feed and what comes out of it.
//!
//! The driver turns the root's link and the coming and going of viewers into [`Input`]s, and carries [`Output`]s out.
//! Invariant: only the link named last by [`Input::Up`] is sent anything.

use std::sync::Arc;

use watershed_protocol::{
    Delta, Epoch, Seq, Snapshot, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
    },
};

/// What happens to the feed.
#[expect(clippy::large_enum_variant, reason = "a message is taken where it comes in; nothing keeps many of these")]
#[derive(Debug)]
pub enum Input {
    /// A stream has viewers here.
    Want {
        /// Which stream.
        stream: StreamId,
    },
    /// A stream is left.
    Unwant {
        /// Which stream.
        stream: StreamId,
    },
    /// How many viewers a wanted stream has here.
    Viewers {
        /// Which stream.
        stream: StreamId,
        /// How many.
        viewers: u64,
    },
    /// A viewer came with a resume point that is ahead of the room.
    Point {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
    /// A link to the root is there; a former one counts no more.
    Up {
        /// The link.
        peer: PeerId,
    },
    /// A link is gone.
    Lost(PeerId),
    /// A link takes no more: nothing is made for it until [`Input::Room`].
    Full(PeerId),
    /// A link has room again.
    Room(PeerId),
    /// The root says something.
    Message {
        /// On which link.
        peer: PeerId,
        /// What it says.
        message: FromFeed,
    },
    /// The deadline has come.
    Tick,
}

/// What the feed wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this on this link.
    Send {
        /// The link.
        peer: PeerId,
        /// The message.
        message: ToFeed,
    },
    /// Publish this in the stream's room.
    Publish {
        /// Which stream.
        stream: StreamId,
        /// What.
        update: Update,
    },
    /// The root knows no such point: whoever came with it gets a snapshot.
    Unknown {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
}

/// What a room is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// The whole view.
    Snapshot(Snapshot),
    /// The next frame.
    Frame(Arc<Delta>),
}
