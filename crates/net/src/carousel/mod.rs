//! The carousel: viewers' sockets, after the handshake, on a few threads of their own.
//!
//! Between the HTTP server, which hands viewers over, and the node's driver, which takes their writes and publishes into
//! rooms. Sending goes round the viewers of a stream whose room's head has moved; each gets all since its cursor in one
//! write of shared bytes, so an overloaded node goes round more slowly, frames merge, and nothing is dropped.
//!
//! Invariant: after the handshake a viewer has no task, no channel, no timer and no library object of its own.
//!
//! ```text
//!              adopt, answer, wake                Event::Writes, Taps, Ahead, Shed, Viewers
//!   node ───────────▶ inbox ──▶ worker ──────────────────▶ node
//!                               │  ▲
//!                    one write  ▼  │ one buffer
//!                              sockets
//! ```

mod close;
mod echo;
mod held;
mod inbox;
mod input;
mod moving;
mod places;
mod receive;
mod report;
mod room;
mod seating;
mod send;
mod slowest;
mod stats;
mod stream;
mod timers;
mod untold;
mod viewer;
mod worker;

pub use moving::{Moving, Whereto};
pub use places::Kept;
pub use room::SharedRoom;
pub use slowest::{SLOWEST_MAX, Slow};
pub use stats::{Explained, Figures};

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;
use watershed_broadcast::{Origin, Session, Write};
use watershed_protocol::{
    Epoch, NodeName, ReactionKind, Seq, StreamId,
    client::{Encoding, Response, frame_of},
    limits::CLIENT_MESSAGE_BYTES_MAX,
};

use self::{
    close::Close,
    inbox::Message,
    moving::Progress,
    places::Places,
    seating::{refuse, say_once},
    viewer::Seat,
    worker::{Shared, Worker},
};
use crate::{clock::SharedClock, http::Upgraded};

/// Most workers: a room knows them by the bits of one number.
pub const WORKERS_MAX: usize = 64;

/// The limits of a carousel.
#[derive(Clone, Debug)]
pub struct CarouselConfig {
    /// Threads, 1 to [`WORKERS_MAX`]; as many as cores.
    pub workers: usize,
    /// After so long without a frame a stream's viewers get a beat.
    pub beat_ms: u64,
    /// A socket that took no byte for so long, while something waited for it, is closed.
    pub stall_close_ms: u64,
    /// How long a viewer waits for the room to come to its resume point.
    pub ahead_wait_ms: u64,
    /// How long a client that was told to go may take to end the connection.
    pub linger_ms: u64,
    /// What a client is told that should try again later.
    pub retry_after_ms: u64,
    /// Most viewers on their way to one worker; more are refused.
    pub joins_waiting_max: usize,
    /// Most sockets of one worker that were turned away and are given the time to go; more are closed at once.
    pub turned_away_max: usize,
    /// Most bytes kept alive by partly written frames; beyond it the longest-stalled holder is closed.
    pub held_bytes_max: usize,
    /// Most bytes kept of messages that have not come whole; a viewer that would exceed it is closed.
    pub input_bytes_max: usize,
    /// Longest message of a client, its fragments together.
    pub message_bytes_max: usize,
}

impl Default for CarouselConfig {
    fn default() -> Self {
        Self {
            workers: thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX),
            beat_ms: 20_000,
            // Beyond two minutes a client has long taken the connection for dead, if it is alive: it missed five beats.
            stall_close_ms: 120_000,
            ahead_wait_ms: 2_000,
            linger_ms: 2_000,
            retry_after_ms: 1_000,
            joins_waiting_max: 16_384,
            turned_away_max: 1_024,
            held_bytes_max: 256 * 1024 * 1024,
            input_bytes_max: 256 * 1024 * 1024,
            message_bytes_max: CLIENT_MESSAGE_BYTES_MAX,
        }
    }
}

impl CarouselConfig {
    fn held_bytes_max_per_worker(&self) -> usize {
        self.held_bytes_max / self.workers
    }

    fn input_bytes_max_per_worker(&self) -> u64 {
        (self.input_bytes_max / self.workers) as u64
    }
}

/// A viewer that comes out of the handshake.
#[derive(Debug)]
pub struct Joiner {
    /// Its socket, and what is left of its handshake.
    pub upgraded: Upgraded,
    /// Its rules.
    pub session: Session,
    /// The room of the session's stream.
    pub room: Arc<SharedRoom>,
    /// The point from which it goes on, if it has one.
    pub resume: Option<(Epoch, Seq)>,
    /// The node where it belongs.
    pub placed: NodeName,
}

/// What the workers tell the node.
#[derive(Debug)]
pub enum Event {
    /// Viewers write: for the uplink. Those with a reference are to be answered by [`Carousel::answer`].
    Writes(Vec<Write>),
    /// Viewers tap.
    Taps {
        /// On which stream.
        stream: StreamId,
        /// Which kind.
        kind: ReactionKind,
        /// How many times since the last event.
        count: u64,
    },
    /// Writes were refused as overloaded before they reached the node.
    Shed {
        /// On which stream.
        stream: StreamId,
        /// How many since the last event.
        count: u64,
    },
    /// A viewer's resume point is later than the room: the feed should ask for it.
    Ahead {
        /// Which stream.
        stream: StreamId,
        /// The point's epoch.
        epoch: Epoch,
        /// The point's seq.
        seq: Seq,
    },
    /// Viewers of the stream came or left: [`SharedRoom::viewers`] says how many there are.
    Viewers(StreamId),
}

/// The workers. Dropped, they say farewell to their viewers and end by themselves.
pub struct Carousel {
    config: Arc<CarouselConfig>,
    workers: Vec<Arc<Shared>>,
    threads: Vec<JoinHandle<io::Result<()>>>,
    places: Places,
    refused: AtomicU64,
}

impl Carousel {
    /// Starts the threads. Fails where the system gives no more of them, or no poll.
    pub fn start(
        config: CarouselConfig,
        node: &NodeName,
        clock: &Arc<SharedClock>,
        events: &mpsc::Sender<Event>,
    ) -> io::Result<Self> {
        let config = Arc::new(CarouselConfig { workers: config.workers.clamp(1, WORKERS_MAX), ..config });
        let (workers, threads, refused) = (Vec::new(), Vec::new(), AtomicU64::new(0));
        let mut carousel = Self { config, workers, threads, places: Places::default(), refused };
        for number in 0..carousel.config.workers as u8 {
            let config = carousel.config.clone();
            let (node, clock, events) = (node.clone(), clock.clone(), events.clone());
            let (worker, shared) = Worker::new(number, config, node, clock, events, carousel.places.clone())?;
            let thread = thread::Builder::new().name(format!("carousel-{number}")).spawn(move || worker.run())?;
            carousel.workers.push(shared);
            carousel.threads.push(thread);
        }
        Ok(carousel)
    }

    /// Seats a viewer at the worker that has fewest. From here on it counts as a viewer of its room.
    pub fn adopt(&self, joiner: Joiner) {
        let Some(worker) = self.worker_for(&joiner.upgraded) else { return };
        self.places.take();
        joiner.room.add_viewer();
        worker.inbox.put(Message::Join(Box::new(joiner)));
    }

    /// Seats a client that is sent back what it sends: text as text, bytes as bytes. All else is done as for a viewer.
    pub fn adopt_echo(&self, upgraded: Upgraded) {
        let Some(worker) = self.worker_for(&upgraded) else { return };
        worker.inbox.put(Message::Echo(upgraded));
    }

    /// The worker that has fewest viewers, with one more on its way; if too many are on their way, the client is refused.
    fn worker_for(&self, upgraded: &Upgraded) -> Option<&Shared> {
        let worker = self.emptiest()?;
        if !self.may_wait(worker) {
            refuse(upgraded, self.config.retry_after_ms);
            return None;
        }
        worker.load.fetch_add(1, Ordering::Relaxed);
        Some(worker)
    }

    /// Keeps a place for a viewer that shakes hands, if there are fewer than `max` viewers. It is given back when
    /// [`Carousel::adopt`] has taken the viewer, or nobody came.
    pub fn keep_place(&self, max: u64) -> Option<Kept> {
        self.places.keep(max)
    }

    /// How many viewers there are now, those included for whom a place is kept.
    pub fn viewers(&self) -> u64 {
        self.places.taken()
    }

    /// Turns a client away that has shaken hands: tells it where to go, if anywhere, and closes with 1013, because a
    /// browser cannot read the status of a refused handshake.
    pub fn turn_away(&self, upgraded: Upgraded, encoding: Encoding, whereto: Option<&Response>, retry_after_ms: u64) {
        let mut words = whereto
            .map(|response| frame_of(encoding.opcode(), &response.encode(encoding)).to_vec())
            .unwrap_or_default();
        words.extend_from_slice(&Close::try_later(retry_after_ms).frame());
        let Some(worker) = self.emptiest() else { return };
        if !self.may_wait(worker) {
            return say_once(&upgraded.socket, &upgraded.reply, &words);
        }
        worker.load.fetch_add(1, Ordering::Relaxed);
        worker.inbox.put(Message::TurnAway(upgraded, words.into()));
    }

    /// Counts one more on its way to this worker; false, and counted as refused, when that are too many.
    fn may_wait(&self, worker: &Shared) -> bool {
        let may = worker.joins_waiting.fetch_add(1, Ordering::Relaxed) < self.config.joins_waiting_max;
        if !may {
            worker.joins_waiting.fetch_sub(1, Ordering::Relaxed);
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        may
    }

    fn emptiest(&self) -> Option<&Arc<Shared>> {
        self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed))
    }

    /// Tells the workers that have viewers of this room that its head has moved.
    pub fn wake(&self, room: &Arc<SharedRoom>) {
        let to_tell = room.to_tell();
        for (number, worker) in self.workers.iter().enumerate() {
            if to_tell & (1 << number) != 0 {
                worker.inbox.put(Message::Head(room.clone()));
            }
        }
    }

    /// Hands answers to the viewers whose writes they answer. Viewers that have gone are passed over.
    pub fn answer(&self, answers: Vec<(Origin, Response)>) {
        let mut by_worker: Vec<Vec<(Origin, Response)>> = self.workers.iter().map(|_| Vec::new()).collect();
        for (origin, response) in answers {
            if let Some(answers) = by_worker.get_mut(usize::from(Seat::of(origin).worker)) {
                answers.push((origin, response));
            }
        }
        for (worker, answers) in self.workers.iter().zip(by_worker).filter(|(_, answers)| !answers.is_empty()) {
            worker.inbox.put(Message::Answers(answers.into_iter()));
        }
    }

    /// The root does not know this point: viewers that wait for it get a snapshot.
    pub fn unknown_point(&self, stream: &StreamId, epoch: Epoch, seq: Seq) {
        for worker in &self.workers {
            worker.inbox.put(Message::Unknown(stream.clone(), epoch, seq));
        }
    }

    /// Tells viewers to move, each at its own moment. Those who are seated later are not told: say it again.
    pub fn send_off(&self, moving: Moving) {
        let moving = Arc::new(moving);
        for worker in &self.workers {
            worker.inbox.put(Message::Move(Progress::start(moving.clone())));
        }
    }

    /// What the workers have done so far.
    pub fn figures(&self) -> Figures {
        let mut figures = stats::sum(self.workers.iter().map(|worker| &worker.stats));
        figures.closed_full += self.refused.load(Ordering::Relaxed);
        figures.viewers = self.viewers();
        figures
    }

    /// Closes all connections, telling clients to try again, and waits for the threads: at most
    /// [`CarouselConfig::linger_ms`] for clients that do not go. Blocks: not for a task of tokio's.
    pub fn shutdown(mut self) -> io::Result<()> {
        self.tell_to_end();
        for thread in self.threads.drain(..) {
            thread.join().map_err(|_| io::Error::other("a carousel worker panicked"))??;
        }
        Ok(())
    }

    fn tell_to_end(&self) {
        self.workers.iter().for_each(|worker| worker.inbox.put(Message::Shutdown));
    }
}

impl Drop for Carousel {
    fn drop(&mut self) {
        self.tell_to_end();
    }
}
