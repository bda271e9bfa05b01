//! Bare loops, as many as a cluster has broadcast nodes: what the kernel alone needs for the same sockets.
//!
//! In the place of a cluster, under the same crowds. Invariant: none outlives the value: the end of its input ends it.

use std::{os::unix::process::CommandExt, process::Stdio};

use anyhow::Context;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

use super::{
    nodes::binary,
    proc::{Use, used_by},
};

/// The servers.
#[derive(Debug)]
pub struct Floors {
    floors: Vec<Floor>,
}

#[derive(Debug)]
struct Floor {
    pid: u32,
    address: String,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    _process: Child,
}

impl Floors {
    /// Starts so many and waits until each says where it is.
    pub async fn start(count: u16) -> anyhow::Result<Self> {
        let mut floors = Vec::new();
        for _ in 0..count {
            floors.push(Floor::start().await?);
        }
        Ok(Self { floors })
    }

    /// HOST:PORT of each.
    pub fn addresses(&self) -> Vec<&str> {
        self.floors.iter().map(|floor| floor.address.as_str()).collect()
    }

    /// What they use together.
    pub fn used(&self) -> Use {
        used_by(&self.floors.iter().map(|floor| floor.pid).collect::<Vec<_>>())
    }

    /// Each sends a frame of one comment after so many seconds, and then one every so many seconds.
    pub async fn send_every(&mut self, seconds: f64, comment_bytes: usize) -> anyhow::Result<()> {
        self.order(1.0 / seconds, comment_bytes).await
    }

    /// No more frames.
    pub async fn rest(&mut self) -> anyhow::Result<()> {
        self.order(0.0, 0).await
    }

    async fn order(&mut self, frames_per_s: f64, bytes: usize) -> anyhow::Result<()> {
        let order = json!({"frames_per_s": frames_per_s, "comments": 1, "bytes": bytes}).to_string() + "\n";
        for floor in &mut self.floors {
            floor.input.write_all(order.as_bytes()).await.context("a bare loop is gone")?;
        }
        for floor in &mut self.floors {
            floor.answers.next_line().await?.context("a bare loop ended")?;
        }
        Ok(())
    }
}

impl Floor {
    async fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(binary("fanout")?);
        command.arg("floor").stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.as_std_mut().process_group(0);
        let mut process = command.spawn().context("fanout does not start")?;
        let pid = process.id().context("a bare loop ended at once")?;
        let input = process.stdin.take().context("a bare loop has no input")?;
        let output = process.stdout.take().context("a bare loop has no output")?;
        let mut answers = BufReader::new(output).lines();
        let said = answers.next_line().await?.context("a bare loop ended at once")?;
        let address =
            said.strip_prefix("listening on ").with_context(|| format!("a bare loop says {said}"))?.to_owned();
        Ok(Self { pid, address, input, answers, _process: process })
    }
}
