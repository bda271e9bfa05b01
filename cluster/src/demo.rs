//! `cluster demo`: a cluster, a small crowd, and the page to open, until Ctrl-C.
//!
//! The crowd is a load generator like any other, recorded beside the nodes, so that `cluster stop` from elsewhere ends it
//! with them. Invariant: however the demo ends, nothing that it started is left.

use std::{
    fs::File,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, bail};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::Signals,
};
use watershed_protocol::{NodeName, Role};

use crate::{Usage, cluster::Cluster, print, process::Process, stop, up};

/// The stream that the crowd watches.
const STREAM: &str = "demo";
/// Enough to see life, few enough to read along.
const CROWD: [(&str, &str); 7] = [
    ("--viewers", "400"),
    ("--comments-per-s", "0.8"),
    ("--likes-per-s", "240"),
    ("--zipf", "1.5"),
    ("--taps-per-s", "6"),
    ("--duration", "86400"),
    ("--stream", STREAM),
];
/// How often the demo looks whether it should end.
const POLL: Duration = Duration::from_millis(100);

/// Starts everything, says where to look, and stays until a signal or until the crowd is gone.
pub(crate) fn demo(cluster: &Cluster, bin: Option<&Path>) -> anyhow::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).context("cannot wait for signals")?;
    up::up(cluster, bin, None)?;
    let shown = show(cluster).and_then(|crowd| wait(crowd, &mut signals));
    let stopped = stop::stop_all(cluster);
    shown.and(stopped)
}

/// Base URLs of the broadcast nodes, one a line.
pub(crate) fn urls(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let seen = cluster.look()?;
    Ok(seen.iter().filter(|seen| seen.node.role == Role::Broadcast).map(|seen| seen.url()).collect())
}

/// Where operators look, at each broadcast node: with the token, behind a `#` that no browser sends, where one is needed.
pub(crate) fn operator_urls(cluster: &Cluster) -> anyhow::Result<Vec<String>> {
    let token = cluster.topology.operator_token();
    let shown = token.map(|token| format!("#token={}", token.reveal())).unwrap_or_default();
    Ok(urls(cluster)?.iter().map(|url| format!("{url}/operator{shown}")).collect())
}

fn show(cluster: &Cluster) -> anyhow::Result<Child> {
    let urls = urls(cluster)?;
    let Some(first) = urls.first() else { bail!("the topology has no broadcast node to show") };
    let crowd = start_crowd(cluster, &urls)?;
    let viewers = CROWD[0].1;
    let page = format!("{first}/?stream={STREAM}");
    let behind = operator_urls(cluster)?.into_iter().next().unwrap_or_default();
    print(&format!(
        "\n  {viewers} viewers are watching and writing. Open\n\n      {page}\n\n  and, to see the cluster behind it,\n\n      \
         {behind}\n\n  Ctrl-C ends all of it.\n"
    ))?;
    Ok(crowd)
}

fn start_crowd(cluster: &Cluster, urls: &[String]) -> anyhow::Result<Child> {
    let name = NodeName::new("crowd")?;
    let (bin, log) = (loadgen()?, cluster.topology.log_file(&name));
    let out = File::create(&log).with_context(|| format!("cannot open {}", log.display()))?;
    let mut command = Command::new(&bin);
    command.args(urls.iter().flat_map(|url| ["--http", url]));
    command.args(CROWD.iter().flat_map(|(flag, value)| [*flag, *value])).args(["--shared", "--people"]);
    command.stdin(Stdio::null()).stderr(out.try_clone()?).stdout(out).process_group(0);
    let crowd = command.spawn().with_context(|| format!("cannot start {}", bin.display()))?;
    if let Some(process) = Process::of(crowd.id()) {
        let path = cluster.pid_file(&name);
        process.record(&path).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(crowd)
}

fn wait(mut crowd: Child, signals: &mut Signals) -> anyhow::Result<()> {
    loop {
        if signals.pending().next().is_some() {
            return Ok(());
        }
        if crowd.try_wait()?.is_some() {
            return print("the crowd has ended\n");
        }
        thread::sleep(POLL);
    }
}

/// The load generator beside this binary.
fn loadgen() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find this binary")?;
    let bin = own.with_file_name("loadgen");
    if bin.is_file() { Ok(bin) } else { bail!(Usage(format!("{} is missing: make build", bin.display()))) }
}
