//! Bugs that can be planted, to see that a checker catches them: the one switch for all of them.
//!
//! A machine asks [`Mutant::lives`] at the place where it would be wrong; the simulator plants one for a run and looks
//! which invariant breaks (`make mutants`; decision 0018). Invariant: without debug assertions nothing can be planted, and
//! the question is the constant `false`: no branch of it is in a shipped binary.

use std::{fmt, str::FromStr};

/// Defines the mutants with their names.
macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A bug that can be planted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant { $($(#[$doc])* $variant,)* }

        impl Mutant {
            /// All of them, in the order of the crates that they live in.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name on command lines and in tables.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

mutants! {
    /// Comment ids are hashes of their parts without lengths, so that two sendings can have one id.
    LengthsLeftOut = "lengths-left-out",
    /// A tally is added to the one before instead of replacing it.
    TalliesAdded = "tallies-added",
    /// A merged range has `shown` and `total` of its first frame alone.
    ShownNotAdded = "shown-not-added",
    /// A merged range forgets the deletions of all frames but the first.
    DeletionLostInRange = "deletion-lost-in-range",
    /// Hybrid time is the wall clock's, also when that falls.
    ClockFalls = "clock-falls",
    /// A start does not raise the hybrid clock above what is durable.
    ClockForgets = "clock-forgets",
    /// A root that takes over is given the stream epochs of the one before.
    EpochsReused = "epochs-reused",
    /// A root that was replaced leads on, and whoever has a link to it believes it.
    ReplacedObeyed = "replaced-obeyed",
    /// A link does not notice that its peer has gone silent.
    SilenceIgnored = "silence-ignored",
    /// Groups are called durable that were never synced.
    SyncSkipped = "sync-skipped",
    /// A start copies the end of its log and does not sync the copy.
    TailNotSynced = "tail-not-synced",
    /// The body of a record is taken whatever its checksum says.
    ChecksumIgnored = "checksum-ignored",
    /// Whatever does not read is cut off as a torn tail, though later records prove that it was durable.
    DamageCut = "damage-cut",
    /// Answers leave when their group is written, before it is synced.
    AnsweredBeforeSync = "answered-before-sync",
    /// A write that changed nothing is answered at once, though what it read is not durable.
    NoOpAnsweredEarly = "no-op-answered-early",
    /// An owner takes writes that were addressed to another ownership of the slot.
    EpochUnchecked = "epoch-unchecked",
    /// An owner that was fenced off answers what waited.
    FencedAnswers = "fenced-answers",
    /// An unlike of somebody who never liked changes the count.
    UnknownUnlikeCounted = "unknown-unlike-counted",
    /// Nobody looks whether a comment's id is known.
    RepeatStored = "repeat-stored",
    /// Nobody looks whether a comment is of the stream that the write names.
    OtherStreamTaken = "other-stream-taken",
    /// At equal stamps the like wins.
    LikeWinsTies = "like-wins-ties",
    /// A checkpoint leaves out the pages of registers.
    PageLost = "page-lost",
    /// A checkpoint is called made, and the log cut behind it, before its rows are in the store.
    CheckpointBeforeRows = "checkpoint-before-rows",
    /// An owner that is opened again does not tell of deletions meanwhile.
    DeletionNotResent = "deletion-not-resent",
    /// The registers of a group that the disk refused stay.
    RefusedKept = "refused-kept",
    /// A snapshot does not say that owners are missing in it.
    PartialUnsaid = "partial-unsaid",
    /// The root does not tell of deletions.
    DeletionUntold = "deletion-untold",
    /// The root does not tell that a count has changed.
    CountUntold = "count-untold",
    /// The root counts the ordinals of each frame's comments from the first again.
    OrdinalsGivenAgain = "ordinals-given-again",
    /// A root calls a point unknown without looking whether another, which may know it, has taken its place.
    DeniedBlindly = "denied-blindly",
    /// A viewer whose resume point is ahead of its node gets a snapshot of what the node has.
    SentBack = "sent-back",
    /// Viewers that resume get what comes from then on, and nothing of what they missed.
    MissedForgotten = "missed-forgotten",
    /// A node forgets the writes that were unanswered when a link was lost.
    UnansweredForgotten = "unanswered-forgotten",
    /// A node takes what it sent on a link that was then lost for never sent, and so refuses it.
    SentForgotten = "sent-forgotten",
    /// A range that was encoded for one viewer is sent to the next one, though frames have come since.
    OldRangeSent = "old-range-sent",
    /// A node below that subscribes with what it has gets what comes from then on, and nothing of what it missed.
    MissedBelow = "missed-below",
    /// A node calls a point of a node below unknown that it does not have itself, without asking above.
    DeniedBelow = "denied-below",
}

/// No mutant has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mutant")]
pub struct UnknownMutant(String);

impl FromStr for Mutant {
    type Err = UnknownMutant;

    fn from_str(name: &str) -> Result<Self, UnknownMutant> {
        let known = Self::ALL.iter().find(|mutant| mutant.name() == name);
        known.copied().ok_or_else(|| UnknownMutant(name.into()))
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(not(debug_assertions))]
impl Mutant {
    /// Whether this bug is planted: never in a build without debug assertions.
    #[inline(always)]
    pub const fn lives(self) -> bool {
        false
    }
}

#[cfg(debug_assertions)]
mod planting {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        /// A simulated cluster has one thread, and several run beside each other.
        static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// A planted bug. It is gone when this is dropped.
    #[derive(Debug)]
    #[must_use]
    pub struct Planted(());

    impl Mutant {
        /// Whether this bug is planted on this thread.
        #[inline]
        pub fn lives(self) -> bool {
            PLANTED.get() == Some(self)
        }

        /// Plants this bug on this thread, in place of any other.
        pub fn plant(self) -> Planted {
            PLANTED.set(Some(self));
            Planted(())
        }
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }
}

#[cfg(debug_assertions)]
pub use planting::Planted;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own() {
        for mutant in Mutant::ALL {
            assert_eq!(mutant.name().parse(), Ok(*mutant));
        }
    }

    #[test]
    #[cfg(debug_assertions)]
    fn one_mutant_lives_until_its_guard_is_dropped() {
        let planted = Mutant::SyncSkipped.plant();
        assert!(Mutant::SyncSkipped.lives() && !Mutant::TalliesAdded.lives());
        drop(planted);
        assert!(!Mutant::SyncSkipped.lives());
    }
}
