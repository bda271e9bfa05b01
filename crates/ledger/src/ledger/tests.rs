use std::sync::Arc;

use watershed_protocol::{
    CommentId, DisplayName, Ref, Register, Stamp, ViewerId,
    client::{Code, Line, Refusal, Response},
};

use super::*;
use crate::{Durable, History, Quiet};

/// A crowd of ann, bob and eve before one stream; time stands still unless a test moves it.
struct Stage {
    ledger: Ledger,
    seats: Vec<Seat>,
    now_ms: u64,
}

const ANN: usize = 0;
const BOB: usize = 1;
const EVE: usize = 2;
const NAMES: [&str; 3] = ["ann", "bob", "eve"];

impl Stage {
    fn new(config: Config) -> Self {
        let mut ledger = Ledger::new(config);
        let seats: Vec<_> = NAMES.iter().map(|name| ledger.seat(&ViewerId::new(name).unwrap())).collect();
        for seat in &seats {
            ledger.connected(*seat, false);
        }
        Self { ledger, seats, now_ms: 0 }
    }

    /// All three have the empty view 1:0.
    fn watching() -> Self {
        let mut stage = Self::new(Config::default());
        stage.all(snapshot(1, 0, vec![]));
        stage
    }

    fn send(&mut self, who: usize, reference: &str, what: What) {
        self.ledger.sent(self.seats[who], &Ref::new(reference).unwrap(), what, self.now_ms);
    }

    fn get(&mut self, who: usize, response: Response) {
        self.ledger.received(self.seats[who], &Arc::new(response), self.now_ms);
    }

    fn all(&mut self, response: Response) {
        let response = Arc::new(response);
        for seat in &self.seats {
            self.ledger.received(*seat, &response, self.now_ms);
        }
    }

    /// A comment that is sent and acknowledged.
    fn comment(&mut self, who: usize, number: u8) {
        self.send(who, &format!("c{number}"), says(number));
        self.get(who, Response::ack(Ref::new(&format!("c{number}")).unwrap(), Some(id(number))));
    }

    /// A like or unlike that is sent and acknowledged.
    fn like(&mut self, who: usize, number: u8, stamp: u64, liked: bool) {
        let reference = format!("l{number}-{stamp}");
        self.send(who, &reference, likes(number, stamp, liked));
        self.get(who, Response::ack_like(Ref::new(&reference).unwrap(), id(number), register(stamp, liked)));
    }

    fn lose(&mut self, who: usize) {
        self.ledger.connection_lost(self.seats[who]);
    }

    fn names(&self) -> Vec<&'static str> {
        self.ledger.violations().iter().map(|finding| finding.violation.name()).collect()
    }

    fn quiet(mut self) -> Vec<&'static str> {
        self.ledger.quiet_check(Quiet::default(), self.now_ms);
        self.names()
    }

    fn quiet_with(mut self, comments: &[Line]) -> Vec<&'static str> {
        let history = Some(History { comments, complete: true });
        self.ledger.quiet_check(Quiet { history, durable: None }, self.now_ms);
        self.names()
    }
}

fn id(number: u8) -> CommentId {
    CommentId::from_bytes([number; 16])
}

fn register(stamp: u64, liked: bool) -> Register {
    Register { stamp: Stamp::new(stamp).unwrap(), liked }
}

fn says(number: u8) -> What {
    What::Comment { body: format!("body {number}") }
}

fn likes(number: u8, stamp: u64, liked: bool) -> What {
    What::Like { id: id(number), register: register(stamp, liked) }
}

fn line(who: usize, number: u8, likes: u64) -> Line {
    Line {
        id: id(number),
        author: ViewerId::new(NAMES[who]).unwrap(),
        name: DisplayName::new(NAMES[who]).unwrap(),
        body: format!("body {number}"),
        at: 1_000 + u64::from(number),
        likes,
    }
}

fn snapshot(epoch: u64, seq: u64, comments: Vec<Line>) -> Response {
    let reactions = std::collections::BTreeMap::new();
    Response::Snapshot { epoch, seq, partial: false, viewers: 3, reactions, pinned: None, top: vec![], comments }
}

fn counted(from: u64, seq: u64, comments: Vec<Line>, likes: &[(u8, u64)], deleted: &[u8], total: u64) -> Response {
    Response::Delta {
        epoch: 1,
        from,
        seq,
        shown: comments.len() as u64,
        total,
        comments,
        likes: likes.iter().map(|(number, count)| (id(*number), *count)).collect(),
        deleted: deleted.iter().map(|number| id(*number)).collect(),
        pinned: None,
        top: None,
        reactions: None,
        viewers: None,
    }
}

fn delta(from: u64, seq: u64, comments: Vec<Line>, likes: &[(u8, u64)], deleted: &[u8]) -> Response {
    let total = comments.len() as u64;
    counted(from, seq, comments, likes, deleted, total)
}

fn reject(reference: &str, code: Code, retry_after_ms: Option<u64>) -> Response {
    let refusal = Refusal { code, message: "no".into(), retry_after_ms };
    Response::reject(Some(Ref::new(reference).unwrap()), refusal)
}

#[test]
fn a_healthy_run_has_no_violation_and_adds_up() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.comment(BOB, 2);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.like(BOB, 1, 5, true);
    stage.like(EVE, 1, 5, true);
    stage.get(ANN, delta(1, 2, vec![line(BOB, 2, 0)], &[(1, 1)], &[]));
    stage.get(ANN, delta(2, 3, vec![], &[(1, 2)], &[]));
    stage.get(BOB, delta(1, 3, vec![line(BOB, 2, 0)], &[(1, 2)], &[]));
    stage.get(EVE, snapshot(1, 3, vec![line(ANN, 1, 2), line(BOB, 2, 0)]));
    stage.like(EVE, 1, 9, false);
    stage.all(delta(3, 4, vec![], &[(1, 1)], &[]));
    stage.send(ANN, "d1", What::Delete { id: id(1) });
    stage.get(ANN, Response::ack(Ref::new("d1").unwrap(), Some(id(1))));
    stage.all(delta(4, 5, vec![], &[], &[1]));
    stage.get(EVE, Response::Beat { epoch: 1, seq: 5 });
    stage.lose(EVE);
    stage.ledger.connected(stage.seats[EVE], true);
    stage.get(EVE, delta(5, 6, vec![], &[], &[]));
    let report = stage.ledger.report();
    assert_eq!(report.comments, Tally { sent: 2, acknowledged: 2, refused: 0, unknown: 0 });
    assert_eq!((report.likes.acknowledged, report.unlikes.acknowledged, report.deletes.acknowledged), (2, 1, 1));
    assert_eq!((report.seen, report.deliveries, report.snapshots), (2, 5, 4));
    assert_eq!(stage.quiet_with(&[line(BOB, 2, 0)]), [""; 0]);
}

// Invariant 1.

#[test]
fn an_acknowledged_comment_that_a_viewer_did_not_get_is_missing() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    for who in [ANN, BOB] {
        stage.get(who, delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    }
    stage.get(EVE, delta(0, 1, vec![], &[], &[]));
    assert_eq!(stage.quiet(), ["comment_missing_from_view"]);
}

#[test]
fn an_acknowledged_comment_that_nobody_got_is_missing() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    assert_eq!(stage.quiet(), ["comment_missing_from_view"]);
}

#[test]
fn a_comment_that_is_counted_and_not_shown_is_not_missing() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(counted(0, 1, vec![], &[], &[], 1));
    assert_eq!(stage.ledger.report().withheld_most, 1);
    assert_eq!(stage.quiet_with(&[line(ANN, 1, 0)]), [""; 0]);
}

#[test]
fn a_comment_sent_before_the_snapshot_is_not_demanded_of_the_view() {
    let mut stage = Stage::new(Config::default());
    stage.comment(ANN, 1);
    stage.all(snapshot(1, 7, vec![]));
    assert_eq!(stage.quiet_with(&[line(ANN, 1, 0)]), [""; 0]);
}

#[test]
fn a_comment_whose_connection_was_lost_may_be_there_or_not() {
    for shown in [false, true] {
        let mut stage = Stage::watching();
        stage.send(ANN, "c1", says(1));
        stage.lose(ANN);
        if shown {
            for who in [BOB, EVE] {
                stage.get(who, delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
            }
        }
        assert_eq!(stage.ledger.report().comments.unknown, 1);
        assert_eq!(stage.quiet(), [""; 0]);
    }
}

#[test]
fn an_unknown_comment_that_one_viewer_saw_is_demanded_of_the_others() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.lose(ANN);
    stage.get(BOB, delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(EVE, delta(0, 1, vec![], &[], &[]));
    assert_eq!(stage.quiet(), ["comment_missing_from_view"]);
}

#[test]
fn an_acknowledged_comment_that_is_not_in_the_history_is_lost() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    assert_eq!(stage.quiet_with(&[]), ["comment_missing_from_history"]);
}

#[test]
fn a_comment_that_the_history_has_twice_is_stored_twice() {
    let mut stage = Stage::new(Config::default());
    stage.comment(ANN, 1);
    assert_eq!(stage.quiet_with(&[line(ANN, 1, 0), line(ANN, 1, 0)]), ["comment_stored_twice"]);
}

#[test]
fn one_ref_with_two_ids_is_stored_twice() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(ANN, "c1", says(1));
    stage.get(ANN, Response::ack(Ref::new("c1").unwrap(), Some(id(9))));
    assert_eq!(stage.names(), ["comment_stored_twice"]);
}

#[test]
fn a_comment_seen_under_one_id_and_acknowledged_with_another_is_stored_twice() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(ANN, Response::ack(Ref::new("c1").unwrap(), Some(id(9))));
    assert_eq!(stage.names(), ["comment_stored_twice"]);
}

#[test]
fn a_repeat_after_the_acknowledgement_has_the_same_id_and_is_no_fault() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(ANN, "c1", says(1));
    stage.get(ANN, Response::ack(Ref::new("c1").unwrap(), Some(id(1))));
    assert_eq!((stage.names(), stage.ledger.report().resent), (vec![], 1));
}

#[test]
fn two_sendings_with_one_body_may_be_seen_before_either_is_acknowledged() {
    let mut stage = Stage::watching();
    for reference in ["a", "b"] {
        stage.send(ANN, reference, What::Comment { body: "same".into() });
    }
    let same = |number| Line { body: "same".into(), ..line(ANN, number, 0) };
    stage.all(delta(0, 1, vec![same(1), same(2)], &[], &[]));
    stage.get(ANN, Response::ack(Ref::new("a").unwrap(), Some(id(2))));
    stage.get(ANN, Response::ack(Ref::new("b").unwrap(), Some(id(1))));
    assert_eq!(stage.quiet_with(&[same(2), same(1)]), [""; 0]);
}

#[test]
fn a_frame_that_shows_more_than_it_says_misstates() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(counted(0, 1, vec![line(ANN, 1, 0)], &[], &[], 0));
    assert_eq!(stage.names(), ["shown_and_total_misstated"]);
}

// Invariant 2.

#[test]
fn a_comment_that_nobody_wrote_is_named_and_a_stranger_s_is_only_counted() {
    let stranger = Line { author: ViewerId::new("zed").unwrap(), ..line(ANN, 1, 7) };
    let mut alone = Stage::watching();
    alone.all(delta(0, 1, vec![stranger.clone()], &[], &[]));
    assert_eq!(alone.names(), ["comment_nobody_wrote"]);
    let mut open = Stage::new(Config { foreign_comments: true, own_prefix: Some("run7-".into()), ..Config::default() });
    open.all(snapshot(1, 0, vec![stranger]));
    assert_eq!((open.names(), open.ledger.report().foreign), (vec![], 1));
    let forged = Line { author: ViewerId::new("run7-99").unwrap(), ..line(ANN, 2, 0) };
    open.all(delta(0, 1, vec![forged], &[], &[]));
    assert_eq!(open.names(), ["comment_nobody_wrote"]);
}

#[test]
fn another_body_or_another_author_is_not_what_was_written() {
    for wrong in [Line { body: "body 2".into(), ..line(ANN, 1, 0) }, line(BOB, 1, 0)] {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.all(delta(0, 1, vec![wrong], &[], &[]));
        assert_eq!(stage.names(), ["comment_nobody_wrote"]);
    }
}

#[test]
fn a_comment_that_changes_later_is_named() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(EVE, snapshot(1, 1, vec![Line { at: 5, ..line(ANN, 1, 0) }]));
    assert_eq!(stage.names(), ["comment_changed"]);
}

#[test]
fn a_refused_comment_must_not_be_shown_unless_an_attempt_before_it_is_unknown() {
    for tainted in [false, true] {
        let mut stage = Stage::watching();
        stage.send(ANN, "c1", says(1));
        if tainted {
            stage.lose(ANN);
            stage.ledger.connected(stage.seats[ANN], true);
            stage.send(ANN, "c1", says(1));
        }
        stage.get(ANN, reject("c1", Code::Overloaded, Some(100)));
        stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
        let expected: &[&str] = if tainted { &[] } else { &["refused_comment_shown"] };
        assert_eq!(stage.names(), expected);
        assert_eq!(stage.ledger.report().comments.refused, u64::from(!tainted));
    }
}

#[test]
fn a_deleted_comment_that_comes_back_is_named() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.all(delta(1, 2, vec![], &[], &[1]));
    stage.get(EVE, snapshot(2, 0, vec![line(ANN, 1, 0)]));
    assert_eq!(stage.names(), ["deleted_comment_came_back"]);
}

#[test]
fn a_lagging_viewer_may_get_the_comment_before_its_deletion() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.get(ANN, delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(ANN, delta(1, 2, vec![], &[], &[1]));
    stage.get(EVE, delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(BOB, delta(0, 2, vec![], &[], &[1]));
    assert_eq!(stage.names(), [""; 0]);
}

#[test]
fn an_acknowledged_deletion_is_out_of_views_and_history_when_quiet() {
    let deleted = || {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
        stage.send(ANN, "d1", What::Delete { id: id(1) });
        stage.get(ANN, Response::ack(Ref::new("d1").unwrap(), Some(id(1))));
        stage
    };
    assert_eq!(deleted().quiet(), ["deleted_comment_came_back"]);
    let mut gone = deleted();
    gone.all(delta(1, 2, vec![], &[], &[1]));
    assert_eq!(gone.quiet_with(&[line(ANN, 1, 0)]), ["deleted_comment_came_back"]);
}

// Invariant 3.

#[test]
fn a_quiet_count_is_the_number_of_viewers_whose_last_word_is_like() {
    for (count, expected) in [(1, &["likes_wrong_when_quiet"][..]), (2, &[])] {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.like(BOB, 1, 5, true);
        stage.like(EVE, 1, 5, true);
        stage.all(delta(0, 1, vec![line(ANN, 1, count)], &[], &[]));
        assert_eq!(stage.quiet_with(&[line(ANN, 1, count)]), expected);
    }
}

#[test]
fn an_unknown_like_allows_both_counts_but_views_and_history_agree() {
    for (shown, stored, expected) in [(0, 0, &[][..]), (1, 1, &[]), (0, 1, &["views_disagree"])] {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.send(BOB, "l", likes(1, 5, true));
        stage.lose(BOB);
        stage.all(delta(0, 1, vec![line(ANN, 1, shown)], &[], &[]));
        assert_eq!(stage.quiet_with(&[line(ANN, 1, stored)]), expected);
    }
}

#[test]
fn a_register_that_its_viewer_never_sent_is_named() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(BOB, "l", likes(1, 5, true));
    stage.get(BOB, Response::ack_like(Ref::new("l").unwrap(), id(1), register(8, false)));
    assert_eq!(stage.names(), ["register_never_sent"]);
}

#[test]
fn two_devices_of_one_viewer_are_one_like() {
    let mut stage = Stage::watching();
    let phone = stage.ledger.seat(&ViewerId::new("bob").unwrap());
    stage.seats.push(phone);
    stage.comment(ANN, 1);
    stage.like(BOB, 1, 5, true);
    stage.like(3, 1, 6, true);
    stage.all(snapshot(1, 1, vec![line(ANN, 1, 1)]));
    assert_eq!(stage.quiet(), [""; 0]);
}

// Invariant 4.

#[test]
fn a_count_above_all_possible_likes_is_named() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(BOB, "l", likes(1, 5, true));
    stage.all(delta(0, 1, vec![line(ANN, 1, 1)], &[], &[]));
    assert_eq!(stage.names(), [""; 0]);
    stage.all(delta(1, 2, vec![], &[(1, 2)], &[]));
    assert_eq!(stage.names(), ["count_above_likes"]);
}

#[test]
fn a_like_that_is_unknown_may_have_counted_before_its_comment_was_deleted() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(BOB, "l", likes(1, 5, true));
    stage.send(ANN, "d", What::Delete { id: id(1) });
    stage.get(BOB, reject("l", Code::Unknown, Some(100)));
    stage.all(delta(0, 1, vec![line(ANN, 1, 1)], &[], &[]));
    assert_eq!(stage.names(), [""; 0]);
    stage.all(delta(1, 2, vec![], &[(1, 2)], &[]));
    assert_eq!(stage.names(), ["count_above_likes"], "of one viewer, not of two");
}

#[test]
fn a_refused_like_counts_for_nothing() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(BOB, "l", likes(1, 5, true));
    stage.get(BOB, reject("l", Code::RateLimited, Some(50)));
    stage.all(delta(0, 1, vec![line(ANN, 1, 1)], &[], &[]));
    assert_eq!(stage.names(), ["count_above_likes"]);
}

#[test]
fn a_count_falls_only_where_an_unlike_may_have_happened() {
    for (unlike, expected) in [(false, &["count_fell"][..]), (true, &[])] {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.like(BOB, 1, 5, true);
        stage.all(delta(0, 1, vec![line(ANN, 1, 1)], &[], &[]));
        if unlike {
            stage.send(BOB, "u", likes(1, 6, false));
        }
        stage.all(snapshot(2, 0, vec![line(ANN, 1, 0)]));
        assert_eq!(stage.names(), expected);
    }
}

#[test]
fn a_count_that_was_never_durable_is_named() {
    let mut stage = Stage::new(Config { keep_counts: true, ..Config::default() });
    stage.all(snapshot(1, 0, vec![]));
    stage.comment(ANN, 1);
    stage.like(BOB, 1, 5, true);
    stage.like(EVE, 1, 5, true);
    stage.all(delta(0, 1, vec![line(ANN, 1, 1)], &[], &[]));
    stage.all(delta(1, 2, vec![], &[(1, 2)], &[]));
    let row = |count| Durable { id: id(1), part: 0, count };
    let check = |stage: &mut Stage, rows: &[Durable]| {
        stage.ledger.quiet_check(Quiet { history: None, durable: Some(rows) }, 0);
        stage.names()
    };
    assert_eq!(check(&mut stage, &[row(1), row(2)]), [""; 0]);
    let part = |part, count| Durable { id: id(1), part, count };
    assert_eq!(check(&mut stage, &[part(0, 0), part(3, 1), part(1, 1)]), [""; 0], "2 is a sum of parts, and so is 1");
    assert_eq!(check(&mut stage, &[row(2)]), ["count_never_durable"]);
    assert_eq!(check(&mut stage, &[part(0, 0), part(1, 1)]), ["count_never_durable"], "2 is no sum");
}

// Invariant 5.

#[test]
fn every_break_of_a_chain_has_its_name() {
    let broken = |steps: Vec<Response>| {
        let mut stage = Stage::new(Config::default());
        for step in steps {
            stage.get(EVE, step);
        }
        stage.names()
    };
    let other_epoch = |epoch| Response::Beat { epoch, seq: 4 };
    let start = || snapshot(1, 4, vec![]);
    assert_eq!(broken(vec![start(), delta(5, 6, vec![], &[], &[])]), ["chain_broken"]);
    assert_eq!(broken(vec![start(), delta(4, 4, vec![], &[], &[])]), ["seq_not_rising"]);
    assert_eq!(broken(vec![snapshot(2, 4, vec![]), delta(4, 5, vec![], &[], &[])]), ["epoch_without_snapshot"]);
    assert_eq!(broken(vec![delta(4, 5, vec![], &[], &[])]), ["frame_before_snapshot"]);
    assert_eq!(broken(vec![start(), snapshot(1, 3, vec![])]), ["view_went_back"]);
    assert_eq!(broken(vec![start(), other_epoch(2)]), ["beat_elsewhere"]);
    assert_eq!(broken(vec![start(), other_epoch(1), delta(4, 9, vec![], &[], &[])]), [""; 0]);
}

#[test]
fn each_viewer_s_own_chain_is_checked_though_the_frame_is_shared() {
    let mut stage = Stage::watching();
    let (one, two) = (Arc::new(delta(0, 1, vec![], &[], &[])), Arc::new(delta(1, 2, vec![], &[], &[])));
    for who in [ANN, BOB, EVE] {
        if who != EVE {
            stage.ledger.received(stage.seats[who], &one, 0);
        }
        stage.ledger.received(stage.seats[who], &two, 0);
    }
    assert_eq!(stage.names(), ["chain_broken"]);
    assert!(stage.ledger.violations()[0].first.starts_with("eve was at 1:0"));
}

#[test]
fn a_resumed_viewer_never_goes_back_and_one_that_starts_anew_may() {
    for (resumed, expected) in [(true, &["view_went_back"][..]), (false, &[])] {
        let mut stage = Stage::watching();
        stage.get(EVE, delta(0, 3, vec![], &[], &[]));
        stage.lose(EVE);
        stage.ledger.connected(stage.seats[EVE], resumed);
        stage.get(EVE, snapshot(1, 2, vec![]));
        assert_eq!(stage.names(), expected);
    }
}

#[test]
fn a_chain_is_broken_by_a_resume_that_skips_frames() {
    let mut stage = Stage::watching();
    stage.get(EVE, delta(0, 3, vec![], &[], &[]));
    stage.lose(EVE);
    stage.ledger.connected(stage.seats[EVE], true);
    stage.get(EVE, delta(4, 5, vec![], &[], &[]));
    assert_eq!(stage.names(), ["chain_broken"]);
}

#[test]
fn two_viewers_that_see_two_comments_in_different_orders_are_found() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.comment(ANN, 2);
    stage.get(ANN, delta(0, 1, vec![line(ANN, 1, 0), line(ANN, 2, 0)], &[], &[]));
    stage.get(BOB, delta(0, 1, vec![line(ANN, 2, 0), line(ANN, 1, 0)], &[], &[]));
    assert_eq!(stage.names(), ["order_differs"]);
}

#[test]
fn a_comment_in_two_frames_is_delivered_twice() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.all(delta(1, 2, vec![line(ANN, 1, 0)], &[], &[]));
    assert_eq!(stage.names(), ["comment_delivered_twice"]);
}

#[test]
fn a_history_that_is_not_newest_first_is_found() {
    let mut stage = Stage::new(Config::default());
    stage.comment(ANN, 1);
    stage.comment(ANN, 2);
    assert_eq!(stage.quiet_with(&[line(ANN, 1, 0), line(ANN, 2, 0)]), ["history_disordered"]);
}

// Invariant 6.

#[test]
fn a_merged_range_that_misses_a_tally_makes_views_disagree() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.like(BOB, 1, 5, true);
    stage.get(ANN, delta(1, 2, vec![], &[(1, 1)], &[]));
    stage.get(ANN, delta(2, 3, vec![], &[], &[]));
    stage.get(EVE, delta(1, 3, vec![], &[], &[]));
    assert_eq!(stage.names(), ["views_disagree"]);
}

#[test]
fn a_view_with_a_shorter_past_is_compared_in_what_it_shares() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.comment(ANN, 2);
    stage.like(BOB, 2, 5, true);
    for who in [ANN, BOB] {
        stage.get(who, delta(0, 1, vec![line(ANN, 1, 0), line(ANN, 2, 1)], &[], &[]));
        stage.get(who, delta(1, 2, vec![], &[], &[]));
    }
    stage.get(EVE, snapshot(1, 2, vec![line(ANN, 2, 0)]));
    assert!(stage.names().contains(&"views_disagree"), "{:?}", stage.names());
}

#[test]
fn a_view_that_missed_a_deletion_disagrees() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
    stage.get(ANN, delta(1, 2, vec![], &[], &[1]));
    stage.get(EVE, delta(1, 2, vec![], &[], &[]));
    assert_eq!(stage.names(), ["views_disagree"]);
}

// Invariant 8.

#[test]
fn a_second_answer_and_an_answer_to_nothing_are_found() {
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.get(ANN, Response::ack(Ref::new("c1").unwrap(), Some(id(1))));
    assert_eq!(stage.names(), ["answer_without_sending"]);
    let mut other = Stage::watching();
    other.get(ANN, reject("never", Code::Forbidden, None));
    assert_eq!(other.names(), ["answer_without_sending"]);
}

#[test]
fn an_answer_to_a_sending_of_the_connection_before_is_one_too_many() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.lose(ANN);
    stage.ledger.connected(stage.seats[ANN], true);
    stage.get(ANN, Response::ack(Ref::new("c1").unwrap(), Some(id(1))));
    assert_eq!(stage.names(), ["answer_without_sending"]);
}

#[test]
fn a_caller_that_never_says_connected_is_checked_all_the_same() {
    let mut ledger = Ledger::new(Config::default());
    let seat = ledger.seat(&ViewerId::new("ann").unwrap());
    ledger.received(seat, &Arc::new(snapshot(1, 0, vec![])), 0);
    ledger.sent(seat, &Ref::new("c1").unwrap(), says(1), 0);
    ledger.answered(seat, &Response::ack(Ref::new("c1").unwrap(), Some(id(1))), 0);
    ledger.quiet_check(Quiet::default(), 0);
    assert_eq!(ledger.violations()[0].violation.name(), "comment_missing_from_view");
    assert_eq!(ledger.report().views_checked, 1);
}

#[test]
fn silence_beyond_the_deadline_is_a_violation_only_while_the_connection_is_open() {
    for (closes, expected) in [(false, &["unanswered"][..]), (true, &[])] {
        let mut stage = Stage::watching();
        stage.send(ANN, "p", What::Pin { id: None });
        if closes {
            stage.lose(ANN);
        }
        stage.now_ms = 11_001;
        assert_eq!(stage.ledger.waiting(), usize::from(!closes));
        assert_eq!(stage.quiet(), expected);
    }
}

#[test]
fn an_answer_after_the_deadline_is_late() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.now_ms = 11_001;
    stage.get(ANN, reject("c1", Code::Unknown, Some(100)));
    assert_eq!(stage.names(), ["answered_late"]);
    assert_eq!(stage.ledger.report().comments.unknown, 1);
}

#[test]
fn an_answer_that_does_not_fit_is_wrong() {
    let wrong = |what: What, answer: Response| {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.send(ANN, "x", what);
        stage.get(ANN, answer);
        stage.names()
    };
    let x = || Ref::new("x").unwrap();
    assert_eq!(wrong(likes(1, 5, true), Response::ack_like(x(), id(2), register(5, true))), ["wrong_answer"]);
    assert_eq!(wrong(likes(1, 5, true), Response::ack(x(), Some(id(1)))), ["wrong_answer"]);
    assert_eq!(wrong(likes(1, 5, true), Response::ack_like(x(), id(1), register(4, true))), ["wrong_answer"]);
    assert_eq!(wrong(What::Delete { id: id(1) }, Response::ack(x(), None)), ["wrong_answer"]);
    assert_eq!(wrong(says(2), reject("x", Code::Overloaded, None)), ["wrong_answer"]);
    assert_eq!(wrong(says(2), reject("x", Code::Forbidden, Some(5))), ["wrong_answer"]);
}

#[test]
fn a_snapshot_lacks_what_was_seen_only_if_it_is_partial_or_that_may_be_deleted() {
    let lacks = |partial: bool, deletes: bool| {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.all(delta(0, 1, vec![line(ANN, 1, 0)], &[], &[]));
        if deletes {
            stage.send(ANN, "d", What::Delete { id: id(1) });
        }
        let mut next = snapshot(2, 0, vec![]);
        if let Response::Snapshot { partial: of, .. } = &mut next {
            *of = partial;
        }
        stage.all(next);
        stage.names()
    };
    assert_eq!(lacks(false, false), ["snapshot_incomplete"]);
    assert_eq!(lacks(true, false), [""; 0]);
    assert_eq!(lacks(false, true), [""; 0]);
}

#[test]
fn a_ref_is_called_reused_only_if_it_was() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.get(ANN, reject("c1", Code::RefReused, None));
    assert_eq!(stage.names(), ["wrong_answer"]);
    let mut stage = Stage::watching();
    stage.comment(ANN, 1);
    stage.send(ANN, "c1", says(2));
    stage.get(ANN, reject("c1", Code::RefReused, None));
    assert_eq!(stage.names(), [""; 0]);
}

#[test]
fn the_history_of_one_owner_keeps_the_order_of_time() {
    let against = |owners: &[usize]| {
        let mut stage = Stage::watching();
        stage.comment(ANN, 1);
        stage.comment(BOB, 2);
        stage.all(delta(0, 1, vec![line(ANN, 1, 0), line(BOB, 2, 0)], &[], &[]));
        let mut comments = [line(ANN, 1, 0), line(BOB, 2, 0)];
        comments.iter_mut().for_each(|line| line.at = 9);
        stage.ledger.time_check(History { comments: &comments, complete: true }, owners, stage.now_ms);
        stage.names().contains(&"history_against_time")
    };
    let mut owners = vec![0; watershed_protocol::Slot::COUNT];
    assert!(against(&owners), "the first comment stands above the second");
    owners[id(2).slot().index()] = 1;
    assert_eq!(against(&owners), id(1).slot() == id(2).slot(), "clocks of two owners may differ");
}

#[test]
fn a_refused_sending_that_is_tried_again_and_works_counts_once() {
    let mut stage = Stage::watching();
    stage.send(ANN, "c1", says(1));
    stage.get(ANN, reject("c1", Code::RateLimited, Some(50)));
    stage.comment(ANN, 1);
    let report = stage.ledger.report();
    assert_eq!(report.comments, Tally { sent: 1, acknowledged: 1, refused: 0, unknown: 0 });
    assert_eq!((report.resent, report.refusals["rate_limited"]), (1, 1));
    assert_eq!(stage.names(), [""; 0]);
}

// Memory.

#[test]
fn a_long_run_forgets_the_oldest_comments_and_still_counts_them() {
    let mut stage = Stage::new(Config { covered_max: 3, ..Config::default() });
    stage.all(snapshot(1, 0, vec![]));
    for number in 1..=20 {
        stage.comment(ANN, number);
        stage.all(delta(u64::from(number) - 1, number.into(), vec![line(ANN, number, 0)], &[], &[]));
    }
    let contents = stage.ledger.devices[0].screen.contents.clone().unwrap();
    assert_eq!(contents.covered().len(), 3);
    assert!(stage.ledger.devices.iter().all(|device| Arc::ptr_eq(device.screen.contents.as_ref().unwrap(), &contents)));
    stage.comment(ANN, 21);
    assert_eq!(stage.quiet(), ["comment_missing_from_view"]);
}
