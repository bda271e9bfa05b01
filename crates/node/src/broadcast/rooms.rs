//! The rooms of this node, by stream: made when the first viewer comes, forgotten when the last has been gone for a while.
//!
//! Shared by HTTP, which makes them, and the driver, which publishes and clears. Invariant: a stream has at most one room.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use watershed_broadcast::{Room, RoomConfig};
use watershed_net::carousel::SharedRoom;
use watershed_protocol::{Millis, StreamId};

/// How long a stream without viewers stays, for those that come back at once.
const EMPTY_MS: u64 = 30_000;

/// All rooms.
pub(super) struct Rooms {
    streams_max: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    rooms: BTreeMap<StreamId, Arc<SharedRoom>>,
    /// When to look whether a room is still empty.
    empty: BTreeMap<StreamId, Millis>,
}

impl Rooms {
    /// At most this many.
    pub(super) fn new(streams_max: usize) -> Self {
        Self { streams_max, inner: Mutex::default() }
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

    /// How many viewers a stream has here now.
    pub(super) fn viewers_changed(&self, now: Millis, stream: &StreamId) -> Option<u64> {
        let mut inner = self.lock();
        let viewers = inner.rooms.get(stream)?.viewers();
        if viewers == 0 {
            inner.empty.entry(stream.clone()).or_insert(now.plus(EMPTY_MS));
        } else {
            inner.empty.remove(stream);
        }
        Some(viewers)
    }

    /// When the next empty room may go.
    pub(super) fn deadline(&self) -> Option<Millis> {
        self.lock().empty.values().min().copied()
    }

    /// Forgets the rooms that have been empty for long, and says which.
    pub(super) fn leave_empty(&self, now: Millis) -> Vec<StreamId> {
        let mut inner = self.lock();
        let due: Vec<StreamId> =
            inner.empty.iter().filter(|(_, at)| **at <= now).map(|(stream, _)| stream.clone()).collect();
        let Inner { rooms, empty } = &mut *inner;
        due.into_iter()
            .filter(|stream| {
                empty.remove(stream);
                // A handshake that holds the room counts as a viewer to be: only our own reference may be left.
                let idle = |room: &Arc<SharedRoom>| room.viewers() == 0 && Arc::strong_count(room) == 1;
                let leaves = rooms.get(stream).is_some_and(idle);
                if leaves {
                    rooms.remove(stream);
                } else if rooms.contains_key(stream) {
                    empty.insert(stream.clone(), now.plus(EMPTY_MS));
                }
                leaves
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
