//! The cluster of a run: started and stopped by the launcher, as people do.
//!
//! Between the topology and the crowds. Invariant: no node outlives the value.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, bail};
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    proc::{Use, used_by},
    topology::{Home, Shape},
};

/// One of the workspace's binaries: beside this one, or one folder up, where tests have theirs.
pub fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this binary is")?;
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.with_context(|| format!("{name} is not built beside {}", own.display()))
}

/// One node, as `cluster status --json` shows it.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// Its name, such as b1.
    pub node: String,
    /// broadcast, processor or merger.
    pub role: String,
    pid: Option<u32>,
    url: String,
}

impl Node {
    /// HOST:PORT of its HTTP and WebSockets.
    pub fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }
}

/// A running cluster.
#[derive(Debug)]
pub struct Nodes {
    home: Home,
    launcher: PathBuf,
    nodes: Vec<Node>,
}

impl Nodes {
    /// Starts it and waits until all nodes are ready. Blocks.
    pub fn start(shape: Shape) -> anyhow::Result<Self> {
        let mut cluster = Self { home: Home::make(shape)?, launcher: binary("cluster")?, nodes: Vec::new() };
        cluster.launch(&["up"])?;
        let status = cluster.launch(&["status", "--json"])?;
        cluster.nodes = serde_json::from_slice(&status.stdout).context("the launcher's status is no list of nodes")?;
        Ok(cluster)
    }

    /// The nodes of a role, by number.
    pub fn of(&self, role: &str) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// What the nodes of a role use together.
    pub fn used_by(&self, role: &str) -> Use {
        used_by(&self.of(role).filter_map(|node| node.pid).collect::<Vec<_>>())
    }

    /// The directory of the nodes' logs.
    pub fn logs(&self) -> PathBuf {
        self.home.logs()
    }

    /// The merger that leads, as the first broadcast node says.
    pub async fn root(&self) -> anyhow::Result<String> {
        let node = self.of("broadcast").next().context("the cluster has no broadcast node")?;
        let mut socket = TcpStream::connect(node.address()).await?;
        let request = format!("GET /v1/cluster HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", node.address());
        socket.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await?;
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body).unwrap_or_default();
        let told: serde_json::Value =
            serde_json::from_str(body).with_context(|| format!("{answer:?} is no cluster"))?;
        told["root"]["node"].as_str().map(str::to_owned).context("there is no root")
    }

    /// Ends a node at once, as a crash would.
    pub fn kill(&self, node: &str) -> anyhow::Result<()> {
        self.launch(&["kill", node]).map(drop)
    }

    fn launch(&self, command: &[&str]) -> anyhow::Result<Output> {
        launch(&self.launcher, &self.home.config(), command)
    }
}

fn launch(launcher: &Path, config: &Path, command: &[&str]) -> anyhow::Result<Output> {
    let mut launch = Command::new(launcher);
    launch.arg("--config").arg(config).args(command).stdin(Stdio::null());
    let output = launch.output().with_context(|| format!("{} does not run", launcher.display()))?;
    if !output.status.success() {
        bail!("cluster {}: {}", command.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(output)
}

impl Drop for Nodes {
    fn drop(&mut self) {
        if let Err(error) = self.launch(&["stop"]) {
            eprintln!("the cluster is not stopped: {error:#}");
        }
    }
}
