//! The steps of a run: join, write, wait until all have it, time a frame.
//!
//! Under the run, over crowds and writers. Invariant: a wait ends when every viewer has everything, or says who has not.

use std::time::{Duration, Instant};

use tokio::time::{MissedTickBehavior, interval, sleep};
use watershed_bench::{
    clock::monotonic_ns,
    scale::{
        Histogram,
        crowds::{Crowds, Joined},
        proc::Kernel,
        table::{grouped, mib},
        verdict::{Expected, Verdict},
        writers::Writer,
    },
};

use crate::run::STREAM;

/// How often is asked whether all have everything.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest that they may take.
const SETTLED_WITHIN: Duration = Duration::from_secs(600);
/// A window of the first frame that is timed is so much longer than the frame before it took.
const WINDOW_SPARE: f64 = 1.5;
/// And longer by so many seconds.
const WINDOW_SPARE_S: f64 = 2.0;

/// All join; a line a second says how far they are.
pub(crate) async fn join(crowds: &mut Crowds) -> anyhow::Result<Vec<Joined>> {
    let (began, before) = (Instant::now(), Kernel::now());
    let wanted = crowds.viewers();
    let mut joining = std::pin::pin!(crowds.join());
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut last = 0;
    loop {
        tokio::select! {
            joined = &mut joining => return joined,
            _ = ticks.tick() => {}
        }
        // Both ends of a connection are here.
        let kernel = Kernel::now();
        let connected = kernel.sockets.saturating_sub(before.sockets) / 2;
        println!(
            "{:>4} s: {} of {} connected, {} more, {} free",
            began.elapsed().as_secs(),
            grouped(connected),
            grouped(wanted),
            grouped(connected.saturating_sub(last)),
            mib(kernel.available_bytes as i64)
        );
        last = connected;
    }
}

/// A frame's way to all.
#[derive(Debug)]
pub(crate) struct Frame {
    /// From the writing of its comment to each viewer.
    pub(crate) times: Histogram,
    /// Messages that came to viewers meanwhile.
    pub(crate) deliveries: u64,
}

/// All viewers are there.
pub(crate) struct Stage<'a> {
    pub(crate) servers: &'a [&'a str],
    pub(crate) crowds: &'a mut Crowds,
    pub(crate) expected: &'a mut Expected,
}

impl Stage<'_> {
    /// Writes comments, each by another viewer; their ids.
    pub(crate) async fn comment(&mut self, body: &str, comments: u64) -> anyhow::Result<Vec<String>> {
        let mut ids = Vec::new();
        for _ in 0..comments {
            let number = self.expected.comments;
            let server = self.servers[number as usize % self.servers.len()];
            let mut writer = Writer::join(server, STREAM, &format!("writer-{number}")).await?;
            ids.push(writer.comment(&format!("{body} t={}", monotonic_ns())).await?);
            self.expected.comments += 1;
        }
        println!("{} comments are acknowledged", self.expected.comments);
        Ok(ids)
    }

    /// Waits until every viewer has everything that is acknowledged.
    pub(crate) async fn settle(&mut self) -> anyhow::Result<Verdict> {
        let began = Instant::now();
        loop {
            let verdict = Verdict::of(&self.crowds.report().await?, self.expected);
            if verdict.is_right() || began.elapsed() > SETTLED_WITHIN {
                println!("after {:.1} s: {verdict:?}", began.elapsed().as_secs_f64());
                return Ok(verdict);
            }
            println!("{} viewers are behind, {} have other counts", verdict.behind, verdict.wrong_counts);
            sleep(LOOK_EVERY).await;
        }
    }

    /// Sends a frame that is not counted: how long a window has to be for the next one.
    pub(crate) async fn warm_up(&mut self) -> anyhow::Result<f64> {
        let began = Instant::now();
        self.comment("a frame to warm up", 1).await?;
        self.settle().await?;
        Ok(began.elapsed().as_secs_f64() * WINDOW_SPARE + WINDOW_SPARE_S)
    }

    /// Times one frame to all.
    pub(crate) async fn time(&mut self, window_s: f64) -> anyhow::Result<Frame> {
        self.crowds.open_window(window_s).await?;
        self.comment("a frame that is timed", 1).await?;
        let windows = self.crowds.close_window().await?;
        Ok(Frame {
            times: Histogram::sum(windows.iter().map(|window| &window.latency_counts)),
            deliveries: windows.iter().map(|window| window.deliveries).sum(),
        })
    }
}
