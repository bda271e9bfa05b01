//! What the ring promises: the same answer for ever, fair shares, and few keys moved.

use proptest::prelude::*;

use super::*;

fn names(role: &str, count: usize) -> Vec<NodeName> {
    (1..=count).map(|i| format!("{role}{i}").parse().unwrap()).collect()
}

fn ring(count: usize) -> Ring {
    Ring::new(names("p", count))
}

fn keys(count: u32) -> impl Iterator<Item = [u8; 4]> {
    (0..count).map(u32::to_le_bytes)
}

/// How many times the mean the fullest node holds.
fn unevenness(ring: &Ring, count: u32) -> f64 {
    let mut held = vec![0u32; ring.nodes.len()];
    keys(count).for_each(|key| held[ring.walk(&key).next().unwrap()] += 1);
    f64::from(*held.iter().max().unwrap()) * held.len() as f64 / f64::from(count)
}

#[test]
fn a_key_has_the_same_owner_on_every_version() {
    // Golden: processes of different versions must agree. If this changes, running clusters disagree about owners.
    let ring = ring(5);
    let owners: Vec<&str> =
        ["", "a", "demo", "slot 17", "Watershed"].map(|key| ring.owner(key.as_bytes()).unwrap().as_str()).into();
    assert_eq!(owners, GOLDEN);
    let line: Vec<&str> = ring.successors(b"demo", 5).iter().map(|node| node.as_str()).collect();
    assert_eq!(line, GOLDEN_LINE);
}
const GOLDEN: [&str; 5] = ["p4", "p4", "p4", "p3", "p1"];
const GOLDEN_LINE: [&str; 5] = ["p4", "p2", "p3", "p1", "p5"];

#[test]
fn an_empty_ring_owns_nothing() {
    let ring = ring(0);
    assert_eq!(ring.owner(b"demo"), None);
    assert!(ring.successors(b"demo", 3).is_empty());
}

#[test]
fn the_order_and_repetition_of_names_do_not_matter() {
    let mut shuffled = names("p", 5);
    shuffled.reverse();
    shuffled.extend(names("p", 3));
    let (a, b) = (ring(5), Ring::new(shuffled));
    assert_eq!(a.nodes(), b.nodes());
    keys(1_000).for_each(|key| assert_eq!(a.owner(&key), b.owner(&key)));
}

#[test]
fn the_shares_of_a_circle_are_what_keys_find() {
    let ring = ring(5);
    let shares = ring.shares();
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{shares:?}");
    for (node, share) in ring.nodes().iter().zip(&shares) {
        let found = keys(100_000).filter(|key| ring.owner(key) == Some(node)).count() as f64 / 100_000.0;
        assert!((found - share).abs() < 0.01, "{node} has {share} of the circle and {found} of the keys");
    }
    let alone = Ring::new(names("p", 1)).shares();
    assert!(alone.len() == 1 && (alone[0] - 1.0).abs() < 1e-9, "{alone:?}");
    assert!(Ring::new([]).shares().is_empty());
}

#[test]
fn more_points_a_node_even_out_the_shares() {
    let median = |points| {
        let mut all: Vec<f64> =
            (3..=16).map(|nodes| unevenness(&Ring::with_points(names("p", nodes), points), 4_096)).collect();
        all.sort_by(f64::total_cmp);
        println!("{points:>4} points: fullest / mean {:.3} at the median, {:.3} at worst", all[7], all[13]);
        all[7]
    };
    let by_points = [16, 64, 160, 320, 640].map(median);
    assert!(by_points[2] < by_points[0] - 0.1, "{by_points:?}");
}

#[test]
fn no_node_holds_much_more_than_its_share() {
    for nodes in 2..=16 {
        let found = unevenness(&ring(nodes), 4_096);
        println!("{nodes:>2} nodes: fullest / mean {found:.3}");
        assert!(found < 1.35, "{nodes} nodes: {found:.3}");
    }
}

proptest! {
    #[test]
    fn a_node_that_joins_only_takes(count in 1usize..20, key in any::<[u8; 8]>()) {
        let (before, after) = (ring(count), ring(count + 1));
        let (was, is) = (before.owner(&key).unwrap(), after.owner(&key).unwrap());
        let joined: NodeName = format!("p{}", count + 1).parse().unwrap();
        prop_assert!(is == was || *is == joined);
    }

    #[test]
    fn what_a_leaving_node_had_goes_to_the_next_and_nothing_else_moves(count in 2usize..20, left in any::<prop::sample::Index>(), key in any::<[u8; 8]>()) {
        let all = names("p", count);
        let left = left.get(&all).clone();
        let (before, after) = (ring(count), Ring::new(all.into_iter().filter(|node| *node != left)));
        let line = before.successors(&key, 2);
        let heir = if *line[0] == left { line[1] } else { line[0] };
        prop_assert_eq!(after.owner(&key).unwrap(), heir);
    }

    #[test]
    fn successors_are_distinct_and_start_with_the_owner(count in 1usize..20, n in 0usize..25, key in any::<[u8; 8]>()) {
        let ring = ring(count);
        let line = ring.successors(&key, n);
        prop_assert_eq!(line.len(), n.min(count));
        prop_assert_eq!(line.first().copied(), ring.owner(&key).filter(|_| n > 0));
        let mut distinct = line.clone();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), line.len());
    }
}

#[test]
fn a_node_that_joins_takes_about_its_share() {
    let (before, after) = (ring(4), ring(5));
    let moved = keys(10_000).filter(|key| before.owner(key) != after.owner(key)).count();
    assert!((1_500..2_500).contains(&moved), "{moved} of 10000 moved, 2000 is the fair share");
}
