//! What a worker looks at later: silent streams, stalled sockets, points that never come, viewers that do not go.
//!
//! One heap for all; nothing is ever taken out of it before it is due. Invariant: it holds at most one entry for each
//! stream and three for each viewer, and an entry whose viewer has left finds nobody.

use std::cmp::Reverse;

use super::{
    close::Close,
    viewer::{Flags, Seat},
    worker::{TICK_MS, Worker},
};

/// What is to be looked at later. Seats are exact: a viewer who has left is not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Whether the stream has been silent for long.
    Beat(u32),
    /// Whether the viewer's socket still takes nothing.
    Stall(Seat),
    /// Whether the room has come to the viewer's resume point.
    Ahead(Seat),
    /// Whether the viewer, told to go, has gone.
    Linger(Seat),
}

impl Worker {
    /// Looks at it after so long.
    pub(super) fn remind(&mut self, after_ms: u64, timer: Timer) {
        self.timers.push(Reverse((self.now.plus(after_ms), timer)));
    }

    /// Looks at everything that is due.
    pub(super) fn expire(&mut self) {
        while self.timers.peek().is_some_and(|Reverse((due, _))| *due <= self.now) {
            match self.timers.pop() {
                Some(Reverse((_, Timer::Beat(stream)))) => self.beat(stream),
                Some(Reverse((_, Timer::Stall(seat)))) => self.look_for_stall(seat),
                Some(Reverse((_, Timer::Ahead(seat)))) => self.give_up_waiting(seat),
                Some(Reverse((_, Timer::Linger(seat)))) if self.viewers.find(seat).is_some() => self.remove(seat.index),
                _ => {}
            }
        }
    }

    fn beat(&mut self, index: u32) {
        let beat_ms = self.config.beat_ms;
        let Some(stream) = self.streams.get(index) else {
            self.streams.untime(index);
            return;
        };
        let silent_ms = self.now.since(stream.spoke_at);
        if silent_ms < beat_ms {
            return self.remind(beat_ms - silent_ms, Timer::Beat(index));
        }
        stream.call_beat(self.now);
        self.queue_turn(index);
        self.remind(beat_ms, Timer::Beat(index));
    }

    fn look_for_stall(&mut self, seat: Seat) {
        let now = self.ticks();
        let Some(viewer) = self.viewers.find(seat) else { return };
        if !viewer.flags.has(Flags::BLOCKED) {
            viewer.flags.clear(Flags::TIMED);
            return;
        }
        let stalled_ms = u64::from(now.wrapping_sub(viewer.stalled_at)) * TICK_MS;
        if stalled_ms < self.config.stall_close_ms {
            return self.remind(self.config.stall_close_ms - stalled_ms, Timer::Stall(seat));
        }
        self.figures.closed_stalled += 1;
        self.remove(seat.index);
    }

    fn give_up_waiting(&mut self, seat: Seat) {
        if self.viewers.find(seat).is_some_and(|viewer| viewer.flags.has(Flags::AHEAD)) {
            self.figures.closed_ahead += 1;
            self.close(seat.index, &Close::try_later(self.config.retry_after_ms));
        }
    }
}
