//! One run: open all streams, let them be, open a few more, replace the root.
//!
//! Between the command line and the crowds. Invariant: what a stream costs is what was added since the cluster stood
//! without any, divided by the streams.

use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::time::sleep;
use watershed_bench::scale::{
    crowds::{Crowds, Report, Ticket},
    moment::Moment,
    nodes::Nodes,
    table::{Table, bytes_each, grouped, mib},
    topology::Shape,
};

use crate::open::Opens;

/// How often is looked whether all have what they wait for.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Longest that they may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) streams: u64,
    pub(crate) nodes: u16,
    pub(crate) idle_s: u64,
    pub(crate) opens: u64,
    pub(crate) beat_ms: u64,
}

impl Run {
    /// Whether every viewer had a whole view at the end.
    pub(crate) async fn run(&self) -> anyhow::Result<bool> {
        let streams_per_node = self.streams.div_ceil(self.nodes.into()) + self.opens * 2;
        let shape = Shape { nodes: self.nodes, mergers: 2, streams_per_node, beat_ms: Some(self.beat_ms) };
        println!("starting {} broadcast nodes, 2 processors, 2 mergers", self.nodes);
        let nodes = Nodes::start(shape)?;
        let servers: Vec<&str> = nodes.of("broadcast").map(|node| node.address()).collect();
        let mut crowds = Crowds::start(self.tickets(&servers))?;
        let mut table = Table::default();
        table.row("streams, each with one viewer", grouped(self.streams));

        let bare = self.idle(&nodes, &crowds).await;
        let begin = Instant::now();
        crowds.join().await?;
        self.all_have(&mut crowds, 1).await?;
        let opened_s = begin.elapsed().as_secs_f64();
        table.row("all opened", format!("{opened_s:.1} s, {:.0} a second", self.streams as f64 / opened_s));
        println!("all are open; nothing happens for {} s", self.idle_s);
        let idle = self.idle(&nodes, &crowds).await;
        self.costs(&mut table, &bare, &idle);

        let opens = Opens::of(&servers, "late", self.opens).await?;
        table.row("one more: connect to whole view, 50%, 99%, slowest", opens.words());
        let killed = Instant::now();
        let root = nodes.root().await?;
        println!("killing {root}, the root");
        nodes.kill(&root)?;
        // Both go on at once: whoever opens a stream meets a root that is taking over.
        let (opens, settled) =
            tokio::join!(Opens::of(&servers, "meanwhile", self.opens), self.all_have(&mut crowds, 2));
        table.row("one more while the root is replaced, 50%, 99%, slowest", opens?.words());
        settled?;
        let replaced_s = killed.elapsed().as_secs_f64();
        table.row("all have the new root's snapshot after", format!("{replaced_s:.1} s"));
        let after = self.idle(&nodes, &crowds).await;
        let [(_, _), (_, processors), (_, mergers)] = after[1].since(&idle[1]);
        table.row(
            "memory more than before: processors; mergers",
            format!("{}; {}", mib(processors.rss_bytes), mib(mergers.rss_bytes)),
        );
        let wrong = self.wrong(&crowds.report().await?);
        table.row("viewers without a view, broken chains, ended connections", wrong);
        println!("\n{table}");
        Ok(wrong == 0)
    }

    /// The crowds' viewers, one crowd a node.
    fn tickets(&self, servers: &[&str]) -> Vec<Ticket> {
        let count = servers.len() as u64;
        let ticket = |(number, server): (u64, &&str)| Ticket {
            server: (*server).to_owned(),
            viewers: self.streams / count + u64::from(number < self.streams % count),
            prefix: format!("crowd-{number}"),
            arguments: ["--stream", "s", "--own-streams", "--handshakes-max", "16"].map(String::from).into(),
        };
        (0..).zip(servers).map(ticket).collect()
    }

    /// Two moments between which nothing happens.
    async fn idle(&self, nodes: &Nodes, crowds: &Crowds) -> [Moment; 2] {
        let before = Moment::now(nodes, crowds);
        sleep(Duration::from_secs(self.idle_s)).await;
        [before, Moment::now(nodes, crowds)]
    }

    /// What a stream has added, by role.
    fn costs(&self, table: &mut Table, bare: &[Moment; 2], idle: &[Moment; 2]) {
        for (role, grown) in idle[1].since(&bare[1]) {
            let each = bytes_each(grown.rss_bytes, self.streams);
            table.row(format!("memory of {role} nodes, together"), format!("{each} a stream"));
        }
        let opening = idle[0]
            .since(&bare[1])
            .map(|(role, spent)| format!("{role} {:.0} µs", spent.cpu_s * 1e6 / self.streams as f64));
        table.row("processor time to open one", opening.join(", "));
        let (without, with) = (bare[1].since(&bare[0]), idle[1].since(&idle[0]));
        for ((role, with), (_, without)) in with.into_iter().zip(without) {
            let each = (with.cpu_s - without.cpu_s) * 1e9 / (self.streams * self.idle_s) as f64;
            let share = |cpu_s: f64| cpu_s * 100.0 / self.idle_s as f64;
            table.row(
                format!("{role} nodes while nothing happens: without streams; with; each stream"),
                format!("{:.2}%; {:.2}% of a core; {each:.0} ns/s", share(without.cpu_s), share(with.cpu_s)),
            );
        }
    }

    /// Waits until so many views have come to everybody.
    async fn all_have(&self, crowds: &mut Crowds, views: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let reports = crowds.report().await?;
            let snapshots: u64 = reports.iter().map(|report| report.snapshots).sum();
            let without: u64 = reports.iter().map(|report| report.without_view).sum();
            if without == 0 && snapshots >= views * self.streams {
                return Ok(());
            }
            let seconds = began.elapsed().as_secs();
            ensure!(
                began.elapsed() < SETTLED_WITHIN,
                "after {seconds} s {without} viewers have no view, {snapshots} views have come"
            );
            sleep(LOOK_EVERY).await;
        }
    }

    fn wrong(&self, reports: &[Report]) -> u64 {
        let of = |report: &Report| {
            let ended: u64 = report.ends.values().sum();
            report.without_view + report.chain_errors + report.unreadable + ended + report.viewers - report.joined
        };
        reports.iter().map(of).sum()
    }
}
