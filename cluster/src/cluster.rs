//! The cluster as the launcher sees it: the topology, and which of its nodes run.
//!
//! Every command starts here. Invariant: a node counts as running only if its process is known by id and start time.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use watershed_membership::{Health, Member, Membership, Node, StateDir, Topology};
use watershed_protocol::NodeName;

use crate::{Usage, process::Process};

/// A topology, and the file that it came from.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) config: PathBuf,
    pub(crate) topology: Topology,
}

/// What is known of one node.
#[derive(Debug)]
pub(crate) struct Seen<'t> {
    pub(crate) node: &'t Node,
    /// None when it does not run.
    pub(crate) process: Option<Process>,
    /// The last process that joined under this name, running or not.
    pub(crate) member: Option<(Member, Health)>,
}

impl Cluster {
    /// Reads the topology.
    pub(crate) fn open(config: &Path) -> Result<Self, Usage> {
        let topology = Topology::load(config).map_err(|error| {
            let line = error.to_string();
            // A file that cannot be read is named already.
            let named = line.contains(&config.display().to_string());
            Usage(if named { line } else { format!("{}: {line}", config.display()) })
        })?;
        Ok(Self { config: config.to_owned(), topology })
    }

    /// A node of the topology by its name.
    pub(crate) fn named(&self, name: &str) -> Result<&Node, Usage> {
        let found = self.topology.nodes().iter().find(|node| node.name.as_str() == name);
        found.ok_or_else(|| {
            let names: Vec<&str> = self.topology.nodes().iter().map(|node| node.name.as_str()).collect();
            Usage(format!("there is no node {name:?} in {}: {}", self.config.display(), names.join(", ")))
        })
    }

    /// Where the process of a node is recorded.
    pub(crate) fn pid_file(&self, name: &NodeName) -> PathBuf {
        self.topology.run_dir().join(format!("{name}.pid"))
    }

    /// Makes all directories, and keeps other launchers out until the handle is dropped.
    pub(crate) fn lock(&self) -> anyhow::Result<File> {
        let (run, logs) = (self.topology.run_dir(), self.topology.dir.join("logs"));
        for dir in [&run, &logs, &self.topology.state_dir(), &self.topology.dir.join("data")] {
            fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
        let path = run.join("launcher.lock");
        let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => {
                bail!("another launcher is at work on {}", self.topology.dir.display())
            }
            Err(fs::TryLockError::Error(error)) => Err(error).context(format!("cannot lock {}", path.display())),
        }
    }

    /// Who has ever joined. Nobody, and nothing is made, where no cluster was.
    pub(crate) fn members(&self) -> anyhow::Result<Vec<(Member, Health)>> {
        let dir = self.topology.state_dir();
        if !dir.exists() {
            return Ok(Vec::new());
        }
        Ok(StateDir::open(&dir)?.members()?)
    }

    /// Looks at every node of the topology, in its order.
    pub(crate) fn look(&self) -> anyhow::Result<Vec<Seen<'_>>> {
        let members = self.members()?;
        let joined = |name: &NodeName| members.iter().find(|(member, _)| member.name == *name).cloned();
        Ok(self.topology.nodes().iter().map(|node| self.see(node, joined(&node.name))).collect())
    }

    fn see<'t>(&self, node: &'t Node, member: Option<(Member, Health)>) -> Seen<'t> {
        let recorded = Process::recorded(&self.pid_file(&node.name));
        // A node that was started by hand, or whose launcher was killed before it could record it, still holds its lease.
        let joined =
            || member.as_ref().filter(|(_, health)| *health != Health::Dead).and_then(|(m, _)| Process::of(m.pid));
        let process = recorded.or_else(joined);
        Seen { node, process, member }
    }
}

impl Seen<'_> {
    /// The member that the running process is, once it has joined, also while it ends without its lease.
    pub(crate) fn known(&self) -> Option<&(Member, Health)> {
        let process = self.process?;
        self.member.as_ref().filter(|(member, _)| member.pid == process.pid)
    }

    /// Base URL of its HTTP port: as it says, or as the topology says while it does not run.
    pub(crate) fn url(&self) -> String {
        match self.known() {
            Some((member, _)) => member.http.clone(),
            None => self.node.http_url(self.node.http.port()),
        }
    }
}
