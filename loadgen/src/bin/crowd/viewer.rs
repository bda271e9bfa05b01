//! One viewer: a socket, how far it has come, and what it has counted.
//!
//! The records of the crowd's slab. Invariant: a record has at most 48 bytes; more is kept only of a viewer of whom a part
//! of a message is here.

use std::net::TcpStream;

/// How far a view has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Point {
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
}

impl Point {
    /// Epochs are small; one that were not would show as a broken chain.
    pub(crate) fn new(epoch: u64, seq: u64) -> Self {
        Self { epoch: u32::try_from(epoch).unwrap_or(u32::MAX), seq }
    }
}

/// Where a viewer's connection stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    /// There is none.
    #[default]
    Away,
    /// The socket is connecting.
    Connecting,
    /// The request is sent.
    Asked,
    /// It was answered 101, and the welcome is to come.
    Upgraded,
    /// It has joined.
    Joined,
}

/// The part of a message, or of the answer to the request, that has come so far.
#[derive(Debug)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
}

/// One viewer.
#[derive(Debug, Default)]
pub(crate) struct Viewer {
    pub(crate) rest: Option<Box<Rest>>,
    /// What it has, if `has_view`.
    seq: u64,
    epoch: u32,
    pub(crate) socket: Option<TcpStream>,
    /// Comments that came.
    pub(crate) comments: u32,
    /// Comments that deltas said are shown.
    pub(crate) shown: u32,
    /// Comments that deltas said were written.
    pub(crate) total: u32,
    /// Which server, of those that are known.
    pub(crate) server: u16,
    pub(crate) state: State,
    has_view: bool,
    pub(crate) asleep: bool,
    /// It was told to go elsewhere, and its moment to go is set.
    pub(crate) moving: bool,
    /// Connections that failed since it had last joined.
    pub(crate) failures: u8,
}

const _: () = assert!(size_of::<Viewer>() <= 48, "a viewer's record is meant to be small");

impl Viewer {
    /// How far it has come, if it has a view.
    pub(crate) fn point(&self) -> Option<Point> {
        self.has_view.then_some(Point { epoch: self.epoch, seq: self.seq })
    }

    pub(crate) fn come_to(&mut self, point: Point) {
        (self.epoch, self.seq, self.has_view) = (point.epoch, point.seq, true);
    }
}
