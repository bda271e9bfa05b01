//! The keys of viewers that no checkpoint has saved yet, by their numbers.
//!
//! Inside `viewers`, which adds them; checkpoints read them, and they go when a checkpoint is in force. They lie in pieces
//! of 4 KiB, which come and go without being moved: a list of megabytes that doubles and shrinks would need a new place
//! for all of it each time. Invariant: the first piece holds the number `from`, and each has the place of 256 numbers.

use std::collections::VecDeque;

use watershed_protocol::ViewerKey;

use crate::registers::ViewerNo;

/// Keys of one piece, and of one row of the store: 4 KiB.
const PIECE: ViewerNo = 256;
/// What stands in a piece for viewers who were saved before it began.
const SAVED: ViewerKey = ViewerKey::from_bytes([0; 16]);

/// See the head of the file.
#[derive(Debug, Default)]
pub(super) struct Fresh {
    pieces: VecDeque<Vec<ViewerKey>>,
    /// Those from this number on, below the other, are here.
    from: ViewerNo,
    to: ViewerNo,
}

impl Fresh {
    /// All viewers below this number are saved, and there are no others.
    pub(super) fn begin(&mut self, from: ViewerNo) {
        debug_assert!(self.pieces.is_empty(), "a store is read before anything new comes");
        (self.from, self.to) = (from, from);
    }

    /// Takes the key of the next viewer.
    pub(super) fn push(&mut self, key: ViewerKey) {
        if self.pieces.is_empty() || self.to.is_multiple_of(PIECE) {
            let mut piece = Vec::with_capacity(PIECE as usize);
            piece.resize((self.to % PIECE) as usize, SAVED);
            self.pieces.push_back(piece);
        }
        if let Some(last) = self.pieces.back_mut() {
            last.push(key);
        }
        self.to += 1;
    }

    /// Keys of these numbers, piece by piece, each with its first number.
    pub(super) fn pieces(&self, from: ViewerNo, to: ViewerNo) -> impl Iterator<Item = (ViewerNo, &[ViewerKey])> {
        debug_assert!(self.from <= from && to <= self.to, "what was saved is forgotten");
        (from / PIECE..to.div_ceil(PIECE)).map(move |number| {
            let (piece, begin) = (&self.pieces[(number - self.from / PIECE) as usize], number * PIECE);
            let first = from.max(begin);
            (first, &piece[(first - begin) as usize..(to - begin).min(PIECE) as usize])
        })
    }

    /// All viewers below this number are saved.
    pub(super) fn forget(&mut self, below: ViewerNo) {
        let gone = (below / PIECE - self.from / PIECE) as usize;
        self.pieces.drain(..gone.min(self.pieces.len()));
        self.from = below;
    }
}
