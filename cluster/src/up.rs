//! `cluster up` and `cluster start`: starts what does not run, and waits until it is ready.
//!
//! Everything that can be known to fail is checked first. Invariant: a call that fails leaves running what ran before
//! it, and nothing else.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use watershed_membership::{Membership, Node, StateDir};
use watershed_placement::Map;
use watershed_protocol::{NodeName, Role};

use crate::{
    Usage,
    cluster::Cluster,
    demo, logs, print,
    process::Process,
    status::{self, State},
    stop,
};

/// How long nodes may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How often nodes that start are looked at.
const POLL: Duration = Duration::from_millis(50);

/// How much of a failed node's log is shown.
const LOG_LINES: usize = 15;

/// A node that this call has started.
struct Started<'t> {
    node: &'t Node,
    child: Child,
    process: Option<Process>,
    /// Where its log began.
    log_from: u64,
}

/// Starts all nodes that do not run, or only one of them.
pub(crate) fn up(cluster: &Cluster, bin: Option<&Path>, only: Option<&NodeName>) -> anyhow::Result<()> {
    let bin = binary(bin)?;
    let _lock = cluster.lock()?;
    let seen = cluster.look()?;
    let wanted = seen.iter().filter(|seen| only.is_none_or(|only| seen.node.name == *only));
    let dead: Vec<&Node> = wanted.filter(|seen| seen.process.is_none()).map(|seen| seen.node).collect();
    check_ports(&dead, &cluster.config)?;
    let state = StateDir::open(&cluster.topology.state_dir())?;
    let topology = &cluster.topology;
    check_map(&*state.found_if_absent(&topology.names(Role::Processor), &topology.spreads)?, cluster)?;

    let mut started = Vec::with_capacity(dead.len());
    let outcome = start_all(cluster, &bin, &dead, &mut started).and_then(|()| wait_until_ready(cluster, &mut started));
    if let Err(error) = outcome {
        let running: Vec<(NodeName, Process)> =
            started.iter().filter_map(|started| Some((started.node.name.clone(), started.process?))).collect();
        stop::stop(cluster, &running)?;
        for started in &started {
            let _ = fs::remove_file(cluster.pid_file(&started.node.name)); // Stale records are ignored in any case.
        }
        return Err(error);
    }
    match (only, dead.is_empty()) {
        (Some(name), true) => print(&format!("{name} is already running\n"))?,
        (None, true) => print("all nodes are already running\n")?,
        _ => {}
    }
    status::show(cluster, false)?;
    let page = demo::operator_urls(cluster)?.into_iter().next();
    page.map_or(Ok(()), |page| print(&format!("operators look at {page}\n")))
}

/// The binary of the nodes: as told, or beside our own.
fn binary(told: Option<&Path>) -> anyhow::Result<PathBuf> {
    let path = match told {
        Some(path) => path.to_owned(),
        None => std::env::current_exe().context("cannot tell where this binary is")?.with_file_name("watershed"),
    };
    let runs = fs::metadata(&path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0);
    if !runs {
        bail!(Usage(format!("{} is not there or cannot be run; build it, or name it with --bin", path.display())));
    }
    // A bare name would be searched in PATH.
    fs::canonicalize(&path).with_context(|| format!("cannot find {}", path.display()))
}

/// Whether every port that a node to be started needs is free.
fn check_ports(dead: &[&Node], config: &Path) -> anyhow::Result<()> {
    for node in dead {
        let listeners = [("port", Some(node.http)), ("peer_port", node.peer)];
        for (key, address) in listeners.into_iter().filter_map(|(key, address)| Some((key, address?))) {
            let (name, role, config) = (&node.name, node.role, config.display());
            match TcpListener::bind(address) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                    "port {} of {name} is taken (by another program); change [{role}] {key} in {config}",
                    address.port()
                ),
                Err(error) => bail!("{name} cannot listen on {address} ({error}); change [{role}] in {config}"),
            }
        }
    }
    Ok(())
}

/// Slots whose owner the topology no longer has would be unavailable for ever.
fn check_map(map: &Map, cluster: &Cluster) -> anyhow::Result<()> {
    cluster.topology.agrees_with(map).map_err(|error| Usage(error.to_string()))?;
    let processors = cluster.topology.names(Role::Processor);
    let missing = map.processors().into_iter().find(|owner| !processors.contains(owner));
    let Some(owner) = missing else { return Ok(()) };
    bail!(Usage(format!(
        "{owner} owns {} slots in {}, but {} has only {} processors: raise [processor] nodes, or start with an empty dir",
        map.slots_of(&owner).len(),
        cluster.topology.state_dir().display(),
        cluster.config.display(),
        processors.len()
    )))
}

fn start_all<'t>(
    cluster: &Cluster,
    bin: &Path,
    dead: &[&'t Node],
    started: &mut Vec<Started<'t>>,
) -> anyhow::Result<()> {
    for node in dead {
        let node = start(cluster, bin, node)?;
        let record = node.process.map(|process| (process, cluster.pid_file(&node.node.name)));
        started.push(node); // Before anything can fail: what is in the list is stopped then.
        if let Some((process, path)) = record {
            process.record(&path).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// Starts one node as the leader of its own process group, so that a Ctrl-C here does not reach it.
fn start<'t>(cluster: &Cluster, bin: &Path, node: &'t Node) -> anyhow::Result<Started<'t>> {
    let path = cluster.topology.log_file(&node.name);
    let open = || -> io::Result<(File, File, u64)> {
        let log = File::options().create(true).append(true).open(&path)?;
        let log_from = log.metadata()?.len();
        Ok((log.try_clone()?, log, log_from))
    };
    let (out, err, log_from) = open().with_context(|| format!("cannot open {}", path.display()))?;
    let mut command = Command::new(bin);
    command.arg(node.role.to_string()).arg("--topology").arg(&cluster.config).arg("--name").arg(node.name.as_str());
    command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
    let child = command.spawn().with_context(|| format!("cannot start {}", bin.display()))?;
    Ok(Started { node, process: Process::of(child.id()), child, log_from })
}

/// Waits until all are ready. An error names the first that ended or was too late, with the end of its log.
fn wait_until_ready(cluster: &Cluster, started: &mut [Started<'_>]) -> anyhow::Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    let mut waiting: Vec<&mut Started<'_>> = started.iter_mut().collect();
    loop {
        for started in &mut waiting {
            if let Some(status) = started.child.try_wait()? {
                let name = &started.node.name;
                bail!("{name} ended while it was starting ({status}){}", log_end(cluster, started));
            }
        }
        let seen = cluster.look()?;
        let is_ready =
            |node: &Node| seen.iter().any(|seen| seen.node.name == node.name && State::of(seen) == State::Ready);
        waiting.retain(|started| !is_ready(started.node));
        let Some(late) = waiting.first() else { return Ok(()) };
        if Instant::now() >= deadline {
            let (name, seconds) = (&late.node.name, READY_WITHIN.as_secs());
            bail!("{name} was not ready within {seconds} s{}", log_end(cluster, late));
        }
        thread::sleep(POLL);
    }
}

/// The last lines that a node has written since this start.
fn log_end(cluster: &Cluster, started: &Started<'_>) -> String {
    let path = cluster.topology.log_file(&started.node.name);
    let end = fs::metadata(&path).map_or(0, |file| file.len());
    match logs::last_lines(&path, started.log_from, end, LOG_LINES) {
        Ok(lines) if lines.is_empty() => format!("; {} is empty", path.display()),
        Ok(lines) => format!("; the end of {}:\n  {}", path.display(), lines.join("\n  ")),
        Err(error) => format!("; {} cannot be read: {error}", path.display()),
    }
}
