//! A write of one viewer, as it goes over the wire at every attempt: the same ref and stamp each time.
//!
//! Between the crowd's schedule and a viewer's socket. Invariant: the bytes of all attempts are equal, repeats included.

use tokio_tungstenite::tungstenite::Message;
use watershed_ledger::What;
use watershed_protocol::{Ref, client::Encoding};

use crate::random::Random;

/// Attempts for one sending: with the server's delays between them, what is refused so often is given up.
pub(crate) const TRIES_MAX: u32 = 8;

/// Whether a write is sent more often than it must be, as impatient or forgetful clients do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Never,
    /// Right behind the first attempt.
    AtOnce,
    /// When it is acknowledged already, over the next connection.
    Later,
}

impl Repeat {
    /// Draws for a share of repeats, half of each kind.
    pub(crate) fn draw(share: f64, random: &mut Random) -> Self {
        match random.unit() {
            drawn if drawn < share / 2.0 => Self::AtOnce,
            drawn if drawn < share => Self::Later,
            _ => Self::Never,
        }
    }
}

/// A write and how it stands.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) what: What,
    /// When the schedule wanted it, for the latency.
    pub(crate) due_ns: u64,
    pub(crate) tries: u32,
    pub(crate) repeat: Repeat,
    /// When to try again; `None` while an answer is awaited.
    pub(crate) retry_at: Option<tokio::time::Instant>,
}

impl Sending {
    /// To be sent at once.
    pub(crate) fn new(what: What, due_ns: u64, repeat: Repeat) -> Self {
        Self { what, due_ns, tries: 0, repeat, retry_at: Some(tokio::time::Instant::now()) }
    }

    /// The message that asks for it.
    pub(crate) fn message(&self, reference: &Ref, encoding: Encoding) -> Message {
        framed(self.what.message(reference, encoding), encoding)
    }
}

/// The message of WebSocket that carries this payload.
pub(crate) fn framed(payload: Vec<u8>, encoding: Encoding) -> Message {
    match encoding {
        // JSON is UTF-8.
        Encoding::Json => Message::text(String::from_utf8_lossy(&payload).into_owned()),
        _ => Message::binary(payload),
    }
}
