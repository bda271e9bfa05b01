//! The last frames of one stream, for subscribers that have been away for a moment.
//!
//! Filled when a frame is sealed; read when a node subscribes with what it has, or has room again. Invariant: the frames
//! chain, and their number and estimated size stay within the configured maxima.

use std::collections::VecDeque;

use watershed_protocol::{Delta, Seq};

/// A run of frames without a gap, within one epoch.
#[derive(Debug)]
pub(crate) struct FrameLog {
    frames: VecDeque<(Delta, usize)>,
    bytes: usize,
    frames_max: usize,
    bytes_max: usize,
}

impl FrameLog {
    pub(crate) fn new(frames_max: usize, bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, frames_max, bytes_max }
    }

    /// Adds the next frame; the oldest give way.
    pub(crate) fn push(&mut self, frame: Delta) {
        debug_assert!(self.frames.back().is_none_or(|(last, _)| last.seq == frame.from), "frames must chain");
        let bytes = size(&frame);
        self.bytes += bytes;
        self.frames.push_back((frame, bytes));
        while self.frames.len() > self.frames_max || self.bytes > self.bytes_max {
            let Some((_, bytes)) = self.frames.pop_front() else { break };
            self.bytes -= bytes;
        }
    }

    /// Forgets all: a snapshot stands where frames would have.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    /// The frames after `seq`, one by one; `None` if the log does not reach back to it.
    pub(crate) fn since(&self, seq: Seq) -> Option<impl Iterator<Item = &Delta>> {
        let at = self.frames.binary_search_by_key(&seq, |(frame, _)| frame.from).ok()?;
        Some(self.frames.range(at..).map(|(frame, _)| frame))
    }
}

/// About what a frame takes in memory. Its comments are counted whole, though the view may share them.
fn size(frame: &Delta) -> usize {
    let comments = frame.comments.iter().map(|shown| 200 + shown.comment.body.as_str().len());
    let shown = frame.pinned.iter().len() + frame.top.as_ref().map_or(0, Vec::len);
    200 + comments.sum::<usize>() + 32 * frame.likes.len() + 24 * frame.deleted.len() + 40 * shown
}

#[cfg(test)]
mod tests {
    use watershed_protocol::{CommentId, Epoch};

    use super::*;

    fn frame(from: u64, likes: usize) -> Delta {
        let mut frame = Delta::empty(Epoch::new(1), Seq::new(from), Seq::new(from + 1));
        frame.likes = vec![(CommentId::from_bytes([0; 16]), 1); likes];
        frame
    }

    fn since(log: &FrameLog, seq: u64) -> Option<Vec<u64>> {
        Some(log.since(Seq::new(seq))?.map(|frame| frame.seq.get()).collect())
    }

    #[test]
    fn frames_are_kept_up_to_their_number() {
        let mut log = FrameLog::new(2, usize::MAX);
        (0..4).for_each(|from| log.push(frame(from, 0)));
        assert_eq!(since(&log, 1), None);
        assert_eq!(since(&log, 2), Some(vec![3, 4]));
        assert_eq!(since(&log, 4), None, "nothing continues the head");
        log.clear();
        assert_eq!(since(&log, 2), None);
    }

    #[test]
    fn frames_are_kept_up_to_their_size() {
        let mut log = FrameLog::new(100, 1_100);
        log.push(frame(0, 10));
        log.push(frame(1, 10));
        log.push(frame(2, 10));
        assert_eq!(since(&log, 1), Some(vec![2, 3]));
        log.push(frame(3, 1_000));
        assert_eq!(since(&log, 3), None, "a frame larger than the log is not kept");
    }
}
