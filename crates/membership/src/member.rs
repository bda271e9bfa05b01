//! One process of the cluster as the others see it.
//!
//! Written by the process itself when it joins, read by everybody who wants to reach it.
//! Invariant: a restart is another member: it has another incarnation, even under the same name and process id.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use watershed_protocol::{NodeName, Role};

use crate::Load;

/// A process that has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the topology.
    pub name: NodeName,
    /// What it does.
    pub role: Role,
    /// Random at each start of the process.
    pub incarnation: u64,
    /// The process id on its machine.
    pub pid: u32,
    /// Where links from other nodes are accepted: processors, mergers and broadcast nodes that feed others have one.
    pub peer: Option<SocketAddr>,
    /// Base URL of its HTTP port, as others reach it: `http://127.0.0.1:8080`.
    pub http: String,
    /// Base URL of its WebSockets, as viewers reach it: `ws://127.0.0.1:8080`; broadcast nodes have one.
    pub ws: Option<String>,
}

impl Member {
    /// A fresh incarnation, for a process that starts.
    pub fn incarnation() -> Result<u64, getrandom::Error> {
        getrandom::u64()
    }
}

/// What is known of a member's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its lease is held and its last heartbeat is young.
    Alive,
    /// Its lease is held, but it has missed heartbeats: stopped, wedged, or starved.
    Silent {
        /// How long ago it last beat.
        age_ms: u64,
    },
    /// Its lease is free: the process is gone.
    Dead,
}

/// A member as it is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Who it is.
    pub member: Member,
    /// Whether it lives.
    pub health: Health,
    /// How long ago it last beat, whether it lives or not.
    pub beat_ms: u64,
    /// What it has said of its load, if it has.
    pub load: Option<Load>,
}
