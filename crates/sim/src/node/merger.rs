//! The root merger's driver in the simulator.
//!
//! Between the machine and the simulated links and map. Invariant: stream epochs are reserved in the map before they are
//! given, unless a bug is planted.

use watershed_link::Sent;
use watershed_merger::{Config, Input, Merger as Machine, Output};
use watershed_protocol::{
    Role, Snapshot, StreamId,
    peer::{self, feed::ToFeed, report::ToMerger},
};

use super::Driver;
use crate::{
    event::NodeEvent,
    links::{Links, Told},
    outside::{Outside, Sabotage},
    time::Moment,
};

/// Few, so that a run asks for more.
const EPOCHS_PER_BLOCK: u64 = 150;

/// One process.
#[derive(Debug)]
pub(crate) struct Merger {
    links: Links,
    machine: Machine,
}

impl Merger {
    pub(crate) fn start(outside: &mut Outside, me: usize, life: u64) -> Self {
        let name = outside.places[me].name.clone();
        let reuse = outside.sabotage == Some(Sabotage::ReuseEpochs);
        let mut epochs = 0..0;
        let map = outside.update_map(|map| {
            map.claim_root(&name);
            epochs = map.reserve_stream_epochs(EPOCHS_PER_BLOCK);
        });
        if reuse {
            epochs = 1..1 + EPOCHS_PER_BLOCK;
        }
        let machine = Machine::new(Config::new(name), map, epochs);
        Self { links: Links::new(outside, me, life), machine }
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let at = [self.machine.deadline(), self.links.deadline()].into_iter().flatten().min();
        at.map(|at| self.links.clock.moment_of(at))
    }

    pub(crate) fn snapshot(&self, stream: &StreamId) -> Option<Snapshot> {
        self.machine.snapshot(stream)
    }

    fn step(&mut self, outside: &mut Outside, input: Input<'_>) {
        let now = self.links.clock.now(outside.now());
        let (mut outbox, mut full, mut reserved) = (Vec::new(), Vec::new(), None);
        self.machine.step(now, input, &mut outbox);
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
                Output::ReserveEpochs => {
                    outside.update_map(|map| reserved = Some(map.reserve_stream_epochs(EPOCHS_PER_BLOCK)));
                }
            }
        }
        for peer in full {
            self.machine.step(now, Input::Full(peer), &mut Vec::new());
        }
        if let Some(range) = reserved {
            self.step(outside, Input::EpochsReserved(range));
        }
    }
}

impl Driver for Merger {
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    fn told(&mut self, outside: &mut Outside, told: Told) {
        match told {
            Told::Up { peer, role: Role::Processor, node } => self.step(outside, Input::ProcessorUp { peer, node }),
            Told::Up { peer, node, .. } => self.step(outside, Input::NodeUp { peer, node }),
            Told::Message { peer, role, body } => {
                let taken = match role {
                    Role::Processor => peer::decode::<ToMerger>(&body)
                        .map(|message| self.step(outside, Input::Processor { peer, message: &message })),
                    _ => peer::decode::<ToFeed>(&body)
                        .map(|message| self.step(outside, Input::Node { peer, message: &message })),
                };
                if let Err(error) = taken {
                    outside.broken.push(format!("the merger cannot read a message: {error}"));
                }
            }
            Told::Room { peer, .. } => {
                if self.links.room(outside, peer) {
                    self.step(outside, Input::Room(peer));
                }
            }
            Told::Down { peer, .. } => self.step(outside, Input::Lost(peer)),
        }
    }

    fn map(&mut self, outside: &mut Outside) {
        let map = outside.map().clone();
        self.step(outside, Input::Map(map));
    }

    fn other(&mut self, _: &mut Outside, _: NodeEvent) {}

    fn tick(&mut self, outside: &mut Outside) {
        let now = self.links.clock.now(outside.now());
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.step(outside, Input::Tick);
        }
    }
}
