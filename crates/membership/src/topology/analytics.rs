//! The topology's section on analytics: whether files are kept, where, and how many.
//!
//! Between the text and the node that writes, or the launcher that tells where to look. Invariant: a node writes into a
//! directory of its own, wherever that is, and what [`Topology::analytics_files`] names holds the files of all nodes.

use std::path::PathBuf;

use serde::Deserialize;
use watershed_protocol::NodeName;

use super::{
    Topology, TopologyError,
    file::{length, number, one_line},
};

/// The directory of a node's files, in its data directory.
const IN_DATA: &str = "analytics";

/// How analytics are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Analytics {
    /// Where the nodes' directories are; in the nodes' data directories if `None`.
    pub dir: Option<PathBuf>,
    /// A file holds so many seconds at most.
    pub rotate_s: u64,
    /// A file is written before its time when its rows have so many bytes, not yet compressed.
    pub file_bytes: u64,
    /// When a node's files take more, the oldest are removed.
    pub total_bytes: u64,
}

/// The section as it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AnalyticsKeys {
    on: bool,
    dir: Option<String>,
    rotate_s: i64,
    file_bytes: i64,
    total_bytes: i64,
}

impl Default for AnalyticsKeys {
    fn default() -> Self {
        Self { on: true, dir: None, rotate_s: 60, file_bytes: 4_194_304, total_bytes: 1_073_741_824 }
    }
}

impl AnalyticsKeys {
    /// `None`: they are switched off. Values are checked all the same.
    pub(super) fn check(self) -> Result<Option<Analytics>, TopologyError> {
        let key = "[analytics] dir";
        let checked = |dir| one_line(key, length(key, dir, 1, 4_096)?);
        let checked = Analytics {
            dir: self.dir.map(checked).transpose()?.map(PathBuf::from),
            rotate_s: number("[analytics] rotate_s", self.rotate_s, 1, 86_400)?,
            file_bytes: number("[analytics] file_bytes", self.file_bytes, 65_536, 16_777_216)?,
            total_bytes: number("[analytics] total_bytes", self.total_bytes, 1_048_576, 1_099_511_627_776)?,
        };
        Ok(self.on.then_some(checked))
    }
}

impl Topology {
    /// The directory of one node's analytics; `None` if they are switched off.
    pub fn analytics_dir(&self, node: &NodeName) -> Option<PathBuf> {
        let analytics = self.analytics.as_ref()?;
        Some(match &analytics.dir {
            Some(dir) => dir.join(node.as_str()),
            None => self.data_dir(node).join(IN_DATA),
        })
    }

    /// A pattern of a shell that names the files of all nodes; `None` if they are switched off.
    pub fn analytics_files(&self) -> Option<PathBuf> {
        let analytics = self.analytics.as_ref()?;
        let dirs = match &analytics.dir {
            Some(dir) => dir.join("*"),
            None => self.dir.join("data").join("*").join(IN_DATA),
        };
        Some(dirs.join("*.parquet"))
    }
}
