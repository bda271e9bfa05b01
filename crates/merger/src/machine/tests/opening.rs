//! What the root promises when streams open, owners come late, and epochs run out.

use watershed_protocol::{CommentId, Part, Pinned, Spread, peer::report::From};

use crate::machine::{rig::*, *};

#[test]
fn the_first_subscription_opens_the_stream_at_all_connected_owners() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let (p2, _) = rig.processor_up("p2");
    rig.processor_up("p9");
    let node = rig.node_up("b1");
    let outbox = rig.subscribe(node, None, 3);
    assert_eq!(told(&outbox), [(p1, Some(1), From::Nothing), (p2, Some(1), From::Nothing)]);
    assert_eq!(sent(&outbox, node), []);
    let other = rig.node_up("b2");
    assert_eq!(rig.subscribe(other, None, 4), [], "subscribers wait while the stream opens");
}

#[test]
fn a_stream_opens_with_the_newest_comments_of_all_owners_by_order_key() {
    let mut rig = Rig::new(config());
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    let many = (0..90).fold(report(1).resync().span(2, 0, 90), |all, n| all.comment(id(2, n), 2 * u64::from(n)));
    assert_eq!(rig.report(p1, many.pin(5, Some(id(2, 0)))), []);
    let pinned = report(1).resync().span(0, 0, 7).comment(id(0, 1), 1).pin(6, Some(id(0, 1))).taps(7, 40);
    assert_eq!(rig.report(p2, pinned), []);
    let many = (0..20).fold(report(1).resync().span(1, 0, 50), |all, n| all.comment(id(1, n), 101 + 2 * u64::from(n)));
    let outbox = rig.report(p3, many.tally(tally(id(1, 19), 50, 8)));
    let first = snapshot(&outbox, node);
    assert_eq!((first.epoch, first.seq, first.partial, first.viewers), (Epoch::new(1), Seq::ZERO, false, 3));
    assert_eq!(first.comments.len(), 100);
    assert!(first.comments.is_sorted_by_key(|shown| shown.comment.order()));
    assert_eq!(first.comments[0].comment.id, id(2, 10), "the oldest eleven have given way");
    let liked = first.comments.iter().find(|shown| shown.likes > 0).unwrap();
    assert_eq!((liked.comment.id, liked.likes), (id(1, 19), 8));
    assert_eq!(first.pinned.comment().unwrap().comment.id, id(0, 1), "the later pin");
    assert_eq!(first.reactions.values().sum::<u64>(), 40);
    assert_eq!(rig.root.counters().resyncs_partial, 0);
}

/// What processors were asked to count: (peer, comments).
fn asked(outbox: &[Output]) -> Vec<(PeerId, Vec<CommentId>)> {
    let asked = outbox.iter().filter_map(|output| match output {
        Output::ToProcessor { peer, message: FromMerger::Count { comments, .. } } => {
            Some((*peer, comments.iter().map(|(id, _)| *id).collect()))
        }
        _ => None,
    });
    asked.collect()
}

#[test]
fn a_stream_opens_when_the_parts_of_its_spread_comments_are_in_hand() {
    let mut rig = Rig::new(config());
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    let part = |index| Part::new(index, Spread::new(2, 0).unwrap()).unwrap();
    let home = report(1).resync().span(2, 0, 9).comment(id(2, 1), 1).tally(part_tally(id(2, 1), part(0), 9, 5));
    rig.report(p1, home);
    rig.report(p2, report(1).resync());
    let outbox = rig.report(p3, report(1).resync());
    assert_eq!(asked(&outbox), [p1, p2, p3].map(|peer| (peer, vec![id(2, 1)])));
    assert_eq!(sent(&outbox, node), []);
    let outbox = rig.report(p2, report(1).tally(part_tally(id(2, 1), part(1), 4, 6)));
    let first = snapshot(&outbox, node);
    assert_eq!((first.partial, first.comments[0].likes), (false, 11));
    assert_eq!(asked(&rig.pass(10_000)), []);
}

#[test]
fn a_part_that_nobody_tells_makes_the_first_snapshot_partial() {
    let mut rig = Rig::new(config());
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    let part = Part::new(0, Spread::new(2, 0).unwrap()).unwrap();
    rig.report(p1, report(1).resync().span(2, 0, 9).comment(id(2, 1), 1).tally(part_tally(id(2, 1), part, 9, 5)));
    rig.report(p2, report(1).resync());
    rig.report(p3, report(1).resync());
    assert!(snapshot(&rig.pass(800), node).partial);
    let later = part_tally(id(2, 1), Part::new(1, part.spread()).unwrap(), 4, 6);
    assert_eq!(frame(&rig.report(p3, report(1).tally(later)), node).likes, [(id(2, 1), 11)]);
}

#[test]
fn an_owner_that_is_away_delays_the_opening_by_its_limit_only() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    rig.report(p1, report(1).resync().span(2, 0, 1).comment(id(2, 1), 1));
    assert_eq!(rig.pass(799), []);
    let first = snapshot(&rig.pass(1), node);
    assert!(first.partial);
    assert_eq!(ids(&first.comments), [id(2, 1)]);
    assert_eq!(rig.root.counters().resyncs_partial, 1);
    assert_eq!(rig.root.figures().next().unwrap().owners_missing, 2);
}

#[test]
fn what_owners_report_while_others_are_awaited_is_in_the_first_snapshot() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    rig.report(p1, report(1).resync().span(2, 0, 2).comment(id(2, 1), 1).comment(id(2, 2), 2));
    rig.report(p1, report(1).span(2, 2, 5).comment(id(2, 3), 3).delete(id(2, 1)).tally(tally(id(2, 2), 5, 1)));
    let first = snapshot(&rig.pass(800), node);
    assert_eq!(ids(&first.comments), [id(2, 2), id(2, 3)]);
    assert_eq!(first.comments[0].likes, 1);
}

#[test]
fn a_late_owner_comes_in_by_a_snapshot_of_a_higher_epoch() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let (p2, _) = rig.processor_up("p2");
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    rig.report(p1, report(1).resync().span(2, 0, 1).comment(id(2, 1), 10).tally(tally(id(2, 1), 1, 4)));
    rig.pass(5_000);
    // Under way when the late owner comes: sealed, waiting for a token, and deleted.
    for n in 2..10 {
        let from = u64::from(n) - 1;
        rig.report(p1, report(1).span(2, from, from + 1).comment(id(2, n), 10 * u64::from(n)));
    }
    let outbox = rig.report(p2, report(1).resync().span(0, 0, 5).comment(id(0, 1), 15));
    let second = snapshot(&outbox, node);
    assert_eq!((second.epoch, second.seq, second.partial), (Epoch::new(2), Seq::ZERO, true));
    let expected: Vec<_> = [id(2, 1), id(0, 1)].into_iter().chain((2..10).map(|n| id(2, n))).collect();
    assert_eq!(ids(&second.comments), expected);
    assert_eq!(second.comments[0].likes, 4);
    let positions = merged(&[(0, 5), (2, 9)]);
    assert_eq!(told(&outbox), [(p1, Some(2), positions.clone()), (p2, Some(2), positions)]);
    assert_eq!(rig.report(p1, report(1).span(2, 9, 10).comment(id(2, 10), 99)), [], "the epoch before is over");
    assert_eq!(rig.root.counters().stale, 1);
    rig.pass(1_000);
    let next = frame(&rig.report(p1, report(2).span(2, 9, 10).comment(id(2, 10), 99)), node);
    assert_eq!((next.from, next.seq, ids(&next.comments)), (Seq::ZERO, Seq::new(1), vec![id(2, 10)]));
    let (p3, outbox) = rig.processor_up("p3");
    assert_eq!(told(&outbox), [(p3, Some(2), From::Nothing)]);
    assert!(!snapshot(&rig.report(p3, report(2).resync()), node).partial, "nobody is missing any more");
}

#[test]
fn late_owners_that_come_together_come_in_under_one_epoch() {
    let mut rig = Rig::new(config());
    let [p1, p2, p3] = ["p1", "p2", "p3"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 3);
    rig.pass(1_000);
    assert_eq!(snapshot(&rig.report(p1, report(1).resync()), node).epoch, Epoch::new(2));
    assert_eq!(rig.report(p2, report(2).resync()), []);
    assert_eq!(rig.report(p3, report(2).resync()), []);
    let third = snapshot(&rig.pass(200), node);
    assert_eq!((third.epoch, third.partial), (Epoch::new(3), false));
}

#[test]
fn a_processor_that_reconnects_goes_on_from_what_is_merged() {
    let (mut rig, [p1, ..], _) = Rig::open(config());
    rig.report(p1, report(1).span(2, 0, 4).comment(id(2, 1), 1));
    rig.step(Input::Lost(p1));
    let (p1, outbox) = rig.processor_up("p1");
    assert_eq!(told(&outbox), [(p1, Some(1), merged(&[(2, 4)]))]);
}

#[test]
fn a_processor_that_never_resynced_begins_with_nothing_when_it_reconnects() {
    let mut rig = Rig::new(config());
    let (p1, _) = rig.processor_up("p1");
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 0);
    rig.step(Input::Lost(p1));
    let (p1, outbox) = rig.processor_up("p1");
    assert_eq!(told(&outbox), [(p1, Some(1), From::Nothing)]);
    assert_eq!(rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 1)), []);
    assert_eq!(rig.root.counters().stale, 1, "without a resync nothing of an owner is merged");
}

#[test]
fn a_new_owner_on_the_map_is_opened_and_comes_in_as_a_late_one() {
    let (mut rig, _, node) = Rig::open(config());
    let (p4, outbox) = rig.processor_up("p4");
    assert_eq!(told(&outbox), [], "it owns nothing");
    let mut map = Map::found(map().key().clone(), &["p1", "p2", "p3", "p4"].map(name)).unwrap();
    map.claim(&name("p4"));
    let slot = map.slots_of(&name("p4"))[0].get();
    let outbox = rig.step(Input::Map(Arc::new(map)));
    assert_eq!(told(&outbox), [(p4, Some(1), From::Nothing)]);
    rig.pass(1_000);
    let resync = report(1).resync().span_of(2, slot, 0, 1).comment(id(slot, 1), 1);
    let second = snapshot(&rig.report(p4, resync), node);
    assert_eq!((second.epoch, second.partial, ids(&second.comments)), (Epoch::new(2), false, vec![id(slot, 1)]));
}

#[test]
fn most_viewers_come_first_when_a_processor_connects() {
    let mut rig = Rig::new(config());
    let node = rig.node_up("b1");
    for (stream, viewers) in [("a", 1), ("b", 9), ("c", 5)] {
        rig.node(node, ToFeed::Subscribe { stream: stream.parse().unwrap(), have: None, viewers });
    }
    let (_, outbox) = rig.processor_up("p1");
    let order: Vec<u64> = told(&outbox).into_iter().filter_map(|(_, epoch, _)| epoch).collect();
    assert_eq!(order, [2, 3, 1]);
}

#[test]
fn a_stream_waits_when_no_epoch_is_left() {
    let mut rig = Rig::with_epochs(config(), 7..7);
    let node = rig.node_up("b1");
    assert_eq!(rig.pass(1), [], "asked for already, with the first input");
    assert_eq!(rig.subscribe(node, None, 0), []);
    assert_eq!(rig.pass(5_000), []);
    rig.step(Input::EpochsReserved(7..1_000));
    assert_eq!(snapshot(&rig.pass(800), node).epoch, Epoch::new(7));
}

#[test]
fn epochs_are_reserved_once_when_few_are_left() {
    let mut rig = Rig::with_epochs(config(), 1..101);
    let node = rig.node_up("b1");
    assert_eq!(rig.subscribe(node, None, 0), [Output::ReserveEpochs]);
    let stream = "other".parse().unwrap();
    assert_eq!(rig.node(node, ToFeed::Subscribe { stream, have: None, viewers: 0 }), []);
}

#[test]
fn a_late_owner_waits_for_an_epoch_while_frames_go_on() {
    let mut rig = Rig::with_epochs(config(), 1..2);
    let [p1, p2] = ["p1", "p2"].map(|name| rig.processor_up(name).0);
    let node = rig.node_up("b1");
    rig.subscribe(node, None, 0);
    rig.report(p1, report(1).resync());
    rig.pass(5_000);
    assert_eq!(rig.report(p2, report(1).resync().span(0, 0, 1).comment(id(0, 1), 1)), []);
    assert_eq!(ids(&frame(&rig.report(p1, report(1).span(2, 0, 1).comment(id(2, 1), 2)), node).comments), [id(2, 1)]);
    let second = snapshot(&rig.step(Input::EpochsReserved(2..500)), node);
    assert_eq!((second.epoch, ids(&second.comments)), (Epoch::new(2), vec![id(0, 1), id(2, 1)]));
}

#[test]
fn a_resync_that_names_a_deletion_shows_neither_comment_nor_pin() {
    let (mut rig, [p1, p2, _], node) = Rig::open(config());
    rig.report(p2, report(1).span(0, 0, 2).comment(id(0, 1), 1).pin(2, Some(id(0, 1))));
    rig.pass(1_000);
    let resync = report(1).resync().span(2, 0, 1).comment(id(2, 1), 3).delete(id(0, 1));
    let second = snapshot(&rig.report(p1, resync), node);
    assert_eq!((ids(&second.comments), second.pinned), (vec![id(2, 1)], Pinned::Nothing));
}
