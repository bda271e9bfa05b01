//! What the writer promises while the disk behaves, fills up, or fails.

use watershed_protocol::{Epoch, Position, Slot};

use super::*;
use crate::{Base, MemoryDisk, Record, recover};

/// Bytes of a record of one [`row`] beside its body.
const HEAD: usize = 45;

fn open(disk: MemoryDisk, segment_bytes: u64) -> (LogWriter<MemoryDisk>, Vec<Record>) {
    let mut records = Vec::new();
    let replay = |record: &Record| {
        records.push(record.clone());
        Ok::<(), String>(())
    };
    let (writer, _) = recover(disk, LogConfig { segment_bytes }, Base::default(), replay).unwrap();
    (writer, records)
}

/// One row of slot 7, with `body` bytes.
fn row(number: u64, body: usize) -> [Section; 1] {
    let (from, to) = (Position::new(number - 1), Position::new(number));
    [Section { slot: Slot::new(7).unwrap(), epoch: Epoch::new(1), from, to, body: vec![number as u8; body] }]
}

/// How many records a power cut leaves.
fn left_after_a_crash(writer: LogWriter<MemoryDisk>) -> usize {
    let mut disk = writer.into_disk();
    disk.crash(0);
    open(disk, 1 << 20).1.len()
}

#[test]
fn a_group_is_durable_only_after_its_sync() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    assert_eq!(writer.append(&row(1, 10)), Ok(1));
    assert_eq!(writer.durable(), 0);
    assert_eq!(writer.sync(), Ok(1));
    assert_eq!(writer.append(&row(2, 10)), Ok(2));
    assert_eq!(left_after_a_crash(writer), 1);
}

#[test]
fn at_most_one_record_is_ever_unsynced() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    for number in 1..=5 {
        writer.append(&row(number, 10)).unwrap();
        assert_eq!(writer.durable(), number - 1);
        assert_eq!(writer.disk_mut().unsynced_bytes(), HEAD + 10);
    }
    assert_eq!(writer.bytes_written(), 5 * (HEAD as u64 + 10));
}

#[test]
fn a_failed_sync_is_final() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    writer.append(&row(1, 10)).unwrap();
    writer.disk_mut().fail_next_sync();
    let failed = writer.sync().unwrap_err();
    assert_eq!(failed.to_string(), "log has failed: sync of segment 0000000000000001 failed");
    assert_eq!(writer.sync().unwrap_err(), failed, "though the disk would now say yes");
    assert_eq!(writer.append(&row(2, 10)), Err(AppendError::Failed { why: failed.why }));
    assert_eq!(writer.durable(), 0);
}

#[test]
fn a_full_disk_takes_no_part_of_a_group_and_the_writer_goes_on_when_there_is_space() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    writer.append(&row(1, 10)).unwrap();
    writer.sync().unwrap();
    let before = writer.disk_mut().cached(SegmentId::FIRST).to_vec();
    writer.disk_mut().full_after(30);
    for _ in 0..3 {
        assert_eq!(writer.append(&row(2, 10)), Err(AppendError::Full));
        assert_eq!(writer.disk_mut().cached(SegmentId::FIRST), before, "half of it was cut again");
    }
    assert_eq!(writer.ends().get(Slot::new(7).unwrap()).unwrap().position, Position::new(1));
    writer.disk_mut().make_room();
    assert_eq!(writer.append(&row(2, 10)), Ok(2));
    assert_eq!(writer.sync(), Ok(2));
    assert_eq!(left_after_a_crash(writer), 2);
}

#[test]
fn a_disk_that_is_full_when_a_segment_begins_refuses_and_recovers() {
    let (mut writer, _) = open(MemoryDisk::new(), 100);
    writer.append(&row(1, 60)).unwrap();
    writer.disk_mut().full_after(0);
    assert_eq!(writer.append(&row(2, 60)), Err(AppendError::Full));
    writer.disk_mut().full_after(20);
    assert_eq!(writer.append(&row(2, 60)), Err(AppendError::Full));
    writer.disk_mut().make_room();
    assert_eq!(writer.append(&row(2, 60)), Ok(2));
    assert_eq!(writer.sync(), Ok(2));
    assert_eq!(left_after_a_crash(writer), 2);
}

#[test]
fn a_record_that_would_make_a_segment_too_long_begins_a_new_one() {
    let (mut writer, _) = open(MemoryDisk::new(), 120);
    for number in 1..=6 {
        // Two fit into 120 bytes; the fourth fits into none and has one to itself.
        writer.append(&row(number, if number == 4 { 500 } else { 10 })).unwrap();
    }
    writer.sync().unwrap();
    assert_eq!(writer.disk_mut().segments().unwrap().len(), 4);
    assert_eq!(left_after_a_crash(writer), 6);
}

#[test]
fn a_group_that_would_make_the_log_unreadable_is_refused_and_leaves_it_as_it_was() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    writer.append(&row(1, 10)).unwrap();
    let gap = writer.append(&row(3, 10)).unwrap_err();
    assert_eq!(gap.to_string(), "slot 7 goes on at position 2 of epoch 1, it ended at 1");
    assert_eq!(writer.append(&[]), Err(Refused::Empty.into()));
    let large = writer.append(&row(2, record::RECORD_BYTES_MAX)).unwrap_err();
    assert!(matches!(large, AppendError::Refused(Refused::TooLarge(_))));
    assert_eq!(writer.append(&row(2, 10)), Ok(2));
    assert_eq!(writer.sync(), Ok(2));
}

#[test]
fn a_segment_goes_only_when_a_later_record_is_durable() {
    let (mut writer, _) = open(MemoryDisk::new(), 120);
    for number in 1..=2 {
        writer.append(&row(number, 10)).unwrap();
    }
    writer.sync().unwrap();
    writer.cut_to(2);
    assert_eq!((writer.tidy(), writer.segments()), (Ok(false), 1), "the last one stays");
    writer.append(&row(3, 10)).unwrap();
    assert_eq!((writer.tidy(), writer.segments()), (Ok(false), 2), "the next record may be torn yet");
    writer.sync().unwrap();
    assert_eq!((writer.tidy(), writer.segments()), (Ok(false), 1));
    assert_eq!(writer.disk_mut().spares(), 1);
    writer.cut_to(1);
    assert_eq!(writer.tidy(), Ok(false));
}

#[test]
fn segments_go_one_by_one_oldest_first_and_are_used_again() {
    let (mut writer, _) = open(MemoryDisk::new(), 120);
    for number in 1..=7 {
        writer.append(&row(number, 10)).unwrap();
    }
    writer.sync().unwrap();
    writer.cut_to(5);
    assert_eq!((writer.tidy(), writer.segments()), (Ok(true), 3));
    assert_eq!(writer.disk_mut().segments().unwrap().first(), Some(&SegmentId::new(2)));
    assert_eq!((writer.tidy(), writer.segments()), (Ok(false), 2), "record 6 is not in the checkpoint");
    for number in 8..=10 {
        writer.append(&row(number, 10)).unwrap();
    }
    assert_eq!((writer.segments(), writer.disk_mut().spares()), (3, 1));
    assert_eq!(writer.disk_mut().cached(SegmentId::new(5)).len(), 110, "as long as it was");
}

#[test]
fn a_full_disk_takes_the_spares_first() {
    let (mut writer, _) = open(MemoryDisk::new(), 1 << 20);
    writer.append(&row(1, 10)).unwrap();
    writer.disk_mut().full_after(1_000);
    writer.disk_mut().prewrite(900);
    writer.disk_mut().prewrite(900);
    assert_eq!(writer.disk_mut().spares(), 1, "there is no room for two");
    writer.append(&row(2, 800)).unwrap();
    assert_eq!(writer.disk_mut().spares(), 0);
    assert_eq!(writer.append(&row(3, 800)), Err(AppendError::Full));
    assert_eq!(writer.sync(), Ok(2));
}

#[test]
fn a_disk_that_fails_while_the_log_is_cut_is_final() {
    let (mut writer, _) = open(MemoryDisk::new(), 60);
    for number in 1..=3 {
        writer.append(&row(number, 10)).unwrap();
    }
    writer.sync().unwrap();
    writer.cut_to(3);
    writer.disk_mut().gone_after(0);
    let failed = writer.tidy().unwrap_err();
    writer.disk_mut().comes_back();
    assert_eq!((writer.tidy(), writer.sync()), (Err(failed.clone()), Err(failed)));
}
