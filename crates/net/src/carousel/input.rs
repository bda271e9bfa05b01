//! What a viewer keeps of its input from one read to the next.
//!
//! Between two calls of `receive`. Invariant: it is empty whenever the viewer is between two messages and may be read,
//! and [`Input::held_bytes`] is all that it holds.

use watershed_broadcast::websocket::Decoder;

/// Bytes that were not looked at, and a message that has not come whole.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// What came behind a halt, or behind the handshake.
    unread: Vec<u8>,
    /// How much of that has been taken since.
    taken: usize,
    /// None between two messages.
    pub(super) decoder: Option<Box<Decoder>>,
}

impl Input {
    /// Input of which nothing has been looked at.
    pub(super) fn of(unread: Vec<u8>) -> Self {
        Self { unread, ..Self::default() }
    }

    /// Whether there is nothing to keep.
    pub(super) fn is_empty(&self) -> bool {
        self.unread.is_empty() && self.decoder.is_none()
    }

    /// Memory that it takes.
    pub(super) fn held_bytes(&self) -> usize {
        self.unread.capacity() + self.decoder.as_ref().map_or(0, |decoder| decoder.held_bytes())
    }

    /// What was not looked at, with a count of what has been taken of it: for [`Input::put_back`].
    pub(super) fn take_unread(&mut self) -> Option<(Vec<u8>, usize)> {
        (!self.unread.is_empty()).then(|| (std::mem::take(&mut self.unread), self.taken))
    }

    /// Keeps what is left of the unread, without moving it.
    pub(super) fn put_back(&mut self, unread: Vec<u8>, taken: usize) {
        if taken < unread.len() {
            (self.unread, self.taken) = (unread, taken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_to_its_end_is_freed() {
        let mut input = Input::of(b"abc".to_vec());
        let (bytes, taken) = input.take_unread().unwrap();
        input.put_back(bytes, taken + 2);
        assert_eq!((input.held_bytes(), input.is_empty()), (3, false));
        let (bytes, taken) = input.take_unread().unwrap();
        assert_eq!(&bytes[taken..], b"c");
        input.put_back(bytes, taken + 1);
        assert_eq!((input.held_bytes(), input.is_empty()), (0, true));
    }
}
