//! What is counted, and one row of it.
//!
//! Between the drivers, each of which knows some of it, and the gatherer. Invariant: counts of the same stream and second
//! add up, whoever has counted them and in however many rows; only `viewers` is a number of a moment, and the later one
//! replaces.

use watershed_protocol::StreamId;

/// What happened on one stream within one second, as far as one node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Comments that became durable.
    pub comments: u64,
    /// Registers that became "likes it", durably.
    pub likes: u64,
    /// Registers that were "likes it" and no longer are, durably.
    pub unlikes: u64,
    /// Taps that became durable, of whatever kind.
    pub reactions: u64,
    /// How many watch. `None`: this node does not know, or nothing has changed.
    pub viewers: Option<u64>,
    /// Frames made.
    pub frames: u64,
    /// What overload took: comments that no frame shows, and refusals of writes as overloaded.
    pub shed: u64,
}

impl Counts {
    /// Takes what happened after it.
    pub fn add(&mut self, later: &Counts) {
        let Counts { comments, likes, unlikes, reactions, viewers, frames, shed } = *later;
        self.comments = self.comments.saturating_add(comments);
        self.likes = self.likes.saturating_add(likes);
        self.unlikes = self.unlikes.saturating_add(unlikes);
        self.reactions = self.reactions.saturating_add(reactions);
        self.viewers = viewers.or(self.viewers);
        self.frames = self.frames.saturating_add(frames);
        self.shed = self.shed.saturating_add(shed);
    }
}

/// One row of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Seconds since the Unix epoch.
    pub second: u64,
    /// `None`: of all streams that were too many to be told apart.
    pub stream: Option<StreamId>,
    /// What happened.
    pub counts: Counts,
}

impl Row {
    /// Bytes of the numbers in a row: second, six counts, viewers.
    const NUMBERS_BYTES: usize = 64;

    /// Its bytes in a file that is not compressed, about.
    pub(crate) fn bytes(&self) -> u64 {
        (Self::NUMBERS_BYTES + self.stream.as_ref().map_or(0, |stream| stream.as_str().len())) as u64
    }
}
