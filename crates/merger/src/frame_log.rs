//! The last frames of one stream, for subscribers that have been away for a moment.
//!
//! Filled when a frame is sealed; read when a node subscribes with what it has, or has room again. Invariant: the frames
//! chain, and their number and estimated size stay within the configured maxima.

use std::collections::VecDeque;

use watershed_protocol::{Delta, Epoch, Seq};

/// A run of frames without a gap, within one epoch.
#[derive(Debug)]
pub(crate) struct FrameLog {
    frames: VecDeque<Logged>,
    bytes: usize,
    frames_max: usize,
    bytes_max: usize,
}

/// One frame, and its size.
#[derive(Debug)]
enum Logged {
    /// It tells how many viewers there are and no more: all that nearly all streams ever say.
    Viewers { epoch: Epoch, from: Seq, seq: Seq, viewers: u64 },
    /// Any other.
    Whole(Box<Delta>, usize),
}

impl FrameLog {
    pub(crate) fn new(frames_max: usize, bytes_max: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, frames_max, bytes_max }
    }

    /// Adds the next frame; the oldest give way.
    pub(crate) fn push(&mut self, frame: Delta) {
        debug_assert!(self.frames.back().is_none_or(|last| last.ends().1 == frame.from), "frames must chain");
        let logged = Logged::new(frame);
        self.bytes += logged.bytes();
        if self.frames.is_empty() {
            self.frames.reserve_exact(1); // A queue that grows by itself begins with four places.
        }
        self.frames.push_back(logged);
        while self.frames.len() > self.frames_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// Forgets all: a snapshot stands where frames would have.
    pub(crate) fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    /// The frames after `seq`, one by one; `None` if the log does not reach back to it.
    pub(crate) fn since(&self, seq: Seq) -> Option<impl Iterator<Item = Delta>> {
        let at = self.frames.binary_search_by_key(&seq, |logged| logged.ends().0).ok()?;
        Some(self.frames.range(at..).map(Logged::frame))
    }
}

impl Logged {
    fn new(frame: Delta) -> Self {
        let Delta { epoch, from, seq, viewers, .. } = frame;
        let plain = viewers.map(|viewers| Self::Viewers { epoch, from, seq, viewers });
        plain.filter(|plain| plain.frame() == frame).unwrap_or_else(|| {
            let bytes = size(&frame);
            Self::Whole(Box::new(frame), bytes)
        })
    }

    /// As it was sealed.
    fn frame(&self) -> Delta {
        match self {
            Self::Whole(frame, _) => (**frame).clone(),
            Self::Viewers { epoch, from, seq, viewers } => {
                Delta { viewers: Some(*viewers), ..Delta::empty(*epoch, *from, *seq) }
            }
        }
    }

    /// What it continues, and what it leads to.
    fn ends(&self) -> (Seq, Seq) {
        match self {
            Self::Viewers { from, seq, .. } => (*from, *seq),
            Self::Whole(frame, _) => (frame.from, frame.seq),
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Viewers { .. } => size_of::<Self>(),
            Self::Whole(_, bytes) => *bytes,
        }
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
    use watershed_protocol::CommentId;

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
    fn a_frame_that_tells_of_viewers_comes_out_as_it_went_in() {
        let mut log = FrameLog::new(10, usize::MAX);
        let (mut viewers, mut both) = (frame(0, 0), frame(1, 1));
        (viewers.viewers, both.viewers) = (Some(7), Some(8));
        log.push(viewers.clone());
        log.push(both.clone());
        assert!(matches!(log.frames[0], Logged::Viewers { viewers: 7, .. }));
        assert_eq!(log.since(Seq::new(0)).unwrap().collect::<Vec<_>>(), [viewers, both]);
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
