//! The frames that are sent: deltas of one stream, each with a few comments that say when they were sent.
//!
//! Shared by all servers, so that they send the same bytes. Invariant: frames chain, and every one sets the count of the
//! first comment to its own seq, so that at the end a viewer's count says whether anything was lost.

use std::sync::Arc;

use bytes::Bytes;
use watershed_bench::clock::monotonic_ns;
use watershed_protocol::{
    Comment, CommentBody, CommentId, Delta, DisplayName, Epoch, HybridTime, Pinned, Reactions, Seq, Shown, Snapshot,
    ViewerId,
    client::{Encoding, Response, frame_of},
};

/// Longest comment.
pub(crate) const COMMENT_BYTES_MAX: usize = 4_000;

/// What is in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) comments: usize,
    /// Bytes of a comment's body.
    pub(crate) bytes: usize,
}

/// The frames, one after the other.
#[derive(Debug)]
pub(crate) struct Frames {
    seq: u64,
    comments: u64,
    author: ViewerId,
    name: DisplayName,
}

impl Frames {
    /// Before the first frame.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self { seq: 1, comments: 0, author: ViewerId::new("ann")?, name: DisplayName::new("Ann")? })
    }

    /// The view that the first frame continues.
    pub(crate) fn snapshot() -> Snapshot {
        Snapshot {
            epoch: Epoch::new(1),
            seq: Seq::new(1),
            partial: false,
            viewers: 1,
            reactions: Reactions::new(),
            pinned: Pinned::Nothing,
            top: Vec::new(),
            comments: Vec::new(),
        }
    }

    /// The seq of the last frame.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Comments in all frames so far.
    pub(crate) fn comments(&self) -> u64 {
        self.comments
    }

    /// The next frame, sent now.
    pub(crate) fn next(&mut self, shape: Shape) -> anyhow::Result<Delta> {
        let mut delta = Delta::empty(Epoch::new(1), Seq::new(self.seq), Seq::new(self.seq + 1));
        let sent = format!("t={} ", monotonic_ns());
        let body = format!("{sent}{}", "x".repeat(shape.bytes.saturating_sub(sent.len())));
        for _ in 0..shape.comments {
            self.comments += 1;
            let comment = Comment {
                id: CommentId::from_bytes(u128::from(self.comments).to_be_bytes()),
                time: HybridTime::from_bits(self.comments),
                author: self.author.clone(),
                name: self.name.clone(),
                body: CommentBody::new(&body, COMMENT_BYTES_MAX)?,
            };
            delta.comments.push(Shown { comment: Arc::new(comment), likes: 0, ordinal: None });
        }
        self.seq += 1;
        delta.likes.push((CommentId::from_bytes(1_u128.to_be_bytes()), self.seq));
        (delta.shown, delta.total) = (shape.comments as u64, shape.comments as u64);
        Ok(delta)
    }

    /// The next frame as the payload of a WebSocket's message.
    pub(crate) fn next_payload(&mut self, shape: Shape) -> anyhow::Result<Vec<u8>> {
        Ok(Response::from(&self.next(shape)?).encode(Encoding::Json))
    }

    /// The next frame as bytes for a socket.
    pub(crate) fn next_bytes(&mut self, shape: Shape) -> anyhow::Result<Bytes> {
        Ok(frame_of(Encoding::Json.opcode(), &self.next_payload(shape)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_chain_from_the_snapshot_and_say_when_they_were_sent() {
        let mut frames = Frames::new().unwrap();
        let (first, second) = (frames.next(SHAPE).unwrap(), frames.next(SHAPE).unwrap());
        assert_eq!((Frames::snapshot().seq, first.seq), (first.from, second.from));
        assert!(first.comments[0].comment.body.as_str().starts_with("t="));
        assert_eq!((second.likes[0].1, frames.comments()), (frames.seq(), 4));
    }

    #[test]
    fn a_comment_has_the_bytes_that_were_asked_for() {
        let delta = Frames::new().unwrap().next(SHAPE).unwrap();
        assert_eq!(delta.comments[1].comment.body.as_str().len(), 100);
    }

    const SHAPE: Shape = Shape { comments: 2, bytes: 100 };
}
