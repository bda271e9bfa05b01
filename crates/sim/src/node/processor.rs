//! The write processor's driver in the simulator.
//!
//! Between the machine and the simulated links and disk. Invariant: as in production, the machine is told that a group is
//! durable only after its sync, unless a bug is planted.

use watershed_ledger::{Durable, Hop};
use watershed_link::Sent;
use watershed_log::AppendError;
use watershed_placement::Following;
use watershed_processor::{Checkpoint, Config, Input, Output, Processor as Machine};
use watershed_protocol::{
    Millis, Mutant, Role,
    peer::{
        self, PeerId,
        report::{FromMerger, TallyRow},
        uplink::{FromProcessor, ToProcessor},
    },
};

use super::Driver;
use crate::{
    event::{Event, NodeEvent},
    links::{Links, Told},
    outside::Outside,
    owner::Owner,
    time::Moment,
    troubles::Trouble,
};

/// One process.
#[derive(Debug)]
pub(crate) struct Processor {
    me: usize,
    life: u64,
    links: Links,
    following: Following,
    machine: Machine,
    /// What is checked of its answers.
    owner: Owner,
    /// Bytes of the log at the last checkpoint, and after how many more the next is made.
    saved_bytes: u64,
    save_after_bytes: u64,
}

impl Processor {
    pub(crate) fn start(outside: &mut Outside, me: usize, life: u64) -> Result<Self, String> {
        let name = outside.places[me].name.clone();
        let mut config = Config::new(name.clone());
        config.trace_tallies = true;
        // Every other process has room for some of the likes only, so that pages come and go all the time.
        if outside.random.bool() {
            config.registers_bytes_max = outside.random.usize(64..2_048);
        }
        let mut machine = Machine::new(config);
        let recovered = outside.disks[me].open(&mut machine)?;
        if recovered.cut.is_some() {
            outside.troubles.count(Trouble::TailCut);
        }
        let map = outside.update_map(|map| {
            map.claim(&name);
        });
        let mut links = Links::new(outside, me, life);
        let following = Following::new(&map);
        machine.start(links.clock.now(outside.now()), map);
        links.clock.recover(machine.hybrid());
        outside.note(format_args!("processor {me} has replayed {} records", recovered.replayed));
        outside.durable.extend(machine.tallies().map(durable));
        let owner = Owner::claim(outside, me, life);
        let save_after_bytes = outside.random.u64(500..10_000);
        let mut processor = Self { me, life, links, following, machine, owner, saved_bytes: 0, save_after_bytes };
        processor.map(outside);
        Ok(processor)
    }

    pub(crate) fn deadline(&self) -> Option<Moment> {
        let at: Option<Millis> = [self.machine.deadline(), self.links.deadline()].into_iter().flatten().min();
        at.map(|at| self.links.clock.moment_of(at))
    }

    fn step(&mut self, outside: &mut Outside, input: Input<'_>) {
        let now = self.links.clock.now(outside.now());
        let mut outbox = Vec::new();
        self.machine.step(now, Input::Heard(self.links.clock.hybrid(outside.now())), &mut outbox);
        self.owner.hears(outside, &input);
        self.machine.step(now, input, &mut outbox);
        outside.judge(self.me, self.hop().check());
        self.links.clock.recover(self.machine.hybrid());
        let (mut merger_full, mut early) = (false, None);
        for output in outbox {
            match output {
                Output::Append { group, sections } => {
                    let event = match outside.disks[self.me].append(&sections) {
                        Ok(_) => {
                            early = Mutant::AnsweredBeforeSync.lives().then_some(group);
                            NodeEvent::Synced { group }
                        }
                        Err(AppendError::Full) => {
                            outside.troubles.count(Trouble::GroupRefused);
                            NodeEvent::Full { group }
                        }
                        // Nothing is answered any more.
                        Err(error) => return self.exit(outside, &error.to_string()),
                    };
                    let after_us = outside.sync_us(self.me);
                    let (node, life) = (self.me, self.life);
                    outside.agenda.in_us(after_us, Event::Node { node, life, event });
                }
                Output::Answer { peer, batch } => {
                    self.owner.answers(outside, peer, &batch);
                    self.send(outside, peer, &FromProcessor::Answers(batch));
                }
                Output::Reply { peer, number, reply } => {
                    self.send(outside, peer, &FromProcessor::Reply { number, reply });
                }
                Output::Report(report) => {
                    if let Some(peer) = self.following.peer() {
                        merger_full |= self.links.send(outside, peer, peer::encode(&report)) == Sent::Filled;
                    }
                }
                Output::Save(rows) => {
                    outside.disks[self.me].store.put(rows);
                    self.store_later(outside, None);
                }
                Output::Checkpoint(checkpoint) => self.store_later(outside, Some(Box::new(checkpoint))),
                Output::Load { load, keyspace, key } => {
                    let (node, life, row) = (self.me, self.life, Box::new((keyspace, key)));
                    let after_us = outside.random.u64(50..20_000);
                    outside.agenda.in_us(after_us, Event::Node { node, life, event: NodeEvent::Loaded { load, row } });
                }
                Output::Durable(row) => outside.durable.push(durable(row)),
                // Nobody keeps analytics here.
                Output::Counted { .. } => {}
            }
        }
        if merger_full {
            self.machine.step(now, Input::MergerFull, &mut Vec::new());
        }
        if let Some(group) = early {
            self.step(outside, Input::Durable { group });
        }
    }

    /// The machine's books.
    fn hop(&self) -> Hop {
        let counters = self.machine.counters();
        Hop {
            accepted: counters.writes_in,
            acknowledged: counters.answers - counters.refused - counters.moved,
            refused: counters.refused + counters.moved,
            in_flight: counters.waiting,
            abandoned: counters.abandoned,
        }
    }

    /// The log has failed: the process ends. Whether it may have, the disk knows.
    fn exit(&mut self, outside: &mut Outside, why: &str) {
        outside.note(format_args!("processor {} ends: {why}", self.me));
        if outside.disks[self.me].has_failed() {
            outside.troubles.count(Trouble::SyncFailed);
        } else {
            outside.breaks(1, format!("processor {}: {why}", self.me));
        }
        outside.exits.push(self.me);
    }

    /// The store works for a while. Where there is no room, it says so.
    fn store_later(&mut self, outside: &mut Outside, checkpoint: Option<Box<Checkpoint>>) {
        let (node, life, taken) = (self.me, self.life, !outside.disks[self.me].full);
        let after_us = outside.random.u64(500..50_000);
        outside.agenda.in_us(after_us, Event::Node { node, life, event: NodeEvent::Saved { taken, checkpoint } });
    }

    /// A checkpoint is made when the log has grown enough since the last.
    fn save(&mut self, outside: &mut Outside) {
        let (position, bytes) = outside.disks[self.me].durable();
        if bytes - self.saved_bytes >= self.save_after_bytes || self.machine.wants_saving() {
            self.saved_bytes = bytes;
            self.step(outside, Input::Save { position });
        }
    }

    fn send(&mut self, outside: &mut Outside, peer: PeerId, message: &FromProcessor) {
        // What is held makes no difference to this machine: answers are bounded by the writes that ask for them.
        self.links.send(outside, peer, peer::encode(message));
    }

    fn message(&mut self, outside: &mut Outside, peer: PeerId, role: Role, body: &[u8]) {
        let taken = match role {
            Role::Merger => peer::decode::<FromMerger>(body).map(|message| self.step(outside, Input::Merger(&message))),
            _ => peer::decode::<ToProcessor>(body).map(|message| match message {
                ToProcessor::Writes(batch) => self.step(outside, Input::Writes { peer, batch: &batch }),
                ToProcessor::Query { number, query } => {
                    self.step(outside, Input::Query { peer, number, query: &query });
                }
            }),
        };
        if let Err(error) = taken {
            outside.breaks(5, format!("processor {} cannot read a message: {error}", self.me));
        }
    }
}

fn durable(row: TallyRow) -> Durable {
    Durable { id: row.id, part: row.part.index(), count: row.tally.count }
}

impl Driver for Processor {
    fn links(&mut self) -> &mut Links {
        &mut self.links
    }

    fn told(&mut self, outside: &mut Outside, told: Told) {
        match told {
            Told::Up { peer, role: Role::Merger, node, root_epoch } => {
                if self.following.up(peer, &node, root_epoch) {
                    self.step(outside, Input::MergerUp(peer));
                } else {
                    let told = self.links.hang_up(outside, peer);
                    told.into_iter().for_each(|told| self.told(outside, told));
                }
            }
            Told::Up { .. } => {}
            Told::Message { peer, role: Role::Merger, .. } if !self.following.is(peer) => {}
            Told::Message { peer, role, body } => self.message(outside, peer, role, &body),
            Told::Room { peer, role } => {
                if self.links.room(outside, peer) && role == Role::Merger && self.following.is(peer) {
                    self.step(outside, Input::MergerRoom);
                }
            }
            Told::Down { peer, role: Role::Merger, .. } => {
                if self.following.lost(peer) {
                    self.step(outside, Input::MergerLost);
                }
            }
            Told::Down { peer, .. } => self.step(outside, Input::PeerLost(peer)),
        }
    }

    fn map(&mut self, outside: &mut Outside) {
        let map = outside.map().clone();
        if self.following.learn(&map).is_some() {
            self.step(outside, Input::MergerLost);
        }
        self.links.learn(&map);
        let told = self.links.follow(outside, Role::Merger, &super::root_of(&map));
        told.into_iter().for_each(|told| self.told(outside, told));
        self.step(outside, Input::Map(map));
    }

    fn other(&mut self, outside: &mut Outside, event: NodeEvent) {
        match event {
            NodeEvent::Synced { group } => {
                if let Err(why) = outside.disks[self.me].sync() {
                    return self.exit(outside, &why);
                }
                if !Mutant::AnsweredBeforeSync.lives() {
                    self.step(outside, Input::Durable { group });
                }
                self.save(outside);
            }
            NodeEvent::Saved { taken: false, .. } => self.step(outside, Input::NotSaved),
            NodeEvent::Saved { checkpoint, .. } => {
                if let Some(Err(why)) = checkpoint.map(|checkpoint| outside.disks[self.me].seal(*checkpoint)) {
                    outside.breaks(1, format!("processor {}: {why}", self.me));
                }
                self.step(outside, Input::Saved);
            }
            NodeEvent::Loaded { load, row } => {
                let (keyspace, key) = *row;
                let value = outside.disks[self.me].store.get(keyspace, &key).cloned();
                self.step(outside, Input::Loaded { load, value: value.as_deref() });
            }
            NodeEvent::Full { group } => self.step(outside, Input::Full { group }),
            _ => {}
        }
    }

    fn tick(&mut self, outside: &mut Outside) {
        let now = self.links.clock.now(outside.now());
        if self.machine.deadline().is_some_and(|at| at <= now) {
            self.step(outside, Input::Tick);
        }
        self.save(outside);
    }
}
