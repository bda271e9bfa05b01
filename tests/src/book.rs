//! The book of one stream: what all its viewers share, first of all the ledger.
//!
//! Opened by a test, written by viewers. Invariant: equal messages are one object, so that the ledger examines a frame once
//! that many viewers got.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use watershed_ledger::{Config, Ledger};
use watershed_protocol::{StreamId, client::Response};

use crate::PATIENCE;

/// Messages that are kept to be recognised.
const RECENT_MAX: usize = 64;

/// What all viewers of one stream share.
#[derive(Debug)]
pub struct Book {
    /// The stream.
    pub stream: StreamId,
    start: Instant,
    ledger: Mutex<Ledger>,
    /// The latest distinct messages: the ledger examines a frame once that many viewers got.
    recent: Mutex<VecDeque<Arc<Response>>>,
}

impl Book {
    /// The book of a stream that only these viewers write on.
    pub fn open(stream: &str) -> Arc<Self> {
        // That every sending is answered is checked; a busy machine must not decide whether it was in time.
        let answer_within_ms = PATIENCE.as_millis() as u64;
        let config = Config { keep_counts: true, answer_within_ms, ..Config::default() };
        let stream = StreamId::new(stream).expect("a stream's name");
        Arc::new(Self {
            stream,
            start: Instant::now(),
            ledger: Mutex::new(Ledger::new(config)),
            recent: Mutex::default(),
        })
    }

    /// The ledger; held for one entry, never across an await.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the book was opened.
    pub fn now_ms(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// The message itself, or an equal one that another viewer got.
    pub(crate) fn shared(&self, message: Response) -> Arc<Response> {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = recent.iter().rev().find(|known| ***known == message) {
            return known.clone();
        }
        let message = Arc::new(message);
        recent.push_back(message.clone());
        if recent.len() > RECENT_MAX {
            recent.pop_front();
        }
        message
    }

    /// Fails with the first example of each promise that was broken so far.
    pub fn assert_kept(&self) {
        let ledger = self.ledger();
        let broken = ledger.violations();
        assert!(broken.is_empty(), "broken promises: {broken:#?}");
    }
}
