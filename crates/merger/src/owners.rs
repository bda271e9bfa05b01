//! A few owners of slots, by name.
//!
//! Kept by each stream, of those that it has merged. A cluster has few processors, and a stream is one of very many: a list
//! has room for exactly them. Invariant: the names ascend, each once.

use std::collections::BTreeSet;

use watershed_protocol::NodeName;

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Owners(Vec<NodeName>);

impl Owners {
    pub(crate) fn insert(&mut self, owner: &NodeName) {
        if let Err(place) = self.0.binary_search(owner) {
            self.0.reserve_exact(1);
            self.0.insert(place, owner.clone());
        }
    }

    pub(crate) fn contains(&self, owner: &NodeName) -> bool {
        self.0.binary_search(owner).is_ok()
    }

    /// How many of `all` are not among them.
    pub(crate) fn missing(&self, all: &BTreeSet<NodeName>) -> usize {
        all.iter().filter(|owner| !self.contains(owner)).count()
    }
}
