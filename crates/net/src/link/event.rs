//! What a role hears of its links, all in one channel.
//!
//! From each link's carrier to the role's driver. Invariant: of one connection a role sees `Up`, then messages in order,
//! then `Down`, and nothing after it; no two connections of a process have the same id.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use watershed_link::{DownReason, Hello};
use watershed_protocol::{NodeName, Role};

use super::{LinkHandle, handle::Credit};

/// One connection: a peer that was lost and came back has another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

impl LinkId {
    /// An id that this process has not given out before.
    pub(super) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// The number, for logs and indexes.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link {}", self.0)
    }
}

/// Who is at the other end, as its handshake said.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer {
    /// What it does.
    pub role: Role,
    /// Its name.
    pub node: NodeName,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.role, self.node)
    }
}

/// Something happened on a link. Dropping a message's event lets the peer send as much again: hold it while its bytes
/// are held.
#[derive(Debug)]
pub struct LinkEvent {
    /// The connection.
    pub link: LinkId,
    /// The node at its other end.
    pub peer: Peer,
    /// What happened.
    pub kind: LinkEventKind,
    credit: Option<Credit>,
}

/// What happened on a link.
#[derive(Debug)]
pub enum LinkEventKind {
    /// The connection stands. If the same peer has an older one here, that is dead and will be down soon.
    Up {
        /// How the peer introduced itself.
        hello: Arc<Hello>,
        /// For sending to it, as long as this connection lasts.
        handle: LinkHandle,
    },
    /// The next body. It shares memory with its neighbours: copy what is to be kept long.
    Message(Bytes),
    /// After an offer was refused as full: there is room again.
    Room,
    /// The connection is over. Nothing that the peer's machines did not acknowledge is known to have arrived.
    Down(DownReason),
}

impl LinkEvent {
    /// An event without a connection behind it, for drivers' tests.
    pub fn new(link: LinkId, peer: Peer, kind: LinkEventKind) -> Self {
        Self { link, peer, kind, credit: None }
    }

    pub(super) fn message(link: LinkId, peer: Peer, body: Bytes, credit: Credit) -> Self {
        Self { link, peer, kind: LinkEventKind::Message(body), credit: Some(credit) }
    }

    /// Lets the peer send as much again although this event is still held.
    pub fn acknowledge(&mut self) {
        self.credit = None;
    }
}
