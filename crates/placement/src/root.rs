//! The root: which merger should be it, and whose word its followers take.
//!
//! Between the map, which names the root, and the drivers of all roles, real and simulated: mergers ask for their
//! [`duty`], processors and broadcast nodes keep a [`Following`]. Leases only say when to try; the map decides.
//!
//! ```text
//! lease gone ─▶ duty: claim ─▶ compare-and-set on the map ─▶ followers leave the old root, dial the new one
//!                                       │                                      │
//!                          one wins, others stand by              what the old one still says is dropped
//! ```
//!
//! Invariant: nothing is taken from a link of a lower epoch than that of the newest root that the node knows.

use watershed_protocol::{Epoch, Mutant, NodeName, peer::PeerId};

use crate::{Map, RootOwnership};

/// What a merger should do about the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// It is the root.
    Lead,
    /// There is no living root: try to take its place, [`Map::claim_root`] says whether it succeeded.
    Claim,
    /// Another is the root and lives.
    StandBy,
}

/// The duty of the merger `me`, which took the root under the epoch `held`, if at all.
///
/// `lives` says of a merger whether its lease is held and its heartbeat young. A merger that finds its own name on the map
/// under another epoch than its own has been started again: its former life is over, so it need not wait for anybody.
pub fn duty(map: &Map, me: &NodeName, held: Option<Epoch>, lives: impl FnOnce(&NodeName) -> bool) -> Duty {
    match map.root() {
        Some(root) if root.node == *me && held == Some(root.epoch) => Duty::Lead,
        Some(root) if root.node != *me && lives(&root.node) => Duty::StandBy,
        _ => Duty::Claim,
    }
}

/// Which link a node takes the root's words from.
#[derive(Debug, Default)]
pub struct Following {
    /// The newest root that is known: by the map, or by the handshake of the root itself.
    root: Option<RootOwnership>,
    link: Option<Followed>,
}

#[derive(Debug)]
struct Followed {
    peer: PeerId,
    node: NodeName,
    epoch: Epoch,
}

impl Following {
    /// Follows the root of this map, once it has a link.
    pub fn new(map: &Map) -> Self {
        Self { root: map.root().cloned(), link: None }
    }

    /// A map was read. Returns the link to leave: it is not the new root's.
    pub fn learn(&mut self, map: &Map) -> Option<PeerId> {
        let root = map.root()?;
        if root.epoch < self.known() {
            return None;
        }
        self.root = Some(root.clone());
        let stale = |link: &Followed| link.node != root.node || link.epoch < root.epoch;
        self.link.take_if(|link| stale(link) && !Mutant::ReplacedObeyed.lives()).map(|link| link.peer)
    }

    /// A merger's link is up, and its handshake said that it is the root under `epoch` (zero: that it is not).
    ///
    /// True: it is followed from now on, in place of any other. False: nothing of it may be taken.
    #[must_use]
    pub fn up(&mut self, peer: PeerId, node: &NodeName, epoch: Epoch) -> bool {
        let follows = self.root.as_ref().is_some_and(|root| root.node == *node && root.epoch <= epoch);
        if follows || Mutant::ReplacedObeyed.lives() {
            self.root = Some(RootOwnership { node: node.clone(), epoch });
            self.link = Some(Followed { peer, node: node.clone(), epoch });
            return true;
        }
        false
    }

    /// A link is gone. True when it was the one that is followed.
    pub fn lost(&mut self, peer: PeerId) -> bool {
        self.link.take_if(|link| link.peer == peer).is_some()
    }

    /// Whether this link is the root's.
    pub fn is(&self, peer: PeerId) -> bool {
        self.peer() == Some(peer)
    }

    /// The link that is followed.
    pub fn peer(&self) -> Option<PeerId> {
        self.link.as_ref().map(|link| link.peer)
    }

    /// The epoch of the newest root that is known; zero before there was one.
    pub fn known(&self) -> Epoch {
        self.root.as_ref().map_or(Epoch::ZERO, |root| root.epoch)
    }
}

#[cfg(test)]
mod tests {
    use watershed_protocol::ClusterKey;

    use super::*;

    const ONE: PeerId = PeerId::new(1);
    const TWO: PeerId = PeerId::new(2);

    fn node(name: &str) -> NodeName {
        name.parse().unwrap()
    }

    fn epoch(number: u64) -> Epoch {
        Epoch::new(number)
    }

    /// A map with these roots, one after the other.
    fn map(roots: &[&str]) -> Map {
        let mut map = Map::found(ClusterKey::from_bytes([7; 32]), &[node("p1")]).unwrap();
        for root in roots {
            let seen = map.root_epoch();
            map.claim_root(&node(root), seen).unwrap();
        }
        map
    }

    fn duty_of(me: &str, held: Option<u64>, roots: &[&str], living: &[&str]) -> Duty {
        duty(&map(roots), &node(me), held.map(epoch), |root| living.contains(&root.as_str()))
    }

    #[test]
    fn a_merger_leads_while_the_map_names_it_under_its_own_epoch() {
        assert_eq!(duty_of("m1", Some(1), &["m1"], &["m1"]), Duty::Lead);
        assert_eq!(duty_of("m1", Some(1), &["m1"], &[]), Duty::Lead, "whatever others think of its lease");
    }

    #[test]
    fn a_standby_claims_the_root_when_there_is_none_or_it_does_not_live() {
        assert_eq!(duty_of("m2", None, &[], &["m1"]), Duty::Claim);
        assert_eq!(duty_of("m2", None, &["m1"], &["m1"]), Duty::StandBy);
        assert_eq!(duty_of("m2", None, &["m1"], &["m3"]), Duty::Claim);
    }

    #[test]
    fn a_root_that_was_started_again_claims_anew_and_one_that_was_replaced_stands_by() {
        assert_eq!(duty_of("m1", None, &["m1"], &["m1"]), Duty::Claim, "its former life had that epoch");
        assert_eq!(duty_of("m1", Some(1), &["m1", "m2"], &["m2"]), Duty::StandBy);
        assert_eq!(duty_of("m1", Some(1), &["m1", "m2"], &["m1"]), Duty::Claim, "the one that replaced it is dead");
        assert_eq!(duty_of("m1", Some(1), &["m1", "m2", "m1"], &["m1"]), Duty::Claim, "not its own claim");
    }

    #[test]
    fn only_the_newest_roots_link_is_followed() {
        let mut following = Following::new(&map(&["m1"]));
        assert!(!following.up(ONE, &node("m2"), epoch(1)), "another merger");
        assert!(!following.up(ONE, &node("m1"), epoch(0)), "it does not know that it is the root");
        assert!(following.up(ONE, &node("m1"), epoch(1)));
        assert!(following.is(ONE) && !following.is(TWO));
        assert_eq!(following.learn(&map(&["m1", "m2"])), Some(ONE));
        assert!(!following.is(ONE));
        assert!(!following.up(ONE, &node("m1"), epoch(1)), "it was replaced");
        assert!(following.up(TWO, &node("m2"), epoch(2)));
        assert_eq!(following.learn(&map(&["m1", "m2"])), None);
        assert_eq!(following.learn(&map(&["m1"])), None, "an older map");
        assert!(following.is(TWO));
    }

    #[test]
    fn a_root_that_came_back_under_a_higher_epoch_is_followed_by_a_new_link_only() {
        let mut following = Following::new(&map(&["m1"]));
        assert!(following.up(ONE, &node("m1"), epoch(1)));
        assert_eq!(following.learn(&map(&["m1", "m1"])), Some(ONE));
        assert!(!following.up(ONE, &node("m1"), epoch(1)));
        assert!(following.up(TWO, &node("m1"), epoch(2)));
    }

    #[test]
    fn a_roots_handshake_may_know_more_than_the_map_that_was_read() {
        let mut following = Following::new(&map(&["m1"]));
        assert!(following.up(ONE, &node("m1"), epoch(3)));
        assert_eq!(following.learn(&map(&["m1", "m2"])), None, "m2 was the root between the two");
        assert_eq!(following.learn(&map(&["m1", "m2", "m1"])), None);
        assert!(following.is(ONE));
    }

    #[test]
    fn a_newer_link_of_the_root_takes_the_place_of_the_older() {
        let mut following = Following::new(&map(&["m1"]));
        assert!(following.up(ONE, &node("m1"), epoch(1)));
        assert!(following.up(TWO, &node("m1"), epoch(1)));
        assert!(!following.lost(ONE), "it is not followed any more");
        assert!(following.lost(TWO));
        assert_eq!(following.peer(), None);
    }

    #[test]
    fn before_there_is_a_root_nobody_is_followed() {
        let mut following = Following::new(&map(&[]));
        assert!(!following.up(ONE, &node("m1"), epoch(1)));
        assert_eq!(following.learn(&map(&[])), None);
    }
}
