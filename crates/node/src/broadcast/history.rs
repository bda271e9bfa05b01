//! History, likes and totals of a stream: one question to every owner, one answer to the viewer. The count of a spread
//! comment is the sum of its parts, which are asked for once the page is known.
//!
//! Invariant: an owner that cannot be reached makes the whole answer unavailable: there are no short pages.

use futures::future::join_all;
use tokio::sync::{mpsc, oneshot};
use watershed_broadcast::{Page, To};
use watershed_placement::Map;
use watershed_protocol::{
    ClusterKey, CommentId, OrderKey, Reactions, Shown, StreamId, ViewerId,
    peer::uplink::{Query, Reply},
};

use super::{Ask, Wish};

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// An owner cannot be reached now.
    Unavailable,
    /// The comment that was named is not known.
    Unknown,
}

/// The way to the owners.
pub(super) struct Owners<'a> {
    pub(super) wishes: &'a mpsc::Sender<Wish>,
    pub(super) map: &'a Map,
}

/// Sums over a stream.
#[derive(Default)]
pub(super) struct Totals {
    pub(super) comments: u64,
    pub(super) likes: u64,
    pub(super) reactions: Reactions,
}

impl Owners<'_> {
    /// The newest comments, newest first, before a comment if one is named.
    pub(super) async fn history(
        &self,
        stream: &StreamId,
        before: Option<CommentId>,
        limit: usize,
    ) -> Result<Vec<Shown>, Unanswered> {
        let before = match before {
            Some(id) => Some(self.order(stream, id).await?),
            None => None,
        };
        let query = Query::History { stream: stream.clone(), before, limit: limit as u32 };
        let mut comments = Vec::new();
        for reply in self.ask_all(&query).await? {
            let Reply::History(part) = reply else { return Err(Unanswered::Unavailable) };
            comments.extend(part);
        }
        let page = Page::new(self.map, stream, comments, limit);
        let questions = page.questions(stream).into_iter().map(|(node, query)| self.ask(To::Node(node), query));
        let replies: Vec<Reply> = join_all(questions).await.into_iter().collect::<Result<_, _>>()?;
        page.whole(replies).ok_or(Unanswered::Unavailable)
    }

    async fn order(&self, stream: &StreamId, id: CommentId) -> Result<OrderKey, Unanswered> {
        match self.ask(To::Owner(id.slot()), Query::Order { stream: stream.clone(), id }).await? {
            Reply::Order(Some(key)) => Ok(key),
            Reply::Order(None) => Err(Unanswered::Unknown),
            _ => Err(Unanswered::Unavailable),
        }
    }

    /// Which of these comments a viewer likes, in the order in which they were asked for.
    pub(super) async fn likes(
        &self,
        key: &ClusterKey,
        stream: &StreamId,
        viewer: &ViewerId,
        ids: &[CommentId],
    ) -> Result<Vec<CommentId>, Unanswered> {
        let viewer = key.viewer(viewer);
        let place = |id: &CommentId| (self.map.spread(stream, id).part_of(&viewer).slot(id), *id);
        let query = Query::Likes { stream: stream.clone(), viewer, comments: ids.iter().map(place).collect() };
        let mut liked = Vec::new();
        for reply in self.ask_all(&query).await? {
            let Reply::Likes(part) = reply else { return Err(Unanswered::Unavailable) };
            liked.extend(part);
        }
        Ok(ids.iter().filter(|id| liked.contains(id)).copied().collect())
    }

    /// What the stream holds.
    pub(super) async fn totals(&self, stream: &StreamId) -> Result<Totals, Unanswered> {
        let mut totals = Totals::default();
        for reply in self.ask_all(&Query::Totals { stream: stream.clone() }).await? {
            let Reply::Totals { comments, likes, reactions } = reply else { return Err(Unanswered::Unavailable) };
            totals.comments = totals.comments.saturating_add(comments);
            totals.likes = totals.likes.saturating_add(likes);
            for (kind, count) in reactions {
                let sum = totals.reactions.entry(kind).or_default();
                *sum = sum.saturating_add(count);
            }
        }
        Ok(totals)
    }

    async fn ask_all(&self, query: &Query) -> Result<Vec<Reply>, Unanswered> {
        let asked = self.map.processors().into_iter().map(|node| self.ask(To::Node(node), query.clone()));
        join_all(asked).await.into_iter().collect()
    }

    async fn ask(&self, to: To, query: Query) -> Result<Reply, Unanswered> {
        let (told, reply) = oneshot::channel();
        self.wishes.try_send(Wish::Ask(Ask { to, query, told })).map_err(|_| Unanswered::Unavailable)?;
        reply.await.ok().flatten().ok_or(Unanswered::Unavailable)
    }
}
