//! Sending: what one viewer is owed, in one write.
//!
//! The order is fixed: the rest of a piece that was begun; then what is for this viewer alone (answers, the newest pong,
//! the farewell); then all that the stream has for it. Invariant: pieces are whole frames and a begun piece is finished
//! first, so nothing lands inside a frame; and the cursor moves only over bytes that were handed to the socket or kept.

use std::{
    io::{self, ErrorKind, IoSlice, Write as _},
    net::{Shutdown, TcpStream},
};

use bytes::{Buf, Bytes};
use watershed_broadcast::{ChunkKind, Cursor, Origin};
use watershed_protocol::client::{Response, frame_of};

use super::{
    timers::Timer,
    viewer::{Flags, NO_STREAM, Seat},
    worker::Worker,
};

/// What a socket took.
enum Took {
    Bytes(usize),
    Nothing,
    Gone,
}

impl Worker {
    /// Brings a viewer everything that it is owed, as far as its socket takes it. `beat`: the stream's turn does this,
    /// and may bring a beat.
    pub(super) fn serve(&mut self, index: u32, beat: bool) {
        let viewer = self.viewers.at(index);
        if viewer.flags.has(Flags::BLOCKED) {
            return;
        }
        if viewer.ext.is_none() {
            // Without a stream its farewell is out already.
            if viewer.stream != NO_STREAM {
                self.serve_shared(index, beat);
            }
            return;
        }
        if self.finish_rest(index) {
            self.serve_own(index, beat);
        }
    }

    /// The way of nearly all writes: the viewer is owed what all others are, and its socket takes it. Nothing is
    /// allocated, copied, locked or counted up for one viewer.
    fn serve_shared(&mut self, index: u32, beat: bool) {
        let viewer = self.viewers.at(index);
        let Some(socket) = &viewer.socket else { return };
        let stream = self.streams.at(viewer.stream);
        let wanted = (viewer.cursor, viewer.encoding(), viewer.behind());
        let (bytes, chunk) = match stream.since(self.now, wanted, &mut self.figures.chunks_fetched) {
            Some(chunk) => (&chunk.bytes, Some((chunk.to, chunk.kind))),
            None => match stream.beat(viewer.encoding()).filter(|_| beat) {
                Some(bytes) => (bytes, None),
                None => return,
            },
        };
        match write(socket, &[], bytes) {
            Took::Bytes(taken) if taken == bytes.len() => {
                chunk.into_iter().for_each(|(to, _)| viewer.advance(to));
                self.figures.written(taken, chunk.map(|(_, kind)| kind));
            }
            Took::Bytes(taken) => {
                let bytes = bytes.clone();
                self.took(index, taken, Bytes::new(), bytes, chunk);
            }
            Took::Nothing => self.took_nothing(index, Bytes::new()),
            Took::Gone => self.gone(index),
        }
    }

    /// Something is for this viewer alone: it goes before what all others are owed, in one write with it.
    fn serve_own(&mut self, index: u32, beat: bool) {
        let viewer = self.viewers.at(index);
        let own = viewer.ext.as_mut().map(|ext| ext.take_own()).unwrap_or_default();
        let wanted = (viewer.cursor, viewer.encoding(), viewer.behind());
        let in_stream = viewer.stream != NO_STREAM && !viewer.flags.has(Flags::AHEAD);
        let (mut chunk, mut shared) = (None, Bytes::new());
        if in_stream {
            let stream = self.streams.at(viewer.stream);
            if let Some(owed) = stream.since(self.now, wanted, &mut self.figures.chunks_fetched) {
                (chunk, shared) = (Some((owed.to, owed.kind)), owed.bytes.clone());
            } else if beat && own.is_empty() {
                shared = stream.beat(wanted.1).cloned().unwrap_or_default();
            }
        }
        if own.is_empty() && shared.is_empty() {
            return self.served(index);
        }
        let Some(socket) = &viewer.socket else { return };
        match write(socket, &own, &shared) {
            Took::Bytes(taken) => self.took(index, taken, own, shared, chunk),
            Took::Nothing => self.took_nothing(index, own),
            Took::Gone => self.gone(index),
        }
    }

    /// Goes on with a piece that was begun; true when it is done.
    fn finish_rest(&mut self, index: u32) -> bool {
        let now = self.ticks();
        let viewer = self.viewers.at(index);
        let (Some(ext), Some(socket)) = (&mut viewer.ext, &viewer.socket) else { return true };
        if ext.rest.is_empty() {
            return true;
        }
        let taken = match write(socket, &ext.rest, &[]) {
            Took::Bytes(taken) => taken,
            Took::Nothing => 0,
            Took::Gone => {
                self.gone(index);
                return false;
            }
        };
        ext.rest.advance(taken);
        self.figures.bytes_written += taken as u64;
        if ext.rest.is_empty() {
            self.held.release(index, viewer.stalled_at, &ext.rest);
            ext.rest = Bytes::new();
            return true;
        }
        if taken > 0 {
            self.held.touch(index, viewer.stalled_at, now);
            viewer.stalled_at = now;
        }
        self.wait_for_socket(index);
        false
    }

    /// The socket took so many bytes of `own` and then `shared`.
    fn took(&mut self, index: u32, taken: usize, own: Bytes, shared: Bytes, chunk: Option<(Cursor, ChunkKind)>) {
        let taken_shared = taken.saturating_sub(own.len());
        if taken_shared > 0 {
            self.figures.written(taken, chunk.map(|(_, kind)| kind));
            chunk.into_iter().for_each(|(to, _)| self.viewers.at(index).advance(to));
        } else {
            self.figures.bytes_written += taken as u64;
        }
        if taken == own.len() + shared.len() {
            return self.served(index);
        }
        self.figures.partial += 1;
        let (piece, done) = if taken_shared > 0 { (shared, taken_shared) } else { (own, taken) };
        self.block(index, piece, done);
    }

    fn took_nothing(&mut self, index: u32, own: Bytes) {
        self.figures.would_block += 1;
        self.block(index, own, 0);
    }

    /// The socket takes no more: its event will bring the viewer back, and a timer looks whether it ever does.
    fn block(&mut self, index: u32, mut piece: Bytes, done: usize) {
        let now = self.ticks();
        let viewer = self.viewers.at(index);
        viewer.stalled_at = now;
        if done < piece.len() {
            let whole = piece.len();
            piece.advance(done);
            self.held.hold(index, now, &piece, whole);
            viewer.ext().rest = piece;
        }
        self.wait_for_socket(index);
        while self.held.bytes() > self.config.held_bytes_max_per_worker() {
            let Some(holder) = self.held.longest() else { break };
            self.figures.closed_held += 1;
            self.remove(holder);
        }
    }

    fn wait_for_socket(&mut self, index: u32) {
        let seat = self.viewers.seat(index);
        let flags = &mut self.viewers.at(index).flags;
        flags.set(Flags::BLOCKED);
        if flags.set(Flags::TIMED) {
            self.remind(self.config.stall_close_ms, Timer::Stall(seat));
        }
    }

    /// The viewer has all that it is owed.
    fn served(&mut self, index: u32) {
        let viewer = self.viewers.at(index);
        if viewer.ext.is_none() {
            return;
        }
        viewer.tidy();
        if viewer.flags.has(Flags::CLOSING) {
            // The farewell is out. A second time does no harm, and an error means that the client was faster.
            let _: Option<io::Result<()>> = viewer.socket.as_ref().map(|socket| socket.shutdown(Shutdown::Write));
        }
        self.resume_reading(index);
    }

    fn gone(&mut self, index: u32) {
        self.figures.closed_gone += 1;
        self.remove(index);
    }

    /// An answer to a write that was handed on.
    pub(super) fn answer(&mut self, origin: Origin, response: &Response) {
        let seat = Seat::of(origin);
        let Some(session) = self.viewers.find(seat).and_then(|viewer| viewer.session.as_mut()) else {
            self.figures.answers_late += 1;
            return;
        };
        session.answered();
        self.push_answer(seat.index, response);
        self.resume_reading(seat.index);
    }

    /// A message for one viewer alone.
    pub(super) fn push_answer(&mut self, index: u32, response: &Response) {
        let viewer = self.viewers.at(index);
        if viewer.flags.has(Flags::CLOSING) {
            return;
        }
        let encoding = viewer.encoding();
        let frame = frame_of(encoding.opcode(), &response.encode(encoding));
        let ext = viewer.ext();
        ext.answers.extend_from_slice(&frame);
        ext.answers_waiting = ext.answers_waiting.saturating_add(1);
        self.figures.answers_out += 1;
        self.queue_send(index);
    }

    /// Whether so much of this viewer is unanswered that it is not read.
    pub(super) fn is_halted(&mut self, index: u32) -> bool {
        self.viewers.at(index).is_halted()
    }

    /// Reads on where too much was unanswered; the socket's event will not come again.
    fn resume_reading(&mut self, index: u32) {
        if self.viewers.at(index).flags.has(Flags::HALTED) && !self.is_halted(index) {
            self.viewers.at(index).flags.clear(Flags::HALTED);
            self.queue_read(index);
        }
    }
}

/// One write of both.
fn write(mut socket: &TcpStream, own: &[u8], shared: &[u8]) -> Took {
    loop {
        let written = match (own.is_empty(), shared.is_empty()) {
            (true, _) => socket.write(shared),
            (_, true) => socket.write(own),
            _ => socket.write_vectored(&[IoSlice::new(own), IoSlice::new(shared)]),
        };
        match written {
            Ok(taken) => return Took::Bytes(taken),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Took::Nothing,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Took::Gone,
        }
    }
}
