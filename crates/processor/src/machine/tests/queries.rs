//! What is promised of questions: they are answered from what is durable.

use watershed_protocol::OrderKey;

use crate::machine::{rig::*, *};

fn order_of(id: watershed_protocol::CommentId) -> Query {
    Query::Order { stream: stream("demo"), id }
}

#[test]
fn nothing_is_seen_before_it_is_durable() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.watched();
    let new = id(4, 1);
    rig.send(A, batch().like(HI, "bob", 5).comment(new, "ann", "hi").pin(HI).taps(7, &[("heart", 3)]));
    assert_eq!(rig.pass(5_000), [], "nothing to report");
    assert_eq!((rig.shown(), rig.totals()), (vec![(HI, 1)], (1, 1, taps(&[]))));
    assert_eq!(rig.ask(&order_of(new)), Reply::Order(None));
    let resync = report(&rig.open(watershed_protocol::peer::report::From::Nothing));
    assert_eq!((ids(&resync), tallies(&resync), resync.total), (vec![HI], vec![(HI, 2, 1)], 1));
    assert_eq!((spans(&resync), resync.pin, resync.reactions), (vec![(2, 0, 2)], None, None));
    rig.durable();
    assert_eq!((rig.shown(), rig.totals()), (vec![(new, 0), (HI, 2)], (2, 2, taps(&[("heart", 3)]))));
}

#[test]
fn a_deletion_is_not_seen_before_it_is_durable() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.watched();
    rig.send(A, batch().delete(HI, "ann"));
    assert_eq!((rig.pass(5_000), rig.shown()), (vec![], vec![(HI, 1)]));
    assert_eq!(report(&rig.durable()).deleted, [HI]);
    assert_eq!(rig.shown(), []);
}

#[test]
fn history_is_given_newest_first_in_pages() {
    let comments: Vec<_> = (0..7).map(|n| id(2 + n % 3, n)).collect();
    let mut rig = Rig::new();
    for id in &comments {
        rig.put(batch().comment(*id, "ann", "hi"));
    }
    let (mut before, mut pages): (Option<OrderKey>, Vec<Vec<_>>) = (None, Vec::new());
    loop {
        let query = Query::History { stream: stream("demo"), before, limit: 3 };
        let Reply::History(page) = rig.ask(&query) else { panic!() };
        let Some(last) = page.last() else { break };
        before = Some(last.comment.order());
        pages.push(page.iter().map(|shown| shown.comment.id).collect());
    }
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
    assert_eq!(pages.concat(), comments.into_iter().rev().collect::<Vec<_>>());
}

#[test]
fn a_page_of_history_has_at_most_500_comments() {
    let mut rig = Rig::new();
    rig.put((0..501).fold(batch(), |batch, n| batch.comment(id(2, n), "ann", "hi")));
    let Reply::History(page) = rig.ask(&Query::History { stream: stream("demo"), before: None, limit: u32::MAX })
    else {
        panic!()
    };
    assert_eq!((page.len(), page[499].comment.id), (500, id(2, 1)));
}

#[test]
fn a_deleted_comment_still_has_its_place() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let place = rig.ask(&order_of(HI));
    assert_eq!(place, Reply::Order(Some(OrderKey { time: at(1), id: HI })));
    rig.put(batch().delete(HI, "ann"));
    assert_eq!(rig.ask(&order_of(HI)), place);
    rig.restart();
    assert_eq!(rig.ask(&order_of(HI)), place);
    assert_eq!(rig.ask(&Query::Order { stream: stream("other"), id: HI }), Reply::Order(None));
    assert_eq!(rig.ask(&order_of(id(2, 9))), Reply::Order(None));
}

#[test]
fn what_a_viewer_likes_waits_for_the_group_that_it_was_read_from() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let query = Query::Likes { stream: stream("demo"), viewer: key("ann"), comments: vec![(HI.slot(), HI)] };
    rig.send(A, batch().like(HI, "ann", 5));
    let (first, now) = rig.ask_from(B, &query);
    assert_eq!(now, None);
    rig.send(A, batch().unlike(HI, "ann", 6));
    let (second, now) = rig.ask_from(B, &query);
    assert_eq!(now, None);
    assert_eq!(replies(&rig.durable(), B), [(first, Reply::Likes(vec![HI]))].into());
    assert_eq!(replies(&rig.durable(), B), [(second, Reply::Likes(vec![]))].into());
    assert_eq!(rig.ask(&query), Reply::Likes(vec![]), "at once, when all is durable");
}

#[test]
fn a_question_for_likes_is_answered_for_100_comments_of_its_stream() {
    let mut rig = Rig::new();
    rig.put((0..101).fold(batch(), |batch, n| batch.comment(id(2, n), "ann", "hi")));
    rig.put((0..101).fold(batch(), |batch, n| batch.like(id(2, n), "bob", 5)).comment_on(1, id(3, 1), "ann", "hi"));
    let all: Vec<_> = (0..101).map(|n| id(2, n)).collect();
    assert_eq!(rig.likes("bob", &all), all[..100]);
    assert_eq!(rig.likes("bob", &[id(3, 1), id(2, 999), HI]), [HI]);
    assert_eq!(rig.likes("nobody", &all), []);
    let other = Query::Likes { stream: stream("other"), viewer: key("bob"), comments: vec![(HI.slot(), HI)] };
    assert_eq!(rig.ask(&other), Reply::Likes(vec![]));
}

#[test]
fn totals_are_of_all_slots_of_one_stream() {
    let mut rig = Rig::holding(&[(HI, 2), (id(3, 1), 1), (id(3, 2), 4)]);
    rig.put(batch().comment_on(1, id(2, 9), "ann", "hi").taps(7, &[("heart", 2), ("clap", 1)]));
    assert_eq!(rig.totals(), (3, 7, taps(&[("heart", 2), ("clap", 1)])));
    let nothing = Reply::Totals { comments: 0, likes: 0, reactions: taps(&[]) };
    assert_eq!(rig.ask(&Query::Totals { stream: stream("nowhere") }), nothing);
    assert_eq!(rig.ask(&history("nowhere")), Reply::History(Vec::new()));
    assert_eq!(rig.machine.counters().streams, 2, "a question puts up nothing");
}

#[test]
fn before_the_start_no_question_and_no_write_is_answered() {
    let rig = Rig::holding(&[(HI, 1)]);
    let mut machine = replayed(config(), &rig.log).unwrap();
    let mut outbox = Vec::new();
    machine.step(rig.now, Input::Query { peer: B, number: 1, query: &history("demo") }, &mut outbox);
    assert_eq!(replies(&outbox, B)[&1], Reply::Unavailable);
    machine.step(rig.now, Input::Writes { peer: A, batch: &batch().like(HI, "ann", 5) }, &mut outbox);
    assert_eq!(answers(&outbox, A), [(1, Told::Moved)]);
}
