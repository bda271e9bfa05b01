//! What analytics are told of one stream: what only the root knows.
//!
//! Beside the flow: counted where a frame is published and where viewers have come or gone, put out, and forgotten.
//! Invariant: a stream whose viewers do not change and that has no frames is not spoken of.

/// What happened on one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Viewers on all nodes, as of now.
    pub viewers: u64,
    /// Frames made.
    pub frames: u64,
    /// Comments that no frame shows: more were written than a frame holds.
    pub unshown: u64,
}
