//! Builds batches of writes: the half of the stage that a broadcast node's hand would be.
//!
//! Writes number themselves 1, 2, 3… as they are added. However they are added, a processor takes likes first, then
//! comments, deletions, pins and taps.

use watershed_protocol::{
    CommentId, DisplayName, Part, Register, Spread, Stamp, ViewerId, ViewerKey,
    peer::uplink::{CommentWrite, DeleteWrite, HeaderWrite, LikeColumns, LikeRow, PinWrite, ReactionWrite, WriteBatch},
};

use super::{HOME, body, key, slot, stream, taps};

/// An empty batch of stream 0, "demo", and stream 1, "other".
pub(in crate::machine) fn batch() -> WriteBatch {
    WriteBatch { streams: vec![stream("demo"), stream("other")], ..WriteBatch::default() }
}

/// Writes on the stream "demo", unless they name another.
pub(in crate::machine) trait Build: Sized {
    fn comment(self, id: CommentId, author: &str, text: &str) -> Self;
    fn comment_on(self, stream: u16, id: CommentId, author: &str, text: &str) -> Self;
    /// The comment that was added last is spread.
    fn spread(self, spread: Spread) -> Self;
    fn header(self, id: CommentId, author: &str, part: Part) -> Self;
    /// The deletion or like that was added last is of this part.
    fn in_part(self, part: Part) -> Self;
    fn like(self, id: CommentId, viewer: &str, stamp: u64) -> Self;
    fn unlike(self, id: CommentId, viewer: &str, stamp: u64) -> Self;
    fn set(self, stream: u16, id: CommentId, viewer: ViewerKey, register: Register) -> Self;
    fn delete(self, id: CommentId, viewer: &str) -> Self;
    fn delete_on(self, stream: u16, id: CommentId, viewer: &str, moderator: bool) -> Self;
    fn moderate(self, id: CommentId) -> Self;
    fn pin(self, id: CommentId) -> Self;
    fn unpin(self) -> Self;
    fn unpin_in(self, slot: u16) -> Self;
    fn taps(self, reporter: u64, counts: &[(&str, u64)]) -> Self;
    fn taps_in(self, slot: u16, reporter: u64, counts: &[(&str, u64)]) -> Self;
}

impl Build for WriteBatch {
    fn comment(self, id: CommentId, author: &str, text: &str) -> Self {
        self.comment_on(0, id, author, text)
    }
    fn comment_on(mut self, stream: u16, id: CommentId, author: &str, text: &str) -> Self {
        let (number, author, name) =
            (self.len() as u64 + 1, author.parse().unwrap(), DisplayName::new("Name").unwrap());
        self.comments.push(CommentWrite { number, stream, id, author, name, body: body(text), spread: Spread::WHOLE });
        self
    }
    fn spread(mut self, spread: Spread) -> Self {
        self.comments.last_mut().expect("a comment").spread = spread;
        self
    }
    fn header(mut self, id: CommentId, author: &str, part: Part) -> Self {
        let (number, author) = (self.len() as u64 + 1, author.parse().unwrap());
        self.headers.push(HeaderWrite { number, stream: 0, id, author, part });
        self
    }
    fn in_part(mut self, part: Part) -> Self {
        let last = self.len() as u64;
        if let Some(delete) = self.deletes.last_mut().filter(|delete| delete.number == last) {
            delete.part = part;
            return self;
        }
        let mut rows: Vec<LikeRow> = self.likes.iter().collect();
        rows.last_mut().expect("a like").part = part;
        self.likes = LikeColumns::default();
        rows.into_iter().for_each(|row| self.likes.push(row));
        self
    }
    fn like(self, id: CommentId, viewer: &str, stamp: u64) -> Self {
        self.set(0, id, key(viewer), Register { stamp: Stamp::new(stamp).unwrap(), liked: true })
    }
    fn unlike(self, id: CommentId, viewer: &str, stamp: u64) -> Self {
        self.set(0, id, key(viewer), Register { stamp: Stamp::new(stamp).unwrap(), liked: false })
    }
    fn set(mut self, stream: u16, comment: CommentId, viewer: ViewerKey, register: Register) -> Self {
        let number = self.len() as u64 + 1;
        self.likes.push(LikeRow { number, stream, comment, viewer, register, part: Part::WHOLE });
        self
    }
    fn delete(self, id: CommentId, viewer: &str) -> Self {
        self.delete_on(0, id, viewer, false)
    }
    fn delete_on(mut self, stream: u16, id: CommentId, viewer: &str, moderator: bool) -> Self {
        let (number, viewer) = (self.len() as u64 + 1, viewer.parse::<ViewerId>().unwrap());
        self.deletes.push(DeleteWrite { number, stream, id, viewer, moderator, part: Part::WHOLE });
        self
    }
    fn moderate(self, id: CommentId) -> Self {
        self.delete_on(0, id, "mod", true)
    }
    fn pin(mut self, id: CommentId) -> Self {
        let number = self.len() as u64 + 1;
        self.pins.push(PinWrite { number, stream: 0, slot: id.slot(), id: Some(id) });
        self
    }
    fn unpin(self) -> Self {
        self.unpin_in(HOME)
    }
    fn unpin_in(mut self, number: u16) -> Self {
        let at = self.len() as u64 + 1;
        self.pins.push(PinWrite { number: at, stream: 0, slot: slot(number), id: None });
        self
    }
    fn taps(self, reporter: u64, counts: &[(&str, u64)]) -> Self {
        self.taps_in(HOME, reporter, counts)
    }
    fn taps_in(mut self, home: u16, reporter: u64, counts: &[(&str, u64)]) -> Self {
        let number = self.len() as u64 + 1;
        self.reactions.push(ReactionWrite { number, stream: 0, slot: slot(home), reporter, counts: taps(counts) });
        self
    }
}
