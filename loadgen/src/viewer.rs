//! One viewer: finds its node, watches, writes what the crowd orders, moves when it is told, and comes back when its
//! connection ends.
//!
//! Between the crowd's schedule and a socket. Invariant: a sending keeps its ref and stamp until it is answered for good,
//! through refusals with a delay and through any number of connections.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{SinkExt, StreamExt};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
use watershed_ledger::{Seat, What, reaction};
use watershed_protocol::{
    CommentId, Ref, Register, Stamp, StreamId, ViewerId,
    client::{Encoding, Names, Response},
    limits::UNANSWERED_MAX,
};

use crate::{
    backoff::{Backoff, asked_for},
    book::Shared,
    random::Random,
    sending::{Repeat, Sending, TRIES_MAX, framed},
    socket::{Hello, Socket, connect},
    web::Web,
};

/// Orders that wait for a busy viewer; beyond it they are held back, and counted.
pub(crate) const ORDERS_MAX: usize = 64;

/// Acknowledged writes that wait for the next connection to be sent again; beyond it they are not.
const REPEATS_MAX: usize = 256;

/// Comments that a viewer remembers to have liked, to take one back.
const LIKED_MAX: usize = 8;

/// Silence that ends a connection before the first message says how often beats come.
const FIRST_SILENCE_MAX: Duration = Duration::from_secs(20);

/// The longest time for the close of a connection that was left for another.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

/// Reactions that taps choose from: the kinds of the default topology.
const KINDS: [&str; 6] = ["heart", "heart", "heart", "clap", "laugh", "wow"];

/// The longest time for a close handshake and for one write.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// What the schedule wants of a viewer, and when it wanted it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    /// Write a comment.
    Comment { due_ns: u64 },
    /// Like this comment.
    Like { due_ns: u64, id: CommentId },
    /// Take the last like back; like this one if there is none.
    Unlike { due_ns: u64, id: CommentId },
    /// Drop the connection without a word, and come back.
    Reconnect,
    /// Send a reaction, which has no answer.
    Tap,
}

/// What all viewers share.
pub(crate) struct Crowd {
    pub(crate) stream: StreamId,
    pub(crate) web: Web,
    pub(crate) book: Shared,
    /// Bounds the handshakes in flight.
    pub(crate) joins: Semaphore,
    /// Turns true when viewers shall leave.
    pub(crate) leave: watch::Receiver<bool>,
    /// Milliseconds since the Unix epoch when the book was opened: stamps are wall-clock times.
    pub(crate) opened_unix_ms: u64,
    /// The share of writes that are sent again although nothing asks for it.
    pub(crate) duplicates: f64,
}

/// See the head of the file.
pub(crate) struct Viewer {
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) id: ViewerId,
    /// How its comments are signed.
    pub(crate) name: String,
    pub(crate) seat: Seat,
    pub(crate) encoding: Encoding,
    pub(crate) names: Names,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) random: Random,
    /// What refs of this viewer begin with; a number follows.
    pub(crate) session: String,
    pub(crate) state: State,
}

/// What a viewer remembers across connections.
#[derive(Default)]
pub(crate) struct State {
    /// Writes without a final answer.
    trying: BTreeMap<Ref, Sending>,
    /// Acknowledged writes that are sent again over the next connection.
    repeats: Vec<(Ref, Sending)>,
    liked: Vec<CommentId>,
    stamp: u64,
    writes: u64,
}

/// Why a connection ended.
enum End {
    Leave,
    /// It was closed by a node that had named another: there, at this time.
    Move(Instant, String),
    Dropped,
    Broken {
        asked: Duration,
        why: String,
    },
}

impl Viewer {
    /// Watches until the crowd leaves.
    pub(crate) async fn run(mut self, after: Duration) {
        let crowd = self.crowd.clone();
        let mut leave = crowd.leave.clone();
        tokio::select! {
            () = sleep(after) => {}
            _ = leave.wait_for(|leave| *leave) => return,
        }
        let (mut backoff, mut moved_to) = (Backoff::default(), None);
        loop {
            let end = tokio::select! {
                end = self.connection(&mut moved_to, &mut backoff) => end,
                _ = leave.wait_for(|leave| *leave) => End::Leave,
            };
            let Some(wait) = self.after(end, &mut moved_to, &mut backoff) else { return };
            tokio::select! {
                () = sleep(wait) => {}
                _ = leave.wait_for(|leave| *leave) => return,
            }
        }
    }

    /// How long to wait for the next connection; `None` when there is to be none.
    fn after(&mut self, end: End, moved_to: &mut Option<String>, backoff: &mut Backoff) -> Option<Duration> {
        let mut book = self.crowd.book.lock();
        match end {
            End::Leave => None,
            End::Move(at, url) => {
                book.moves += 1;
                *moved_to = Some(url);
                Some(at.saturating_duration_since(Instant::now()))
            }
            End::Dropped => {
                book.drops += 1;
                let elsewhere = self.random.below(2) == 1;
                *moved_to = elsewhere.then(|| self.crowd.web.any_node(&mut self.random));
                Some(Duration::ZERO)
            }
            End::Broken { asked, why } => {
                book.failed(|| format!("{}: {why}", self.id));
                Some(backoff.wait(asked, &mut self.random))
            }
        }
    }

    /// One connection, from its placement to its end.
    async fn connection(&mut self, moved_to: &mut Option<String>, backoff: &mut Backoff) -> End {
        let broken = |error: anyhow::Error| End::Broken { asked: Duration::ZERO, why: format!("{error:#}") };
        let crowd = self.crowd.clone();
        let socket = {
            let Ok(_join) = crowd.joins.acquire().await else { return End::Leave };
            let url = match moved_to.take() {
                Some(url) => url,
                None => match crowd.web.place(&crowd.stream, &self.id).await {
                    Ok(url) => url,
                    Err(error) => return broken(error),
                },
            };
            match self.connect(&url).await {
                Ok((socket, resumed)) => {
                    self.joined(resumed);
                    socket
                }
                Err(error) => return broken(error),
            }
        };
        // Counts the connection out again, also when the crowd leaves in the middle of it.
        let _connected = Connected { crowd: crowd.clone(), seat: self.seat };
        self.watch(socket, backoff).await
    }

    /// A connection that goes on from what this viewer has, if it has anything.
    async fn connect(&self, url: &str) -> anyhow::Result<(Socket, bool)> {
        let resume = self.crowd.book.lock().ledger.point(self.seat);
        let hello =
            Hello { stream: &self.crowd.stream, viewer: &self.id, name: &self.name, encoding: self.encoding, resume };
        Ok((connect(url, &hello).await?, resume.is_some()))
    }

    fn joined(&self, resumed: bool) {
        let mut book = self.crowd.book.lock();
        book.ledger.connected(self.seat, resumed);
        book.connected += 1;
        book.connected_most = book.connected_most.max(book.connected);
        book.reconnects += u64::from(resumed);
    }

    /// Goes on at another node: the new connection first, then the old one ends. Nothing of the old one is read from the
    /// moment on at which the new one resumes, so no frame is missed and none comes twice; what is unanswered is sent
    /// again. When it cannot be made, the old one stays.
    async fn go_to(&self, url: &str, old: &mut Socket) -> anyhow::Result<()> {
        let crowd = &self.crowd;
        let _join = crowd.joins.acquire().await?;
        let (new, resumed) = self.connect(url).await?;
        let mut left = std::mem::replace(old, new);
        let mut book = crowd.book.lock();
        book.ledger.connection_lost(self.seat);
        book.ledger.connected(self.seat, resumed);
        book.moves += 1;
        drop(book);
        // Its end is not awaited: the view goes on elsewhere.
        tokio::spawn(async move { timeout(GOODBYE_MAX, left.close(None)).await });
        Ok(())
    }

    /// Reads, answers orders and retries until the connection ends.
    async fn watch(&mut self, mut socket: Socket, backoff: &mut Backoff) -> End {
        self.state.try_all_again();
        let (mut heard, mut silence_max) = (Instant::now(), FIRST_SILENCE_MAX);
        let mut moving: Option<(Instant, String)> = None;
        if let Err(why) = self.repeat(&mut socket).await {
            return End::Broken { asked: Duration::ZERO, why };
        }
        loop {
            if let Err(why) = self.retry(&mut socket).await {
                return End::Broken { asked: Duration::ZERO, why };
            }
            let retry_at = self.state.trying.values().filter_map(|sending| sending.retry_at).min();
            let wake = [Some(heard + silence_max), moving.as_ref().map(|(at, _)| *at), retry_at];
            let wake = wake.into_iter().flatten().min().unwrap_or(heard);
            tokio::select! {
                message = socket.next() => {
                    heard = Instant::now();
                    let message = match message {
                        Some(Ok(message)) => message,
                        Some(Err(error)) => return End::Broken { asked: Duration::ZERO, why: error.to_string() },
                        None => return End::Broken { asked: Duration::ZERO, why: "the connection ended".into() },
                    };
                    match self.message(&message, backoff) {
                        Ok(None) => {}
                        Ok(Some(Told::Beats(every))) => silence_max = 2 * every,
                        Ok(Some(Told::Move(url, after))) => moving = Some((heard + after, url)),
                        Err(end) => return moving.map_or(end, |(at, url)| End::Move(at, url)),
                    }
                }
                Some(order) = self.orders.recv(), if self.state.trying.len() < usize::from(UNANSWERED_MAX) => {
                    match order {
                        Order::Reconnect => return End::Dropped,
                        Order::Tap => if let Err(why) = self.tap(&mut socket).await {
                            return End::Broken { asked: Duration::ZERO, why };
                        },
                        write => self.take(write),
                    }
                }
                () = sleep_until(wake) => {
                    if let Some((_, url)) = moving.take_if(|(at, _)| *at <= Instant::now()) {
                        match self.go_to(&url, &mut socket).await {
                            Ok(()) => {
                                self.state.try_all_again();
                                heard = Instant::now();
                            }
                            // The node that asked for it will say more, or end.
                            Err(error) => self.crowd.book.lock().failed(|| format!("{}: {error:#}", self.id)),
                        }
                        continue;
                    }
                    if heard.elapsed() >= silence_max {
                        let why = format!("nothing was heard for {silence_max:?}");
                        return End::Broken { asked: Duration::ZERO, why };
                    }
                }
            }
        }
    }

    fn message(&mut self, message: &Message, backoff: &mut Backoff) -> Result<Option<Told>, End> {
        let payload = match message {
            Message::Text(text) => text.as_bytes(),
            Message::Binary(bytes) => bytes,
            Message::Close(Some(close)) => {
                let again = close.code == CloseCode::Again;
                let asked = if again { asked_for(&close.reason) } else { Duration::ZERO };
                return Err(End::Broken { asked, why: format!("closed: {close}") });
            }
            Message::Close(None) => return Err(End::Broken { asked: Duration::ZERO, why: "closed".into() }),
            _ => return Ok(None),
        };
        let entered = self.crowd.book.lock().message(self.seat, &mut self.names, self.encoding, payload);
        let response = entered.map_err(|error| End::Broken { asked: Duration::ZERO, why: error.to_string() })?;
        backoff.reset();
        Ok(match &*response {
            Response::Welcome { limits, .. } => Some(Told::Beats(Duration::from_millis(limits.beat_ms.max(1_000)))),
            Response::Move { url, after_ms } => Some(Told::Move(url.clone(), Duration::from_millis(*after_ms))),
            Response::Ack { reference, .. } => {
                self.acknowledged(reference);
                None
            }
            Response::Reject { reference: Some(reference), retry_after_ms, .. } => {
                self.refused(reference, *retry_after_ms);
                None
            }
            _ => None,
        })
    }

    fn acknowledged(&mut self, reference: &Ref) {
        let Some(sending) = self.state.trying.remove(reference) else { return };
        let mut book = self.crowd.book.lock();
        book.trying -= 1;
        if let What::Like { id, register } = sending.what {
            book.like_acknowledged(sending.due_ns);
            if register.liked {
                self.state.liked.push(id);
            }
            if self.state.liked.len() > LIKED_MAX {
                self.state.liked.remove(0);
            }
        }
        if sending.repeat == Repeat::Later && self.state.repeats.len() < REPEATS_MAX {
            self.state.repeats.push((reference.clone(), sending));
        }
    }

    fn refused(&mut self, reference: &Ref, retry_after_ms: Option<u64>) {
        let Some(sending) = self.state.trying.get_mut(reference) else { return };
        match retry_after_ms.filter(|_| sending.tries < TRIES_MAX) {
            Some(after_ms) => {
                // A quarter more at most, so that those refused together do not return together.
                let jitter_ms = self.random.below(after_ms / 4 + 1);
                sending.retry_at = Some(Instant::now() + Duration::from_millis(after_ms.saturating_add(jitter_ms)));
            }
            None => {
                let mut book = self.crowd.book.lock();
                book.trying -= 1;
                book.given_up += u64::from(retry_after_ms.is_some());
                self.state.trying.remove(reference);
            }
        }
    }

    /// Makes an order a sending, to be sent at once.
    fn take(&mut self, order: Order) {
        let repeat = Repeat::draw(self.crowd.duplicates, &mut self.random);
        let mut book = self.crowd.book.lock();
        let (what, due_ns) = match order {
            Order::Comment { due_ns } => {
                (What::Comment { body: book.post(self.seat, due_ns, &mut self.random) }, due_ns)
            }
            Order::Like { due_ns, id } => {
                (self.state.says(self.crowd.opened_unix_ms + book.now_ms(), id, true), due_ns)
            }
            Order::Unlike { due_ns, id } => {
                let liked = self.state.liked.pop();
                let now_unix_ms = self.crowd.opened_unix_ms + book.now_ms();
                (self.state.says(now_unix_ms, liked.unwrap_or(id), liked.is_none()), due_ns)
            }
            // No writes with an answer.
            Order::Reconnect | Order::Tap => return,
        };
        book.trying += 1;
        drop(book);
        self.state.writes += 1;
        let Ok(reference) = Ref::new(&format!("{}-{}", self.session, self.state.writes)) else { return };
        self.state.trying.insert(reference, Sending::new(what, due_ns, repeat));
    }

    /// Sends one reaction; hearts more often than others.
    async fn tap(&mut self, socket: &mut Socket) -> Result<(), String> {
        let kind = KINDS[self.random.below(KINDS.len() as u64) as usize];
        send(socket, framed(reaction(kind, self.encoding), self.encoding)).await
    }

    /// Sends what is due.
    async fn retry(&mut self, socket: &mut Socket) -> Result<(), String> {
        let now = Instant::now();
        for (reference, sending) in &mut self.state.trying {
            if sending.retry_at.take_if(|at| *at <= now).is_none() {
                continue;
            }
            sending.tries += 1;
            let twice = sending.tries == 1 && sending.repeat == Repeat::AtOnce;
            for repeated in [false, true].into_iter().take(1 + usize::from(twice)) {
                let message = sending.message(reference, self.encoding);
                self.crowd.book.lock().sent(self.seat, reference, &sending.what, repeated);
                send(socket, message).await?;
            }
        }
        Ok(())
    }

    /// Sends again what was acknowledged over an earlier connection.
    async fn repeat(&mut self, socket: &mut Socket) -> Result<(), String> {
        for (reference, sending) in self.state.repeats.drain(..) {
            let message = sending.message(&reference, self.encoding);
            self.crowd.book.lock().sent(self.seat, &reference, &sending.what, true);
            send(socket, message).await?;
        }
        Ok(())
    }
}

async fn send(socket: &mut Socket, message: Message) -> Result<(), String> {
    let sent = timeout(WRITE_MAX, socket.send(message)).await;
    sent.map_err(|_| format!("a write took more than {WRITE_MAX:?}"))?.map_err(|error| error.to_string())
}

impl State {
    /// What is unanswered is to be sent over a new connection.
    fn try_all_again(&mut self) {
        let now = Instant::now();
        self.trying.values_mut().for_each(|sending| sending.retry_at = Some(now));
    }

    /// A like or unlike with the next stamp: the wall clock, and always greater than the one before.
    fn says(&mut self, now_unix_ms: u64, id: CommentId, liked: bool) -> What {
        self.stamp = now_unix_ms.max(self.stamp + 1);
        // Wall clocks stay below 2^53 ms for 285,000 years.
        let stamp = Stamp::new(self.stamp).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        What::Like { id, register: Register { stamp, liked } }
    }
}

/// What a message changes for its connection.
enum Told {
    Beats(Duration),
    Move(String, Duration),
}

/// A connection that is counted.
struct Connected {
    crowd: Arc<Crowd>,
    seat: Seat,
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut book = self.crowd.book.lock();
        book.connected -= 1;
        book.ledger.connection_lost(self.seat);
    }
}
