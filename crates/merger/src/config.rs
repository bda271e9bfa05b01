//! What an operator may choose about the root, and the maxima of everything that it keeps.
//!
//! Read by the machine at construction. Invariant: zeros that would stop a stream for ever are read as one.

use watershed_protocol::{NodeName, limits};

/// The root's settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// This process.
    pub node: NodeName,
    /// Frames of one stream a second, when it is busy.
    pub frames_per_s: u32,
    /// Frames of one stream that may go out at once after a pause.
    pub frame_burst: u32,
    /// How long an opening waits for the owners of all slots. Whoever is later comes in under a further epoch.
    pub resync_wait_ms: u64,
    /// Most comments in one frame: more are sampled, the same sample for all.
    pub comments_per_frame: usize,
    /// How often viewers or reactions alone may make a frame.
    pub side_every_ms: u64,
    /// How long a stream without subscribers is kept.
    pub close_after_ms: u64,
    /// How far apart the epochs of one stream are that late owners cause: those who come together come in together.
    pub raise_every_ms: u64,
    /// How often an owner that keeps leaving gaps is opened again. Reports that were under way when it was opened leave gaps
    /// as well, so at once would be once for each of them.
    pub reopen_every_ms: u64,
    /// How long the parts of a spread comment may be missing before their owners are asked for them: mostly they are under way.
    pub parts_wait_ms: u64,
    /// How often they are asked for.
    pub parts_ask_every_ms: u64,
    /// How often the most liked comments may change on the screen.
    pub top_every_ms: u64,
    /// Most frames kept of one stream.
    pub log_frames_max: usize,
    /// Most bytes kept of one stream's frames, as estimated.
    pub log_bytes_max: usize,
    /// Most comments of one stream whose tallies are kept although nobody has to be told. The longest unchanged go first.
    pub counts_max: usize,
    /// Most counts or deletions that wait for frames: beyond it a snapshot takes the place of the frames.
    pub waiting_max: usize,
    /// Most streams open at once: a subscription beyond it is not taken.
    pub streams_max: usize,
    /// Whether to put out an `Output::Counted` for each frame, and when viewers have come or gone: for analytics.
    pub tell_counts: bool,
}

impl Config {
    /// The defaults.
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            frames_per_s: 10,
            frame_burst: 5,
            resync_wait_ms: 800,
            comments_per_frame: 100,
            side_every_ms: 2_000,
            close_after_ms: 30_000,
            raise_every_ms: 200,
            reopen_every_ms: 200,
            parts_wait_ms: 200,
            parts_ask_every_ms: 500,
            top_every_ms: 1_000,
            log_frames_max: 512,
            log_bytes_max: 4 << 20,
            counts_max: 10_000,
            waiting_max: 16 * limits::TALLIES_PER_FRAME_MAX,
            streams_max: 200_000,
            tell_counts: false,
        }
    }
}
