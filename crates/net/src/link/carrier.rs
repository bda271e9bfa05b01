//! The task of one connection: the only place where its socket, the clock and its machine meet.
//!
//! Between the socket and the role's channel; `dial` and `listen` make the connection. Invariant: it never awaits the
//! consumer alone while the connection lasts: it reads, writes and heartbeats while messages wait for the channel.

use std::{
    collections::VecDeque,
    fmt::Display,
    future::poll_fn,
    io::{self, IoSlice},
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::BytesMut;
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep, timeout},
};
use tokio_util::sync::{CancellationToken, PollSender};
use tracing::{debug, info, warn};
use watershed_link::{DownReason, Hello, Input, Output, Packet, cut};

use super::{
    LinkEvent, LinkEventKind, LinkHandle, LinkId, Links, Peer,
    handle::{Credit, Shared},
    stats::add,
};

/// Bytes that one read asks for: some hundreds of small frames, and a fraction of what a socket holds.
const READ_BYTES: usize = 64 * 1024;
/// Reads before the task writes and ticks again, however much more there is.
const READS_PER_TURN_MAX: usize = 16;
/// Packets of one gathered write, two slices each; the kernel takes 1,024 slices.
const PACKETS_PER_WRITE_MAX: usize = 64;
/// How long last words may take to be written and read, and at shutdown the last events to be taken.
const FAREWELL: Duration = Duration::from_millis(1_000);
/// How far ahead a timer is set when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);

/// One link's events and orders on their way, across its connections.
pub(super) struct Carrier {
    shared: Arc<Shared>,
    events: PollSender<LinkEvent>,
    shutdown: CancellationToken,
    /// For the log, before the peer has said who it is.
    address: String,

    link: LinkId,
    peer: Option<Peer>,
    handshake: Option<OwnedSemaphorePermit>,
    orders: Vec<Output>,
    /// What the consumer's channel had no place for; its bytes are bounded by the window.
    pending: VecDeque<LinkEvent>,
    room_is_pending: bool,
    reading: BytesMut,
    writing: VecDeque<Packet>,
    /// Bytes of the first packet in `writing` that are written already.
    written: usize,
    /// The machine has ordered the end of the connection or of the attempt.
    ended: bool,
    /// The machine has ordered a connection since the attempt began.
    dialing: bool,
}

impl Carrier {
    pub(super) fn new(links: &Links, shared: Arc<Shared>, shutdown: CancellationToken, address: String) -> Self {
        Self {
            shared,
            events: PollSender::new(links.events.clone()),
            shutdown,
            address,
            link: LinkId::next(),
            peer: None,
            handshake: None,
            orders: Vec::new(),
            pending: VecDeque::new(),
            room_is_pending: false,
            reading: BytesMut::new(),
            writing: VecDeque::new(),
            written: 0,
            ended: false,
            dialing: false,
        }
    }

    /// Gives this place among the simultaneous handshakes back as soon as the connection is up.
    pub(super) fn hold_until_up(&mut self, place: OwnedSemaphorePermit) {
        self.handshake = Some(place);
    }

    /// Steps the machine and obeys it.
    pub(super) fn step(&mut self, input: Input) {
        self.shared.step(input, &mut self.orders);
        self.obey();
    }

    /// Steps the machine if it is time.
    pub(super) fn tick(&mut self) {
        self.shared.tick(&mut self.orders);
        self.obey();
    }

    /// Whether the machine has ended the attempt that [`Carrier::begin_attempt`] began.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Lets the machine dial, if it is time. True if it does.
    pub(super) fn begin_attempt(&mut self) -> bool {
        (self.ended, self.dialing) = (false, false);
        self.tick();
        self.dialing
    }

    /// Carries one connection from its first byte to its last, and until the consumer has taken all of it.
    pub(super) async fn carry(&mut self, mut stream: TcpStream, hello: Hello) {
        self.link = self.shared.begin(hello);
        self.reading.clear();
        self.writing.clear();
        self.written = 0;
        // What is sent is gathered already: the kernel should not wait for more.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(link = %self.link, %error, "the socket will be slow to send");
        }
        self.step(Input::Connected);
        self.run(&stream).await;
        self.shared.collect(&mut self.writing);
        let has_last_word = self.writing.back().is_some_and(Packet::is_last_word);
        if has_last_word && timeout(FAREWELL, self.farewell(&mut stream)).await.is_err() {
            debug!(link = %self.link, "the peer did not wait for the last words");
        }
        drop(stream);
        self.deliver_all().await;
    }

    async fn run(&mut self, stream: &TcpStream) {
        let sleep = sleep(IDLE);
        tokio::pin!(sleep);
        let shutdown = self.shutdown.clone();
        loop {
            // Reading comes before the clock: after this process itself was held up, what a peer said in the meantime
            // lies in the socket, and it must not be taken for silent.
            self.read(stream);
            self.tick();
            let (deadline, hang_up) = self.shared.due();
            if hang_up {
                self.step(Input::HangUp);
            }
            if self.ended {
                return;
            }
            self.write(stream);
            poll_fn(|cx| {
                self.deliver(cx);
                Poll::Ready(())
            })
            .await;
            set(sleep.as_mut(), deadline.unwrap_or_else(|| Instant::now() + IDLE));

            let interest =
                if self.writing.is_empty() { Interest::READABLE } else { Interest::READABLE | Interest::WRITABLE };
            let has_pending = !self.pending.is_empty();
            tokio::select! {
                _ = stream.ready(interest) => {}
                () = self.shared.woken() => {}
                () = sleep.as_mut() => {}
                _ = poll_fn(|cx| self.events.poll_reserve(cx)), if has_pending => {}
                () = shutdown.cancelled() => self.step(Input::Shutdown),
            }
        }
    }

    fn obey(&mut self) {
        let mut orders = std::mem::take(&mut self.orders);
        for order in orders.drain(..) {
            match order {
                Output::Dial => self.dialing = true,
                Output::Transmit(_) => unreachable!("transmissions are queued under the machine's lock"),
                Output::Up(hello) => self.up(hello),
                Output::Message(body) => {
                    add(&self.shared.stats().messages_received, 1);
                    let credit = Credit::new(self.link, body.len(), self.shared.clone());
                    let peer = self.known_peer();
                    self.pending.push_back(LinkEvent::message(self.link, peer, body, credit));
                }
                Output::Heard(time) => self.shared.clock().hear(self.peer_or_address(), time),
                Output::Room if self.room_is_pending => {}
                Output::Room => {
                    self.room_is_pending = true;
                    self.push(LinkEventKind::Room);
                }
                Output::Down(reason) => self.down(reason),
                Output::Failed(reason) => self.failed(&reason),
                Output::Disconnect => self.ended = true,
            }
        }
        self.orders = orders;
    }

    fn up(&mut self, hello: Hello) {
        let peer = Peer { role: hello.role, node: hello.node.clone() };
        info!(link = %self.link, %peer, address = self.address, incarnation = hello.incarnation, "link is up");
        add(&self.shared.stats().ups, 1);
        self.peer = Some(peer);
        self.handshake = None;
        let handle = LinkHandle::new(self.link, self.shared.clone());
        self.push(LinkEventKind::Up { hello: Arc::new(hello), handle });
    }

    fn down(&mut self, reason: DownReason) {
        let peer = self.peer_or_address();
        match reason.is_ordinary() {
            true => info!(link = %self.link, %peer, %reason, "link is down"),
            false => warn!(link = %self.link, %peer, %reason, "link is down"),
        }
        self.shared.stats().count_down(&reason);
        self.push(LinkEventKind::Down(reason));
        self.peer = None;
    }

    fn failed(&mut self, reason: &DownReason) {
        let address = &self.address;
        match reason {
            DownReason::Refused(_) | DownReason::RefusedByPeer(_) => warn!(address, %reason, "link did not come up"),
            _ => debug!(address, %reason, "link did not come up"),
        }
        self.shared.stats().count_failure(reason);
    }

    fn push(&mut self, kind: LinkEventKind) {
        let peer = self.known_peer();
        self.pending.push_back(LinkEvent::new(self.link, peer, kind));
    }

    fn known_peer(&self) -> Peer {
        self.peer.clone().expect("the machine tells of a peer only between its up and its down")
    }

    fn peer_or_address(&self) -> &dyn Display {
        self.peer.as_ref().map_or(&self.address, |peer| peer as &dyn Display)
    }

    /// Reads what is there, up to a turn's share.
    fn read(&mut self, stream: &TcpStream) {
        for _ in 0..READS_PER_TURN_MAX {
            if self.ended {
                return;
            }
            if self.reading.capacity() - self.reading.len() < READ_BYTES / 2 {
                self.reading.reserve(READ_BYTES);
            }
            match stream.try_read_buf(&mut self.reading) {
                Ok(0) => return self.step(Input::Closed),
                Ok(bytes) => {
                    add(&self.shared.stats().bytes_received, bytes as u64);
                    self.cut_frames();
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.broke(&error),
            }
        }
    }

    fn cut_frames(&mut self) {
        let mut progress = true;
        while !self.ended {
            match cut(&mut self.reading, self.shared.frame_bytes_max()) {
                Ok(Some(frame)) => {
                    progress = false;
                    self.step(Input::Frame(frame));
                }
                Ok(None) if progress => return self.step(Input::Progress),
                Ok(None) => return,
                Err(error) => return self.step(Input::Garbled(error)),
            }
        }
    }

    /// Writes what waits, in as few calls as possible, until the socket takes no more.
    fn write(&mut self, stream: &TcpStream) {
        self.shared.collect(&mut self.writing);
        while !self.writing.is_empty() {
            match self.try_write(stream) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => return self.broke(&error),
            }
        }
    }

    fn try_write(&mut self, stream: &TcpStream) -> io::Result<()> {
        let mut slices = [IoSlice::new(&[]); 2 * PACKETS_PER_WRITE_MAX];
        let mut count = 0;
        for packet in self.writing.iter().take(PACKETS_PER_WRITE_MAX) {
            slices[count] = IoSlice::new(packet.head());
            slices[count + 1] = IoSlice::new(packet.body());
            count += 2;
        }
        let mut gathered = &mut slices[..count];
        IoSlice::advance_slices(&mut gathered, self.written);
        let bytes = stream.try_write_vectored(gathered)?;
        add(&self.shared.stats().writes, 1);
        add(&self.shared.stats().bytes_sent, bytes as u64);
        self.written += bytes;
        let mut messages = 0;
        while self.writing.front().is_some_and(|packet| packet.wire_bytes() <= self.written) {
            let Some(packet) = self.writing.pop_front() else { break };
            self.written -= packet.wire_bytes();
            messages += u64::from(packet.is_message());
        }
        add(&self.shared.stats().messages_sent, messages);
        Ok(())
    }

    fn broke(&mut self, error: &io::Error) {
        debug!(link = %self.link, %error, "the socket broke");
        self.step(Input::Closed);
    }

    /// Gives the consumer as much as it has places for. The place in the line for the next is kept between turns.
    fn deliver(&mut self, cx: &mut Context<'_>) {
        while !self.pending.is_empty() {
            match self.events.poll_reserve(cx) {
                Poll::Ready(reserved) => self.send_next(reserved.is_ok()),
                Poll::Pending => return,
            }
        }
    }

    fn send_next(&mut self, is_open: bool) {
        let Some(event) = self.pending.pop_front() else { return };
        if matches!(event.kind, LinkEventKind::Room) {
            self.room_is_pending = false;
        }
        if !is_open || self.events.send_item(event).is_err() {
            // Nobody will ever take an event again: this side leaves.
            self.shutdown.cancel();
        }
    }

    /// After the end: nothing of the next connection may overtake what is pending of this one.
    async fn deliver_all(&mut self) {
        let shutdown = self.shutdown.clone();
        let grace = async {
            shutdown.cancelled().await;
            sleep(FAREWELL).await;
        };
        tokio::pin!(grace);
        while !self.pending.is_empty() {
            tokio::select! {
                reserved = poll_fn(|cx| self.events.poll_reserve(cx)) => self.send_next(reserved.is_ok()),
                () = &mut grace => {
                    debug!(link = %self.link, events = self.pending.len(), "nobody took the last events");
                    self.pending.clear();
                }
            }
        }
    }

    /// Writes the rest, ends this direction, and reads the other to its end: closing a socket that has unread bytes resets
    /// it, and the reset can overtake the last words.
    async fn farewell(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        for packet in self.writing.drain(..) {
            let head_left = packet.head().get(self.written..).unwrap_or_default();
            let body_left = packet.body().get(self.written.saturating_sub(packet.head().len())..).unwrap_or_default();
            stream.write_all(head_left).await?;
            stream.write_all(body_left).await?;
            self.written = 0;
        }
        stream.shutdown().await?;
        loop {
            stream.readable().await?;
            self.reading.clear();
            self.reading.reserve(READ_BYTES);
            match stream.try_read_buf(&mut self.reading) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Setting a timer costs more than asking it.
fn set(sleep: std::pin::Pin<&mut Sleep>, deadline: Instant) {
    if sleep.deadline() != deadline || sleep.is_elapsed() {
        sleep.reset(deadline);
    }
}
