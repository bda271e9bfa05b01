//! Writes that go to one processor, as the columns and rows of one message.
//!
//! Invariant: the batch names every slot and every stream that its rows touch, and fits into one frame of a link.

use std::collections::BTreeMap;

use watershed_placement::Map;
use watershed_protocol::{
    Part, Slot, StreamId, limits,
    peer::uplink::{CommentWrite, DeleteWrite, HeaderWrite, LikeRow, PinWrite, ReactionWrite, WriteBatch},
};

use super::write::{Op, Write};

/// Half of what a link carries, for sizes are estimated here.
const BATCH_BYTES_MAX: usize = limits::PEER_FRAME_BYTES_MAX / 2;

/// What a row costs beside its texts: numbers, ids and their marks.
const ROW_BYTES: usize = 64;

const WORD: usize = u64::BITS as usize;

/// A batch in the making.
#[derive(Debug)]
pub(super) struct Builder {
    batch: WriteBatch,
    streams: BTreeMap<StreamId, u16>,
    /// One bit a slot: ascending and without repeats for nothing.
    slots: [u64; Slot::COUNT / WORD],
    bytes: usize,
    rows: usize,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            batch: WriteBatch::default(),
            streams: BTreeMap::new(),
            slots: [0; Slot::COUNT / WORD],
            bytes: 0,
            rows: 0,
        }
    }

    /// Whether another write fits, whatever it is.
    pub(super) fn has_room(&self, writes_max: usize) -> bool {
        self.rows < writes_max && self.bytes < BATCH_BYTES_MAX
    }

    pub(super) fn add(&mut self, number: u64, (part, slot): (Part, Slot), write: &Write) {
        let stream = self.touch(slot, &write.stream);
        match &write.op {
            Op::Like { id, viewer, register } => {
                let (comment, viewer, register) = (*id, *viewer, *register);
                self.batch.likes.push(LikeRow { number, stream, comment, viewer, register, part });
            }
            Op::Comment { id, author, name, body } => {
                self.bytes += author.as_str().len() + name.as_str().len() + body.as_str().len();
                let (id, author, name, body) = (*id, author.clone(), name.clone(), body.clone());
                let spread = part.spread();
                self.batch.comments.push(CommentWrite { number, stream, id, author, name, body, spread });
            }
            Op::Header { id, author } => {
                self.bytes += author.as_str().len();
                self.batch.headers.push(HeaderWrite { number, stream, id: *id, author: author.clone(), part });
            }
            Op::Delete { id, viewer, moderator } => {
                self.bytes += viewer.as_str().len();
                let (id, viewer, moderator) = (*id, viewer.clone(), *moderator);
                self.batch.deletes.push(DeleteWrite { number, stream, id, viewer, moderator, part });
            }
            Op::Pin { id } => self.batch.pins.push(PinWrite { number, stream, slot, id: *id }),
        }
    }

    /// Adds taps; `write.stream` is set here.
    pub(super) fn add_reactions(&mut self, stream: &StreamId, mut write: ReactionWrite) {
        write.stream = self.touch(write.slot, stream);
        self.bytes += write.counts.keys().map(|kind| kind.as_str().len() + 10).sum::<usize>();
        self.batch.reactions.push(write);
    }

    /// The batch, with the epochs by which `map` chose its receiver.
    pub(super) fn finish(mut self, map: &Map) -> WriteBatch {
        self.batch.map_epoch = map.epoch();
        let touched =
            (0..).zip(self.slots).flat_map(|(word, bits)| ones(bits).map(move |bit| word * WORD as u16 + bit));
        let slots = touched.filter_map(|number| Slot::new(number).ok());
        self.batch.slots = slots.map(|slot| (slot, map.owner(slot).epoch)).collect();
        self.batch
    }

    /// Notes what a row touches, and returns the index of its stream.
    fn touch(&mut self, slot: Slot, stream: &StreamId) -> u16 {
        self.slots[slot.index() / WORD] |= 1 << (slot.index() % WORD);
        self.rows += 1;
        self.bytes += ROW_BYTES;
        // Rows of one stream mostly come together.
        if self.batch.streams.last() == Some(stream) {
            return (self.batch.streams.len() - 1) as u16;
        }
        let next = self.batch.streams.len() as u16; // A batch has at most 16,384 rows.
        let index = *self.streams.entry(stream.clone()).or_insert(next);
        if index == next {
            self.bytes += stream.as_str().len();
            self.batch.streams.push(stream.clone());
        }
        index
    }
}

/// The places of the bits that are set, ascending.
fn ones(mut bits: u64) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let place = (bits != 0).then(|| bits.trailing_zeros() as u16);
        bits &= bits.wrapping_sub(1);
        place
    })
}
