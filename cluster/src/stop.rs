//! `cluster stop` and `cluster kill`: ending nodes, politely or not.
//!
//! Invariant: `stop` says that a cluster has stopped only after it saw that no process is left.

use std::{fs, time::Duration};

use anyhow::{Context, bail};
use rustix::process::Signal;
use watershed_membership::Node;
use watershed_protocol::NodeName;

use crate::{
    args::SignalName,
    cluster::Cluster,
    print,
    process::{Process, wait_for_end},
};

/// How long nodes may take to end before they are killed, beyond what a broadcast node drains.
const END_WITHIN: Duration = Duration::from_secs(12);

/// How long a killed process may take to be gone.
const KILLED: Duration = Duration::from_secs(5);

/// Stops all nodes: of the topology, and those that an earlier topology of this directory started.
pub(crate) fn stop_all(cluster: &Cluster) -> anyhow::Result<()> {
    if !cluster.topology.dir.exists() {
        return print("nothing was running\n");
    }
    let _lock = cluster.lock()?;
    let mut running: Vec<(NodeName, Process)> =
        cluster.look()?.into_iter().filter_map(|seen| Some((seen.node.name.clone(), seen.process?))).collect();
    for other in recorded_nodes(cluster)? {
        let process = Process::recorded(&cluster.pid_file(&other)).filter(|_| cluster.topology.node(&other).is_none());
        running.extend(process.map(|process| (other, process)));
    }
    let forced = stop(cluster, &running)?;
    for name in recorded_nodes(cluster)? {
        let path = cluster.pid_file(&name);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    }
    print(&match (running.len(), forced) {
        (0, _) => "nothing was running\n".to_owned(),
        (count, 0) => format!("{count} nodes stopped, no process is left\n"),
        (count, forced) => format!("{count} nodes stopped ({forced} had to be killed), no process is left\n"),
    })
}

/// Ends these processes and returns how many had to be killed.
pub(crate) fn stop(cluster: &Cluster, running: &[(NodeName, Process)]) -> anyhow::Result<usize> {
    send(running, Signal::TERM)?;
    let at_most = END_WITHIN + Duration::from_millis(cluster.topology.limits.drain_ms);
    let late = wait_for_end(running.iter().map(|(_, process)| *process).collect(), at_most);
    let late: Vec<_> = running.iter().filter(|(_, process)| late.contains(process)).cloned().collect();
    send(&late, Signal::KILL)?;
    let left = wait_for_end(late.iter().map(|(_, process)| *process).collect(), KILLED);
    if !left.is_empty() {
        let pids: Vec<String> = left.iter().map(|process| process.pid.to_string()).collect();
        bail!("processes {} are left although they were killed", pids.join(", "));
    }
    Ok(late.len())
}

fn send(running: &[(NodeName, Process)], signal: Signal) -> anyhow::Result<()> {
    for (name, process) in running {
        process.signal(signal).with_context(|| format!("cannot signal {name} (process {})", process.pid))?;
    }
    Ok(())
}

/// The nodes whose processes are recorded, of whatever topology.
fn recorded_nodes(cluster: &Cluster) -> anyhow::Result<Vec<NodeName>> {
    let dir = cluster.topology.run_dir();
    let mut names = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| format!("cannot list {}", dir.display()))? {
        let file = entry?.file_name();
        let name = file.to_str().and_then(|file| file.strip_suffix(".pid")).and_then(|name| NodeName::new(name).ok());
        names.extend(name);
    }
    Ok(names)
}

/// Sends a signal to one node; after a `KILL` waits until it is gone.
pub(crate) fn kill(cluster: &Cluster, node: &Node, signal: SignalName) -> anyhow::Result<()> {
    let process = cluster.look()?.into_iter().find(|seen| seen.node.name == node.name).and_then(|seen| seen.process);
    let Some(process) = process else { bail!("{} is not running", node.name) };
    let word = format!("{signal:?}").to_uppercase();
    send(&[(node.name.clone(), process)], signal.signal())?;
    if signal == SignalName::Kill && !wait_for_end(vec![process], KILLED).is_empty() {
        bail!("{} (process {}) is left although it was killed", node.name, process.pid);
    }
    print(&format!("sent {word} to {} (process {})\n", node.name, process.pid))
}
