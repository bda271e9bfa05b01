//! Likes of the log that are read and not merged yet: many at a time, so that those of one comment come together.
//!
//! Between `replay`, which gives each its position, and the registers. A like that is merged on its own finds neither its
//! comment nor its page in the processor's cache, and waits for memory half a dozen times; sorted by comment and viewer,
//! thousands go through one page after the other. That may be done, for likes of two viewers can change places: only the
//! likes of one viewer on one comment stand in an order, and keep it. Invariant: a comment whose deletion is replayed has
//! none here.

use watershed_protocol::{Mutant, Position, ViewerKey};

use crate::{
    comments::{CommentNo, Unsaved},
    machine::Processor,
    registers::{Merged, ViewerNo},
    replay::ReplayError,
    restore::ReadRow,
    state::{State, liked},
};

/// Likes that wait at most: 10 MB of them. On 10,000 comments four times as many gain nothing.
const LIKES_WAITING_MAX: usize = 256 * 1024;

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    likes: Vec<Like>,
    /// Whose like each is. Viewers get their numbers together: the look-ups wait for memory side by side.
    keys: Vec<ViewerKey>,
}

#[derive(Clone, Copy, Debug)]
struct Like {
    comment: CommentNo,
    viewer: ViewerNo,
    at: Position,
    bits: u64,
}

impl Backlog {
    /// Takes a like at its position.
    pub(crate) fn push(&mut self, comment: CommentNo, key: ViewerKey, bits: u64, at: Position) {
        self.likes.push(Like { comment, viewer: ViewerNo::MAX, at, bits });
        self.keys.push(key);
    }

    /// Whether no more should come.
    pub(crate) fn is_full(&self) -> bool {
        self.likes.len() >= LIKES_WAITING_MAX
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.likes.is_empty()
    }
}

impl Processor {
    /// The log has been replayed to its end: what of it still waits is taken, before [`Processor::start`].
    pub fn replayed(&mut self, read: &mut ReadRow<'_>) -> Result<(), ReplayError> {
        self.state.merge_backlog(read)?;
        self.state.backlog = Backlog::default();
        Ok(())
    }
}

impl State {
    /// Merges all likes that wait.
    pub(crate) fn merge_backlog(&mut self, read: &mut ReadRow<'_>) -> Result<(), ReplayError> {
        let Backlog { mut likes, mut keys } = std::mem::take(&mut self.backlog);
        for (like, key) in likes.iter_mut().zip(&keys) {
            like.viewer = self.viewers.intern(*key);
        }
        // Stable: a viewer's likes of one comment keep their order.
        likes.sort_by_key(|like| u64::from(like.comment) << 32 | u64::from(like.viewer));
        for likes in likes.chunk_by(|one, next| one.comment == next.comment) {
            self.merge_likes(likes, read)?;
        }
        likes.clear();
        keys.clear();
        self.backlog = Backlog { likes, keys };
        Ok(())
    }

    /// Merges likes of one comment, as [`State::publish`] would make each visible.
    fn merge_likes(&mut self, likes: &[Like], read: &mut ReadRow<'_>) -> Result<(), ReplayError> {
        let Some(&Like { comment, .. }) = likes.first() else { return Ok(()) };
        let (shelf, was) = (self.comments[comment].shelf, self.comments[comment].version);
        let (mut changed, mut version, mut taken) = (Position::ZERO, was, false);
        for like in likes {
            let merged = self.merge_one(like, read).map_err(|why| {
                let slot = self.streams.shelves[shelf].slot;
                ReplayError::Row { slot, at: like.at, why }
            })?;
            changed = changed.max(like.at);
            match merged {
                Merged::Taken { before } => {
                    taken = true;
                    if self.count_one(like, before) {
                        version = version.max(like.at);
                    }
                }
                // In the store already, and it cannot be told what it changed. A version may be too late, but not too early.
                Merged::Kept { .. } | Merged::Cold(_) => version = version.max(like.at),
            }
        }
        let shelf = &mut self.streams.shelves[shelf];
        shelf.changed = shelf.changed.max(changed);
        self.comments[comment].version = version;
        if taken || version > was {
            self.to_save.comment(&mut self.comments, comment, Unsaved::Metrics);
        }
        Ok(())
    }

    /// Merges one like, for which its page is loaded if need be.
    fn merge_one(&mut self, like: &Like, read: &mut ReadRow<'_>) -> Result<Merged, String> {
        let Like { comment, viewer, bits, .. } = *like;
        let mut merged = self.merge(comment, viewer, bits);
        if let Merged::Cold(range) = merged {
            self.warm(comment, range, read)?;
            merged = self.merge(comment, viewer, bits);
        }
        self.make_room();
        match merged {
            Merged::Kept { .. } if !self.restored => Err("the like changes nothing".into()),
            Merged::Cold(_) => Err("its page was loaded, and is not there".into()),
            merged => Ok(merged),
        }
    }

    /// Counts a like that replaced these bits; whether that changes the count.
    fn count_one(&mut self, like: &Like, before: u64) -> bool {
        let surplus = before == 0 && Mutant::UnknownUnlikeCounted.lives();
        if liked(before) == liked(like.bits) && !surplus {
            return false;
        }
        let entry = &mut self.comments[like.comment];
        for count in [&mut entry.likes, &mut self.streams.shelves[entry.shelf].likes] {
            *count = if liked(like.bits) || surplus { *count + 1 } else { *count - 1 };
        }
        true
    }
}
