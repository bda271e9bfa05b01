//! How viewers come to a worker and how they go.
//!
//! A viewer comes with its welcome and, in the same write, with what it has missed. It goes at once when its network is
//! gone, else with a farewell and a while to take it. Invariant: a room's count of viewers rises once for each that is
//! handed over and falls once for each that leaves, whatever the reason.

use std::{
    io::{self, IoSlice, Write as _},
    net::TcpStream,
    os::fd::AsRawFd,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use mio::{Interest, Token, unix::SourceFd};
use watershed_broadcast::{Cursor, Place};
use watershed_protocol::{Epoch, Seq, StreamId};

use super::{
    Joiner, SharedRoom,
    close::Close,
    moving::moment,
    stream::Stream,
    timers::Timer,
    untold::Untold,
    viewer::{Flags, NO_STREAM, Seat, Viewer},
    worker::Worker,
};
use crate::http::Upgraded;

impl Worker {
    /// Seats a viewer: welcome, then what it has missed or a snapshot, in one write if the room has one.
    pub(super) fn join(&mut self, joiner: Joiner) {
        self.shared.joins_waiting.fetch_sub(1, Ordering::Relaxed);
        let Joiner { upgraded, session, room, resume, placed } = joiner;
        let seat = self.viewers.vacant();
        let registered = self.register(&upgraded.socket, seat);
        let stream = self.enter(&room);
        if registered.is_err() || self.ending {
            // The kernel has no memory for another watch, or this node is ending: the client comes again elsewhere.
            self.figures.closed_full += 1;
            refuse(&upgraded, self.config.retry_after_ms);
            self.shared.load.fetch_sub(1, Ordering::Relaxed);
            self.places.free();
            room.remove_viewer();
            self.crowd_changed(stream);
            return;
        }
        let Upgraded { socket, reply, leftover } = upgraded;
        let mut own = Vec::from(reply);
        own.extend_from_slice(&session.welcome(self.node.as_str(), placed.as_str()));
        let member = self.streams.at(stream).round.join(seat.index);
        self.viewers.insert(Viewer::new(socket, session, stream, member));
        self.figures.joined += 1;
        self.crowd_changed(stream);
        self.viewers.at(seat.index).ext().answers = own;
        self.take_leftover(seat.index, leftover);
        match self.streams.at(stream).place(resume) {
            Place::At(cursor) => self.viewers.at(seat.index).start(cursor),
            Place::Ahead => self.wait_for(seat, stream, resume),
        }
        // The room that placed it may be later than what this worker has seen, and has bytes of: those would take it back.
        self.look_at(stream);
        self.serve(seat.index, false);
    }

    /// Watches the socket of whoever will sit there. Writable, too, from the start: its event comes only after a write that
    /// was not taken, and there is no second call for it then.
    pub(super) fn register(&self, socket: &TcpStream, seat: Seat) -> io::Result<()> {
        let token = Token(seat.origin().0 as usize);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), token, interest)
    }

    /// The room's stream at this worker, with the head as it is now.
    fn enter(&mut self, room: &Arc<SharedRoom>) -> u32 {
        if let Some(index) = self.streams.find(room.stream()) {
            if Arc::ptr_eq(&self.streams.at(index).room, room) {
                self.look_at(index);
                return index;
            }
            self.abandon(index);
        }
        room.enter(self.number);
        let (index, timer_wanted) = self.streams.insert(Stream::new(room.clone(), self.now));
        if timer_wanted {
            self.remind(self.config.beat_ms, Timer::Beat(index));
        }
        self.look_at(index);
        index
    }

    /// The node has made a new room of the stream while the old one had viewers. Nothing is published into the old one
    /// any more, so its viewers are told to come again.
    fn abandon(&mut self, index: u32) {
        let members = self.streams.at(index).round.members().to_vec();
        for viewer in members {
            self.close(viewer, &Close::try_later(self.config.retry_after_ms));
        }
        self.streams.at(index).room.leave(self.number);
        self.streams.remove(index);
    }

    /// A viewer whose resume point is ahead of the room waits; the node asks the root about the point.
    fn wait_for(&mut self, seat: Seat, stream: u32, resume: Option<(Epoch, Seq)>) {
        let Some(point) = resume else { return };
        let viewer = self.viewers.at(seat.index);
        viewer.flags.set(Flags::AHEAD);
        viewer.ext().resume = resume;
        self.streams.at(stream).untold.make().ahead.entry(point).or_default().viewers.push(seat);
        self.remind(self.config.ahead_wait_ms, Timer::Ahead(seat));
        self.list(stream);
    }

    /// The root does not know the point: those who wait for it get a snapshot.
    pub(super) fn start_over(&mut self, stream: &StreamId, point: (Epoch, Seq)) {
        let Some(stream) = self.streams.find(stream) else { return };
        let untold = self.streams.at(stream).untold.made();
        let waiting = untold.and_then(|untold| untold.ahead.remove(&point)).unwrap_or_default();
        for seat in waiting.viewers {
            self.start_at(seat, Cursor::NOTHING);
        }
    }

    /// A viewer that was ahead starts here.
    pub(super) fn start_at(&mut self, seat: Seat, cursor: Cursor) {
        let Some(viewer) = self.viewers.find(seat) else { return };
        viewer.start(cursor);
        viewer.flags.clear(Flags::AHEAD);
        viewer.ext().resume = None;
        self.queue_send(seat.index);
    }

    /// Sends a client away with these frames, and gives it a while to take them.
    pub(super) fn turn_away(&mut self, upgraded: Upgraded, words: &[u8]) {
        self.shared.joins_waiting.fetch_sub(1, Ordering::Relaxed);
        self.figures.turned_away += 1;
        let seat = self.viewers.vacant();
        if self.turned_away >= self.config.turned_away_max || self.register(&upgraded.socket, seat).is_err() {
            self.shared.load.fetch_sub(1, Ordering::Relaxed);
            return say_once(&upgraded.socket, &upgraded.reply, words);
        }
        self.turned_away += 1;
        self.viewers.insert(Viewer::turned_away(upgraded.socket));
        self.viewers.at(seat.index).ext().farewell = Some([&upgraded.reply, words].concat().into());
        self.remind(self.config.linger_ms, Timer::Linger(seat));
        self.queue_send(seat.index);
        self.queue_read(seat.index);
    }

    /// Says farewell to all; the loop ends when they have gone, or have lingered too long.
    pub(super) fn end(&mut self) {
        self.ending = true;
        let seats: Vec<Seat> = self.viewers.seats().collect();
        let retry_after_ms = self.config.retry_after_ms;
        for (seat, turn) in seats.into_iter().zip(0..) {
            // All who are told at the same moment would come at the same moment.
            let after_ms = retry_after_ms + moment(self.number, turn, retry_after_ms);
            self.close(seat.index, &Close::try_later(after_ms));
        }
    }

    /// Ends a connection with a reason.
    pub(super) fn close(&mut self, index: u32, close: &Close) {
        self.farewell(index, close.frame());
    }

    /// Sends a close frame after all that is unfinished, and waits a while for the client to end the connection.
    pub(super) fn farewell(&mut self, index: u32, frame: Bytes) {
        if !self.viewers.at(index).flags.set(Flags::CLOSING) {
            return;
        }
        self.depart(index);
        let seat = self.viewers.seat(index);
        let viewer = self.viewers.at(index);
        let ext = viewer.ext();
        self.figures.input_bytes -= std::mem::take(&mut ext.input).held_bytes() as u64;
        ext.farewell = Some(frame);
        viewer.flags.clear(Flags::HALTED);
        self.remind(self.config.linger_ms, Timer::Linger(seat));
        // What came in behind is read and dropped: a socket closed over unread bytes would take the farewell back.
        self.queue_read(index);
        self.queue_send(index);
    }

    /// Takes a viewer out of its stream.
    fn depart(&mut self, index: u32) {
        let seat = self.viewers.seat(index);
        let viewer = self.viewers.at(index);
        let stream = std::mem::replace(&mut viewer.stream, NO_STREAM);
        if stream == NO_STREAM {
            return;
        }
        let (member, ahead) = (viewer.member, viewer.flags.clear(Flags::AHEAD));
        let resume = viewer.ext.as_mut().and_then(|ext| ext.resume.take()).filter(|_| ahead);
        let Stream { round, room, untold, .. } = self.streams.at(stream);
        round.leave(member, |moved, place| self.viewers.at(moved).member = place);
        room.remove_viewer();
        self.places.free();
        if let Some((point, Untold { ahead, .. })) = resume.zip(untold.made()) {
            // A point that nobody waits for is forgotten: clients may name any.
            let waiting = ahead.remove(&point).map(|mut waiting| {
                waiting.viewers.retain(|waiting| *waiting != seat);
                waiting
            });
            waiting.filter(|waiting| !waiting.viewers.is_empty()).map(|waiting| ahead.insert(point, waiting));
        }
        self.crowd_changed(stream);
    }

    /// Frees a viewer's place; the socket closes.
    pub(super) fn remove(&mut self, index: u32) {
        self.depart(index);
        let viewer = self.viewers.remove(index);
        self.turned_away -= usize::from(viewer.flags.has(Flags::TURNED_AWAY));
        if let Some(ext) = viewer.ext {
            self.held.release(index, viewer.stalled_at, &ext.rest);
            self.figures.input_bytes -= ext.input.held_bytes() as u64;
        }
        self.shared.load.fetch_sub(1, Ordering::Relaxed);
    }

    fn crowd_changed(&mut self, stream: u32) {
        self.streams.at(stream).crowd_changed = true;
        self.list(stream);
    }

    /// The stream has something to report.
    pub(super) fn list(&mut self, stream: u32) {
        if !std::mem::replace(&mut self.streams.at(stream).listed, true) {
            self.listed.push(stream);
        }
    }
}

/// The best that can be done for a viewer who cannot be seated.
pub(super) fn refuse(upgraded: &Upgraded, retry_after_ms: u64) {
    say_once(&upgraded.socket, &upgraded.reply, &Close::try_later(retry_after_ms).frame());
}

/// One attempt: a fresh socket takes it, and there is nothing to be done about one that does not.
pub(super) fn say_once(mut socket: &TcpStream, reply: &[u8], words: &[u8]) {
    let _: io::Result<usize> = socket.write_vectored(&[IoSlice::new(reply), IoSlice::new(words)]);
}
