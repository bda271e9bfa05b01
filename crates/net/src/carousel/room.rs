//! A room that the node publishes into and all workers send from.
//!
//! Between the feed's driver, which publishes, and the workers, each with its own viewers of the stream. Invariant: a
//! worker takes the lock once for all viewers that need the same bytes, never per viewer; that the head has moved is
//! told by an atomic number.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use watershed_broadcast::{Room, Update};
use watershed_protocol::{Gap, Millis, StreamId};

/// One stream's room, shared by the node and its workers. Shared as `Arc`; a node has at most one of a stream at a time.
#[derive(Debug)]
pub struct SharedRoom {
    stream: StreamId,
    room: Mutex<Room>,
    head: AtomicU64,
    viewers: AtomicU64,
    /// Workers that have viewers of the stream, a bit each.
    present: AtomicU64,
    /// Workers that have been told of the head and have not looked yet.
    told: AtomicU64,
}

impl SharedRoom {
    /// Shares a room.
    pub fn new(stream: StreamId, room: Room) -> Self {
        let head = AtomicU64::new(room.head().get());
        Self {
            stream,
            room: Mutex::new(room),
            head,
            viewers: AtomicU64::new(0),
            present: AtomicU64::new(0),
            told: AtomicU64::new(0),
        }
    }

    /// The stream that it shows.
    pub fn stream(&self) -> &StreamId {
        &self.stream
    }

    /// Connections to this node that watch the stream, those included that were handed over and not yet seated.
    pub fn viewers(&self) -> u64 {
        self.viewers.load(Ordering::Acquire)
    }

    /// Takes what the feed brings. Tell the workers by [`super::Carousel::wake`].
    pub fn publish(&self, now: Millis, update: Update) -> Result<(), Gap> {
        let mut room = self.lock();
        room.publish(now, update)?;
        self.head.store(room.head().get(), Ordering::Release);
        Ok(())
    }

    /// The room itself, for a moment: publishing waits meanwhile.
    pub fn lock(&self) -> MutexGuard<'_, Room> {
        // A panic under the lock is a bug of ours that has been reported; the others go on.
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire)
    }

    pub(super) fn add_viewer(&self) {
        self.viewers.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn remove_viewer(&self) {
        self.viewers.fetch_sub(1, Ordering::AcqRel);
    }

    /// From now on this worker is told when the head moves. A head that moved before is for the worker to look at.
    pub(super) fn enter(&self, worker: u8) {
        self.present.fetch_or(1 << worker, Ordering::SeqCst);
    }

    pub(super) fn leave(&self, worker: u8) {
        self.present.fetch_and(!(1 << worker), Ordering::SeqCst);
    }

    /// The workers to be told of the head: those that are present and have looked since they were told last.
    pub(super) fn to_tell(&self) -> u64 {
        let present = self.present.load(Ordering::SeqCst);
        present & !self.told.fetch_or(present, Ordering::SeqCst)
    }

    /// The worker is about to look at the head.
    pub(super) fn look(&self, worker: u8) {
        self.told.fetch_and(!(1 << worker), Ordering::SeqCst);
    }
}
