//! The root's machine: all streams, all links, and whom to tell what.
//!
//! It stands between the driver, which knows sockets and clocks, and the streams, which know neither links nor each other.
//! Invariant: a step costs what it was told and what is due, not how many streams are open.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use watershed_placement::Map;
use watershed_protocol::{
    Epoch, Millis, NodeName, Seq, Snapshot, StreamId,
    peer::{
        PeerId,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, Report, ToMerger},
    },
};

use crate::{
    Config, Counters, Figures, Input, Output,
    audience::Point,
    deadlines::Deadlines,
    epochs::Epochs,
    nodes::Nodes,
    positions::Fences,
    processors::Processors,
    stream::{Stream, Taken, Update},
};

/// The root merger.
#[derive(Debug)]
pub struct Merger {
    config: Config,
    map_epoch: Epoch,
    owners: BTreeSet<NodeName>,
    fences: Fences,
    epochs: Epochs,
    /// Streams that want an epoch while none is left.
    starved: BTreeSet<StreamId>,
    processors: Processors,
    nodes: Nodes,
    /// Boxed: a tree leaves a third of its places free, and a stream is a few hundred bytes.
    streams: BTreeMap<StreamId, Box<Stream>>,
    deadlines: Deadlines,
    counters: Counters,
}

impl Merger {
    /// A root without links and streams. `stream_epochs` are durably reserved for it, and never given to another.
    pub fn new(config: Config, map: Arc<Map>, stream_epochs: Range<u64>) -> Self {
        Self {
            config,
            map_epoch: map.epoch(),
            owners: map.processors().into_iter().collect(),
            fences: Fences::new(&map),
            epochs: Epochs::new(stream_epochs),
            starved: BTreeSet::new(),
            processors: Processors::default(),
            nodes: Nodes::default(),
            streams: BTreeMap::new(),
            deadlines: Deadlines::default(),
            counters: Counters::default(),
        }
    }

    /// Takes one input and appends what it orders.
    pub fn step(&mut self, now: Millis, input: Input<'_>, outbox: &mut Vec<Output>) {
        match input {
            Input::ProcessorUp { peer, node } => self.processor_up(peer, &node, outbox),
            Input::Processor { peer, message: ToMerger::Report(report) } => self.report(now, peer, report, outbox),
            Input::NodeUp { peer, node } => self.node_up(now, peer, &node, outbox),
            Input::Node { peer, message } => self.node(now, peer, message, outbox),
            Input::Lost(peer) => self.lost(now, peer, outbox),
            Input::Full(peer) => {
                self.processors.full(peer);
                self.nodes.full(peer);
            }
            Input::Room(peer) => self.room(peer, outbox),
            Input::Map(map) => self.map(now, &map, outbox),
            Input::EpochsReserved(range) => {
                self.epochs.add(range);
                for id in std::mem::take(&mut self.starved) {
                    self.settle(now, &id, outbox);
                }
            }
            Input::Tick => {}
        }
        while let Some(id) = self.deadlines.take_due(now) {
            self.settle(now, &id, outbox);
        }
        if self.epochs.ask() {
            outbox.push(Output::ReserveEpochs);
        }
    }

    /// When a tick is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        self.deadlines.first()
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        Counters { streams_open: self.streams.len() as u64, ..self.counters }
    }

    /// The stream as of its last frame; `None` unless it is open.
    pub fn snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        Some(self.streams.get(stream)?.live()?.view.snapshot())
    }

    /// All streams, by name.
    pub fn figures(&self) -> impl Iterator<Item = Figures> {
        self.streams.iter().map(|(id, stream)| Figures {
            stream: id.clone(),
            point: stream.point(),
            viewers: stream.audience.viewers(),
            subscribers: stream.audience.subscribers(),
            owners_missing: stream.missing(&self.owners),
        })
    }
}

/// Processors.
impl Merger {
    fn processor_up(&mut self, peer: PeerId, node: &NodeName, outbox: &mut Vec<Output>) {
        self.processors.up(peer, node);
        self.tell_all(node, self.streams.keys().cloned().collect(), outbox);
    }

    fn report(&mut self, now: Millis, peer: PeerId, report: &Report, outbox: &mut Vec<Output>) {
        self.counters.reports_in += 1;
        self.counters.tallies_in += report.tallies.len() as u64;
        self.counters.comments_in += report.comments.len() as u64;
        let Some(node) = self.processors.name(peer).cloned() else { return };
        let Some(stream) = self.streams.get_mut(&report.stream) else {
            self.counters.stale += 1;
            return;
        };
        let (taken, fenced) = stream.take(now, &node, report, &mut self.fences, &self.config);
        self.counters.fenced += fenced as u64;
        match taken {
            Taken::Merged => {}
            Taken::Repeat => self.counters.repeats += 1,
            Taken::Stale => self.counters.stale += 1,
            Taken::Fenced => {}
            Taken::Gap { reopen } => {
                self.counters.gaps += 1;
                if reopen {
                    self.reopen(now, &node, &report.stream, outbox);
                }
            }
            Taken::Overlap => {
                self.counters.overlaps += 1;
                self.reopen(now, &node, &report.stream, outbox);
            }
        }
        self.settle(now, &report.stream, outbox);
    }

    /// Tells a processor of these streams, most viewers first.
    fn tell_all(&mut self, node: &NodeName, streams: BTreeSet<StreamId>, outbox: &mut Vec<Output>) {
        let viewers = |id: &StreamId| self.streams.get(id).map_or(0, |stream| stream.audience.viewers());
        let mut streams: Vec<_> = streams.into_iter().map(|id| (Reverse(viewers(&id)), id)).collect();
        streams.sort();
        for (_, id) in streams {
            self.tell(node, &id, outbox);
        }
    }

    /// Tells a processor how the stream stands: open, from where on, or closed.
    fn tell(&mut self, node: &NodeName, id: &StreamId, outbox: &mut Vec<Output>) {
        let stream = self.streams.get_mut(id);
        if stream.is_some() && !self.owners.contains(node) {
            return;
        }
        let Some(peer) = self.processors.may_send(node, id) else { return };
        let message = match stream {
            Some(stream) => stream.open(id, node),
            None => Some(FromMerger::Close { stream: id.clone() }),
        };
        outbox.extend(message.map(|message| Output::ToProcessor { peer, message }));
    }

    fn reopen(&mut self, now: Millis, node: &NodeName, id: &StreamId, outbox: &mut Vec<Output>) {
        self.tell(node, id, outbox);
        if let Some(stream) = self.streams.get_mut(id) {
            stream.reopened(now, node);
        }
    }

    fn map(&mut self, now: Millis, map: &Map, outbox: &mut Vec<Output>) {
        if map.epoch() <= self.map_epoch {
            return;
        }
        self.map_epoch = map.epoch();
        self.fences.learn(map);
        let owners: BTreeSet<NodeName> = map.processors().into_iter().collect();
        let before = std::mem::replace(&mut self.owners, owners);
        if before == self.owners {
            return;
        }
        let all: BTreeSet<StreamId> = self.streams.keys().cloned().collect();
        let new: Vec<NodeName> = self.owners.difference(&before).cloned().collect();
        for node in new {
            self.tell_all(&node, all.clone(), outbox);
        }
        for id in all {
            self.settle(now, &id, outbox);
        }
    }
}

/// Broadcast nodes.
impl Merger {
    fn node_up(&mut self, now: Millis, peer: PeerId, node: &NodeName, outbox: &mut Vec<Output>) {
        if let Some(former) = self.nodes.up(peer, node) {
            self.lost(now, former, outbox);
        }
    }

    fn node(&mut self, now: Millis, peer: PeerId, message: &ToFeed, outbox: &mut Vec<Output>) {
        match message {
            ToFeed::Subscribe { stream, have, viewers } => {
                self.subscribe(now, peer, stream, *have, *viewers, outbox);
            }
            ToFeed::Unsubscribe { stream } => {
                if let Some(node) = self.nodes.get_mut(peer) {
                    node.streams.remove(stream);
                }
                self.leave(now, peer, stream, outbox);
            }
            ToFeed::Viewers(changed) => {
                for (id, viewers) in changed {
                    if let Some(stream) = self.streams.get_mut(id) {
                        stream.audience.set_viewers(peer, *viewers);
                        self.settle(now, id, outbox);
                    }
                }
            }
            ToFeed::Ask { stream, epoch, seq } => self.ask(peer, stream, (*epoch, *seq), outbox),
        }
    }

    fn subscribe(
        &mut self,
        now: Millis,
        peer: PeerId,
        id: &StreamId,
        have: Option<Point>,
        viewers: u64,
        outbox: &mut Vec<Output>,
    ) {
        let Some(node) = self.nodes.get_mut(peer) else { return };
        if !self.streams.contains_key(id) {
            if self.streams.len() >= self.config.streams_max {
                self.counters.streams_refused += 1;
                return;
            }
            self.streams.insert(id.clone(), Box::new(Stream::new(now, &self.config)));
        }
        node.streams.insert(id.clone());
        if let Some(stream) = self.streams.get_mut(id) {
            stream.audience.subscribe(peer, viewers, have);
        }
        // First up to the head, so that what is sealed next continues what the subscriber has.
        self.catch_up(peer, id, outbox);
        self.settle(now, id, outbox);
    }

    /// Brings one subscriber from where it is to the head: by frames if the log reaches back to it, else by a snapshot.
    fn catch_up(&mut self, peer: PeerId, id: &StreamId, outbox: &mut Vec<Output>) {
        let Some(stream) = self.streams.get_mut(id) else { return };
        let Some(head) = stream.live().map(|live| (live.view.epoch(), live.view.seq())) else { return };
        if !self.nodes.may_send(peer, id) {
            return;
        }
        let Some(from) = stream.audience.catch_up(peer, head) else { return };
        let Some(live) = stream.live() else { return };
        let mut send = |message| outbox.push(Output::ToNodes { peers: vec![peer], message });
        let frames = from.filter(|(epoch, _)| *epoch == head.0).and_then(|(_, seq)| live.log.since(seq));
        match frames {
            Some(frames) => frames.for_each(|delta| send(FromFeed::Frame { stream: id.clone(), delta })),
            None => send(FromFeed::Snapshot { stream: id.clone(), snapshot: live.view.snapshot() }),
        }
    }

    fn leave(&mut self, now: Millis, peer: PeerId, id: &StreamId, outbox: &mut Vec<Output>) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.audience.leave(now, peer);
            self.settle(now, id, outbox);
        }
    }

    /// Is there such a frame? One that is not later than the last is on its way, or has been sent.
    fn ask(&mut self, peer: PeerId, id: &StreamId, point: Point, outbox: &mut Vec<Output>) {
        let exists = match self.streams.get(id).and_then(|stream| stream.point()) {
            Some(last) => point <= last,
            None => self.epochs.may_be_given(point.0),
        };
        if !exists && self.nodes.may_deny(peer, (id.clone(), point.0, point.1)) {
            let message = FromFeed::Unknown { stream: id.clone(), epoch: point.0, seq: point.1 };
            outbox.push(Output::ToNodes { peers: vec![peer], message });
        }
    }
}

/// All links and streams.
impl Merger {
    fn lost(&mut self, now: Millis, peer: PeerId, outbox: &mut Vec<Output>) {
        self.processors.lost(peer);
        for id in self.nodes.lost(peer) {
            self.leave(now, peer, &id, outbox);
        }
    }

    fn room(&mut self, peer: PeerId, outbox: &mut Vec<Output>) {
        if let Some((node, streams)) = self.processors.room(peer) {
            self.tell_all(&node, streams, outbox);
        }
        let owed = self.nodes.room(peer);
        for id in owed.streams {
            self.catch_up(peer, &id, outbox);
        }
        for (id, epoch, seq) in owed.unknown {
            self.ask(peer, &id, (epoch, seq), outbox);
        }
    }

    /// Does all that is due of a stream after something has changed, and notes when it wants to act next.
    fn settle(&mut self, now: Millis, id: &StreamId, outbox: &mut Vec<Output>) {
        self.renew(now, id, outbox);
        let Some(stream) = self.streams.get_mut(id) else { return };
        if stream.audience.empty_since().is_some_and(|since| now >= since.plus(self.config.close_after_ms)) {
            return self.close(id, outbox);
        }
        let (frames, unshown) = (self.counters.frames_out, self.counters.comments_unshown);
        while let Some(update) = stream.next(now, &self.owners, &self.config) {
            publish(id, stream, update, &mut self.nodes, &mut self.counters, outbox);
        }
        if let Some(comments) = stream.ask(now, &self.owners, &self.config)
            && let Some((epoch, _)) = stream.point()
        {
            self.counters.parts_asked += comments.len() as u64;
            for peer in self.owners.iter().filter_map(|owner| self.processors.spare(owner)) {
                let message = FromMerger::Count { stream: id.clone(), epoch, comments: comments.clone() };
                outbox.push(Output::ToProcessor { peer, message });
            }
        }
        if self.config.tell_counts {
            let made = (self.counters.frames_out - frames, self.counters.comments_unshown - unshown);
            let counted = stream.count(made.0, made.1);
            outbox.extend(counted.map(|counts| Output::Counted { stream: id.clone(), counts }));
        }
        let deadline = stream.deadline(self.starved.contains(id), &self.config);
        debug_assert!(deadline.is_none_or(|at| at > now), "all that is due has been done");
        self.deadlines.set(id, deadline);
    }

    /// Begins a fresh epoch, if the stream wants one and one is left.
    fn renew(&mut self, now: Millis, id: &StreamId, outbox: &mut Vec<Output>) {
        let Some(stream) = self.streams.get_mut(id).filter(|stream| stream.wants_epoch(now, &self.config)) else {
            return;
        };
        let Some(epoch) = self.epochs.take() else {
            self.starved.insert(id.clone());
            return;
        };
        self.starved.remove(id);
        if let Some(first) = stream.begin(now, epoch, &self.owners, &mut self.fences, &self.config) {
            self.counters.raises += 1;
            publish(id, stream, Update::Snapshot(first), &mut self.nodes, &mut self.counters, outbox);
        }
        for node in self.processors.connected() {
            self.tell(&node, id, outbox);
        }
    }

    /// Nobody has watched for long: the stream is forgotten. Opened again, it takes a fresh epoch.
    fn close(&mut self, id: &StreamId, outbox: &mut Vec<Output>) {
        self.streams.remove(id);
        self.starved.remove(id);
        self.deadlines.set(id, None);
        for node in self.processors.connected() {
            self.tell(&node, id, outbox);
        }
    }
}

/// Sends an update to all subscribers whose links have room, if there are any.
fn publish(
    id: &StreamId,
    stream: &mut Stream,
    update: Update,
    nodes: &mut Nodes,
    counters: &mut Counters,
    outbox: &mut Vec<Output>,
) {
    let (head, message) = match update {
        Update::Snapshot(snapshot) => {
            counters.snapshots_out += 1;
            counters.resyncs_partial += u64::from(snapshot.partial && snapshot.seq == Seq::ZERO);
            ((snapshot.epoch, snapshot.seq), FromFeed::Snapshot { stream: id.clone(), snapshot })
        }
        Update::Frame(delta) => {
            counters.frames_out += 1;
            counters.tallies_out += delta.likes.len() as u64;
            counters.comments_out += delta.comments.len() as u64;
            counters.comments_unshown += delta.total.saturating_sub(delta.comments.len() as u64);
            ((delta.epoch, delta.seq), FromFeed::Frame { stream: id.clone(), delta })
        }
    };
    let peers = stream.audience.reach(head, id, nodes);
    if !peers.is_empty() {
        outbox.push(Output::ToNodes { peers, message });
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
