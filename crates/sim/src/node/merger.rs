//! The merger's driver in the simulator: a standby, or the root.
//!
//! Between the machine and the simulated links, leases and map. Invariant: stream epochs are reserved in the map before
//! they are given, and only by its root, unless a bug is planted.

use watershed_link::Sent;
use watershed_merger::{Config, Input, Merger as Machine, Output};
use watershed_placement::{Duty, duty};
use watershed_protocol::{
    Epoch, Millis, Mutant, NodeName, Role, Snapshot, StreamId,
    peer::{self, PeerId, feed::ToFeed, report::ToMerger},
};

use super::Driver;
use crate::{
    event::NodeEvent,
    links::{Links, Told},
    outside::Outside,
    time::Moment,
    troubles::Trouble,
};

/// Few, so that a run asks for more.
const EPOCHS_PER_BLOCK: u64 = 150;
/// How often it beats its lease and looks at the others', as `watershed` does.
const BEAT_MS: u64 = 250;
const LOOK_MS: u64 = 100;

/// One process.
#[derive(Debug)]
pub(crate) struct Merger {
    me: usize,
    name: NodeName,
    links: Links,
    /// While it is the root, or thinks so.
    term: Option<Term>,
    beat_at: Millis,
    look_at: Millis,
}

#[derive(Debug)]
struct Term {
    epoch: Epoch,
    machine: Machine,
}

impl Merger {
    pub(crate) fn start(outside: &mut Outside, me: usize, life: u64) -> Self {
        let links = Links::new(outside, me, life);
        let now = links.clock.now(outside.now());
        outside.beat(me);
        Self { me, name: outside.places[me].name.clone(), links, term: None, beat_at: now, look_at: now }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let machine = self.term.as_ref().and_then(|term| term.machine.deadline());
        let at = [machine, self.links.deadline(), Some(self.look_at)].into_iter().flatten().min();
        at.map(|at| self.links.clock.moment_of(at))
    }

    pub(crate) fn snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        self.term.as_ref()?.machine.snapshot(stream)
    }

    fn held(&self) -> Option<Epoch> {
        self.term.as_ref().map(|term| term.epoch)
    }

    /// Looks at the map and at who lives, and does its duty.
    fn look(&mut self, outside: &mut Outside) {
        match duty(outside.map(), &self.name, self.held(), |root| outside.lives(root)) {
            Duty::Lead => {}
            Duty::StandBy => self.step_down(outside),
            Duty::Claim => {
                self.step_down(outside);
                self.claim(outside);
            }
        }
    }

    fn claim(&mut self, outside: &mut Outside) {
        if self.term.is_some() {
            return;
        }
        let (name, seen) = (self.name.clone(), outside.map().root_epoch());
        let mut claimed = None;
        let map = outside.update_map(|map| {
            claimed = map.claim_root(&name, seen).and_then(|epoch| {
                let epochs = map.reserve_stream_epochs(epoch, EPOCHS_PER_BLOCK)?;
                Some((epoch, epochs))
            });
        });
        let Some((epoch, epochs)) = claimed else { return };
        if seen > Epoch::ZERO {
            outside.troubles.count(Trouble::RootReplaced);
        }
        outside.note(format_args!("node {} is the root of epoch {epoch}", self.me));
        self.links.root_epoch = epoch;
        self.term = Some(Term { epoch, machine: Machine::new(Config::new(name), map, epochs) });
    }

    /// Another is the root: nothing of this term is said any more.
    fn step_down(&mut self, outside: &mut Outside) {
        if Mutant::ReplacedObeyed.lives() || self.term.take().is_none() {
            return;
        }
        outside.note(format_args!("node {} stands by", self.me));
        self.links.root_epoch = Epoch::ZERO;
        let told = self.links.hang_up_all(outside);
        told.into_iter().for_each(|told| self.told(outside, told));
    }

    /// A point may be of a later root's, which this one would call unknown: it answers only while the map names it.
    fn may_answer(&self, outside: &Outside, message: &ToFeed) -> bool {
        let blindly = Mutant::ReplacedObeyed.lives() || Mutant::DeniedBlindly.lives();
        blindly || !matches!(message, ToFeed::Ask { .. }) || self.held() == Some(outside.map().root_epoch())
    }

    fn reserve(&mut self, outside: &mut Outside) {
        let Some(epoch) = self.held() else { return };
        let mut reserved = None;
        outside.update_map(|map| {
            let root = if Mutant::ReplacedObeyed.lives() { map.root_epoch() } else { epoch };
            reserved = map.reserve_stream_epochs(root, EPOCHS_PER_BLOCK);
        });
        if let Some(range) = reserved {
            self.step(outside, Input::EpochsReserved(range));
        }
    }

    fn step(&mut self, outside: &mut Outside, input: Input<'_>) {
        let now = self.links.clock.now(outside.now());
        let Some(term) = &mut self.term else { return };
        let (mut outbox, mut full, mut reserves) = (Vec::new(), Vec::new(), false);
        term.machine.step(now, input, &mut outbox);
        for output in outbox {
            match output {
                Output::ToProcessor { peer, message } => {
                    self.links.send(outside, peer, peer::encode(&message));
                }
                Output::ToNodes { peers, message } => {
                    let body = peer::encode(&message);
                    for peer in peers {
                        if self.links.send(outside, peer, body.clone()) == Sent::Filled {
                            full.push(peer);
                        }
                    }
                }
                Output::ReserveEpochs => reserves = true,
                // Nobody keeps analytics here.
                Output::Counted { .. } => {}
            }
        }
        for peer in full {
            term.machine.step(now, Input::Full(peer), &mut Vec::new());
        }
        if reserves {
            self.reserve(outside);
        }
    }

    fn up(&mut self, outside: &mut Outside, (peer, role, node): (PeerId, Role, NodeName), root_epoch: Epoch) {
        match role {
            _ if self.held().is_none_or(|held| held < root_epoch && !Mutant::ReplacedObeyed.lives()) => {
                let told = self.links.hang_up(outside, peer);
                told.into_iter().for_each(|told| self.told(outside, told));
            }
            Role::Processor => self.step(outside, Input::ProcessorUp { peer, node }),
            _ => self.step(outside, Input::NodeUp { peer, node }),
        }
    }
}

impl Driver for Merger {
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    fn told(&mut self, outside: &mut Outside, told: Told) {
        match told {
            Told::Up { peer, role, node, root_epoch } => self.up(outside, (peer, role, node), root_epoch),
            Told::Message { peer, role: Role::Processor, body } => match peer::decode::<ToMerger>(&body) {
                Ok(message) => self.step(outside, Input::Processor { peer, message: &message }),
                Err(error) => outside.breaks(5, format!("the merger cannot read a report: {error}")),
            },
            Told::Message { peer, body, .. } => match peer::decode::<ToFeed>(&body) {
                Ok(message) if self.may_answer(outside, &message) => {
                    self.step(outside, Input::Node { peer, message: &message });
                }
                Ok(_) => {}
                Err(error) => outside.breaks(5, format!("the merger cannot read a message: {error}")),
            },
            Told::Room { peer, .. } => {
                if self.links.room(outside, peer) {
                    self.step(outside, Input::Room(peer));
                }
            }
            Told::Down { peer, .. } => self.step(outside, Input::Lost(peer)),
        }
    }

    fn map(&mut self, outside: &mut Outside) {
        self.look(outside);
        let map = outside.map().clone();
        self.step(outside, Input::Map(map));
    }

    fn other(&mut self, _: &mut Outside, _: NodeEvent) {}

    fn tick(&mut self, outside: &mut Outside) {
        let now = self.links.clock.now(outside.now());
        let sees = outside.sees_at(self.me).is_none();
        if self.beat_at <= now && sees {
            self.beat_at = now.plus(BEAT_MS);
            outside.beat(self.me);
        }
        if self.look_at <= now {
            self.look_at = now.plus(LOOK_MS);
            if sees {
                self.look(outside);
            }
        }
        let due = |term: &Term| term.machine.deadline().is_some_and(|at| at <= now);
        if self.term.as_ref().is_some_and(due) {
            self.step(outside, Input::Tick);
        }
    }
}
