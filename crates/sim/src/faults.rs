//! What goes wrong in a run, and when.
//!
//! Drawn from the seed before the run begins. Invariant: everything is over before the end that the run allows for, so
//! that what must hold when all is quiet can be asked for.

use watershed_protocol::Role;

use crate::{outside::Outside, time::Moment};

/// When faults may begin, and when the last must be over.
const FIRST_MS: u64 = 2_000;
const LAST_MS: u64 = 22_000;

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
    /// One link between nodes breaks.
    Cut,
    /// Bytes of one link come twice.
    Repeat,
    /// Two nodes cannot reach each other.
    Part { a: usize, b: usize, ms: u64 },
    /// A disk takes a second for a sync.
    SlowDisk { node: usize, ms: u64 },
    /// A disk has no room for more.
    FullDisk { node: usize, ms: u64 },
    /// It has room again.
    RoomAgain { node: usize },
    /// A viewer goes, and comes back.
    Leave { viewer: usize },
    /// A viewer's connection goes dead without a word.
    Freeze { viewer: usize },
}

/// Draws the faults of a run.
pub(crate) fn plan(outside: &Outside, random: &mut fastrand::Rng, viewers: usize) -> Vec<(Moment, Fault)> {
    let nodes = outside.places.len();
    let (broadcast, processors) = (outside.of_role(Role::Broadcast), outside.of_role(Role::Processor));
    let count = random.usize(6..22);
    let mut faults: Vec<(Moment, Fault)> = (0..count)
        .map(|_| {
            let node = random.usize(..nodes);
            let other = (node + random.usize(1..nodes)) % nodes;
            let disk = processors[random.usize(..processors.len())];
            let fault = match random.u8(..28) {
                0..=5 => Fault::Kill { node, power: random.bool(), down_ms: random.u64(50..3_000) },
                6..=7 => Fault::Pause { node, ms: random.u64(100..4_000) },
                8..=9 => Fault::Cut,
                10 => Fault::Repeat,
                11..=12 => Fault::Part { a: node, b: other, ms: random.u64(200..5_000) },
                13..=14 => Fault::SlowDisk { node: disk, ms: random.u64(500..3_000) },
                15 => Fault::FullDisk { node: disk, ms: random.u64(200..2_000) },
                16..=17 => Fault::KillRoot { power: random.bool(), down_ms: random.u64(50..3_000) },
                18..=19 => Fault::PauseRoot { ms: random.u64(100..4_000) },
                20..=21 => Fault::Blind { node, ms: random.u64(500..5_000) },
                22..=23 => Fault::BlindRoot { ms: random.u64(500..5_000) },
                24..=25 => Fault::Leave { viewer: random.usize(..viewers) },
                _ => Fault::Freeze { viewer: random.usize(..viewers) },
            };
            (Moment::of_ms(random.u64(FIRST_MS..LAST_MS)), fault)
        })
        .collect();
    let mut consequences = Vec::new();
    for (at, fault) in &faults {
        match *fault {
            Fault::FullDisk { node, ms } => consequences.push((at.plus_ms(ms), Fault::RoomAgain { node })),
            // A power cut while a sync is under way is where answers that left too early are lost.
            Fault::SlowDisk { node, ms } if random.bool() => {
                let (after_ms, down_ms) = (random.u64(50..ms), random.u64(50..1_000));
                consequences.push((at.plus_ms(after_ms), Fault::Kill { node, power: true, down_ms }));
            }
            // Viewers that come from the new root's nodes to one that still follows the old one must not be sent back.
            Fault::BlindRoot { ms } if random.bool() => {
                let node = broadcast[random.usize(..broadcast.len())];
                consequences.push((*at, Fault::Blind { node, ms }));
                let leave = |viewer| (at.plus_ms(random.u64(0..ms)), Fault::Leave { viewer });
                consequences.extend((0..viewers).step_by(3).map(leave));
            }
            _ => {}
        }
    }
    faults.extend(consequences);
    faults
}
