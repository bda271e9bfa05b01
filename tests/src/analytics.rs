//! What a cluster's files of analytics say, asked as people ask: the script of `make analytics`, with DuckDB.
//!
//! Invariant: what is compared is what a query sums up, never what our own code reads.

use std::process::Stdio;

use serde::Deserialize;
use tokio::{process::Command, time::timeout};

use crate::{PATIENCE, cluster::Cluster, process::binary};

/// What all files say.
#[derive(Clone, Debug, Deserialize)]
pub struct Answer {
    /// How many there are.
    pub files: u64,
    /// Each stream in all.
    pub totals: Vec<Total>,
}

/// One stream in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Total {
    /// Which.
    pub stream: String,
    /// Comments that became durable.
    pub comments: u64,
    /// Effective likes.
    pub likes: u64,
    /// Effective unlikes.
    pub unlikes: u64,
    /// Taps.
    pub reactions: u64,
    /// The most viewers.
    pub viewers: Option<u64>,
    /// Frames made.
    pub frames: u64,
    /// Comments not shown, and writes refused as overloaded.
    pub shed: u64,
}

impl Answer {
    /// What they say of one stream; nothing if they do not know it.
    pub fn of(&self, stream: &str) -> Total {
        self.totals.iter().find(|total| total.stream == stream).cloned().unwrap_or_default()
    }
}

impl Total {
    /// Comments, likes, unlikes and reactions: what processors count.
    pub fn writes(&self) -> [u64; 4] {
        [self.comments, self.likes, self.unlikes, self.reactions]
    }
}

/// Asks for all streams.
pub async fn ask(cluster: &Cluster) -> Answer {
    let watershed = binary("watershed");
    let target = watershed.ancestors().nth(2).expect("a profile's directory lies in the target directory");
    let python = target.join("duckdb/bin/python");
    assert!(python.exists(), "there is no {}: make needs-duckdb", python.display());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../cluster/analytics.py");
    let mut command = Command::new(python);
    command.args([script, "--json", &cluster.analytics_files().await]).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(PATIENCE, command.output()).await.expect("the query ends").expect("python starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}\n{out}");
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
}
