//! What all rooms of this node keep for viewers who lag or come back, and whose goes first when it is too much.
//!
//! Between the driver, which publishes into a room and says how much it keeps since, and the rooms, which are told to
//! let go. Invariant: after each put the sum is within its maximum, or only the newest frames are left everywhere.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::StreamId;

/// Bytes by room, the one that was published into longest ago first.
#[derive(Debug)]
pub(super) struct Shelf {
    bytes_max: usize,
    bytes: usize,
    /// When each room was put last, in puts, and what it keeps.
    rooms: BTreeMap<StreamId, (u64, usize)>,
    by_age: BTreeSet<(u64, StreamId)>,
    puts: u64,
}

impl Shelf {
    /// An empty one, for so many bytes.
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, rooms: BTreeMap::new(), by_age: BTreeSet::new(), puts: 0 }
    }

    /// Bytes of all rooms.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A room was published into and keeps so many bytes now. The rooms that have to let go of theirs, oldest first.
    pub(super) fn put(&mut self, stream: &StreamId, bytes: usize) -> Vec<StreamId> {
        self.remove(stream);
        // Most streams are silent: what keeps nothing needs no place.
        if bytes == 0 {
            return Vec::new();
        }
        self.puts += 1;
        self.bytes += bytes;
        self.rooms.insert(stream.clone(), (self.puts, bytes));
        self.by_age.insert((self.puts, stream.clone()));
        let mut to_trim = Vec::new();
        while self.bytes > self.bytes_max {
            let Some((_, oldest)) = self.by_age.first().cloned() else { break };
            self.remove(&oldest);
            to_trim.push(oldest);
        }
        to_trim
    }

    /// A room is no more, or keeps nothing that could go.
    pub(super) fn remove(&mut self, stream: &StreamId) {
        if let Some((put, bytes)) = self.rooms.remove(stream) {
            self.by_age.remove(&(put, stream.clone()));
            self.bytes -= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(name: &str) -> StreamId {
        StreamId::new(name).unwrap()
    }

    #[test]
    fn the_room_that_was_quiet_for_longest_lets_go_first() {
        let mut shelf = Shelf::new(100);
        assert!(shelf.put(&stream("a"), 40).is_empty());
        assert!(shelf.put(&stream("b"), 40).is_empty());
        assert!(shelf.put(&stream("a"), 50).is_empty());
        assert_eq!(shelf.put(&stream("c"), 30), [stream("b")]);
        assert_eq!(shelf.bytes(), 80);
        shelf.remove(&stream("a"));
        assert_eq!((shelf.bytes(), shelf.rooms.len(), shelf.by_age.len()), (30, 1, 1));
    }

    #[test]
    fn one_room_beyond_all_bounds_lets_go_itself() {
        let mut shelf = Shelf::new(100);
        shelf.put(&stream("a"), 60);
        assert_eq!(shelf.put(&stream("b"), 101), [stream("a"), stream("b")]);
        assert_eq!(shelf.bytes(), 0);
    }
}
