//! This node among the others: its lease, and the map and the members as they are now.
//!
//! A thread of its own touches the state directory, so that a slow disk never holds up a driver.
//! Invariant: when the lease is lost, the node ends: another process may have its name by now.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use watershed_membership::{HEARTBEAT_MS, Health, Lease, LeaseError, Member, Membership, StateDir, Topology};
use watershed_placement::Map;
use watershed_protocol::{NodeName, Role};

/// How often the map and the members are looked at.
const POLL: Duration = Duration::from_millis(100);

/// The members, as last seen.
pub(crate) type Members = Arc<Vec<(Member, Health)>>;

/// A joined node's sight of the cluster.
#[derive(Clone)]
pub(crate) struct Presence {
    map: watch::Receiver<Arc<Map>>,
    members: watch::Receiver<Members>,
}

impl Presence {
    /// Opens the cluster's state; founds the map if the cluster is new.
    pub(crate) fn open(topology: &Topology) -> anyhow::Result<(Arc<StateDir>, Arc<Map>)> {
        let path = topology.state_dir();
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let membership = Arc::new(StateDir::open(&path)?);
        let map = membership.found_if_absent(&topology.names(Role::Processor))?;
        Ok((membership, map))
    }

    /// Joins and keeps the lease until the token is cancelled; cancels it when the lease is lost.
    pub(crate) fn join(
        membership: Arc<StateDir>,
        map: Arc<Map>,
        member: &Member,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let lease = membership.join(member)?;
        let (map_told, map) = watch::channel(map);
        let (members_told, members) = watch::channel(Arc::new(membership.members()?));
        let watcher = Watcher { membership, lease, map: map_told, members: members_told };
        let shutdown = shutdown.clone();
        std::thread::Builder::new().name("presence".into()).spawn(move || watcher.run(&shutdown))?;
        Ok(Self { map, members })
    }

    /// The map, and its changes.
    pub(crate) fn map(&self) -> watch::Receiver<Arc<Map>> {
        self.map.clone()
    }

    /// The members, as last seen.
    pub(crate) fn members(&self) -> Members {
        self.members.borrow().clone()
    }

    /// Where a node accepts links, as it last said; whether it is alive is for the link to find out.
    pub(crate) fn peer_address(&self, node: &NodeName) -> Option<SocketAddr> {
        self.members.borrow().iter().find(|(member, _)| member.name == *node).and_then(|(member, _)| member.peer)
    }
}

struct Watcher {
    membership: Arc<StateDir>,
    lease: Box<dyn Lease>,
    map: watch::Sender<Arc<Map>>,
    members: watch::Sender<Members>,
}

impl Watcher {
    fn run(self, shutdown: &CancellationToken) {
        let mut beat_at = Instant::now();
        while !shutdown.is_cancelled() {
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + Duration::from_millis(HEARTBEAT_MS);
                if !self.beat(shutdown) {
                    return;
                }
            }
            self.look();
            std::thread::sleep(POLL);
        }
    }

    fn beat(&self, shutdown: &CancellationToken) -> bool {
        match self.lease.heartbeat() {
            Ok(()) => true,
            Err(error @ LeaseError::Lost { .. }) => {
                tracing::error!(%error, "this node ends");
                shutdown.cancel();
                false
            }
            Err(error) => {
                tracing::warn!(%error, "a heartbeat was not written");
                true
            }
        }
    }

    fn look(&self) {
        let known = self.map.borrow().epoch();
        match self.membership.map_newer_than(known) {
            Ok(Some(map)) => drop(self.map.send_replace(map)),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the map was not read"),
        }
        match self.membership.members() {
            Ok(found) => {
                let changed = |members: &mut Members| {
                    let changed = **members != found;
                    if changed {
                        *members = Arc::new(found);
                    }
                    changed
                };
                self.members.send_if_modified(changed);
            }
            Err(error) => tracing::warn!(%error, "the members were not read"),
        }
    }
}
