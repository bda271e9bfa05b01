//! A viewer that is an echo: what it sends comes back as it came, and it watches nothing.
//!
//! Beside `seating` and `receive`, which do all else for it: so a suite from outside that drives an echo drives the path of
//! every viewer. Invariant: of an echo that does not read, no more is kept than [`Viewer::is_halted`] allows, one message
//! on its way in, and one read.

use std::sync::atomic::Ordering;

use watershed_protocol::client::{Opcode, frame_header};

use super::{seating::refuse, viewer::Viewer, worker::Worker};
use crate::http::Upgraded;

/// Longest head of a frame that is sent: two bytes, and eight of length.
const HEAD_BYTES_MAX: usize = 10;

impl Worker {
    /// Seats an echo.
    pub(super) fn join_echo(&mut self, upgraded: Upgraded) {
        self.shared.joins_waiting.fetch_sub(1, Ordering::Relaxed);
        let seat = self.viewers.vacant();
        if self.register(&upgraded.socket, seat).is_err() || self.ending {
            self.figures.closed_full += 1;
            self.shared.load.fetch_sub(1, Ordering::Relaxed);
            return refuse(&upgraded, self.config.retry_after_ms);
        }
        let Upgraded { socket, reply, leftover } = upgraded;
        let seat = self.viewers.insert(Viewer::echo(socket));
        self.figures.joined += 1;
        self.viewers.at(seat.index).ext().answers = reply.into();
        self.take_leftover(seat.index, leftover);
        self.serve(seat.index, false);
    }

    /// Sends a message back.
    pub(super) fn echo(&mut self, index: u32, kind: Opcode, payload: &[u8]) {
        let answers = &mut self.viewers.at(index).ext().answers;
        answers.reserve(HEAD_BYTES_MAX + payload.len());
        frame_header(kind, payload.len(), answers);
        answers.extend_from_slice(payload);
        self.queue_send(index);
    }
}
