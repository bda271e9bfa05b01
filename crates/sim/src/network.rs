//! Connections with delays, cuts and silence: what TCP gives to links and to viewers.
//!
//! Between the parties of a run. Bytes of one direction of one connection arrive in order; those of different connections
//! overtake each other. A cut loses what is under way; between two nodes that cannot reach each other everything waits
//! until they can, or until somebody gives up. Invariant: nothing arrives at an end after that end was closed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::{
    agenda::Agenda,
    event::{Event, NodeEvent, ViewerEvent},
    time::Moment,
};

/// One connection, named once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ConnId(pub(crate) u64);

/// A process or a client: `life` differs at each start of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Party {
    Node { node: usize, life: u64 },
    Viewer(usize),
}

/// One of the two ends: the one that connected, and the one that was connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Caller = 0,
    Called = 1,
}

impl Side {
    fn other(self) -> Self {
        if self == Self::Caller { Self::Called } else { Self::Caller }
    }
}

#[derive(Debug)]
struct End {
    party: Party,
    open: bool,
    /// The latest arrival here, so that later bytes do not overtake.
    last: Moment,
    /// When the narrow pipe to here has let through all that was sent.
    busy_until: Moment,
    /// Pieces on their way here, or arrived and not yet taken.
    under_way: u32,
}

#[derive(Debug)]
struct Conn {
    ends: [End; 2],
    /// Its own delay, beside the network's.
    delay_us: u64,
    /// After this moment nothing of it arrives any more, though neither end knows.
    frozen: bool,
}

/// What a narrow pipe does to all that goes through it.
#[derive(Clone, Copy, Debug)]
struct Pipe {
    until: Moment,
    delay_ms: u64,
    bytes_per_ms: u64,
}

/// All connections.
#[derive(Debug)]
pub(crate) struct Network {
    conns: BTreeMap<ConnId, Conn>,
    made: u64,
    /// Pairs of nodes (the lesser first) that cannot reach each other until then.
    partitions: BTreeMap<(usize, usize), Moment>,
    /// Pairs of nodes whose bytes go through a narrow pipe, each way.
    pipes: BTreeMap<(usize, usize), Pipe>,
    /// One way of the network, on average.
    delay_us: u64,
    /// Links whose next bytes come twice.
    repeats: BTreeSet<ConnId>,
    random: fastrand::Rng,
}

impl Network {
    pub(crate) fn new(delay_us: u64, random: fastrand::Rng) -> Self {
        Self {
            conns: BTreeMap::new(),
            made: 0,
            partitions: BTreeMap::new(),
            pipes: BTreeMap::new(),
            delay_us,
            repeats: BTreeSet::new(),
            random,
        }
    }

    /// A name for a connection to be.
    pub(crate) fn name(&mut self) -> ConnId {
        self.made += 1;
        ConnId(self.made)
    }

    /// How long one way takes now.
    pub(crate) fn delay_us(&mut self) -> u64 {
        let usual = self.random.u64(self.delay_us / 2..=self.delay_us * 2);
        // One in a hundred takes far longer: a lost segment that is sent again.
        if self.random.u8(..100) == 0 { usual + self.random.u64(5_000..200_000) } else { usual }
    }

    /// When the two can reach each other again; `None` if they can now.
    pub(crate) fn partition(&self, now: Moment, a: Party, b: Party) -> Option<Moment> {
        self.partitions.get(&pair(a, b)?).copied().filter(|until| *until > now)
    }

    /// From now on, and until then, these two nodes cannot reach each other.
    pub(crate) fn part(&mut self, a: usize, b: usize, until: Moment) {
        self.partitions.insert((a.min(b), a.max(b)), until);
    }

    /// From now on, and until then, what these two nodes say to each other comes late and slowly.
    pub(crate) fn slow(&mut self, a: usize, b: usize, until: Moment, delay_ms: u64, bytes_per_ms: u64) {
        self.pipes.insert((a.min(b), a.max(b)), Pipe { until, delay_ms, bytes_per_ms });
    }

    /// A connection stands. `delay_us` is its own delay, on top of the network's.
    pub(crate) fn connect(&mut self, conn: ConnId, now: Moment, caller: Party, called: Party, delay_us: u64) {
        let end = |party| End { party, open: true, last: now, busy_until: now, under_way: 0 };
        self.conns.insert(conn, Conn { ends: [end(caller), end(called)], delay_us, frozen: false });
    }

    /// Sends a piece to the other end. It is lost if that end is gone when it arrives.
    pub(crate) fn send(&mut self, agenda: &mut Agenda<Event>, conn: ConnId, from: Side, bytes: Bytes) {
        let bytes_sent = bytes.len() as u64;
        let Some((at, party)) = self.arrival(agenda.now(), conn, from.other(), bytes_sent) else { return };
        agenda.at(at, Event::arrival(party, conn, bytes));
    }

    /// Sends bytes whose boundaries mean nothing: they arrive in pieces.
    pub(crate) fn send_split(&mut self, agenda: &mut Agenda<Event>, conn: ConnId, from: Side, mut bytes: Bytes) {
        if self.repeats.remove(&conn) {
            self.send(agenda, conn, from, bytes.clone());
        }
        while bytes.len() > 1 && self.random.u8(..4) == 0 {
            let piece = bytes.split_to(self.random.usize(1..bytes.len()));
            self.send(agenda, conn, from, piece);
        }
        self.send(agenda, conn, from, bytes);
    }

    /// An end closes: it hears nothing more, and the other hears of it behind all that was sent before.
    pub(crate) fn close(&mut self, agenda: &mut Agenda<Event>, conn: ConnId, from: Side) {
        let Some(ends) = self.conns.get_mut(&conn).map(|conn| &mut conn.ends) else { return };
        if !std::mem::replace(&mut ends[from as usize].open, false) {
            return;
        }
        match self.arrival(agenda.now(), conn, from.other(), 0) {
            Some((at, party)) => agenda.at(at, Event::closing(party, conn)),
            None => drop(self.conns.remove(&conn)),
        }
    }

    /// The connection breaks: each end hears of it by itself, and what is under way then is lost.
    pub(crate) fn cut(&mut self, agenda: &mut Agenda<Event>, conn: ConnId) {
        let Some(found) = self.conns.get(&conn) else { return };
        let parties = [&found.ends[0], &found.ends[1]].map(|end| end.party);
        for party in parties {
            agenda.in_us(self.random.u64(0..300_000), Event::closing(party, conn));
        }
    }

    /// What is sent next on this link comes twice.
    pub(crate) fn repeat(&mut self, conn: ConnId) {
        self.repeats.insert(conn);
    }

    /// Whether there is, or was until all have closed it, such a connection.
    pub(crate) fn knows(&self, conn: ConnId) -> bool {
        self.conns.contains_key(&conn)
    }

    /// Who is at the other end.
    pub(crate) fn peer(&self, conn: ConnId, side: Side) -> Option<Party> {
        self.conns.get(&conn).map(|conn| conn.ends[side.other() as usize].party)
    }

    /// From now on nothing arrives, and nobody is told.
    pub(crate) fn freeze(&mut self, conn: ConnId) {
        if let Some(conn) = self.conns.get_mut(&conn) {
            conn.frozen = true;
        }
    }

    /// All of a party's ends close at once: its process has died. With the power gone too, the others are not told.
    pub(crate) fn die(&mut self, agenda: &mut Agenda<Event>, party: Party, silently: bool) {
        for (conn, side) in self.of(party) {
            if silently {
                self.freeze(conn);
            } else {
                self.close(agenda, conn, side);
            }
        }
    }

    /// The open connections of a party.
    pub(crate) fn of(&self, party: Party) -> Vec<(ConnId, Side)> {
        let sides = [Side::Caller, Side::Called];
        let open = |conn: &Conn, side: Side| conn.ends[side as usize].open && conn.ends[side as usize].party == party;
        let found = self.conns.iter().flat_map(|(id, conn)| sides.map(|side| (*id, side, open(conn, side))));
        found.filter(|(.., open)| *open).map(|(id, side, _)| (id, side)).collect()
    }

    /// Links between nodes, with both ends open.
    pub(crate) fn links(&self) -> Vec<ConnId> {
        let is_link = |conn: &Conn| conn.ends.iter().all(|end| end.open && matches!(end.party, Party::Node { .. }));
        self.conns.iter().filter(|(_, conn)| is_link(conn)).map(|(id, _)| *id).collect()
    }

    /// Whether what arrives at this party's end is heard. A piece that has arrived counts no more as under way.
    pub(crate) fn arrives(&mut self, conn: ConnId, party: Party) -> bool {
        let Some(conn) = self.conns.get_mut(&conn) else { return false };
        let frozen = conn.frozen;
        let Some(end) = conn.ends.iter_mut().find(|end| end.party == party) else { return false };
        end.under_way = end.under_way.saturating_sub(1);
        end.open && !frozen
    }

    /// The other end has closed, or the connection broke: this end is closed as well. False if it was already.
    pub(crate) fn closes(&mut self, conn: ConnId, party: Party) -> bool {
        let Some(found) = self.conns.get_mut(&conn) else { return false };
        let Some(end) = found.ends.iter_mut().find(|end| end.party == party) else { return false };
        let was_open = std::mem::replace(&mut end.open, false) && !found.frozen;
        if found.ends.iter().all(|end| !end.open) {
            self.conns.remove(&conn);
        }
        was_open
    }

    /// Pieces on the way to the other end: what fills a socket's buffers.
    pub(crate) fn under_way(&self, conn: ConnId, from: Side) -> u32 {
        self.conns.get(&conn).map_or(0, |conn| conn.ends[from.other() as usize].under_way)
    }

    /// When something sent now arrives at this end, behind all that was sent before.
    fn arrival(&mut self, now: Moment, conn: ConnId, at: Side, bytes: u64) -> Option<(Moment, Party)> {
        let delay_us = self.delay_us();
        let found = self.conns.get(&conn)?;
        let [caller, called] = [&found.ends[0], &found.ends[1]].map(|end| end.party);
        let from = self.partition(now, caller, called).unwrap_or(now);
        let pipe = pair(caller, called).and_then(|pair| self.pipes.get(&pair)).filter(|pipe| pipe.until > now).copied();
        let found = self.conns.get_mut(&conn)?;
        let end = &mut found.ends[at as usize];
        let from = pipe.map_or(from, |pipe| end.passes(&pipe, now, bytes).max(from));
        let arrives = from.plus_us(delay_us + found.delay_us);
        if !end.open {
            return None;
        }
        end.last = end.last.max(arrives);
        end.under_way += 1;
        Some((end.last, end.party))
    }
}

impl End {
    /// When bytes that are sent here now are through the pipe, behind all before them. Once it is as wide as ever, nothing
    /// waits any more.
    fn passes(&mut self, pipe: &Pipe, now: Moment, bytes: u64) -> Moment {
        self.busy_until = self.busy_until.max(now).plus_us(1_000 * bytes / pipe.bytes_per_ms);
        self.busy_until.plus_ms(pipe.delay_ms).min(pipe.until)
    }
}

/// Two nodes, the lesser first; none if one of the two is a viewer.
fn pair(a: Party, b: Party) -> Option<(usize, usize)> {
    let (Party::Node { node: a, .. }, Party::Node { node: b, .. }) = (a, b) else { return None };
    Some((a.min(b), a.max(b)))
}

impl Event {
    fn arrival(party: Party, conn: ConnId, bytes: Bytes) -> Self {
        match party {
            Party::Node { node, life } => Self::Node { node, life, event: NodeEvent::Bytes { conn, bytes } },
            Party::Viewer(viewer) => Self::Viewer { viewer, event: ViewerEvent::Bytes { conn, bytes } },
        }
    }

    fn closing(party: Party, conn: ConnId) -> Self {
        match party {
            Party::Node { node, life } => Self::Node { node, life, event: NodeEvent::Closed { conn } },
            Party::Viewer(viewer) => Self::Viewer { viewer, event: ViewerEvent::Closed { conn } },
        }
    }
}
