//! What goes wrong in a run, and when.
//!
//! Drawn from the seed before the run begins; `world/strike.rs` makes it happen. Invariant: everything is over before the
//! end that the run allows for, so that what must hold when all is quiet can be asked for.

use watershed_protocol::Role;

use crate::{outside::Outside, time::Moment};

/// When faults may begin, and when the last must have begun. None lasts longer than [`LONGEST_MS`].
const FIRST_MS: u64 = 2_000;
const LAST_MS: u64 = 22_000;
const LONGEST_MS: u64 = 7_000;

/// An hour: further ahead than any stamp, report or heartbeat is believed.
const HOUR_MS: i64 = 3_600_000;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A process dies, and starts again after a while. With the power gone, its disk loses what was not synced and nobody
    /// is told.
    Kill { node: usize, power: bool, down_ms: u64 },
    /// A process is held up, and then goes on as if nothing had been.
    Pause { node: usize, ms: u64 },
    /// The process that is the root then dies; a standby has its place until it starts again, and after it.
    KillRoot { power: bool, down_ms: u64 },
    /// The process that is the root then is held up, and goes on as if it still were.
    PauseRoot { ms: u64 },
    /// A node cannot reach the state directory: it does not beat its lease, and knows only the map that it has read. All
    /// else of it goes on.
    Blind { node: usize, ms: u64 },
    /// The same for the process that is the root then: it is replaced while it works.
    BlindRoot { ms: u64 },
    /// A processor's slots are claimed anew, as by a second start of it, while it runs. It starts again after a while.
    Depose { node: usize, ms: u64 },
    /// One link between nodes breaks.
    Cut,
    /// Bytes of one link come twice.
    Repeat,
    /// Two nodes cannot reach each other.
    Part { a: usize, b: usize, ms: u64 },
    /// All that two nodes say to each other takes longer and goes through a narrow pipe.
    Slow { a: usize, b: usize, ms: u64, delay_ms: u64, bytes_per_ms: u64 },
    /// A disk takes a second for a sync.
    SlowDisk { node: usize, ms: u64 },
    /// A disk has no room for more.
    FullDisk { node: usize, ms: u64 },
    /// It has room again.
    RoomAgain { node: usize },
    /// The next sync of a disk fails: nobody knows what of it is durable.
    FailSync { node: usize },
    /// A processor's machine goes down, and a bit of what its log had synced flips. An operator repairs it after a while.
    Damage { node: usize, ms: u64 },
    /// The bit is flipped back, and the processor started.
    Repair { node: usize },
    /// A machine's wall clock jumps. A process reads it at its next start.
    Jump { node: usize, by_ms: i64 },
    /// A viewer goes, and comes back.
    Leave { viewer: usize },
    /// A viewer's connection goes dead without a word.
    Freeze { viewer: usize },
}

/// What a run's faults are drawn from.
struct Draw<'a> {
    random: &'a mut fastrand::Rng,
    nodes: usize,
    broadcast: Vec<usize>,
    processors: Vec<usize>,
    inner_links: Vec<(usize, usize)>,
    viewers: usize,
}

/// Draws the faults of a run.
pub(crate) fn plan(outside: &Outside, random: &mut fastrand::Rng, viewers: usize) -> Vec<(Moment, Fault)> {
    let nodes = outside.places.len();
    let (broadcast, processors) = (outside.of_role(Role::Broadcast), outside.of_role(Role::Processor));
    let inner_links = outside.inner_links();
    let mut draw = Draw { random, nodes, broadcast, processors, inner_links, viewers };
    let count = draw.random.usize(8..28);
    let mut faults: Vec<(Moment, Fault)> = (0..count)
        .map(|_| {
            let at = Moment::of_ms(draw.random.u64(FIRST_MS..LAST_MS));
            (at, draw.fault())
        })
        .collect();
    let consequences: Vec<_> = faults.iter().flat_map(|(at, fault)| draw.consequences(*at, fault)).collect();
    faults.extend(consequences);
    if !draw.inner_links.is_empty() {
        let count = draw.random.usize(1..6);
        faults.extend((0..count).map(|_| (Moment::of_ms(draw.random.u64(FIRST_MS..LAST_MS)), draw.inner_fault())));
    }
    faults
}

impl Draw<'_> {
    fn ms(&mut self, from: u64) -> u64 {
        self.random.u64(from..LONGEST_MS)
    }

    fn processor(&mut self) -> usize {
        self.processors[self.random.usize(..self.processors.len())]
    }

    fn fault(&mut self) -> Fault {
        let node = self.random.usize(..self.nodes);
        let (a, b) = (node, (node + self.random.usize(1..self.nodes)) % self.nodes);
        match self.random.u8(..41) {
            0..=6 => Fault::Kill { node, power: self.random.bool(), down_ms: self.ms(50) },
            7..=8 => Fault::Pause { node, ms: self.random.u64(100..4_000) },
            9..=10 => Fault::KillRoot { power: self.random.bool(), down_ms: self.random.u64(50..3_000) },
            11..=12 => Fault::PauseRoot { ms: self.random.u64(100..4_000) },
            13..=14 => Fault::Blind { node, ms: self.ms(500) },
            15..=16 => Fault::BlindRoot { ms: self.ms(500) },
            17 => Fault::Depose { node: self.processor(), ms: self.random.u64(100..3_000) },
            18..=19 => Fault::Cut,
            20 => Fault::Repeat,
            21..=22 => Fault::Part { a, b, ms: self.ms(200) },
            23..=25 => {
                let (delay_ms, bytes_per_ms) = (self.random.u64(0..400), [1, 5, 50][self.random.usize(..3)]);
                Fault::Slow { a, b, ms: self.ms(500), delay_ms, bytes_per_ms }
            }
            26..=27 => Fault::SlowDisk { node: self.processor(), ms: self.random.u64(500..3_000) },
            28..=30 => Fault::FullDisk { node: self.processor(), ms: self.random.u64(200..2_000) },
            31..=32 => Fault::FailSync { node: self.processor() },
            33 => Fault::Damage { node: self.processor(), ms: self.random.u64(500..4_000) },
            34..=36 => Fault::Jump { node, by_ms: self.jump_ms() },
            37..=38 => Fault::Leave { viewer: self.random.usize(..self.viewers) },
            _ => Fault::Freeze { viewer: self.random.usize(..self.viewers) },
        }
    }

    /// Something that goes wrong where a broadcast node feeds another.
    fn inner_fault(&mut self) -> Fault {
        let (node, below) = self.inner_links[self.random.usize(..self.inner_links.len())];
        match self.random.u8(..8) {
            0..=2 => Fault::Kill { node, power: self.random.bool(), down_ms: self.ms(50) },
            3 => Fault::Pause { node, ms: self.random.u64(100..4_000) },
            4..=5 => Fault::Part { a: node, b: below, ms: self.ms(200) },
            _ => {
                let (delay_ms, bytes_per_ms) = (self.random.u64(0..400), [1, 5, 50][self.random.usize(..3)]);
                Fault::Slow { a: node, b: below, ms: self.ms(500), delay_ms, bytes_per_ms }
            }
        }
    }

    /// Mostly what a machine's clock is off by when it is set right; now and then it is set wrong.
    fn jump_ms(&mut self) -> i64 {
        let reach_ms = [900, 5_000, 50_000, HOUR_MS][self.random.usize(..4)];
        self.random.i64(-reach_ms..=reach_ms)
    }

    /// What follows from a fault, or makes it worse.
    fn consequences(&mut self, at: Moment, fault: &Fault) -> Vec<(Moment, Fault)> {
        let mut follows = Vec::new();
        match *fault {
            // What was refused must be forgotten: a start knows only what was not.
            Fault::FullDisk { node, ms } => {
                let (after_ms, power, down_ms) = (self.random.u64(1..3_000), false, self.random.u64(50..1_000));
                follows.push((at.plus_ms(ms), Fault::RoomAgain { node }));
                follows.push((at.plus_ms(ms + after_ms), Fault::Kill { node, power, down_ms }));
            }
            Fault::Damage { node, ms } => follows.push((at.plus_ms(ms), Fault::Repair { node })),
            // A power cut while a sync is under way is where answers that left too early are lost. Without one, what was
            // never answered is there: whoever was sent it must not have been taken for one who was not.
            Fault::SlowDisk { node, ms } if self.random.u8(..3) > 0 => {
                let (after_ms, power, down_ms) = (self.random.u64(50..ms), self.random.bool(), self.ms(50));
                follows.push((at.plus_ms(after_ms), Fault::Kill { node, power, down_ms }));
            }
            // Then answers wait that an owner which is fenced off may not give.
            Fault::SlowDisk { node, ms } => {
                let (after_ms, deposed_ms) = (self.random.u64(0..ms / 2), self.random.u64(1_000..3_000));
                follows.push((at.plus_ms(after_ms), Fault::Depose { node, ms: deposed_ms }));
            }
            // Soon after the next start: then all that it has read must be durable.
            Fault::FailSync { node } if self.random.bool() => {
                let (after_ms, down_ms) = (self.random.u64(50..3_000), self.random.u64(50..1_000));
                follows.push((at.plus_ms(after_ms), Fault::Kill { node, power: true, down_ms }));
            }
            // Only a start reads the wall clock.
            Fault::Jump { node, .. } if self.random.u8(..4) > 0 => {
                let (after_ms, power, down_ms) = (self.random.u64(0..200), false, self.random.u64(50..1_000));
                follows.push((at.plus_ms(after_ms), Fault::Kill { node, power, down_ms }));
            }
            // Viewers that come from the new root's nodes to one that still follows the old one must not be sent back.
            Fault::BlindRoot { ms } if self.random.bool() => {
                let node = self.broadcast[self.random.usize(..self.broadcast.len())];
                follows.push((at, Fault::Blind { node, ms }));
                for viewer in (0..self.viewers).step_by(3) {
                    follows.push((at.plus_ms(self.random.u64(0..ms)), Fault::Leave { viewer }));
                }
            }
            _ => {}
        }
        follows
    }
}
