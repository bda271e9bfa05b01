//! What comes out of a socket, down to what a viewer learns of it.
//!
//! Between the loop and the counters. Invariant: bytes are copied only when a message has come in parts.

use std::{
    io::{ErrorKind, Read, Write},
    net::ToSocketAddrs,
};

use crate::{
    clock::monotonic_ns,
    crowd::Crowd,
    handshake::{Answer, answer},
    news::{Kind, News},
    viewer::{Point, Rest, State},
    wire::{Content, control, first_frame, retry_after_ms},
};

/// Reads in a row from one socket; then it is another's turn.
const READS_MAX: usize = 4;
/// Most servers that viewers are told to move to.
const SERVERS_MAX: usize = 1_024;
/// How long a connection is given, where the server says so in seconds or not at all.
const MS_PER_S: u64 = 1_000;

impl Crowd {
    /// Reads what has come to a viewer.
    pub(super) fn read(&mut self, number: u32) {
        let mut buffer = std::mem::take(&mut self.buffer);
        self.read_into(&mut buffer, number);
        self.buffer = buffer;
    }

    fn read_into(&mut self, buffer: &mut [u8], number: u32) {
        for _ in 0..READS_MAX {
            let Some(mut socket) = self.viewers[number as usize].socket.as_ref() else { return };
            match socket.read(buffer) {
                Ok(0) => return self.end(number, "lost", None),
                Ok(length) => {
                    self.figures.totals.bytes += length as u64;
                    self.take(number, &buffer[..length]);
                    // A short read has emptied the socket; what comes later is told of anew.
                    if length < buffer.len() {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.end(number, "lost", None),
            }
        }
        self.unread.push(number);
    }

    /// Takes bytes, with those that were left of the last ones.
    fn take(&mut self, number: u32, bytes: &[u8]) {
        match self.viewers[number as usize].rest.take() {
            Some(mut rest) => {
                rest.bytes.extend_from_slice(bytes);
                if let Some(used) = self.consume(number, &rest.bytes)
                    && used < rest.bytes.len()
                {
                    rest.bytes.drain(..used);
                    self.viewers[number as usize].rest = Some(rest);
                }
            }
            None => {
                if let Some(used) = self.consume(number, bytes)
                    && used < bytes.len()
                {
                    let rest = Rest { bytes: bytes[used..].to_vec() };
                    self.viewers[number as usize].rest = Some(Box::new(rest));
                }
            }
        }
    }

    /// Takes all whole frames; how many bytes they were, or `None` if the connection has ended.
    fn consume(&mut self, number: u32, bytes: &[u8]) -> Option<usize> {
        let now_ns = monotonic_ns();
        let mut used = 0;
        if self.viewers[number as usize].state == State::Asked {
            used = self.take_answer(number, bytes, now_ns)?;
            if used == 0 {
                return Some(0);
            }
        }
        loop {
            match first_frame(&bytes[used..]) {
                Ok(None) => return Some(used),
                Ok(Some((content, length))) => {
                    used += length;
                    self.take_frame(number, content, now_ns)?;
                }
                Err(error) => {
                    self.end(number, &error.to_string(), None);
                    return None;
                }
            }
        }
    }

    /// Takes the answer to the request: the length of its head, 0 while it is not whole.
    fn take_answer(&mut self, number: u32, bytes: &[u8], now_ns: u64) -> Option<usize> {
        match answer(bytes) {
            Answer::Incomplete => return Some(0),
            Answer::Accepted(length) => {
                self.viewers[number as usize].state = State::Upgraded;
                if self.config.bare {
                    self.has_joined(number, now_ns);
                }
                return Some(length);
            }
            Answer::Refused { status, retry_after_s } => {
                // Many are refused in the same second: they come back spread over another one.
                let retry_after_ms = retry_after_s.map(|s| s * MS_PER_S + fastrand::u64(0..MS_PER_S));
                self.end(number, &format!("http {status}"), retry_after_ms);
            }
            Answer::Broken => self.end(number, "answer", None),
        }
        None
    }

    fn take_frame(&mut self, number: u32, content: Content<'_>, now_ns: u64) -> Option<()> {
        match content {
            Content::Message(payload) => self.take_message(number, payload, now_ns),
            Content::Ping(payload) => {
                self.figures.totals.pings += 1;
                self.say(number, &control(0xa, payload));
            }
            Content::Pong => {}
            Content::Close { code, reason } => {
                self.say(number, &control(0x8, &code.to_be_bytes()));
                self.end(number, &code.to_string(), retry_after_ms(reason));
                return None;
            }
        }
        Some(())
    }

    /// A word to the server. If the socket takes nothing now, it is not said: the server will ask again, or go.
    fn say(&self, number: u32, frame: &[u8]) {
        if let Some(mut socket) = self.viewers[number as usize].socket.as_ref() {
            let _ = socket.write(frame);
        }
    }

    fn take_message(&mut self, number: u32, payload: &[u8], now_ns: u64) {
        let encoding = self.config.encoding;
        if self.viewers[number as usize].state == State::Upgraded {
            // Every welcome is another one: it names the viewer.
            match News::read(encoding, payload, &mut self.marks).kind {
                Kind::Welcome => self.has_joined(number, now_ns),
                _ => self.end(number, "no welcome", None),
            }
            return;
        }
        if self.config.idle {
            return;
        }
        let marks = &mut self.marks;
        let (news, is_new) = self.memo.look(payload, || News::read(encoding, payload, marks));
        self.figures.totals.payloads += u64::from(is_new);
        self.learn(number, &news, now_ns);
    }

    /// A viewer is told something.
    fn learn(&mut self, number: u32, news: &News, now_ns: u64) {
        let totals = &mut self.figures.totals;
        let viewer = &mut self.viewers[number as usize];
        let had = viewer.point();
        match &news.kind {
            Kind::Snapshot => {
                totals.deliveries += 1;
                totals.snapshots += 1;
                // A view is never sent back.
                totals.chain_errors += u64::from(had.is_some_and(|had| news.point < had));
                viewer.come_to(news.point);
            }
            Kind::Delta { from } => {
                let expected = Point { seq: *from, ..news.point };
                totals.deliveries += 1;
                totals.merged += u64::from(news.point.seq - from > 1);
                totals.comments += u64::from(news.comments);
                let begins = had.is_none() && self.config.bare;
                totals.chain_errors += u64::from(had != Some(expected) && !begins);
                viewer.come_to(news.point);
                viewer.comments = viewer.comments.wrapping_add(news.comments);
                viewer.shown = viewer.shown.wrapping_add(news.shown);
                viewer.total = viewer.total.wrapping_add(news.total);
                for sent_ns in &news.sent_ns {
                    self.figures.latency.record_ns(now_ns.saturating_sub(*sent_ns));
                }
                let newest_ns = news.sent_ns.last().copied();
                self.laps.arrive(*from, news.point, newest_ns, now_ns, u64::from(self.joined));
            }
            Kind::Beat => {
                totals.beats += 1;
                totals.chain_errors += u64::from(had != Some(news.point));
            }
            Kind::Move { url, after_ms } => {
                totals.moves += 1;
                self.leave_for(number, url, now_ns + after_ms * 1_000_000);
            }
            Kind::Welcome | Kind::Answer | Kind::Unreadable => totals.unreadable += 1,
        }
        if let Some(row) = &news.marks {
            self.marks.tell(number, row);
        }
    }

    /// The viewer goes to another server at its moment.
    fn leave_for(&mut self, number: u32, url: &str, at_ns: u64) {
        let Some(server) = self.server_of(url) else {
            self.figures.end("move to nowhere");
            return;
        };
        let viewer = &mut self.viewers[number as usize];
        viewer.server = server;
        if !viewer.moving {
            viewer.moving = true;
            self.joining.add_at(number, at_ns);
        }
    }

    fn server_of(&mut self, url: &str) -> Option<u16> {
        let authority = url.strip_prefix("ws://")?.split('/').next()?;
        let address = authority.to_socket_addrs().ok()?.next()?;
        let known = self.servers.iter().position(|server| *server == address);
        if known.is_none() && self.servers.len() < SERVERS_MAX {
            self.servers.push(address);
            return Some((self.servers.len() - 1) as u16);
        }
        known.map(|place| place as u16)
    }
}
