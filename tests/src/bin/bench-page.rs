//! `bench-page`: how smooth the live page is while a crowd floods its stream.
//!
//! Run by `make bench-page`, on a cluster of its own. Invariant: the page is measured while the crowd writes, never before or
//! after; exit status 0 means that it was, 1 that it was not, 64 bad usage.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, ensure};
use clap::Parser;
use serde_json::Value;
use tempfile::TempDir;
use watershed_tests::{
    browser::{Driver, LOOKS, Metrics},
    live_page::LivePage,
    process::{Process, binary},
};

/// `EX_USAGE` of sysexits.h.
const BAD_USAGE: u8 = 64;

/// What the crowd writes beyond the time that is measured, in seconds: until it is there, and the page's list is full.
const MARGIN_S: u64 = 40;

/// The rows of a full list.
const LIST_MAX: u64 = 200;

/// Frames per second, long tasks and memory of the live page under a flood.
#[derive(Debug, Parser)]
#[command(name = "bench-page")]
struct Arguments {
    /// How long the page is measured, in seconds.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=35))]
    duration: u64,
    /// Viewers beside the page.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=19_000))]
    viewers: u64,
    /// Likes a second that are offered.
    #[arg(long, default_value_t = 5_000)]
    likes: u64,
    /// Comments a second that are offered.
    #[arg(long, default_value_t = 100)]
    comments: u64,
}

/// Counts what arrives, before the page opens its socket.
const COUNT_BYTES: &str = "
window.arrived = {messages: 0, bytes: 0};
window.WebSocket = class extends WebSocket {
    constructor(...words) {
        super(...words);
        this.addEventListener('message', ({data}) => {
            window.arrived.messages += 1;
            window.arrived.bytes += data.byteLength ?? data.size ?? data.length;
        });
    }
};";

/// Counts animation frames and tasks that hold up the page for 50 ms or longer, for a time.
const MEASURE: &str = "
return (async () => {
    const tasks = [];
    const observer = new PerformanceObserver((list) => tasks.push(...list.getEntries().map((task) => task.duration)));
    observer.observe({type: 'longtask'});
    const [begin, before] = [performance.now(), {...window.arrived}];
    let [frames, last, gapMax, now] = [0, begin, 0, begin];
    while (now - begin < DURATION_MS) {
        now = await new Promise(requestAnimationFrame);
        frames += 1;
        gapMax = Math.max(gapMax, now - last);
        last = now;
    }
    observer.disconnect();
    return {
        frames, gapMax, ms: now - begin, tasks,
        messages: window.arrived.messages - before.messages, bytes: window.arrived.bytes - before.bytes,
    };
})();";

/// A cluster with the defaults of people, on free ports.
struct Cluster {
    dir: TempDir,
}

impl Cluster {
    fn start() -> anyhow::Result<Self> {
        let cluster = Self { dir: tempfile::tempdir()? };
        let text = format!(
            "[cluster]\nname = \"bench\"\ndir = \"{}\"\nsecret = \"bench-page\"\n\
             [broadcast]\nnodes = 1\nport = 0\n[processor]\nnodes = 1\nport = 0\npeer_port = 0\n\
             [merger]\nnodes = 1\nport = 0\npeer_port = 0\n",
            cluster.dir.path().display()
        );
        fs::write(cluster.config(), text)?;
        cluster.launch("up")?;
        Ok(cluster)
    }

    /// The one broadcast node's address.
    fn url(&self) -> anyhow::Result<String> {
        Ok(self.launch("urls")?.trim().to_owned())
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("cluster.toml")
    }

    fn launch(&self, word: &str) -> anyhow::Result<String> {
        let output = Command::new(binary("cluster")).arg(word).arg("--config").arg(self.config()).output()?;
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        ensure!(output.status.success(), "cluster {word}: {err}{out}");
        Ok(out.into_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.launch("stop") {
            eprintln!("bench-page: {error:#}");
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { ExitCode::from(BAD_USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match measure(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-page: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: &Arguments) -> anyhow::Result<()> {
    let cluster = Cluster::start()?;
    let node = cluster.url()?;
    let driver = Driver::start().await;
    let page = LivePage(driver.browser().await);
    page.show_on(LOOKS[0].size).await;
    page.before(COUNT_BYTES).await;
    page.goto(&format!("{node}/?stream=flood&viewer=bench")).await;
    page.is("live").await;
    let mut crowd = flood(arguments, &node, cluster.dir.path());
    page.shows("document.querySelectorAll('#comments > li').length", LIST_MAX).await;
    let begin = page.metrics().await;
    let script = MEASURE.replace("DURATION_MS", &(arguments.duration * 1_000).to_string());
    let measured = page.run(&script).await;
    let end = page.metrics().await;
    ensure!(crowd.ended().is_none(), "the crowd ended before the page was measured");
    tell(arguments, &measured, &begin, &end).context("the page measured nothing")
}

fn flood(arguments: &Arguments, node: &str, dir: &Path) -> Process {
    let words = format!(
        "--http {node} --stream flood --viewers {} --likes-per-s {} --comments-per-s {} --duration {}",
        arguments.viewers,
        arguments.likes,
        arguments.comments,
        arguments.duration + MARGIN_S
    );
    Process::start(&binary("loadgen"), words.split(' '), &dir.join("crowd.log"))
}

/// Prints the table; nothing if the page did not answer as it should.
fn tell(arguments: &Arguments, measured: &Value, begin: &Metrics, end: &Metrics) -> Option<()> {
    let number = |name: &str| measured[name].as_f64();
    let tasks: Vec<f64> = measured["tasks"].as_array()?.iter().filter_map(Value::as_f64).collect();
    let (seconds, mb) = (number("ms")? / 1_000.0, |bytes: f64| bytes / 1e6);
    println!(
        "the page for {seconds:.0} s, beside {} viewers who offer {} likes/s and {} comments/s",
        arguments.viewers, arguments.likes, arguments.comments
    );
    println!("frames per second   {:.1}, longest gap {:.0} ms", number("frames")? / seconds, number("gapMax")?);
    let longest = tasks.iter().copied().fold(0.0, f64::max);
    println!(
        "long tasks          {}, longest {longest:.0} ms, {:.0} ms in all",
        tasks.len(),
        tasks.iter().fold(0.0, |sum, ms| sum + ms)
    );
    println!("DOM nodes           {} at the beginning, {} at the end", begin.nodes, end.nodes);
    println!(
        "JavaScript heap     {:.1} MB at the beginning, {:.1} MB at the end",
        mb(begin.heap_bytes),
        mb(end.heap_bytes)
    );
    let (messages, bytes) = (number("messages")?, number("bytes")?);
    println!("received            {:.2} MB in {messages} messages, {:.1} KB/s", mb(bytes), bytes / 1e3 / seconds);
    Some(())
}
