//! Reading: from a socket into the worker's one buffer, through the decoder, to whoever the viewer is.
//!
//! Invariant: a viewer holds input of its own only while a message is incomplete or while too much of it is unanswered;
//! and one pass reads at most [`READ_BYTES`] of one viewer before the others have their turn.

use std::{
    io::{ErrorKind, Read},
    mem,
};

use bytes::Bytes;
use watershed_broadcast::{
    Verdict,
    websocket::{Decoder, FrameError, Item},
};
use watershed_protocol::client::{Opcode, Response, frame_of};

use super::{
    close::Close,
    input::Input,
    viewer::{Flags, Part},
    worker::Worker,
};

/// The worker's read buffer, and so the most of one viewer in one read: about 80 writes, more than may be unanswered.
pub(super) const READ_BYTES: usize = 8 * 1024;
/// Pongs of one viewer that wait to be sent; of further ones only the newest is kept (RFC 6455, section 5.5.3).
const PONGS_WAITING_MAX: u8 = 32;

impl Worker {
    /// Takes every message that is whole: of what was left unread, or else of one read.
    pub(super) fn read(&mut self, index: u32) {
        let mut buffer = mem::take(&mut self.buffer);
        if self.viewers.at(index).flags.has(Flags::CLOSING) {
            self.discard(index, &mut buffer);
        } else {
            let mut input = self.take_input(index);
            let more = if let Some((mut unread, taken)) = input.take_unread() {
                let further = self.take_messages(index, &mut unread[taken..], &mut input.decoder);
                input.put_back(unread, taken + further);
                true
            } else if let Some((filled, more)) = self.fill(index, &mut buffer) {
                let taken = self.take_messages(index, &mut buffer[..filled], &mut input.decoder);
                input.put_back(buffer[taken..filled].to_vec(), 0);
                more
            } else {
                false
            };
            self.keep_input(index, input);
            if more && self.viewers.at(index).is_open() {
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
        let input = Input::of(leftover.into());
        self.figures.input_bytes += input.held_bytes() as u64;
        self.viewers.at(index).ext().input = input;
        self.queue_read(index);
    }

    /// One read: how much that is, and whether there may be more. None: nothing to do.
    fn fill(&mut self, index: u32, buffer: &mut [u8]) -> Option<(usize, bool)> {
        let viewer = self.viewers.at(index);
        match viewer.socket.as_ref()?.read(buffer) {
            Ok(read) if read > 0 => Some((read, read == buffer.len() || viewer.flags.has(Flags::ENDING))),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) if error.kind() == ErrorKind::Interrupted => {
                self.queue_read(index);
                None
            }
            Ok(_) | Err(_) => {
                self.figures.closed_gone += 1;
                self.remove(index);
                None
            }
        }
    }

    /// Takes the messages of the input, until it ends, the viewer is halted, or the connection ends; how much it took.
    fn take_messages(&mut self, index: u32, input: &mut [u8], kept: &mut Option<Box<Decoder>>) -> usize {
        let rules = self.viewers.at(index).rules(self.config.message_bytes_max);
        let mut fresh = Decoder::default();
        let decoder = kept.as_deref_mut().unwrap_or(&mut fresh);
        let mut at = 0;
        while at < input.len() && !self.is_halted(index) {
            match decoder.next(&rules, input, &mut at) {
                Ok(Some(Item::Close(code))) => {
                    self.figures.closed_gone += 1;
                    self.farewell(index, Close::echo(code));
                    break;
                }
                Ok(Some(item)) => self.take_item(index, &item),
                Ok(None) => break,
                Err(error) => {
                    self.break_off(index, error);
                    break;
                }
            }
        }
        if decoder.is_idle() {
            *kept = None;
        } else if kept.is_none() {
            *kept = Some(Box::new(fresh));
        }
        at
    }

    fn break_off(&mut self, index: u32, error: FrameError) {
        match error {
            FrameError::TooLarge { .. } => self.figures.closed_too_large += 1,
            FrameError::Protocol(_) | FrameError::Kind | FrameError::Text => self.figures.closed_protocol += 1,
        }
        self.close(index, &Close::of(error));
    }

    fn take_item(&mut self, index: u32, item: &Item<'_>) {
        match item {
            Item::Message(kind, payload) => self.take_message(index, *kind, payload),
            Item::Ping(payload) => self.pong(index, payload),
            Item::Pong | Item::Close(_) => {}
        }
    }

    fn take_message(&mut self, index: u32, kind: Opcode, payload: &[u8]) {
        self.figures.messages_in += 1;
        let origin = self.viewers.seat(index).origin();
        let viewer = self.viewers.at(index);
        let stream = viewer.stream;
        let verdict = match viewer.part() {
            Part::Session(session) => session.request(self.now, origin, payload),
            Part::Echo => return self.echo(index, kind, payload),
        };
        match verdict {
            Verdict::Write(write) => self.hand_on(write),
            Verdict::Answer(response) => {
                if let Response::Reject { code, .. } = &response {
                    self.figures.refused(*code);
                }
                self.push_answer(index, &response);
            }
            Verdict::Taps { kind, count } => {
                *self.streams.at(stream).untold.make().taps.entry(kind).or_default() += u64::from(count);
                self.list(stream);
            }
            Verdict::Nothing => {}
        }
    }

    /// Pongs go out in their turn; of more than may wait only the newest is kept.
    fn pong(&mut self, index: u32, payload: &[u8]) {
        let pong = frame_of(Opcode::Pong, payload);
        let ext = self.viewers.at(index).ext();
        if ext.pongs_waiting < PONGS_WAITING_MAX {
            ext.pongs_waiting += 1;
            ext.answers.extend_from_slice(&pong);
        } else {
            ext.pong = Some(pong);
        }
        self.queue_send(index);
    }

    /// What a viewer has kept of its input: its own again by [`Worker::keep_input`].
    fn take_input(&mut self, index: u32) -> Input {
        let input = self.viewers.at(index).ext.as_mut().map(|ext| mem::take(&mut ext.input)).unwrap_or_default();
        self.figures.input_bytes -= input.held_bytes() as u64;
        input
    }

    /// Keeps what is incomplete or unread, within the worker's bound; of a viewer that is to go, nothing.
    fn keep_input(&mut self, index: u32, input: Input) {
        if !self.viewers.at(index).is_open() {
            return;
        }
        let halted = self.is_halted(index);
        let viewer = self.viewers.at(index);
        if halted {
            viewer.flags.set(Flags::HALTED);
        }
        if !input.is_empty() {
            self.figures.input_bytes += input.held_bytes() as u64;
            viewer.ext().input = input;
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
