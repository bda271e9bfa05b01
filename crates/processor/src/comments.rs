//! All comments of this processor, tombstones too, under dense numbers. Of a comment that is spread, each part that lies
//! here is an entry of its own: the home has the comment itself, the others only its header.
//!
//! Between `state`, which changes them, and whatever names a comment by its id. Invariant: an id has one entry in a slot for
//! ever; a deleted one keeps its author, its place in the order and a hash of its words, and never comes back.

use std::sync::Arc;

use watershed_protocol::{
    Comment, CommentBody, CommentId, HybridTime, OrderKey, Part, Position, Slot, Spread, StreamId, ViewerId,
};
use xxhash_rust::xxh3::Xxh3Default;

use crate::{chunks::Chunks, numbers::Numbers, registers::Registers, streams::ShelfNo};

/// A comment as this processor numbers it.
pub(crate) type CommentNo = u32;

/// One comment, or one part of a spread one, and what is said of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: CommentId,
    pub(crate) part: Part,
    /// Hash of stream, author and body: what a repeat must equal. Zero of a header.
    pub(crate) words: u128,
    pub(crate) author: ViewerId,
    pub(crate) time: HybridTime,
    /// Its stream and slot.
    pub(crate) shelf: ShelfNo,
    /// Gone once its deletion is durable; a header has none.
    pub(crate) content: Option<Arc<Comment>>,
    /// With all changes applied, durable or not.
    pub(crate) registers: Registers,
    pub(crate) stage: Stage,
    /// Whether the open window holds a change of its count.
    pub(crate) dirty: bool,
    /// What of it the next checkpoint has to save.
    pub(crate) unsaved: Unsaved,
    /// Durable: where it was written. Zero while it is not durable.
    pub(crate) written: Position,
    /// Durable: its last change; of a deleted comment, its deletion.
    pub(crate) version: Position,
    /// Durable: how many viewers like it.
    pub(crate) likes: u64,
}

/// What of a comment is not as the store has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unsaved {
    Nothing,
    /// Its version and registers.
    Metrics,
    /// These, and itself.
    All,
}

/// The life of a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Written, not durable: nobody sees it.
    Pending,
    /// Durable.
    Live,
    /// Its deletion is not durable: still seen, takes no more changes.
    Leaving,
    /// A tombstone.
    Deleted,
}

impl Entry {
    /// A comment that was written just now.
    pub(crate) fn new(stream: &StreamId, comment: Arc<Comment>, spread: Spread, shelf: ShelfNo) -> Self {
        Self {
            id: comment.id,
            part: spread.home(),
            words: words(stream, &comment.author, &comment.body),
            author: comment.author.clone(),
            time: comment.time,
            shelf,
            registers: Registers::new(comment.time.millis().get()),
            content: Some(comment),
            stage: Stage::Pending,
            dirty: false,
            unsaved: Unsaved::Nothing,
            written: Position::ZERO,
            version: Position::ZERO,
            likes: 0,
        }
    }

    /// A part of a spread comment that lies elsewhere than the comment, which is about to be written.
    pub(crate) fn header(id: CommentId, part: Part, author: ViewerId, time: HybridTime, shelf: ShelfNo) -> Self {
        Self {
            id,
            part,
            words: 0,
            author,
            time,
            shelf,
            registers: Registers::new(time.millis().get()),
            content: None,
            stage: Stage::Pending,
            dirty: false,
            unsaved: Unsaved::Nothing,
            written: Position::ZERO,
            version: Position::ZERO,
            likes: 0,
        }
    }

    /// Where it is counted.
    pub(crate) fn slot(&self) -> Slot {
        self.part.slot(&self.id)
    }

    /// Where it stands in its stream.
    pub(crate) fn order(&self) -> OrderKey {
        OrderKey { time: self.time, id: self.id }
    }

    /// The comment, if it is durable and not durably deleted.
    pub(crate) fn visible(&self) -> Option<&Arc<Comment>> {
        match self.stage {
            Stage::Live | Stage::Leaving => self.content.as_ref(),
            Stage::Pending | Stage::Deleted => None,
        }
    }
}

/// Comments by number and by id.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    numbers: Numbers,
    entries: Chunks<Entry>,
}

impl Comments {
    /// The number of a comment, at its home.
    pub(crate) fn find(&self, id: &CommentId) -> Option<CommentNo> {
        self.find_in(id.slot(), id)
    }

    /// The number of the part of a comment that lies in this slot.
    pub(crate) fn find_in(&self, slot: Slot, id: &CommentId) -> Option<CommentNo> {
        let is_it = |no| {
            let entry: &Entry = &self.entries[no];
            entry.id == *id && entry.slot() == slot
        };
        self.numbers.find(hash(id, slot), is_it)
    }

    /// Adds a comment whose id is not in its slot.
    pub(crate) fn push(&mut self, entry: Entry) -> CommentNo {
        let hash_of_id = hash(&entry.id, entry.slot());
        let number = self.entries.push(entry);
        let entries = &self.entries;
        self.numbers.find_or_insert(hash_of_id, |_| false, |no| hash(&entries[no].id, entries[no].slot()), || number)
    }

    /// Takes back the comment that was added last.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop()?;
        self.numbers.remove(hash(&entry.id, entry.slot()), self.entries.len() as CommentNo);
        Some(entry)
    }

    /// How many there are, tombstones too.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl std::ops::Index<CommentNo> for Comments {
    type Output = Entry;
    fn index(&self, number: CommentNo) -> &Entry {
        &self.entries[number]
    }
}

impl std::ops::IndexMut<CommentNo> for Comments {
    fn index_mut(&mut self, number: CommentNo) -> &mut Entry {
        &mut self.entries[number]
    }
}

/// Ids are bits of a keyed hash already; the first ones name the home, so the last ones are taken. The slot tells the parts
/// of one comment apart.
fn hash(id: &CommentId, slot: Slot) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *id.as_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) ^ (u64::from(slot.get()) << 32)
}

/// 128 bits of XXH3 over the length-prefixed words. Whoever makes two bodies collide under one of his own refs has his
/// second body acknowledged and not stored: nobody else is touched, so the hash need not be a cryptographic one.
pub(crate) fn words(stream: &StreamId, author: &ViewerId, body: &CommentBody) -> u128 {
    let mut hasher = Xxh3Default::new();
    for part in [stream.as_str(), author.as_str(), body.as_str()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_words_is_the_same_on_every_version() {
        // Golden: a tombstone may outlive the version that wrote it.
        let words = words(&"demo".parse().unwrap(), &"ann".parse().unwrap(), &CommentBody::new("hello", 100).unwrap());
        assert_eq!(format!("{words:032x}"), "d0fe3716dc2b71a5296329aa26be97bc");
    }
}
