//! Streams and their shelves: what one stream has in one slot.
//!
//! A shelf is the unit that the root's positions speak of, so it keeps its comments in the order of their positions: a
//! report can begin anywhere. Invariant: shelves hold durable state only, but for what each reporter has counted.

use std::collections::BTreeMap;

use watershed_protocol::{HybridTime, OrderKey, Position, Reactions, Slot, StreamId};

use crate::{comments::CommentNo, slab::Slab, window::Window};

/// A stream as this processor numbers it.
pub(crate) type StreamNo = u32;
/// One stream's part of one slot, as this processor numbers it.
pub(crate) type ShelfNo = u32;

/// One stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) shelves: BTreeMap<Slot, ShelfNo>,
    /// The visible comments.
    pub(crate) history: BTreeMap<OrderKey, CommentNo>,
    /// While the root watches.
    pub(crate) window: Option<Box<Window>>,
}

/// What one stream has in one slot.
#[derive(Debug)]
pub(crate) struct Shelf {
    pub(crate) stream: StreamNo,
    pub(crate) slot: Slot,
    /// All durable comments, tombstones too, ascending by position.
    pub(crate) written: Vec<CommentNo>,
    /// The last change of the stream in this slot.
    pub(crate) changed: Position,
    /// Comments that are not deleted, and their likes.
    pub(crate) comments: u64,
    pub(crate) likes: u64,
    pub(crate) pin: Option<Pin>,
    pub(crate) taps: Taps,
}

/// The last pin or unpin in one slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pin {
    pub(crate) time: HybridTime,
    /// `None` unpins; so does the comment's deletion.
    pub(crate) comment: Option<CommentNo>,
    pub(crate) position: Position,
}

/// Taps of one stream, in its home slot.
#[derive(Debug, Default)]
pub(crate) struct Taps {
    /// What each reporter has counted since it started, durable or not.
    pub(crate) reporters: BTreeMap<u64, Reactions>,
    /// Durable sums.
    pub(crate) sums: Reactions,
    pub(crate) version: Position,
}

impl Taps {
    /// All durable taps, of whatever kind.
    pub(crate) fn total(&self) -> u64 {
        self.sums.values().sum()
    }
}

impl Shelf {
    fn new(stream: StreamNo, slot: Slot) -> Self {
        Self {
            stream,
            slot,
            written: Vec::new(),
            changed: Position::ZERO,
            comments: 0,
            likes: 0,
            pin: None,
            taps: Taps::default(),
        }
    }

    /// Whether nothing durable is on it, and no taps that may become so.
    fn is_bare(&self) -> bool {
        self.changed == Position::ZERO && self.taps.reporters.is_empty()
    }
}

/// Streams and shelves, by number.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    numbers: BTreeMap<StreamId, StreamNo>,
    list: Slab<Stream>,
    pub(crate) shelves: Slab<Shelf>,
}

impl Streams {
    /// The number of a stream that is known here.
    pub(crate) fn find(&self, id: &StreamId) -> Option<StreamNo> {
        self.numbers.get(id).copied()
    }

    /// The number of a stream, given now if it has none.
    pub(crate) fn intern(&mut self, id: &StreamId) -> StreamNo {
        if let Some(no) = self.find(id) {
            return no;
        }
        let stream = Stream { id: id.clone(), shelves: BTreeMap::new(), history: BTreeMap::new(), window: None };
        let no = self.list.insert(stream);
        self.numbers.insert(id.clone(), no);
        no
    }

    /// The shelf of a stream in a slot, put up now if there is none.
    pub(crate) fn shelf(&mut self, id: &StreamId, slot: Slot) -> ShelfNo {
        let stream = self.intern(id);
        let shelves = &mut self.shelves;
        *self.list[stream].shelves.entry(slot).or_insert_with(|| shelves.insert(Shelf::new(stream, slot)))
    }

    /// Forgets a shelf that holds nothing, and its stream with the last of them.
    pub(crate) fn release_shelf(&mut self, shelf: ShelfNo) {
        if !self.shelves[shelf].is_bare() {
            return;
        }
        if let Some(Shelf { stream, slot, .. }) = self.shelves.remove(shelf) {
            self.list[stream].shelves.remove(&slot);
            self.release(stream);
        }
    }

    /// Forgets a stream that holds nothing and that nobody watches: its name may be anybody's invention.
    pub(crate) fn release(&mut self, no: StreamNo) {
        let stream = &self.list[no];
        if stream.shelves.is_empty()
            && stream.window.is_none()
            && let Some(stream) = self.list.remove(no)
        {
            self.numbers.remove(&stream.id);
        }
    }

    /// Forgets what is summed up over comments, and sums up taps anew.
    pub(crate) fn reset_sums(&mut self) {
        for shelf in self.shelves.values_mut() {
            (shelf.comments, shelf.likes) = (0, 0);
            shelf.taps.sums.clear();
            for (kind, count) in shelf.taps.reporters.values().flatten() {
                *shelf.taps.sums.entry(kind.clone()).or_default() += count;
            }
        }
    }

    /// All streams by name.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = StreamNo> {
        self.numbers.values().copied()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.numbers.len()
    }
}

impl std::ops::Index<StreamNo> for Streams {
    type Output = Stream;
    fn index(&self, number: StreamNo) -> &Stream {
        &self.list[number]
    }
}

impl std::ops::IndexMut<StreamNo> for Streams {
    fn index_mut(&mut self, number: StreamNo) -> &mut Stream {
        &mut self.list[number]
    }
}
