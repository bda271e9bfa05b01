//! What placing a viewer promises: the same answer everywhere, only those move that must, nobody beyond its bound.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const ROOMY: Fill = Fill { viewers: 0, viewers_max: u64::MAX };

fn node(i: usize) -> NodeName {
    format!("b{i}").parse().unwrap()
}

fn ring(nodes: impl IntoIterator<Item = usize>) -> Arc<Ring> {
    Arc::new(Ring::new(nodes.into_iter().map(node)))
}

/// So many nodes without viewers.
fn empty(count: usize) -> Places {
    Places::new(ring(1..=count), |_| ROOMY, 0)
}

fn viewer(i: usize) -> ViewerId {
    format!("viewer-{i}").parse().unwrap()
}

fn stream(i: usize) -> StreamId {
    format!("stream-{i}").parse().unwrap()
}

fn homes(places: &Places, s: usize, spread: u16, viewers: usize) -> BTreeMap<&NodeName, usize> {
    let mut held = BTreeMap::new();
    (0..viewers).for_each(|i| *held.entry(places.home(&stream(s), &viewer(i), spread).unwrap()).or_default() += 1);
    held
}

#[test]
fn a_viewer_belongs_to_the_same_node_on_every_version() {
    // Golden: a viewer is told by any node, of any version, to go to the same place.
    let places = empty(4);
    let homes = |spread| (0..8).map(|i| places.home(&stream(1), &viewer(i), spread).unwrap().as_str()).collect();
    let [one, two, all]: [Vec<&str>; 3] = [1, 2, 4].map(homes);
    assert_eq!((one, two, all), (GOLDEN[0].to_vec(), GOLDEN[1].to_vec(), GOLDEN[2].to_vec()));
}
const GOLDEN: [[&str; 8]; 3] = [
    ["b4", "b4", "b4", "b4", "b4", "b4", "b4", "b4"],
    ["b1", "b1", "b4", "b1", "b4", "b4", "b1", "b4"],
    ["b3", "b2", "b4", "b3", "b3", "b2", "b3", "b2"],
];

#[test]
fn a_small_stream_is_on_one_node_and_a_huge_one_on_all_in_nearly_equal_shares() {
    for nodes in [2, 3, 4, 8, 16, 60] {
        let places = empty(nodes);
        assert_eq!(homes(&places, 1, 1, 100).len(), 1);
        assert_eq!(homes(&places, 1, 0, 100).len(), 1, "a spread of nothing counts as one node");
        let held = homes(&places, 1, u16::MAX, 1_000 * nodes);
        let fullest = *held.values().max().unwrap() as f64 / 1_000.0;
        println!("{nodes:>2} nodes: fullest / mean {fullest:.3}");
        assert_eq!(held.len(), nodes);
        assert!(fullest < 1.15, "{nodes} nodes: {fullest:.3}");
    }
}

#[test]
fn a_stream_that_grows_by_a_node_gives_only_to_the_new_one() {
    let places = empty(8);
    for (s, spread) in (0..50).flat_map(|s| (1..8).map(move |spread| (s, spread))) {
        let next = places.ring.successors(stream(s).as_str().as_bytes(), 8)[usize::from(spread)];
        for i in 0..40 {
            let [was, is] = [spread, spread + 1].map(|spread| places.home(&stream(s), &viewer(i), spread));
            assert!(was == is || is == Some(next), "{was:?} → {is:?}");
        }
    }
}

#[test]
fn whoever_is_full_passes_on_along_the_viewers_order() {
    let places = empty(5);
    let order: Vec<usize> = places.order(&stream(1), &viewer(1), 3);
    for full in 0..=5 {
        let fill = |name: &NodeName| {
            let index = order.iter().position(|node| places.ring.nodes()[*node] == *name).unwrap();
            Fill { viewers: if index < full { 100 } else { 0 }, viewers_max: 100 }
        };
        let places = Places::new(places.ring.clone(), fill, 1_000);
        let found = places.place(&stream(1), &viewer(1), 3, None);
        assert_eq!(found, order.get(full).map(|node| &places.ring.nodes()[*node]), "{full} are full");
    }
}

#[test]
fn whoever_leaves_is_not_named() {
    let places = empty(3);
    let home = places.home(&stream(1), &viewer(1), 3).unwrap().clone();
    assert_eq!(places.place(&stream(1), &viewer(1), 3, None), Some(&home));
    let other = places.place(&stream(1), &viewer(1), 3, Some(&home)).unwrap();
    assert_ne!(*other, home);
    assert_eq!(empty(1).place(&stream(1), &viewer(1), 3, Some(&node(1))), None);
}

#[test]
fn those_who_lose_a_node_do_not_all_ask_the_same_one_next() {
    let (places, lost) = (empty(5), node(2));
    let mut next = BTreeMap::<&NodeName, usize>::new();
    for i in 0..1000 {
        let others: Vec<&NodeName> = places.others(&stream(1), &viewer(i), 5, &lost, 3).collect();
        assert!(others.len() == 3 && !others.contains(&&lost), "{others:?}");
        let home = places.home(&stream(1), &viewer(i), 5).unwrap();
        assert!(*home == lost || others[0] == home, "{others:?} of {home}");
        *next.entry(others[0]).or_default() += 1;
    }
    assert!(next.len() == 4 && next.values().all(|viewers| *viewers > 150), "{next:?}");
}

#[test]
fn without_nodes_nobody_belongs_anywhere() {
    assert_eq!(empty(0).home(&stream(1), &viewer(1), 64), None);
    assert_eq!(empty(0).place(&stream(1), &viewer(1), 64, None), None);
}

#[test]
fn where_some_may_take_only_little_the_others_take_more_than_their_bound() {
    // b1 and b2 may hold 10, b3 a hundred: the mean says 25, and b3 must take what the others cannot.
    let max = |name: &NodeName| if *name == node(3) { 100 } else { 10 };
    let fill = |name: &NodeName| Fill { viewers: if *name == node(3) { 40 } else { 10 }, viewers_max: max(name) };
    let places = Places::new(ring(1..=3), fill, 0);
    assert!(places.bound_of(100) < 40);
    assert_eq!(places.place(&stream(1), &viewer(1), 3, None), Some(&node(3)));
}

proptest! {
    #[test]
    fn when_a_node_joins_only_those_move_that_must(nodes in 1..12_usize, spread in 1..14_u16, s in 0..10_000_usize) {
        let (before, after) = (empty(nodes), empty(nodes + 1));
        let joined = node(nodes + 1);
        let first = |places: &Places| -> Vec<NodeName> {
            let key = stream(s);
            places.ring.successors(key.as_str().as_bytes(), spread.into()).into_iter().cloned().collect()
        };
        let (had, has) = (first(&before), first(&after));
        for i in 0..50 {
            let was = before.home(&stream(s), &viewer(i), spread).unwrap();
            let is = after.home(&stream(s), &viewer(i), spread).unwrap();
            // To the new node, or from the one whose place it has taken.
            prop_assert!(was == is || *is == joined || (had.contains(was) && !has.contains(was)));
        }
    }

    #[test]
    fn when_a_node_leaves_only_its_own_move(nodes in 2..12_usize, gone in 1..12_usize, spread in 1..14_u16, s in 0..10_000_usize) {
        let gone = 1 + gone % nodes;
        let (before, after) = (empty(nodes), Places::new(ring((1..=nodes).filter(|i| *i != gone)), |_| ROOMY, 0));
        for i in 0..50 {
            let was = before.home(&stream(s), &viewer(i), spread).unwrap();
            let is = after.home(&stream(s), &viewer(i), spread).unwrap();
            // Whoever has come into the stream's nodes in its place may take its share of all.
            let joined = !before.ring.successors(stream(s).as_str().as_bytes(), spread.into()).contains(&is);
            prop_assert!(was == is || *was == node(gone) || joined);
        }
    }

    #[test]
    fn no_node_is_filled_beyond_its_bound(
        maxima in prop::collection::vec(1..60_u64, 1..8), spread in 1..10_u16, free in 0..20_u64, viewers in 0..300_usize,
    ) {
        let room: u64 = maxima.iter().sum();
        let ring = ring(1..=maxima.len());
        let mut held = BTreeMap::<NodeName, u64>::new();
        for i in 0..viewers {
            let max = |name: &NodeName| maxima[name.as_str()[1..].parse::<usize>().unwrap() - 1];
            let fill = |name: &NodeName| Fill { viewers: held.get(name).copied().unwrap_or(0), viewers_max: max(name) };
            let places = Places::new(ring.clone(), fill, free);
            let placed = places.place(&stream(i % 3), &viewer(i), spread, None).cloned();
            prop_assert_eq!(placed.is_some(), (i as u64) < room, "all are full, or nobody is turned away");
            let Some(placed) = placed else { break };
            let has = *held.entry(placed.clone()).and_modify(|held| *held += 1).or_insert(1);
            let nodes_below = maxima.iter().zip(1..).any(|(max, number)| {
                let has = held.get(&node(number)).copied().unwrap_or(0) - u64::from(node(number) == placed);
                has < places.bound_of(*max)
            });
            prop_assert!(has <= max(&placed));
            prop_assert!(has <= places.bound_of(max(&placed)) || !nodes_below, "{} has {}", placed, has);
        }
    }

    #[test]
    fn all_nodes_with_the_same_facts_give_the_same_answer(
        nodes in 1..20_usize, loads in prop::collection::vec(0..100_u64, 20), spread in 1..20_u16, s in 0..1_000_usize,
    ) {
        let fill = |name: &NodeName| Fill { viewers: loads[name.as_str()[1..].parse::<usize>().unwrap() - 1], viewers_max: 90 };
        let one = Places::new(ring(1..=nodes), fill, 10);
        let other = Places::new(ring((1..=nodes).rev()), fill, 10);
        for i in 0..20 {
            prop_assert_eq!(
                one.place(&stream(s), &viewer(i), spread, None),
                other.place(&stream(s), &viewer(i), spread, None)
            );
        }
    }
}
