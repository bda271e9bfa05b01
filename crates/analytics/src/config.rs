//! How the files of one node are kept, and the named maxima of what waits for them.
//!
//! From the topology's `[analytics]` section. Invariant: what waits in memory is bounded whatever the disk does.

use std::path::PathBuf;

use watershed_protocol::NodeName;

/// Most streams that one second tells apart. What further streams count in that second is summed up in one row without a
/// stream, so that totals stay exact.
pub(crate) const STREAMS_PER_SECOND_MAX: usize = 100_000;
/// Most rows in memory, of about 100 bytes each: those that wait for the next rotation, or for a disk that takes none.
/// Beyond it new rows are dropped, and counted.
pub(crate) const ROWS_HELD_MAX: usize = 500_000;
/// When a file is tried again that could not be written. A disk that is full stays so for longer than a moment.
pub(crate) const RETRY_MS: u64 = 5_000;

/// The settings of one node's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whose rows they are: the column `node`.
    pub node: NodeName,
    /// This start of the node: part of each file's name, so that no start replaces a file of another.
    pub incarnation: u64,
    /// Where they lie; of this node alone.
    pub directory: PathBuf,
    /// A file holds the seconds between two multiples of this.
    pub rotate_s: u64,
    /// A file is written before its time when its rows have so many bytes, not yet compressed.
    pub file_bytes: u64,
    /// When the files take more, the oldest are removed.
    pub total_bytes: u64,
}
