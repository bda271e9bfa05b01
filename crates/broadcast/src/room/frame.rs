//! One frame of a room's log.
//!
//! Put there by the room when it is published, taken out for ranges, for resumes and for the nodes below. Invariant: what
//! comes out is the frame that went in.

use std::{mem::size_of_val, sync::Arc};

use watershed_protocol::{Delta, Epoch, Seq, Shown};

/// A frame, and what it is in numbers.
#[derive(Debug)]
pub(super) struct Frame {
    delta: Kept,
    /// Comments in this frame and all before it, since the room began.
    pub(super) comments_to: u64,
}

#[derive(Debug)]
enum Kept {
    /// It tells how many viewers there are and no more: all that nearly all streams ever say.
    Viewers { epoch: Epoch, from: Seq, seq: Seq, viewers: u64 },
    /// Any other, and its rough size in memory.
    Whole(Arc<Delta>, usize),
}

impl Frame {
    pub(super) fn new(delta: Arc<Delta>, comments_to: u64) -> Self {
        let Delta { epoch, from, seq, viewers, .. } = *delta;
        let plain = viewers.map(|viewers| Kept::Viewers { epoch, from, seq, viewers });
        let delta = plain.filter(|plain| *plain.delta() == *delta).unwrap_or_else(|| {
            let bytes = rough_bytes(&delta);
            Kept::Whole(delta, bytes)
        });
        Self { delta, comments_to }
    }

    /// As it was published.
    pub(super) fn delta(&self) -> Arc<Delta> {
        self.delta.delta()
    }

    /// What it continues.
    pub(super) fn from(&self) -> Seq {
        match &self.delta {
            Kept::Viewers { from, .. } => *from,
            Kept::Whole(delta, _) => delta.from,
        }
    }

    /// Whether it says nothing but how many viewers there are.
    pub(super) fn tells_viewers_only(&self) -> bool {
        matches!(self.delta, Kept::Viewers { .. })
    }

    /// Comments in it.
    pub(super) fn comments(&self) -> u64 {
        match &self.delta {
            Kept::Viewers { .. } => 0,
            Kept::Whole(delta, _) => delta.comments.len() as u64,
        }
    }

    /// Rough size in memory.
    pub(super) fn bytes(&self) -> usize {
        match &self.delta {
            Kept::Viewers { .. } => size_of::<Self>(),
            Kept::Whole(_, bytes) => *bytes,
        }
    }
}

impl Kept {
    fn delta(&self) -> Arc<Delta> {
        match self {
            Self::Whole(delta, _) => delta.clone(),
            Self::Viewers { epoch, from, seq, viewers } => {
                Arc::new(Delta { viewers: Some(*viewers), ..Delta::empty(*epoch, *from, *seq) })
            }
        }
    }
}

/// What a frame costs in memory, without what allocators add.
fn rough_bytes(delta: &Delta) -> usize {
    let shown = |shown: &Shown| size_of::<Shown>() + 160 + shown.comment.body.as_str().len();
    let comments = delta.comments.iter().chain(delta.top.iter().flatten()).map(shown).sum::<usize>();
    let likes = size_of_val(&delta.likes[..]) + size_of_val(&delta.likes_ordinals[..]);
    let deleted = size_of_val(&delta.deleted[..]) + size_of_val(&delta.deleted_ordinals[..]);
    size_of::<Delta>() + comments + likes + deleted
}

#[cfg(test)]
mod tests {
    use watershed_protocol::CommentId;

    use super::*;

    #[test]
    fn a_frame_comes_out_as_it_went_in() {
        let plain = Delta { viewers: Some(7), ..Delta::empty(Epoch::new(1), Seq::new(4), Seq::new(5)) };
        let likes = Delta { likes: vec![(CommentId::from_bytes([0; 16]), 1)], ..plain.clone() };
        for (delta, is_whole) in [(plain, false), (likes, true)] {
            let frame = Frame::new(Arc::new(delta.clone()), 0);
            assert_eq!(frame.tells_viewers_only(), !is_whole);
            assert_eq!((&*frame.delta(), frame.from()), (&delta, delta.from));
        }
    }
}
