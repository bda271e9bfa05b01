//! The seconds of one node: what is counted goes into the open one, closed ones wait to be written.
//!
//! ```text
//!   count ──▶ the open second ──▶ closed rows ──▶ a batch, one file ──▶ written
//!                                      ▲                  │
//!                                      └──── put back ◀───┘ the disk took nothing
//! ```
//!
//! Pure: the time is an argument. Invariant: a second that is closed is never opened again. Who counts for one all the same,
//! because the time was read before another thread closed it, counts for the open second.

use std::collections::BTreeMap;

use watershed_protocol::{Millis, StreamId};

use crate::{
    Counts, Row,
    config::{ROWS_HELD_MAX, STREAMS_PER_SECOND_MAX},
};

/// See the head of the file.
#[derive(Debug)]
pub struct Gatherer {
    rotate_s: u64,
    file_bytes: u64,
    streams_max: usize,
    rows_max: usize,
    /// The open second.
    second: u64,
    open: BTreeMap<StreamId, Counts>,
    /// Of streams beyond the maximum.
    others: Option<Counts>,
    closed: Vec<Row>,
    closed_bytes: u64,
    /// Rows of a batch that was taken and is not written yet.
    taken: usize,
    dropped: u64,
    folded: u64,
}

/// The rows of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Ascending by second, and within one by stream.
    pub rows: Vec<Row>,
    /// The first of the seconds.
    pub from: u64,
    /// What this process counted in seconds before this one is in this file or in an earlier one.
    pub until: u64,
}

impl Gatherer {
    /// Nothing is counted yet.
    pub fn new(rotate_s: u64, file_bytes: u64) -> Self {
        Self {
            rotate_s: rotate_s.max(1),
            file_bytes,
            streams_max: STREAMS_PER_SECOND_MAX,
            rows_max: ROWS_HELD_MAX,
            second: 0,
            open: BTreeMap::new(),
            others: None,
            closed: Vec::new(),
            closed_bytes: 0,
            taken: 0,
            dropped: 0,
            folded: 0,
        }
    }

    /// Counts for the second that it is. True when [`Gatherer::due_at`] may be earlier than before.
    pub fn count(&mut self, now: Millis, stream: &StreamId, counts: &Counts) -> bool {
        let (was_empty, was_large) = (self.is_empty(), self.is_large());
        self.turn(now);
        if let Some(known) = self.open.get_mut(stream) {
            known.add(counts);
        } else if self.open.len() < self.streams_max {
            self.open.insert(stream.clone(), *counts);
        } else {
            self.folded += 1;
            // How many watch one stream says nothing of all others.
            self.others.get_or_insert_default().add(&Counts { viewers: None, ..*counts });
        }
        was_empty || was_large != self.is_large()
    }

    /// When the next file is to be written; `None` while there is nothing for it.
    pub fn due_at(&self) -> Option<Millis> {
        if self.is_large() {
            return Some(Millis::default());
        }
        let first = self.closed.first().map(|row| row.second);
        let first = first.or((!self.is_empty()).then_some(self.second))?;
        Some(Millis::new((first / self.rotate_s + 1).saturating_mul(self.rotate_s).saturating_mul(1_000)))
    }

    /// Closes the open second if it is over, and takes all that is closed. It counts as held until [`Gatherer::written`] or
    /// [`Gatherer::put_back`].
    pub fn take(&mut self, now: Millis) -> Option<Batch> {
        self.turn(now);
        let rows = std::mem::take(&mut self.closed);
        self.closed_bytes = 0;
        self.taken = rows.len();
        let from = rows.first()?.second;
        Some(Batch { rows, from, until: self.second })
    }

    /// The same at the end of the process: the open second is over, for this process counts no more.
    pub fn take_all(&mut self, now: Millis) -> Option<Batch> {
        let end = now.get().max(self.second.saturating_mul(1_000));
        self.take(Millis::new(end).plus(1_000))
    }

    /// What was taken is in a file.
    pub fn written(&mut self) {
        self.taken = 0;
    }

    /// What was taken is not: it goes before what was closed since.
    pub fn put_back(&mut self, batch: Batch) {
        self.taken = 0;
        let since = std::mem::replace(&mut self.closed, batch.rows);
        self.closed.extend(since);
        self.closed_bytes = self.closed.iter().map(Row::bytes).sum();
    }

    /// Rows that were dropped because the disk took none for too long.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Countings for streams beyond the most that a second tells apart.
    pub fn folded(&self) -> u64 {
        self.folded
    }

    /// Rows in memory.
    pub fn held(&self) -> usize {
        self.closed.len() + self.taken + self.open.len() + usize::from(self.others.is_some())
    }

    fn is_empty(&self) -> bool {
        self.closed.is_empty() && self.open.is_empty() && self.others.is_none()
    }

    fn is_large(&self) -> bool {
        self.closed_bytes >= self.file_bytes
    }

    /// Closes the open second if it is over.
    fn turn(&mut self, now: Millis) {
        let second = now.get() / 1_000;
        if second <= self.second {
            return;
        }
        let before = std::mem::replace(&mut self.second, second);
        let streams = std::mem::take(&mut self.open).into_iter().map(|(stream, counts)| (Some(stream), counts));
        for (stream, counts) in streams.chain(self.others.take().map(|counts| (None, counts))) {
            if self.closed.len() + self.taken >= self.rows_max {
                self.dropped += 1;
                continue;
            }
            let row = Row { second: before, stream, counts };
            self.closed_bytes += row.bytes();
            self.closed.push(row);
        }
    }
}

#[cfg(test)]
mod tests;
