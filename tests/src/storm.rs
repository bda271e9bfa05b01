//! The storm: a crowd that writes, repeats itself and reconnects all the time, while nodes of every role are killed.
//!
//! Led by `make storm` and by one test. The crowd is the load generator, a process of its own that keeps the ledger; the
//! nodes are real; kills come at seeded times, without a chance for the node to do anything more. Invariant: each kill
//! meets a running node, and each killed node is started again.

use std::{fmt, fs, path::Path, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout},
};
use watershed_protocol::Role;

use crate::{
    chance::Chance,
    cluster::{Cluster, Setup},
    process::{Process, binary},
    topology::{SMALL, Shape},
    until,
};

/// Of the issue: four nodes that viewers can flee to, owners whose death is not everybody's, and a standby.
/// Room for the likes of a storm's few seconds: what is asked is whether any is lost, not how little memory will do.
const REGISTERS_BYTES_MAX: u32 = 64 * 1024 * 1024;
const SHAPE: Shape =
    Shape { broadcast: 4, processors: 3, fixed_ports: true, registers_bytes_max: REGISTERS_BYTES_MAX, ..SMALL };
const MERGERS: u16 = 2;

/// A killed node stays away for at most so long.
const AWAY_MS_MAX: u64 = 2_000;

/// The crowd waits for its last answers and frames for at most so many seconds.
const QUIET_S: u64 = 60;

/// How often the crowd's end, and a node that can be killed, are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The load generator may take so long beyond its sending: joins, the wait for quiet, reading the history.
const END_MAX: Duration = Duration::from_secs(240);

/// How hard it blows.
#[derive(Clone, Copy, Debug)]
pub struct Storm {
    /// Seeds kills and the crowd's choices.
    pub seed: u64,
    /// How many nodes are killed.
    pub kills: u64,
    /// How long the crowd writes, in seconds.
    pub duration_s: u64,
    /// Viewers, each with a connection.
    pub viewers: u64,
    /// Likes a second.
    pub likes: u64,
    /// Unlikes a second.
    pub unlikes: u64,
    /// Comments a second.
    pub comments: u64,
    /// The share of writes that are sent twice, in percent.
    pub duplicates_percent: u64,
    /// Connections a second that are dropped and made again.
    pub reconnects: u64,
    /// Within how many seconds each sending must be answered.
    pub answer_within_s: u64,
}

/// One kill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// When, in milliseconds from the beginning.
    pub at_ms: u64,
    /// Of which role.
    pub role: Role,
    /// Which of the role's running nodes, modulo their number.
    pub which: u64,
    /// How long it stays away.
    pub away_ms: u64,
}

/// What the storm left.
#[derive(Debug)]
pub struct Aftermath {
    /// The load generator's exit code.
    pub code: i32,
    /// What it said last: its report.
    pub words: String,
    /// The same for programs.
    pub report: Value,
    /// Which nodes were killed, in order.
    pub killed: Vec<String>,
}

impl fmt::Display for Aftermath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}killed     {}", self.words, self.killed.join(" "))
    }
}

impl Storm {
    /// The kills of this seed: over all roles in turn, at random times of the middle nine tenths.
    pub fn plan(&self) -> Vec<Kill> {
        let mut chance = Chance::new(self.seed);
        let span_ms = self.duration_s * 1_000;
        let mut times: Vec<u64> =
            (0..self.kills).map(|_| span_ms / 20 + chance.below((span_ms * 9 / 10).max(1))).collect();
        times.sort_unstable();
        let first = chance.below(3) as usize;
        let roles = [Role::Processor, Role::Merger, Role::Broadcast].into_iter().cycle().skip(first);
        let kill = |(at_ms, role)| Kill { at_ms, role, which: chance.below(1_000), away_ms: chance.below(AWAY_MS_MAX) };
        times.into_iter().zip(roles).map(kill).collect()
    }

    /// Lets it blow over a cluster of its own; `tell` hears of every kill.
    pub async fn blow(&self, mut tell: impl FnMut(&str)) -> Aftermath {
        let cluster = Cluster::start_as(SHAPE, Setup { mergers: MERGERS, ..Setup::default() }).await;
        let (log, json) = (cluster.path("loadgen.log"), cluster.path("report.json"));
        let mut crowd = Process::start(&binary("loadgen"), self.arguments(&cluster, &json).await, &log);
        until("the crowd is connected", async || {
            let told = fs::read_to_string(&log).unwrap_or_default();
            let here = told.lines().any(|line| line.starts_with(&format!("viewers {} ", self.viewers)));
            if here { Ok(()) } else { Err(told) }
        })
        .await;
        let killed = self.kill_and_start(&cluster, &mut tell).await;
        let ending = async {
            loop {
                match crowd.ended() {
                    Some(code) => return code,
                    None => sleep(LOOK_EVERY).await,
                }
            }
        };
        let most = END_MAX + Duration::from_secs(self.duration_s);
        let code = timeout(most, ending).await.unwrap_or_else(|_| panic!("the crowd has not ended after {most:?}"));
        let told = fs::read_to_string(&log).unwrap_or_default();
        let words = told.find("\nstream ").map_or(told.as_str(), |at| &told[at + 1..]).to_owned();
        let report = fs::read(&json).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        if code != 0 {
            tell(&cluster.log_ends());
        }
        Aftermath { code, words, report, killed }
    }

    async fn arguments(&self, cluster: &Cluster, json: &Path) -> Vec<String> {
        let mut arguments: Vec<String> =
            cluster.urls().await.into_iter().flat_map(|url| ["--http".to_owned(), url]).collect();
        let share = self.duplicates_percent as f64 / 100.0;
        for (flag, value) in [
            ("--stream", "storm".to_owned()),
            ("--seed", self.seed.to_string()),
            ("--viewers", self.viewers.to_string()),
            ("--duration", self.duration_s.to_string()),
            ("--likes-per-s", self.likes.to_string()),
            ("--unlikes-per-s", self.unlikes.to_string()),
            ("--comments-per-s", self.comments.to_string()),
            ("--duplicates", share.to_string()),
            ("--reconnects-per-s", self.reconnects.to_string()),
            ("--answer-within", self.answer_within_s.to_string()),
            ("--quiet-wait", QUIET_S.to_string()),
            ("--json", json.display().to_string()),
        ] {
            arguments.extend([flag.to_owned(), value]);
        }
        arguments.push("--durable".to_owned());
        arguments.extend(cluster.traces().iter().map(|path| path.display().to_string()));
        arguments
    }

    /// Gives the names of the killed, in order.
    async fn kill_and_start(&self, cluster: &Cluster, tell: &mut impl FnMut(&str)) -> Vec<String> {
        // The launcher starts one thing at a time.
        let launcher = Mutex::new(());
        let (begun, mut killed, mut starts) = (Instant::now(), Vec::new(), FuturesUnordered::new());
        for Kill { at_ms, role, which, away_ms } in self.plan() {
            go_on_until(begun + Duration::from_millis(at_ms), &mut starts).await;
            let node = loop {
                match victim(cluster, role, which).await {
                    Some(node) => break node,
                    // All of the role are away; they come back.
                    None => go_on_until(Instant::now() + LOOK_EVERY, &mut starts).await,
                }
            };
            cluster.kill(&node).await;
            tell(&format!("{:>6.1} s  kill -9 {node}, back after {away_ms} ms", begun.elapsed().as_secs_f64()));
            killed.push(node.clone());
            let (back, launcher) = (Instant::now() + Duration::from_millis(away_ms), &launcher);
            starts.push(async move {
                sleep_until(back).await;
                let _one = launcher.lock().await;
                cluster.respawn(&node).await;
            });
        }
        while starts.next().await.is_some() {}
        killed
    }
}

/// Lets starts go on until it is time.
async fn go_on_until(due: Instant, starts: &mut FuturesUnordered<impl Future<Output = ()>>) {
    let wait = sleep_until(due);
    tokio::pin!(wait);
    loop {
        tokio::select! {
            () = &mut wait => return,
            Some(()) = starts.next() => {}
        }
    }
}

/// One of a role's nodes that are ready.
async fn victim(cluster: &Cluster, role: Role, which: u64) -> Option<String> {
    let ready = cluster.status().await.into_iter().filter(|node| node.role == role && node.state == "ready");
    let mut names: Vec<String> = ready.map(|node| node.node).collect();
    (!names.is_empty()).then(|| names.swap_remove(which as usize % names.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORM: Storm = Storm {
        seed: 7,
        kills: 10,
        duration_s: 120,
        viewers: 500,
        likes: 5_000,
        unlikes: 200,
        comments: 5,
        duplicates_percent: 20,
        reconnects: 20,
        answer_within_s: 11,
    };

    #[test]
    fn one_seed_makes_one_plan_that_meets_every_role_within_the_time_of_writing() {
        let plan = STORM.plan();
        assert_eq!(plan, STORM.plan());
        assert_ne!(plan, Storm { seed: 8, ..STORM }.plan());
        assert_eq!(plan.len(), 10);
        assert!(plan.is_sorted_by_key(|kill| kill.at_ms));
        assert!(plan.iter().all(|kill| (6_000..114_000).contains(&kill.at_ms)));
        for role in [Role::Broadcast, Role::Processor, Role::Merger] {
            assert!(plan.iter().filter(|kill| kill.role == role).count() >= 3, "{plan:?}");
        }
    }
}
