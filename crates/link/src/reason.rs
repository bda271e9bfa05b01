//! Why a connection ended, or never came up.
//!
//! From `machine` to the machines above, to the log and to the metrics. Invariant: each reason has one label, the same in
//! code, logs and metrics.

use crate::{FrameError, Refusal};

/// Why a connection is down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DownReason {
    /// Nobody answers at the address, or there is no address.
    #[error("peer cannot be reached")]
    Unreachable,
    /// The connection or the handshake took too long.
    #[error("handshake is not done after {ms} ms")]
    HandshakeTimeout {
        /// The configured time.
        ms: u64,
    },
    /// This side will not talk to the peer.
    #[error("refused the peer: {0}")]
    Refused(Refusal),
    /// The peer will not talk to this side.
    #[error("refused by the peer: {0}")]
    RefusedByPeer(Refusal),
    /// The connection ended without a goodbye.
    #[error("connection is closed")]
    Closed,
    /// Not a byte came in for too long.
    #[error("heard nothing for {ms} ms")]
    Silent {
        /// How long.
        ms: u64,
    },
    /// The peer lives but what was sent does not arrive.
    #[error("nothing arrived at the peer for {ms} ms, {outstanding} messages are on the way")]
    Stalled {
        /// How long.
        ms: u64,
        /// Messages sent and not received.
        outstanding: u64,
    },
    /// A message is missing between two others.
    #[error("message {found} came where {expected} was due")]
    Gap {
        /// The number after the last.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// A message is missing at the end.
    #[error("peer sent {sent} messages, {received} came")]
    Leak {
        /// What the peer says.
        sent: u64,
        /// What this side counted.
        received: u64,
    },
    /// The peer sent more than the window holds.
    #[error("{bytes} bytes are waiting here, the window is {window}")]
    Overrun {
        /// Cost of the messages that would wait.
        bytes: u64,
        /// What was agreed.
        window: u64,
    },
    /// A heartbeat acknowledges what was never sent, or takes back what it acknowledged.
    #[error("peer acknowledges {acknowledged}, {sent} were sent")]
    Acknowledged {
        /// What the peer says.
        acknowledged: u64,
        /// What this side sent.
        sent: u64,
    },
    /// Bytes that are no frame.
    #[error("malformed: {0}")]
    Malformed(FrameError),
    /// A frame that has no place here, such as a message before the handshake.
    #[error("frame is out of place")]
    OutOfPlace,
    /// The peer left by its own will.
    #[error("peer said goodbye")]
    Goodbye,
    /// The machine above this side ended the connection.
    #[error("hung up")]
    HungUp,
    /// This side leaves.
    #[error("shutting down")]
    Shutdown,
}

impl DownReason {
    /// The labels of all reasons, for metrics: the one at [`DownReason::index`] belongs to the reason.
    pub const LABELS: [&'static str; 16] = [
        "unreachable",
        "handshake_timeout",
        "refused",
        "refused_by_peer",
        "closed",
        "silent",
        "stalled",
        "gap",
        "leak",
        "overrun",
        "acknowledged",
        "malformed",
        "out_of_place",
        "goodbye",
        "hung_up",
        "shutdown",
    ];

    /// Place of this reason in [`DownReason::LABELS`].
    pub fn index(&self) -> usize {
        match self {
            Self::Unreachable => 0,
            Self::HandshakeTimeout { .. } => 1,
            Self::Refused(_) => 2,
            Self::RefusedByPeer(_) => 3,
            Self::Closed => 4,
            Self::Silent { .. } => 5,
            Self::Stalled { .. } => 6,
            Self::Gap { .. } => 7,
            Self::Leak { .. } => 8,
            Self::Overrun { .. } => 9,
            Self::Acknowledged { .. } => 10,
            Self::Malformed(_) => 11,
            Self::OutOfPlace => 12,
            Self::Goodbye => 13,
            Self::HungUp => 14,
            Self::Shutdown => 15,
        }
    }

    /// The label of this reason.
    pub fn label(&self) -> &'static str {
        Self::LABELS[self.index()]
    }

    /// Whether this is part of ordinary life (a peer restarts, this side leaves) and no cause for alarm.
    pub fn is_ordinary(&self) -> bool {
        matches!(self, Self::Unreachable | Self::Goodbye | Self::HungUp | Self::Shutdown)
    }
}
