//! One viewer's client: it connects, resumes, writes, retries, and tells the ledger all that it sends and gets.
//!
//! Between the seed's choices and a connection to a broadcast node. It follows `docs/protocol.md` and shares no view or
//! merge code with the servers. Invariant: a sending keeps its ref and stamp until it is answered for good.

use std::{collections::BTreeMap, sync::Arc};

use bytes::{Buf, Bytes};
use watershed_ledger::{Ledger, Seat, What};
use watershed_protocol::{
    CommentId, DisplayName, Epoch, Ref, Register, Seq, Stamp, ViewerId,
    client::{Encoding, Names, Response},
};

use crate::{
    decoded::Decoded,
    event::{Event, Join, NodeEvent, ViewerEvent},
    network::{ConnId, Party, Side},
    outside::Outside,
    time::{Moment, wall},
};

/// A server that says nothing for so long is given up: two beats and a little.
const SILENCE_MS: u64 = 10_500;
/// Comments that a viewer remembers, to like them.
const KNOWN_MAX: usize = 30;

/// What a viewer is like.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// How long its client takes for each piece that it is sent.
    pub(crate) reads_us: u64,
    /// Pieces that its socket holds.
    pub(crate) room: u32,
    /// Time between two writes, on average.
    pub(crate) writes_every_ms: u64,
    /// How often it sends the same message twice at once, in percent.
    pub(crate) repeats: u8,
}

#[derive(Debug)]
struct Sending {
    what: What,
    /// When to send it again; none while it waits for an answer.
    due: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Until then.
    Away(Moment),
    Joining(ConnId),
    Here(ConnId),
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Viewer {
    number: usize,
    pub(crate) id: ViewerId,
    pub(crate) stream: usize,
    encoding: Encoding,
    names: Names,
    seat: Seat,
    habits: Habits,
    random: fastrand::Rng,
    state: State,
    heard_at: Moment,
    failures: u32,
    trying: BTreeMap<Ref, Sending>,
    known: Vec<CommentId>,
    own: Vec<CommentId>,
    stamp: u64,
    /// Its last like or unlike: now and then it says the opposite under the same stamp.
    said: Option<(CommentId, Register)>,
    writes: u32,
    writes_next: Moment,
    /// After this nothing new is written.
    writes_until: Moment,
    /// When the next wake is on the agenda.
    wakes_at: Option<Moment>,
}

/// What a viewer acts on.
pub(crate) struct Around<'a> {
    pub(crate) outside: &'a mut Outside,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) decoded: &'a mut Decoded,
    /// Comments of another stream, to like where they are not.
    pub(crate) elsewhere: Option<CommentId>,
}

impl Viewer {
    pub(crate) fn new(
        number: usize,
        id: ViewerId,
        stream: usize,
        seat: Seat,
        habits: Habits,
        mut random: fastrand::Rng,
        writes_until: Moment,
    ) -> Self {
        let comes_at = Moment::of_ms(random.u64(100..3_000));
        Self {
            number,
            id,
            stream,
            encoding: Encoding::ALL[number % Encoding::ALL.len()],
            names: Names::default(),
            seat,
            habits,
            random,
            state: State::Away(comes_at),
            heard_at: Moment::default(),
            failures: 0,
            trying: BTreeMap::new(),
            known: Vec::new(),
            own: Vec::new(),
            stamp: 0,
            said: None,
            writes: 0,
            writes_next: comes_at,
            writes_until,
            wakes_at: None,
        }
    }

    /// Whether it is connected and waits for no answer.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(self.state, State::Here(_)) && self.trying.is_empty()
    }

    /// What keeps it from being quiet.
    pub(crate) fn describe(&self) -> String {
        match (&self.state, self.trying.first_key_value()) {
            (State::Here(_), Some((reference, sending))) => {
                format!("{} waits for the answer to {reference}, {:?}", self.id, sending.what)
            }
            (state, _) => format!("{} is {state:?}", self.id),
        }
    }

    /// The newest comment that it knows.
    pub(crate) fn knows(&self) -> Option<CommentId> {
        self.known.last().copied()
    }

    /// Its connection, if it has one.
    pub(crate) fn conn(&self) -> Option<ConnId> {
        match self.state {
            State::Away(_) => None,
            State::Joining(conn) | State::Here(conn) => Some(conn),
        }
    }

    pub(crate) fn event(&mut self, around: &mut Around<'_>, event: ViewerEvent) {
        match event {
            ViewerEvent::Wake => {
                self.wakes_at = None;
                self.wake(around);
            }
            ViewerEvent::Connected { conn } if self.state == State::Joining(conn) => {
                self.state = State::Here(conn);
                self.heard_at = around.outside.now();
                let resumed = around.ledger.point(self.seat).is_some();
                around.ledger.connected(self.seat, resumed);
                let now = around.outside.now();
                self.trying.values_mut().for_each(|sending| sending.due = Some(now));
                self.send_due(around, conn);
            }
            ViewerEvent::Bytes { conn, bytes } if self.state == State::Here(conn) => self.hear(around, conn, bytes),
            ViewerEvent::Closed { conn } if self.conn() == Some(conn) => self.lost(around),
            _ => {}
        }
        self.set_alarm(around.outside);
    }

    /// Ends the connection of its own will, as a closed laptop does: it comes back.
    pub(crate) fn drop_out(&mut self, around: &mut Around<'_>) {
        if let Some(conn) = self.conn() {
            around.outside.close(conn, Side::Caller);
            self.lost(around);
            self.set_alarm(around.outside);
        }
    }

    fn lost(&mut self, around: &mut Around<'_>) {
        around.ledger.connection_lost(self.seat);
        self.failures = (self.failures + 1).min(5);
        let after_ms = self.random.u64(0..=100 << self.failures);
        self.state = State::Away(around.outside.now().plus_ms(after_ms));
        self.trying.values_mut().for_each(|sending| sending.due = None);
    }

    fn wake(&mut self, around: &mut Around<'_>) {
        let now = around.outside.now();
        match self.state {
            State::Away(until) if until <= now => self.join(around.outside, around.ledger),
            State::Joining(_) | State::Here(_) if now >= self.heard_at.plus_ms(SILENCE_MS) => self.drop_out(around),
            State::Here(conn) => {
                if now >= self.writes_next && now < self.writes_until {
                    let every_us = self.habits.writes_every_ms * 1_000;
                    self.writes_next = now.plus_us(self.random.u64(every_us / 4..every_us * 2));
                    self.write(around, conn);
                }
                self.send_due(around, conn);
            }
            _ => {}
        }
    }

    fn join(&mut self, outside: &mut Outside, ledger: &Ledger) {
        let conn = outside.network.name();
        let nodes = outside.of_role(watershed_protocol::Role::Broadcast);
        let node = nodes[self.random.usize(..nodes.len())];
        let resume = ledger.point(self.seat).map(|point| (Epoch::new(point.epoch), Seq::new(point.seq)));
        let name = DisplayName::new(self.id.as_str()).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        let (viewer, encoding) = (self.id.clone(), self.encoding);
        let stream = outside.streams[self.stream].clone();
        let join = Box::new(Join { viewer, name, stream, encoding, resume, room: self.habits.room });
        let after_us = outside.network.delay_us();
        outside.agenda.in_us(after_us, Event::Join { conn, viewer: self.number, node, join });
        self.state = State::Joining(conn);
        self.heard_at = outside.now();
    }

    /// Decides what to write next, by the seed.
    fn write(&mut self, around: &mut Around<'_>, conn: ConnId) {
        let known = (!self.known.is_empty()).then(|| self.known[self.random.usize(..self.known.len())]);
        let own = (!self.own.is_empty()).then(|| self.own[self.random.usize(..self.own.len())]);
        let what = match (self.random.u8(..100), known, own) {
            (0..=5, ..) => return self.tap(around.outside, conn),
            (6..=55, Some(id), _) => self.says(around.outside.now(), id, true),
            (56..=67, Some(id), _) => self.says(around.outside.now(), id, false),
            (68, ..) if self.said.is_some() => match self.said {
                Some((id, Register { stamp, liked })) => What::Like { id, register: Register { stamp, liked: !liked } },
                None => return,
            },
            (69..=71, _, Some(id)) => What::Delete { id },
            (72, Some(id), _) => What::Delete { id },
            (73..=74, id, _) => What::Pin { id },
            (75, ..) if around.elsewhere.is_some() => match around.elsewhere {
                Some(id) => self.says(around.outside.now(), id, true),
                None => return,
            },
            _ => What::Comment { body: format!("{} says {} to {}", self.id, self.writes, around.outside.now().ms()) },
        };
        self.writes += 1;
        // Numbers that follow a viewer's own: "v1" and "25" make the same text as "v12" and "5", and must not make one id.
        let device = if self.is_second_device() { "b" } else { "" };
        let reference = Ref::new(&format!("{device}{}", self.writes));
        let reference = reference.unwrap_or_else(|invalid| unreachable!("{invalid}"));
        self.trying.insert(reference, Sending { what, due: Some(around.outside.now()) });
    }

    /// A like or unlike with the next stamp.
    fn says(&mut self, now: Moment, id: CommentId, liked: bool) -> What {
        self.stamp = wall(now).get().max(self.stamp + 1);
        let stamp = Stamp::new(self.stamp).unwrap_or_else(|invalid| unreachable!("{invalid}"));
        let register = Register { stamp, liked };
        self.said = Some((id, register));
        What::Like { id, register }
    }

    /// Whether another device of this viewer has its name from its number.
    fn is_second_device(&self) -> bool {
        let name = self.id.as_str();
        name.starts_with('v') && name[1..] != self.number.to_string()
    }

    fn tap(&mut self, outside: &mut Outside, conn: ConnId) {
        let count = self.random.u32(1..20);
        let payload = match self.encoding {
            Encoding::Json => format!(r#"{{"type":"react","kind":"heart","count":{count}}}"#).into_bytes(),
            // Writing numbers and text to memory does not fail.
            _ => rmp_serde::to_vec(&(3u8, "heart", count)).unwrap_or_default(),
        };
        outside.send(conn, Side::Caller, payload.into());
    }

    fn send_due(&mut self, around: &mut Around<'_>, conn: ConnId) {
        let now = around.outside.now();
        for (reference, sending) in &mut self.trying {
            if sending.due.take_if(|due| *due <= now).is_none() {
                continue;
            }
            let times = if self.random.u8(..100) < self.habits.repeats { 2 } else { 1 };
            for _ in 0..times {
                let what = &sending.what;
                around.outside.note(format_args!("{} sends {reference} on {}: {what:?}", self.number, conn.0));
                around.ledger.sent(self.seat, reference, sending.what.clone(), now.ms());
                let payload = sending.what.message(reference, self.encoding);
                around.outside.send(conn, Side::Caller, payload.into());
            }
        }
    }

    fn hear(&mut self, around: &mut Around<'_>, conn: ConnId, mut bytes: Bytes) {
        self.heard_at = around.outside.now();
        self.failures = 0;
        // The client has read the piece after a while; only then is there room for another.
        let back_us = around.outside.network.delay_us() + self.habits.reads_us;
        if let Some(Party::Node { node, life }) = around.outside.network.peer(conn, Side::Caller) {
            let event = NodeEvent::Writable { conn };
            around.outside.agenda.in_us(back_us, Event::Node { node, life, event });
        }
        while let Some(payload) = next_payload(&mut bytes) {
            let response = match around.decoded.decode(&mut self.names, self.encoding, &payload) {
                Ok(response) => response,
                Err(error) => return around.outside.breaks(5, format!("{}: {error}", self.id)),
            };
            match &*response {
                Response::Ack { reference, .. } => {
                    around.outside.note(format_args!("{} is told {reference} is done", self.number));
                }
                Response::Reject { reference, code, .. } => {
                    around.outside.note(format_args!("{} is told {reference:?} is {}", self.number, code.as_str()));
                }
                _ => {}
            }
            around.ledger.received(self.seat, &response, around.outside.now().ms());
            self.take(around.outside.now(), &response);
        }
    }

    fn take(&mut self, now: Moment, response: &Arc<Response>) {
        match &**response {
            Response::Snapshot { comments, .. } | Response::Delta { comments, .. } => {
                for line in comments {
                    self.known.push(line.id);
                    if line.author == self.id {
                        self.own.push(line.id);
                    }
                }
                let surplus = self.known.len().saturating_sub(KNOWN_MAX);
                self.known.drain(..surplus);
            }
            Response::Ack { reference, .. } => drop(self.trying.remove(reference)),
            Response::Reject { reference: Some(reference), retry_after_ms, .. } => match retry_after_ms {
                Some(after_ms) => {
                    if let Some(sending) = self.trying.get_mut(reference) {
                        sending.due = Some(now.plus_ms(after_ms + self.random.u64(0..200)));
                    }
                }
                None => drop(self.trying.remove(reference)),
            },
            _ => {}
        }
    }

    /// Puts the next moment at which something is to be done on the agenda.
    fn set_alarm(&mut self, outside: &mut Outside) {
        let now = outside.now();
        let at = match self.state {
            State::Away(until) => until,
            State::Joining(_) => self.heard_at.plus_ms(SILENCE_MS),
            State::Here(_) => {
                let retries = self.trying.values().filter_map(|sending| sending.due);
                let writes = (now < self.writes_until).then_some(self.writes_next);
                let silence = self.heard_at.plus_ms(SILENCE_MS);
                retries.chain(writes).fold(silence, Moment::min)
            }
        };
        if self.wakes_at.is_none_or(|wakes_at| at < wakes_at) {
            self.wakes_at = Some(at.max(now));
            outside.agenda.at(at, Event::Viewer { viewer: self.number, event: ViewerEvent::Wake });
        }
    }

    /// Puts the first moment on the agenda.
    pub(crate) fn begin(&mut self, outside: &mut Outside) {
        self.set_alarm(outside);
    }
}

/// Takes the payload of the next WebSocket frame: whole messages, never masked, of the three lengths that there are.
fn next_payload(bytes: &mut Bytes) -> Option<Bytes> {
    if bytes.len() < 2 {
        return None;
    }
    bytes.advance(1);
    let length = match bytes.get_u8() {
        126 => bytes.get_u16().into(),
        127 => bytes.get_u64() as usize,
        short => short.into(),
    };
    Some(bytes.split_to(length))
}
