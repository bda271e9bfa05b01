//! What the root knows of one stream, whatever its epoch: positions, counts, pin, reactions.
//!
//! Reports merge into it; frames and snapshots are made from it. Invariant: all in it are registers or positions, so it
//! survives a change of the epoch, and what is merged twice is merged once.

use std::collections::BTreeSet;

use watershed_protocol::{
    CommentId, Epoch, NodeName, Reactions, Seq, Shown, Slot, Snapshot,
    peer::report::{ReactionRow, Report},
};

use crate::{counts::Counts, newest::Newest, pin::Pin, positions::Positions, top::Top};

/// Registers and positions of one stream.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) positions: Positions,
    pub(crate) counts: Counts,
    pub(crate) pin: Pin,
    pub(crate) top: Top,
    /// Boxed: most streams have none.
    reactions: Option<Box<ReactionRow>>,
}

/// What the registers of a report changed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct News {
    pub(crate) any: bool,
    pub(crate) pin: bool,
}

impl Content {
    pub(crate) fn new(counts_max: usize) -> Self {
        Self {
            positions: Positions::default(),
            counts: Counts::new(counts_max),
            pin: Pin::default(),
            top: Top::default(),
            reactions: None,
        }
    }

    /// Merges the registers of a report, but for those of slots that are fenced off.
    pub(crate) fn merge(&mut self, report: &Report, fenced: &BTreeSet<Slot>) -> News {
        let mut news = News::default();
        let rows = report.tallies.iter().filter(|row| !fenced.contains(&row.part.slot(&row.id)));
        for row in rows {
            news.any |= self.counts.merge(row);
        }
        if let Some(row) = &report.pin
            && row.comment.as_ref().is_none_or(|(comment, _)| !fenced.contains(&comment.id.slot()))
        {
            news.pin = self.pin.merge(row);
            // The tally of a pin that is over may be one of a comment that is gone.
            if news.pin
                && let Some((comment, tally)) = &row.comment
                && tally.id == comment.id
            {
                self.counts.merge(tally);
            }
        }
        if let Some(row) = &report.reactions {
            let held = self.reactions.as_ref().map(|held| (held.epoch, held.version));
            if held < Some((row.epoch, row.version)) {
                self.reactions = Some(Box::new(row.clone()));
                news.any = true;
            }
        }
        news.any |= news.pin;
        self.top.dirty |= news.any;
        news
    }

    /// Takes the most liked comments of a report. They are no register, so a report that repeats others must not bring any:
    /// one of them may be gone by now.
    pub(crate) fn name_top(&mut self, node: &NodeName, report: &Report) {
        let Some(top) = &report.top else { return };
        self.top.name(node, top);
        for (_, row) in top {
            self.counts.merge(row);
        }
    }

    /// A comment is gone; true when it was pinned.
    pub(crate) fn delete(&mut self, id: CommentId) -> bool {
        self.counts.remove(id);
        self.top.delete(id);
        self.pin.delete(id)
    }

    /// Merges a resync: of the slots that it reaches, its comments take the place of all that were known.
    pub(crate) fn absorb(&mut self, node: &NodeName, report: &Report, newest: &mut Newest) {
        let reached = report.spans.iter().filter(|span| !self.positions.beyond(span)).map(|span| span.slot);
        newest.remove_slots(&reached.collect());
        report.comments.iter().for_each(|comment| newest.push(comment));
        self.merge(report, &BTreeSet::new());
        self.name_top(node, report);
        for id in &report.deleted {
            newest.remove(*id);
            self.delete(*id);
        }
        report.spans.iter().for_each(|span| self.positions.advance(span));
    }

    /// The stream's taps, once any were reported.
    pub(crate) fn reactions(&self) -> Option<&Reactions> {
        self.reactions.as_ref().map(|row| &row.counts)
    }

    /// Whether the count of something that a first snapshot would show is not known in all its parts.
    pub(crate) fn lacks_parts(&self, newest: &Newest) -> bool {
        let lacks = |id| self.counts.lacks(id);
        self.counts.is_lacking() && (newest.any(lacks) || self.pin.id().is_some_and(lacks) || self.top.any(lacks))
    }

    /// The first snapshot of an epoch, at seq 0; frames begin with 1. `before` is what viewers saw under the epoch before:
    /// its counts stand where no tally is held any more. No count waits afterwards.
    pub(crate) fn first(
        &mut self,
        (epoch, partial, viewers): (Epoch, bool, u64),
        newest: &Newest,
        before: Option<&Snapshot>,
    ) -> Snapshot {
        let seen = |id| before?.comments.iter().find(|shown| shown.comment.id == id).map(|shown| shown.likes);
        let comments = newest.iter().map(|comment| {
            let likes = self.counts.count(comment.id).or_else(|| seen(comment.id)).unwrap_or(0);
            Shown::new(comment.clone(), likes)
        });
        let comments = comments.collect();
        let pinned = self.pin.shown(&self.counts, before.and_then(|before| before.pinned.comment()));
        let seen = |id| {
            let before = before?;
            let shown = before.top.iter().chain(&before.comments).find(|shown| shown.comment.id == id);
            shown.map(|shown| shown.likes)
        };
        let top = self.top.ranked(&self.counts, seen);
        self.top.dirty = false;
        self.counts.take(usize::MAX);
        Snapshot {
            epoch,
            seq: Seq::ZERO,
            partial,
            viewers,
            reactions: self.reactions().cloned().unwrap_or_default(),
            pinned,
            top,
            comments,
        }
    }
}
