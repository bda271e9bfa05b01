//! What it costs to look at all members with their loads, and to beat with a new load: ten times and four times a second.
//!
//! `cargo run --release --example look`. Invariant: members are as many and as large as they say.
#![expect(clippy::unwrap_used, reason = "a measurement")]

use std::time::Instant;

use watershed_membership::{Load, Member, Membership, STREAMS_REPORTED_MAX, StateDir};
use watershed_protocol::Role;

/// Calls of one measurement.
const CALLS: u32 = 500;

fn main() {
    println!("members   streams reported   a look    a beat with a new load");
    for (members, streams) in [(4, 0), (60, 0), (60, STREAMS_REPORTED_MAX)] {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let streams = (0..streams).map(|i| (format!("stream-{i}").parse().unwrap(), 9)).collect();
        let mut load = Load { viewers: 0, viewers_max: 18_000, draining: false, streams };
        let join = |number: usize| {
            let member = Member {
                name: format!("b{number}").parse().unwrap(),
                role: Role::Broadcast,
                incarnation: number as u64,
                pid: 1,
                peer: None,
                http: "http://127.0.0.1:8080".into(),
                ws: Some("ws://127.0.0.1:8080".into()),
            };
            let lease = state.join(&member).unwrap();
            lease.heartbeat(Some(&load)).unwrap();
            lease
        };
        let leases: Vec<_> = (0..members).map(join).collect();
        let start = Instant::now();
        for _ in 0..CALLS {
            assert!(state.look().unwrap().iter().all(|seen| seen.load.is_some()));
        }
        let look = start.elapsed() / CALLS;
        let start = Instant::now();
        for viewers in 1..=CALLS {
            load.viewers = viewers.into();
            leases[0].heartbeat(Some(&load)).unwrap();
        }
        let beat = start.elapsed() / CALLS;
        println!("{members:>7}   {:>16}   {look:>7.1?}   {beat:.1?}", load.streams.len());
    }
}
