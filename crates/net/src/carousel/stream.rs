//! One stream at one worker: its members here, the turn that goes on, and the bytes that the turn brings.
//!
//! Between the shared room and the worker's viewers. Invariant: the cache holds only chunks made while the head that the
//! worker knows stood, so a viewer is never sent less than the turn promises, and the room's lock is not taken per viewer.

use std::{collections::HashMap, sync::Arc, time::Instant};

use bytes::Bytes;
use watershed_broadcast::{Behind, Chunk, Cursor, Forms, Place, carousel::Round};
use watershed_protocol::{Epoch, Millis, Rare, Seq, StreamId, client::Encoding};

use super::{SharedRoom, untold::Untold, viewer::Seat};

/// Chunks that are kept for viewers who lag alike. Viewers that lag at all are few, and by few frames.
const CHUNKS_MAX: usize = 64;

/// What decides which bytes a viewer gets: where it stands, how it reads, and how it came to be there.
pub(super) type Wanted = (Cursor, Encoding, Behind);

/// A stream's part at one worker.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) room: Arc<SharedRoom>,
    pub(super) round: Round,
    /// The room's head as last looked at: what the turn brings everybody to.
    head: u64,
    chunks: Vec<(Wanted, Chunk)>,
    /// Whether it is queued for its turn.
    pub(super) turning: bool,
    /// When the lap began that goes on, and how many are still to be served in it. A head that moves in mid-turn
    /// prolongs the turn but not the lap: this is how long a frame takes to reach everybody.
    lap_began: Instant,
    lap_waiting: usize,
    /// Whether the turn that goes on brings a beat to whoever has all.
    beating: bool,
    beats: Forms<Bytes>,
    /// When the last turn began.
    pub(super) spoke_at: Millis,
    /// What its viewers have brought, other than themselves.
    pub(super) untold: Rare<Untold>,
    /// Whether viewers came or left since that was reported.
    pub(super) crowd_changed: bool,
    /// Whether it is listed for a report.
    pub(super) listed: bool,
}

const _: () = assert!(size_of::<Stream>() <= 160);

impl Stream {
    pub(super) fn new(room: Arc<SharedRoom>, now: Millis) -> Self {
        Self {
            room,
            round: Round::default(),
            head: 0,
            chunks: Vec::new(),
            turning: false,
            lap_began: Instant::now(),
            lap_waiting: 0,
            beating: false,
            beats: Forms::default(),
            spoke_at: now,
            untold: Rare::default(),
            crowd_changed: false,
            listed: false,
        }
    }

    /// Looks at the room's head. When it has moved, a turn of all members is called; true then.
    pub(super) fn look(&mut self, now: Millis) -> bool {
        let head = self.room.head();
        if head == self.head {
            return false;
        }
        self.head = head;
        self.chunks.clear();
        self.beats.clear();
        self.beating = false;
        self.round.call();
        self.spoke_at = now;
        true
    }

    /// Nothing was published for long: calls a turn that brings everybody a sign of life.
    pub(super) fn call_beat(&mut self, now: Millis) {
        self.spoke_at = now;
        if self.head != 0 && self.round.waiting() == 0 {
            self.beating = true;
            self.round.call();
        }
    }

    /// The turn is over. Its bytes are let go of: most streams rest for long.
    pub(super) fn rest(&mut self) {
        self.beating = false;
        self.turning = false;
        self.chunks = Vec::new();
    }

    /// From now on it is measured how long it takes to serve everybody once.
    pub(super) fn begin_lap(&mut self) {
        self.lap_began = Instant::now();
        self.lap_waiting = self.round.len();
    }

    /// One has been served. When that was the lap's last, its time in microseconds; the next lap begins.
    pub(super) fn step_lap(&mut self) -> Option<u64> {
        self.lap_waiting = self.lap_waiting.saturating_sub(1);
        if self.lap_waiting > 0 {
            return None;
        }
        let us = u64::try_from(self.lap_began.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.begin_lap();
        Some(us)
    }

    /// All that a viewer at this cursor has not been sent; `None` when it has all. `fetched` counts looks into the room.
    pub(super) fn since(&mut self, now: Millis, wanted: Wanted, fetched: &mut u64) -> Option<&Chunk> {
        let (cursor, encoding, behind) = wanted;
        if cursor.get() >= self.head {
            return None;
        }
        let kept = self.chunks.iter().position(|(kept, _)| *kept == wanted);
        let place = match kept {
            Some(place) => place,
            None => {
                *fetched += 1;
                let chunk = self.room.lock().since(now, cursor, encoding, behind)?;
                if self.chunks.len() == CHUNKS_MAX {
                    self.chunks.clear();
                }
                self.chunks.push((wanted, chunk));
                self.chunks.len() - 1
            }
        };
        self.chunks.get(place).map(|(_, chunk)| chunk)
    }

    /// The beat for a viewer who has all, if the turn brings one.
    pub(super) fn beat(&mut self, encoding: Encoding) -> Option<&Bytes> {
        if !self.beating {
            return None;
        }
        if self.beats.get(encoding).is_none() {
            let beat = self.room.lock().beat(encoding)?;
            self.beats.put(encoding, beat);
        }
        self.beats.get(encoding)
    }

    /// Where a viewer with this resume point starts.
    pub(super) fn place(&self, resume: Option<(Epoch, Seq)>) -> Place {
        self.room.lock().place(resume)
    }

    /// The viewers whose points the room has come to, with the places where they start.
    pub(super) fn caught_up(&mut self) -> Vec<(Seat, Cursor)> {
        let Some(untold) = self.untold.made().filter(|untold| !untold.ahead.is_empty()) else { return Vec::new() };
        let room = self.room.lock();
        let mut found = Vec::new();
        untold.ahead.retain(|point, waiting| match room.place(Some(*point)) {
            Place::Ahead => true,
            Place::At(cursor) => {
                found.extend(waiting.viewers.drain(..).map(|seat| (seat, cursor)));
                false
            }
        });
        found
    }
}

/// The streams that have viewers here.
#[derive(Default)]
pub(super) struct Streams {
    places: Vec<Option<Stream>>,
    /// Whether a timer looks at the place; it outlives the stream, and serves the next at the place.
    timed: Vec<bool>,
    free: Vec<u32>,
    by_name: HashMap<StreamId, u32>,
}

impl Streams {
    pub(super) fn get(&mut self, index: u32) -> Option<&mut Stream> {
        self.places.get_mut(index as usize)?.as_mut()
    }

    /// The stream at an index that a viewer names.
    pub(super) fn at(&mut self, index: u32) -> &mut Stream {
        self.get(index).unwrap_or_else(|| unreachable!("a stream stays while it has members"))
    }

    /// The stream of this name.
    pub(super) fn find(&self, name: &StreamId) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Takes in a stream; its index, and whether a timer must be set for it.
    pub(super) fn insert(&mut self, stream: Stream) -> (u32, bool) {
        let index = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.timed.push(false);
            (self.places.len() - 1) as u32
        });
        self.by_name.insert(stream.room.stream().clone(), index);
        self.places[index as usize] = Some(stream);
        (index, !std::mem::replace(&mut self.timed[index as usize], true))
    }

    pub(super) fn remove(&mut self, index: u32) {
        if let Some(stream) = self.places[index as usize].take() {
            self.by_name.remove(stream.room.stream());
            self.free.push(index);
        }
    }

    /// The timer of this place will not be set again.
    pub(super) fn untime(&mut self, index: u32) {
        self.timed[index as usize] = false;
    }
}
