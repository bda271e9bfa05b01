//! The truth of a random history: what the rows of durable groups make, one after the other.
//!
//! Beside the machine, which it never asks. Invariant: rows follow each other, each changes something, and none brings a
//! deleted comment back.

use std::collections::{BTreeMap, BTreeSet};

use watershed_log::Section;
use watershed_protocol::{CommentId, ViewerKey};

use crate::rows::{Decoder, Row};

/// What the durable rows make, one after the other.
#[derive(Default)]
pub(super) struct Truth {
    pub(super) positions: BTreeMap<u16, u64>,
    /// Of live comments: register bits by viewer.
    pub(super) live: BTreeMap<CommentId, BTreeMap<ViewerKey, u64>>,
    pub(super) deleted: BTreeSet<CommentId>,
    /// Every (version, count) that was true after some row.
    pub(super) ever: BTreeSet<(CommentId, u64, u64)>,
}

impl Truth {
    /// Whether a count was durable at this version or before: after a checkpoint a version may be later than the change.
    pub(super) fn was(&self, id: CommentId, version: u64, count: u64) -> bool {
        self.ever.range((id, 0, 0)..=(id, version, u64::MAX)).any(|(.., was)| *was == count)
    }

    pub(super) fn take(&mut self, section: &Section) {
        let position = self.positions.entry(section.slot.get()).or_default();
        assert_eq!(section.from.get(), *position, "positions follow each other");
        let mut rows = Decoder::new(&section.body).expect("format 1");
        while let Some(row) = rows.next().expect("rows") {
            *position += 1;
            match row {
                Row::Comment { comment, .. } => {
                    assert!(!self.deleted.contains(&comment.id), "{:?} came back", comment.id);
                    assert!(self.live.insert(comment.id, BTreeMap::new()).is_none(), "{:?} twice", comment.id);
                    self.ever.insert((comment.id, *position, 0));
                }
                Row::Like { comment, viewer, register } => {
                    let registers = self.live.get_mut(&comment).expect("a live comment");
                    let before = count(registers);
                    let former = registers.insert(viewer, register.to_bits());
                    assert!(former < Some(register.to_bits()), "a row is a change");
                    if count(registers) != before {
                        self.ever.insert((comment, *position, count(registers)));
                    }
                }
                Row::Deletion { comment } => {
                    assert!(self.live.remove(&comment).is_some(), "{comment:?} deleted twice");
                    self.deleted.insert(comment);
                }
                Row::Header { .. } | Row::Pin { .. } | Row::Taps { .. } => unreachable!("nobody spreads, pins or taps"),
            }
        }
        assert_eq!(section.to.get(), *position);
    }

    pub(super) fn counts(&self) -> BTreeMap<CommentId, u64> {
        self.live.iter().map(|(id, registers)| (*id, count(registers))).collect()
    }
}

fn count(registers: &BTreeMap<ViewerKey, u64>) -> u64 {
    registers.values().filter(|bits| **bits & 1 == 0).count() as u64
}
