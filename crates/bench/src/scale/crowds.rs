//! Many crowds: processes of `crowd`, each with up to 18,500 viewers, told what to do and asked what they saw.
//!
//! Between the conductor and the clients. Invariant: a crowd answers each command once and in order, and none outlives the
//! value: the end of its input ends it.

use std::{collections::BTreeMap, os::unix::process::CommandExt, process::Stdio};

use anyhow::{Context, bail};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    histogram::Histogram,
    nodes::binary,
    proc::{Use, used_by},
};

/// Addresses to connect from: with one alone there are not enough ports.
const SOURCES: &str = "127.1.0.0/16";

/// What a crowd is told to do.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Order {
    /// So many viewers more.
    Join {
        /// How many.
        viewers: u64,
    },
    /// Count from now on for so long.
    Window {
        /// How long.
        seconds: f64,
    },
    /// Say how things stand.
    Report,
}

/// All of a crowd have joined.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Joined {
    /// How long it took.
    pub seconds: f64,
    /// From the connect to the welcome.
    pub handshake_us: Percentiles,
    /// How connections ended meanwhile.
    pub ends: BTreeMap<String, u64>,
}

/// A crowd's times in microseconds.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// Half are faster.
    pub p50: u64,
    /// One of a hundred is slower.
    pub p99: u64,
}

/// What happened in a window.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Window {
    /// Deltas and snapshots that came.
    pub deliveries: u64,
    /// Processor time of the crowd.
    pub cpu_s: f64,
    /// Times from the sending of a comment to each viewer: microseconds, and how many viewers.
    pub latency_counts: Histogram,
}

/// A number that each viewer has.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
pub struct Each {
    /// Over all viewers.
    pub sum: u64,
    /// The least that one has.
    pub min: u64,
    /// The most that one has.
    pub max: u64,
}

/// How things stand with a crowd.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Report {
    /// Viewers that have been asked for.
    pub viewers: u64,
    /// Viewers that are connected.
    pub joined: u64,
    /// Comments that came in deltas.
    pub each_comments: Each,
    /// Comments that deltas said are shown.
    pub each_shown: Each,
    /// Comments that deltas said were written.
    pub each_total: Each,
    /// Rows of epoch, seq, and how many viewers are there.
    pub points: Vec<(u64, u64, u64)>,
    /// Viewers without a view.
    pub without_view: u64,
    /// Of each marked comment: which count how many viewers have.
    pub markers: BTreeMap<String, BTreeMap<u64, u64>>,
    /// Messages that did not continue what the viewer had.
    pub chain_errors: u64,
    /// Messages that are none of the protocol.
    pub unreadable: u64,
    /// Deltas of more than one frame.
    pub merged: u64,
    /// Whole views that came.
    pub snapshots: u64,
    /// How connections ended.
    pub ends: BTreeMap<String, u64>,
}

/// Where a crowd goes and what it watches.
#[derive(Clone, Debug)]
pub struct Ticket {
    /// HOST:PORT.
    pub server: String,
    /// How many viewers it is to hold.
    pub viewers: u64,
    /// Before its viewers' numbers, so that no two crowds have the same viewer.
    pub prefix: String,
    /// More arguments of `crowd`.
    pub arguments: Vec<String>,
}

/// One process.
#[derive(Debug)]
struct Crowd {
    ticket: Ticket,
    pid: u32,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

/// All processes.
#[derive(Debug)]
pub struct Crowds {
    crowds: Vec<Crowd>,
}

impl Crowds {
    /// Starts one process a ticket; nobody joins yet.
    pub fn start(tickets: Vec<Ticket>) -> anyhow::Result<Self> {
        let binary = binary("crowd")?;
        let crowds = tickets.into_iter().map(|ticket| {
            let mut command = Command::new(&binary);
            command
                .arg(&ticket.server)
                .args(["--prefix", &ticket.prefix, "--sources", SOURCES])
                .args(&ticket.arguments);
            // In a group of its own, a Ctrl-C reaches the conductor alone, which ends all in order.
            command.as_std_mut().process_group(0);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
            let mut process = command.spawn().with_context(|| format!("{} does not start", binary.display()))?;
            let pid = process.id().context("a crowd ended at once")?;
            let input = process.stdin.take().context("a crowd has no input")?;
            let output = process.stdout.take().context("a crowd has no output")?;
            Ok(Crowd { ticket, pid, input, answers: BufReader::new(output).lines(), _process: process })
        });
        Ok(Self { crowds: crowds.collect::<anyhow::Result<_>>()? })
    }

    /// Viewers of all crowds, once they have joined.
    pub fn viewers(&self) -> u64 {
        self.crowds.iter().map(|crowd| crowd.ticket.viewers).sum()
    }

    /// Processes.
    pub fn processes(&self) -> usize {
        self.crowds.len()
    }

    /// What they use together.
    pub fn used(&self) -> Use {
        used_by(&self.crowds.iter().map(|crowd| crowd.pid).collect::<Vec<_>>())
    }

    /// All join, all crowds at once.
    pub async fn join(&mut self) -> anyhow::Result<Vec<Joined>> {
        try_join_all(self.crowds.iter_mut().map(|crowd| {
            let order = Order::Join { viewers: crowd.ticket.viewers };
            crowd.ask(order)
        }))
        .await
    }

    /// Everything is counted from now on for so long. The report behind it is answered when the window is open.
    pub async fn open_window(&mut self, seconds: f64) -> anyhow::Result<()> {
        try_join_all(self.crowds.iter_mut().map(|crowd| async move {
            crowd.tell(Order::Window { seconds }).await?;
            crowd.ask::<Report>(Order::Report).await
        }))
        .await
        .map(drop)
    }

    /// What happened in the window that was opened, when it is over.
    pub async fn close_window(&mut self) -> anyhow::Result<Vec<Window>> {
        try_join_all(self.crowds.iter_mut().map(Crowd::answer)).await
    }

    /// How things stand.
    pub async fn report(&mut self) -> anyhow::Result<Vec<Report>> {
        self.ask(Order::Report).await
    }

    async fn ask<T: DeserializeOwned>(&mut self, order: Order) -> anyhow::Result<Vec<T>> {
        try_join_all(self.crowds.iter_mut().map(|crowd| crowd.ask(order))).await
    }
}

impl Crowd {
    async fn ask<T: DeserializeOwned>(&mut self, order: Order) -> anyhow::Result<T> {
        self.tell(order).await?;
        self.answer().await
    }

    async fn tell(&mut self, order: Order) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(&order)?;
        line.push(b'\n');
        self.input.write_all(&line).await.with_context(|| format!("the crowd at {} is gone", self.ticket.server))
    }

    async fn answer<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let answer = self.answers.next_line().await?;
        let answer = answer.with_context(|| format!("the crowd at {} ended", self.ticket.server))?;
        if answer.starts_with("{\"did\":\"error\"") {
            bail!("the crowd at {} says {answer}", self.ticket.server);
        }
        serde_json::from_str(&answer).with_context(|| format!("the crowd at {} says {answer}", self.ticket.server))
    }
}
