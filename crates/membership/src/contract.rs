//! What every [`Membership`] promises, whatever is behind it: one suite, run against each implementation.
//!
//! A new implementation adds one line to `suite!`s below.

use std::{sync::Arc, thread};

use watershed_placement::{Map, Spreads};
use watershed_protocol::{ClusterKey, Epoch, NodeName, Role};

use crate::{CasError, Health, JoinError, Load, Member, Membership, StateDir};

macro_rules! suite {
    ($name:ident, $open:expr, [$($promise:ident),* $(,)?]) => {
        mod $name {
            $(#[test]
            fn $promise() {
                let (_kept, membership) = $open;
                super::$promise(&membership);
            })*
        }
    };
}

suite!(
    state_dir,
    super::state_dir(),
    [
        a_member_is_seen_by_all_as_it_joined,
        a_name_is_held_by_one_process_at_a_time,
        a_member_that_ends_is_dead_and_may_come_back,
        a_load_is_seen_with_its_member_until_that_comes_back_without,
        before_the_founding_there_is_no_map,
        however_many_found_the_cluster_it_has_one_key,
        of_two_changes_from_one_map_one_is_refused,
        a_map_cannot_be_founded_over_another,
        a_change_is_seen_by_those_who_know_less,
        an_update_that_changes_nothing_writes_nothing,
        an_update_needs_a_founded_map,
        of_standbys_that_race_for_the_root_one_takes_it,
        no_stream_epoch_is_reserved_twice,
    ]
);

fn state_dir() -> (tempfile::TempDir, StateDir) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::open(&dir.path().join("state")).unwrap();
    (dir, state)
}

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn member(name: &str, incarnation: u64) -> Member {
    Member {
        name: node(name),
        role: Role::Broadcast,
        incarnation,
        pid: std::process::id(),
        peer: None,
        http: "http://127.0.0.1:8080".into(),
        ws: Some("ws://127.0.0.1:8080".into()),
    }
}

fn a_member_is_seen_by_all_as_it_joined(membership: &dyn Membership) {
    let _b2 = membership.join(&member("b2", 2)).unwrap();
    let _b1 = membership.join(&member("b1", 1)).unwrap();
    let seen = membership.members().unwrap();
    assert_eq!(seen, [(member("b1", 1), Health::Alive), (member("b2", 2), Health::Alive)]);
}

fn a_name_is_held_by_one_process_at_a_time(membership: &dyn Membership) {
    let lease = membership.join(&member("b1", 1)).unwrap();
    let Err(JoinError::Taken { name, pid }) = membership.join(&member("b1", 2)) else {
        panic!("the name was held twice");
    };
    assert_eq!((name, pid), (node("b1"), Some(std::process::id())));
    lease.heartbeat(None).unwrap();
    assert_eq!(membership.members().unwrap(), [(member("b1", 1), Health::Alive)]);
}

fn a_member_that_ends_is_dead_and_may_come_back(membership: &dyn Membership) {
    drop(membership.join(&member("b1", 1)).unwrap());
    assert_eq!(membership.members().unwrap(), [(member("b1", 1), Health::Dead)]);
    let _again = membership.join(&member("b1", 2)).unwrap();
    assert_eq!(membership.members().unwrap(), [(member("b1", 2), Health::Alive)]);
}

fn a_load_is_seen_with_its_member_until_that_comes_back_without(membership: &dyn Membership) {
    let seen = || membership.look().unwrap().into_iter().map(|seen| seen.load).collect::<Vec<_>>();
    let lease = membership.join(&member("b1", 1)).unwrap();
    assert_eq!(seen(), [None]);
    let load = |viewers| Load { viewers, viewers_max: 9, draining: false, streams: vec![("s".parse().unwrap(), 2)] };
    for viewers in [3, 12_345, 4] {
        lease.heartbeat(Some(&load(viewers))).unwrap();
        lease.heartbeat(None).unwrap();
        assert_eq!(seen(), [Some(load(viewers))]);
    }
    assert_eq!(membership.members().unwrap(), [(member("b1", 1), Health::Alive)]);
    drop(lease);
    let _again = membership.join(&member("b1", 2)).unwrap();
    assert_eq!(seen(), [None]);
}

fn before_the_founding_there_is_no_map(membership: &dyn Membership) {
    assert_eq!(membership.map().unwrap(), None);
    assert_eq!(membership.map_newer_than(Epoch::ZERO).unwrap(), None);
}

fn however_many_found_the_cluster_it_has_one_key(membership: &dyn Membership) {
    let maps: Vec<Arc<Map>> = thread::scope(|scope| {
        let founders: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap()))
            .collect();
        founders.into_iter().map(|founder| founder.join().unwrap()).collect()
    });
    assert!(maps.iter().all(|map| *map == maps[0]));
    assert_ne!(maps[0].key().as_bytes(), &[0; 32]);
}

fn of_two_changes_from_one_map_one_is_refused(membership: &dyn Membership) {
    let found = membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    let mut ours = Map::clone(&found);
    ours.claim_root(&node("m1"), Epoch::ZERO);
    let mut theirs = Map::clone(&found);
    theirs.claim(&node("p1"));
    membership.compare_and_set(found.epoch(), &theirs).unwrap();
    let refused = membership.compare_and_set(found.epoch(), &ours);
    assert!(matches!(refused, Err(CasError::Lost { found }) if found == theirs.epoch()));
    assert_eq!(*membership.map().unwrap().unwrap(), theirs);
}

fn a_map_cannot_be_founded_over_another(membership: &dyn Membership) {
    let found = membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    let other = Map::found(ClusterKey::from_bytes([7; 32]), &[node("p1")]).unwrap();
    let refused = membership.compare_and_set(Epoch::ZERO, &other);
    assert!(matches!(refused, Err(CasError::Lost { found: Epoch { .. } })));
    assert_eq!(membership.map().unwrap(), Some(found));
}

fn a_change_is_seen_by_those_who_know_less(membership: &dyn Membership) {
    let found = membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    assert_eq!(membership.map_newer_than(found.epoch()).unwrap(), None);
    let changed = membership
        .update(&mut |map| {
            map.claim_root(&node("m1"), Epoch::ZERO);
        })
        .unwrap();
    assert_eq!(membership.map_newer_than(found.epoch()).unwrap(), Some(changed.clone()));
    assert_eq!(membership.map_newer_than(changed.epoch()).unwrap(), None);
}

fn an_update_that_changes_nothing_writes_nothing(membership: &dyn Membership) {
    let found = membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    let same = membership
        .update(&mut |map| {
            map.claim(&node("p9"));
        })
        .unwrap();
    assert_eq!(same, found);
    assert_eq!(membership.map_newer_than(found.epoch()).unwrap(), None);
}

fn an_update_needs_a_founded_map(membership: &dyn Membership) {
    let refused = membership.update(&mut |map| {
        map.claim_root(&node("m1"), Epoch::ZERO);
    });
    assert!(matches!(refused, Err(CasError::Lost { found: Epoch::ZERO })));
}

fn of_standbys_that_race_for_the_root_one_takes_it(membership: &dyn Membership) {
    membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    let claim = |name: &str| {
        let mut claimed = None;
        membership.update(&mut |map| claimed = map.claim_root(&node(name), Epoch::ZERO)).unwrap();
        claimed
    };
    let claimed: Vec<Option<Epoch>> = thread::scope(|scope| {
        let standbys: Vec<_> = ["m1", "m2", "m3", "m4"].map(|name| scope.spawn(move || claim(name))).into();
        standbys.into_iter().map(|standby| standby.join().unwrap()).collect()
    });
    assert_eq!(claimed.iter().flatten().collect::<Vec<_>>(), [&Epoch::new(1)]);
}

fn no_stream_epoch_is_reserved_twice(membership: &dyn Membership) {
    membership.found_if_absent(&[node("p1")], &Spreads::default()).unwrap();
    let claimed = membership
        .update(&mut |map| {
            map.claim_root(&node("m1"), Epoch::ZERO);
        })
        .unwrap();
    let reserve = || {
        let mut taken = None;
        membership.update(&mut |map| taken = map.reserve_stream_epochs(claimed.root_epoch(), 10)).unwrap();
        taken.unwrap()
    };
    let mut taken: Vec<u64> = thread::scope(|scope| {
        let roots: Vec<_> =
            (0..4).map(|_| scope.spawn(|| (0..5).flat_map(|_| reserve()).collect::<Vec<_>>())).collect();
        roots.into_iter().flat_map(|root| root.join().unwrap()).collect()
    });
    taken.sort_unstable();
    assert_eq!(taken, (1..=200).collect::<Vec<u64>>());
}
