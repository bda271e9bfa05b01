//! What a start finds after each kind of accident, one accident a test. Random ones are in `tests/crashes.rs`.

use watershed_protocol::{Epoch, Position};

use super::*;
use crate::{
    Chain, MemoryDisk, Section, SlotEnd,
    record::{self, Head},
};

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
        let replay = |record: &Record| {
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

/// The ends of both slots after `records` groups.
fn base(records: u64) -> Base {
    let end = SlotEnd { epoch: Epoch::new(1), position: Position::new(records) };
    Base { position: records, ends: [3, 9].map(|slot| (Slot::new(slot).unwrap(), end)).into_iter().collect() }
}

/// Opens the log after `base` and checks what is replayed.
fn open_after(disk: impl Disk, base: Base) -> Result<Recovered, RecoverError<String>> {
    let mut next = base.position + 1;
    let (_, recovered) = recover(disk, CONFIG, base, |record| {
        assert_eq!((record.position, &record.sections[..]), (next, &group(next)[..]));
        next += 1;
        Ok(())
    })?;
    assert_eq!(recovered.last, next - 1);
    Ok(recovered)
}

/// Records 7 to 14, three to a segment. Segments 4 and 5 are recycled ones of records 1 to 6: behind record 14 there is
/// the whole old record 6.
fn cut_disk() -> MemoryDisk {
    let config = LogConfig { segment_bytes: 3 * RECORD_BYTES as u64 };
    let (mut writer, _) = recover(MemoryDisk::new(), config, Base::default(), |_| Ok::<(), String>(())).unwrap();
    for number in 1..=14 {
        writer.append(&group(number)).unwrap();
        if number == 8 {
            writer.cut_to(6);
            assert_eq!((writer.tidy(), writer.tidy()), (Ok(true), Ok(false)));
        }
    }
    writer.sync().unwrap();
    let mut disk = writer.into_disk();
    assert_eq!(disk.segments().unwrap(), [segment(3), segment(4), segment(5)]);
    disk
}

#[test]
fn a_log_that_was_cut_goes_on_after_its_checkpoint() {
    for (checkpoint, replayed) in [(6, 8), (7, 7), (13, 1), (14, 0)] {
        let recovered = open_after(cut_disk(), base(checkpoint)).unwrap();
        assert_eq!((recovered.first, recovered.last, recovered.replayed), (7, 14, replayed));
        assert_eq!((&recovered.ends, recovered.cut), (&base(14).ends, None));
    }
}

#[test]
fn a_log_without_its_checkpoint_names_what_is_missing() {
    let told = |base| open_after(cut_disk(), base).unwrap_err().to_string();
    let begins = "segment 0000000000000003 begins with record 7, and";
    assert_eq!(told(Base::default()), format!("{begins} there is no checkpoint: records 1 to 6 are missing"));
    assert_eq!(told(base(5)), format!("{begins} the checkpoint stands at record 5: records 6 to 6 are missing"));
    let ends = "log ends with record 14, and the checkpoint stands at record 15, when record 15 was durable";
    assert_eq!(told(base(15)), ends);
    let nothing = open_after(MemoryDisk::new(), base(2)).unwrap_err().to_string();
    assert!(nothing.starts_with("log ends with record 0, "), "{nothing}");
}

#[test]
fn a_checkpoint_of_another_log_is_refused() {
    let mut other = base(8);
    let (slot, end) = (Slot::new(9).unwrap(), SlotEnd { epoch: Epoch::new(1), position: Position::new(7) });
    other.ends = other.ends.iter().chain([(slot, end)]).collect();
    let told = open_after(cut_disk(), other).unwrap_err().to_string();
    assert_eq!(told, "slot 9 ended at position 8 with record 8, the checkpoint of that record says 7");
    let none = Base { position: 8, ends: SlotEnds::default() };
    let told = open_after(cut_disk(), none).unwrap_err().to_string();
    assert!(told.starts_with("slot 3 ended at position 8 with record 8, the checkpoint of that record says nothing"));
}

#[test]
fn a_checkpoint_may_know_more_slots_and_raised_epochs() {
    let mut more = base(8);
    let raised = SlotEnd { epoch: Epoch::new(7), position: Position::new(0) };
    more.ends = more.ends.iter().chain([(Slot::new(1).unwrap(), raised)]).collect();
    assert!(open_after(cut_disk(), more.clone()).unwrap().ends.get(Slot::new(1).unwrap()).is_some());
    // The rows of slot 9 go on in epoch 1: its owner was fenced before it could write.
    let raised = SlotEnd { epoch: Epoch::new(2), position: Position::new(8) };
    more.ends = more.ends.iter().chain([(Slot::new(9).unwrap(), raised)]).collect();
    let told = open_after(cut_disk(), more).unwrap_err().to_string();
    assert!(told.ends_with("record 9: slot 9 goes on in epoch 1, it was in 2 already"), "{told}");
}

#[test]
fn every_flipped_byte_before_the_end_is_refused_and_names_its_record() {
    let original = cut_disk();
    for (number, first) in [(3, 7), (4, 10), (5, 13)] {
        for offset in 0..3 * RECORD_BYTES {
            let mut disk = original.clone();
            assert!(disk.flip(segment(number), offset));
            let damaged = first + (offset / RECORD_BYTES) as u64;
            match open_after(disk, base(8)) {
                Ok(recovered) if damaged == 14 => assert_eq!(recovered.last, 13, "as a torn write"),
                Ok(recovered) => assert_eq!((damaged, recovered.last), (15, 14), "an old record behind the end"),
                Err(RecoverError::Damaged { segment: at, offset: begin, record, slots, later, .. }) => {
                    assert_eq!((at, record), (segment(number), damaged), "byte {offset}");
                    assert_eq!(begin, (offset - offset % RECORD_BYTES) as u64);
                    let body = offset % RECORD_BYTES >= 50;
                    assert_eq!(slots.len(), if body { 2 } else { 0 });
                    assert!(later > record && damaged < 14);
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[test]
fn damage_is_named_where_the_record_stood_though_the_segment_before_it_ends_in_other_bytes() {
    let config = LogConfig { segment_bytes: 200 };
    let mut disk = MemoryDisk::new();
    (0..3).for_each(|_| disk.prewrite(200));
    let (mut writer, _) = recover(disk, config, Base::default(), |_| Ok::<(), String>(())).unwrap();
    for number in 1..=9 {
        writer.append(&group(number)).unwrap();
    }
    writer.sync().unwrap();
    let mut disk = writer.into_disk();
    assert_eq!(open_after(disk.clone(), Base::default()).unwrap().last, 9);
    disk.flip(segment(2), 9);
    let told = open_after(disk.clone(), Base::default()).unwrap_err().to_string();
    assert!(told.starts_with("segment 0000000000000002 is damaged at byte 0: record 4 (slots unknown)"), "{told}");
    // Without the segment, all that is left to name is where the one before it ended.
    disk.remove(segment(2)).unwrap();
    let told = open_after(disk, Base::default()).unwrap_err().to_string();
    assert!(told.starts_with("segment 0000000000000001 is damaged at byte 180: record 4 (slots unknown)"), "{told}");
}

#[test]
fn a_first_segment_without_a_record_is_damage_whatever_the_checkpoint_holds() {
    let mut disk = cut_disk();
    disk.write_at(segment(3), 0, &[0; 3 * RECORD_BYTES]).unwrap();
    let told = open_after(disk, base(9)).unwrap_err().to_string();
    assert!(told.starts_with("segment 0000000000000003 is damaged at byte 0: record 9 (slots unknown)"), "{told}");
}

#[test]
fn a_segment_of_another_log_is_refused_by_its_chain() {
    let mut disk = disk_with(6, 2);
    let mut foreign = Vec::new();
    for number in [3, 4] {
        let mut bytes = Vec::new();
        record::encode(&mut bytes, number, Chain::START, &group(number)).unwrap();
        foreign.extend(bytes);
    }
    disk.write_at(segment(2), 0, &foreign).unwrap();
    let told = refusal(disk);
    assert!(told.contains("does not read (its chain does not continue record 2), yet record 4"), "{told}");
}

#[test]
fn a_record_that_is_torn_over_an_old_one_is_cut_and_the_old_one_stays_away() {
    let mut disk = cut_disk();
    let mut bytes = Vec::new();
    let chain = Head::read(&disk.cached(segment(5))[RECORD_BYTES..]).unwrap().chain;
    record::encode(&mut bytes, 15, chain, &group(15)).unwrap();
    disk.write_at(segment(5), 2 * RECORD_BYTES as u64, &bytes).unwrap();
    for torn in 0..=RECORD_BYTES {
        let mut disk = disk.clone();
        disk.crash(torn);
        let recovered = open_after(&mut disk, base(8)).unwrap();
        assert_eq!(recovered.last, if torn == RECORD_BYTES { 15 } else { 14 });
        // As far as the first byte that tells it from record 6.
        let seen = (9..RECORD_BYTES).contains(&torn);
        let cut = Cut { segment: segment(5), offset: 120, bytes: 60 };
        assert_eq!(recovered.cut, seen.then_some(cut), "{torn} bytes");
        assert_eq!(open_after(disk, base(8)).unwrap().last, recovered.last);
    }
}

#[test]
fn a_start_that_dies_anywhere_is_followed_by_one_that_does_not() {
    for orders in 0..40 {
        let mut disk = cut_disk();
        disk.prewrite(180);
        disk.gone_after(orders);
        let _ = recover(&mut disk, CONFIG, base(8), |_| Ok::<(), String>(()));
        for power in [false, true] {
            let mut disk = disk.clone();
            disk.comes_back();
            if power {
                disk.crash(0);
            }
            assert_eq!(open_after(disk, base(8)).unwrap().last, 14, "after {orders} orders");
        }
    }
}

#[test]
fn a_cut_that_dies_between_two_segments_leaves_a_log_without_a_hole() {
    for orders in 0..4 {
        let (mut writer, _) = recover(disk_with(9, 2), CONFIG, Base::default(), |_| Ok::<(), String>(())).unwrap();
        writer.disk_mut().gone_after(orders);
        writer.cut_to(8);
        while writer.tidy() == Ok(true) {}
        let mut disk = writer.into_disk();
        disk.crash(0);
        let recovered = open_after(disk, base(8)).unwrap();
        assert_eq!((recovered.first, recovered.last), (2 * orders as u64 + 1, 9));
    }
}

#[test]
fn reading_alone_changes_nothing_and_finds_what_a_start_finds() {
    let mut disk = cut_disk();
    disk.write_at(segment(5), 120, &record::MAGIC).unwrap();
    let before = disk.segments().unwrap().into_iter().map(|id| disk.cached(id).to_vec()).collect::<Vec<_>>();
    let found = verify(&mut disk, base(8), |_| Ok::<(), String>(())).unwrap();
    let after = disk.segments().unwrap().into_iter().map(|id| disk.cached(id).to_vec()).collect::<Vec<_>>();
    assert_eq!(before, after);
    assert_eq!(found, open_after(disk, base(8)).unwrap());
}
