//! How evenly slots and viewers fall, and how few of them move: figures, printed with `--nocapture`, and their bounds.
//!
//! The bounds of single keys are in the ring's own tests; here it is all slots of a map and crowds of viewers.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use watershed_placement::{Fill, Map, Places, Ring};
use watershed_protocol::{ClusterKey, NodeName, Slot, StreamId, ViewerId};

fn names(letter: char, numbers: impl IntoIterator<Item = usize>) -> Vec<NodeName> {
    numbers.into_iter().map(|number| format!("{letter}{number}").parse().unwrap()).collect()
}

fn map(processors: &[NodeName]) -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), processors).unwrap()
}

/// How many times the mean the fullest has.
fn fullest(held: impl IntoIterator<Item = usize>) -> f64 {
    let held: Vec<usize> = held.into_iter().collect();
    let (max, sum) = (held.iter().max().copied().unwrap_or(0), held.iter().sum::<usize>());
    (max * held.len()) as f64 / sum as f64
}

/// These nodes, with room for everybody.
fn places(nodes: impl IntoIterator<Item = NodeName>) -> Places {
    Places::new(Arc::new(Ring::new(nodes)), |_| Fill { viewers: 0, viewers_max: u64::MAX }, 0)
}

fn viewers_held(places: &Places, stream: &StreamId, spread: u16, viewers: usize) -> BTreeMap<NodeName, usize> {
    let mut held: BTreeMap<NodeName, usize> = places.ring().nodes().iter().map(|node| (node.clone(), 0)).collect();
    for number in 0..viewers {
        let viewer: ViewerId = format!("viewer-{number}").parse().unwrap();
        *held.get_mut(places.home(stream, &viewer, spread).unwrap()).unwrap() += 1;
    }
    held
}

#[test]
fn slots_and_viewers_fall_evenly_enough() {
    println!("nodes   slots: max/mean   viewers of a huge stream: max/mean   of 2000 small ones together: max/mean");
    for nodes in [1, 2, 3, 4, 6, 8, 12, 16, 32] {
        let processors = names('p', 1..=nodes);
        let slots = fullest(processors.iter().map(|node| map(&processors).slots_of(node).len()));
        let places = places(names('b', 1..=nodes));
        let stream = |number: usize| format!("stream-{number}").parse().unwrap();
        let huge = fullest(viewers_held(&places, &stream(1), u16::MAX, 1_000 * nodes).into_values());
        let mut all = BTreeMap::<NodeName, usize>::new();
        for number in 0..2_000 {
            viewers_held(&places, &stream(number), 1, 2)
                .into_iter()
                .for_each(|(node, held)| *all.entry(node).or_default() += held);
        }
        let all = fullest(all.into_values());
        println!("{nodes:>5}   {slots:>15.3}   {huge:>34.3}   {all:>39.3}");
        assert!(slots < 1.35, "{nodes} processors: {slots:.3}");
        assert!(huge < 1.15, "{nodes} broadcast nodes, one stream: {huge:.3}");
        // What the ring gives unevenly, and chance with it; loads level the rest.
        assert!(all < 1.6, "{nodes} broadcast nodes, many streams: {all:.3}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn when_a_processor_joins_slots_move_to_it_alone_and_about_its_share(nodes in 1usize..24) {
        let before = map(&names('p', 1..=nodes));
        let joined: NodeName = format!("p{}", nodes + 1).parse().unwrap();
        let moves = before.moves(&Ring::new(names('p', 1..=nodes + 1)));
        let fair = Slot::COUNT as f64 / (nodes + 1) as f64;
        prop_assert!(moves.iter().all(|proposal| proposal.to == joined));
        prop_assert!((0.6 * fair..1.4 * fair).contains(&(moves.len() as f64)), "{} moved, {:.0} is fair", moves.len(), fair);
    }

    #[test]
    fn when_a_processor_leaves_only_its_slots_move_and_to_several(nodes in 3usize..24, left in any::<prop::sample::Index>()) {
        let all = names('p', 1..=nodes);
        let left = left.get(&all).clone();
        let before = map(&all);
        let ring = Ring::new(all.iter().filter(|node| **node != left).cloned());
        let moves = before.moves(&ring);
        prop_assert!(moves.iter().all(|proposal| proposal.from == left));
        prop_assert_eq!(moves.len(), before.slots_of(&left).len());
        let mut heirs: Vec<_> = moves.iter().map(|proposal| &proposal.to).collect();
        heirs.sort();
        heirs.dedup();
        prop_assert!(heirs.len() > 1, "one node has to take everything");
    }

    #[test]
    fn a_node_that_comes_back_finds_everything_as_it_was(nodes in 2usize..16, left in any::<prop::sample::Index>()) {
        let all = names('p', 1..=nodes);
        let left = left.get(&all).clone();
        let without = map(&all.iter().filter(|node| **node != left).cloned().collect::<Vec<_>>());
        let back = without.moves(&Ring::new(all.clone()));
        let whole = map(&all);
        prop_assert_eq!(back.len(), whole.slots_of(&left).len());
        prop_assert!(back.iter().all(|proposal| whole.owner(proposal.slot).node == left));
    }
}
