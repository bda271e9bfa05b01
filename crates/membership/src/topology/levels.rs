//! Which broadcast nodes feed from others, and so which levels there are below the root.
//!
//! Between the text and whoever dials or accepts the links. Invariant: following any node's list upwards ends at nodes
//! that feed from the root: there is no circle.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::NodeName;

use super::{TopologyError, file::value};

/// The section's name in refusals.
const SECTION: &str = "[broadcast.upstream]";

/// Most nodes that one may feed from: each has a link from it all the time, only one of them is used.
const UPSTREAM_MAX: usize = 8;

/// The lists of all nodes that have one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    above: BTreeMap<NodeName, Vec<NodeName>>,
}

impl Levels {
    /// The nodes that this one feeds from, in order of preference; the root comes after them.
    pub fn above(&self, node: &NodeName) -> &[NodeName] {
        self.above.get(node).map_or(&[], Vec::as_slice)
    }

    /// Whether others feed from this node.
    pub fn feeds(&self, node: &NodeName) -> bool {
        self.above.values().flatten().any(|above| above == node)
    }

    /// The first node that others feed from.
    pub(super) fn first_feeder(&self) -> Option<&NodeName> {
        self.above.values().flatten().min()
    }

    /// Checks the section: of a cluster with broadcast nodes b1 to b`nodes`.
    pub(super) fn check(section: BTreeMap<String, Vec<String>>, nodes: u16) -> Result<Self, TopologyError> {
        let known: BTreeMap<String, NodeName> =
            (1..=nodes).filter_map(|i| NodeName::new(&format!("b{i}")).ok()).map(|n| (n.to_string(), n)).collect();
        let find = |key: &str, text: &str| {
            let none = || value(key, format!("{text:?}"), format!("the broadcast nodes are b1 to b{nodes}"));
            known.get(text).cloned().ok_or_else(none)
        };
        let mut above = BTreeMap::new();
        for (text, list) in section {
            let node = find(SECTION, &text)?;
            let key = format!("{SECTION} {node}");
            if list.len() > UPSTREAM_MAX {
                return Err(value(key, format!("{} names", list.len()), format!("at most {UPSTREAM_MAX} fit")));
            }
            let mut names = Vec::with_capacity(list.len());
            for text in &list {
                let name = find(&key, text)?;
                if name == node {
                    return Err(value(key, format!("{text:?}"), "no node feeds from itself"));
                }
                if names.contains(&name) {
                    return Err(value(key, format!("{text:?} twice"), "each node stands once"));
                }
                names.push(name);
            }
            above.insert(node, names);
        }
        let levels = Self { above };
        levels.check_circles()?;
        Ok(levels)
    }

    fn check_circles(&self) -> Result<(), TopologyError> {
        let mut ends = BTreeSet::new();
        for node in self.above.keys() {
            if let Some(circle) = self.circle(node, &mut Vec::new(), &mut ends) {
                let words = circle.iter().map(ToString::to_string).collect::<Vec<_>>().join(" from ");
                return Err(value(SECTION, words, "a circle that no frame of the root would enter"));
            }
        }
        Ok(())
    }

    /// The circle that `node` leads to by way of `path`. Nodes that lead to none are noted in `ends`.
    fn circle(
        &self,
        node: &NodeName,
        path: &mut Vec<NodeName>,
        ends: &mut BTreeSet<NodeName>,
    ) -> Option<Vec<NodeName>> {
        if let Some(start) = path.iter().position(|passed| passed == node) {
            path.push(node.clone());
            return Some(path.split_off(start));
        }
        if ends.contains(node) {
            return None;
        }
        path.push(node.clone());
        let found = self.above(node).iter().find_map(|above| self.circle(above, path, ends));
        if found.is_none() {
            path.pop();
            ends.insert(node.clone());
        }
        found
    }
}
