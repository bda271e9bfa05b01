//! What a room has for a node below, in the form in which it came.
//!
//! Read by the relay, when a node below subscribes with what it has, or has fallen behind. Invariant: what is given
//! continues what the node has, or replaces it by something later.

use watershed_protocol::{Epoch, Seq};

use super::{Room, frame::Frame};
use crate::feed::Update;

impl Room {
    /// All since `have`: frames one by one while the log holds them, else the view as it is now. Nothing for whoever is at
    /// the head or ahead of it.
    pub fn updates_since(&self, have: Option<(Epoch, Seq)>) -> Vec<Update> {
        let Some((view, head)) = self.view.as_ref().zip(self.point()) else { return Vec::new() };
        if have >= Some(head) {
            return Vec::new();
        }
        let same_epoch = have.filter(|(epoch, _)| *epoch == head.0);
        let found = same_epoch.map(|(_, seq)| self.frames.binary_search_by_key(&seq, Frame::from));
        match found {
            Some(Ok(index)) => self.frames.range(index..).map(|frame| Update::Frame(frame.delta())).collect(),
            _ => vec![Update::Snapshot(view.snapshot())],
        }
    }
}
