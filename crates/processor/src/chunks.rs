//! A list that grows without ever moving what is in it.
//!
//! What comments and viewers live in: tens of millions of them, where doubling a `Vec` would copy gigabytes while writes
//! wait. Invariant: a value stays where it is from `push` until `pop`.

use std::ops::{Index, IndexMut};

/// Values of one allocation, as a power of two.
const CHUNK_SHIFT: u32 = 10;
const CHUNK: usize = 1 << CHUNK_SHIFT;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Chunks<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0 }
    }
}

impl<T> Chunks<T> {
    /// Appends a value; its number.
    pub(crate) fn push(&mut self, value: T) -> u32 {
        let chunk = self.len >> CHUNK_SHIFT;
        if chunk == self.chunks.len() {
            // The first grows as any list does: most tests, and small nodes, have few values.
            self.chunks.push(if chunk == 0 { Vec::new() } else { Vec::with_capacity(CHUNK) });
        }
        self.chunks[chunk].push(value);
        self.len += 1;
        (self.len - 1) as u32
    }

    /// Takes the last value back.
    pub(crate) fn pop(&mut self) -> Option<T> {
        let last = self.len.checked_sub(1)?;
        let chunk = &mut self.chunks[last >> CHUNK_SHIFT];
        let value = chunk.pop();
        if chunk.is_empty() {
            self.chunks.pop();
        }
        self.len = last;
        value
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

impl<T> Index<u32> for Chunks<T> {
    type Output = T;
    fn index(&self, number: u32) -> &T {
        &self.chunks[number as usize >> CHUNK_SHIFT][number as usize & (CHUNK - 1)]
    }
}

impl<T> IndexMut<u32> for Chunks<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        &mut self.chunks[number as usize >> CHUNK_SHIFT][number as usize & (CHUNK - 1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_under_their_numbers_and_in_order() {
        let mut chunks = Chunks::default();
        let numbers: Vec<u32> = (0..3_000u32).map(|n| chunks.push(n * 3)).collect();
        assert!(numbers.iter().all(|n| chunks[*n] == n * 3));
        assert!((0..2_500).all(|n| chunks.pop() == Some((2_999 - n) * 3)));
        assert_eq!((chunks.len(), chunks.push(7), chunks.len()), (500, 500, 501));
    }

    #[test]
    fn an_empty_list_gives_nothing_back() {
        let mut chunks = Chunks::<u8>::default();
        assert_eq!(chunks.pop(), None);
        chunks.push(1);
        assert_eq!((chunks.pop(), chunks.pop(), chunks.len()), (Some(1), None, 0));
    }
}
