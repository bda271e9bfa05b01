//! Whom this node takes frames from: the first of the nodes above that lives and has frames itself, else the root.
//!
//! Between map, links and clock, and the feed, which is told of one link at a time. Nodes above are always dialed, so that
//! the next is there when one dies; the root is called only while no node above has frames.
//!
//! ```text
//!   above: b1, b2     b1 up ─▶ feed from b1          b1 lost ─▶ feed from b2         both lost ─▶ call the root
//!   root: last        b1 up again ─▶ feed from b1, hang up on b2
//! ```
//!
//! A node that has heard nothing from above for [`SILENT_MS`] is not ready: it then shows itself without a root, hangs up
//! on the nodes below, and is no source of theirs until frames flow again. So being ready means the same at every level.
//!
//! Invariant: the feed has subscriptions on one link at most; a link that it was taken from is ended.

use std::collections::BTreeMap;

use watershed_placement::{Following, Map};
use watershed_protocol::{Epoch, Millis, NodeName, peer::PeerId};

/// Without a link to a source for this long a node is not ready: longer than a standby takes to replace the root.
pub const SILENT_MS: u64 = 3_000;

/// How long a node that starts waits for those above before it calls the root: some handshakes.
const FIRST_WAIT_MS: u64 = 500;

/// A node above that says goodbye mostly knows why: it ends, or has heard nothing itself. Then less time is left.
const GOODBYE_SILENT_MS: u64 = 2_000;

/// What happens to the sources.
#[derive(Debug)]
pub enum Input<'a> {
    /// A map was read.
    Map(&'a Map),
    /// A link is up to a merger, or to one of the nodes above.
    Up {
        /// The link.
        peer: PeerId,
        /// Whose it is.
        node: &'a NodeName,
        /// What its handshake said of the root: of a merger its own epoch as such; zero of whoever has no frames.
        root_epoch: Epoch,
    },
    /// A link is gone.
    Lost {
        /// The link.
        peer: PeerId,
        /// For how long nothing had been heard on it.
        silent_ms: u64,
        /// Whether the other end said goodbye.
        goodbye: bool,
    },
    /// The deadline has come.
    Tick,
}

/// What the sources want done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// The feed is to take frames from this link from now on.
    Feed(PeerId),
    /// The feed has lost this link, and there is no other.
    Starve(PeerId),
    /// End this link.
    HangUp(PeerId),
    /// Keep a link to the root, or let go of it.
    CallRoot(bool),
    /// Frames flow, or no longer do.
    Ready(bool),
}

/// The machine.
#[derive(Debug)]
pub struct Sources {
    /// By preference.
    above: Vec<NodeName>,
    /// Their links that are up, by place in `above`.
    links: BTreeMap<usize, PeerId>,
    following: Following,
    fed_by: Option<PeerId>,
    /// When the root may be called although no node above was ever there.
    first_call_at: Millis,
    calls_root: bool,
    ready: bool,
    /// When this node is no longer ready, while nothing feeds it.
    unready_at: Option<Millis>,
}

impl Sources {
    /// Sources of a node that feeds from these, the first being the best, and from the root last. Not ready yet. A node
    /// without any calls the root at once: [`Sources::calls_root`].
    pub fn new(now: Millis, above: Vec<NodeName>, map: &Map) -> Self {
        Self {
            calls_root: above.is_empty(),
            above,
            links: BTreeMap::new(),
            following: Following::new(map),
            fed_by: None,
            first_call_at: now.plus(FIRST_WAIT_MS),
            ready: false,
            unready_at: None,
        }
    }

    /// Whether this is a node above.
    pub fn names(&self, node: &NodeName) -> bool {
        self.above.contains(node)
    }

    /// Whether a link to the root is to be kept now.
    pub fn calls_root(&self) -> bool {
        self.calls_root
    }

    /// Whether frames flow.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The epoch that handshakes are to show: of the newest root that is known; zero while there are no frames.
    pub fn shown_epoch(&self) -> Epoch {
        if self.ready { self.following.known() } else { Epoch::ZERO }
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, now: Millis, input: Input<'_>, outbox: &mut Vec<Output>) {
        let mut silent_ms = 0;
        match input {
            Input::Map(map) => {
                if let Some(former) = self.following.learn(map) {
                    outbox.push(Output::HangUp(former));
                }
            }
            Input::Up { peer, node, root_epoch } => self.up(peer, node, root_epoch, outbox),
            Input::Lost { peer, silent_ms: heard, goodbye } => {
                let was_above = self.links.len();
                self.links.retain(|_, link| *link != peer);
                let told = goodbye && self.links.len() < was_above;
                silent_ms = if told { GOODBYE_SILENT_MS } else { heard };
                self.following.lost(peer);
            }
            Input::Tick => {}
        }
        self.settle(now, silent_ms, outbox);
    }

    /// When a [`Input::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        let first_call = (!self.calls_root && self.links.is_empty()).then_some(self.first_call_at);
        self.unready_at.into_iter().chain(first_call).min()
    }

    fn up(&mut self, peer: PeerId, node: &NodeName, root_epoch: Epoch, outbox: &mut Vec<Output>) {
        let Some(place) = self.above.iter().position(|above| above == node) else {
            if !self.following.up(peer, node, root_epoch) {
                outbox.push(Output::HangUp(peer));
            }
            return;
        };
        // One without frames is none, and one that knows only an earlier root passes on what nobody follows any more.
        if root_epoch == Epoch::ZERO || root_epoch < self.following.known() {
            outbox.push(Output::HangUp(peer));
        } else if let Some(former) = self.links.insert(place, peer) {
            outbox.push(Output::HangUp(former));
        }
    }

    fn settle(&mut self, now: Millis, silent_ms: u64, outbox: &mut Vec<Output>) {
        self.choose(now, silent_ms, outbox);
        let calls_root = self.links.is_empty() && (self.above.is_empty() || now >= self.first_call_at);
        if std::mem::replace(&mut self.calls_root, calls_root) != calls_root {
            outbox.push(Output::CallRoot(calls_root));
        }
        if !self.links.is_empty() {
            // From now on the root is called as soon as no node above is left.
            self.first_call_at = now;
        }
        if self.unready_at.take_if(|at| *at <= now).is_some() {
            self.ready = false;
            outbox.push(Output::Ready(false));
        }
    }

    /// Feeds from the best link that is up.
    fn choose(&mut self, now: Millis, silent_ms: u64, outbox: &mut Vec<Output>) {
        let best = self.links.values().next().copied().or(self.following.peer());
        if best == self.fed_by {
            return;
        }
        let former = std::mem::replace(&mut self.fed_by, best);
        if let Some(former) = former {
            // It goes on sending, and counts this node's viewers, until it is left.
            let left = self.links.len();
            self.links.retain(|_, link| *link != former);
            if self.links.len() < left || self.following.lost(former) {
                outbox.push(Output::HangUp(former));
            }
        }
        match (best, former) {
            (Some(peer), _) => {
                outbox.push(Output::Feed(peer));
                self.unready_at = None;
                if !std::mem::replace(&mut self.ready, true) {
                    outbox.push(Output::Ready(true));
                }
            }
            (None, Some(former)) => {
                outbox.push(Output::Starve(former));
                self.unready_at = Some(now.plus(SILENT_MS.saturating_sub(silent_ms)));
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests;
