//! Spread comments on their way up: their parts first, or last.

use watershed_placement::{Pattern, SpreadRule, Spreads, Subject};
use watershed_protocol::Spread;

use super::*;

/// Every stream's comments are in eight parts, over two processors.
fn spreading() -> (Node, [PeerId; 2]) {
    let rule = SpreadRule { subject: Subject::Streams(Pattern::new("*").unwrap()), spread: Spread::new(8, 0).unwrap() };
    let map = Map::found(KEY, &names()).unwrap().spreading(Spreads::new(vec![rule]).unwrap());
    let uplink = Uplink::new(Config::new(77), Arc::new(map.clone()));
    let mut node = Node { uplink, map, now: START, peer_last: 0 };
    let peers = [0, 1].map(|p| node.up(p).0);
    (node, peers)
}

fn delete(node: &Node, n: usize) -> Write {
    write(n, Op::Delete { id: node.id(0, n), viewer: "ann".parse().unwrap(), moderator: false })
}

/// What was sent: (link, number) of each header, deletion or comment.
fn told(outbox: &[Output], peers: [PeerId; 2]) -> Vec<(PeerId, u64)> {
    let of = |peer| {
        let rows = batches(outbox, peer).into_iter().flat_map(|batch| {
            let headers = batch.headers.iter().map(|row| row.number);
            let deletes = batch.deletes.iter().map(|row| row.number);
            headers.chain(deletes).chain(batch.comments.iter().map(|row| row.number)).collect::<Vec<_>>()
        });
        rows.map(move |number| (peer, number)).collect::<Vec<_>>()
    };
    peers.into_iter().flat_map(of).collect()
}

/// Answers all of these but the last; nothing is sent or answered meanwhile. The last.
fn answer_all_but_one(node: &mut Node, told: Vec<(PeerId, u64)>) -> (PeerId, u64) {
    let ((peer, number), others) = told.split_last().unwrap();
    for (peer, number) in others {
        assert_eq!(node.done(*peer, &[*number]), []);
    }
    (*peer, *number)
}

#[test]
fn a_like_goes_to_the_part_that_counts_its_viewer() {
    let (mut node, peers) = spreading();
    let outbox = node.write(node.like(0, 5));
    let batch = peers.iter().flat_map(|peer| batches(&outbox, *peer)).next().unwrap();
    let row = batch.likes.iter().next().unwrap();
    assert_eq!(row.part, Spread::new(8, 0).unwrap().part_of(&row.viewer));
    assert_eq!(batch.slots.iter().map(|(slot, _)| *slot).collect::<Vec<_>>(), [row.part.slot(&row.comment)]);
}

#[test]
fn a_comment_is_written_when_all_its_parts_know_of_it() {
    let (mut node, peers) = spreading();
    let headers = told(&node.write(node.comment(0, 5)), peers);
    assert_eq!(headers.len(), 7);
    let (peer, number) = answer_all_but_one(&mut node, headers);
    let outbox = node.done(peer, &[number]);
    let [comment] = told(&outbox, peers)[..] else { panic!("one comment") };
    let batch = batches(&outbox, comment.0)[0];
    assert_eq!((batch.comments.len(), batch.comments[0].spread.count()), (1, 8));
    let outbox = node.done(comment.0, &[comment.1]);
    assert!(matches!(answered(&outbox)[..], [(5, Response::Ack { .. })]));
    assert_eq!(node.uplink.writes_held(), 0);
}

#[test]
fn a_deletion_is_answered_when_no_part_takes_likes_any_more() {
    let (mut node, peers) = spreading();
    let [(home, number)] = told(&node.write(delete(&node, 5)), peers)[..] else { panic!("at home first") };
    let parts = told(&node.done(home, &[number]), peers);
    assert_eq!(parts.len(), 7);
    let (peer, number) = answer_all_but_one(&mut node, parts);
    // A part that was never told of the comment has nothing to delete.
    let refusal = Refusal::last(Code::UnknownComment, "there is no such comment");
    let outbox = node.answer(peer, AnswerBatch { refused: vec![(number, refusal)], ..AnswerBatch::default() });
    assert!(matches!(answered(&outbox)[..], [(5, Response::Ack { .. })]));
    assert_eq!(node.uplink.writes_held(), 0);
}

#[test]
fn a_part_that_cannot_be_told_refuses_the_comment() {
    let (mut node, peers) = spreading();
    node.step(Input::Lost(peers[1]));
    node.write(node.comment(0, 5));
    let outbox = node.after(UNREACHABLE_MS);
    assert_eq!(refused(&outbox), [(5, Code::Unavailable)], "once, however many of its parts are there");
    let headers: Vec<u64> = (2..=8).collect();
    node.done(peers[0], &headers);
    assert!(answered(&node.after(UNANSWERED_MS)).is_empty());
    assert_eq!(node.uplink.writes_held(), 0);
}

#[test]
fn a_header_without_an_answer_leaves_no_doubt_about_the_comment() {
    let (mut node, peers) = spreading();
    let headers = told(&node.write(node.comment(0, 5)), peers);
    answer_all_but_one(&mut node, headers);
    assert_eq!(refused(&node.after(UNANSWERED_MS)), [(5, Code::Unavailable)], "it was surely not written");
}

#[test]
fn a_deletion_that_not_all_parts_know_is_unknown() {
    let (mut node, peers) = spreading();
    let [(home, number)] = told(&node.write(delete(&node, 5)), peers)[..] else { panic!("at home first") };
    let parts = told(&node.done(home, &[number]), peers);
    answer_all_but_one(&mut node, parts);
    assert_eq!(refused(&node.after(UNANSWERED_MS)), [(5, Code::Unknown)]);
}
