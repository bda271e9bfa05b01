//! Bytes that are kept alive only because sockets took a part of them, and who has kept them longest.
//!
//! Shared bytes count once, however many viewers hold them. Invariant: the sum covers every partly written piece, and
//! falls when its last holder lets go.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

/// One worker's partly written bytes.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// By the address of a piece's end, which stays while its rest shrinks: holders and bytes.
    pieces: BTreeMap<usize, (u32, usize)>,
    bytes: usize,
    /// Holders by when their sockets last took a byte.
    holders: BTreeSet<(u32, u32)>,
}

impl Held {
    /// A viewer holds `rest`, of a piece of `whole` bytes, since `at`.
    pub(super) fn hold(&mut self, viewer: u32, at: u32, rest: &Bytes, whole: usize) {
        let piece = self.pieces.entry(end_of(rest)).or_insert((0, whole));
        if piece.0 == 0 {
            self.bytes += whole;
        }
        piece.0 += 1;
        self.holders.insert((at, viewer));
    }

    /// The viewer's socket has taken something.
    pub(super) fn touch(&mut self, viewer: u32, before: u32, now: u32) {
        if self.holders.remove(&(before, viewer)) {
            self.holders.insert((now, viewer));
        }
    }

    /// A viewer lets go of its `rest`, be it empty by now.
    pub(super) fn release(&mut self, viewer: u32, at: u32, rest: &Bytes) {
        if !self.holders.remove(&(at, viewer)) {
            return;
        }
        let end = end_of(rest);
        if let Some(piece) = self.pieces.get_mut(&end) {
            piece.0 -= 1;
            if piece.0 == 0 {
                self.bytes -= piece.1;
                self.pieces.remove(&end);
            }
        }
    }

    /// Bytes of all pieces.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whose socket has taken nothing for the longest time.
    pub(super) fn longest(&self) -> Option<u32> {
        self.holders.first().map(|(_, viewer)| *viewer)
    }
}

fn end_of(rest: &Bytes) -> usize {
    rest.as_ptr() as usize + rest.len()
}

#[cfg(test)]
mod tests {
    use bytes::Buf;

    use super::*;

    #[test]
    fn shared_bytes_count_once_until_the_last_holder_lets_go() {
        let frame = Bytes::from(vec![7; 100]);
        let (mut ann, bob) = (frame.slice(10..), frame.slice(50..));
        let mut held = Held::default();
        held.hold(1, 5, &ann, 100);
        held.hold(2, 6, &bob, 100);
        assert_eq!((held.bytes(), held.longest()), (100, Some(1)));
        held.touch(1, 5, 9);
        assert_eq!(held.longest(), Some(2));
        ann.advance(90);
        held.release(1, 9, &ann);
        assert_eq!(held.bytes(), 100);
        held.release(2, 6, &bob);
        assert_eq!((held.bytes(), held.longest()), (0, None));
    }
}
