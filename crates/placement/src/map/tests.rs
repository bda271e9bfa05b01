//! What the map promises: epochs only rise, stream epochs are handed out once, and the ring only proposes.

use super::*;

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn nodes(count: usize) -> Vec<NodeName> {
    (1..=count).map(|i| node(&format!("p{i}"))).collect()
}

fn map(count: usize) -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &nodes(count)).unwrap()
}

#[test]
fn the_first_map_is_the_same_on_every_version() {
    // Golden: which of three processors first owns a slot.
    let map = map(3);
    let owners: Vec<&str> = map.slots[..12].iter().map(|owned| owned.node.as_str()).collect();
    assert_eq!(owners, GOLDEN);
}
const GOLDEN: [&str; 12] = ["p2", "p3", "p1", "p1", "p1", "p1", "p3", "p3", "p1", "p2", "p1", "p3"];

#[test]
fn the_first_map_gives_every_slot_one_owner() {
    let map = map(3);
    assert_eq!((map.epoch(), map.root(), map.stream_epochs_reserved()), (Epoch::new(1), None, Epoch::ZERO));
    assert_eq!(map.processors(), nodes(3));
    let owned: usize = map.processors().iter().map(|node| map.slots_of(node).len()).sum();
    assert_eq!(owned, Slot::COUNT);
    assert!(Slot::all().all(|slot| map.owner(slot).epoch == Epoch::new(1)));
}

#[test]
fn no_map_is_founded_without_processors_or_with_too_many() {
    let found = |count| Map::found(ClusterKey::from_bytes([7; 32]), &nodes(count)).map(|_| ());
    assert_eq!(found(0).unwrap_err().to_string(), "0 processors cannot own the slots, 1 to 1024 can");
    assert_eq!(found(1), Ok(()));
    assert!(found(1_025).is_err());
}

#[test]
fn a_start_raises_the_epochs_of_its_own_slots_only() {
    let mut map = map(3);
    let claimed = map.claim(&node("p2"));
    assert_eq!(claimed, map.slots_of(&node("p2")).len());
    assert_eq!(map.epoch(), Epoch::new(2));
    for slot in Slot::all() {
        let owned = map.owner(slot);
        assert_eq!(owned.epoch, Epoch::new(if owned.node == node("p2") { 2 } else { 1 }));
    }
}

#[test]
fn a_node_without_slots_claims_nothing_and_changes_nothing() {
    let mut claimed = map(3);
    assert_eq!(claimed.claim(&node("p9")), 0);
    assert_eq!(claimed, map(3));
}

#[test]
fn each_root_has_a_higher_epoch_than_the_one_before() {
    let mut map = map(3);
    assert_eq!(map.claim_root(&node("m1"), Epoch::ZERO), Some(Epoch::new(1)));
    assert_eq!(map.claim_root(&node("m1"), Epoch::new(1)), Some(Epoch::new(2)));
    assert_eq!(map.claim_root(&node("m2"), Epoch::new(2)), Some(Epoch::new(3)));
    assert_eq!(map.root(), Some(&RootOwnership { node: node("m2"), epoch: Epoch::new(3) }));
    assert_eq!(map.epoch(), Epoch::new(4));
}

#[test]
fn of_two_who_saw_the_same_root_one_takes_its_place() {
    let mut map = map(3);
    map.claim_root(&node("m1"), Epoch::ZERO);
    assert_eq!(map.claim_root(&node("m2"), Epoch::new(1)), Some(Epoch::new(2)));
    let before = map.clone();
    assert_eq!(map.claim_root(&node("m3"), Epoch::new(1)), None);
    assert_eq!(map.claim_root(&node("m3"), Epoch::ZERO), None);
    assert_eq!(map, before);
}

#[test]
fn a_stream_epoch_is_handed_out_once() {
    let mut map = map(1);
    assert_eq!(map.reserve_stream_epochs(Epoch::ZERO, 5), None, "there is no root");
    let root = map.claim_root(&node("m1"), Epoch::ZERO).unwrap();
    assert_eq!(map.reserve_stream_epochs(root, 1_000), Some(1..1_001));
    assert_eq!(map.reserve_stream_epochs(root, 1), Some(1_001..1_002));
    assert_eq!(map.reserve_stream_epochs(root, 0), Some(1_002..1_002));
    assert_eq!(map.reserve_stream_epochs(root, 5), Some(1_002..1_007));
    assert_eq!(map.stream_epochs_reserved(), Epoch::new(1_006));
}

#[test]
fn a_root_that_was_replaced_takes_no_stream_epochs() {
    let mut map = map(1);
    let first = map.claim_root(&node("m1"), Epoch::ZERO).unwrap();
    map.claim_root(&node("m2"), first);
    let before = map.clone();
    assert_eq!(map.reserve_stream_epochs(first, 5), None);
    assert_eq!(map, before);
}

#[test]
fn a_nodes_claimed_epoch_rises_with_its_start() {
    let mut map = map(3);
    assert_eq!(map.claimed_epoch(&node("p2")), Epoch::new(1));
    map.claim(&node("p2"));
    assert_eq!(map.claimed_epoch(&node("p2")), Epoch::new(2));
    assert_eq!(map.claimed_epoch(&node("p9")), Epoch::ZERO);
    assert_eq!(map.slot_epochs(&node("p2")), Some(Epoch::new(2)..=Epoch::new(2)));
    assert_eq!(map.slot_epochs(&node("p9")), None);
}

#[test]
fn a_new_processor_is_proposed_its_share_and_the_map_stays_as_it_is() {
    let map = map(3);
    assert_eq!(map.moves(&Ring::new(nodes(3))), []);
    let moves = map.moves(&Ring::new(nodes(4)));
    assert!((700..1_350).contains(&moves.len()), "{} moves, 1024 is the fair share", moves.len());
    assert!(moves.iter().all(|proposal| proposal.to == node("p4") && proposal.from == map.owner(proposal.slot).node));
}

#[test]
fn a_ring_without_nodes_proposes_nothing() {
    assert_eq!(map(3).moves(&Ring::new([])), []);
}
