//! What a processor has done so far, for metrics: in ÷ out is what aggregation earns.

/// Counts since the process started, and sizes of this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Writes that came in.
    pub writes_in: u64,
    /// Likes and unlikes among them.
    pub likes_in: u64,
    /// Writes that changed something: rows of the log.
    pub rows: u64,
    /// Commit groups that became durable.
    pub groups: u64,
    /// Commit groups that the disk had no space for.
    pub groups_refused: u64,
    /// Checkpoints that were made.
    pub checkpoints: u64,
    /// Checkpoints that the store did not take.
    pub checkpoints_failed: u64,
    /// Answers that were given.
    pub answers: u64,
    /// Writes that were refused.
    pub refused: u64,
    /// Writes to slots that are not owned here.
    pub moved: u64,
    /// Writes that nobody waits for any more, or that only another owner may answer.
    pub abandoned: u64,
    /// Reports to the root.
    pub reports: u64,
    /// Counts in them.
    pub tallies_out: u64,
    /// Questions answered.
    pub queries: u64,
    /// Slots that were taken away by a newer map.
    pub fenced: u64,
    /// Writes that wait for the disk. What came in was answered, abandoned, or waits.
    pub waiting: u64,
    /// Comments in memory, tombstones too.
    pub comments: u64,
    /// Registers, in memory and in the store.
    pub registers: u64,
    /// Bytes of registers in memory.
    pub registers_bytes: u64,
    /// Pages of registers that were let go of.
    pub pages_evicted: u64,
    /// Pages that were asked for again.
    pub loads: u64,
    /// Pages that the store did not give.
    pub loads_failed: u64,
    /// Writes that wait for a page.
    pub writes_held: u64,
    /// Writes that were refused because too many wait, or because memory is full of what is not saved.
    pub writes_crowded_out: u64,
    /// Likes that were refused because as many viewers are known as may be.
    pub viewers_turned_away: u64,
    /// Viewers that ever liked something here.
    pub viewers: u64,
    /// Streams that hold something here.
    pub streams: u64,
}
