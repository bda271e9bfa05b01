//! A started cluster: real processes of every role, by the launcher that people use.
//!
//! Every test begins here. Processors write each durable count to a file, for the ledger. Invariants: at most
//! [`CLUSTERS_MAX`] run at once in a process; no node outlives the value; a panic shows the ends of all logs.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use http::StatusCode;
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};
use watershed_ledger::Durable;
use watershed_protocol::{CommentId, Role};

use crate::{process::binary, topology::Shape, until, web};

/// Two clusters keep two cores busy; more would only make each other late.
const CLUSTERS_MAX: usize = 2;

/// Lines of each node's log that a failure shows.
const LOG_LINES: usize = 25;

static PLACES: Semaphore = Semaphore::const_new(CLUSTERS_MAX);

/// One node, as `cluster status --json` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// Its name, such as b1.
    pub node: String,
    /// What it does.
    pub role: Role,
    /// Its process; none when it does not run.
    pub pid: Option<u32>,
    /// Base URL of its HTTP port.
    pub url: String,
    /// ready, starting, ending, silent or dead.
    pub state: String,
    /// Whom a broadcast node takes its frames from.
    pub fed_by: Option<String>,
}

/// One durable count, as a processor wrote it: a slot's epoch and position, and the count from then on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traced {
    /// Which comment.
    pub id: CommentId,
    /// The epoch of the slot's owner.
    pub epoch: u64,
    /// The slot's position.
    pub version: u64,
    /// How many viewers like it.
    pub count: u64,
    /// The part of its viewers that is counted: 0 unless it is spread.
    pub part: u16,
}

/// What is particular about a cluster, beyond its shape.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// How many mergers: one leads, the others stand by.
    pub mergers: u16,
    /// Where its state, data and logs lie; by default in the cluster's own directory.
    pub dir: Option<&'a Path>,
    /// Lines of shell that run before each node, whose role is `$1` and whose name is `$5`.
    pub prelude: &'a str,
    /// What only its nodes and operators know, if there is something.
    pub secret: Option<&'a str>,
    /// Which broadcast nodes feed from others: lines of `[broadcast.upstream]`.
    pub upstream: &'a str,
}

impl Default for Setup<'_> {
    fn default() -> Self {
        Self { mergers: 1, dir: None, prelude: "", secret: None, upstream: "" }
    }
}

/// See the head of the file.
#[derive(Debug)]
pub struct Cluster {
    /// Topology, traces and scripts; and everything else, if it has no other place.
    home: TempDir,
    dir: PathBuf,
    has_secret: bool,
    _place: SemaphorePermit<'static>,
}

impl Cluster {
    /// Starts a cluster with one merger and waits until all its nodes are ready.
    pub async fn start(shape: Shape) -> Self {
        Self::start_with(shape, 1).await
    }

    /// Starts a cluster with so many mergers and waits until all its nodes are ready.
    pub async fn start_with(shape: Shape, mergers: u16) -> Self {
        Self::start_as(shape, Setup { mergers, ..Setup::default() }).await
    }

    /// Starts a particular cluster and waits until all its nodes are ready.
    pub async fn start_as(shape: Shape, setup: Setup<'_>) -> Self {
        let place = PLACES.acquire().await.expect("the semaphore is never closed");
        let home = tempfile::tempdir().expect("a directory for the cluster");
        let dir = setup.dir.unwrap_or(home.path()).to_owned();
        let cluster = Self { home, dir, has_secret: setup.secret.is_some(), _place: place };
        fs::write(cluster.path("cluster.toml"), shape.text(&cluster.dir, setup.mergers, setup.secret, setup.upstream))
            .expect("the topology is written");
        // The launcher starts this in place of `watershed`: the same, with a trace of what becomes durable.
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" = processor ]; then set -- \"$@\" --trace-tallies '{}'/\"$5\".tallies; fi\n\
             {}\nexec '{}' \"$@\"\n",
            cluster.home.path().display(),
            setup.prelude,
            binary("watershed").display()
        );
        fs::write(cluster.path("node"), script).expect("the script is written");
        fs::set_permissions(cluster.path("node"), fs::Permissions::from_mode(0o755)).expect("the script is ours");
        cluster.up().await;
        cluster
    }

    /// Starts every node that does not run, and waits until they are ready.
    pub async fn up(&self) {
        self.launch(&["up"]).await;
    }

    /// Starts one node again, and waits until it is ready.
    pub async fn respawn(&self, node: &str) {
        self.launch(&["start", node]).await;
    }

    /// Ends all nodes at once, without a chance to do anything more, and waits until they are gone.
    pub async fn kill_all(&self) {
        let pids: Vec<Pid> =
            self.status().await.iter().filter_map(|node| Pid::from_raw(i32::try_from(node.pid?).ok()?)).collect();
        for pid in &pids {
            // One that is gone already has ended by itself, which whoever starts it again will see.
            let _ = kill_process(*pid, Signal::KILL);
        }
        until("the killed nodes are gone", async || {
            let left = self.status().await.iter().filter(|node| node.pid.is_some()).count();
            if left == 0 { Ok(()) } else { Err(format!("{left} are left")) }
        })
        .await;
    }

    /// Ends one node at once, without a chance to do anything more.
    pub async fn kill(&self, node: &str) {
        self.launch(&["kill", node]).await;
    }

    /// Sends a signal to one node, by the launcher's name for it.
    pub async fn signal(&self, node: &str, signal: &str) {
        self.launch(&["kill", node, "--signal", signal]).await;
    }

    /// Freezes one node, and waits until the others can tell.
    pub async fn freeze(&self, node: &str) {
        self.launch(&["kill", node, "--signal", "stop"]).await;
        until("the frozen node is silent", async || {
            let status = self.status().await;
            if status.iter().any(|seen| seen.node == node && seen.state == "silent") {
                Ok(())
            } else {
                Err(format!("{status:?}"))
            }
        })
        .await;
    }

    /// Lets a frozen node go on.
    pub async fn thaw(&self, node: &str) {
        self.launch(&["kill", node, "--signal", "cont"]).await;
    }

    /// Ends all nodes politely.
    pub async fn stop(&self) {
        self.launch(&["stop"]).await;
    }

    /// All nodes as they are.
    pub async fn status(&self) -> Vec<Node> {
        let text = self.launch(&["status", "--json"]).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("cluster status: {error}: {text}"))
    }

    /// Base URL of one node's HTTP port.
    pub async fn url(&self, node: &str) -> String {
        let nodes = self.status().await;
        nodes.into_iter().find(|seen| seen.node == node).unwrap_or_else(|| panic!("there is no node {node}")).url
    }

    /// Base URLs of all broadcast nodes.
    pub async fn urls(&self) -> Vec<String> {
        self.launch(&["urls"]).await.lines().map(str::to_owned).collect()
    }

    /// What an operator is told at a URL of a node.
    pub async fn told(&self, url: &str) -> Value {
        let answer = match self.token() {
            Some(token) => web::get_as(url, &format!("Bearer {token}")).await,
            None => web::get(url).await,
        };
        let answer = answer.unwrap_or_else(|error| panic!("{error:#}"));
        assert_eq!(answer.status, StatusCode::OK, "{url}: {}", answer.text());
        answer.json()
    }

    /// The operators' token, as people get it; none where the cluster has no secret.
    pub fn token(&self) -> Option<String> {
        if !self.has_secret {
            return None;
        }
        let mut command = std::process::Command::new(binary("watershed"));
        command.arg("token").arg("--topology").arg(self.path("cluster.toml"));
        let output = command.output().expect("the binary runs");
        assert!(output.status.success(), "{output:?}");
        Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
    }

    /// One figure of one node.
    pub async fn figure(&self, node: &str, name: &str) -> u64 {
        let told = self.told(&format!("{}/v1/node", self.url(node).await)).await;
        told["figures"][name].as_f64().unwrap_or_else(|| panic!("{node} has no figure {name}: {told}")) as u64
    }

    /// Waits until these nodes have so many viewers together; how many each has.
    pub async fn viewers(&self, nodes: &[&str], count: u64) -> Vec<u64> {
        until(&format!("{nodes:?} have {count} viewers"), async || {
            let mut held = Vec::new();
            for node in nodes {
                held.push(self.figure(node, "viewers").await);
            }
            if held.iter().sum::<u64>() == count { Ok(held) } else { Err(format!("{held:?}")) }
        })
        .await
    }

    /// Waits until a node's process has ended.
    pub async fn ended(&self, node: &str) {
        until(&format!("{node} ends"), async || {
            let status = self.status().await;
            let runs = status.iter().any(|seen| seen.node == node && seen.pid.is_some());
            if runs { Err(format!("{status:?}")) } else { Ok(()) }
        })
        .await;
    }

    /// The pattern that names all nodes' files of analytics.
    pub async fn analytics_files(&self) -> String {
        self.launch(&["analytics"]).await.trim_end().to_owned()
    }

    /// What has become durable so far, in the order of each processor.
    pub fn traced(&self) -> Vec<Traced> {
        let texts: Vec<String> =
            self.traces().iter().map(|path| fs::read_to_string(path).expect("a trace is text")).collect();
        texts.iter().flat_map(|text| text.lines()).map(traced).collect()
    }

    /// The same for the ledger.
    pub fn durable(&self) -> Vec<Durable> {
        self.traced().into_iter().map(|row| Durable { id: row.id, part: row.part, count: row.count }).collect()
    }

    /// A path in the cluster's own directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// The files with what each processor has made durable.
    pub fn traces(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.home.path()).expect("the cluster's directory is there");
        let paths = files.filter_map(Result::ok).map(|file| file.path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "tallies")).collect()
    }

    /// The last lines of every node's log.
    pub fn log_ends(&self) -> String {
        log_ends(&self.dir.join("logs"))
    }

    async fn launch(&self, arguments: &[&str]) -> String {
        let mut command = tokio::process::Command::from(self.launcher(arguments));
        let output = command.kill_on_drop(true).output().await.expect("the launcher runs");
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "cluster {}: {err}{out}", arguments.join(" "));
        out.into_owned()
    }

    /// The figures of every node that answers, for a person who looks for the cause of a failure.
    fn figures(&self) -> String {
        let status = self.launcher(&["status", "--json"]).output().map(|output| output.stdout).unwrap_or_default();
        let nodes: Vec<Node> = serde_json::from_slice(&status).unwrap_or_default();
        let shown = self.token().map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        let told = |node: &Node| {
            let authority = node.url.trim_start_matches("http://");
            let mut answer = String::new();
            let asked = TcpStream::connect(authority).and_then(|mut socket| {
                socket.set_read_timeout(Some(Duration::from_secs(1)))?;
                write!(socket, "GET /v1/node HTTP/1.1\r\nHost: {authority}\r\n{shown}Connection: close\r\n\r\n")?;
                socket.read_to_string(&mut answer)
            });
            let body = answer.rsplit("\r\n\r\n").next().unwrap_or_default();
            format!(
                "--- {} is {}: {}\n",
                node.node,
                node.state,
                asked.map_or_else(|error| error.to_string(), |_| body.into())
            )
        };
        nodes.iter().map(told).collect()
    }

    fn launcher(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(binary("cluster"));
        command.args(arguments).arg("--config").arg(self.path("cluster.toml")).arg("--bin").arg(self.path("node"));
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}{}", self.figures(), self.log_ends());
        }
        let stopped = self.launcher(&["stop"]).output();
        if !stopped.as_ref().is_ok_and(|output| output.status.success()) && !std::thread::panicking() {
            panic!("the cluster was not stopped: {stopped:?}");
        }
    }
}

/// The last lines of every log in a directory.
fn log_ends(dir: &Path) -> String {
    let files = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = files.map(|file| file.path()).collect();
    paths.sort();
    let mut shown = String::new();
    for path in paths {
        let text = String::from_utf8_lossy(&fs::read(&path).unwrap_or_default()).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        shown.push_str(&format!("--- the end of {}\n", path.display()));
        lines[lines.len().saturating_sub(LOG_LINES)..].iter().for_each(|line| shown.push_str(&format!("{line}\n")));
    }
    shown
}

/// A line of a trace: comment, epoch, version, count.
fn traced(line: &str) -> Traced {
    let parsed = || {
        let mut fields = line.split(' ');
        let id = fields.next()?.parse().ok()?;
        let mut number = || fields.next()?.parse().ok();
        let (epoch, version, count) = (number()?, number()?, number()?);
        Some(Traced { id, epoch, version, count, part: number()? as u16 })
    };
    parsed().unwrap_or_else(|| panic!("not a line of a trace: {line:?}"))
}
