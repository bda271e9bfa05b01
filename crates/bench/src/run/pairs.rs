//! What a frame, a join and an idle viewer cost: floor, ours and naive in alternation.
//!
//! The first table. Invariant: a ratio is of two sittings that followed each other; only then the median is taken.

use super::{
    spread::Spread,
    stage::{Joined, Kind, Measured, Setting, Stage},
};
use crate::orders::Order;

/// Deliveries a second that one core does not reach: twice what the bare loop does here.
const FLAT_OUT_PER_S: f64 = 240_000.0;
/// Time for a new rate to settle.
const WARM_S: f64 = 0.5;

/// How much to measure.
#[derive(Clone, Debug)]
pub(crate) struct Pairs {
    pub(crate) pairs: usize,
    pub(crate) window_s: f64,
    pub(crate) viewers: Vec<u32>,
    /// 0: flat out.
    pub(crate) rates: Vec<f64>,
}

/// One server, one crowd, all rates.
struct Sitting {
    joined: Joined,
    bytes_per_viewer: f64,
    join_cpu_us: f64,
    /// One for each rate.
    measured: Vec<Measured>,
}

/// Prints the tables of frames and of joins.
pub(crate) fn frames(setting: &Setting, pairs: &Pairs) -> anyhow::Result<()> {
    for &viewers in &pairs.viewers {
        // For each kind its sittings.
        let mut sittings: [Vec<Sitting>; 3] = Default::default();
        for pair in 0..pairs.pairs {
            for step in 0..Kind::ALL.len() {
                // The order turns, so that none always follows the same.
                let place = (step + pair) % Kind::ALL.len();
                sittings[place].push(sit(setting, Kind::ALL[place], viewers, pairs)?);
            }
        }
        print_frames(viewers, pairs, &sittings);
        print_joins(viewers, &sittings);
    }
    Ok(())
}

fn sit(setting: &Setting, kind: Kind, viewers: u32, pairs: &Pairs) -> anyhow::Result<Sitting> {
    let mut stage = Stage::open(setting, kind, 1)?;
    let (bytes, cpu_ns) = (stage.resident_bytes()?, stage.cpu_ns()?);
    let joined = stage.join(viewers)?;
    let join_cpu_us = (stage.cpu_ns()? - cpu_ns) as f64 / 1e3 / f64::from(viewers);
    let bytes_per_viewer = stage.resident_bytes()?.saturating_sub(bytes) as f64 / f64::from(viewers);
    let mut measured = Vec::new();
    for &rate in &pairs.rates {
        let frames_per_s = if rate > 0.0 { rate } else { FLAT_OUT_PER_S / f64::from(viewers) };
        stage.publish(Order { frames_per_s, ..Order::QUIET })?;
        stage.measure(WARM_S)?;
        measured.push(stage.measure(pairs.window_s)?);
    }
    Ok(Sitting { joined, bytes_per_viewer, join_cpu_us, measured })
}

fn print_frames(viewers: u32, pairs: &Pairs, [floor, ours, naive]: &[Vec<Sitting>; 3]) {
    println!("\n{viewers} viewers, {} sittings each, windows of {} s\n", floor.len(), pairs.window_s);
    println!(
        "| frames/s | floor us/frame | ours us/frame | naive us/frame | ours / floor | ours / naive | \
         frames/s got: floor, ours, naive | p50 / p99 ms: floor, ours, naive | client us/frame | broken chains | most stolen, others |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for (place, rate) in pairs.rates.iter().enumerate() {
        let cost = |of: &[Sitting]| Spread::of(of.iter().map(|sitting| sitting.measured[place].us_per_delivery()));
        let ratio = |of: &[Sitting], to: &[Sitting]| {
            let us = |sitting: &Sitting| sitting.measured[place].us_per_delivery();
            Spread::of(of.iter().zip(to).map(|(one, other)| us(one) / us(other)))
        };
        let median = |of: &[Sitting], number: fn(&Measured) -> f64| {
            Spread::of(of.iter().map(|sitting| number(&sitting.measured[place]))).median
        };
        let got = |of| median(of, Measured::deliveries_per_s);
        let p50 = |of| median(of, |measured| measured.window.latency_us.p50 as f64 / 1e3);
        let p99 = |of| median(of, |measured| measured.window.latency_us.p99 as f64 / 1e3);
        let broken: u64 = ours.iter().map(|sitting| sitting.measured[place].window.chain_errors).sum();
        let most = |number: fn(&Measured) -> f64| {
            let all = floor.iter().chain(ours).chain(naive);
            Spread::of(all.map(|sitting| number(&sitting.measured[place]))).greatest
        };
        let stolen = most(|measured| measured.stolen_percent);
        let others = most(|measured| measured.others_percent);
        let rate = if *rate > 0.0 { rate.to_string() } else { "flat out".into() };
        println!(
            "| {rate} | {:.1} | {:.1} | {:.1} | {:.2} | {:.2} | {:.0}, {:.0}, {:.0} | {:.0} / {:.0}, {:.0} / {:.0}, \
             {:.0} / {:.0} | {:.1} | {broken} | {stolen:.0}%, {others:.0}% |",
            cost(floor),
            cost(ours),
            cost(naive),
            ratio(ours, floor),
            ratio(ours, naive),
            got(floor),
            got(ours),
            got(naive),
            p50(floor),
            p99(floor),
            p50(ours),
            p99(ours),
            p50(naive),
            p99(naive),
            median(ours, Measured::client_us_per_delivery),
        );
    }
}

fn print_joins(viewers: u32, [floor, ours, naive]: &[Vec<Sitting>; 3]) {
    println!(
        "\n| {viewers} viewers | joins/s | of the floor | us of CPU a join | handshake p50 / p99 ms | bytes a viewer |"
    );
    println!("|---|---|---|---|---|---|");
    for (name, of) in [("floor", floor), ("ours", ours), ("naive", naive)] {
        let spread = |number: fn(&Sitting) -> f64| Spread::of(of.iter().map(number));
        let rate = |sitting: &Sitting| sitting.joined.joins_per_s;
        let ratio = Spread::of(of.iter().zip(floor).map(|(one, other)| rate(one) / rate(other)));
        println!(
            "| {name} | {:.0} | {ratio:.2} | {:.1} | {:.0} / {:.0} | {:.0} |",
            spread(rate),
            spread(|sitting| sitting.join_cpu_us),
            spread(|sitting| sitting.joined.handshake_us.p50 as f64 / 1e3).median,
            spread(|sitting| sitting.joined.handshake_us.p99 as f64 / 1e3).median,
            spread(|sitting| sitting.bytes_per_viewer),
        );
    }
}
