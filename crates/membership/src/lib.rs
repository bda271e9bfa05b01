//! Who is in the cluster, who is alive, and what the ownership map says now.
//!
//! Every node joins through [`Membership`], beats its [`Lease`], and reads members and map from it; the launcher reads the
//! same. [`StateDir`] is the default for one machine; a coordination engine can take its place behind the trait.
//! [`Topology`] is the file that says which nodes there are and how they are configured.
//!
//! Invariant: a lease tells who is thought alive, never who owns: ownership is fenced by the map's epochs where data is
//! written.

mod load;
mod member;
mod membership;
mod state_dir;
mod token;
mod topology;

#[cfg(test)]
mod contract;

pub use load::{Load, STREAMS_REPORTED_MAX};
pub use member::{Health, Member, Sighting};
pub use membership::{CasError, HEARTBEAT_MS, JoinError, Lease, LeaseError, Membership, SILENT_AFTER_MS, StateError};
pub use state_dir::{StateDir, StateDirLease};
pub use token::OperatorToken;
pub use topology::{Analytics, Broadcast, Levels, Limits, Merger, Node, Processor, Topology, TopologyError, Windows};
