//! A merger that is not the root: it waits until it is.
//!
//! Between presence, which tells who lives, and the map, where the root's place is taken. Invariant: the place is taken by
//! one compare-and-set together with fresh stream epochs, so a root never exists without epochs of its own.

use std::{ops::Range, sync::Arc, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use watershed_membership::{CasError, Health, Membership, StateDir};
use watershed_net::link::{LinkEvent, LinkEventKind};
use watershed_placement::{Duty, Map, duty};
use watershed_protocol::{Epoch, NodeName};

use super::EPOCHS_PER_BLOCK;
use crate::{
    admin::Readiness,
    presence::{Members, Presence},
};

/// When a claim is tried again that the state directory did not take.
const CLAIM_AGAIN: Duration = Duration::from_millis(100);

/// A merger's time as the root, at its beginning.
pub(super) struct Term {
    /// The root's epoch.
    pub(super) epoch: Epoch,
    /// The map that says so.
    pub(super) map: Arc<Map>,
    /// Stream epochs that are this root's.
    pub(super) stream_epochs: Range<u64>,
}

/// See the head of the file.
pub(super) struct Standby {
    name: NodeName,
    membership: Arc<StateDir>,
    presence: Presence,
    readiness: Readiness,
    maps: watch::Receiver<Arc<Map>>,
    members: watch::Receiver<Members>,
}

impl Standby {
    pub(super) fn new(name: NodeName, membership: Arc<StateDir>, presence: Presence, readiness: Readiness) -> Self {
        let (maps, members) = (presence.map(), presence.members_changes());
        Self { name, membership, presence, readiness, maps, members }
    }

    /// Waits until this merger is the root. `None`: it is asked to end.
    ///
    /// Links are not heard while a claim is under way: those that come in then may be for the root that this becomes.
    pub(super) async fn wait(
        &mut self,
        events: &mut mpsc::Receiver<LinkEvent>,
        shutdown: &CancellationToken,
    ) -> Option<Term> {
        loop {
            if shutdown.is_cancelled() {
                return None;
            }
            let map = self.maps.borrow_and_update().clone();
            self.members.mark_unchanged();
            let lives = |root: &NodeName| self.presence.any_merger(|merger| merger == root);
            let again = if duty(&map, &self.name, None, lives) == Duty::StandBy {
                self.readiness.ready_as("standby");
                false
            } else {
                match self.claim().await {
                    Ok(Some(term)) => return Some(term),
                    Ok(None) => false,
                    Err(error) => {
                        tracing::error!(%error, "the root was not claimed");
                        true
                    }
                }
            };
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return None,
                Ok(()) = self.maps.changed() => {}
                Ok(()) = self.members.changed() => {}
                () = sleep(CLAIM_AGAIN), if again => {}
                Some(event) = events.recv() => turn_away(&event),
            }
        }
    }

    /// Takes the root's place, and stream epochs with it. `None`: it is taken.
    async fn claim(&self) -> anyhow::Result<Option<Term>> {
        let (membership, name) = (self.membership.clone(), self.name.clone());
        let (map, claimed) = tokio::task::spawn_blocking(move || claim(&membership, &name)).await??;
        self.presence.learn(map.clone());
        Ok(claimed.map(|(epoch, stream_epochs)| Term { epoch, map, stream_epochs }))
    }
}

type Claimed = (Arc<Map>, Option<(Epoch, Range<u64>)>);

/// The map may be newer than the members that made this merger try, and name one that has joined since: so both are looked
/// at again, the map first.
fn claim(membership: &StateDir, name: &NodeName) -> Result<Claimed, CasError> {
    let map = membership.map()?.ok_or(CasError::Lost { found: Epoch::ZERO })?;
    let members = membership.members()?;
    let lives =
        |root: &NodeName| members.iter().any(|(member, health)| member.name == *root && *health == Health::Alive);
    if duty(&map, name, None, lives) == Duty::StandBy {
        return Ok((map, None));
    }
    let seen = map.root_epoch();
    let mut claimed = None;
    let map = membership.update(&mut |map| {
        claimed = map.claim_root(name, seen).and_then(|epoch| {
            let stream_epochs = map.reserve_stream_epochs(epoch, EPOCHS_PER_BLOCK)?;
            Some((epoch, stream_epochs))
        });
    })?;
    Ok((map, claimed))
}

/// Nobody is served here. Whoever dials has an older map, or a newer one than this merger has read: it will dial again.
fn turn_away(event: &LinkEvent) {
    if let LinkEventKind::Up { handle, .. } = &event.kind {
        tracing::info!(node = %event.peer.node, "turned away: this merger is not the root");
        handle.hang_up();
    }
}

#[cfg(test)]
mod tests {
    use watershed_membership::{Lease, Member};
    use watershed_protocol::Role;

    use super::*;

    /// A state directory, with a founded map.
    struct Cluster {
        state: StateDir,
        _dir: tempfile::TempDir,
    }

    impl Cluster {
        fn found() -> Self {
            let dir = tempfile::tempdir().unwrap();
            let state = StateDir::open(dir.path()).unwrap();
            state.found_if_absent(&[name("p1")], &watershed_placement::Spreads::default()).unwrap();
            Self { state, _dir: dir }
        }

        fn join(&self, merger: &str) -> Box<dyn Lease> {
            let http = "http://127.0.0.1:8380".into();
            let (role, pid) = (Role::Merger, std::process::id());
            let member = Member { name: name(merger), role, incarnation: 1, pid, peer: None, http, ws: None };
            self.state.join(&member).unwrap()
        }

        /// The epoch and the stream epochs that a merger took.
        fn claim(&self, merger: &str) -> Option<(u64, Range<u64>)> {
            let (_, claimed) = claim(&self.state, &name(merger)).unwrap();
            claimed.map(|(epoch, stream_epochs)| (epoch.get(), stream_epochs))
        }
    }

    fn name(text: &str) -> NodeName {
        text.parse().unwrap()
    }

    #[test]
    fn a_living_root_keeps_its_place_however_old_the_claimers_news_are() {
        let cluster = Cluster::found();
        let _leases = [cluster.join("m1"), cluster.join("m2")];
        assert_eq!(cluster.claim("m1"), Some((1, 1..1_001)));
        assert_eq!(cluster.claim("m2"), None);
    }

    #[test]
    fn a_dead_roots_place_is_taken_by_one() {
        let cluster = Cluster::found();
        let lease = cluster.join("m1");
        cluster.claim("m1");
        drop(lease);
        let _leases = [cluster.join("m2"), cluster.join("m3")];
        assert_eq!(cluster.claim("m2"), Some((2, 1_001..2_001)));
        assert_eq!(cluster.claim("m3"), None);
    }

    #[test]
    fn a_root_that_was_started_again_need_not_wait_for_its_former_life() {
        let cluster = Cluster::found();
        drop(cluster.join("m1"));
        cluster.claim("m1");
        let _leases = [cluster.join("m1"), cluster.join("m2")];
        assert_eq!(cluster.claim("m2"), None, "it lives, and is about to claim its place");
        assert_eq!(cluster.claim("m1"), Some((2, 1_001..2_001)));
    }
}
