//! A part that most streams never have: one pointer, until something is put into it.
//!
//! For what is kept of each of very many streams, nearly all of them silent: views, counts, what waits for a frame.
//! Invariant: reading makes nothing; whoever only reads sees an empty part.

use std::ops::Deref;

/// What can be seen as empty without being made.
pub trait Empty: Default + 'static {
    /// An empty one, for those who read.
    const EMPTY: &'static Self;
}

/// See the head of the file. It is made by [`Rare::make`], never by reading.
#[derive(Clone, Debug)]
pub struct Rare<T>(Option<Box<T>>);

impl<T: Empty> Rare<T> {
    /// The part to put something into, made if there is none.
    pub fn make(&mut self) -> &mut T {
        self.0.get_or_insert_default()
    }

    /// The part to change or take something out of; none if nothing was ever put into it.
    pub fn made(&mut self) -> Option<&mut T> {
        self.0.as_deref_mut()
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Empty> Deref for Rare<T> {
    type Target = T;
    fn deref(&self) -> &T {
        self.0.as_deref().unwrap_or(T::EMPTY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Empty for Vec<u8> {
        const EMPTY: &'static Self = &Self::new();
    }

    #[test]
    fn a_part_is_a_pointer_and_empty_until_something_is_put_into_it() {
        let mut part: Rare<Vec<u8>> = Rare::default();
        assert_eq!(size_of_val(&part), size_of::<usize>());
        assert!(part.is_empty());
        assert!(part.made().is_none(), "reading has made nothing");
        part.make().push(7);
        assert_eq!(**part, [7]);
        assert!(part.made().is_some());
    }
}
