//! When each stream wants to act next: the reason why a step costs what is due, not what is open.
//!
//! Set after each change of a stream, asked by every step. Invariant: a stream stands in the queue at most once.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::{Millis, StreamId};

/// Streams by their next moment.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    queue: BTreeSet<(Millis, StreamId)>,
    moments: BTreeMap<StreamId, Millis>,
}

impl Deadlines {
    /// Replaces the stream's moment.
    pub(crate) fn set(&mut self, stream: &StreamId, moment: Option<Millis>) {
        let before = match moment {
            Some(moment) => self.moments.insert(stream.clone(), moment),
            None => self.moments.remove(stream),
        };
        if before == moment {
            return;
        }
        if let Some(before) = before {
            self.queue.remove(&(before, stream.clone()));
        }
        if let Some(moment) = moment {
            self.queue.insert((moment, stream.clone()));
        }
    }

    /// The first moment of all.
    pub(crate) fn first(&self) -> Option<Millis> {
        self.queue.first().map(|(moment, _)| *moment)
    }

    /// Takes out the first stream whose moment has come.
    pub(crate) fn take_due(&mut self, now: Millis) -> Option<StreamId> {
        self.queue.first().filter(|(moment, _)| *moment <= now)?;
        let (_, stream) = self.queue.pop_first()?;
        self.moments.remove(&stream);
        Some(stream)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_due_once_at_its_latest_moment() {
        let stream: StreamId = "demo".parse().unwrap();
        let mut deadlines = Deadlines::default();
        deadlines.set(&stream, Some(Millis::new(10)));
        deadlines.set(&stream, Some(Millis::new(20)));
        assert_eq!(deadlines.first(), Some(Millis::new(20)));
        assert_eq!(deadlines.take_due(Millis::new(19)), None);
        assert_eq!(deadlines.take_due(Millis::new(20)), Some(stream.clone()));
        assert_eq!(deadlines.take_due(Millis::new(99)), None);
        deadlines.set(&stream, Some(Millis::new(30)));
        deadlines.set(&stream, None);
        assert_eq!(deadlines.first(), None);
    }
}
