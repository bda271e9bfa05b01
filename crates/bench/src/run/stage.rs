//! One sitting: a server of one kind, and a crowd that watches it.
//!
//! Beneath the scenes. Invariant: the server's processor time is read at the moments at which the crowd's window opens and
//! closes, so cost and deliveries are of the same time.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::{
    machine::{Ticks, cpu_ns, cpu_ns_by_thread, resident_bytes},
    process::Process,
};
use crate::orders::{Order, Status};

/// Longest time until all viewers have all frames, once no more are sent.
const QUIET_WAIT: Duration = Duration::from_secs(60);

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Floor,
    Ours,
    Naive,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Floor, Self::Ours, Self::Naive];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Ours => "ours",
            Self::Naive => "naive",
        }
    }
}

/// Where the programs are, and how the client reads.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) fanout: PathBuf,
    pub(crate) crowd: PathBuf,
    pub(crate) nap_us: u64,
}

/// A server and its crowd.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) server: Process,
    crowd: Process,
}

/// Times in microseconds, as the crowd tells them.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Times {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) max: u64,
}

/// What the crowd says of a join or a reconnection.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Joined {
    pub(crate) seconds: f64,
    pub(crate) joins_per_s: f64,
    pub(crate) handshake_us: Times,
    pub(crate) ends: BTreeMap<String, u64>,
}

/// What the crowd says of a window.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Window {
    pub(crate) seconds: f64,
    pub(crate) deliveries: u64,
    pub(crate) merged: u64,
    pub(crate) snapshots: u64,
    pub(crate) comments: u64,
    pub(crate) beats: u64,
    pub(crate) chain_errors: u64,
    pub(crate) latency_us: Times,
    pub(crate) cpu_s: f64,
    pub(crate) ends: BTreeMap<String, u64>,
}

/// A window, and what the server spent in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Measured {
    pub(crate) window: Window,
    pub(crate) server_cpu_ns: u64,
    /// Of each thread of the server.
    pub(crate) threads_cpu_ns: BTreeMap<String, u64>,
    /// What the host took of this machine.
    pub(crate) stolen_percent: f64,
    /// What neither the server nor the crowd used of it: others' work, and the kernel's beside them.
    pub(crate) others_percent: f64,
}

impl Measured {
    /// Processor time of the server for one delivered frame.
    pub(crate) fn us_per_delivery(&self) -> f64 {
        self.server_cpu_ns as f64 / 1e3 / self.window.deliveries.max(1) as f64
    }

    /// Processor time of the crowd for the same.
    pub(crate) fn client_us_per_delivery(&self) -> f64 {
        self.window.cpu_s * 1e6 / self.window.deliveries.max(1) as f64
    }

    /// How quiet the machine was.
    pub(crate) fn noise(&self) -> String {
        format!("{:.0}% / {:.0}%", self.stolen_percent, self.others_percent)
    }

    pub(crate) fn deliveries_per_s(&self) -> f64 {
        self.window.deliveries as f64 / self.window.seconds
    }
}

impl Stage {
    /// Starts both. `workers` 1 puts the server on core 0 and the crowd on core 1; more leave both to the scheduler.
    pub(crate) fn open(setting: &Setting, kind: Kind, workers: usize) -> anyhow::Result<Self> {
        let mut command = Command::new(&setting.fanout);
        command.args([kind.name(), "--workers", &workers.to_string()]);
        let mut crowd = Command::new(&setting.crowd);
        if workers == 1 {
            command.args(["--core", "0"]);
            crowd.args(["--core", "1"]);
        }
        let mut server = Process::start(&mut command)?;
        let listening = server.answer()?;
        let address = listening.strip_prefix("listening on ").context("the server does not say where it is")?;
        crowd.args([address, "--sources", "127.1.0.0/16", "--markers", "first"]);
        crowd.args(["--nap-us", &setting.nap_us.to_string()]);
        if kind != Kind::Ours {
            crowd.arg("--bare");
        }
        Ok(Self { server, crowd: Process::start(&mut crowd)? })
    }

    /// So many viewers more.
    pub(crate) fn join(&mut self, viewers: u32) -> anyhow::Result<Joined> {
        read(&self.crowd.ask(&format!(r#"{{"do":"join","viewers":{viewers}}}"#))?)
    }

    /// All viewers lose their connections and come back at once.
    pub(crate) fn reconnect(&mut self, handshakes_max: u32) -> anyhow::Result<Joined> {
        read(&self.crowd.ask(&format!(r#"{{"do":"reconnect","handshakes_max":{handshakes_max}}}"#))?)
    }

    /// Lets a share of the viewers read nothing; 0 wakes them.
    pub(crate) fn sleep(&mut self, share: f64) -> anyhow::Result<()> {
        let order =
            if share > 0.0 { format!(r#"{{"do":"sleep","share":{share}}}"#) } else { r#"{"do":"wake"}"#.into() };
        self.crowd.ask(&order).map(drop)
    }

    /// How often frames are sent from now on.
    pub(crate) fn publish(&mut self, order: Order) -> anyhow::Result<Status> {
        read(&self.server.ask(&serde_json::to_string(&order)?)?)
    }

    /// Counts for so long.
    pub(crate) fn measure(&mut self, seconds: f64) -> anyhow::Result<Measured> {
        let pid = self.server.pid();
        let ticks = Ticks::read()?;
        self.crowd.order(&format!(r#"{{"do":"window","seconds":{seconds}}}"#))?;
        let before = cpu_ns_by_thread(pid)?;
        let answer = self.crowd.answer()?;
        let mut threads_cpu_ns = cpu_ns_by_thread(pid)?;
        for (name, ns) in &mut threads_cpu_ns {
            *ns -= before.get(name).copied().unwrap_or(0);
        }
        let window: Window = read(&answer)?;
        let server_cpu_ns = threads_cpu_ns.values().sum();
        let now = Ticks::read()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let ours_percent = 100.0 * (server_cpu_ns as f64 / 1e9 + window.cpu_s) / (window.seconds * cores);
        Ok(Measured {
            window,
            server_cpu_ns,
            threads_cpu_ns,
            stolen_percent: now.stolen_percent_since(ticks),
            others_percent: (now.busy_percent_since(ticks) - ours_percent).max(0.0),
        })
    }

    /// How things stand with the crowd.
    pub(crate) fn report(&mut self) -> anyhow::Result<Value> {
        read(&self.crowd.ask(r#"{"do":"report"}"#)?)
    }

    /// Sends no more, waits until every viewer is at the last frame, and says what all of them have then.
    pub(crate) fn settle(&mut self) -> anyhow::Result<(Status, Value)> {
        let status = self.publish(Order::QUIET)?;
        let began = Instant::now();
        loop {
            let report = self.report()?;
            let points = report["points"].as_array().context("a report without points")?;
            let arrived = |point: &Value| point[1].as_u64() == Some(status.seq);
            if points.len() == 1 && points.iter().all(arrived) {
                return Ok((status, report));
            }
            ensure!(began.elapsed() < QUIET_WAIT, "the last frame is {}, viewers are at {points:?}", status.seq);
            self.measure(0.1)?;
        }
    }

    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        resident_bytes(self.server.pid())
    }

    pub(crate) fn cpu_ns(&self) -> anyhow::Result<u64> {
        cpu_ns(self.server.pid())
    }
}

fn read<T: for<'de> Deserialize<'de>>(answer: &str) -> anyhow::Result<T> {
    serde_json::from_str(answer).with_context(|| format!("not the answer that was expected: {answer}"))
}
