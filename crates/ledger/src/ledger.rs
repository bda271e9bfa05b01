//! The ledger of one stream: takes sendings, messages and lost connections, and keeps what they prove.
//!
//! Callers (load generator, simulator, end-to-end tests) come in by the methods here; `frames` and `answers` below do
//! the checking as things arrive, `quiet` when all has settled. Each distinct frame is examined once, whoever
//! receives it, and each step of a view is made once for all viewers that make it; a viewer's own chain is checked for
//! every viewer and frame. Invariant: deterministic; the same calls give the same findings in the same order.

mod answers;
mod frames;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use watershed_protocol::{Ref, ViewerId, client::Code};

use crate::{
    Finding, Report, Tally,
    agreement::Agreement,
    comments::{Author, Comments},
    order::Order,
    screen::{Device, Screen},
    sends::{Fate, Kind, Op, What},
    violation::Findings,
};

use frames::Reading;

/// What may be on the stream beside this crowd, and how much is remembered.
#[derive(Clone, Debug)]
pub struct Config {
    /// Others may have written, or may write, on this stream. Without it, a comment by somebody unknown is a violation.
    pub foreign_comments: bool,
    /// Others may like this crowd's comments: shown counts have no upper bound then, and may fall.
    pub foreign_likes: bool,
    /// Names that begin so belong to this crowd: such an author whom the ledger does not know cannot have written.
    pub own_prefix: Option<String>,
    /// Comments that a view keeps for comparison, the newest.
    pub covered_max: usize,
    /// Keep every shown count, for the comparison with a durable trace. Costs memory for each.
    pub keep_counts: bool,
    /// A sending has its answer within this time, if its connection stays open: the protocol's 10 s, and some travel.
    pub answer_within_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            foreign_comments: false,
            foreign_likes: false,
            own_prefix: None,
            covered_max: 500,
            keep_counts: false,
            answer_within_ms: 11_000,
        }
    }
}

/// A viewer's place in the ledger: one per device. Two devices of one viewer share comments and likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seat(usize);

/// Where a view stands. Points of a stream are in one order: by epoch, then by seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Point {
    /// The stream's epoch.
    pub epoch: u64,
    /// The last frame of that epoch.
    pub seq: u64,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

/// What a crowd was promised and what it saw, on one stream.
#[derive(Debug)]
pub struct Ledger {
    pub(crate) config: Config,
    people: BTreeMap<ViewerId, u32>,
    pub(crate) names: Vec<ViewerId>,
    pub(crate) devices: Vec<Device>,
    pub(crate) comments: Comments,
    orders: BTreeMap<u64, Order>,
    agreement: Agreement,
    /// The latest distinct frames, newest last.
    readings: VecDeque<Reading>,
    /// Counts calls, for "before" and "after" without a clock.
    turn: u64,
    pub(crate) totals: Report,
    pub(crate) findings: Findings,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            people: BTreeMap::new(),
            names: Vec::new(),
            devices: Vec::new(),
            comments: Comments::default(),
            orders: BTreeMap::new(),
            agreement: Agreement::default(),
            readings: VecDeque::new(),
            turn: 0,
            totals: Report::default(),
            findings: Findings::default(),
        }
    }

    /// Gives a device of this viewer a seat, for as long as the ledger lives, through any number of connections.
    pub fn seat(&mut self, viewer: &ViewerId) -> Seat {
        let person = *self.people.entry(viewer.clone()).or_insert_with(|| {
            self.names.push(viewer.clone());
            self.names.len() as u32 - 1
        });
        self.devices.push(Device { person, connected: false, ops: BTreeMap::new(), screen: Screen::default() });
        Seat(self.devices.len() - 1)
    }

    /// A connection is open. With `resumed` it asked to go on from the seat's [`Ledger::point`]; else it starts anew.
    /// A caller that never reconnects need not say so: a seat that sends or receives is connected.
    pub fn connected(&mut self, seat: Seat, resumed: bool) {
        let device = &mut self.devices[seat.0];
        device.connected = true;
        if !resumed {
            device.screen.clear();
        }
    }

    /// Where the seat's view stands: what a new connection would resume from.
    pub fn point(&self, seat: Seat) -> Option<Point> {
        self.devices[seat.0].screen.point
    }

    /// The connection ended: what waits for an answer may have taken effect or not, now or later.
    pub fn connection_lost(&mut self, seat: Seat) {
        let device = &mut self.devices[seat.0];
        device.connected = false;
        for op in device.ops.values_mut().filter(|op| op.waiting > 0) {
            op.waiting = 0;
            op.tainted = true;
            if op.fate == Fate::Open {
                op.fate = Fate::Unknown;
                if let Some(number) = op.number {
                    self.comments.written[number].fate = Fate::Unknown;
                }
            }
        }
    }

    /// Something is about to be sent with a ref: to be called before the first byte leaves, at every attempt.
    pub fn sent(&mut self, seat: Seat, reference: &Ref, what: What, now_ms: u64) {
        self.turn += 1;
        let device = &mut self.devices[seat.0];
        device.connected = true;
        if let Some(op) = device.ops.get_mut(reference)
            && op.what == what
        {
            self.totals.resent += 1;
            if op.waiting == 0 {
                op.waiting_since_ms = now_ms;
            }
            op.waiting += 1;
            if op.fate == Fate::Refused {
                tally(&mut self.totals, op.kind()).refused -= 1;
                may_happen(&mut self.comments, device.person, &op.what);
            }
            if op.fate != Fate::Acknowledged {
                op.fate = Fate::Open;
                if let Some(number) = op.number {
                    self.comments.written[number].fate = Fate::Open;
                }
            }
            return;
        }
        let number = match &what {
            What::Comment { body } => Some(self.comments.write(device.person, body, self.turn)),
            _ => None,
        };
        may_happen(&mut self.comments, device.person, &what);
        let reuses = device.ops.contains_key(reference);
        let op = Op { what, number, fate: Fate::Open, waiting: 1, reuses, tainted: false, waiting_since_ms: now_ms };
        tally(&mut self.totals, op.kind()).sent += 1;
        device.ops.insert(reference.clone(), op);
    }

    /// How many sendings wait for an answer on open connections.
    pub fn waiting(&self) -> usize {
        let open = self.devices.iter().filter(|device| device.connected);
        open.map(|device| device.ops.values().filter(|op| op.waiting > 0).count()).sum()
    }

    /// What was broken so far, by the order of first examples.
    pub fn violations(&self) -> &[Finding] {
        self.findings.list()
    }

    /// The ledger in figures.
    pub fn report(&self) -> Report {
        let mut report = self.totals.clone();
        for tally in
            [&mut report.comments, &mut report.likes, &mut report.unlikes, &mut report.deletes, &mut report.pins]
        {
            tally.unknown = tally.sent - tally.acknowledged - tally.refused;
        }
        report.withheld_most = self.devices.iter().map(|device| device.screen.withheld).max().unwrap_or(0);
        report.violations = self.findings.list().to_vec();
        report
    }

    /// Who an author is to this crowd.
    pub(crate) fn author(&self, viewer: &ViewerId) -> Author {
        match self.people.get(viewer) {
            Some(person) => Author::Own(*person),
            None if !self.config.foreign_comments => Author::Impossible,
            None => match &self.config.own_prefix {
                Some(prefix) if viewer.as_str().starts_with(prefix.as_str()) => Author::Impossible,
                _ => Author::Foreign,
            },
        }
    }

    fn name(&self, seat: Seat) -> &ViewerId {
        &self.names[self.devices[seat.0].person as usize]
    }

    fn count_refusal(&mut self, code: Code) {
        *self.totals.refusals.entry(code.as_str()).or_default() += 1;
    }
}

/// A sending may take effect from now on.
fn may_happen(comments: &mut Comments, person: u32, what: &What) {
    match what {
        What::Like { id, register } => comments.dossier(*id).registers.sent(person, register.to_bits()),
        What::Delete { id } => comments.dossier(*id).may_delete += 1,
        What::Comment { .. } | What::Pin { .. } => {}
    }
}

/// A sending certainly had no effect.
fn cannot_happen(comments: &mut Comments, person: u32, what: &What) {
    match what {
        What::Like { id, register } => comments.dossier(*id).registers.refused(person, register.to_bits()),
        What::Delete { id } => {
            let dossier = comments.dossier(*id);
            dossier.may_delete = dossier.may_delete.saturating_sub(1);
        }
        What::Comment { .. } | What::Pin { .. } => {}
    }
}

fn tally(report: &mut Report, kind: Kind) -> &mut Tally {
    match kind {
        Kind::Comment => &mut report.comments,
        Kind::Like => &mut report.likes,
        Kind::Unlike => &mut report.unlikes,
        Kind::Delete => &mut report.deletes,
        Kind::Pin => &mut report.pins,
    }
}
