//! What is to happen, in order of time.
//!
//! The heart of the run: everything that the world does, it does because an entry of the agenda came up. Invariant:
//! entries of one moment come up in the order in which they were made, so a run depends on its seed alone.

use std::collections::BTreeMap;

use crate::time::Moment;

/// Future events of type `E`.
#[derive(Debug)]
pub(crate) struct Agenda<E> {
    now: Moment,
    entries: BTreeMap<(Moment, u64), E>,
    made: u64,
}

impl<E> Agenda<E> {
    pub(crate) fn new() -> Self {
        Self { now: Moment::default(), entries: BTreeMap::new(), made: 0 }
    }

    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// Enters an event; one for the past comes up now.
    pub(crate) fn at(&mut self, moment: Moment, event: E) {
        self.made += 1;
        self.entries.insert((moment.max(self.now), self.made), event);
    }

    pub(crate) fn in_us(&mut self, us: u64, event: E) {
        self.at(self.now.plus_us(us), event);
    }

    /// Nothing is left up to `end`.
    pub(crate) fn skip_to(&mut self, end: Moment) {
        self.now = self.now.max(end);
    }

    /// The next event up to `end`; time advances to it.
    pub(crate) fn next(&mut self, end: Moment) -> Option<E> {
        let first = self.entries.first_entry().filter(|first| first.key().0 <= end)?;
        self.now = first.key().0;
        Some(first.remove())
    }
}
