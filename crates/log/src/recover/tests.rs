//! What a start finds after each kind of accident, one accident a test. Random ones are in `tests/crashes.rs`.

use watershed_protocol::{Epoch, Position};

use super::*;
use crate::{MemoryDisk, Section, record};

/// A record of [`group`] with a body of ten bytes.
const RECORD_BYTES: usize = 60;
const CONFIG: LogConfig = LogConfig { segment_bytes: 10_000 };

type Outcome = Result<(LogWriter<MemoryDisk>, Recovered), RecoverError<String>>;

fn section(slot: u16, number: u64) -> Section {
    Section {
        slot: Slot::new(slot).unwrap(),
        epoch: Epoch::new(1),
        from: Position::new(number - 1),
        to: Position::new(number),
        body: vec![number as u8; 5],
    }
}

/// One row each of slots 3 and 9.
fn group(number: u64) -> [Section; 2] {
    [section(3, number), section(9, number)]
}

fn open(disk: MemoryDisk) -> Outcome {
    recover(disk, CONFIG, Base::default(), |_| Ok(()))
}

fn refusal(disk: MemoryDisk) -> String {
    open(disk).unwrap_err().to_string()
}

/// A disk with synced records 1 to `records`, `per_segment` to a segment.
fn disk_with(records: u64, per_segment: u64) -> MemoryDisk {
    let config = LogConfig { segment_bytes: per_segment * RECORD_BYTES as u64 };
    let (mut writer, _) = recover(MemoryDisk::new(), config, Base::default(), |_| Ok::<(), String>(())).unwrap();
    for number in 1..=records {
        writer.append(&group(number)).unwrap();
    }
    writer.sync().unwrap();
    writer.into_disk()
}

fn segment(number: u64) -> SegmentId {
    SegmentId::new(number)
}

#[test]
fn a_new_disk_holds_an_empty_log() {
    let (mut writer, recovered) = open(MemoryDisk::new()).unwrap();
    assert_eq!((recovered.last, recovered.bytes, recovered.segments, recovered.cut), (0, 0, 0, None));
    assert_eq!(writer.append(&group(1)), Ok(1));
}

#[test]
fn what_was_appended_comes_back_in_order_and_the_log_goes_on() {
    let mut disk = disk_with(5, 2);
    for round in 5..8 {
        let mut positions = Vec::new();
        let replay = |record: Record| {
            assert_eq!(record.sections, group(record.position));
            positions.push(record.position);
            Ok::<(), String>(())
        };
        let (mut writer, recovered) = recover(disk, CONFIG, Base::default(), replay).unwrap();
        assert_eq!(positions, (1..=round).collect::<Vec<_>>());
        assert_eq!((recovered.last, recovered.bytes), (round, round * RECORD_BYTES as u64));
        assert_eq!(recovered.ends, *writer.ends());
        assert_eq!(writer.append(&group(round + 1)), Ok(round + 1));
        writer.sync().unwrap();
        disk = writer.into_disk();
    }
}

#[test]
fn a_torn_tail_is_cut() {
    let mut writer = open(disk_with(3, 10)).unwrap().0;
    writer.append(&group(4)).unwrap();
    for torn in 0..RECORD_BYTES {
        let mut disk = writer.disk_mut().clone();
        disk.crash(torn);
        let (mut writer, recovered) = open(disk).unwrap();
        let cut = Cut { segment: segment(2), offset: 3 * RECORD_BYTES as u64, bytes: torn as u64 };
        assert_eq!((recovered.last, recovered.cut), (3, (torn > 0).then_some(cut)));
        assert_eq!(writer.append(&group(4)), Ok(4));
    }
}

#[test]
fn damage_before_the_synced_end_is_refused_in_words() {
    let mut disk = disk_with(5, 2);
    disk.flip(segment(2), RECORD_BYTES - 1);
    let told = refusal(disk);
    assert!(
        told.starts_with(
            "segment 0000000000000002 is damaged at byte 0: record 3 (slots 3, 9) was durable and does not read \
             (body checksum is"
        ),
        "{told}"
    );
    assert!(told.ends_with("yet record 4 after it is there"), "{told}");
}

#[test]
fn damage_to_a_head_says_that_the_slots_are_unknown() {
    let mut disk = disk_with(5, 2);
    disk.flip(segment(1), 40);
    assert!(refusal(disk).starts_with("segment 0000000000000001 is damaged at byte 0: record 1 (slots unknown)"));
}

#[test]
fn damage_is_proven_by_a_later_segment_too_and_by_a_later_record_that_is_torn() {
    let mut disk = disk_with(4, 2);
    disk.flip(segment(1), RECORD_BYTES + 50);
    disk.flip(segment(2), RECORD_BYTES - 1);
    disk.flip(segment(2), 2 * RECORD_BYTES - 1);
    let told = refusal(disk);
    assert!(told.starts_with("segment 0000000000000001 is damaged at byte 60: record 2 "), "{told}");
}

#[test]
fn a_lost_segment_is_refused() {
    for lost in 1..=2 {
        let mut disk = disk_with(5, 2);
        disk.remove(segment(lost)).unwrap();
        let told = refusal(disk);
        let named = [
            "begins with record 3, and there is no checkpoint: records 1 to 2 are missing",
            "record 5 is in its place",
        ];
        assert!(told.contains(named[lost as usize - 1]), "{told}");
    }
}

#[test]
fn damage_to_the_last_record_cannot_be_told_from_a_torn_write() {
    let mut disk = disk_with(3, 10);
    disk.flip(segment(1), 3 * RECORD_BYTES - 1);
    let (_, recovered) = open(disk).unwrap();
    assert_eq!(recovered.last, 2);
}

#[test]
fn what_a_failed_sync_left_in_the_cache_is_durable_once_it_was_recovered() {
    let mut writer = open(disk_with(1, 10)).unwrap().0;
    writer.append(&group(2)).unwrap();
    writer.disk_mut().fail_next_sync();
    writer.sync().unwrap_err();

    // The process exits and starts again; the kernel goes on.
    let (mut writer, recovered) = open(writer.into_disk()).unwrap();
    assert_eq!(recovered.last, 2);
    assert_eq!(writer.append(&group(3)), Ok(3));
    writer.sync().unwrap();

    let mut disk = writer.into_disk();
    disk.crash(0);
    assert_eq!(open(disk).unwrap().1.last, 3);
}

#[test]
fn an_unfinished_copy_is_dropped_wherever_it_ended() {
    let original = disk_with(3, 10);
    let valid = original.cached(segment(1)).to_vec();
    for copied in 0..=valid.len() {
        let mut disk = original.clone();
        disk.create(segment(2)).unwrap();
        disk.write_at(segment(2), 0, &valid[..copied]).unwrap();
        let (mut writer, recovered) = open(disk).unwrap();
        assert_eq!((recovered.last, recovered.segments), (3, 1));
        assert_eq!(writer.disk_mut().segments().unwrap(), [segment(3)]);
    }
}

#[test]
fn old_records_behind_the_end_say_nothing() {
    let mut disk = disk_with(4, 2);
    let old = disk.cached(segment(1)).to_vec();
    let end = disk.cached(segment(2)).len() as u64;
    disk.write_at(segment(2), end, &old).unwrap();
    disk.sync(segment(2)).unwrap();
    let (_, recovered) = open(disk).unwrap();
    assert_eq!(recovered.last, 4);
    assert_eq!(recovered.cut, None);
}

#[test]
fn a_disk_too_full_to_recover_says_what_it_needs_and_is_left_as_it_was() {
    let mut disk = disk_with(3, 10);
    disk.full_after(100);
    let full = recover(&mut disk, CONFIG, Base::default(), |_| Ok::<(), String>(())).unwrap_err();
    assert_eq!(full.to_string(), "disk is full: recovery copies the last segment, which takes 180 bytes");
    assert_eq!(disk.segments().unwrap(), [segment(1)]);
    disk.make_room();
    assert_eq!(open(disk).unwrap().1.last, 3);
}

#[test]
fn a_slot_whose_rows_are_not_consecutive_is_refused() {
    let mut disk = MemoryDisk::new();
    let mut bytes = Vec::new();
    disk.create(segment(1)).unwrap();
    let chain = record::encode(&mut bytes, 1, Chain::START, &[section(3, 1)]).unwrap();
    disk.write_at(segment(1), 0, &bytes).unwrap();
    let offset = bytes.len() as u64;
    record::encode(&mut bytes, 2, chain, &[section(3, 5)]).unwrap();
    disk.write_at(segment(1), offset, &bytes).unwrap();
    assert_eq!(
        refusal(disk),
        "segment 0000000000000001, record 2: slot 3 goes on at position 4 of epoch 1, it ended at 1"
    );
}

#[test]
fn what_the_machine_does_not_take_is_refused_in_its_words() {
    let refused = recover(disk_with(3, 10), CONFIG, Base::default(), |record| match record.position {
        2 => Err("column 4 is cut off".to_owned()),
        _ => Ok(()),
    });
    assert_eq!(
        refused.unwrap_err().to_string(),
        "segment 0000000000000001, record 2 was not taken: column 4 is cut off"
    );
}
