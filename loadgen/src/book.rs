//! What the whole crowd shares: the ledger, the frames decoded once, the latencies, the comments worth a like.
//!
//! Between all viewers and the report, behind one lock. Invariant: a sending is entered before its first byte leaves, and
//! a message is entered in the order in which its connection delivered it.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use hdrhistogram::Histogram;
use watershed_ledger::{Ledger, Seat, What};
use watershed_protocol::{
    CommentId, Ref, ViewerId,
    client::{Encoding, Names, Response, ResponseError},
};

use crate::{random::Random, voice::Voice};

/// Distinct frames whose decoded form is kept: some nodes, their encodings, and merged ranges of the last moments.
const DECODED_MAX: usize = 48;

/// Comments that likes choose from.
pub(crate) const RECENT_MAX: usize = 1_000;

/// The greatest latency that is told apart, in microseconds: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

/// A lock around the book.
pub(crate) struct Shared(Mutex<Book>);

impl Shared {
    pub(crate) fn new(book: Book) -> Self {
        Self(Mutex::new(book))
    }

    /// Held for one message or one sending, never across an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame as first decoded.
struct Decoded {
    encoding: Encoding,
    /// Empty where a viewer must know ordinals to read it: then equal messages are one.
    payload: Vec<u8>,
    response: Arc<Response>,
    /// Comments of this crowd in it, by number.
    numbers: Vec<usize>,
}

/// A comment of this crowd that was scheduled.
struct Posted {
    by: Seat,
    due_ns: u64,
}

/// See the head of the file.
pub(crate) struct Book {
    pub(crate) ledger: Ledger,
    start: Instant,
    voice: Voice,
    decoded: VecDeque<Decoded>,
    posted: Vec<Posted>,
    /// Comments of this crowd that were seen, newest last.
    pub(crate) recent: VecDeque<CommentId>,
    pub(crate) comment_us: Histogram<u64>,
    pub(crate) like_us: Histogram<u64>,
    /// When a frame last changed something but viewers and reactions.
    pub(crate) changed_ns: u64,
    pub(crate) connected: u64,
    pub(crate) connected_most: u64,
    pub(crate) reconnects: u64,
    pub(crate) moves: u64,
    /// Connections that viewers were ordered to drop.
    pub(crate) drops: u64,
    /// Writes that were sent again although nothing asked for it.
    pub(crate) repeats: u64,
    pub(crate) connect_failures: u64,
    /// The first reason of a connection that failed or broke.
    pub(crate) first_failure: Option<String>,
    /// Sendings that fell due while their viewer had too many unanswered.
    pub(crate) held_back: u64,
    /// Sendings that were refused until their viewer gave up.
    pub(crate) given_up: u64,
    /// Sendings that viewers still try.
    pub(crate) trying: u64,
    /// Messages that are not of the protocol, and the first reason.
    pub(crate) undecodable: u64,
    pub(crate) first_undecodable: Option<String>,
}

impl Book {
    pub(crate) fn new(ledger: Ledger, voice: Voice) -> anyhow::Result<Self> {
        let histogram = || Histogram::new_with_bounds(1, LATENCY_US_MAX, 3);
        Ok(Self {
            ledger,
            start: Instant::now(),
            voice,
            decoded: VecDeque::new(),
            posted: Vec::new(),
            recent: VecDeque::new(),
            comment_us: histogram()?,
            like_us: histogram()?,
            changed_ns: 0,
            connected: 0,
            connected_most: 0,
            reconnects: 0,
            moves: 0,
            drops: 0,
            repeats: 0,
            connect_failures: 0,
            first_failure: None,
            held_back: 0,
            given_up: 0,
            trying: 0,
            undecodable: 0,
            first_undecodable: None,
        })
    }

    /// Nanoseconds since the book was opened.
    pub(crate) fn now_ns(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ns() / 1_000_000
    }

    /// The body of a new comment that was due at `due_ns`.
    pub(crate) fn post(&mut self, by: Seat, due_ns: u64, random: &mut Random) -> String {
        self.posted.push(Posted { by, due_ns });
        self.voice.say(self.posted.len() - 1, random)
    }

    /// How a viewer signs.
    pub(crate) fn name(&self, viewer: usize, id: &ViewerId) -> String {
        self.voice.name(viewer, id.as_str())
    }

    /// Enters a write that is about to be sent.
    pub(crate) fn sent(&mut self, seat: Seat, reference: &Ref, what: &What, repeated: bool) {
        self.repeats += u64::from(repeated);
        let now_ms = self.now_ms();
        self.ledger.sent(seat, reference, what.clone(), now_ms);
    }

    /// Enters a message that came to a viewer, who knows these ordinals.
    pub(crate) fn message(
        &mut self,
        seat: Seat,
        names: &mut Names,
        encoding: Encoding,
        payload: &[u8],
    ) -> Result<Arc<Response>, ResponseError> {
        let shared = !encoding.is_compact();
        let same = |known: &Decoded| shared && known.encoding == encoding && known.payload == payload;
        let (now_ns, now_ms) = (self.now_ns(), self.now_ms());
        let at = match self.decoded.iter().rposition(same) {
            Some(at) => at,
            None => {
                let response = names.read(encoding, payload).inspect_err(|error| {
                    self.undecodable += 1;
                    self.first_undecodable.get_or_insert_with(|| error.to_string());
                })?;
                if !matches!(response, Response::Snapshot { .. } | Response::Delta { .. } | Response::Beat { .. }) {
                    let response = Arc::new(response);
                    self.ledger.received(seat, &response, now_ms);
                    return Ok(response);
                }
                match self.decoded.iter().rposition(|known| !shared && *known.response == response) {
                    Some(at) => at,
                    None => self.keep(encoding, if shared { payload } else { &[] }, response, now_ns),
                }
            }
        };
        let Decoded { response, numbers, .. } = &self.decoded[at];
        for posted in numbers.iter().map(|number| &self.posted[*number]).filter(|posted| posted.by != seat) {
            self.comment_us.saturating_record((now_ns.saturating_sub(posted.due_ns) / 1_000).max(1));
        }
        self.ledger.received(seat, response, now_ms);
        Ok(response.clone())
    }

    /// Keeps a frame that came for the first time.
    fn keep(&mut self, encoding: Encoding, payload: &[u8], response: Response, now_ns: u64) -> usize {
        let mut numbers = Vec::new();
        if let Response::Delta { comments, likes, deleted, .. } = &response {
            if !(comments.is_empty() && likes.is_empty() && deleted.is_empty()) {
                self.changed_ns = now_ns;
            }
            for line in comments {
                let number = self.voice.number_of(&line.body);
                let Some(number) = number.filter(|number| *number < self.posted.len()) else { continue };
                numbers.push(number);
                if !self.recent.contains(&line.id) {
                    self.recent.push_back(line.id);
                }
            }
            while self.recent.len() > RECENT_MAX {
                self.recent.pop_front();
            }
        }
        if self.decoded.len() == DECODED_MAX {
            self.decoded.pop_front();
        }
        self.decoded.push_back(Decoded { encoding, payload: payload.to_vec(), response: Arc::new(response), numbers });
        self.decoded.len() - 1
    }

    /// A like that was due at `due_ns` is acknowledged.
    pub(crate) fn like_acknowledged(&mut self, due_ns: u64) {
        let waited_us = self.now_ns().saturating_sub(due_ns) / 1_000;
        self.like_us.saturating_record(waited_us.max(1));
    }

    /// A connection could not be made, or broke.
    pub(crate) fn failed(&mut self, why: impl FnOnce() -> String) {
        self.connect_failures += 1;
        if self.first_failure.is_none() {
            self.first_failure = Some(why());
        }
    }
}
