//! This node among the others: its lease, and the map and the members as they are now.
//!
//! A thread of its own touches the state directory, so that a slow disk never holds up a driver. Whoever is asked to end
//! gives its lease back at once, before it drains: a standby need not wait for the end of the process.
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

use crate::setup::UsageError;

/// How often the map and the members are looked at.
const POLL: Duration = Duration::from_millis(100);

/// A thread that looks this late was held up, and so may the others have been: their heartbeats are looked at once more
/// before anybody is called silent.
const HELD_UP: Duration = Duration::from_millis(300);

/// The members, as last seen.
pub(crate) type Members = Arc<Vec<(Member, Health)>>;

/// A joined node's sight of the cluster.
#[derive(Clone)]
pub(crate) struct Presence {
    map: Arc<watch::Sender<Arc<Map>>>,
    members: watch::Receiver<Members>,
}

impl Presence {
    /// Opens the cluster's state; founds the map if the cluster is new.
    pub(crate) fn open(topology: &Topology) -> anyhow::Result<(Arc<StateDir>, Arc<Map>)> {
        let path = topology.state_dir();
        std::fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        let membership = Arc::new(StateDir::open(&path)?);
        let map = membership.found_if_absent(&topology.names(Role::Processor), &topology.spreads)?;
        topology.agrees_with(&map).map_err(UsageError::topology)?;
        Ok((membership, map))
    }

    /// Joins, keeps the lease until `shutdown` is cancelled, and looks at the others until `end` is. Cancels `shutdown`
    /// when the lease is lost.
    pub(crate) fn join(
        membership: Arc<StateDir>,
        map: Arc<Map>,
        member: &Member,
        shutdown: &CancellationToken,
        end: &CancellationToken,
    ) -> anyhow::Result<Self> {
        let lease = membership.join(member)?;
        let map = Arc::new(watch::channel(map).0);
        let (members_told, members) = watch::channel(Arc::new(membership.members()?));
        let watcher = Watcher { membership, lease: Some(lease), map: map.clone(), members: members_told };
        let (shutdown, end) = (shutdown.clone(), end.clone());
        let asked = shutdown.clone();
        let thread = std::thread::Builder::new().name("presence".into()).spawn(move || watcher.run(&shutdown, &end))?;
        let thread = thread.thread().clone();
        tokio::spawn(async move {
            asked.cancelled().await;
            thread.unpark();
        });
        Ok(Self { map, members })
    }

    /// The map, and its changes.
    pub(crate) fn map(&self) -> watch::Receiver<Arc<Map>> {
        self.map.subscribe()
    }

    /// A map that this node has just written: it need not wait until it is read.
    pub(crate) fn learn(&self, map: Arc<Map>) {
        tell(&self.map, map);
    }

    /// The members, as last seen.
    pub(crate) fn members(&self) -> Members {
        self.members.borrow().clone()
    }

    /// The members' changes.
    pub(crate) fn members_changes(&self) -> watch::Receiver<Members> {
        self.members.clone()
    }

    /// Whether a merger is alive that satisfies this.
    pub(crate) fn any_merger(&self, is: impl Fn(&NodeName) -> bool) -> bool {
        let alive = |(member, health): &(Member, Health)| member.role == Role::Merger && *health == Health::Alive;
        self.members.borrow().iter().filter(|found| alive(found)).any(|(member, _)| is(&member.name))
    }

    /// Where a node accepts links, as it last said; whether it is alive is for the link to find out.
    pub(crate) fn peer_address(&self, node: &NodeName) -> Option<SocketAddr> {
        self.members.borrow().iter().find(|(member, _)| member.name == *node).and_then(|(member, _)| member.peer)
    }
}

/// Of two maps the newer one stands.
fn tell(told: &watch::Sender<Arc<Map>>, map: Arc<Map>) {
    told.send_if_modified(|known| {
        let newer = map.epoch() > known.epoch();
        if newer {
            *known = map;
        }
        newer
    });
}

struct Watcher {
    membership: Arc<StateDir>,
    lease: Option<Box<dyn Lease>>,
    map: Arc<watch::Sender<Arc<Map>>>,
    members: watch::Sender<Members>,
}

impl Watcher {
    fn run(mut self, shutdown: &CancellationToken, end: &CancellationToken) {
        let (mut beat_at, mut looked_at) = (Instant::now(), Instant::now());
        let mut doubted = false;
        while !end.is_cancelled() {
            if shutdown.is_cancelled() {
                self.lease = None;
            }
            if Instant::now() >= beat_at {
                beat_at = Instant::now() + Duration::from_millis(HEARTBEAT_MS);
                if !self.beat(shutdown) {
                    return;
                }
            }
            doubted = looked_at.elapsed() > HELD_UP && !doubted;
            self.look(!doubted);
            looked_at = Instant::now();
            std::thread::park_timeout(POLL);
        }
    }

    fn beat(&self, shutdown: &CancellationToken) -> bool {
        let Some(lease) = &self.lease else { return true };
        match lease.heartbeat() {
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

    /// The members are read after the map, and told before it: whoever is named on a map can be found.
    fn look(&self, at_members: bool) {
        let known = self.map.borrow().epoch();
        let map = self.membership.map_newer_than(known);
        if at_members {
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
        match map {
            Ok(Some(map)) => tell(&self.map, map),
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "the map was not read"),
        }
    }
}
