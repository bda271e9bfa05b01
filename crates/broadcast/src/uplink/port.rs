//! What goes into the uplink and what comes out of it.
//!
//! The driver of a broadcast node turns sockets' and links' events into [`Input`]s and carries [`Output`]s out.
//! Invariant: every [`Input::Ask`] has one [`Output::Told`], every write with a reference one [`Output::Answer`].

use std::sync::Arc;

use watershed_placement::Map;
use watershed_protocol::{
    Epoch, NodeName, ReactionKind, Slot, StreamId,
    client::Response,
    peer::{
        PeerId,
        uplink::{FromProcessor, Query, Reply, ToProcessor},
    },
};

use super::{Origin, Write};

/// Which processor a question goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The owner of this slot.
    Owner(Slot),
    /// This one.
    Node(NodeName),
}

/// What happens to the uplink.
#[derive(Debug)]
pub enum Input<'a> {
    /// Viewers write. The vector is drained.
    Writes(&'a mut Vec<Write>),
    /// Viewers tap.
    Taps {
        /// On which stream.
        stream: StreamId,
        /// Which kind.
        kind: ReactionKind,
        /// How many times since the last input.
        count: u64,
    },
    /// Somebody has a question.
    Ask {
        /// What to call it in [`Output::Told`].
        token: u64,
        /// Whom to ask.
        to: To,
        /// What to ask.
        query: Query,
    },
    /// A link to a processor is there.
    Up {
        /// The link.
        peer: PeerId,
        /// Who is at its other end.
        node: NodeName,
    },
    /// A link is gone, with all that was under way on it.
    Lost(PeerId),
    /// A link takes no more: nothing is made for it until [`Input::Room`].
    Full(PeerId),
    /// A link has room again.
    Room(PeerId),
    /// A processor says something.
    Message {
        /// On which link.
        peer: PeerId,
        /// What it says.
        message: FromProcessor,
    },
    /// Owners have changed.
    Map(Arc<Map>),
    /// The deadline has come.
    Tick,
}

/// What the uplink wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this on this link.
    Send {
        /// The link.
        peer: PeerId,
        /// The message.
        message: ToProcessor,
    },
    /// Answer a viewer: an `ack` or a `reject` of one write.
    Answer {
        /// Which viewer.
        origin: Origin,
        /// What to say.
        response: Response,
    },
    /// A write was refused as overloaded, here or by its owner: for analytics.
    Shed {
        /// The write's stream.
        stream: StreamId,
    },
    /// A question is answered.
    Told {
        /// The asker's name of it.
        token: u64,
        /// The answer; `None` when the processor could not be reached or was too late.
        reply: Option<Reply>,
    },
    /// Somebody has a newer map than this node: get one of at least this epoch.
    WantMap {
        /// The epoch.
        epoch: Epoch,
    },
}
