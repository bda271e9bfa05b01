//! One device of a viewer: its sendings, and its screen as its own messages built it.
//!
//! Between a connection and the checks. Its contents are shared with all screens that took the same steps; the chain, the
//! snapshot it counts from and what it got since then are its own. Invariant: a screen with contents has a point.

use std::{collections::BTreeMap, sync::Arc};

use watershed_protocol::Ref;

use crate::{Point, contents::Contents, sends::Op};

/// One connection's place in the crowd: its sendings and its screen.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) person: u32,
    pub(crate) connected: bool,
    pub(crate) ops: BTreeMap<Ref, Op>,
    pub(crate) screen: Screen,
}

/// What one viewer has, as its own messages built it.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// The last frame it got, in this connection or one that it resumes.
    pub(crate) point: Option<Point>,
    /// What it covers; `None` after a broken chain, until the next snapshot.
    pub(crate) contents: Option<Arc<Contents>>,
    /// The turn of its last snapshot: it must get all that was sent later.
    pub(crate) since_turn: u64,
    /// Comments of the crowd that it got and that were sent since then.
    pub(crate) received: u64,
    /// Comments that its frames counted and did not show.
    pub(crate) withheld: u64,
}

impl Screen {
    /// Starts anew: what comes next is a snapshot.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}
