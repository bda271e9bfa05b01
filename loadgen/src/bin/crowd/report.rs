//! What the crowd answers: one object of JSON a line on standard output.
//!
//! Behind the counters. Invariant: what a window says happened within it; what a report says, since the start.

use std::{collections::BTreeMap, io::Write};

use anyhow::Context;
use serde::Serialize;

use crate::{
    clock::{monotonic_ns, own_cpu_ns},
    crowd::Crowd,
    figures::{Figures, Percentiles, Totals},
    laps::{Lap, Laps},
    viewer::Viewer,
};

/// Most points that a report lists: those with the most viewers.
const POINTS_MAX: usize = 32;

/// A number that each viewer has.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Each {
    sum: u64,
    min: u32,
    max: u32,
}

impl Each {
    fn of(viewers: &[Viewer], number: impl Fn(&Viewer) -> u32) -> Self {
        let numbers = || viewers.iter().map(&number);
        Self {
            sum: numbers().map(u64::from).sum(),
            min: numbers().min().unwrap_or(0),
            max: numbers().max().unwrap_or(0),
        }
    }
}

/// One answer.
#[derive(Debug, Serialize)]
#[serde(tag = "did", rename_all = "snake_case")]
pub(crate) enum Answer {
    Join(Joined),
    Reconnect(Joined),
    Window {
        viewers: u32,
        seconds: f64,
        #[serde(flatten)]
        totals: Totals,
        latency_us: Percentiles,
        latency_counts: Vec<(u64, u64)>,
        cpu_s: f64,
        ends: BTreeMap<String, u64>,
        laps: Vec<Lap>,
    },
    Report(Box<Report>),
    Sleep {
        asleep: u64,
    },
    Wake {
        woken: u64,
    },
    End {
        viewers: u32,
    },
    Error {
        error: String,
    },
}

/// All have joined.
#[derive(Debug, Serialize)]
pub(crate) struct Joined {
    viewers: u32,
    seconds: f64,
    joins_per_s: f64,
    /// From the connect to the welcome.
    handshake_us: Percentiles,
    cpu_s: f64,
    ends: BTreeMap<String, u64>,
}

/// How things stand.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    viewers: usize,
    joined: u32,
    asleep: usize,
    #[serde(flatten)]
    totals: Totals,
    each_comments: Each,
    each_shown: Each,
    each_total: Each,
    /// Rows of epoch, seq, and how many viewers are there; most viewers first.
    points: Vec<(u32, u64, u64)>,
    without_view: usize,
    markers: BTreeMap<String, BTreeMap<u32, u64>>,
    laps: Vec<Lap>,
    ends: BTreeMap<String, u64>,
    cpu_s: f64,
}

/// Writes an answer.
pub(crate) fn say(answer: &Answer) -> anyhow::Result<()> {
    let mut line = serde_json::to_vec(answer)?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).context("nobody reads the answers")
}

/// A command that ends when all have joined.
#[derive(Debug)]
pub(crate) struct JoinJob {
    /// Says which command it was.
    pub(crate) did: fn(Joined) -> Answer,
    pub(crate) began_ns: u64,
    pub(crate) cpu_ns: u64,
    pub(crate) ends: BTreeMap<String, u64>,
}

impl JoinJob {
    pub(crate) fn answer(self, viewers: u32, figures: &Figures) -> Answer {
        let seconds = seconds(monotonic_ns() - self.began_ns);
        let handshake_us = figures.handshake.percentiles();
        (self.did)(Joined {
            viewers,
            seconds,
            joins_per_s: handshake_us.count as f64 / seconds,
            handshake_us,
            cpu_s: self::seconds(own_cpu_ns() - self.cpu_ns),
            ends: ends_since(&figures.ends, &self.ends),
        })
    }
}

/// A time in which is counted.
#[derive(Debug)]
pub(crate) struct Window {
    began_ns: u64,
    pub(crate) ends_ns: u64,
    cpu_ns: u64,
    totals: Totals,
    ends: BTreeMap<String, u64>,
}

impl Window {
    pub(crate) fn open(now_ns: u64, seconds: f64, figures: &Figures) -> Self {
        Self {
            began_ns: now_ns,
            ends_ns: now_ns + (seconds.max(0.0) * 1e9) as u64,
            cpu_ns: own_cpu_ns(),
            totals: figures.totals,
            ends: figures.ends.clone(),
        }
    }

    pub(crate) fn answer(self, viewers: u32, figures: &Figures, laps: &Laps) -> Answer {
        let laps = laps.all().into_iter().filter(|lap| lap.first_ns >= self.began_ns);
        Answer::Window {
            viewers,
            seconds: seconds(monotonic_ns() - self.began_ns),
            totals: figures.totals.since(&self.totals),
            latency_us: figures.latency.percentiles(),
            latency_counts: figures.latency.counts(),
            cpu_s: seconds(own_cpu_ns() - self.cpu_ns),
            ends: ends_since(&figures.ends, &self.ends),
            laps: laps.collect(),
        }
    }
}

impl Crowd {
    /// How things stand.
    pub(super) fn report(&self) -> Answer {
        let mut points: BTreeMap<_, u64> = BTreeMap::new();
        for point in self.viewers.iter().filter_map(Viewer::point) {
            *points.entry(point).or_default() += 1;
        }
        let mut points: Vec<_> = points.into_iter().map(|(point, viewers)| (point.epoch, point.seq, viewers)).collect();
        points.sort_by_key(|(_, _, viewers)| std::cmp::Reverse(*viewers));
        points.truncate(POINTS_MAX);
        Answer::Report(Box::new(Report {
            viewers: self.viewers.len(),
            joined: self.joined,
            asleep: self.viewers.iter().filter(|viewer| viewer.asleep).count(),
            totals: self.figures.totals,
            each_comments: Each::of(&self.viewers, |viewer| viewer.comments),
            each_shown: Each::of(&self.viewers, |viewer| viewer.shown),
            each_total: Each::of(&self.viewers, |viewer| viewer.total),
            points,
            without_view: self.viewers.iter().filter(|viewer| viewer.point().is_none()).count(),
            markers: self.marks.counts(),
            laps: self.laps.all(),
            ends: self.figures.ends.clone(),
            cpu_s: seconds(own_cpu_ns()),
        }))
    }
}

fn ends_since(now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let since = |(how, count): (&String, &u64)| (how.clone(), count - before.get(how).copied().unwrap_or(0));
    now.iter().map(since).filter(|(_, count)| *count > 0).collect()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
