//! The rows of one slot in one commit group.
//!
//! The processor builds sections; [`crate::record`] lays them side by side into one record.
//! Invariant: the body is opaque here. Its columns belong to the processor, so the log never needs to change with them.

use watershed_protocol::{Epoch, Position, Slot};

/// What one commit group changes in one slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The slot that the rows belong to.
    pub slot: Slot,
    /// The ownership under which they were admitted.
    pub epoch: Epoch,
    /// The slot's position before these rows.
    pub from: Position,
    /// The slot's position after them: `from` plus the number of effective changes.
    pub to: Position,
    /// The rows, in the processor's own columns.
    pub body: Vec<u8>,
}
