//! How a processor is set, and the named maxima of what it keeps.

use watershed_protocol::NodeName;

/// Reactions alone make a report at most this often (design: they shed first).
pub(crate) const REACTIONS_REPORT_MS: u64 = 2_000;
/// Reactions alone make a report only if they changed by this much since the last.
pub(crate) const REACTIONS_CHANGE_PERCENT_MIN: u64 = 1;
/// Most deletions of one stream in a report; the rest wait for the next.
pub(crate) const DELETIONS_PER_REPORT_MAX: usize = 1_000;
/// Most reporters of one stream's taps: broadcast nodes, one for each start, over the life of the stream.
pub(crate) const REPORTERS_MAX: usize = 1_024;
/// Greatest count of taps of one kind by one reporter; with [`REPORTERS_MAX`] of them sums fit 64 bits.
pub(crate) const TAPS_MAX: u64 = (1 << 53) - 1;
/// When to send again what was refused because something was full or down.
pub(crate) const RETRY_AFTER_MS: u64 = 1_000;

/// The settings of one write processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The name under which the map knows it.
    pub node: NodeName,
    /// Reports a second for each stream that is watched.
    pub reports_per_s: u32,
    /// Reports of a stream that may follow each other at once after it was quiet.
    pub report_burst: u32,
    /// Most comments, tombstones too; beyond it new ones are refused as `overloaded`.
    pub comments_max: usize,
    /// Most registers; beyond it likes by viewers who never liked that comment are refused as `overloaded`.
    pub registers_max: u64,
    /// Most viewers that ever liked something here; beyond it likes by new ones are refused as `overloaded`.
    pub viewers_max: usize,
    /// Most bytes of registers in memory; beyond it those that are not used are in the store only, and likes are refused as
    /// `overloaded` while the store does not have them yet.
    pub registers_bytes_max: usize,
    /// Most answers that wait for one commit group; beyond it writes are refused as `overloaded`.
    pub group_answers_max: usize,
    /// Most bytes of rows in one commit group, well below what a record of the log holds.
    pub group_bytes_max: usize,
    /// Whether to put out an `Output::Durable` for each count that became durable: for checkers.
    pub trace_tallies: bool,
    /// Whether to put out an `Output::Counted` for each stream of a group that became durable: for analytics.
    pub tell_counts: bool,
}

impl Config {
    /// The defaults for a node of this name.
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            reports_per_s: 20,
            report_burst: 5,
            // About 200 bytes each without the text, and 4 to 12 bytes for each register, in memory or in the store.
            comments_max: 10_000_000,
            registers_max: 500_000_000,
            // 18 bytes each.
            viewers_max: 50_000_000,
            registers_bytes_max: 1024 * 1024 * 1024,
            // Sixteen of the largest batches.
            group_answers_max: 262_144,
            group_bytes_max: 16 * 1024 * 1024,
            trace_tallies: false,
            tell_counts: false,
        }
    }
}
