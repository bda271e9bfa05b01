//! The rooms of this node, by stream: made when the first viewer or node below comes, forgotten when the last has been gone
//! for a while.
//!
//! Shared by HTTP, which makes them, and the driver, which publishes and clears. Invariant: a stream has at most one room.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use watershed_broadcast::{Room, RoomConfig, relay};
use watershed_net::carousel::SharedRoom;
use watershed_protocol::{Millis, StreamId};

use super::shelf::Shelf;

/// How long a stream without viewers stays, for those that come back at once.
const EMPTY_MS: u64 = 30_000;

/// Most rooms that are left at one time: 100,000 at once would hold up all others.
const LEAVES_MAX: usize = 1_024;

/// All rooms.
pub(super) struct Rooms {
    streams_max: usize,
    inner: Mutex<Inner>,
}

struct Inner {
    rooms: BTreeMap<StreamId, Arc<SharedRoom>>,
    /// When to look whether a room is still empty, and the same in order of time.
    empty: BTreeMap<StreamId, Millis>,
    due: BTreeSet<(Millis, StreamId)>,
    shelf: Shelf,
    /// Streams that nodes below want: their rooms stay without viewers.
    wanted_below: BTreeSet<StreamId>,
}

impl Inner {
    fn look_at(&mut self, stream: &StreamId, at: Millis) {
        if !self.empty.contains_key(stream) {
            self.empty.insert(stream.clone(), at);
            self.due.insert((at, stream.clone()));
        }
    }

    fn look_no_more(&mut self, stream: &StreamId) {
        if let Some(at) = self.empty.remove(stream) {
            self.due.remove(&(at, stream.clone()));
        }
    }
}

impl Rooms {
    /// At most this many, which keep at most so many bytes of frames together.
    pub(super) fn new(streams_max: usize, kept_bytes_max: usize) -> Self {
        let (rooms, empty, due, wanted_below) = Default::default();
        let inner = Inner { rooms, empty, due, shelf: Shelf::new(kept_bytes_max), wanted_below };
        Self { streams_max, inner: Mutex::new(inner) }
    }

    /// The room of a stream, made if there is none; `None` when there are too many. True if it is new.
    pub(super) fn enter(&self, stream: &StreamId) -> Option<(Arc<SharedRoom>, bool)> {
        let mut inner = self.lock();
        if let Some(room) = inner.rooms.get(stream) {
            return Some((room.clone(), false));
        }
        if inner.rooms.len() >= self.streams_max {
            return None;
        }
        let room = Arc::new(SharedRoom::new(stream.clone(), Room::new(RoomConfig::default())));
        inner.rooms.insert(stream.clone(), room.clone());
        Some((room, true))
    }

    /// The room of a stream.
    pub(super) fn find(&self, stream: &StreamId) -> Option<Arc<SharedRoom>> {
        self.lock().rooms.get(stream).cloned()
    }

    /// Keeps a stream's room for nodes below. True if it is new, `None` when there are too many.
    pub(super) fn want_below(&self, stream: &StreamId) -> Option<bool> {
        let (_, is_new) = self.enter(stream)?;
        let mut inner = self.lock();
        inner.look_no_more(stream);
        inner.wanted_below.insert(stream.clone());
        Some(is_new)
    }

    /// No node below wants the stream any more.
    pub(super) fn leave_below(&self, stream: &StreamId) {
        self.lock().wanted_below.remove(stream);
    }

    /// How many viewers a stream has here now.
    pub(super) fn viewers_changed(&self, now: Millis, stream: &StreamId) -> Option<u64> {
        let mut inner = self.lock();
        let viewers = inner.rooms.get(stream)?.viewers();
        if viewers == 0 && !inner.wanted_below.contains(stream) {
            inner.look_at(stream, now.plus(EMPTY_MS));
        } else {
            inner.look_no_more(stream);
        }
        Some(viewers)
    }

    /// A room was published into: when all keep too much now, those that were quiet for longest let go of theirs.
    pub(super) fn published(&self, room: &SharedRoom) {
        let bytes = room.lock().kept_bytes();
        let mut inner = self.lock();
        let to_trim = inner.shelf.put(room.stream(), bytes);
        let to_trim: Vec<_> = to_trim.iter().filter_map(|stream| inner.rooms.get(stream).cloned()).collect();
        drop(inner);
        to_trim.iter().for_each(|room| room.lock().trim());
    }

    /// Bytes that all rooms keep for viewers who lag or come back.
    pub(super) fn kept_bytes(&self) -> usize {
        self.lock().shelf.bytes()
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.lock().rooms.len()
    }

    /// When the next empty room may go.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.lock().due.first().map(|(at, _)| *at)
    }

    /// Forgets rooms that have been empty for long, and says which.
    pub(super) fn leave_empty(&self, now: Millis) -> Vec<StreamId> {
        let mut inner = self.lock();
        let due = inner.due.iter().take_while(|(at, _)| *at <= now).take(LEAVES_MAX);
        let mut due: Vec<StreamId> = due.map(|(_, stream)| stream.clone()).collect();
        due.retain(|stream| {
            inner.look_no_more(stream);
            // A handshake that holds the room counts as a viewer to be: only our own reference may be left.
            let idle = |room: &Arc<SharedRoom>| room.viewers() == 0 && Arc::strong_count(room) == 1;
            let leaves = inner.rooms.get(stream).is_some_and(idle);
            if leaves {
                inner.rooms.remove(stream);
                inner.shelf.remove(stream);
            } else if inner.rooms.contains_key(stream) {
                inner.look_at(stream, now.plus(EMPTY_MS));
            }
            leaves
        });
        due
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl relay::Rooms for Rooms {
    fn look<T>(&self, stream: &StreamId, at: impl FnOnce(&Room) -> T) -> Option<T> {
        self.find(stream).map(|room| at(&room.lock()))
    }
}
