//! What a worker tells the node: writes at once, all else a few times a second at most.
//!
//! The channel is bounded and never waited for. When it is full, writes are refused (they were never sent on), and the
//! rest, which merges, is told later. Invariant: each write with a reference is either in the channel or answered.

use std::mem;

use tokio::sync::mpsc::error::TrySendError;
use watershed_broadcast::Write;
use watershed_protocol::{
    Rare,
    client::{Code, Refusal, Response},
};

use super::{Event, viewer::Seat, worker::Worker};

/// Most writes in one event.
const WRITES_PER_EVENT_MAX: usize = 4_096;
/// Shortest time between two reports of taps, points and crowds.
const REPORT_INTERVAL_MS: u64 = 20;

impl Worker {
    /// A write on its way to the uplink.
    pub(super) fn hand_on(&mut self, write: Write) {
        self.writes.push(write);
        if self.writes.len() >= WRITES_PER_EVENT_MAX {
            self.send_writes();
        }
    }

    /// Tells what there is to tell.
    pub(super) fn report(&mut self) {
        self.send_writes();
        if self.listed.is_empty() || self.now < self.report_at {
            return;
        }
        self.report_at = self.now.plus(REPORT_INTERVAL_MS);
        let mut listed = mem::take(&mut self.listed);
        listed.retain(|stream| !self.report_stream(*stream));
        self.listed.append(&mut listed);
    }

    fn send_writes(&mut self) {
        if self.writes.is_empty() {
            return;
        }
        let writes = mem::take(&mut self.writes);
        let count = writes.len() as u64;
        match self.events.try_send(Event::Writes(writes)) {
            Ok(()) => self.figures.writes_in += count,
            Err(TrySendError::Full(Event::Writes(writes)) | TrySendError::Closed(Event::Writes(writes))) => {
                self.figures.writes_refused += count;
                writes.into_iter().for_each(|write| self.refuse(write));
            }
            Err(_) => unreachable!("a channel gives back what it was given"),
        }
    }

    fn refuse(&mut self, write: Write) {
        if let Some(stream) = self.viewers.find(Seat::of(write.origin)).map(|viewer| viewer.stream) {
            self.streams.at(stream).untold.make().shed += 1;
            self.list(stream);
        }
        let Write { origin, reference: Some(reference), .. } = write else { return };
        let why = "this node has more writes than it can send on";
        let refusal = Refusal::retry(Code::Overloaded, self.config.retry_after_ms, why);
        self.answer(origin, &Response::reject(Some(reference), refusal));
    }

    /// True when all of this stream is told; a stream without viewers is then forgotten.
    fn report_stream(&mut self, index: u32) -> bool {
        let Some(stream) = self.streams.get(index) else { return true };
        let name = stream.room.stream();
        if let Some(untold) = stream.untold.made() {
            if !untold.tell(name, &self.events) {
                return false;
            }
            if untold.is_empty() {
                stream.untold = Rare::default(); // Most streams bring nothing for long.
            }
        }
        if stream.crowd_changed {
            if self.events.try_send(Event::Viewers(name.clone())).is_err() {
                return false;
            }
            stream.crowd_changed = false;
        }
        stream.listed = false;
        if stream.round.is_empty() {
            stream.room.leave(self.number);
            self.streams.remove(index);
        }
        true
    }
}
