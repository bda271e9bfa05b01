//! What a node is, before it runs: its place in the topology, and who it says it is.
//!
//! Command line → `Setup` → the role's `run`. Invariant: everything in it has been checked; nothing is bound yet.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use watershed_membership::{Member, Node, Topology};
use watershed_protocol::{NodeName, Role};

/// A command line or topology that cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(String);

impl UsageError {
    /// The name on the command line is not a name.
    pub(crate) fn name(invalid: watershed_protocol::Invalid) -> Self {
        Self(format!("--name: {invalid}"))
    }

    /// The topology is another than that of the cluster that it names.
    pub(crate) fn topology(error: watershed_membership::TopologyError) -> Self {
        Self(error.to_string())
    }

    /// The topology cannot be read.
    pub(crate) fn topology_file(path: &Path, error: &watershed_membership::TopologyError) -> Self {
        let line = error.to_string();
        let path = path.display().to_string();
        // A file that cannot be opened is named already.
        Self(if line.contains(&path) { line } else { format!("{path}: {line}") })
    }

    /// The URL of a node is none.
    pub(crate) fn url(url: &str) -> Self {
        Self(format!("--url: {url:?} is not an http:// URL with a host"))
    }

    /// The token on the command line cannot be sent; it is not shown.
    pub(crate) fn token() -> Self {
        Self("--token: a token has no control characters".into())
    }

    /// Nobody needs a token in this cluster.
    pub(crate) fn needless_token(topology: &Path) -> Self {
        Self(format!("{}: there is no [cluster] secret, so no token is needed", topology.display()))
    }

    /// The environment asks for log lines in words that are none.
    pub(crate) fn filter(why: impl std::fmt::Display) -> Self {
        Self(format!("WATERSHED_LOG: {why}"))
    }
}

/// The cluster that a file describes.
pub(crate) fn topology(file: &Path) -> Result<Topology, UsageError> {
    Topology::load(file).map_err(|error| UsageError::topology_file(file, &error))
}

/// One node's place in its cluster.
pub(crate) struct Setup {
    /// The whole cluster, as configured.
    pub(crate) topology: Topology,
    /// This node in it.
    pub(crate) node: Node,
    /// Random at each start of the process.
    pub(crate) incarnation: u64,
    /// Where to write durable tallies for checks from outside.
    pub(crate) trace_tallies: Option<PathBuf>,
}

impl Setup {
    /// Reads the topology and finds the node in it.
    pub(crate) fn load(
        role: Role,
        topology: &Path,
        name: &NodeName,
        trace_tallies: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        let found = self::topology(topology)?;
        let Some(node) = found.node(name).filter(|node| node.role == role).cloned() else {
            let names: Vec<String> = found.names(role).iter().map(ToString::to_string).collect();
            let why =
                format!("--name: {name} is not a {role} of {}, these are: {}", topology.display(), names.join(", "));
            return Err(UsageError(why).into());
        };
        if let Some(path) = &trace_tallies {
            // Found out now, not when the log has been read back.
            let opened = File::options().create(true).append(true).open(path);
            opened.map_err(|error| UsageError(format!("--trace-tallies: cannot write {}: {error}", path.display())))?;
        }
        Ok(Self { topology: found, node, incarnation: Member::incarnation()?, trace_tallies })
    }

    /// This node as the others will see it, listening where it really does.
    pub(crate) fn member(&self, http: SocketAddr, peer: Option<SocketAddr>) -> Member {
        Member {
            name: self.node.name.clone(),
            role: self.node.role,
            incarnation: self.incarnation,
            pid: std::process::id(),
            peer,
            http: self.node.http_url(http.port()),
            ws: self.node.ws_url(http.port()),
        }
    }
}
