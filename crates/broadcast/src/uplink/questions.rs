//! Questions to processors that are not answered yet.
//!
//! Invariant: each is told exactly once: its answer, or that there is none.

use std::collections::BTreeMap;

use watershed_protocol::{Millis, peer::PeerId};

/// How long an answer may take: as long as a viewer waits for a page.
pub(super) const WAIT_MS: u64 = 3_000;

#[derive(Debug)]
struct Asked {
    token: u64,
    peer: PeerId,
    at: Millis,
}

/// All of them, by the number under which they were sent.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: BTreeMap<u64, Asked>,
    last: u64,
}

impl Questions {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Notes a question, and numbers it.
    pub(super) fn ask(&mut self, now: Millis, token: u64, peer: PeerId) -> u64 {
        self.last += 1;
        self.open.insert(self.last, Asked { token, peer, at: now });
        self.last
    }

    /// The token of a question that `peer` answers; none when it was not asked, or is too late.
    pub(super) fn answered(&mut self, peer: PeerId, number: u64) -> Option<u64> {
        self.open.get(&number).filter(|asked| asked.peer == peer)?;
        self.open.remove(&number).map(|asked| asked.token)
    }

    /// The tokens of all questions on a link that is gone.
    pub(super) fn lost(&mut self, peer: PeerId) -> Vec<u64> {
        self.open.extract_if(.., |_, asked| asked.peer == peer).map(|(_, asked)| asked.token).collect()
    }

    /// The token of a question that has waited too long.
    pub(super) fn expired(&mut self, now: Millis) -> Option<u64> {
        let first = self.open.first_entry().filter(|first| first.get().at.plus(WAIT_MS) <= now)?;
        Some(first.remove().token)
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        self.open.first_key_value().map(|(_, asked)| asked.at.plus(WAIT_MS))
    }
}
