//! Questions of broadcast nodes, answered from what is durable.

use std::ops::Bound;

use watershed_protocol::{
    CommentId, Position, Reactions, Shown, Slot, StreamId, limits,
    peer::uplink::{Query, Reply},
};

use crate::{comments::CommentNo, state::State};

impl State {
    /// The answer to a question.
    pub(crate) fn reply(&self, query: &Query) -> Reply {
        match query {
            Query::History { stream, before, limit } => {
                let limit = (*limit as usize).min(limits::HISTORY_PAGE_MAX);
                let to = before.map_or(Bound::Unbounded, Bound::Excluded);
                let history = self.streams.find(stream).map(|stream| &self.streams[stream].history);
                let newest = history.into_iter().flat_map(|history| history.range((Bound::Unbounded, to)).rev());
                Reply::History(newest.filter_map(|(_, comment)| self.shown(*comment)).take(limit).collect())
            }
            Query::Order { stream, id } => {
                let entry = self.home_of(self.streams.find(stream), id).map(|comment| &self.comments[comment]);
                Reply::Order(entry.filter(|entry| entry.written != Position::ZERO).map(|entry| entry.order()))
            }
            // Registers may be cold: see `cold`, which answers this one.
            Query::Likes { .. } => Reply::Unavailable,
            Query::Counts { stream, comments } => {
                let stream = self.streams.find(stream);
                let count = |(slot, id): &(Slot, CommentId)| {
                    self.in_slot(stream, *slot, id).map_or(0, |comment| self.comments[comment].likes)
                };
                Reply::Counts(comments.iter().take(limits::COUNTS_QUERY_MAX).map(count).collect())
            }
            Query::Totals { stream } => self.totals(stream),
        }
    }

    /// A visible comment with its durable count.
    pub(crate) fn shown(&self, comment: CommentNo) -> Option<Shown> {
        let entry = &self.comments[comment];
        Some(Shown::new(entry.visible()?.clone(), entry.likes))
    }

    fn totals(&self, stream: &StreamId) -> Reply {
        let (mut comments, mut likes, mut reactions) = (0, 0, Reactions::new());
        let shelves = self.streams.find(stream).map(|stream| self.streams[stream].shelves.values());
        for shelf in shelves.into_iter().flatten().map(|shelf| &self.streams.shelves[*shelf]) {
            comments += shelf.comments;
            likes += shelf.likes;
            for (kind, count) in &shelf.taps.sums {
                *reactions.entry(kind.clone()).or_default() += count;
            }
        }
        Reply::Totals { comments, likes, reactions }
    }
}
