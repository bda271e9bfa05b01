//! What a client of the compact encodings remembers: which comment each ordinal names.
//!
//! One for each viewer, at load generators, simulators and tests: it reads the viewer's messages in their order, and goes on
//! over the connections that resume. Invariant: it holds no more than the newest [`limits::ORDINALS_KEPT_MAX`], and they are
//! of the epoch that the last snapshot began.
//!
//! [`limits::ORDINALS_KEPT_MAX`]: crate::limits::ORDINALS_KEPT_MAX

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Encoding, Line, Response, ResponseError, compact::Name, deflate};
use crate::{CommentId, DisplayName, Ordinal, ViewerId};

/// See the head of the file.
#[derive(Clone, Debug, Default)]
pub struct Names {
    ids: BTreeMap<Ordinal, CommentId>,
}

/// A comment as it is read.
#[derive(Deserialize)]
struct Row(CommentId, ViewerId, DisplayName, String, u64, u64, Option<Ordinal>);

type Reactions = BTreeMap<String, u64>;

#[derive(Deserialize)]
struct SnapshotRow(
    #[expect(dead_code, reason = "the message's number, read before")] u8,
    u64,
    u64,
    bool,
    u64,
    Reactions,
    Option<Row>,
    Vec<Row>,
    Vec<Row>,
);

#[derive(Deserialize)]
struct DeltaRow(
    #[expect(dead_code, reason = "the message's number, read before")] u8,
    u64,
    u64,
    u64,
    Vec<Row>,
    Vec<(Name, u64)>,
    Vec<Name>,
    Option<Vec<Row>>,
    Option<Vec<Row>>,
    Option<Reactions>,
    Option<u64>,
    u64,
    u64,
);

impl Names {
    /// Reads the viewer's next message. What it says of ordinals that the viewer does not know is of comments that it does
    /// not show, and left out.
    pub fn read(&mut self, encoding: Encoding, payload: &[u8]) -> Result<Response, ResponseError> {
        match encoding {
            Encoding::Json => Ok(serde_json::from_slice(payload)?),
            Encoding::MessagePack => Response::from_message_pack(payload),
            Encoding::Compact => self.read_compact(payload),
            Encoding::CompactDeflate => self.read_compact(&deflate::open(payload)?),
        }
    }

    fn read_compact(&mut self, payload: &[u8]) -> Result<Response, ResponseError> {
        let (number, array) = Response::array(payload)?;
        match number {
            1 => Ok(self.snapshot(rmp_serde::from_slice(&array)?)),
            2 => Ok(self.delta(rmp_serde::from_slice(&array)?)),
            _ => Response::from_message_pack(payload),
        }
    }

    fn snapshot(&mut self, row: SnapshotRow) -> Response {
        let SnapshotRow(_, epoch, seq, partial, viewers, reactions, pinned, top, comments) = row;
        self.ids.clear();
        let (comments, top) = (self.lines(comments), self.lines(top));
        let pinned = pinned.map(|row| self.line(row));
        self.forget();
        Response::Snapshot { epoch, seq, partial, viewers, reactions, pinned, top, comments }
    }

    fn delta(&mut self, row: DeltaRow) -> Response {
        let DeltaRow(_, epoch, from, seq, comments, likes, deleted, pinned, top, reactions, viewers, shown, total) =
            row;
        let comments = self.lines(comments);
        let top = top.map(|rows| self.lines(rows));
        let pinned = pinned.map(|rows| rows.into_iter().next().map(|row| self.line(row)));
        let likes = likes.into_iter().filter_map(|(name, count)| Some((self.id(name)?, count))).collect();
        let deleted = deleted.into_iter().filter_map(|name| self.id(name)).collect();
        // Only now: a range may call a comment by an ordinal that was among the newest when its first frame was made.
        self.forget();
        Response::Delta { epoch, from, seq, comments, likes, deleted, pinned, top, reactions, viewers, shown, total }
    }

    fn id(&self, name: Name) -> Option<CommentId> {
        match name {
            Name::Id(id) => Some(id),
            Name::Ordinal(ordinal) => self.ids.get(&ordinal).copied(),
        }
    }

    fn lines(&mut self, rows: Vec<Row>) -> Vec<Line> {
        rows.into_iter().map(|row| self.line(row)).collect()
    }

    fn line(&mut self, row: Row) -> Line {
        let Row(id, author, name, body, at, likes, ordinal) = row;
        if let Some(ordinal) = ordinal {
            self.ids.insert(ordinal, id);
        }
        Line { id, author, name, body, at, likes }
    }

    fn forget(&mut self) {
        let Some(newest) = self.ids.last_key_value().map(|(newest, _)| *newest) else { return };
        while self.ids.first_key_value().is_some_and(|(oldest, _)| !oldest.is_kept(newest)) {
            self.ids.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Comment, CommentBody, Delta, Epoch, HybridTime, Pinned, Seq, Shown, Snapshot, limits};

    fn id(n: u64) -> CommentId {
        CommentId::from_bytes(u128::from(n).to_be_bytes())
    }

    fn ordinal(n: u64) -> Option<Ordinal> {
        Some(Ordinal::try_from(n).unwrap())
    }

    /// A comment whose ordinal is its number.
    fn shown(n: u64) -> Shown {
        let comment = Comment {
            id: id(n),
            time: HybridTime::from_bits(n),
            author: "ann".parse().unwrap(),
            name: DisplayName::new("Ann").unwrap(),
            body: CommentBody::new("hi", 10).unwrap(),
        };
        Shown { comment: Arc::new(comment), likes: 0, ordinal: ordinal(n) }
    }

    /// A viewer that has the comments of these numbers.
    fn viewer(epoch: u64, numbers: &[u64]) -> Names {
        let mut names = Names::default();
        snapshot(&mut names, epoch, numbers);
        names
    }

    fn snapshot(names: &mut Names, epoch: u64, numbers: &[u64]) {
        let snapshot = Snapshot {
            epoch: Epoch::new(epoch),
            seq: Seq::ZERO,
            partial: false,
            viewers: 1,
            reactions: Default::default(),
            pinned: Pinned::Nothing,
            top: Vec::new(),
            comments: numbers.iter().map(|n| shown(*n)).collect(),
        };
        names.read(Encoding::Compact, &snapshot.encode(Encoding::Compact)).unwrap();
    }

    fn delta(comments: &[u64], likes: &[u64], deleted: &[u64]) -> Delta {
        let mut delta = Delta::empty(Epoch::new(1), Seq::ZERO, Seq::ZERO.next());
        delta.comments = comments.iter().map(|n| shown(*n)).collect();
        delta.likes = likes.iter().map(|n| (id(*n), 7)).collect();
        delta.likes_ordinals = likes.iter().map(|n| ordinal(*n)).collect();
        delta.deleted = deleted.iter().map(|n| id(*n)).collect();
        delta.deleted_ordinals = deleted.iter().map(|n| ordinal(*n)).collect();
        delta
    }

    /// The numbers of the comments that the viewer is told of: counts and deletions.
    fn told(names: &mut Names, delta: &Delta) -> (Vec<u64>, Vec<u64>) {
        let response = names.read(Encoding::Compact, &delta.encode(Encoding::Compact)).unwrap();
        let Response::Delta { likes, deleted, .. } = response else { panic!("{response:?}") };
        let number = |id: &CommentId| u128::from_be_bytes(*id.as_bytes()) as u64;
        (likes.iter().map(|(id, _)| number(id)).collect(), deleted.iter().map(number).collect())
    }

    #[test]
    fn an_ordinal_is_known_from_the_message_that_brings_its_comment() {
        let mut names = viewer(1, &[1, 2]);
        assert_eq!(told(&mut names, &delta(&[3], &[1, 3], &[2])), (vec![1, 3], vec![2]));
    }

    #[test]
    fn what_is_said_of_comments_that_a_viewer_does_not_show_is_left_out() {
        let mut names = viewer(1, &[8]);
        assert_eq!(told(&mut names, &delta(&[], &[7, 8], &[6])), (vec![8], vec![]));
    }

    #[test]
    fn a_snapshot_forgets_all_that_was_known() {
        let mut names = viewer(1, &[1]);
        snapshot(&mut names, 2, &[2]);
        assert_eq!(told(&mut names, &delta(&[], &[1, 2], &[])), (vec![2], vec![]));
    }

    #[test]
    fn a_range_may_call_a_comment_that_was_kept_when_its_first_frame_was_made() {
        let mut names = viewer(1, &[1]);
        let newest = limits::ORDINALS_KEPT_MAX + 1;
        assert_eq!(told(&mut names, &delta(&[newest], &[1], &[])), (vec![1], vec![]));
        assert_eq!(told(&mut names, &delta(&[], &[1, newest], &[])), (vec![newest], vec![]));
        assert_eq!(names.ids.len(), 1);
    }

    #[test]
    fn ordinals_of_the_most_liked_and_the_pinned_are_known_too() {
        let mut names = viewer(1, &[]);
        let mut frame = delta(&[], &[4, 5], &[]);
        (frame.top, frame.pinned) = (Some(vec![shown(4)]), Some(Pinned::Comment(shown(5))));
        assert_eq!(told(&mut names, &frame), (vec![4, 5], vec![]));
    }
}
