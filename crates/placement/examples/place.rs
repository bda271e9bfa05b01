//! What it costs to place a viewer, and to learn new loads and new members: `cargo run --release --example place`.
//!
//! Every join asks once; loads come ten times a second at most, members seldom. Invariant: nothing is measured but calls
//! that a broadcast node makes.
#![expect(clippy::unwrap_used, clippy::disallowed_types, clippy::disallowed_methods, reason = "a measurement")]

use std::{hint::black_box, sync::Arc, time::Instant};

use watershed_placement::{Fill, Places, Ring};
use watershed_protocol::{NodeName, StreamId, ViewerId};

/// Calls of one measurement.
const CALLS: usize = 20_000;

fn main() {
    println!("nodes   new members   new loads   a place of 1   a place of all");
    for nodes in [4_u64, 16, 60] {
        let names: Vec<NodeName> = (1..=nodes).map(|number| format!("b{number}").parse().unwrap()).collect();
        let fill = |_: &NodeName| Fill { viewers: 1_000, viewers_max: 18_000 };
        let ring = Arc::new(Ring::new(names.clone()));
        let places = Places::new(ring.clone(), fill, 1_000);
        let stream: StreamId = "final".parse().unwrap();
        let viewers: Vec<ViewerId> = (0..CALLS).map(|number| format!("viewer-{number}").parse().unwrap()).collect();
        let built = us(CALLS / 100, |_| drop(black_box(Ring::new(names.clone()))));
        let learned = us(CALLS, |_| drop(black_box(Places::new(ring.clone(), fill, 1_000))));
        let place = |spread| us(CALLS, |call| assert!(places.place(&stream, &viewers[call], spread, None).is_some()));
        let (one, all) = (place(1), place(u16::MAX));
        println!("{nodes:>5}   {built:>8.1} µs   {learned:>6.2} µs   {one:>9.2} µs   {all:>11.2} µs");
    }
}

/// Microseconds of one call.
fn us(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    (0..calls).for_each(&mut call);
    start.elapsed().as_secs_f64() * 1e6 / calls as f64
}
