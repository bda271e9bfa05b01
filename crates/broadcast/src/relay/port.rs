//! What goes into the relay and what comes out of it.
//!
//! The driver turns the links of nodes below, and what the feed brings, into [`Input`]s, and carries [`Output`]s out.
//! Invariant: an output names the nodes that it is for; what they get is the same for all, and encoded once.

use watershed_protocol::{
    Epoch, NodeName, Seq, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
    },
};

use crate::Room;

/// The rooms of this node, for looking at.
pub trait Rooms {
    /// Looks at a stream's room, if it has one.
    fn look<T>(&self, stream: &StreamId, at: impl FnOnce(&Room) -> T) -> Option<T>;
}

/// What happens to the relay.
#[derive(Debug)]
pub enum Input<'a> {
    /// A node below has a link; a former one of the same node is ended.
    Up {
        /// The link.
        peer: PeerId,
        /// The node.
        node: &'a NodeName,
    },
    /// A link is gone.
    Lost(PeerId),
    /// A link takes no more: nothing is made for it until [`Input::Room`].
    Full(PeerId),
    /// A link has room again.
    Room(PeerId),
    /// A node below says something.
    Message {
        /// On which link.
        peer: PeerId,
        /// What it says.
        message: ToFeed,
    },
    /// The head of a room has moved.
    Published {
        /// Whose room.
        stream: &'a StreamId,
    },
    /// The root knows no such point.
    Unknown {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
    /// Frames flow from above, or no longer do.
    Ready(bool),
    /// This node has no room for a stream that was wanted by [`Output::Want`].
    Refused {
        /// Which stream.
        stream: &'a StreamId,
    },
    /// The deadline has come.
    Tick,
}

/// What the relay wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this on these links.
    Send {
        /// The links.
        peers: Vec<PeerId>,
        /// The message.
        message: Box<FromFeed>,
    },
    /// A stream is wanted below: it needs a room and the feed's subscription here.
    Want(StreamId),
    /// Nobody below wants the stream any more.
    Leave(StreamId),
    /// The number of viewers below has changed: see [`super::Relay::viewers`].
    Viewers(StreamId),
    /// Ask above for this point.
    Ask {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
    /// End this link: there is nothing to pass on, there is no place for a stream, or its node has a newer one.
    HangUp(PeerId),
}
