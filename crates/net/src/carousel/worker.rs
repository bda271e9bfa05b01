//! One carousel worker: a thread with its own poll, its own viewers, and a loop of short slices.
//!
//! Between the inbox and the sockets. A pass of the loop takes what arrived, reads, answers, and goes on with the turns
//! of its streams, each for about a millisecond, so that nothing starves anything. What a step does is elsewhere: coming
//! and going in `seating`, `receive`, `send`, `timers`, and what goes to the node in `report`.
//!
//! Invariant: the loop never waits but in `poll`: no lock is held over a system call, no channel is waited for.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    io,
    sync::{Arc, atomic::AtomicUsize},
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token, Waker};
use tokio::sync::mpsc;
use watershed_broadcast::{Origin, Write};
use watershed_protocol::{Millis, NodeName};

use super::{
    CarouselConfig, Event, SharedRoom,
    held::Held,
    inbox::{Inbox, Message},
    places::Places,
    receive::READ_BYTES,
    stats::{Figures, Stats},
    stream::Streams,
    timers::Timer,
    viewer::{Flags, Seat, Viewers},
};
use crate::clock::SharedClock;

/// How long one kind of work goes on before the others have their turn.
const SLICE: Duration = Duration::from_millis(1);
/// Most readiness events of one pass; the rest come with the next.
const EVENTS_PER_PASS: usize = 1_024;
/// The clock is asked once for so many steps: elsewhere than here it may be a system call.
const STEPS_PER_LOOK: u32 = 16;
/// Answers of one step of a slice.
const ANSWERS_PER_STEP: usize = 16;
/// Viewers of one stream that are served before another stream's.
const VIEWERS_PER_STREAM: usize = 64;
/// The unit in which it is kept since when a socket takes nothing.
pub(super) const TICK_MS: u64 = 10;
/// No viewer has it: worker numbers end at 63.
const WAKE: Token = Token(usize::MAX);

/// What others may know of a worker.
pub(super) struct Shared {
    pub(super) inbox: Inbox,
    pub(super) stats: Stats,
    /// Viewers that are seated here or on their way.
    pub(super) load: AtomicUsize,
    /// Viewers that are on their way.
    pub(super) joins_waiting: AtomicUsize,
}

/// The worker, on its own thread.
pub(super) struct Worker {
    pub(super) number: u8,
    pub(super) config: Arc<CarouselConfig>,
    pub(super) node: NodeName,
    clock: Arc<SharedClock>,
    pub(super) poll: Poll,
    pub(super) shared: Arc<Shared>,
    pub(super) events: mpsc::Sender<Event>,
    started: Millis,
    pub(super) now: Millis,
    pub(super) viewers: Viewers,
    /// The count of all workers' viewers.
    pub(super) places: Places,
    /// Sockets that were turned away and have not gone yet.
    pub(super) turned_away: usize,
    pub(super) streams: Streams,
    arrived: VecDeque<Message>,
    pub(super) reading: VecDeque<Seat>,
    sending: VecDeque<Seat>,
    turning: VecDeque<u32>,
    pub(super) timers: BinaryHeap<Reverse<(Millis, Timer)>>,
    pub(super) held: Held,
    pub(super) buffer: Box<[u8]>,
    pub(super) writes: Vec<Write>,
    /// Streams that have something to report, and when that may be done.
    pub(super) listed: Vec<u32>,
    pub(super) report_at: Millis,
    pub(super) figures: Figures,
    pub(super) ending: bool,
}

impl Worker {
    pub(super) fn new(
        number: u8,
        config: Arc<CarouselConfig>,
        node: NodeName,
        clock: Arc<SharedClock>,
        events: mpsc::Sender<Event>,
        places: Places,
    ) -> io::Result<(Self, Arc<Shared>)> {
        let poll = Poll::new()?;
        let inbox = Inbox::new(Waker::new(poll.registry(), WAKE)?);
        let shared = Arc::new(Shared {
            inbox,
            stats: Stats::default(),
            load: AtomicUsize::new(0),
            joins_waiting: AtomicUsize::new(0),
        });
        let now = clock.now();
        let worker = Self {
            number,
            config,
            node,
            clock,
            poll,
            shared: shared.clone(),
            events,
            started: now,
            now,
            viewers: Viewers::new(number),
            places,
            turned_away: 0,
            streams: Streams::default(),
            arrived: VecDeque::new(),
            reading: VecDeque::new(),
            sending: VecDeque::new(),
            turning: VecDeque::new(),
            timers: BinaryHeap::new(),
            held: Held::default(),
            buffer: vec![0; READ_BYTES].into(),
            writes: Vec::new(),
            listed: Vec::new(),
            report_at: now,
            figures: Figures::default(),
            ending: false,
        };
        Ok((worker, shared))
    }

    /// The loop, until it was told to end and all viewers have gone.
    pub(super) fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(EVENTS_PER_PASS);
        while !(self.ending && self.viewers.len() == 0) {
            match self.poll.poll(&mut events, self.timeout()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                polled => polled?,
            }
            self.now = self.clock.now();
            for event in events.iter().filter(|event| event.token() != WAKE) {
                self.ready(event);
            }
            self.slice(Self::arrive);
            self.slice(Self::read_next);
            self.slice(Self::send_next);
            self.slice(Self::turn_next);
            self.expire();
            self.report();
            self.figures.held_bytes = self.held.bytes() as u64;
            self.shared.stats.publish(&self.figures);
        }
        Ok(())
    }

    /// Does steps of one kind until none is left or the slice is over.
    fn slice(&mut self, step: impl Fn(&mut Self) -> bool) {
        let mut end = None;
        loop {
            for _ in 0..STEPS_PER_LOOK {
                if !step(self) {
                    return;
                }
            }
            let now = Instant::now();
            if now >= *end.get_or_insert(now + SLICE) {
                return;
            }
        }
    }

    /// How long there is nothing to do.
    fn timeout(&self) -> Option<Duration> {
        let busy = !(self.arrived.is_empty()
            && self.reading.is_empty()
            && self.sending.is_empty()
            && self.turning.is_empty()
            && self.writes.is_empty())
            || self.shared.inbox.is_waiting();
        if busy {
            return Some(Duration::ZERO);
        }
        let timer = self.timers.peek().map(|Reverse((due, _))| *due);
        let report = (!self.listed.is_empty()).then_some(self.report_at);
        let due = [timer, report].into_iter().flatten().min()?;
        Some(Duration::from_millis(due.since(self.clock.now())))
    }

    /// Notes what a socket is ready for; nothing is read or written yet.
    fn ready(&mut self, event: &mio::event::Event) {
        let seat = Seat::of(Origin(event.token().0 as u64));
        let Some(viewer) = self.viewers.find(seat) else { return };
        if event.is_error() || event.is_write_closed() {
            self.figures.closed_gone += u64::from(!viewer.flags.has(Flags::CLOSING));
            self.remove(seat.index);
            return;
        }
        if event.is_read_closed() {
            viewer.flags.set(Flags::ENDING);
        }
        let readable = event.is_readable() || event.is_read_closed();
        if event.is_writable() && viewer.flags.clear(Flags::BLOCKED) {
            self.queue_send(seat.index);
        }
        if readable {
            self.queue_read(seat.index);
        }
    }

    /// Takes one thing that was handed over.
    fn arrive(&mut self) -> bool {
        if self.arrived.is_empty() && self.shared.inbox.is_waiting() {
            self.arrived.extend(self.shared.inbox.take());
        }
        match self.arrived.pop_front() {
            Some(Message::Join(joiner)) => self.join(*joiner),
            Some(Message::Echo(upgraded)) => self.join_echo(upgraded),
            Some(Message::Answers(mut answers)) => {
                for (origin, response) in answers.by_ref().take(ANSWERS_PER_STEP) {
                    self.answer(origin, &response);
                }
                if answers.len() > 0 {
                    self.arrived.push_front(Message::Answers(answers));
                }
            }
            Some(Message::Head(room)) => self.head_moved(&room),
            Some(Message::Unknown(stream, epoch, seq)) => self.start_over(&stream, (epoch, seq)),
            Some(Message::Move(progress)) => {
                if let Some(progress) = self.move_some(progress) {
                    self.arrived.push_back(Message::Move(progress));
                }
            }
            Some(Message::Survey(survey)) => {
                if let Some(survey) = self.survey_some(survey) {
                    self.arrived.push_back(Message::Survey(survey));
                }
            }
            Some(Message::TurnAway(upgraded, words)) => self.turn_away(upgraded, &words),
            Some(Message::Shutdown) => self.end(),
            None => return false,
        }
        true
    }

    fn head_moved(&mut self, room: &Arc<SharedRoom>) {
        room.look(self.number);
        if let Some(stream) = self.streams.find(room.stream()) {
            self.look_at(stream);
        }
    }

    /// Looks at the room's head; when it has moved, the stream is queued for a turn.
    pub(super) fn look_at(&mut self, index: u32) {
        // Again after each: whoever caught up was placed by the room as it is, which may be later than what was seen of it.
        while self.streams.at(index).look(self.now) {
            for (seat, cursor) in self.streams.at(index).caught_up() {
                self.start_at(seat, cursor);
            }
            self.queue_turn(index);
        }
    }

    pub(super) fn queue_turn(&mut self, index: u32) {
        let stream = self.streams.at(index);
        if stream.round.waiting() > 0 && !std::mem::replace(&mut stream.turning, true) {
            stream.begin_lap();
            self.turning.push_back(index);
        }
    }

    pub(super) fn queue_read(&mut self, index: u32) {
        let seat = self.viewers.seat(index);
        let flags = &mut self.viewers.at(index).flags;
        if !flags.has(Flags::HALTED) && flags.set(Flags::READING) {
            self.reading.push_back(seat);
        }
    }

    pub(super) fn queue_send(&mut self, index: u32) {
        let seat = self.viewers.seat(index);
        if self.viewers.at(index).flags.set(Flags::SENDING) {
            self.sending.push_back(seat);
        }
    }

    fn read_next(&mut self) -> bool {
        let Some(seat) = self.reading.pop_front() else { return false };
        if let Some(viewer) = self.viewers.find(seat) {
            viewer.flags.clear(Flags::READING);
            self.read(seat.index);
        }
        true
    }

    fn send_next(&mut self) -> bool {
        let Some(seat) = self.sending.pop_front() else { return false };
        if let Some(viewer) = self.viewers.find(seat) {
            viewer.flags.clear(Flags::SENDING);
            self.serve(seat.index, false);
        }
        true
    }

    /// Serves the next viewer of the stream whose turn it is. A stream whose slice ends goes on in the next pass; after
    /// so many viewers another stream comes first.
    fn turn_next(&mut self) -> bool {
        let Some(index) = self.turning.front().copied() else { return false };
        let Some(stream) = self.streams.get(index) else {
            self.turning.pop_front();
            return true;
        };
        if let Some(viewer) = stream.round.advance() {
            self.serve(viewer, true);
            let stream = self.streams.at(index);
            if let Some(us) = stream.step_lap() {
                self.figures.turns += 1;
                self.figures.turn_us += us;
                self.figures.turn_us_max = self.figures.turn_us_max.max(us);
            }
            if stream.round.waiting().is_multiple_of(VIEWERS_PER_STREAM) {
                self.turning.rotate_left(1);
                self.look_at(index);
            }
            return true;
        }
        stream.rest();
        self.turning.pop_front();
        self.look_at(index);
        true
    }

    /// The time since the worker's start, in units of [`TICK_MS`]; it wraps after 497 days.
    pub(super) fn ticks(&self) -> u32 {
        (self.now.since(self.started) / TICK_MS) as u32
    }
}
