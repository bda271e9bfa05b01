//! One viewer at its worker: a small record in a slab, and an extension that exists only while something is unfinished.
//!
//! Invariant: an idle viewer costs its record and its session, nothing else; and a [`Seat`] never names two viewers,
//! though their places in the slab are used again.

use std::net::TcpStream;

use bytes::Bytes;
use watershed_broadcast::{Behind, Cursor, Origin, Session, websocket::Rules};
use watershed_protocol::{Epoch, Seq, client::Encoding, limits::UNANSWERED_MAX};

use super::input::Input;

/// Records of one chunk of the slab: a growing vector would copy all and keep up to twice the room.
const CHUNK: usize = 1_024;

/// An echo for which so much waits, or whose socket has not taken all of a piece, is not read.
const ECHO_WAITING_BYTES_MAX: usize = 64 * 1024;

/// The stream index of a viewer that has left its stream and is being closed.
pub(super) const NO_STREAM: u32 = u32::MAX;

/// One viewer. What is large or rare is behind a pointer.
#[derive(Debug)]
pub(super) struct Viewer {
    /// How far it has been sent.
    pub(super) cursor: Cursor,
    /// None: it is an echo. See [`Viewer::part`].
    pub(super) session: Option<Box<Session>>,
    pub(super) ext: Option<Box<Ext>>,
    /// None: the place is free.
    pub(super) socket: Option<TcpStream>,
    /// Its stream at this worker.
    pub(super) stream: u32,
    /// Its place in the stream's round.
    pub(super) member: u32,
    generation: u32,
    /// When its socket last took a byte, while something waits for it. In the worker's ticks.
    pub(super) stalled_at: u32,
    pub(super) flags: Flags,
    /// Kept here too: the session is another cache line.
    encoding: Encoding,
}

const _: () = assert!(size_of::<Viewer>() <= 48);

impl Viewer {
    pub(super) fn new(socket: TcpStream, session: Session, stream: u32, member: u32) -> Self {
        let encoding = session.encoding();
        let (socket, session) = (Some(socket), Some(Box::new(session.settled())));
        Self { session, socket, stream, member, encoding, ..Self::nobody(0) }
    }

    /// A viewer that is sent back what it sends, and watches nothing.
    pub(super) fn echo(socket: TcpStream) -> Self {
        Self { socket: Some(socket), ..Self::nobody(0) }
    }

    /// A client that is turned away: it is in no stream, and whatever it sends is dropped.
    pub(super) fn turned_away(socket: TcpStream) -> Self {
        Self { socket: Some(socket), flags: Flags(Flags::CLOSING | Flags::TURNED_AWAY), ..Self::nobody(0) }
    }

    /// A free place, whose next viewer has this generation.
    fn nobody(generation: u32) -> Self {
        Self {
            cursor: Cursor::NOTHING,
            session: None,
            ext: None,
            socket: None,
            stream: NO_STREAM,
            member: 0,
            generation,
            stalled_at: 0,
            flags: Flags::default(),
            encoding: Encoding::default(),
        }
    }

    /// Who takes its messages.
    pub(super) fn part(&mut self) -> Part<'_> {
        match &mut self.session {
            Some(session) => Part::Session(session),
            None => Part::Echo,
        }
    }

    /// What its connection carries.
    pub(super) fn rules(&self, message_bytes_max: usize) -> Rules {
        Rules { kind: self.session.is_some().then(|| self.encoding().opcode()), message_bytes_max }
    }

    /// Whether it is seated, and not about to go.
    pub(super) fn is_open(&self) -> bool {
        self.socket.is_some() && !self.flags.has(Flags::CLOSING)
    }

    /// Whether no more of it may be read until it has taken or been told something.
    pub(super) fn is_halted(&self) -> bool {
        let ext = self.ext.as_deref();
        match &self.session {
            Some(session) => ext.is_some_and(|ext| ext.answers_waiting >= UNANSWERED_MAX) || !session.may_read(),
            None => ext.is_some_and(|ext| !ext.rest.is_empty() || ext.answers.len() >= ECHO_WAITING_BYTES_MAX),
        }
    }

    /// How its messages are written.
    pub(super) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// It is sent all from here on.
    pub(super) fn start(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.flags.set(Flags::RESUMES);
    }

    /// It was sent all up to here.
    pub(super) fn advance(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        self.flags.clear(Flags::RESUMES);
    }

    /// How it came to be behind, if it is.
    pub(super) fn behind(&self) -> Behind {
        if self.flags.has(Flags::RESUMES) { Behind::Resumes } else { Behind::Lags }
    }

    pub(super) fn ext(&mut self) -> &mut Ext {
        self.ext.get_or_insert_default()
    }

    /// Frees the extension if nothing is unfinished.
    pub(super) fn tidy(&mut self) {
        if self.ext.as_ref().is_some_and(|ext| ext.is_idle()) {
            self.ext = None;
        }
    }
}

/// Who takes a viewer's messages.
pub(super) enum Part<'a> {
    /// The rules of somebody who watches a stream.
    Session(&'a mut Session),
    /// Nobody: they go back as they came.
    Echo,
}

/// What is true of a viewer now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags(u16);

impl Flags {
    /// Its socket takes nothing: wait for its event.
    pub(super) const BLOCKED: u16 = 1;
    /// A timer looks whether it stays blocked.
    pub(super) const TIMED: u16 = 1 << 2;
    /// It is queued for reading.
    pub(super) const READING: u16 = 1 << 3;
    /// It is queued for sending.
    pub(super) const SENDING: u16 = 1 << 4;
    /// Its resume point is ahead of the room: no frames until that is settled.
    pub(super) const AHEAD: u16 = 1 << 5;
    /// It is being closed: a farewell goes out, what comes in is dropped.
    pub(super) const CLOSING: u16 = 1 << 6;
    /// Reading has stopped because too much is unanswered; its socket may hold more.
    pub(super) const HALTED: u16 = 1 << 7;
    /// Its client sends no more: read on to the end.
    pub(super) const ENDING: u16 = 1 << 8;
    /// It has come back with its point, and has not been sent what it missed.
    pub(super) const RESUMES: u16 = 1 << 9;
    /// It was never seated: it is only being told so.
    pub(super) const TURNED_AWAY: u16 = 1 << 10;
    /// It has been told to go, because the node ends.
    pub(super) const SENT_OFF: u16 = 1 << 11;

    pub(super) fn has(self, flag: u16) -> bool {
        self.0 & flag != 0
    }

    /// Sets it; false if it was set.
    pub(super) fn set(&mut self, flag: u16) -> bool {
        let new = !self.has(flag);
        self.0 |= flag;
        new
    }

    /// Clears it; false if it was clear.
    pub(super) fn clear(&mut self, flag: u16) -> bool {
        let was = self.has(flag);
        self.0 &= !flag;
        was
    }
}

/// What is unfinished of one viewer.
#[derive(Debug, Default)]
pub(super) struct Ext {
    /// The rest of a partly written frame: goes before all else.
    pub(super) rest: Bytes,
    /// Whole frames for this viewer alone.
    pub(super) answers: Vec<u8>,
    pub(super) answers_waiting: u8,
    /// Pongs among the answers.
    pub(super) pongs_waiting: u8,
    /// The newest pong, as a frame, when too many wait.
    pub(super) pong: Option<Bytes>,
    /// The close frame: the last that is sent.
    pub(super) farewell: Option<Bytes>,
    /// What is not whole, or not looked at.
    pub(super) input: Input,
    /// The resume point, while it is ahead of the room.
    pub(super) resume: Option<(Epoch, Seq)>,
}

impl Ext {
    /// Takes what is for this viewer alone, as one piece; empty if nothing is.
    pub(super) fn take_own(&mut self) -> Bytes {
        (self.answers_waiting, self.pongs_waiting) = (0, 0);
        let mut own = std::mem::take(&mut self.answers);
        if let Some(pong) = self.pong.take() {
            own.extend_from_slice(&pong);
        }
        if let Some(farewell) = self.farewell.take() {
            own.extend_from_slice(&farewell);
        }
        own.into()
    }

    fn is_idle(&self) -> bool {
        self.rest.is_empty()
            && self.answers.is_empty()
            && self.pong.is_none()
            && self.farewell.is_none()
            && self.input.is_empty()
            && self.resume.is_none()
    }
}

/// Names one viewer of one worker, once: what [`Origin`] and the tokens of the poll carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seat {
    pub(super) worker: u8,
    pub(super) generation: u32,
    pub(super) index: u32,
}

impl Seat {
    const BITS: u32 = 28;
    const MASK: u64 = (1 << Self::BITS) - 1;

    /// Worker, generation and index in 8 + 28 + 28 bits.
    pub(super) fn origin(self) -> Origin {
        let (generation, index) = (u64::from(self.generation) & Self::MASK, u64::from(self.index));
        Origin(u64::from(self.worker) << (2 * Self::BITS) | generation << Self::BITS | index)
    }

    /// Back from [`Seat::origin`].
    pub(super) fn of(origin: Origin) -> Self {
        let part = |shift| ((origin.0 >> shift) & Self::MASK) as u32;
        Self { worker: (origin.0 >> (2 * Self::BITS)) as u8, generation: part(Self::BITS), index: part(0) }
    }
}

/// A worker's viewers.
#[derive(Debug)]
pub(super) struct Viewers {
    worker: u8,
    chunks: Vec<Box<[Viewer]>>,
    free: Vec<u32>,
    seated: usize,
}

impl Viewers {
    pub(super) fn new(worker: u8) -> Self {
        Self { worker, chunks: Vec::new(), free: Vec::new(), seated: 0 }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.seated
    }

    /// Where the next viewer will sit.
    pub(super) fn vacant(&mut self) -> Seat {
        if self.free.is_empty() {
            let first = (self.chunks.len() * CHUNK) as u32;
            assert!(u64::from(first) + CHUNK as u64 <= Seat::MASK, "a worker seats fewer than 2^28 viewers");
            self.chunks.push((0..CHUNK).map(|_| Viewer::nobody(0)).collect());
            self.free.extend((first..first + CHUNK as u32).rev());
        }
        let index = self.free[self.free.len() - 1];
        self.seat(index)
    }

    /// Seats a viewer at [`Viewers::vacant`].
    pub(super) fn insert(&mut self, viewer: Viewer) -> Seat {
        let seat = self.vacant();
        self.free.pop();
        self.seated += 1;
        *self.at(seat.index) = Viewer { generation: seat.generation, ..viewer };
        seat
    }

    /// Frees the place; its next viewer has another generation.
    pub(super) fn remove(&mut self, index: u32) -> Viewer {
        let place = self.at(index);
        let next = Viewer::nobody((place.generation + 1) & Seat::MASK as u32);
        let viewer = std::mem::replace(place, next);
        assert!(viewer.socket.is_some(), "only a seated viewer leaves");
        self.free.push(index);
        self.seated -= 1;
        viewer
    }

    /// Records, seated or free: the indices end before it.
    pub(super) fn places(&self) -> u32 {
        (self.chunks.len() * CHUNK) as u32
    }

    /// The record at an index that is known to be seated, or below [`Viewers::places`].
    pub(super) fn at(&mut self, index: u32) -> &mut Viewer {
        &mut self.chunks[index as usize / CHUNK][index as usize % CHUNK]
    }

    /// The seat of whoever is at this index.
    pub(super) fn seat(&mut self, index: u32) -> Seat {
        Seat { worker: self.worker, generation: self.at(index).generation, index }
    }

    /// The viewer of this seat, if it is still there.
    pub(super) fn find(&mut self, seat: Seat) -> Option<&mut Viewer> {
        let chunk = self.chunks.get_mut(seat.index as usize / CHUNK)?;
        let viewer = &mut chunk[seat.index as usize % CHUNK];
        (seat.worker == self.worker && viewer.generation == seat.generation && viewer.socket.is_some())
            .then_some(viewer)
    }

    /// The seats of all viewers.
    pub(super) fn seats(&self) -> impl Iterator<Item = Seat> {
        let places = self.chunks.iter().flatten().zip(0..);
        let worker = self.worker;
        places.filter(|(viewer, _)| viewer.socket.is_some()).map(move |(viewer, index)| Seat {
            worker,
            generation: viewer.generation,
            index,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_survives_its_origin() {
        let seat = Seat { worker: 63, generation: (1 << 28) - 1, index: 5_000_000 };
        assert_eq!(Seat::of(seat.origin()), seat);
        assert_ne!(seat.origin(), Seat { generation: 0, ..seat }.origin());
    }

    #[test]
    fn answers_go_out_before_the_farewell() {
        let mut ext = Ext { answers: b"answer ".to_vec(), answers_waiting: 1, ..Ext::default() };
        ext.farewell = Some(Bytes::from_static(b"bye"));
        ext.pong = Some(Bytes::from_static(b"pong "));
        assert_eq!(ext.take_own(), "answer pong bye");
        assert!(ext.is_idle());
    }
}
