//! What can be broken: each promise with a stable name, and the first example of its breach.
//!
//! Written by all checkers, read by reports. Invariant: the list is bounded by the number of names, however long a run
//! is and however broken the server.

use serde::Serialize;

/// Defines the violations with their names and the invariant (of the design) that each breaks.
macro_rules! violations {
    ($($(#[$doc:meta])* $variant:ident = $invariant:literal $name:literal,)*) => {
        /// One broken promise.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Violation { $($(#[$doc])* $variant,)* }

        impl Violation {
            /// All violations.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in reports; it does not change.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The number of the invariant that is broken.
            pub const fn invariant(self) -> u8 {
                match self { $(Self::$variant => $invariant,)* }
            }
        }
    };
}

violations! {
    /// A viewer whose view covers an acknowledged comment's time did not get it, and `total - shown` does not explain it.
    CommentMissing = 1 "comment_missing_from_view",
    /// An acknowledged comment is not in the history.
    CommentLost = 1 "comment_missing_from_history",
    /// A snapshot that is not partial lacks a comment that was seen before, and there are too few to have displaced it.
    SnapshotIncomplete = 1 "snapshot_incomplete",
    /// One sending is stored as two comments, or two sendings as one, or the history has a comment twice.
    StoredTwice = 1 "comment_stored_twice",
    /// A frame's `shown` is less than its comments, or more than its `total`.
    ShownMisstated = 1 "shown_and_total_misstated",
    /// A comment that nobody wrote, or under another author, or with another body.
    NobodyWrote = 2 "comment_nobody_wrote",
    /// A comment whose sending was refused.
    RefusedShown = 2 "refused_comment_shown",
    /// A comment whose author, name, body or time is not what it was.
    CommentChanged = 2 "comment_changed",
    /// A deleted comment is shown at or after the point of its deletion.
    CameBack = 2 "deleted_comment_came_back",
    /// When all is quiet, a count is not the number of viewers whose highest acknowledged stamp says like.
    LikesWrong = 3 "likes_wrong_when_quiet",
    /// A viewer's own likes, as it asked for them, are not what was acknowledged.
    OwnLikesWrong = 3 "own_likes_wrong",
    /// An acknowledgement carries a register that its viewer never sent.
    RegisterNeverSent = 3 "register_never_sent",
    /// A count fell by more than the viewers who may have unliked.
    CountFell = 4 "count_fell",
    /// A count is higher than the viewers who may have liked.
    CountTooHigh = 4 "count_above_likes",
    /// A count was shown that was never durable.
    CountNeverDurable = 4 "count_never_durable",
    /// A delta does not continue the viewer's view.
    ChainBroken = 5 "chain_broken",
    /// A delta's `seq` is not greater than its `from`.
    SeqNotRising = 5 "seq_not_rising",
    /// A new epoch began with a delta.
    EpochWithoutSnapshot = 5 "epoch_without_snapshot",
    /// A delta or a beat came to a viewer that has no view.
    FrameBeforeSnapshot = 5 "frame_before_snapshot",
    /// A snapshot is older than what its viewer already had.
    WentBack = 5 "view_went_back",
    /// A beat names another point than the viewer's.
    BeatElsewhere = 5 "beat_elsewhere",
    /// Two lists of one epoch have the comments that they share in different orders.
    OrderDiffers = 5 "order_differs",
    /// A comment came in two frames of one epoch that do not overlap.
    DeliveredTwice = 5 "comment_delivered_twice",
    /// The history is not newest first.
    HistoryDisordered = 5 "history_disordered",
    /// A comment stands in the history before one of the same owner that was acknowledged before it was sent.
    HistoryAgainstTime = 5 "history_against_time",
    /// Two views at the same (epoch, seq) differ in a comment that both cover; when quiet, also a view and the history.
    ViewsDisagree = 6 "views_disagree",
    /// Two processes own a slot under one epoch.
    OwnedTwice = 7 "slot_owned_twice",
    /// A process answers for a slot of which it knows that another ownership has begun.
    FencedAnswered = 7 "fenced_owner_answered",
    /// A process answers what was addressed to another ownership of the slot.
    AnsweredForAnother = 7 "answered_for_another_owner",
    /// Of the writes that a hop accepted, some are neither acknowledged, refused, in flight nor abandoned; or too many are.
    HopUnbalanced = 8 "hop_unbalanced",
    /// An answer to a ref that has no sending waiting for one.
    AnswerWithoutSending = 8 "answer_without_sending",
    /// An answer that does not fit its sending: another comment, no register, a retryable code without a delay.
    WrongAnswer = 8 "wrong_answer",
    /// No answer in time, on a connection that stayed open.
    Unanswered = 8 "unanswered",
    /// An answer after the deadline.
    AnsweredLate = 8 "answered_late",
}

/// One kind of violation that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which promise was broken.
    #[serde(serialize_with = "by_name")]
    pub violation: Violation,
    /// The number of the invariant.
    pub invariant: u8,
    /// How often.
    pub count: u64,
    /// When first, in the caller's milliseconds.
    pub first_at_ms: u64,
    /// The first example, in words.
    pub first: String,
}

fn by_name<S: serde::Serializer>(violation: &Violation, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(violation.name())
}

/// What was found so far, in the order of first examples.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    list: Vec<Finding>,
}

impl Findings {
    /// Counts one; the words are made for the first of its kind only.
    pub(crate) fn note(&mut self, violation: Violation, now_ms: u64, words: impl FnOnce() -> String) {
        if let Some(finding) = self.list.iter_mut().find(|finding| finding.violation == violation) {
            finding.count += 1;
            return;
        }
        let invariant = violation.invariant();
        self.list.push(Finding { violation, invariant, count: 1, first_at_ms: now_ms, first: words() });
    }

    pub(crate) fn list(&self) -> &[Finding] {
        &self.list
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Violation::ALL.iter().map(|violation| violation.name()).collect();
        assert_eq!(names.len(), Violation::ALL.len());
    }

    #[test]
    fn a_thousand_of_a_kind_are_one_finding_with_the_first_example() {
        let mut findings = Findings::default();
        for n in 0..1_000 {
            findings.note(Violation::CountFell, n, || format!("number {n}"));
        }
        assert_eq!(findings.list().len(), 1);
        assert_eq!((findings.list()[0].count, findings.list()[0].first.as_str()), (1_000, "number 0"));
    }
}
