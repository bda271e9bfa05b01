//! What is promised of reports: spans chain, nothing is left out, nothing is told twice.

use watershed_protocol::{CommentId, Position};

use crate::machine::{rig::*, *};

#[test]
fn a_report_tells_what_became_durable() {
    let mut rig = Rig::holding(&[(HI, 1)]);
    rig.watched();
    let new = id(3, 1);
    let report = rig.reported(batch().like(HI, "ann", 5).like(HI, "bob", 5).comment(new, "ann", "hi")).remove(0);
    assert_eq!((report.epoch.get(), report.resync, report.total), (1, false, 1));
    assert_eq!((spans(&report), ids(&report)), (vec![(2, 2, 4), (3, 0, 1)], vec![new]));
    assert_eq!(tallies(&report), [(HI, 4, 3)]);
    assert_eq!((report.tallies[0].tally.epoch.get(), report.deleted.len(), report.pin), (1, 0, None));
    assert_eq!(rig.pass(5_000), [], "once");
}

#[test]
fn spans_chain_from_the_positions_that_the_root_named() {
    let mut rig = Rig::holding(&[(HI, 0), (id(3, 1), 0), (id(3, 2), 0)]);
    rig.put(batch().like(HI, "ann", 5).like(id(3, 1), "ann", 5));
    let report = rig.watched_from(&[(2, 1), (3, 1), (0, 70)]).remove(0);
    assert_eq!((spans(&report), ids(&report), report.total), (vec![(2, 1, 2), (3, 1, 3)], vec![id(3, 2)], 1));
    assert_eq!(tallies(&report), [(HI, 2, 1), (id(3, 1), 3, 1)]);
    let report = rig.reported(batch().unlike(HI, "ann", 6).unlike(HI, "eve", 6)).remove(0);
    assert_eq!((spans(&report), tallies(&report)), (vec![(2, 2, 4)], vec![(HI, 3, 0)]));
    let report = rig.reported(batch().like(HI, "bob", 6)).remove(0);
    assert_eq!(spans(&report), [(2, 4, 5)]);
}

#[test]
fn a_slot_that_the_root_does_not_name_is_told_from_the_beginning() {
    let mut rig = Rig::holding(&[(HI, 2), (id(3, 1), 0)]);
    let report = rig.watched_from(&[(3, 1)]).remove(0);
    assert_eq!((spans(&report), ids(&report), tallies(&report)), (vec![(2, 0, 3)], vec![HI], vec![(HI, 3, 2)]));
}

#[test]
fn a_root_that_has_all_is_told_nothing() {
    let mut rig = Rig::holding(&[(HI, 2), (id(3, 1), 0)]);
    assert_eq!(rig.watched_from(&[(2, 3), (3, 1)]), []);
    assert_eq!(rig.pass(5_000), []);
}

#[test]
fn what_lies_beyond_the_merged_positions_is_told_as_it_is_now() {
    let mut rig = Rig::holding(&[(HI, 2), (id(2, 2), 1), (id(2, 3), 0), (id(2, 4), 0)]);
    rig.put(batch().delete(id(2, 3), "ann").delete(HI, "ann"));
    let report = rig.watched_from(&[(2, 2)]).remove(0);
    assert_eq!((spans(&report), ids(&report), report.total), (vec![(2, 2, 9)], vec![id(2, 4)], 2));
    assert_eq!((tallies(&report), report.deleted), (vec![(id(2, 2), 7, 1)], vec![id(2, 3), HI]));
    let report = rig.watched_from(&[(2, 7)]).remove(0);
    assert_eq!(
        (spans(&report), ids(&report), tallies(&report)),
        (vec![(2, 7, 9)], vec![], vec![]),
        "not what is there"
    );
}

#[test]
fn a_comment_that_nobody_ever_liked_has_no_count_to_tell() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    let report = rig.watched_from(&[]).remove(0);
    assert_eq!((ids(&report), tallies(&report)), (vec![HI], vec![]));
    let report = rig.reported(batch().like(HI, "ann", 5)).remove(0);
    assert_eq!(tallies(&report), [(HI, 2, 1)], "but from then on it has");
}

#[test]
fn a_comment_that_is_gone_when_it_is_reported_is_in_the_total_only() {
    let mut rig = Rig::with(Config { report_burst: 1, ..config() });
    rig.put(batch().comment(id(2, 9), "ann", "hi"));
    rig.watched();
    rig.put(batch().like(id(2, 9), "ann", 5));
    rig.put(batch().comment(HI, "ann", "hi"));
    rig.put(batch().like(HI, "bob", 5));
    rig.put(batch().delete(HI, "ann"));
    let report = report(&rig.pass(1_000));
    assert_eq!((ids(&report), report.total, report.deleted.clone()), (vec![], 1, vec![HI]));
    assert_eq!((spans(&report), tallies(&report)), (vec![(2, 2, 5)], vec![]));
}

#[test]
fn counts_that_are_not_durable_are_in_no_report() {
    let mut rig = Rig::holding(&[(HI, 0)]);
    rig.watched();
    rig.send(A, batch().like(HI, "ann", 5));
    rig.send(A, batch().like(HI, "bob", 5));
    assert_eq!(tallies(&report(&rig.durable())), [(HI, 2, 1)]);
    assert_eq!(tallies(&report(&rig.durable())), [(HI, 3, 2)]);
}

#[test]
fn a_report_has_at_most_500_comments_and_the_next_has_the_rest() {
    let mut rig = Rig::new();
    rig.watched();
    let all: Vec<CommentId> = (0..1_200).map(|n| id(2 + n % 2, n)).collect();
    let mut told = rig.reported(all.iter().fold(batch(), |batch, id| batch.comment(*id, "ann", "hi")));
    told.extend(reports(&rig.pass(1_000)));
    assert_eq!(told.iter().map(|report| report.comments.len()).collect::<Vec<_>>(), [500, 500, 200]);
    assert_eq!(told.iter().flat_map(ids).collect::<BTreeSet<_>>(), all.into_iter().collect());
    assert!(told.iter().all(|report| report.total == report.comments.len() as u64));
    assert_eq!(chain(&told, 2), [0, 250, 500, 600]);
    assert_eq!(chain(&told, 3), [0, 250, 500, 600]);
}

#[test]
fn a_report_has_at_most_1000_counts_and_the_next_has_the_rest() {
    let mut rig = Rig::new();
    let all: Vec<CommentId> = (0..1_500).map(|n| id(2, n)).collect();
    rig.put(all.iter().fold(batch(), |batch, id| batch.comment(*id, "ann", "hi")));
    rig.watched();
    let mut told = rig.reported(all.iter().fold(batch(), |batch, id| batch.like(*id, "ann", 5)));
    told.extend(reports(&rig.pass(1_000)));
    assert_eq!(told.iter().map(|report| report.tallies.len()).collect::<Vec<_>>(), [1_000, 500]);
    assert_eq!(told.iter().flat_map(tallies).map(|(id, ..)| id).collect::<Vec<_>>(), all, "the oldest change first");
    assert_eq!(chain(&told, 2), [1_500, 2_500, 3_000]);
}

#[test]
fn a_report_has_at_most_1000_deletions_and_the_next_has_the_rest() {
    let mut rig = Rig::new();
    let all: Vec<CommentId> = (0..1_001).map(|n| id(2, n)).collect();
    rig.put(all.iter().fold(batch(), |batch, id| batch.comment(*id, "ann", "hi")));
    rig.watched();
    let mut told = rig.reported(all.iter().fold(batch(), |batch, id| batch.delete(*id, "ann")));
    told.extend(reports(&rig.pass(1_000)));
    assert_eq!(told.iter().map(|report| report.deleted.len()).collect::<Vec<_>>(), [1_000, 1]);
    assert_eq!(told.iter().flat_map(|report| report.deleted.clone()).collect::<Vec<_>>(), all);
    assert_eq!(chain(&told, 2), [1_001, 2_001, 2_002]);
}

#[test]
fn what_a_report_left_is_told_again_to_a_root_that_is_there_anew() {
    let mut rig = Rig::new();
    rig.watched();
    let first = rig.reported((0..700).fold(batch(), |batch, n| batch.comment(id(2, n), "ann", "hi"))).remove(0);
    assert_eq!(spans(&first), [(2, 0, 500)]);
    let rest = rig.watched_from(&[(2, 500)]).remove(0);
    assert_eq!((spans(&rest), rest.comments.len()), (vec![(2, 500, 700)], 200));
}

/// The positions of one slot that these reports pass, which must chain.
fn chain(reports: &[watershed_protocol::peer::report::Report], number: u16) -> Vec<u64> {
    let spans: Vec<_> = reports.iter().flat_map(|report| &report.spans).filter(|s| s.slot == slot(number)).collect();
    assert!(spans.windows(2).all(|pair| pair[0].to == pair[1].from), "{spans:?}");
    let positions: Vec<Position> = spans.iter().map(|span| span.from).chain(spans.last().map(|span| span.to)).collect();
    positions.into_iter().map(Position::get).collect()
}

#[test]
fn a_resync_has_the_newest_100_comments_with_their_counts() {
    let mut rig = Rig::new();
    for n in 0..120 {
        rig.put(batch().comment(id(2 + n % 2, n), "ann", "hi"));
    }
    rig.put(
        batch()
            .like(id(2, 10), "ann", 5)
            .like(id(2, 100), "ann", 5)
            .like(id(2, 100), "bob", 5)
            .delete(id(3, 119), "ann"),
    );
    let resync = rig.watched();
    assert!(resync.resync);
    assert_eq!(ids(&resync), (19..119).map(|n| id(2 + n % 2, n)).collect::<Vec<_>>());
    assert_eq!((resync.tallies.len(), resync.total, resync.deleted.len()), (100, 120, 0));
    assert_eq!(tallies(&resync).into_iter().filter(|row| row.2 > 0).collect::<Vec<_>>(), [(id(2, 100), 63, 2)]);
    assert_eq!(spans(&resync), [(2, 0, 63), (3, 0, 61)]);
    let next = rig.reported(batch().like(id(2, 10), "bob", 5)).remove(0);
    assert_eq!((spans(&next), tallies(&next)), (vec![(2, 63, 64)], vec![(id(2, 10), 64, 2)]));
}

#[test]
fn a_stream_without_anything_is_resynced_too() {
    let mut rig = Rig::new();
    let resync = rig.watched();
    assert_eq!((resync.resync, spans(&resync), resync.total), (true, vec![], 0));
    assert_eq!(rig.machine.counters().streams, 1);
    rig.close();
    assert_eq!(rig.machine.counters().streams, 0, "nobody remembers it");
}

#[test]
fn every_durable_count_is_traced_when_that_is_wished() {
    let rows = |outbox: &[Output]| {
        let rows = outbox.iter().filter_map(|output| match output {
            Output::Durable(row) => Some((row.id, row.tally.version.get(), row.tally.count)),
            _ => None,
        });
        rows.collect::<Vec<_>>()
    };
    for (wished, traced) in [(true, vec![(HI, 3, 2)]), (false, vec![])] {
        let mut rig = Rig::with(Config { trace_tallies: wished, ..config() });
        rig.put(batch().comment(HI, "ann", "hi"));
        rig.send(A, batch().like(HI, "ann", 5).like(HI, "bob", 5).unlike(HI, "eve", 5));
        assert_eq!(rows(&rig.durable()), traced);
    }
}
