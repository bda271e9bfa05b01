//! Where a viewer belongs: the broadcast node that should hold this viewer of this stream.
//!
//! Asked by broadcast nodes (`welcome`, `/place`); it is advice: a viewer who connects elsewhere is served all the same.
//!
//! A stream's viewers fall into `spread` parts by a hash of the viewer's name, and each part goes to a node by the ring.
//! The spread comes from the configuration, the same for all streams: loads are not reported, so nobody can tell a
//! small stream from a huge one, and a stream is spread as if it were huge. It is therefore on all nodes, which costs a
//! small stream one subscription a node and nothing else.
//!
//! With few parts, chance alone gives one node far more than another, so the parts of one stream are placed with
//! bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016): a node that has its fill passes the part on to the next
//! on the ring.
//!
//! Invariant: no node has more than 1.25 times its fair share of one stream's parts, rounded up.

use watershed_protocol::{NodeName, StreamId, ViewerId};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{Ring, ring::SEED};

/// How many parts a stream's viewers fall into when the configuration does not say.
///
/// 64: enough that a part of the hottest stream (1.6% of its viewers) fits any node.
pub const SPREAD_DEFAULT: u16 = 64;

/// The node where `viewer` of `stream` belongs; none when the ring has no nodes. A spread of 0 counts as 1.
///
/// Costs up to `spread` lookups: about 4 µs with 64 parts and 16 nodes.
pub fn place_viewer<'r>(ring: &'r Ring, stream: &StreamId, viewer: &ViewerId, spread: u16) -> Option<&'r NodeName> {
    let spread = spread.max(1);
    let part = xxh3_64_with_seed(viewer.as_str().as_bytes(), SEED) % u64::from(spread);
    place_parts(ring, stream, spread).nth(part as usize)
}

/// The nodes of parts 0, 1, 2 and so on, in order: where a part goes depends only on the parts before it.
fn place_parts<'r>(ring: &'r Ring, stream: &StreamId, spread: u16) -> impl Iterator<Item = &'r NodeName> {
    let nodes = ring.nodes().len();
    let parts_max = (usize::from(spread) * 5).div_ceil(nodes.max(1) * 4);
    let mut held = vec![0; nodes];
    let mut key = part_key(stream);
    (0..spread).map_while(move |part| {
        let number = key.len() - 2;
        key[number..].copy_from_slice(&part.to_le_bytes());
        let node = ring.walk(&key).find(|&node| held[node] < parts_max)?;
        held[node] += 1;
        Some(&ring.nodes()[node])
    })
}

/// The key of part 0: the stream's length (one byte), its name, the number of the part (two bytes, little-endian).
fn part_key(stream: &StreamId) -> Vec<u8> {
    let name = stream.as_str().as_bytes();
    let mut key = Vec::with_capacity(name.len() + 3);
    key.push(name.len() as u8); // A name is at most 64 bytes.
    key.extend_from_slice(name);
    key.extend_from_slice(&[0; 2]);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring(count: usize) -> Ring {
        Ring::new((1..=count).map(|i| format!("b{i}").parse().unwrap()))
    }

    fn viewer(i: usize) -> ViewerId {
        format!("viewer-{i}").parse().unwrap()
    }

    fn stream(i: usize) -> StreamId {
        format!("stream-{i}").parse().unwrap()
    }

    #[test]
    fn a_viewer_belongs_to_the_same_node_on_every_version() {
        // Golden: a viewer is told by any node, of any version, to go to the same place.
        let ring = ring(4);
        let places: Vec<&str> =
            (0..8).map(|i| place_viewer(&ring, &stream(1), &viewer(i), 64).unwrap().as_str()).collect();
        assert_eq!(places, GOLDEN);
    }
    const GOLDEN: [&str; 8] = ["b3", "b1", "b3", "b4", "b4", "b4", "b2", "b4"];

    #[test]
    fn a_huge_stream_is_on_all_nodes_in_nearly_equal_shares() {
        for nodes in [2, 3, 4, 8, 16] {
            let ring = ring(nodes);
            let mut held = std::collections::BTreeMap::<_, u32>::new();
            (0..16_000).for_each(|i| *held.entry(place_viewer(&ring, &stream(1), &viewer(i), 64)).or_default() += 1);
            let fullest = f64::from(*held.values().max().unwrap()) * nodes as f64 / 16_000.0;
            println!("{nodes:>2} nodes: fullest / mean {fullest:.3}");
            assert_eq!(held.len(), nodes);
            assert!(fullest < 1.4, "{nodes} nodes: {fullest:.3}");
        }
    }

    #[test]
    fn an_unspread_stream_is_on_one_node() {
        let ring = ring(4);
        for i in 1..100 {
            assert_eq!(place_viewer(&ring, &stream(1), &viewer(0), 1), place_viewer(&ring, &stream(1), &viewer(i), 0));
        }
    }

    #[test]
    fn no_node_takes_more_parts_of_a_stream_than_its_bounded_share() {
        let ring = ring(4);
        for s in 0..200 {
            let parts: Vec<_> = place_parts(&ring, &stream(s), 64).collect();
            assert_eq!(parts.len(), 64);
            ring.nodes().iter().for_each(|node| assert!(parts.iter().filter(|at| **at == node).count() <= 20));
        }
    }

    #[test]
    fn few_viewers_move_when_a_node_joins() {
        let (before, after) = (ring(4), ring(5));
        let moved = (0..200)
            .flat_map(|s| {
                place_parts(&before, &stream(s), 64).zip(place_parts(&after, &stream(s), 64)).collect::<Vec<_>>()
            })
            .filter(|(was, is)| was != is)
            .count();
        println!("{moved} of 12800 parts moved, 2560 is the least");
        assert!(moved < 5_120, "{moved} of 12800 parts moved, 2560 is the least");
    }

    #[test]
    fn without_nodes_nobody_belongs_anywhere() {
        assert_eq!(place_viewer(&ring(0), &stream(1), &viewer(1), 64), None);
    }
}
