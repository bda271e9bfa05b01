//! What one message says, whoever receives it.
//!
//! Made once of each distinct payload and kept by [`crate::memo`]. Invariant: nothing of one viewer is in it.

use watershed_protocol::{
    CommentId,
    client::{Encoding, Line, Response},
};

use crate::{
    marks::{MARKS_MAX, Marks, Row, UNSEEN},
    viewer::Point,
};

/// The kinds of messages, as far as a crowd that only watches cares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Welcome,
    /// A whole view.
    Snapshot,
    /// What a view that has come to `from` lacks.
    Delta {
        from: u64,
    },
    Beat,
    /// Go there after so many milliseconds.
    Move {
        url: String,
        after_ms: u64,
    },
    /// An answer: the crowd has asked nothing.
    Answer,
    /// Not a message of the protocol.
    Unreadable,
}

/// One message.
#[derive(Clone, Debug)]
pub(crate) struct News {
    pub(crate) kind: Kind,
    /// Where a view stands after it.
    pub(crate) point: Point,
    /// Comments in it.
    pub(crate) comments: u32,
    pub(crate) shown: u32,
    pub(crate) total: u32,
    /// When its comments were sent, those that say it, by the monotonic clock.
    pub(crate) sent_ns: Vec<u64>,
    /// Counts of the markers, if it has any.
    pub(crate) marks: Option<Box<Row>>,
}

impl News {
    /// Reads a payload.
    pub(crate) fn read(encoding: Encoding, payload: &[u8], marks: &mut Marks) -> Self {
        let Ok(response) = Response::decode(encoding, payload) else { return Self::of(Kind::Unreadable, 0, 0) };
        match response {
            Response::Welcome { .. } => Self::of(Kind::Welcome, 0, 0),
            Response::Beat { epoch, seq } => Self::of(Kind::Beat, epoch, seq),
            Response::Move { url, after_ms } => Self::of(Kind::Move { url, after_ms }, 0, 0),
            Response::Ack { .. } | Response::Reject { .. } => Self::of(Kind::Answer, 0, 0),
            Response::Snapshot { epoch, seq, comments, top, .. } => {
                let counts = comments.iter().chain(&top).map(count);
                Self { marks: row(marks, counts), ..Self::of(Kind::Snapshot, epoch, seq) }
            }
            Response::Delta { epoch, from, seq, comments, likes, top, shown, total, .. } => {
                let counts = top.iter().flatten().chain(&comments).map(count).chain(likes);
                Self {
                    marks: row(marks, counts),
                    comments: comments.len() as u32,
                    shown: shown as u32,
                    total: total as u32,
                    sent_ns: comments.iter().filter_map(|line| sent_ns(&line.body)).collect(),
                    ..Self::of(Kind::Delta { from }, epoch, seq)
                }
            }
        }
    }

    fn of(kind: Kind, epoch: u64, seq: u64) -> Self {
        let point = Point::new(epoch, seq);
        Self { kind, point, comments: 0, shown: 0, total: 0, sent_ns: Vec::new(), marks: None }
    }
}

fn count(line: &Line) -> (CommentId, u64) {
    (line.id, line.likes)
}

fn row(marks: &mut Marks, counts: impl Iterator<Item = (CommentId, u64)>) -> Option<Box<Row>> {
    if !marks.any() {
        return None;
    }
    let mut row = [UNSEEN; MARKS_MAX];
    counts.for_each(|(id, likes)| marks.note(id, likes, &mut row));
    row.iter().any(|count| *count != UNSEEN).then(|| Box::new(row))
}

/// The time in a body such as `hello t=12345678`.
fn sent_ns(body: &str) -> Option<u64> {
    let (_, after) = body.rsplit_once("t=")?;
    let digits = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
    after[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Markers;

    const DELTA: &str = r#"{"type":"delta","epoch":3,"from":41,"seq":43,"comments":[
        {"id":"6f1c0000000000000000000000000009","author":"bob","name":"Bob","body":"hi t=777 x","at":1,"likes":0}],
        "likes":[["6f1c0000000000000000000000000009",4]],"shown":1,"total":2}"#;

    #[test]
    fn a_delta_says_where_it_leads_and_when_its_comments_were_sent() {
        let mut marks = Marks::new(&Markers::First);
        let news = News::read(Encoding::Json, DELTA.as_bytes(), &mut marks);
        assert_eq!((&news.kind, news.point), (&Kind::Delta { from: 41 }, Point::new(3, 43)));
        assert_eq!((news.comments, news.shown, news.total), (1, 1, 2));
        assert_eq!(news.sent_ns, [777]);
        assert_eq!(news.marks.map(|row| row[0]), Some(4), "the count, not that of the new comment");
    }

    #[test]
    fn what_is_no_message_is_said_to_be_none() {
        let news = News::read(Encoding::MessagePack, b"{}", &mut Marks::new(&Markers::None));
        assert_eq!(news.kind, Kind::Unreadable);
    }
}
