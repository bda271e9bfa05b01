//! The scenes of the budgets: idle, asleep, overload, reconnection, one hot stream. Ours alone.
//!
//! Each prints what was asked and what was found. Invariant: a scene ends by checking that nothing was lost: all viewers
//! at the last frame, with every comment and the last count.

use anyhow::ensure;
use serde_json::Value;

use super::stage::{Kind, Measured, Setting, Stage};
use crate::orders::{Order, Status};

/// As many viewers as the budgets speak of.
const VIEWERS: u32 = 15_000;
/// Time for a new rate to settle.
const WARM_S: f64 = 1.0;

/// Viewers who are sent nothing but beats: bytes and processor time of each.
pub(crate) fn idle(setting: &Setting, quick: bool) -> anyhow::Result<()> {
    let mut stage = Stage::open(setting, Kind::Ours, 1)?;
    let before = stage.resident_bytes()?;
    let joined = stage.join(VIEWERS)?;
    let bytes = stage.resident_bytes()?.saturating_sub(before) / u64::from(VIEWERS);
    stage.measure(WARM_S)?;
    // A beat comes every 20 s.
    let measured = stage.measure(if quick { 21.0 } else { 61.0 })?;
    let us = measured.server_cpu_ns as f64 / 1e3 / f64::from(VIEWERS) / measured.window.seconds;
    println!("\nidle: {VIEWERS} viewers for {:.0} s\n", measured.window.seconds);
    println!("| joins/s | bytes a viewer | us/s of CPU a viewer | beats | connections lost | stolen / others |");
    println!("|---|---|---|---|---|---|");
    println!(
        "| {:.0} | {bytes} | {us:.3} | {} | {} | {} |",
        joined.joins_per_s,
        measured.window.beats,
        lost(&measured),
        measured.noise()
    );
    Ok(())
}

/// A tenth of the viewers reads nothing, with frames of 8 KB so that their sockets fill: what the others feel of it.
pub(crate) fn asleep(setting: &Setting, quick: bool) -> anyhow::Result<()> {
    const SLEEPY: u32 = 5_000;
    let mut stage = Stage::open(setting, Kind::Ours, 1)?;
    stage.join(SLEEPY)?;
    stage.publish(Order { frames_per_s: 5.0, comments: 10, bytes: 700 })?;
    stage.measure(WARM_S)?;
    let awake = stage.measure(if quick { 4.0 } else { 20.0 })?;
    let bytes_awake = stage.resident_bytes()?;
    stage.sleep(0.1)?;
    let asleep = stage.measure(if quick { 12.0 } else { 60.0 })?;
    let bytes_asleep = stage.resident_bytes()?;
    stage.sleep(0.0)?;
    let woken = stage.measure(5.0)?;
    println!("\nasleep: {SLEEPY} viewers, 5 frames/s of 8 KB, a tenth reads nothing\n");
    println!(
        "| | p50 / p99 ms of the others | us/frame | frames/s | MiB of the process | closed | broken chains | stolen / others |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (name, measured, bytes) in [
        ("all awake", &awake, bytes_awake),
        ("a tenth asleep", &asleep, bytes_asleep),
        ("awake again", &woken, stage.resident_bytes()?),
    ] {
        println!(
            "| {name}, {:.0} s | {} | {:.1} | {:.0} | {:.1} | {} | {} | {} |",
            measured.window.seconds,
            latency(measured),
            measured.us_per_delivery(),
            measured.deliveries_per_s(),
            bytes as f64 / 1_048_576.0,
            ends(measured),
            measured.window.chain_errors,
            measured.noise(),
        );
    }
    let (status, _) = stage.settle()?;
    println!("\nall viewers at the last frame, {}; the server says: {}", status.seq, closes(&status));
    Ok(())
}

/// Offered ten times what can be sent one by one: frames merge, nobody is dropped, nothing is lost.
pub(crate) fn overload(setting: &Setting, quick: bool) -> anyhow::Result<()> {
    // One core sends some 75,000 frames a second to so many.
    const FRAMES_PER_S: f64 = 50.0;
    let mut stage = Stage::open(setting, Kind::Ours, 1)?;
    stage.join(VIEWERS)?;
    stage.publish(Order { frames_per_s: FRAMES_PER_S, ..Order::QUIET })?;
    stage.measure(WARM_S)?;
    let measured = stage.measure(if quick { 5.0 } else { 20.0 })?;
    let (status, report) = stage.settle()?;
    let window = &measured.window;
    let figure = |name: &str| status.figures.get(name).copied().unwrap_or(0);
    println!(
        "\noverload: {VIEWERS} viewers, {FRAMES_PER_S} frames/s offered = {:.0}/s\n",
        FRAMES_PER_S * f64::from(VIEWERS)
    );
    println!(
        "| writes/s | us/write | comments/s | us/comment | p50 / p99 / most ms | turn: mean, longest ms | merged | \
         snapshots | broken chains | closed | stolen / others |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    println!(
        "| {:.0} | {:.1} | {:.0} | {:.2} | {} / {:.0} | {:.0}, {:.0} | {:.0}% | {} | {} | {} | {} |",
        measured.deliveries_per_s(),
        measured.us_per_delivery(),
        window.comments as f64 / window.seconds,
        measured.server_cpu_ns as f64 / 1e3 / window.comments.max(1) as f64,
        latency(&measured),
        window.latency_us.max as f64 / 1e3,
        figure("turn_us") as f64 / 1e3 / figure("turns").max(1) as f64,
        figure("turn_us_max") as f64 / 1e3,
        100.0 * window.merged as f64 / window.deliveries.max(1) as f64,
        window.snapshots,
        window.chain_errors,
        ends(&measured),
        measured.noise(),
    );
    exact(&status, &report)
}

/// All viewers lose their connections at once and resume, with frames going on.
pub(crate) fn reconnect(setting: &Setting) -> anyhow::Result<()> {
    let mut stage = Stage::open(setting, Kind::Ours, 2)?;
    stage.join(VIEWERS)?;
    stage.publish(Order { frames_per_s: 5.0, ..Order::QUIET })?;
    stage.measure(WARM_S)?;
    println!("\nreconnect: {VIEWERS} viewers at once, 5 frames/s going on, two workers, two cores with the client\n");
    println!("| s until all have resumed | joins/s | handshake p50 / p99 ms | failed tries | server CPU s |");
    println!("|---|---|---|---|---|");
    for _ in 0..3 {
        let cpu_ns = stage.cpu_ns()?;
        let joined = stage.reconnect(VIEWERS)?;
        println!(
            "| {:.2} | {:.0} | {:.0} / {:.0} | {:?} | {:.2} |",
            joined.seconds,
            joined.joins_per_s,
            joined.handshake_us.p50 as f64 / 1e3,
            joined.handshake_us.p99 as f64 / 1e3,
            joined.ends,
            (stage.cpu_ns()? - cpu_ns) as f64 / 1e9,
        );
        stage.measure(WARM_S)?;
    }
    let (status, report) = stage.settle()?;
    println!(
        "\nchains broken: {}, snapshots beyond the first: {}",
        report["chain_errors"],
        snapshots_beyond_first(&report)
    );
    exact(&status, &report)
}

/// One stream on two workers: how evenly they work.
pub(crate) fn hot(setting: &Setting, quick: bool) -> anyhow::Result<()> {
    let mut stage = Stage::open(setting, Kind::Ours, 2)?;
    stage.join(VIEWERS)?;
    stage.publish(Order { frames_per_s: 5.0, ..Order::QUIET })?;
    stage.measure(WARM_S)?;
    let measured = stage.measure(if quick { 3.0 } else { 10.0 })?;
    println!("\nhot: one stream, {VIEWERS} viewers, 5 frames/s, two workers, two cores with the client\n");
    println!("| thread | CPU s | us/frame of all | frames/s | p50 / p99 ms | stolen / others |");
    println!("|---|---|---|---|---|---|");
    for (name, ns) in &measured.threads_cpu_ns {
        println!(
            "| {name} | {:.2} | {:.1} | {:.0} | {} | {} |",
            *ns as f64 / 1e9,
            measured.us_per_delivery(),
            measured.deliveries_per_s(),
            latency(&measured),
            measured.noise()
        );
    }
    let (status, report) = stage.settle()?;
    exact(&status, &report)
}

/// Every viewer has every comment and the last count, or this is an error.
fn exact(status: &Status, report: &Value) -> anyhow::Result<()> {
    let each = &report["each_total"];
    let counts = report["markers"].as_object().into_iter().flatten().next();
    let last = counts.map(|(_, counts)| &counts[status.seq.to_string()]);
    let viewers = report["viewers"].as_u64();
    println!(
        "\nexact: {} viewers at frame {}; comments each: {} to {}, of {}; with the last count: {}",
        report["viewers"],
        status.seq,
        each["min"],
        each["max"],
        status.comments,
        last.unwrap_or(&Value::Null)
    );
    ensure!(
        report["chain_errors"].as_u64() == Some(0),
        "{} frames did not continue what was there",
        report["chain_errors"]
    );
    ensure!(last.and_then(Value::as_u64) == viewers, "not every viewer has the last count of the marker");
    Ok(())
}

fn snapshots_beyond_first(report: &Value) -> i64 {
    let number = |name: &str| report[name].as_i64().unwrap_or(0);
    number("snapshots") - number("viewers")
}

fn latency(measured: &Measured) -> String {
    let times = &measured.window.latency_us;
    format!("{:.0} / {:.0}", times.p50 as f64 / 1e3, times.p99 as f64 / 1e3)
}

fn lost(measured: &Measured) -> u64 {
    measured.window.ends.values().sum()
}

fn ends(measured: &Measured) -> String {
    if measured.window.ends.is_empty() { "none".into() } else { format!("{:?}", measured.window.ends) }
}

/// The connections that the server has closed, by the reason.
fn closes(status: &Status) -> String {
    let closed = status.figures.iter().filter(|(name, count)| name.starts_with("closed_") && **count > 0);
    let closed: Vec<_> = closed.map(|(name, count)| format!("{name} {count}")).collect();
    if closed.is_empty() { "nobody closed".into() } else { closed.join(", ") }
}
