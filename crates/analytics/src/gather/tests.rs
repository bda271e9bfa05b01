//! What the gatherer promises: every counting is in one row, of a second that was open, and memory is bounded.

use super::*;

fn gatherer() -> Gatherer {
    Gatherer::new(10, 1_000_000)
}

fn stream(name: &str) -> StreamId {
    name.parse().unwrap()
}

fn likes(likes: u64) -> Counts {
    Counts { likes, ..Counts::default() }
}

fn at(ms: u64) -> Millis {
    Millis::new(ms)
}

/// (second, stream, likes) of each row.
fn told(batch: Option<Batch>) -> Vec<(u64, String, u64)> {
    let rows = batch.map(|batch| batch.rows).unwrap_or_default();
    let name = |row: &Row| row.stream.as_ref().map_or("others".into(), ToString::to_string);
    rows.iter().map(|row| (row.second, name(row), row.counts.likes)).collect()
}

#[test]
fn what_happens_in_one_second_is_one_row_for_each_stream() {
    let mut gatherer = gatherer();
    for (ms, name, count) in [(1_000, "b", 1), (1_400, "a", 2), (1_999, "b", 4), (2_000, "b", 8)] {
        gatherer.count(at(ms), &stream(name), &likes(count));
    }
    let batch = gatherer.take(at(2_500)).unwrap();
    assert_eq!((batch.from, batch.until), (1, 2), "the second that is open stays");
    assert_eq!(told(Some(batch)), [(1, "a".into(), 2), (1, "b".into(), 5)]);
    assert_eq!(told(gatherer.take(at(3_000))), [(2, "b".into(), 8)]);
    assert_eq!(gatherer.take(at(9_000)), None);
}

#[test]
fn counts_add_up_and_the_later_number_of_viewers_replaces() {
    let mut counts = Counts { comments: 1, viewers: Some(7), ..Counts::default() };
    counts.add(&Counts { comments: 2, viewers: None, shed: 3, ..Counts::default() });
    assert_eq!(counts, Counts { comments: 3, viewers: Some(7), shed: 3, ..Counts::default() });
    counts.add(&Counts { viewers: Some(0), ..Counts::default() });
    assert_eq!(counts.viewers, Some(0));
}

#[test]
fn who_counts_late_counts_for_the_open_second() {
    let mut gatherer = gatherer();
    gatherer.count(at(5_000), &stream("a"), &likes(1));
    let first = gatherer.take(at(6_000));
    gatherer.count(at(5_999), &stream("a"), &likes(2));
    assert_eq!(told(first), [(5, "a".into(), 1)]);
    assert_eq!(told(gatherer.take(at(7_000))), [(6, "a".into(), 2)]);
}

#[test]
fn a_file_is_due_at_the_next_multiple_of_the_rotation() {
    let mut gatherer = gatherer();
    assert_eq!(gatherer.due_at(), None);
    assert!(gatherer.count(at(12_345), &stream("a"), &likes(1)), "whoever waits must be told");
    assert_eq!(gatherer.due_at(), Some(at(20_000)));
    assert!(!gatherer.count(at(15_000), &stream("a"), &likes(1)));
    assert_eq!(gatherer.due_at(), Some(at(20_000)));
    assert_eq!(gatherer.take(at(20_000)).map(|batch| batch.until), Some(20));
    assert_eq!(gatherer.due_at(), None);
    assert!(gatherer.count(at(20_000), &stream("a"), &likes(1)));
    assert_eq!(gatherer.due_at(), Some(at(30_000)));
}

#[test]
fn a_file_is_due_at_once_when_its_rows_are_large() {
    let mut gatherer = Gatherer::new(10, 130);
    gatherer.count(at(1_000), &stream("a"), &likes(1));
    gatherer.count(at(2_000), &stream("a"), &likes(1));
    assert_eq!(gatherer.due_at(), Some(at(10_000)), "one row of 65 bytes is closed");
    assert!(gatherer.count(at(3_000), &stream("a"), &likes(1)), "whoever waits must be told");
    assert_eq!(gatherer.due_at(), Some(at(0)));
    assert_eq!(told(gatherer.take(at(3_000))).len(), 2);
}

#[test]
fn streams_beyond_the_maximum_are_summed_up_in_one_row() {
    let mut gatherer = Gatherer { streams_max: 2, ..gatherer() };
    for name in ["a", "b", "c", "d", "a", "d"] {
        gatherer.count(at(1_000), &stream(name), &Counts { viewers: Some(3), ..likes(1) });
    }
    let batch = gatherer.take(at(2_000)).unwrap();
    assert_eq!(batch.rows.iter().map(|row| row.counts.viewers).collect::<Vec<_>>(), [Some(3), Some(3), None]);
    assert_eq!(told(Some(batch)), [(1, "a".into(), 2), (1, "b".into(), 1), (1, "others".into(), 3)]);
    assert_eq!(gatherer.folded(), 3);
}

#[test]
fn what_was_not_written_goes_into_the_next_file_in_its_order() {
    let mut gatherer = gatherer();
    gatherer.count(at(1_000), &stream("a"), &likes(1));
    let batch = gatherer.take(at(10_000)).unwrap();
    gatherer.count(at(11_000), &stream("a"), &likes(2));
    gatherer.count(at(12_000), &stream("a"), &likes(4));
    gatherer.put_back(batch);
    assert_eq!(told(gatherer.take(at(20_000))), [(1, "a".into(), 1), (11, "a".into(), 2), (12, "a".into(), 4)]);
    gatherer.written();
    assert_eq!(gatherer.held(), 0);
}

#[test]
fn beyond_the_most_rows_new_ones_are_dropped_and_counted() {
    let mut gatherer = Gatherer { rows_max: 3, ..gatherer() };
    for second in 1..=2 {
        gatherer.count(at(second * 1_000), &stream("a"), &likes(second));
    }
    // Two are on their way to the disk, which is slow.
    let batch = gatherer.take(at(3_000)).unwrap();
    for second in 3..=6 {
        gatherer.count(at(second * 1_000), &stream("a"), &likes(second));
    }
    assert_eq!((gatherer.dropped(), gatherer.held()), (2, 4), "the third waits, two are dropped, the sixth is open");
    gatherer.put_back(batch);
    assert_eq!(told(gatherer.take(at(6_500))).iter().map(|(second, ..)| *second).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn at_the_end_the_open_second_is_written_too() {
    let mut gatherer = gatherer();
    gatherer.count(at(5_100), &stream("a"), &likes(1));
    let batch = gatherer.take_all(at(5_200)).unwrap();
    assert_eq!((batch.from, batch.until), (5, 6));
    assert_eq!(gatherer.take_all(at(5_300)), None);
}
