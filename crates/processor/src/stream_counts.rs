//! What analytics are told of one stream: what became durable with one group.
//!
//! Beside the flow: counted while a group is published, put out, and forgotten. Invariant: it counts durable changes only,
//! each once, and none that is read back from the log at a start.

use watershed_protocol::Reactions;

use crate::{
    group::{Change, TapsChange},
    state::{State, liked},
};

/// What happened on one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Comments that became durable.
    pub comments: u64,
    /// Registers that became "likes it".
    pub likes: u64,
    /// Registers that were "likes it" and no longer are.
    pub unlikes: u64,
    /// Taps, of whatever kind.
    pub reactions: u64,
}

impl StreamCounts {
    /// What one change is, once it is durable.
    pub(crate) fn of(change: &Change, state: &State) -> Self {
        let none = Self::default();
        match change {
            // Of a spread comment each part has a header, and only its home the comment.
            Change::Comment { comment } => Self { comments: state.comments[*comment].part.is_home().into(), ..none },
            Change::Like { before, after, .. } => match (liked(*before), liked(*after)) {
                (false, true) => Self { likes: 1, ..none },
                (true, false) => Self { unlikes: 1, ..none },
                _ => none,
            },
            Change::Taps(taps) => Self { reactions: taps_more(taps), ..none },
            Change::Deletion { .. } | Change::Pin { .. } => none,
        }
    }

    pub(crate) fn add(&mut self, more: Self) {
        self.comments += more.comments;
        self.likes += more.likes;
        self.unlikes += more.unlikes;
        self.reactions += more.reactions;
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn taps_more(taps: &TapsChange) -> u64 {
    let sum = |reactions: &Reactions| reactions.values().fold(0, |sum: u64, count| sum.saturating_add(*count));
    sum(&taps.after).saturating_sub(taps.before.as_ref().map_or(0, sum))
}
