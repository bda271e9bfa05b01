//! What other threads hand to a worker: viewers, answers, and word that a room's head has moved.
//!
//! Between the node's tasks and the worker's loop. Invariant: however much is handed over before the worker looks, it is
//! woken once. Its length is bounded by what is put in: joins, and clients to turn away, by a counter; answers by the viewers'
//! unanswered writes; heads by one a room; unknown points by what the feed asks for; moves and surveys by the few that say so.

use std::{
    io, mem,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use mio::Waker;
use watershed_broadcast::Origin;
use watershed_protocol::{Epoch, Seq, StreamId, client::Response};

use super::{Joiner, SharedRoom, moving::Progress, slowest::Survey};
use crate::http::Upgraded;

/// One thing handed to a worker.
pub(super) enum Message {
    /// A viewer comes.
    Join(Box<Joiner>),
    /// An echo comes.
    Echo(Upgraded),
    /// Viewers' writes are answered.
    Answers(std::vec::IntoIter<(Origin, Response)>),
    /// The head of this room has moved.
    Head(Arc<SharedRoom>),
    /// The root does not know this point: who waits for it gets a snapshot.
    Unknown(StreamId, Epoch, Seq),
    /// Viewers are told to move; how far this worker has come with it.
    Move(Progress),
    /// Somebody asks for the slowest viewers; how far this worker has come with it.
    Survey(Survey),
    /// A client that has shaken hands is turned away with these frames.
    TurnAway(Upgraded, Bytes),
    /// The worker ends.
    Shutdown,
}

/// The worker's side and the others' side are the same.
pub(super) struct Inbox {
    messages: Mutex<Vec<Message>>,
    waker: Waker,
    woken: AtomicBool,
}

impl Inbox {
    pub(super) fn new(waker: Waker) -> Self {
        Self { messages: Mutex::default(), waker, woken: AtomicBool::new(false) }
    }

    /// Hands over, and wakes the worker unless somebody has.
    pub(super) fn put(&self, message: Message) {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message);
        if !self.woken.swap(true, Ordering::AcqRel) {
            // An eventfd's counter cannot overflow by ones; if it ever fails, the worker's next timer finds the message.
            let _: io::Result<()> = self.waker.wake();
        }
    }

    /// Whether something may be there.
    pub(super) fn is_waiting(&self) -> bool {
        self.woken.load(Ordering::Acquire)
    }

    /// Takes all, in the order in which they were put.
    pub(super) fn take(&self) -> Vec<Message> {
        // The flag first: what is put after this is either taken below or wakes again.
        self.woken.store(false, Ordering::Release);
        mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
