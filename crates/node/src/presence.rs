//! This node among the others: its lease, its load, and the map, the members and their loads as they are now.
//!
//! A thread of its own touches the state directory, so that a slow disk never holds up a driver. Whoever is asked to end
//! gives its lease back at once, before it drains: a standby need not wait for the end of the process.
//! Invariant: when the lease is lost, the node ends: another process may have its name by now.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use watershed_membership::{HEARTBEAT_MS, Health, Lease, LeaseError, Load, Member, Membership, StateDir, Topology};
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

/// The loads of those who have told one. They change all the time, and the members do not: whoever follows the members is
/// not woken for them.
pub(crate) type Loads = Arc<BTreeMap<NodeName, Load>>;

/// When the members were last looked at, and how long ago each had beaten then. They change at each look, and the members
/// do not.
type Beats = Arc<Mutex<(Option<Instant>, BTreeMap<NodeName, u64>)>>;

/// How loaded this node is now.
type OwnLoad = Box<dyn Fn() -> Load + Send + Sync>;

/// A joined node's sight of the cluster.
#[derive(Clone)]
pub(crate) struct Presence {
    map: Arc<watch::Sender<Arc<Map>>>,
    members: watch::Receiver<Members>,
    loads: watch::Receiver<Loads>,
    beats: Beats,
    own_load: Arc<OnceLock<OwnLoad>>,
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
        let (loads_told, loads) = watch::channel(Loads::default());
        let (own_load, beats) = (Arc::<OnceLock<OwnLoad>>::default(), Beats::default());
        let watcher = Watcher {
            membership,
            lease: Some(lease),
            map: map.clone(),
            members: members_told,
            loads: loads_told,
            beats: beats.clone(),
            own_load: own_load.clone(),
        };
        let (shutdown, end) = (shutdown.clone(), end.clone());
        let asked = shutdown.clone();
        let thread = std::thread::Builder::new().name("presence".into()).spawn(move || watcher.run(&shutdown, &end))?;
        let thread = thread.thread().clone();
        tokio::spawn(async move {
            asked.cancelled().await;
            thread.unpark();
        });
        Ok(Self { map, members, loads, beats, own_load })
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

    /// Where viewers reach a node, as it last said.
    pub(crate) fn ws_of(&self, node: &NodeName) -> Option<String> {
        self.members.borrow().iter().find(|(member, _)| member.name == *node).and_then(|(member, _)| member.ws.clone())
    }

    /// From now on each heartbeat tells the others this load. The first that is asked for counts.
    pub(crate) fn report(&self, load: impl Fn() -> Load + Send + Sync + 'static) {
        let _first: Result<(), OwnLoad> = self.own_load.set(Box::new(load));
    }

    /// The loads, as last seen.
    pub(crate) fn loads(&self) -> Loads {
        self.loads.borrow().clone()
    }

    /// The loads' changes: as many as there are looks, at most.
    pub(crate) fn loads_changes(&self) -> watch::Receiver<Loads> {
        self.loads.clone()
    }

    /// How long ago a node last beat; none of who has never been seen.
    pub(crate) fn beat_ms(&self, node: &NodeName) -> Option<u64> {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        let (looked_at, ages) = &*beats;
        let since = u64::try_from((*looked_at)?.elapsed().as_millis()).unwrap_or(u64::MAX);
        ages.get(node).map(|age_ms| age_ms.saturating_add(since))
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

/// Tells a value if it is another one.
fn renew<T: PartialEq>(told: &watch::Sender<Arc<T>>, value: T) {
    told.send_if_modified(|known| {
        let changed = **known != value;
        if changed {
            *known = Arc::new(value);
        }
        changed
    });
}

struct Watcher {
    membership: Arc<StateDir>,
    lease: Option<Box<dyn Lease>>,
    map: Arc<watch::Sender<Arc<Map>>>,
    members: watch::Sender<Members>,
    loads: watch::Sender<Loads>,
    beats: Beats,
    own_load: Arc<OnceLock<OwnLoad>>,
}

impl Watcher {
    fn run(mut self, shutdown: &CancellationToken, end: &CancellationToken) {
        let (mut beat_at, mut looked_at) = (Instant::now(), Instant::now());
        let mut doubted = false;
        while !end.is_cancelled() {
            if shutdown.is_cancelled() {
                self.leave();
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

    /// Gives the lease back, with a last word on the load where there is one.
    fn leave(&mut self) {
        let Some(lease) = self.lease.take() else { return };
        let load = self.own_load.get().map(|load| Load { draining: true, ..load() });
        if let Some(Err(error)) = load.map(|load| lease.heartbeat(Some(&load))) {
            tracing::warn!(%error, "the last heartbeat was not written");
        }
    }

    fn beat(&self, shutdown: &CancellationToken) -> bool {
        let Some(lease) = &self.lease else { return true };
        let load = self.own_load.get().map(|load| load());
        match lease.heartbeat(load.as_ref()) {
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
            match self.membership.look() {
                Ok(found) => {
                    let (mut members, mut loads) = (Vec::with_capacity(found.len()), BTreeMap::new());
                    let ages = found.iter().map(|seen| (seen.member.name.clone(), seen.beat_ms)).collect();
                    *self.beats.lock().unwrap_or_else(PoisonError::into_inner) = (Some(Instant::now()), ages);
                    for seen in found {
                        loads.extend(seen.load.map(|load| (seen.member.name.clone(), load)));
                        members.push((seen.member, seen.health));
                    }
                    // Loads first: a node that has come is looked at with what it has said.
                    renew(&self.loads, loads);
                    renew(&self.members, members);
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
