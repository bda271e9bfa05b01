//! One commit group: the changes that become durable together, and the answers that wait for them.
//!
//! Between `writes`, which fills it, and the log. Invariant: changes stand in the order in which they were applied, each
//! with what it replaced. So the same list makes the log's rows, makes state visible when the group is durable, and walked
//! backwards takes everything back when it was refused.

use std::collections::BTreeMap;

use watershed_log::Section;
use watershed_protocol::{
    HybridTime, Position, Reactions, Slot, ViewerKey,
    client::Refusal,
    peer::{PeerId, uplink::Reply},
};

use crate::{comments::CommentNo, registers::ViewerNo, rows::Encoder, state::State, streams::ShelfNo};

/// One effective change: one row of a slot's log, one step of its position.
#[derive(Debug)]
pub(crate) enum Change {
    /// A register was replaced.
    Like { comment: CommentNo, viewer: ViewerNo, key: ViewerKey, before: u64, after: u64 },
    /// A comment was written.
    Comment { comment: CommentNo },
    /// A comment was deleted.
    Deletion { comment: CommentNo },
    /// Something was pinned or unpinned.
    Pin { shelf: ShelfNo, time: HybridTime, comment: Option<CommentNo> },
    /// A reporter has counted more taps.
    Taps(Box<TapsChange>),
}

/// The cumulative counts of one reporter.
#[derive(Debug)]
pub(crate) struct TapsChange {
    pub(crate) shelf: ShelfNo,
    pub(crate) reporter: u64,
    pub(crate) before: Option<Reactions>,
    pub(crate) after: Reactions,
}

/// What a write is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The register as it is.
    Like(u64),
    Done,
    Refused(Refusal),
    Moved,
}

/// An answer that waits until what it says is durable.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) peer: PeerId,
    pub(crate) number: u64,
    /// The answer is withheld if the slot was fenced off meanwhile.
    pub(crate) slot: Slot,
    pub(crate) answer: Answer,
}

/// What becomes durable together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) changes: Vec<Change>,
    pub(crate) pending: Vec<Pending>,
    /// Replies to questions that read what this group makes durable.
    pub(crate) replies: Vec<(PeerId, u64, Reply)>,
    /// Bytes of the rows, about.
    pub(crate) bytes: usize,
    /// Where a reporter's row is in `changes`: a group has one for each, however often it reports.
    pub(crate) taps: BTreeMap<(ShelfNo, u64), usize>,
}

impl Group {
    /// The group as the log wants it: the rows of each slot together, slots ascending.
    pub(crate) fn sections(&self, state: &State) -> Vec<Section> {
        let mut builders: Vec<(Slot, u64, Encoder)> = Vec::new();
        // A place for each slot: a look-up in a tree for each like would cost more than its row.
        let mut places = vec![u16::MAX; Slot::COUNT];
        for change in &self.changes {
            let slot = state.slot_of(change);
            let place = &mut places[slot.index()];
            if *place == u16::MAX {
                *place = builders.len() as u16;
                builders.push((slot, 0, Encoder::default()));
            }
            let (_, rows, encoder) = &mut builders[usize::from(*place)];
            *rows += 1;
            state.encode(change, encoder);
        }
        builders.sort_unstable_by_key(|(slot, ..)| *slot);
        let section = |(slot, rows, encoder): (Slot, u64, Encoder)| {
            // Nothing else is in flight, so the slot's rows so far are the durable ones.
            let from = state.slots.durable(slot);
            let to = Position::new(from.get() + rows);
            Section { slot, epoch: state.slots.epoch(slot), from, to, body: encoder.finish() }
        };
        builders.into_iter().map(section).collect()
    }

    /// Drops the answers to a peer that is gone. Returns how many.
    pub(crate) fn forget(&mut self, peer: PeerId) -> usize {
        let before = self.pending.len();
        self.replies.retain(|(asker, ..)| *asker != peer);
        self.pending.retain(|pending| pending.peer != peer);
        before - self.pending.len()
    }
}
