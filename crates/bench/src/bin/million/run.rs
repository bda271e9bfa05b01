//! One run, from an empty machine to the table.
//!
//! Between the command line and the steps. Invariant: a step begins when the one before has come to its end at every viewer.

use std::collections::BTreeMap;

use watershed_bench::scale::{
    crowds::{Crowds, Joined},
    moment::Moment,
    nodes::Nodes,
    table::{Table, bytes_each, grouped, mib},
    topology::Shape,
    verdict::{Expected, Verdict},
    writers,
};

use crate::steps::{Frame, Stage};

/// The stream that all watch.
pub(crate) const STREAM: &str = "million";
/// Streams that a node may have.
const STREAMS_PER_NODE: u64 = 10;

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) viewers: u64,
    pub(crate) viewers_per_process: u64,
    pub(crate) comments: u64,
    pub(crate) likes: u64,
    pub(crate) frames: u64,
    pub(crate) bare: bool,
}

impl Run {
    /// Whether every viewer was right at the end.
    pub(crate) async fn run(&self) -> anyhow::Result<bool> {
        let processes = self.processes();
        let shape = Shape { nodes: processes, mergers: 1, streams_per_node: STREAMS_PER_NODE, beat_ms: None };
        println!("starting {processes} broadcast nodes, 2 processors, 1 merger");
        let nodes = Nodes::start(shape)?;
        let servers: Vec<&str> = nodes.of("broadcast").map(|node| node.address()).collect();
        let mut crowds = Crowds::start(self.tickets(&servers, &["--markers", "first"]))?;
        let start = Moment::now(&nodes, &crowds);

        let joined = crate::steps::join(&mut crowds).await?;
        let full = Moment::now(&nodes, &crowds);
        let mut expected = Expected { viewers: self.viewers, ..Expected::default() };
        let mut stage = Stage { servers: &servers, crowds: &mut crowds, expected: &mut expected };
        let ids = stage.comment("a comment to be liked", self.comments).await?;
        let liked = writers::like(&servers, STREAM, &ids, self.likes).await?;
        stage.expected.likes = ids.into_iter().zip(liked).collect();
        println!("{} likes are acknowledged", grouped(stage.expected.likes.values().sum()));
        stage.settle().await?;
        let mut frames = Vec::new();
        let mut window_s = stage.warm_up().await?;
        for _ in 0..self.frames {
            let before = Moment::now(&nodes, stage.crowds);
            let frame = stage.time(window_s).await?;
            window_s = window_s.max(frame.times.seconds_at(1.0) * 1.5 + 2.0);
            println!(
                "a frame reached {} viewers in {:.2} s",
                grouped(frame.times.count()),
                frame.times.seconds_at(1.0)
            );
            frames.push((frame, before, Moment::now(&nodes, stage.crowds)));
        }
        let verdict = stage.settle().await?;
        println!("\n{}", self.table(&[start, full], &joined, &frames, &expected, &verdict));
        // Both do not fit at once: the cluster and its crowds are over before the bare loops begin.
        drop(crowds);
        drop(nodes);
        if self.bare {
            self.bare(window_s).await?;
        }
        Ok(verdict.is_right())
    }

    /// Broadcast nodes, and as many crowds.
    pub(crate) fn processes(&self) -> u16 {
        self.viewers.div_ceil(self.viewers_per_process) as u16
    }

    fn table(
        &self,
        [start, full]: &[Moment; 2],
        joined: &[Joined],
        frames: &[(Frame, Moment, Moment)],
        expected: &Expected,
        verdict: &Verdict,
    ) -> Table {
        let mut table = Table::default();
        let seconds = joined.iter().map(|joined| joined.seconds).fold(0.0, f64::max);
        table.row("viewers, connected at the same time", grouped(self.viewers - verdict.away));
        table.row("broadcast nodes; crowds", format!("{0}; {0}", joined.len()));
        table.row("joins", format!("{seconds:.1} s, {} a second", grouped((self.viewers as f64 / seconds) as u64)));
        let slowest = joined.iter().map(|joined| joined.handshake_us.p99).max().unwrap_or(0);
        table.row("handshake, 99% at the slowest crowd", format!("{:.2} s", slowest as f64 / 1e6));
        let (kernel, before) = (full.kernel, start.kernel);
        for ((role, grown), all) in full.since(start).into_iter().zip(full.roles) {
            let each = bytes_each(grown.rss_bytes, self.viewers);
            table.row(format!("memory of {role} nodes"), format!("{}, grown by {each} a viewer", mib(all.rss_bytes)));
        }
        let crowds = (full.crowds - start.crowds).rss_bytes;
        table.row(
            "memory of the crowds",
            format!("{}, grown by {} a viewer", mib(full.crowds.rss_bytes), bytes_each(crowds, self.viewers)),
        );
        let slab = kernel.slab_bytes as i64 - before.slab_bytes as i64;
        table.row("kernel objects, both ends", format!("{}, {} a viewer", mib(slab), bytes_each(slab, self.viewers)));
        table.row(
            "TCP sockets; bytes queued in them",
            format!("{}; {}", grouped(kernel.sockets), grouped(kernel.queued_bytes)),
        );
        table.row(
            "memory free, before; with all",
            format!("{}; {}", mib(before.available_bytes as i64), mib(kernel.available_bytes as i64)),
        );
        let cpu = full.since(start).map(|(role, spent)| format!("{role} {:.1} s", spent.cpu_s));
        table.row(
            "processor time of all joins",
            format!("{}, crowds {:.1} s", cpu.join(", "), (full.crowds - start.crowds).cpu_s),
        );
        for (number, (frame, before, after)) in (1..).zip(frames) {
            let at = |share| frame.times.seconds_at(share);
            table.row(
                format!("frame {number} to {} viewers: first, median, 99%, last", grouped(frame.times.count())),
                format!("{:.3} s, {:.2} s, {:.2} s, {:.2} s", at(0.0), at(0.5), at(0.99), at(1.0)),
            );
            let each = |cpu_s: f64| format!("{:.1} µs", cpu_s * 1e6 / frame.deliveries.max(1) as f64);
            table.row(
                format!("frame {number}: processor time for each viewer, broadcast; crowds"),
                format!(
                    "{}; {}",
                    each((after.roles[0] - before.roles[0]).cpu_s),
                    each((after.crowds - before.crowds).cpu_s)
                ),
            );
        }
        let likes: BTreeMap<u64, u64> = expected.likes.values().fold(BTreeMap::new(), |mut counts, likes| {
            *counts.entry(*likes).or_default() += 1;
            counts
        });
        let likes: Vec<String> =
            likes.iter().map(|(likes, comments)| format!("{likes} on each of {comments}")).collect();
        table.row("comments; likes acknowledged", format!("{}; {}", expected.comments, likes.join(", ")));
        table.row("viewers away; not at the newest frame", format!("{}; {}", verdict.away, verdict.behind));
        table.row(
            "viewers with a wrong count; crowds with a comment missing",
            format!("{}; {}", verdict.wrong_counts, verdict.wrong_comments),
        );
        table.row("broken chains and unreadable messages", verdict.broken);
        table.row("connections that ended, by reason", verdict.ends_in_words());
        table
    }
}
