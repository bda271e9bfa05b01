//! The link: one peer, one connection at a time, as a state machine.
//!
//! Between a driver, which dials, accepts, moves frames and tells the time, and the machines above, which offer bodies and
//! take them. A dialer's link lives on and dials again; an accepter's link ends with its connection.
//! Invariant: between two `Up` there is exactly one `Down`, and `Message` and `Room` come only between `Up` and `Down`.
//!
//! ```text
//!            deadline                Connected            HELLO checked
//!   Waiting ─────────▶ Dialing ───────────────▶ Greeting ───────────────▶ Up
//!      ▲                  │                         │                      │
//!      └──── back-off ◀───┴──────── Failed ◀────────┘        Down ◀────────┘      (accepter: Over)
//! ```

use bytes::Bytes;
use watershed_protocol::{HybridTime, Millis};

use crate::{
    Backoff, DownReason, Expect, Frame, FrameError, Greeting, Hello, OfferError, Packet, Refusal, Secret,
    frame::{CONTROL_BYTES_MAX, FRAME_BYTES_MAX},
    hello::WINDOW_BYTES_MIN,
    session::Session,
};

/// What a link is configured to.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// What all nodes of the cluster know.
    pub secret: Secret,
    /// Unacknowledged bytes of each direction; the two sides agree on the smaller. At least [`WINDOW_BYTES_MIN`].
    pub window_bytes: u64,
    /// Time between heartbeats.
    pub heartbeat_ms: u64,
    /// Without a byte for this long the peer is taken for dead. Several heartbeats.
    pub silence_ms: u64,
    /// With messages on the way and none arriving for this long the connection is taken for wedged.
    pub stall_ms: u64,
    /// Longest time for connecting, and again for the handshake.
    pub handshake_ms: u64,
    /// First ceiling of the back-off.
    pub backoff_min_ms: u64,
    /// Last ceiling of the back-off.
    pub backoff_max_ms: u64,
}

impl LinkConfig {
    /// The defaults: a dead peer is seen in two seconds; 16 MiB hold two of the largest bodies; ten seconds carry the
    /// largest body over a network of 1 MB/s.
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            window_bytes: 16 * 1024 * 1024,
            heartbeat_ms: 500,
            silence_ms: 2_000,
            stall_ms: 10_000,
            handshake_ms: 2_000,
            backoff_min_ms: 50,
            backoff_max_ms: 2_000,
        }
    }
}

/// What happens to a link.
#[derive(Clone, Debug)]
pub enum Input {
    /// The dialed connection stands; or, to a new accepter, the accepted one.
    Connected,
    /// The dialed connection could not be made.
    ConnectFailed,
    /// A whole frame came in, as [`crate::cut`] returned it.
    Frame(Bytes),
    /// Bytes came in that do not end a frame yet.
    Progress,
    /// Bytes came in that cannot be cut into frames.
    Garbled(FrameError),
    /// The connection ended.
    Closed,
    /// The consumer took messages out of its queue.
    Taken {
        /// How many.
        messages: u64,
        /// The sum of their bodies' lengths.
        bytes: u64,
    },
    /// The deadline has come. Heartbeats leave only here, with this time; so it is given also when a deadline is
    /// already past after another input.
    Tick(HybridTime),
    /// The machine above wants no more of this connection. A dialer dials again, after a pause.
    HangUp,
    /// The peer has shown elsewhere that it is there (again): a dialer that pauses dials at once, and pauses little after it.
    Hurry,
    /// This side leaves, for ever.
    Shutdown,
}

/// What a link orders, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Start a connection, and say `Connected` or `ConnectFailed`.
    Dial,
    /// Send this on the connection.
    Transmit(Packet),
    /// The peer is there, and is who it should be.
    Up(Hello),
    /// The next body from the peer. Say `Taken` when the consumer has it.
    Message(Bytes),
    /// The peer's hybrid time.
    Heard(HybridTime),
    /// After an offer was refused as full: offer again.
    Room,
    /// The connection is over; nothing that was not acknowledged above is known to have arrived.
    Down(DownReason),
    /// An attempt ended before it was up.
    Failed(DownReason),
    /// Send what was ordered before this, if it can be sent soon; then end the connection, or stop dialing.
    Disconnect,
}

#[derive(Debug)]
enum Side {
    Dialer { expect: Option<Expect>, backoff: Backoff },
    Accepter,
}

#[derive(Debug)]
enum State {
    /// A dialer between attempts; an accepter before its `Connected`.
    Waiting {
        until: Option<Millis>,
    },
    Dialing {
        until: Millis,
    },
    Greeting {
        until: Millis,
    },
    Up(Session),
    Over,
}

/// One side of a link.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    hello: Hello,
    side: Side,
    state: State,
}

impl Link {
    /// Dials at its first tick, and for ever after each loss. `seed` jitters the back-off.
    pub fn dialer(config: LinkConfig, hello: Hello, expect: Option<Expect>, seed: u64) -> Self {
        let backoff = Backoff::new(config.backoff_min_ms, config.backoff_max_ms, seed);
        let state = State::Waiting { until: Some(Millis::default()) };
        Self { config: checked(config), hello, side: Side::Dialer { expect, backoff }, state }
    }

    /// For one accepted connection. Its first input is `Connected`.
    pub fn accepter(config: LinkConfig, hello: Hello) -> Self {
        Self { config: checked(config), hello, side: Side::Accepter, state: State::Waiting { until: None } }
    }

    /// Changes what the next handshake says: epochs move on while a link waits.
    pub fn introduce_as(&mut self, hello: Hello) {
        self.hello = hello;
    }

    /// Takes a body to be sent, in order, once, if the connection lasts. Never waits.
    pub fn offer(&mut self, now: Millis, body: Bytes, outbox: &mut Vec<Output>) -> Result<(), OfferError> {
        let State::Up(session) = &mut self.state else { return Err(OfferError::Down) };
        let number = session.offer(now, body.len())?;
        outbox.push(Output::Transmit(Packet::message(number, body)));
        Ok(())
    }

    /// When a tick is due. `None` when only another input can change anything.
    pub fn deadline(&self) -> Option<Millis> {
        match &self.state {
            State::Waiting { until } => *until,
            State::Dialing { until } | State::Greeting { until } => Some(*until),
            State::Up(session) => Some(session.deadline()),
            State::Over => None,
        }
    }

    /// Whether bodies are taken.
    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up(_))
    }

    /// Whether this link has ended and may be dropped.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// The largest frame that may come in now: little, before the peer has shown that it knows the secret.
    pub fn frame_bytes_max(&self) -> usize {
        if self.is_up() { FRAME_BYTES_MAX } else { CONTROL_BYTES_MAX }
    }

    /// Takes one input at one moment. An input that comes too late for its state changes nothing: a driver need not know
    /// that its socket's last words have been overtaken.
    pub fn step(&mut self, now: Millis, input: Input, outbox: &mut Vec<Output>) {
        match input {
            Input::Connected => self.connected(now, outbox),
            Input::ConnectFailed if matches!(self.state, State::Dialing { .. }) => {
                self.end(now, DownReason::Unreachable, outbox);
            }
            Input::Frame(frame) => self.frame(now, frame, outbox),
            Input::Progress => {
                if let State::Up(session) = &mut self.state {
                    session.hear(now);
                }
            }
            Input::Garbled(error) if self.is_connected() => self.end(now, DownReason::Malformed(error), outbox),
            Input::Closed if self.is_connected() => self.end(now, DownReason::Closed, outbox),
            Input::Taken { messages, bytes } => {
                if let State::Up(session) = &mut self.state {
                    session.take(messages, bytes);
                }
            }
            Input::Tick(hybrid) => self.tick(now, hybrid, outbox),
            Input::HangUp if self.is_connected() => {
                outbox.push(Output::Transmit(Packet::goodbye()));
                self.end(now, DownReason::HungUp, outbox);
            }
            Input::Hurry => self.hurry(now),
            Input::Shutdown => self.shut_down(now, outbox),
            Input::ConnectFailed | Input::Garbled(_) | Input::Closed | Input::HangUp => {}
        }
    }

    fn connected(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        match (&self.state, &self.side) {
            (State::Dialing { .. }, _) => outbox.push(Output::Transmit(Packet::hello(&self.greeting()))),
            (State::Waiting { .. }, Side::Accepter) => {}
            _ => return,
        }
        self.state = State::Greeting { until: now.plus(self.config.handshake_ms) };
    }

    fn tick(&mut self, now: Millis, hybrid: HybridTime, outbox: &mut Vec<Output>) {
        match &mut self.state {
            State::Waiting { until: Some(until) } if now >= *until => {
                self.state = State::Dialing { until: now.plus(self.config.handshake_ms) };
                outbox.push(Output::Dial);
            }
            State::Dialing { until } | State::Greeting { until } if now >= *until => {
                self.end(now, DownReason::HandshakeTimeout { ms: self.config.handshake_ms }, outbox);
            }
            State::Up(session) => match session.broken(now) {
                Some(reason) => self.end(now, reason, outbox),
                None => outbox.extend(
                    session.heartbeat(now, hybrid).map(|heartbeat| Output::Transmit(Packet::heartbeat(&heartbeat))),
                ),
            },
            _ => {}
        }
    }

    fn frame(&mut self, now: Millis, frame: Bytes, outbox: &mut Vec<Output>) {
        if !self.is_connected() {
            return;
        }
        let taken = match Frame::decode(frame) {
            Err(error) => Err(DownReason::Malformed(error)),
            Ok(Frame::Refused(refusal)) => Err(DownReason::RefusedByPeer(refusal)),
            Ok(Frame::Goodbye) => Err(DownReason::Goodbye),
            Ok(Frame::Hello { version, greeting }) => self.greeted(now, version, &greeting, outbox),
            Ok(Frame::Message { number, body }) => self.message(now, number, body, outbox),
            Ok(Frame::Heartbeat(heartbeat)) => match &mut self.state {
                State::Up(session) => {
                    session.hear(now);
                    session.acknowledge(now, &heartbeat).map(|room| {
                        outbox.push(Output::Heard(heartbeat.hybrid));
                        outbox.extend(room.then_some(Output::Room));
                    })
                }
                _ => Err(DownReason::OutOfPlace),
            },
        };
        if let Err(reason) = taken {
            self.end(now, reason, outbox);
        }
    }

    fn greeted(
        &mut self,
        now: Millis,
        version: u8,
        contents: &[u8],
        outbox: &mut Vec<Output>,
    ) -> Result<(), DownReason> {
        if !matches!(self.state, State::Greeting { .. }) {
            return Err(DownReason::OutOfPlace);
        }
        let ours = self.greeting();
        let theirs = ours.admit(version, contents).map_err(|refusal: Refusal| {
            outbox.push(Output::Transmit(Packet::refused(&refusal)));
            DownReason::Refused(refusal)
        })?;
        if matches!(self.side, Side::Accepter) {
            outbox.push(Output::Transmit(Packet::hello(&ours)));
        }
        self.state = State::Up(Session::new(&self.config, theirs.window_bytes, now));
        outbox.push(Output::Up(theirs.hello));
        Ok(())
    }

    fn message(&mut self, now: Millis, number: u64, body: Bytes, outbox: &mut Vec<Output>) -> Result<(), DownReason> {
        let State::Up(session) = &mut self.state else { return Err(DownReason::OutOfPlace) };
        session.hear(now);
        session.receive(number, body.len())?;
        outbox.push(Output::Message(body));
        Ok(())
    }

    /// What failed before says nothing about a peer that has been started since.
    fn hurry(&mut self, now: Millis) {
        if let Side::Dialer { backoff, .. } = &mut self.side {
            backoff.succeeded();
            if let State::Waiting { until } = &mut self.state {
                *until = until.map(|until| until.min(now));
            }
        }
    }

    fn shut_down(&mut self, now: Millis, outbox: &mut Vec<Output>) {
        if self.is_connected() {
            outbox.push(Output::Transmit(Packet::goodbye()));
        }
        if !matches!(self.state, State::Waiting { .. } | State::Over) {
            self.end(now, DownReason::Shutdown, outbox);
        }
        self.state = State::Over;
    }

    /// Ends the connection or the attempt, and decides what comes after it.
    fn end(&mut self, now: Millis, reason: DownReason, outbox: &mut Vec<Output>) {
        let up_ms = match &self.state {
            State::Up(session) => Some(session.age_ms(now)),
            _ => None,
        };
        outbox.push(if up_ms.is_some() { Output::Down(reason) } else { Output::Failed(reason) });
        outbox.push(Output::Disconnect);
        self.state = match &mut self.side {
            Side::Accepter => State::Over,
            Side::Dialer { backoff, .. } => {
                // A peer that dies as soon as it is up must not be dialed twenty times a second.
                if up_ms.is_some_and(|up_ms| up_ms >= self.config.silence_ms) {
                    backoff.succeeded();
                }
                State::Waiting { until: Some(now.plus(backoff.failed())) }
            }
        };
    }

    fn is_connected(&self) -> bool {
        matches!(self.state, State::Greeting { .. } | State::Up(_))
    }

    fn greeting(&self) -> Greeting {
        let to = match &self.side {
            Side::Dialer { expect, .. } => expect.clone(),
            Side::Accepter => None,
        };
        let (secret, hello) = (self.config.secret.clone(), self.hello.clone());
        Greeting { secret, to, window_bytes: self.config.window_bytes, hello }
    }
}

/// A window too small to be announced would be refused by every peer.
fn checked(config: LinkConfig) -> LinkConfig {
    LinkConfig { window_bytes: config.window_bytes.max(WINDOW_BYTES_MIN), ..config }
}

#[cfg(test)]
mod tests;
