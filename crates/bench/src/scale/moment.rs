//! What every tier uses at one moment.
//!
//! Taken between the steps of a run. Invariant: two moments of one run count the same processes.

use super::{
    crowds::Crowds,
    nodes::Nodes,
    proc::{Kernel, Use},
};

/// Roles, from the viewers up.
pub const ROLES: [&str; 3] = ["broadcast", "processor", "merger"];

/// See the head of the file.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// In the order of [`ROLES`].
    pub roles: [Use; 3],
    /// All crowds.
    pub crowds: Use,
    /// Both ends of all sockets.
    pub kernel: Kernel,
}

impl Moment {
    /// As of now.
    pub fn now(nodes: &Nodes, crowds: &Crowds) -> Self {
        Self { roles: ROLES.map(|role| nodes.used_by(role)), crowds: crowds.used(), kernel: Kernel::now() }
    }

    /// What has been added since, by role.
    pub fn since(&self, before: &Self) -> [(&'static str, Use); 3] {
        [0, 1, 2].map(|role| (ROLES[role], self.roles[role] - before.roles[role]))
    }
}
