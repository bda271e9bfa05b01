//! The subscriptions of this node: which streams it gets frames of, from the root or from the node above.
//!
//! Between the link to the root and the rooms. Nothing is queued for the link: what is to be said follows from the state
//! of the streams, so a full or a lost link costs a set of names.
//!
//! Invariant: what is published of one stream chains: each frame continues the one before, or a snapshot comes first.

mod port;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_protocol::{
    Delta, Epoch, Millis, Seq, Snapshot, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
    },
};

pub use port::{Input, Output, Update};

/// Most subscriptions that one step begins or ends: a node with 100,000 streams must not make them all at once when its
/// link comes back. The rest follows in the next steps.
const SUBSCRIPTIONS_PER_STEP_MAX: usize = 1_024;

/// Most streams in one report of viewers: half a megabyte.
const VIEWERS_ROWS_MAX: usize = 8_192;

/// How long frames that do not chain are taken for leftovers of the former subscription before it is made once more.
const RESUBSCRIBE_MS: u64 = 5_000;

/// How long a point is not asked for again: as long as a viewer waits for it.
const POINT_MS: u64 = 2_000;

/// How often the points are searched for those that are over, when there are too many: not for each that comes.
const POINT_PURGE_MS: u64 = 100;

/// The feed's limits.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Shortest time between two reports of viewers, in milliseconds.
    pub viewers_interval_ms: u64,
    /// Most resume points that are remembered as asked for; beyond it no more are asked for.
    pub points_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { viewers_interval_ms: 500, points_max: 4_096 }
    }
}

/// What the feed has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that were published.
    pub frames_in: u64,
    /// Snapshots that were published.
    pub snapshots_in: u64,
    /// Frames that did not continue the one before and led to a new subscription.
    pub gaps: u64,
    /// Frames and snapshots that were dropped: old ones, of streams that are not wanted, or of a link that was replaced.
    pub dropped: u64,
    /// Subscriptions that were asked for, again or for the first time.
    pub subscribes: u64,
    /// Reports of viewers.
    pub viewer_reports: u64,
    /// Resume points that were asked for.
    pub points_asked: u64,
    /// Resume points that were not, for there were too many.
    pub points_dropped: u64,
}

/// A wanted stream.
#[derive(Debug)]
struct Subscription {
    /// The last that was published.
    have: Option<(Epoch, Seq)>,
    viewers: u64,
    /// The viewers that the root was told of.
    told: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is in `to_subscribe`, under its viewers.
    Waiting,
    /// Asked for; what chains has not come yet.
    Asked { at: Millis },
    /// Frames chain.
    Live,
}

/// A resume point that a viewer came with.
#[derive(Debug)]
struct Point {
    at: Millis,
    asked: bool,
}

/// The machine.
#[derive(Debug)]
pub struct Feed {
    config: Config,
    peer: Option<PeerId>,
    full: bool,
    streams: BTreeMap<StreamId, Subscription>,
    /// Most viewers first: that is the order in which a new root asks the processors for what they have.
    to_subscribe: BTreeSet<(Reverse<u64>, StreamId)>,
    to_leave: BTreeSet<StreamId>,
    /// Streams whose viewers are not as the root was told.
    to_tell: BTreeSet<StreamId>,
    /// When viewers may be reported again.
    tell_at: Millis,
    points: BTreeMap<(StreamId, Epoch, Seq), Point>,
    /// When the points may be searched again.
    purge_at: Millis,
    /// Whether a point waits to be asked for.
    to_ask: bool,
    counters: Counters,
}

impl Feed {
    /// A feed without links.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            peer: None,
            full: false,
            streams: BTreeMap::new(),
            to_subscribe: BTreeSet::new(),
            to_leave: BTreeSet::new(),
            to_tell: BTreeSet::new(),
            tell_at: Millis::default(),
            points: BTreeMap::new(),
            purge_at: Millis::default(),
            to_ask: false,
            counters: Counters::default(),
        }
    }

    /// What it has done so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, now: Millis, input: Input, outbox: &mut Vec<Output>) {
        match input {
            Input::Want { stream } => self.want(stream),
            Input::Unwant { stream } => self.unwant(stream),
            Input::Viewers { stream, viewers } => self.count(stream, viewers),
            Input::Point { stream, epoch, seq } => self.point(now, (stream, epoch, seq)),
            Input::Up { peer } => self.link(Some(peer)),
            Input::Lost(peer) if self.peer == Some(peer) => self.link(None),
            Input::Full(peer) if self.peer == Some(peer) => self.full = true,
            Input::Room(peer) if self.peer == Some(peer) => self.full = false,
            Input::Message { peer, message } if self.peer == Some(peer) => self.hear(now, message, outbox),
            Input::Message { .. } => self.counters.dropped += 1,
            Input::Lost(_) | Input::Full(_) | Input::Room(_) | Input::Tick => {}
        }
        if let Some(peer) = self.peer.filter(|_| !self.full) {
            self.subscribe(now, peer, outbox);
            self.ask(now, peer, outbox);
            self.tell(now, peer, outbox);
        }
    }

    /// When a [`Input::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        self.peer.filter(|_| !self.full)?;
        if !self.to_subscribe.is_empty() || !self.to_leave.is_empty() {
            return Some(Millis::default()); // At once: the last step did not come to an end of them.
        }
        (!self.to_tell.is_empty()).then_some(self.tell_at)
    }

    fn want(&mut self, stream: StreamId) {
        if self.streams.contains_key(&stream) {
            return;
        }
        self.to_leave.remove(&stream);
        self.to_subscribe.insert((Reverse(0), stream.clone()));
        let subscription = Subscription { have: None, viewers: 0, told: 0, state: State::Waiting };
        self.streams.insert(stream, subscription);
    }

    fn unwant(&mut self, stream: StreamId) {
        let Some(subscription) = self.streams.remove(&stream) else { return };
        self.to_tell.remove(&stream);
        self.points.retain(|(of, ..), _| *of != stream);
        if subscription.state == State::Waiting {
            self.to_subscribe.remove(&(Reverse(subscription.viewers), stream.clone()));
        }
        // One that waits to be subscribed again, after a gap, may still be subscribed above.
        if self.peer.is_some() {
            self.to_leave.insert(stream);
        }
    }

    fn count(&mut self, stream: StreamId, viewers: u64) {
        let Some(subscription) = self.streams.get_mut(&stream) else { return };
        let before = std::mem::replace(&mut subscription.viewers, viewers);
        if subscription.state == State::Waiting {
            self.to_subscribe.remove(&(Reverse(before), stream.clone()));
            self.to_subscribe.insert((Reverse(viewers), stream.clone()));
        }
        if subscription.state == State::Waiting || subscription.told == viewers {
            self.to_tell.remove(&stream); // Told with the subscription, or nothing new.
        } else {
            self.to_tell.insert(stream);
        }
    }

    /// Many viewers come with the same point; it is asked for once.
    fn point(&mut self, now: Millis, point: (StreamId, Epoch, Seq)) {
        let Some(subscription) = self.streams.get(&point.0) else { return };
        if subscription.have.is_some_and(|have| have >= (point.1, point.2)) {
            return; // It came in the meantime.
        }
        let young = |point: &Point| now.since(point.at) < POINT_MS;
        if self.points.get(&point).is_some_and(young) {
            return;
        }
        if self.points.len() >= self.config.points_max && now >= self.purge_at {
            self.points.retain(|_, point| young(point));
            self.purge_at = now.plus(POINT_PURGE_MS);
        }
        if self.points.len() >= self.config.points_max && !self.points.contains_key(&point) {
            self.counters.points_dropped += 1;
            return;
        }
        self.points.insert(point, Point { at: now, asked: false });
        self.to_ask = true;
    }

    /// Another link, or none: whatever was said on the former one is to be said again.
    fn link(&mut self, peer: Option<PeerId>) {
        self.peer = peer;
        self.full = false;
        self.to_leave.clear();
        self.to_tell.clear();
        for (stream, subscription) in &mut self.streams {
            subscription.state = State::Waiting;
            self.to_subscribe.insert((Reverse(subscription.viewers), stream.clone()));
        }
        self.points.values_mut().for_each(|point| point.asked = false);
        self.to_ask = !self.points.is_empty();
    }

    fn hear(&mut self, now: Millis, message: FromFeed, outbox: &mut Vec<Output>) {
        match message {
            FromFeed::Snapshot { stream, snapshot } => self.hear_snapshot(stream, snapshot, outbox),
            FromFeed::Frame { stream, delta } => self.hear_frame(now, stream, delta, outbox),
            FromFeed::Unknown { stream, epoch, seq } => {
                self.points.remove(&(stream.clone(), epoch, seq));
                if self.streams.contains_key(&stream) {
                    outbox.push(Output::Unknown { stream, epoch, seq });
                }
            }
        }
    }

    fn hear_snapshot(&mut self, stream: StreamId, snapshot: Snapshot, outbox: &mut Vec<Output>) {
        let point = (snapshot.epoch, snapshot.seq);
        match self.streams.get_mut(&stream) {
            Some(subscription) if subscription.have < Some(point) => {
                subscription.have = Some(point);
                self.counters.snapshots_in += 1;
                let update = Update::Snapshot(snapshot);
                self.go_live(&stream);
                outbox.push(Output::Publish { stream, update });
            }
            // A new link begins where the old one ended.
            Some(subscription) if subscription.have == Some(point) => self.go_live(&stream),
            _ => self.counters.dropped += 1,
        }
    }

    fn hear_frame(&mut self, now: Millis, stream: StreamId, delta: Delta, outbox: &mut Vec<Output>) {
        let Some(subscription) = self.streams.get_mut(&stream) else {
            self.counters.dropped += 1;
            return;
        };
        // One that does not lead on from where it begins is no frame, whoever made it.
        if subscription.have == Some((delta.epoch, delta.from)) && delta.seq > delta.from {
            subscription.have = Some((delta.epoch, delta.seq));
            self.counters.frames_in += 1;
            self.go_live(&stream);
            outbox.push(Output::Publish { stream, update: Update::Frame(Arc::new(delta)) });
            return;
        }
        let is_new = subscription.have < Some((delta.epoch, delta.seq));
        let is_gap = match subscription.state {
            State::Live => is_new,
            State::Asked { at } => is_new && now.since(at) >= RESUBSCRIBE_MS,
            State::Waiting => false,
        };
        if is_gap {
            subscription.state = State::Waiting;
            self.to_tell.remove(&stream);
            self.to_subscribe.insert((Reverse(subscription.viewers), stream));
            self.counters.gaps += 1;
        } else {
            self.counters.dropped += 1;
        }
    }

    /// What comes of the stream chains. A subscription that has not been sent yet is still sent: it may be another link's.
    fn go_live(&mut self, stream: &StreamId) {
        if let Some(subscription) = self.streams.get_mut(stream)
            && subscription.state != State::Waiting
        {
            subscription.state = State::Live;
        }
    }

    fn subscribe(&mut self, now: Millis, peer: PeerId, outbox: &mut Vec<Output>) {
        for _ in 0..SUBSCRIPTIONS_PER_STEP_MAX {
            let Some(stream) = self.to_leave.pop_first() else { break };
            outbox.push(Output::Send { peer, message: ToFeed::Unsubscribe { stream } });
        }
        for _ in 0..SUBSCRIPTIONS_PER_STEP_MAX {
            let Some((_, stream)) = self.to_subscribe.pop_first() else { break };
            let Some(subscription) = self.streams.get_mut(&stream) else { continue };
            subscription.state = State::Asked { at: now };
            subscription.told = subscription.viewers;
            self.counters.subscribes += 1;
            let (have, viewers) = (subscription.have, subscription.viewers);
            outbox.push(Output::Send { peer, message: ToFeed::Subscribe { stream, have, viewers } });
        }
    }

    /// Asks for points, after their streams are subscribed: only then is the answer behind all frames before it.
    fn ask(&mut self, now: Millis, peer: PeerId, outbox: &mut Vec<Output>) {
        if !self.to_ask || !self.to_subscribe.is_empty() {
            return;
        }
        self.to_ask = false;
        self.points.retain(|_, point| now.since(point.at) < POINT_MS);
        for ((stream, epoch, seq), point) in self.points.iter_mut().filter(|(_, point)| !point.asked) {
            point.asked = true;
            self.counters.points_asked += 1;
            let message = ToFeed::Ask { stream: stream.clone(), epoch: *epoch, seq: *seq };
            outbox.push(Output::Send { peer, message });
        }
    }

    /// Tells how many viewers there are, of all streams at once.
    fn tell(&mut self, now: Millis, peer: PeerId, outbox: &mut Vec<Output>) {
        if now < self.tell_at || self.to_tell.is_empty() {
            return;
        }
        let mut rows = Vec::new();
        while let Some(stream) = self.to_tell.pop_first() {
            if let Some(subscription) = self.streams.get_mut(&stream) {
                subscription.told = subscription.viewers;
                rows.push((stream, subscription.viewers));
            }
            if rows.len() == VIEWERS_ROWS_MAX || self.to_tell.is_empty() {
                self.counters.viewer_reports += 1;
                let message = ToFeed::Viewers(std::mem::take(&mut rows));
                outbox.push(Output::Send { peer, message });
            }
        }
        self.tell_at = now.plus(self.config.viewers_interval_ms);
    }
}

#[cfg(test)]
mod tests;
