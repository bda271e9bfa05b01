//! One page of a stream's history, put together from what all owners tell.
//!
//! Between whoever asks (a viewer over HTTP, a checker) and the questions that go up: first each owner's newest comments,
//! then, once the page is known, the counts of the parts of those that are spread.
//!
//! Invariant: a page has no hole, and no count that lacks a part: what is not told makes no page.

use std::{cmp::Reverse, collections::BTreeMap};

use watershed_placement::Map;
use watershed_protocol::{
    CommentId, NodeName, Shown, Slot, StreamId, limits,
    peer::uplink::{Query, Reply},
};

/// A page in the making.
#[derive(Debug)]
pub struct Page {
    comments: Vec<Shown>,
    questions: Vec<Question>,
}

/// A part of a comment, and where on the page the comment stands.
type Placed = ((Slot, CommentId), usize);

/// What one owner is asked about the parts that it has.
#[derive(Debug)]
struct Question {
    owner: NodeName,
    parts: Vec<(Slot, CommentId)>,
    /// Where on the page the comment of each stands.
    places: Vec<usize>,
}

impl Page {
    /// The newest `limit` of what all owners have told.
    pub fn new(map: &Map, stream: &StreamId, told: impl IntoIterator<Item = Shown>, limit: usize) -> Self {
        let mut comments: Vec<Shown> = told.into_iter().collect();
        comments.sort_by_key(|shown| Reverse(shown.comment.order()));
        comments.truncate(limit);
        let mut owners: BTreeMap<&NodeName, Vec<Placed>> = BTreeMap::new();
        for (place, shown) in comments.iter_mut().enumerate() {
            let id = shown.comment.id;
            let spread = map.spread(stream, &id);
            if spread.is_whole() {
                continue;
            }
            // Its home has told what its own part counts; all parts are asked at one time.
            shown.likes = 0;
            for slot in spread.parts().map(|part| part.slot(&id)) {
                owners.entry(&map.owner(slot).node).or_default().push(((slot, id), place));
            }
        }
        let asked = |(owner, parts): (&NodeName, Vec<Placed>)| {
            let question = |parts: &[Placed]| {
                let (parts, places) = parts.iter().copied().unzip();
                Question { owner: owner.clone(), parts, places }
            };
            parts.chunks(limits::COUNTS_QUERY_MAX).map(question).collect::<Vec<_>>()
        };
        Self { questions: owners.into_iter().flat_map(asked).collect(), comments }
    }

    /// What has to be asked, and whom, before the page is whole.
    pub fn questions(&self, stream: &StreamId) -> Vec<(NodeName, Query)> {
        let query = |question: &Question| {
            let query = Query::Counts { stream: stream.clone(), comments: question.parts.clone() };
            (question.owner.clone(), query)
        };
        self.questions.iter().map(query).collect()
    }

    /// The comments, newest first, when all questions are answered, in their order. `None` when an answer does not fit.
    pub fn whole(mut self, replies: impl IntoIterator<Item = Reply>) -> Option<Vec<Shown>> {
        let mut replies = replies.into_iter();
        for Question { places, .. } in &self.questions {
            let Some(Reply::Counts(counts)) = replies.next() else { return None };
            if counts.len() != places.len() {
                return None;
            }
            for (place, count) in places.iter().zip(counts) {
                let likes = &mut self.comments[*place].likes;
                *likes = likes.saturating_add(count);
            }
        }
        Some(self.comments)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watershed_placement::{Pattern, SpreadRule, Spreads, Subject};
    use watershed_protocol::{ClusterKey, Comment, CommentBody, DisplayName, HybridTime, Spread};

    use super::*;

    fn shown(n: u8, likes: u64) -> Shown {
        let comment = Comment {
            id: CommentId::from_bytes([n; 16]),
            time: HybridTime::from_bits(n.into()),
            author: "ann".parse().unwrap(),
            name: DisplayName::new("Ann").unwrap(),
            body: CommentBody::new("hi", 100).unwrap(),
        };
        Shown::new(Arc::new(comment), likes)
    }

    fn page(stream: &str) -> (Page, StreamId) {
        let rule = SpreadRule {
            subject: Subject::Streams(Pattern::new("final").unwrap()),
            spread: Spread::new(8, 0).unwrap(),
        };
        let processors = ["p1", "p2", "p3"].map(|name| name.parse().unwrap());
        let map = Map::found(ClusterKey::from_bytes([7; 32]), &processors).unwrap();
        let map = map.spreading(Spreads::new(vec![rule]).unwrap());
        let stream: StreamId = stream.parse().unwrap();
        (Page::new(&map, &stream, [shown(1, 5), shown(3, 1), shown(2, 7)], 2), stream)
    }

    fn likes(page: &[Shown]) -> Vec<(u64, u64)> {
        page.iter().map(|shown| (shown.comment.time.bits(), shown.likes)).collect()
    }

    #[test]
    fn whole_comments_need_no_question() {
        let (page, stream) = page("small");
        assert!(page.questions(&stream).is_empty());
        assert_eq!(likes(&page.whole([]).unwrap()), [(3, 1), (2, 7)]);
    }

    #[test]
    fn a_spread_count_is_the_sum_of_its_parts() {
        let (page, stream) = page("final");
        let questions = page.questions(&stream);
        let mut asked = 0;
        let replies = questions.iter().map(|(_, query)| {
            let Query::Counts { comments, .. } = query else { panic!("counts") };
            asked += comments.len();
            Reply::Counts(comments.iter().map(|(_, id)| if *id == shown(3, 0).comment.id { 10 } else { 1 }).collect())
        });
        let replies: Vec<Reply> = replies.collect();
        assert_eq!(asked, 16, "eight parts of each of the two");
        assert_eq!(likes(&page.whole(replies).unwrap()), [(3, 80), (2, 8)]);
    }

    #[test]
    fn without_an_answer_for_each_part_there_is_no_page() {
        for replies in [vec![], vec![Reply::Counts(vec![1])], vec![Reply::Unavailable; 9]] {
            assert_eq!(page("final").0.whole(replies), None);
        }
    }
}
