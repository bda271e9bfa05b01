//! What went wrong in a run, counted: a fault that never happens proves nothing.
//!
//! Written where a fault takes effect, not where it is drawn; summed up over all seeds by whoever runs them. Invariant:
//! counting changes nothing of a run.

use std::ops::AddAssign;

/// Defines the troubles with their names.
macro_rules! troubles {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// Something that goes wrong, or that follows from it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Trouble { $($(#[$doc])* $variant,)* }

        impl Trouble {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in summaries.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

troubles! {
    /// A process died, and nothing else.
    Killed = "processes killed",
    /// A process died with the power of its machine.
    PowerCut = "power cuts",
    /// A process was held up, and went on.
    Paused = "processes held up",
    /// A merger took the place of another as the root.
    RootReplaced = "roots replaced",
    /// A node could neither beat its lease nor read the map.
    Blinded = "nodes without the map",
    /// A processor's slots were claimed anew while it ran.
    Deposed = "owners deposed",
    /// A broadcast node died that others feed from.
    MiddleKilled = "feeding nodes killed",
    /// A node took its frames from a node above from then on.
    FedFromAbove = "times fed from above",
    /// A link broke.
    LinkCut = "links cut",
    /// Bytes came twice on a link.
    BytesRepeated = "bytes repeated",
    /// Two nodes could not reach each other.
    Parted = "partitions",
    /// A link took its time for each byte, and its queue grew.
    LinkSlowed = "links slowed",
    /// Syncs took seconds.
    DiskSlowed = "disks slowed",
    /// A group was refused because the disk was full.
    GroupRefused = "groups refused by full disks",
    /// A sync failed, and the process ended.
    SyncFailed = "syncs failed",
    /// A start found the end of the log torn, and cut it.
    TailCut = "torn tails cut",
    /// A start was refused because what had been synced was damaged.
    DamageRefused = "damaged logs refused",
    /// A bit was flipped where the log keeps nothing.
    DamageHarmless = "damage beside the log",
    /// A machine's wall clock jumped ahead.
    ClockAhead = "clocks set ahead",
    /// A machine's wall clock jumped back.
    ClockBack = "clocks set back",
    /// A peer's time was ignored, being too far ahead.
    SkewAlarm = "skew alarms",
    /// A viewer hung up.
    ViewerLeft = "viewers left",
    /// A viewer's connection went dead without a word.
    ViewerFrozen = "viewers' connections frozen",
}

/// How often each trouble happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Troubles([u64; Trouble::ALL.len()]);

impl Troubles {
    pub(crate) fn count(&mut self, trouble: Trouble) {
        self.0[trouble as usize] += 1;
    }

    /// How often this one happened.
    pub fn of(&self, trouble: Trouble) -> u64 {
        self.0[trouble as usize]
    }
}

impl AddAssign for Troubles {
    fn add_assign(&mut self, other: Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }
}
