//! Reading: from a socket into the worker's one buffer, through the decoder, to the session.
//!
//! Invariant: a viewer holds input of its own only while a message is incomplete or while too much of it is unanswered;
//! and one pass reads at most [`READ_BYTES`] of one viewer before the others have their turn.

use std::{
    io::{ErrorKind, Read},
    mem,
};

use bytes::Bytes;
use watershed_broadcast::Verdict;
use watershed_protocol::client::{Opcode, frame_of};

use super::{
    close::Close,
    reader::{Decoder, INCOMPLETE_BYTES_MAX, Item},
    viewer::{Flags, NO_STREAM},
    worker::Worker,
};

/// The worker's read buffer.
pub(super) const BUFFER_BYTES: usize = 64 * 1024;
/// Most bytes of one viewer in one read: about 80 writes, more than may be unanswered.
const READ_BYTES: usize = 8 * 1024;

// What is incomplete, what was left unread behind a stop, and the next read fit together.
const _: () = assert!(INCOMPLETE_BYTES_MAX + 2 * READ_BYTES <= BUFFER_BYTES);

impl Worker {
    /// Reads once, and takes every message that is whole.
    pub(super) fn read(&mut self, index: u32) {
        let mut buffer = mem::take(&mut self.buffer);
        if self.viewers.at(index).flags.has(Flags::CLOSING) {
            self.discard(index, &mut buffer);
        } else if let Some((filled, more)) = self.fill(index, &mut buffer) {
            self.take_messages(index, &mut buffer[..filled]);
            // Removed or closing viewers are told apart by the stream that they no longer have.
            if more && self.viewers.at(index).stream != NO_STREAM {
                self.queue_read(index);
            }
        }
        self.buffer = buffer;
    }

    /// Bytes that came behind the handshake.
    pub(super) fn take_leftover(&mut self, index: u32, leftover: Bytes) {
        if leftover.is_empty() {
            return;
        }
        let viewer = self.viewers.at(index);
        viewer.flags.set(Flags::UNPARSED);
        viewer.ext().incomplete = leftover.into();
        self.figures.input_bytes += viewer.ext().input_bytes() as u64;
        self.queue_read(index);
    }

    /// What was incomplete, and one read behind it: how much that is, and whether there may be more. None: nothing to do.
    fn fill(&mut self, index: u32, buffer: &mut [u8]) -> Option<(usize, bool)> {
        let viewer = self.viewers.at(index);
        let pending = viewer.ext.as_ref().map_or(0, |ext| ext.incomplete.len());
        let (mut filled, mut more) = (pending, true);
        if !viewer.flags.clear(Flags::UNPARSED) {
            let window = (pending + READ_BYTES).min(buffer.len());
            let mut socket = viewer.socket.as_ref()?;
            match socket.read(&mut buffer[pending..window]) {
                Ok(read) if read > 0 => {
                    filled += read;
                    more = filled == window || viewer.flags.has(Flags::ENDING);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {
                    self.queue_read(index);
                    return None;
                }
                Ok(_) | Err(_) => {
                    self.figures.closed_gone += 1;
                    self.remove(index);
                    return None;
                }
            }
        }
        if let Some(ext) = &mut viewer.ext {
            self.figures.input_bytes -= ext.input_bytes() as u64;
            buffer[..pending].copy_from_slice(&mem::take(&mut ext.incomplete));
            self.figures.input_bytes += ext.input_bytes() as u64;
        }
        Some((filled, more))
    }

    /// Takes the messages of the input; what is left of it is kept with the viewer.
    fn take_messages(&mut self, index: u32, input: &mut [u8]) {
        let viewer = self.viewers.at(index);
        let expected = viewer.encoding().opcode();
        let mut decoder = Decoder::default();
        if let Some(ext) = &mut viewer.ext {
            self.figures.input_bytes -= ext.input_bytes() as u64;
            decoder = mem::take(&mut ext.decoder);
        }
        let mut at = 0;
        while at < input.len() && !self.is_halted(index) {
            match decoder.next(expected, input, &mut at) {
                Ok(Some(Item::Close(code))) => {
                    self.figures.closed_gone += 1;
                    self.farewell(index, Close::echo(code));
                    break;
                }
                Ok(Some(item)) => self.take_item(index, &item),
                Ok(None) => break,
                Err(close) => {
                    let too_large = close == Close::TOO_LARGE;
                    *if too_large { &mut self.figures.closed_too_large } else { &mut self.figures.closed_protocol } +=
                        1;
                    self.close(index, &close);
                    break;
                }
            }
        }
        self.keep_input(index, &input[at..], decoder);
    }

    fn take_item(&mut self, index: u32, item: &Item<'_>) {
        let origin = self.viewers.seat(index).origin();
        let viewer = self.viewers.at(index);
        match item {
            Item::Message(payload) => {
                self.figures.messages_in += 1;
                let Some(session) = &mut viewer.session else { return };
                match session.request(self.now, origin, payload) {
                    Verdict::Write(write) => self.hand_on(write),
                    Verdict::Answer(response) => self.push_answer(index, &response),
                    Verdict::Taps { kind, count } => {
                        let stream = viewer.stream;
                        *self.streams.at(stream).taps.entry(kind).or_default() += u64::from(count);
                        self.list(stream);
                    }
                    Verdict::Nothing => {}
                }
            }
            Item::Ping(payload) => {
                viewer.ext().pong = Some(frame_of(Opcode::Pong, payload));
                self.queue_send(index);
            }
            Item::Pong | Item::Close(_) => {}
        }
    }

    /// Keeps what is incomplete, within the worker's bound.
    fn keep_input(&mut self, index: u32, rest: &[u8], mut decoder: Decoder) {
        let halted = self.is_halted(index);
        let viewer = self.viewers.at(index);
        if viewer.flags.has(Flags::CLOSING) {
            return;
        }
        decoder.tidy();
        if halted {
            viewer.flags.set(Flags::HALTED);
            if !rest.is_empty() {
                viewer.flags.set(Flags::UNPARSED);
            }
        }
        if !rest.is_empty() || !decoder.is_idle() {
            let ext = viewer.ext();
            (ext.incomplete, ext.decoder) = (rest.to_vec(), decoder);
        }
        if let Some(ext) = &viewer.ext {
            self.figures.input_bytes += ext.input_bytes() as u64;
        }
        viewer.tidy();
        if self.figures.input_bytes > self.config.input_bytes_max_per_worker() {
            self.figures.closed_input += 1;
            self.close(index, &Close::try_later(self.config.retry_after_ms));
        }
    }

    /// Drops what a viewer sends who was told to go, until it has gone.
    fn discard(&mut self, index: u32, buffer: &mut [u8]) {
        let viewer = self.viewers.at(index);
        let Some(mut socket) = viewer.socket.as_ref() else { return };
        match socket.read(buffer) {
            Ok(read) if read > 0 => self.queue_read(index),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => self.queue_read(index),
            Ok(_) | Err(_) => self.remove(index),
        }
    }
}
