//! The load generator against a cluster of a test: a crowd of real viewers with a ledger of its own.
//!
//! Where a test needs many viewers that move, come again and write on. Invariant: a crowd that has ended has kept every
//! promise, been quiet, and read the whole history; a test asks only for what it wants besides.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};

use crate::{
    cluster::Cluster,
    process::{Process, binary},
    until,
};

/// A run that goes on.
#[derive(Debug)]
pub struct Loadgen {
    process: Process,
    log: PathBuf,
    report: PathBuf,
}

impl Loadgen {
    /// Starts a crowd on a stream, which asks all broadcast nodes of the cluster.
    pub async fn start(cluster: &Cluster, stream: &str, flags: &str) -> Self {
        Self::at(cluster, cluster.urls().await, stream, flags)
    }

    /// Starts a crowd on a stream, which asks these nodes.
    pub fn at(cluster: &Cluster, nodes: Vec<String>, stream: &str, flags: &str) -> Self {
        let report = cluster.path(&format!("{stream}.json"));
        let log = cluster.path(&format!("logs/loadgen-{stream}.log"));
        let nodes = nodes.into_iter().flat_map(|url| ["--http".into(), url]);
        let own = ["--stream", stream, "--quiet-wait", "40", "--json"].map(str::to_owned);
        let flags = flags.split(' ').map(str::to_owned);
        let arguments = nodes.chain(flags).chain(own).chain([report.display().to_string()]);
        Self { process: Process::start(&binary("loadgen"), arguments, &log), log, report }
    }

    /// Waits for the end of the run; its report, and its words for a failure.
    pub async fn ends(mut self) -> (Value, String) {
        let code = until("the load generator ends", async || self.process.ended().ok_or("it runs")).await;
        let words = fs::read_to_string(&self.log).unwrap_or_default();
        assert_eq!(code, 0, "{words}");
        let report: Value = serde_json::from_slice(&fs::read(&self.report).expect("a report")).expect("JSON");
        assert_eq!(report["ledger"]["violations"], json!([]), "{words}");
        assert_eq!((&report["quiet"], &report["history"]["complete"]), (&json!(true), &json!(true)), "{words}");
        (report, words)
    }
}
