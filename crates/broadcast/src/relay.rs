//! The nodes below: broadcast nodes that take their frames from this one instead of from the root.
//!
//! Between the rooms, which the feed fills, and the links of the nodes below. To them this node says what the root would
//! say: the frames since what they have, one by one, or a snapshot; then each frame as it comes.
//!
//! ```text
//!   root ──▶ feed ──▶ room ──▶ viewers
//!                      │
//!                      └─▶ relay ──▶ feed of the node below ──▶ its room ──▶ …
//! ```
//!
//! Invariant: a node below that is not at the room's head has a full link, is owed the stream in one of the next steps, or
//! is ahead of the room; and nothing is made for a full link: a position for each stream is all that is kept.

mod asked;
mod audience;
mod below;
mod port;

use std::collections::BTreeMap;

use watershed_protocol::{
    Epoch, Millis, Mutant, Seq, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
    },
};

use crate::Update;
use asked::Asked;
use audience::Audience;
use below::Links;

pub use port::{Input, Output, Rooms};

/// Most streams of which one step makes what links with room are owed: a node below with 100,000 streams must not get them
/// all at once when its link has room again. A snapshot is some kilobytes, so this is about what a link holds. The rest
/// follows in the next steps.
const OWED_PER_STEP_MAX: usize = 256;

/// A frame's place in a stream.
type Point = (Epoch, Seq);

/// The relay's limits.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Most streams that nodes below may want here at a time.
    pub streams_max: usize,
    /// Most resume points of theirs that wait for an answer from above; beyond it no more are asked for.
    pub points_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { streams_max: 100_000, points_max: 4_096 }
    }
}

/// What the relay has done so far, and what it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Nodes below with a link.
    pub links: u64,
    /// Streams that they want.
    pub streams: u64,
    /// Frames that were encoded for them, each once however many nodes got it.
    pub frames_out: u64,
    /// Snapshots that were encoded for them.
    pub snapshots_out: u64,
    /// Frames and snapshots that left, on all links together.
    pub sends: u64,
    /// Links that were ended, for there was nothing to pass on, or no place for a stream.
    pub hung_up: u64,
    /// Subscriptions that were refused, for there were too many streams; each ended its link.
    pub streams_refused: u64,
    /// Resume points that were not asked for above, for too many waited.
    pub points_dropped: u64,
}

/// The machine.
#[derive(Debug)]
pub struct Relay {
    config: Config,
    /// Whether frames flow from above.
    ready: bool,
    links: Links,
    streams: BTreeMap<StreamId, Audience>,
    asked: Asked,
    counters: Counters,
}

impl Relay {
    /// A relay that has nothing to pass on yet, and so hangs up on whoever calls.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            ready: false,
            links: Links::default(),
            streams: BTreeMap::new(),
            asked: Asked::new(config.points_max),
            counters: Counters::default(),
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        Counters {
            links: self.links.len() as u64,
            streams: self.streams.len() as u64,
            points_dropped: self.asked.dropped(),
            ..self.counters
        }
    }

    /// How many viewers of the stream the nodes below hold, and all below them.
    pub fn viewers(&self, stream: &StreamId) -> u64 {
        self.streams.get(stream).map_or(0, Audience::viewers)
    }

    /// Whether a node below wants the stream.
    pub fn wants(&self, stream: &StreamId) -> bool {
        self.streams.contains_key(stream)
    }

    /// Takes one input and says what is to be done. Rooms are only looked at.
    pub fn step(&mut self, now: Millis, input: Input<'_>, rooms: &impl Rooms, outbox: &mut Vec<Output>) {
        match input {
            Input::Up { peer, .. } if !self.ready => self.hang_up(peer, outbox),
            Input::Up { peer, node } => {
                if let Some(former) = self.links.up(peer, node) {
                    // The node below may still believe in it: the newer one may be an attempt that it has given up. Ended,
                    // it is dialed again.
                    outbox.push(Output::HangUp(former));
                    self.lose(former, outbox);
                }
            }
            Input::Lost(peer) => self.lose(peer, outbox),
            Input::Full(peer) => self.links.fill(peer),
            Input::Room(peer) => {
                self.links.room(peer);
                self.go_on(peer, OWED_PER_STEP_MAX, rooms, outbox);
            }
            Input::Message { peer, message } if self.links.knows(peer) => self.hear(now, peer, message, rooms, outbox),
            Input::Message { .. } => {}
            Input::Published { stream } => {
                self.bring(stream, rooms, outbox);
                self.asked.forget_up_to(stream, rooms.look(stream, |room| room.point()).flatten());
            }
            Input::Unknown { stream, epoch, seq } => self.deny(&(stream, epoch, seq), outbox),
            Input::Ready(ready) => self.set_ready(ready, outbox),
            Input::Refused { stream } => self.refuse(stream, outbox),
            Input::Tick => {
                let owing = self.links.owing();
                let share = (OWED_PER_STEP_MAX / owing.len().max(1)).max(1);
                owing.into_iter().for_each(|peer| self.go_on(peer, share, rooms, outbox));
            }
        }
    }

    /// When a [`Input::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        // At once: the last step did not come to an end of what links with room are owed.
        self.links.owes().then(Millis::default)
    }

    fn hear(&mut self, now: Millis, peer: PeerId, message: ToFeed, rooms: &impl Rooms, outbox: &mut Vec<Output>) {
        match message {
            ToFeed::Subscribe { stream, have, viewers } => {
                if self.subscribe(peer, &stream, (have, viewers), outbox) {
                    self.bring(&stream, rooms, outbox);
                }
            }
            ToFeed::Unsubscribe { stream } => {
                self.links.leave(peer, &stream);
                self.leave(peer, &stream, outbox);
            }
            ToFeed::Viewers(changed) => {
                for (stream, viewers) in changed {
                    let audience = self.streams.get_mut(&stream);
                    if audience.is_some_and(|audience| audience.set_viewers(peer, viewers)) {
                        outbox.push(Output::Viewers(stream));
                    }
                }
            }
            ToFeed::Ask { stream, epoch, seq } => self.ask(now, peer, (stream, epoch, seq), rooms, outbox),
        }
    }

    /// True when the node gets the stream from now on.
    fn subscribe(
        &mut self,
        peer: PeerId,
        stream: &StreamId,
        (have, viewers): (Option<Point>, u64),
        outbox: &mut Vec<Output>,
    ) -> bool {
        let wanted = self.streams.contains_key(stream);
        if !wanted && self.streams.len() >= self.config.streams_max {
            // In silence it would wait here for ever, while another source may have a place for the stream.
            self.counters.streams_refused += 1;
            self.end(peer, outbox);
            return false;
        }
        self.links.subscribe(peer, stream);
        let audience = self.streams.entry(stream.clone()).or_default();
        let before = audience.viewers();
        audience.subscribe(peer, viewers, have);
        let viewers_changed = audience.viewers() != before;
        if !wanted {
            outbox.push(Output::Want(stream.clone()));
        }
        if viewers_changed {
            outbox.push(Output::Viewers(stream.clone()));
        }
        true
    }

    fn leave(&mut self, peer: PeerId, stream: &StreamId, outbox: &mut Vec<Output>) {
        let Some(audience) = self.streams.get_mut(stream) else { return };
        let viewers = audience.leave(peer);
        let is_empty = audience.is_empty();
        if is_empty {
            self.streams.remove(stream);
        }
        if viewers > 0 {
            outbox.push(Output::Viewers(stream.clone()));
        }
        if is_empty {
            outbox.push(Output::Leave(stream.clone()));
        }
    }

    fn lose(&mut self, peer: PeerId, outbox: &mut Vec<Output>) {
        self.asked.lose(peer);
        for stream in self.links.lost(peer) {
            self.leave(peer, &stream, outbox);
        }
    }

    /// There is no room for a stream here: who wants it is to look for another source.
    fn refuse(&mut self, stream: &StreamId, outbox: &mut Vec<Output>) {
        let peers = self.streams.get(stream).map(Audience::peers).unwrap_or_default();
        for peer in peers {
            self.counters.streams_refused += 1;
            self.end(peer, outbox);
        }
    }

    fn end(&mut self, peer: PeerId, outbox: &mut Vec<Output>) {
        self.hang_up(peer, outbox);
        self.lose(peer, outbox);
    }

    fn hang_up(&mut self, peer: PeerId, outbox: &mut Vec<Output>) {
        self.counters.hung_up += 1;
        outbox.push(Output::HangUp(peer));
    }

    /// A node that gets no frames is no source of any: those below are to look for another.
    fn set_ready(&mut self, ready: bool, outbox: &mut Vec<Output>) {
        self.ready = ready;
        if !ready {
            for peer in self.links.peers() {
                self.end(peer, outbox);
            }
        }
    }

    /// Brings all who are behind to the room's head, as far as their links have room. Who stands at the same point gets the
    /// same messages.
    fn bring(&mut self, stream: &StreamId, rooms: &impl Rooms, outbox: &mut Vec<Output>) {
        let Some(audience) = self.streams.get_mut(stream) else { return };
        let Some(head) = rooms.look(stream, |room| room.point()).flatten() else { return };
        let links = &mut self.links;
        let behind = audience.reach(head, |peer| links.may_send(peer, stream));
        for (from, peers) in behind {
            let updates = rooms.look(stream, |room| room.updates_since(from)).unwrap_or_default();
            for update in updates {
                let message = match update {
                    Update::Frame(delta) => {
                        self.counters.frames_out += 1;
                        FromFeed::Frame { stream: stream.clone(), delta: delta.as_ref().clone() }
                    }
                    Update::Snapshot(snapshot) => {
                        self.counters.snapshots_out += 1;
                        FromFeed::Snapshot { stream: stream.clone(), snapshot }
                    }
                };
                self.counters.sends += peers.len() as u64;
                outbox.push(Output::Send { peers: peers.clone(), message: Box::new(message) });
            }
        }
    }

    /// A link has room: what its node has missed, of so many streams at most.
    fn go_on(&mut self, peer: PeerId, streams_max: usize, rooms: &impl Rooms, outbox: &mut Vec<Output>) {
        let owed = self.links.take_owed(peer, streams_max);
        for stream in owed.streams {
            self.bring(&stream, rooms, outbox);
        }
        for point in owed.unknown {
            // The room may have come to it meanwhile, under a root that knows it.
            let head = rooms.look(&point.0, |room| room.point()).flatten();
            if head < Some((point.1, point.2)) {
                self.send_unknown(vec![peer], &point, outbox);
            }
        }
    }

    /// Is there such a frame? One that the room has had is on its way or has been sent; of any other only the root knows.
    fn ask(
        &mut self,
        now: Millis,
        peer: PeerId,
        point: (StreamId, Epoch, Seq),
        rooms: &impl Rooms,
        outbox: &mut Vec<Output>,
    ) {
        let head = rooms.look(&point.0, |room| room.point()).flatten();
        if !self.streams.contains_key(&point.0) || head.is_some_and(|head| head >= (point.1, point.2)) {
            return;
        }
        if Mutant::DeniedBelow.lives() {
            return self.send_unknown(vec![peer], &point, outbox);
        }
        if self.asked.add(now, peer, point.clone()) {
            let (stream, epoch, seq) = point;
            outbox.push(Output::Ask { stream, epoch, seq });
        }
    }

    /// The root knows no such point: neither does any node below that asked for it.
    fn deny(&mut self, point: &(StreamId, Epoch, Seq), outbox: &mut Vec<Output>) {
        let mut peers = self.asked.answered(point);
        peers.retain(|peer| self.links.may_deny(*peer, point));
        self.send_unknown(peers, point, outbox);
    }

    fn send_unknown(&self, peers: Vec<PeerId>, point: &(StreamId, Epoch, Seq), outbox: &mut Vec<Output>) {
        if !peers.is_empty() {
            let (stream, epoch, seq) = point.clone();
            let message = Box::new(FromFeed::Unknown { stream, epoch, seq });
            outbox.push(Output::Send { peers, message });
        }
    }
}

#[cfg(test)]
mod tests;
