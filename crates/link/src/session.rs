//! One connection that is up: its numbers, its window, its heartbeats.
//!
//! Inside `machine`, from the end of the handshake to the end of the connection; a new connection starts a new session, at
//! number 1. Invariant: what the peer has not acknowledged costs at most the window, or is a single message.
//!
//! Everything acknowledged is cumulative, and TCP keeps order, so two counters on each side are the whole state: nothing is
//! kept per message.

use watershed_protocol::{HybridTime, Millis, Mutant, limits::PEER_FRAME_BYTES_MAX};

use crate::{DownReason, Heartbeat, LinkConfig};

/// What a message costs in the window beside its body's bytes: its place in the queues of both sides, so that a flood of
/// empty messages is bounded as well. Both sides count it, so it is part of the format.
pub const MESSAGE_COST: u64 = 64;

/// Why a body was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// There is no connection: resume from own state when the link is up.
    #[error("link is down")]
    Down,
    /// The window is full: keep the state, not the body, and offer again when there is room.
    #[error("window of {window} bytes is full")]
    Full {
        /// The agreed window.
        window: u64,
    },
    /// No link ever takes this body: split it.
    #[error("body is {bytes} bytes, at most {max} fit")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// [`PEER_FRAME_BYTES_MAX`].
        max: usize,
    },
}

/// The counters of one connection. Costs are bytes of bodies plus [`MESSAGE_COST`] each.
#[derive(Debug)]
pub(crate) struct Session {
    window: u64,
    heartbeat_ms: u64,
    silence_ms: u64,
    stall_ms: u64,
    since: Millis,

    sent: u64,
    sent_cost: u64,
    arrived: u64,
    opened_cost: u64,
    arrived_at: Millis,
    wants_room: bool,

    received: u64,
    received_cost: u64,
    taken_cost: u64,
    told_cost: u64,
    heard_at: Millis,
    heartbeat_at: Millis,
}

impl Session {
    /// Starts at the end of a handshake. Both sides agree on the smaller window, in both directions.
    pub(crate) fn new(config: &LinkConfig, their_window: u64, now: Millis) -> Self {
        Self {
            window: config.window_bytes.min(their_window),
            heartbeat_ms: config.heartbeat_ms,
            silence_ms: config.silence_ms,
            stall_ms: config.stall_ms,
            since: now,
            sent: 0,
            sent_cost: 0,
            arrived: 0,
            opened_cost: 0,
            arrived_at: now,
            wants_room: false,
            received: 0,
            received_cost: 0,
            taken_cost: 0,
            told_cost: 0,
            heard_at: now,
            heartbeat_at: now.plus(config.heartbeat_ms),
        }
    }

    /// Numbers a body of this length, if the window has room for it.
    pub(crate) fn offer(&mut self, now: Millis, bytes: usize) -> Result<u64, OfferError> {
        if bytes > PEER_FRAME_BYTES_MAX {
            return Err(OfferError::TooLarge { bytes, max: PEER_FRAME_BYTES_MAX });
        }
        let cost = MESSAGE_COST + bytes as u64;
        let in_flight = self.in_flight_cost();
        if in_flight > 0 && in_flight + cost > self.window {
            self.wants_room = true;
            return Err(OfferError::Full { window: self.window });
        }
        if self.sent == self.arrived {
            self.arrived_at = now;
        }
        self.sent += 1;
        self.sent_cost += cost;
        Ok(self.sent)
    }

    /// Checks a message's number and that the peer keeps to the window.
    pub(crate) fn receive(&mut self, number: u64, bytes: usize) -> Result<(), DownReason> {
        let expected = self.received + 1;
        if number != expected {
            return Err(DownReason::Gap { expected, found: number });
        }
        let waiting = self.received_cost - self.taken_cost;
        let cost = MESSAGE_COST + bytes as u64;
        if waiting > 0 && waiting + cost > self.window {
            return Err(DownReason::Overrun { bytes: waiting + cost, window: self.window });
        }
        self.received = number;
        self.received_cost += cost;
        Ok(())
    }

    /// The consumer took messages: the peer may send as much again, and is told so by the next heartbeat.
    pub(crate) fn take(&mut self, messages: u64, bytes: u64) {
        self.taken_cost += messages * MESSAGE_COST + bytes;
        assert!(self.taken_cost <= self.received_cost, "more was taken than came in");
    }

    /// Checks what the peer says of both directions. True when a refused offer may be repeated.
    pub(crate) fn acknowledge(&mut self, now: Millis, heartbeat: &Heartbeat) -> Result<bool, DownReason> {
        if heartbeat.sent != self.received {
            return Err(DownReason::Leak { sent: heartbeat.sent, received: self.received });
        }
        if heartbeat.received < self.arrived || heartbeat.received > self.sent {
            return Err(DownReason::Acknowledged { acknowledged: heartbeat.received, sent: self.sent });
        }
        if heartbeat.taken < self.opened_cost || heartbeat.taken > self.sent_cost {
            return Err(DownReason::Acknowledged { acknowledged: heartbeat.taken, sent: self.sent_cost });
        }
        if heartbeat.received > self.arrived {
            self.arrived = heartbeat.received;
            self.arrived_at = now;
        }
        self.opened_cost = heartbeat.taken;
        // Half a window: one word for many bodies, not one each.
        let room = self.wants_room && self.in_flight_cost() <= self.window / 2;
        if room {
            self.wants_room = false;
        }
        Ok(room)
    }

    /// Any byte of the peer proves that it lives, be it a part of a large message.
    pub(crate) fn hear(&mut self, now: Millis) {
        self.heard_at = self.heard_at.max(now);
    }

    /// Why this connection should end now, if it should.
    pub(crate) fn broken(&self, now: Millis) -> Option<DownReason> {
        if now >= self.silent_at() {
            return Some(DownReason::Silent { ms: now.since(self.heard_at) });
        }
        if self.stalled_at().is_some_and(|at| now >= at) {
            let outstanding = self.sent - self.arrived;
            return Some(DownReason::Stalled { ms: now.since(self.arrived_at), outstanding });
        }
        None
    }

    /// The heartbeat that is due, if one is: by time, or because a quarter of the window was taken.
    pub(crate) fn heartbeat(&mut self, now: Millis, hybrid: HybridTime) -> Option<Heartbeat> {
        if now < self.heartbeat_at && !self.is_acknowledgement_due() {
            return None;
        }
        self.heartbeat_at = now.plus(self.heartbeat_ms);
        self.told_cost = self.taken_cost;
        Some(Heartbeat { sent: self.sent, received: self.received, taken: self.taken_cost, hybrid })
    }

    /// When something is due; the past if it is due already.
    pub(crate) fn deadline(&self) -> Millis {
        if self.is_acknowledgement_due() {
            return Millis::default();
        }
        let checks = self.stalled_at().map_or(self.silent_at(), |at| at.min(self.silent_at()));
        self.heartbeat_at.min(checks)
    }

    /// How long this connection has been up.
    pub(crate) fn age_ms(&self, now: Millis) -> u64 {
        now.since(self.since)
    }

    fn in_flight_cost(&self) -> u64 {
        self.sent_cost - self.opened_cost
    }

    fn is_acknowledgement_due(&self) -> bool {
        self.taken_cost - self.told_cost >= self.window / 4
    }

    fn silent_at(&self) -> Millis {
        self.heard_at.plus(if Mutant::SilenceIgnored.lives() { u64::MAX } else { self.silence_ms })
    }

    fn stalled_at(&self) -> Option<Millis> {
        (self.sent > self.arrived).then(|| self.arrived_at.plus(self.stall_ms))
    }
}
