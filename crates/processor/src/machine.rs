//! The machine itself: inputs in, orders out, one group in flight.
//!
//! Between the driver, which owns links, log and clock, and everything else in this crate. Invariant: answers, reports and
//! replies hold only what the log has called durable.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use watershed_log::{Gatherer, Section};
use watershed_placement::Map;
use watershed_protocol::{
    Epoch, HybridClock, HybridTime, Millis, Mutant, Position, StreamId,
    client::{Code, Refusal},
    limits,
    peer::{
        PeerId,
        report::{FromMerger, TallyRow, ToMerger},
        uplink::{AnswerBatch, Query, Reply, WriteBatch},
    },
};

use crate::{
    Checkpoint, Config, Counters, Keyspace, SavedRow, StreamCounts,
    checkpoint::{Saving, VIEWERS_UNSAVED_MAX},
    cold::{Held, HeldQuestion},
    comments::Stage,
    config::RETRY_AFTER_MS,
    group::{Answer, Group, Pending},
    residence::Residence,
    state::State,
    streams::StreamNo,
};

/// What happens to a processor.
#[derive(Debug)]
pub enum Input<'a> {
    /// A broadcast node sends writes.
    Writes {
        /// On which link.
        peer: PeerId,
        /// The writes.
        batch: &'a WriteBatch,
    },
    /// A broadcast node has a question.
    Query {
        /// On which link.
        peer: PeerId,
        /// Its number of the question.
        number: u64,
        /// The question.
        query: &'a Query,
    },
    /// A broadcast node's link is gone: nobody waits for its answers.
    PeerLost(PeerId),
    /// The group is durable.
    Durable {
        /// The group's number.
        group: u64,
    },
    /// The disk is full, and nothing of the group is in the log.
    Full {
        /// The group's number.
        group: u64,
    },
    /// The link to the root is there; the root will say what it watches.
    MergerUp(PeerId),
    /// The link to the root is gone.
    MergerLost,
    /// The link to the root takes no more until [`Input::MergerRoom`].
    MergerFull,
    /// The link to the root has room again.
    MergerRoom,
    /// The root says something.
    Merger(&'a FromMerger),
    /// Everything up to this record of the log is durable, and was said to be: save it, so that the log can be cut. Ignored
    /// while another checkpoint is being made.
    Save {
        /// The record's position.
        position: u64,
    },
    /// The store has taken the rows.
    Saved,
    /// The store has not taken them, or not all: what was to be saved is left for the next checkpoint.
    NotSaved,
    /// The store has answered [`Output::Load`].
    Loaded {
        /// Which one.
        load: u64,
        /// The row, if there is one.
        value: Option<&'a [u8]>,
    },
    /// The store could not be read for [`Output::Load`].
    NotLoaded {
        /// Which one.
        load: u64,
    },
    /// Owners have changed.
    Map(Arc<Map>),
    /// A time that a peer's clock showed.
    Heard(HybridTime),
    /// The deadline has come.
    Tick,
}

/// What a processor wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Make these rows durable, together; then say [`Input::Durable`].
    Append {
        /// The group's number: 1, 2, 3…
        group: u64,
        /// One section for each slot touched, slots ascending.
        sections: Vec<Section>,
    },
    /// Answers to writes of one peer.
    Answer {
        /// On which link.
        peer: PeerId,
        /// The answers.
        batch: AnswerBatch,
    },
    /// The answer to a question.
    Reply {
        /// On which link.
        peer: PeerId,
        /// The asker's number of the question.
        number: u64,
        /// The answer.
        reply: Reply,
    },
    /// Put these rows into the store; then say [`Input::Saved`].
    Save(Vec<SavedRow>),
    /// All rows are in the store: make this durable, behind them; then say [`Input::Saved`], and the log can be cut.
    Checkpoint(Checkpoint),
    /// Read this row of the store, beside the commits; then say [`Input::Loaded`]. Writes wait for it.
    Load {
        /// Its number.
        load: u64,
        /// Where the row is.
        keyspace: Keyspace,
        /// Under which key.
        key: Vec<u8>,
    },
    /// A report to the root.
    Report(ToMerger),
    /// A count became durable: only with [`Config::trace_tallies`].
    Durable(TallyRow),
    /// What became durable on one stream: only with [`Config::tell_counts`], and before the answers.
    Counted {
        /// Which stream.
        stream: StreamId,
        /// What, since the last time.
        counts: StreamCounts,
    },
}

/// One write processor.
#[derive(Debug)]
pub struct Processor {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) clock: HybridClock,
    pub(crate) gatherer: Gatherer<Group>,
    pub(crate) counters: Counters,
    /// When the next report of each watched stream is due.
    pub(crate) due: BTreeSet<(Millis, StreamNo)>,
    /// Whether the link to the root is there and has room.
    pub(crate) merger_takes: bool,
    /// The checkpoint that is being made.
    pub(crate) saving: Option<Saving>,
    /// When the next may be wanted, while one has failed not long ago.
    pub(crate) saving_after: Option<Millis>,
    /// Who waits for registers that are not in memory.
    pub(crate) held: Held,
    /// The last group that was sealed, and the last that is durable.
    pub(crate) sealed: u64,
    pub(crate) durable: u64,
    /// Answers of this step, by peer.
    ready: BTreeMap<PeerId, AnswerBatch>,
    /// Those of them that fill a batch: a group's together may be longer than a frame.
    ready_full: Vec<(PeerId, AnswerBatch)>,
    map_epoch: Epoch,
    started: bool,
}

impl Processor {
    /// A processor that knows nothing yet: [`Processor::replay`] its log to the end, say that it is
    /// [`Processor::replayed`], then [`Processor::start`] it.
    pub fn new(config: Config) -> Self {
        let state = State { residence: Residence::new(config.registers_bytes_max), ..State::default() };
        Self {
            config,
            state,
            clock: HybridClock::default(),
            gatherer: Gatherer::new(),
            counters: Counters::default(),
            due: BTreeSet::new(),
            merger_takes: false,
            saving: None,
            saving_after: None,
            held: Held::default(),
            sealed: 0,
            durable: 0,
            ready: BTreeMap::new(),
            ready_full: Vec::new(),
            map_epoch: Epoch::ZERO,
            started: false,
        }
    }

    /// Takes the slots that the map gives to this node, under the epochs that it has just raised.
    ///
    /// # Panics
    ///
    /// If some of the log still waits for [`Processor::replayed`].
    pub fn start(&mut self, now: Millis, map: Arc<Map>) {
        assert!(self.state.backlog.is_empty(), "the log was replayed to its end");
        self.state.slots.claim(&map, &self.config.node);
        self.map_epoch = map.epoch();
        self.clock.tick(now);
        self.started = true;
    }

    /// Takes one input and says what is to be done.
    pub fn step(&mut self, now: Millis, input: Input<'_>, outbox: &mut Vec<Output>) {
        self.saving_after = self.saving_after.filter(|after| now < *after);
        match input {
            Input::Writes { peer, batch } => self.take_writes(now, peer, batch),
            Input::Query { peer, number, query } => self.take_query(peer, number, query, outbox),
            Input::PeerLost(peer) => self.forget(peer),
            Input::Durable { group } => self.durable(now, group, outbox),
            Input::Full { group } => self.refuse(group, outbox),
            Input::MergerUp(_) => {
                self.close_all();
                self.merger_takes = true;
            }
            Input::MergerLost => {
                self.close_all();
                self.merger_takes = false;
            }
            Input::MergerFull => self.merger_takes = false,
            Input::MergerRoom => self.merger_takes = true,
            Input::Merger(FromMerger::Open { stream, epoch, from }) => self.open(now, stream, *epoch, from),
            Input::Merger(FromMerger::Count { stream, epoch, comments }) => self.count(now, stream, *epoch, comments),
            Input::Merger(FromMerger::Close { stream }) => {
                if let Some(stream) = self.state.streams.find(stream) {
                    self.close(stream);
                }
            }
            Input::Save { position } => self.begin_saving(position),
            Input::Saved => self.saved(),
            Input::NotSaved => self.give_up_saving(now),
            Input::Loaded { load, value } => self.loaded(load, value, outbox),
            Input::NotLoaded { load } => self.not_loaded(load, outbox),
            Input::Map(map) => self.take_map(&map),
            // A refused jump was reported by whoever heard it.
            Input::Heard(time) => drop(self.clock.hear(now, time)),
            Input::Tick => {}
        }
        self.seal(outbox);
        self.report_due(now, outbox);
        self.save(outbox);
        self.state.make_room();
        self.ask_for_pages(outbox);
        self.flush(outbox);
    }

    /// All counts as they are durable. A trace of durable counts begins with them: what was made durable just before a crash
    /// was told to nobody.
    pub fn tallies(&self) -> impl Iterator<Item = TallyRow> {
        let counted = |comment: &u32| self.state.comments[*comment].version > Position::ZERO;
        (0..self.state.comments.len() as u32).filter(counted).map(|comment| self.state.tally(comment))
    }

    /// When a [`Input::Tick`] is wanted.
    pub fn deadline(&self) -> Option<Millis> {
        let report = self.due.first().filter(|_| self.merger_takes).map(|(due, _)| *due);
        let saving = self.saving_after.filter(|_| self.is_short_of_room());
        [report, saving].into_iter().flatten().min()
    }

    /// Whether [`Input::Save`] is wanted, however little the log has grown: nothing else makes room in memory.
    pub fn wants_saving(&self) -> bool {
        self.is_short_of_room() && self.saving_after.is_none()
    }

    fn is_short_of_room(&self) -> bool {
        let unsaved = self.state.viewers.len() as u32 - self.state.to_save.viewers;
        self.saving.is_none() && (self.state.residence.wants_saving() || unsaved > VIEWERS_UNSAVED_MAX)
    }

    /// Whether so much waits for the disk that further writes would be refused.
    pub fn is_full(&self) -> bool {
        let group = self.gatherer.peek();
        group.pending.len() >= self.config.group_answers_max || group.bytes >= self.config.group_bytes_max
    }

    /// Whether nothing waits for the disk: neither for the log nor for the store.
    pub fn is_idle(&self) -> bool {
        self.gatherer.idle() && !self.gatherer.gathering() && self.held.is_empty()
    }

    /// The latest time that a comment was given: what this node's heartbeats must not fall behind.
    pub fn hybrid(&self) -> HybridTime {
        self.clock.last()
    }

    /// What was done so far.
    pub fn counters(&self) -> Counters {
        Counters {
            comments: self.state.comments.len() as u64,
            registers: self.state.registers,
            viewers: self.state.viewers.len() as u64,
            streams: self.state.streams.len() as u64,
            waiting: self.writes_waiting(),
            registers_bytes: self.state.residence.bytes() as u64,
            pages_evicted: self.state.residence.evicted(),
            loads: self.held.loads_begun(),
            writes_held: self.held.likes() as u64,
            ..self.counters
        }
    }

    fn writes_waiting(&self) -> u64 {
        let in_flight = self.gatherer.in_flight().map_or(0, |(_, group)| group.pending.len());
        (self.gatherer.peek().pending.len() + in_flight + self.held.likes()) as u64
    }

    /// Gathers an answer for the end of this step.
    pub(crate) fn answer(&mut self, peer: PeerId, number: u64, answer: Answer) {
        self.counters.answers += 1;
        let batch = self.ready.entry(peer).or_default();
        if batch.len() >= limits::WRITES_PER_BATCH_MAX {
            self.ready_full.push((peer, std::mem::take(batch)));
        }
        match answer {
            Answer::Like(bits) => batch.likes.push((number, bits)),
            Answer::Done => batch.done.push(number),
            Answer::Refused(refusal) => {
                self.counters.refused += 1;
                batch.refused.push((number, refusal));
            }
            Answer::Moved => batch.moved.push(number),
        }
    }

    fn take_query(&mut self, peer: PeerId, number: u64, query: &Query, outbox: &mut Vec<Output>) {
        self.counters.queries += 1;
        if !self.started {
            return outbox.push(Output::Reply { peer, number, reply: Reply::Unavailable });
        }
        if let Some(question) = HeldQuestion::new(peer, number, query, limits::LIKES_QUERY_IDS_MAX) {
            return self.resume(question, outbox);
        }
        // All that is read here is durable.
        outbox.push(Output::Reply { peer, number, reply: self.state.reply(query) });
    }

    /// A reply that rests on registers, which hold what is not durable yet.
    pub(crate) fn reply_riding(&mut self, peer: PeerId, number: u64, reply: Reply, outbox: &mut Vec<Output>) {
        let max = self.config.group_answers_max;
        match self.gatherer.ride() {
            Some(group) if group.replies.len() >= max => {
                outbox.push(Output::Reply { peer, number, reply: Reply::Unavailable });
            }
            Some(group) => group.replies.push((peer, number, reply)),
            None => outbox.push(Output::Reply { peer, number, reply }),
        }
    }

    fn take_map(&mut self, map: &Map) {
        if map.epoch() > self.map_epoch {
            self.map_epoch = map.epoch();
            self.counters.fenced += self.state.slots.fence(map, &self.config.node) as u64;
            if !self.state.slots.any_owned() {
                self.close_all();
            }
        }
    }

    fn forget(&mut self, peer: PeerId) {
        let mut forgotten = self.gatherer.peek_mut().forget(peer);
        if let Some(group) = self.gatherer.in_flight_mut() {
            forgotten += group.forget(peer);
        }
        forgotten += self.held.forget(peer);
        self.counters.abandoned += forgotten as u64;
        self.ready.remove(&peer);
    }

    /// Sends the open group to the log, if none is in flight.
    fn seal(&mut self, outbox: &mut Vec<Output>) {
        if let Some((group, effects)) = self.gatherer.seal() {
            self.sealed = group;
            outbox.push(Output::Append { group, sections: effects.sections(&self.state) });
        }
    }

    fn durable(&mut self, now: Millis, group: u64, outbox: &mut Vec<Output>) {
        self.counters.groups += 1;
        self.durable = group;
        let Group { changes, pending, replies, .. } = self.gatherer.durable(group);
        let (mut streams, mut counted) = (BTreeMap::<StreamNo, StreamCounts>::new(), BTreeSet::new());
        for change in changes {
            let counts = StreamCounts::of(&change, &self.state);
            let published = self.state.publish(change);
            if let Some(stream) = published.stream {
                streams.entry(stream).or_default().add(counts);
            }
            counted.extend(published.counted.filter(|_| self.config.trace_tallies));
        }
        // A comment that was liked and deleted in one group never had that count.
        let there = counted.into_iter().filter(|comment| self.state.comments[*comment].stage != Stage::Deleted);
        outbox.extend(there.map(|comment| Output::Durable(self.state.tally(comment))));
        for Pending { peer, number, slot, answer } in pending {
            // A fenced owner answers nothing: the new one may know better.
            if self.state.slots.owned(slot) || Mutant::FencedAnswers.lives() {
                self.answer(peer, number, answer);
            } else {
                self.counters.abandoned += 1;
            }
        }
        outbox.extend(replies.into_iter().map(|(peer, number, reply)| Output::Reply { peer, number, reply }));
        for (stream, counts) in streams {
            self.plan(now, stream);
            if self.config.tell_counts && !counts.is_nothing() {
                outbox.push(Output::Counted { stream: self.state.streams[stream].id.clone(), counts });
            }
        }
    }

    /// The disk is full: the group in flight, and what gathered on top of it, is taken back and refused.
    fn refuse(&mut self, group: u64, outbox: &mut Vec<Output>) {
        self.counters.groups_refused += 1;
        let (refused, open) = (self.gatherer.refused(group), self.gatherer.abandon());
        let mut shelves = BTreeSet::new();
        for Group { changes, pending, replies, .. } in [open, refused] {
            shelves.extend(changes.into_iter().rev().map(|change| self.state.undo(change)));
            // What they read is gone; who asks again reads what is there.
            let unavailable = |(peer, number, _)| Output::Reply { peer, number, reply: Reply::Unavailable };
            outbox.extend(replies.into_iter().map(unavailable));
            for Pending { peer, number, .. } in pending {
                let refusal =
                    Refusal::retry(Code::Unavailable, RETRY_AFTER_MS, "the disk of the comment's owner is full");
                self.answer(peer, number, Answer::Refused(refusal));
            }
        }
        shelves.into_iter().for_each(|shelf| self.state.streams.release_shelf(shelf));
        self.refuse_held_questions(outbox);
        self.sealed = group - 1;
        self.take_back_unsure();
    }

    fn flush(&mut self, outbox: &mut Vec<Output>) {
        for (peer, mut batch) in self.ready_full.drain(..).chain(std::mem::take(&mut self.ready)) {
            batch.map_epoch = self.map_epoch;
            outbox.push(Output::Answer { peer, batch });
        }
    }
}

#[cfg(test)]
mod property;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;
