//! How each fault strikes.
//!
//! Between the agenda, on which the faults of a run stand, and the parts of the world that they befall. Invariant: a fault
//! that had an effect was counted, and one that had none was not.

use std::collections::VecDeque;

use super::World;
use crate::{
    disk::Damage,
    event::Event,
    faults::Fault,
    network::{ConnId, Party},
    outside::Outside,
    owner::phantom,
    troubles::Trouble,
    viewer::Viewer,
};

/// How long a process stays down that has ended itself, or whose machine has lost its power for a moment.
const DOWN_MS: u64 = 400;

impl World {
    pub(super) fn strike(&mut self, fault: Fault) {
        self.outside.note(format_args!("{fault:?}"));
        match fault {
            Fault::Kill { node, power, down_ms } => self.kill(node, power, down_ms),
            Fault::Pause { node, ms } => self.pause(node, ms),
            Fault::KillRoot { power, down_ms } => {
                if let Some(node) = self.outside.root() {
                    self.kill(node, power, down_ms);
                }
            }
            Fault::PauseRoot { ms } => {
                if let Some(node) = self.outside.root() {
                    self.pause(node, ms);
                }
            }
            Fault::Blind { node, ms } => self.blind(node, ms),
            Fault::BlindRoot { ms } => {
                if let Some(node) = self.outside.root() {
                    self.blind(node, ms);
                }
            }
            Fault::Depose { node, ms } => self.depose(node, ms),
            Fault::Leave { viewer } => {
                self.count_if(self.viewers[viewer].conn().is_some(), Trouble::ViewerLeft);
                self.with_viewer(viewer, Viewer::drop_out);
            }
            Fault::Cut | Fault::Repeat | Fault::Part { .. } | Fault::Slow { .. } | Fault::Freeze { .. } => {
                self.strike_network(fault);
            }
            Fault::Jump { node, by_ms } => {
                self.outside.places[node].ahead_ms += by_ms;
                self.outside.troubles.count(if by_ms < 0 { Trouble::ClockBack } else { Trouble::ClockAhead });
            }
            fault => self.strike_disk(fault),
        }
    }

    fn strike_network(&mut self, fault: Fault) {
        let now = self.outside.now();
        match fault {
            Fault::Cut => {
                if let Some(link) = self.some_link() {
                    self.outside.network.cut(&mut self.outside.agenda, link);
                    self.outside.troubles.count(Trouble::LinkCut);
                }
            }
            Fault::Repeat => {
                if let Some(link) = self.some_link() {
                    self.outside.network.repeat(link);
                    self.outside.troubles.count(Trouble::BytesRepeated);
                }
            }
            Fault::Part { a, b, ms } => {
                self.outside.network.part(a, b, now.plus_ms(ms));
                self.outside.troubles.count(Trouble::Parted);
            }
            Fault::Slow { a, b, ms, delay_ms, bytes_per_ms } => {
                self.outside.network.slow(a, b, now.plus_ms(ms), delay_ms, bytes_per_ms);
                self.outside.troubles.count(Trouble::LinkSlowed);
            }
            Fault::Freeze { viewer } => {
                if let Some(conn) = self.viewers[viewer].conn() {
                    self.outside.network.freeze(conn);
                    self.outside.troubles.count(Trouble::ViewerFrozen);
                }
            }
            fault => unreachable!("{fault:?} is none of the network's"),
        }
    }

    fn strike_disk(&mut self, fault: Fault) {
        match fault {
            Fault::SlowDisk { node, ms } => {
                self.outside.slow_until[node] = self.outside.now().plus_ms(ms);
                self.outside.troubles.count(Trouble::DiskSlowed);
            }
            Fault::FullDisk { node, .. } => {
                let bytes = self.outside.random.usize(0..600);
                self.outside.disks[node].fill(bytes);
            }
            Fault::RoomAgain { node } => self.outside.disks[node].make_room(),
            Fault::FailSync { node } => self.outside.disks[node].fail_next_sync(),
            Fault::Damage { node, .. } => self.damage(node),
            Fault::Repair { node } => {
                if self.outside.disks[node].repair() {
                    self.outside.agenda.in_us(0, Event::Start(node));
                }
            }
            fault => unreachable!("{fault:?} is none of a disk's"),
        }
    }

    /// Processes that have ended themselves since this was last asked. Whoever watches over them starts them again, now
    /// and then with the power gone in between.
    pub(super) fn bury(&mut self) {
        while let Some(node) = self.outside.exits.pop() {
            let power = self.outside.random.u8(..4) == 0;
            self.kill(node, power, DOWN_MS);
        }
    }

    fn blind(&mut self, node: usize, ms: u64) {
        self.outside.blind(node, self.outside.now().plus_ms(ms));
        self.outside.troubles.count(Trouble::Blinded);
    }

    fn pause(&mut self, node: usize, ms: u64) {
        if let Some(running) = self.nodes.get_mut(&node).filter(|running| running.held.is_none()) {
            running.held = Some(VecDeque::new());
            self.outside.agenda.in_us(ms * 1_000, Event::Resume { node, life: running.life });
            self.outside.troubles.count(Trouble::Paused);
        }
    }

    /// Ends a process. The power may go where none runs, and takes what the dead one had not synced.
    fn kill(&mut self, node: usize, power: bool, down_ms: u64) {
        if self.nodes.contains_key(&node) && self.outside.feeds_others(node) {
            self.outside.troubles.count(Trouble::MiddleKilled);
        }
        let Outside { disks, random, network, agenda, alive, .. } = &mut self.outside;
        if let Some(running) = self.nodes.remove(&node) {
            alive.remove(&node);
            network.die(agenda, Party::Node { node, life: running.life }, power);
            agenda.in_us(down_ms * 1_000, Event::Start(node));
        } else if !power {
            return;
        }
        disks[node].crash(power, random);
        self.outside.troubles.count(if power { Trouble::PowerCut } else { Trouble::Killed });
    }

    /// Another start of the processor has claimed its slots, and is gone.
    fn depose(&mut self, node: usize, ms: u64) {
        let Some(running) = self.nodes.get(&node) else { return };
        let (name, life) = (self.outside.places[node].name.clone(), running.life);
        self.outside.update_map(|map| {
            map.claim(&name);
        });
        self.outside.troubles.count(Trouble::Deposed);
        self.outside.claimed(node, phantom(self.outside.troubles.of(Trouble::Deposed)));
        let end = Fault::Kill { node, power: false, down_ms: DOWN_MS };
        self.outside.note(format_args!("node {node} is deposed in its life {life}"));
        self.outside.agenda.in_us(ms * 1_000, Event::Fault(end));
    }

    /// The power goes first, so that nothing unsynced lies over the bit.
    fn damage(&mut self, node: usize) {
        if self.outside.disks[node].is_damaged() {
            return;
        }
        self.kill(node, true, DOWN_MS);
        let Outside { disks, random, .. } = &mut self.outside;
        match disks[node].damage(random) {
            Damage::Refused => {}
            Damage::Harmless => self.outside.troubles.count(Trouble::DamageHarmless),
            Damage::Taken(why) => self.outside.breaks(1, format!("the log of node {node}: {why}")),
        }
    }

    /// A node does not come up.
    pub(super) fn start_failed(&mut self, node: usize, why: String) {
        self.outside.note(format_args!("node {node} does not start: {why}"));
        let disk = &mut self.outside.disks[node];
        if disk.is_damaged() {
            // It stays down, and its slots unavailable, until somebody has repaired the log.
            self.outside.troubles.count(Trouble::DamageRefused);
        } else if disk.has_failed() {
            self.outside.troubles.count(Trouble::SyncFailed);
            self.outside.agenda.in_us(DOWN_MS * 1_000, Event::Start(node));
        } else {
            self.outside.breaks(1, format!("node {node} does not start: {why}"));
        }
    }

    fn some_link(&mut self) -> Option<ConnId> {
        let links = self.outside.network.links();
        (!links.is_empty()).then(|| links[self.outside.random.usize(..links.len())])
    }

    fn count_if(&mut self, happens: bool, trouble: Trouble) {
        if happens {
            self.outside.troubles.count(trouble);
        }
    }
}
