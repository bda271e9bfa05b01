//! What a start finds in a directory of real files.

use std::{fs, path::Path};

use watershed_log::{Section, SlotEnd};
use watershed_protocol::{Epoch, Position, Slot};

use super::*;

const CONFIG: LogConfig = LogConfig { segment_bytes: 250 };
/// Bytes of a record of [`row`].
const RECORD_BYTES: u64 = 55;

fn row(number: u64) -> [Section; 1] {
    let (from, to) = (Position::new(number - 1), Position::new(number));
    [Section { slot: Slot::new(7).unwrap(), epoch: Epoch::new(1), from, to, body: vec![number as u8; 10] }]
}

/// Opens the log, checks that it holds rows 1, 2, 3…, and returns how many.
fn replay(directory: &Path) -> Result<(LogWriter<FileDisk>, Recovered), OpenError<String>> {
    let mut rows = 0;
    let opened = open(directory, CONFIG, Base::default(), |record| {
        rows += 1;
        if record.sections == row(rows) { Ok(()) } else { Err(format!("row {rows} is another")) }
    })?;
    assert_eq!(opened.1.last, rows);
    Ok(opened)
}

/// A directory with synced rows 1 to `rows`, four to a segment.
fn directory_with(rows: u64) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (mut writer, _) = replay(directory.path()).unwrap();
    for number in 1..=rows {
        writer.append(&row(number)).unwrap();
    }
    writer.sync().unwrap();
    directory
}

fn segment(directory: &tempfile::TempDir, number: u64) -> PathBuf {
    directory.path().join(format!("{number:016x}.log"))
}

#[test]
fn a_log_survives_any_number_of_starts() {
    let directory = directory_with(6);
    for rows in 6..12 {
        let (mut writer, recovered) = replay(directory.path()).unwrap();
        assert_eq!((recovered.last, recovered.bytes, recovered.cut), (rows, rows * RECORD_BYTES, None));
        writer.append(&row(rows + 1)).unwrap();
        writer.sync().unwrap();
    }
}

#[test]
fn a_log_is_made_where_no_directory_was() {
    let directory = tempfile::tempdir().unwrap();
    let nested = directory.path().join("processor/one/log");
    drop(replay(&nested).unwrap());
    assert_eq!(replay(&nested).unwrap().1.last, 0);
}

#[test]
fn a_torn_tail_is_cut() {
    let directory = directory_with(6);
    let file = fs::OpenOptions::new().write(true).open(segment(&directory, 2)).unwrap();
    file.set_len(2 * RECORD_BYTES - 3).unwrap();
    let (mut writer, recovered) = replay(directory.path()).unwrap();
    assert_eq!((recovered.last, recovered.cut.unwrap().bytes), (5, RECORD_BYTES - 3));
    assert_eq!(writer.append(&row(6)), Ok(6));
}

#[test]
fn damage_is_refused_with_path_segment_slot_and_record() {
    let directory = directory_with(6);
    let path = segment(&directory, 1);
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 * RECORD_BYTES as usize - 1] ^= 0x10;
    fs::write(&path, bytes).unwrap();
    let told = replay(directory.path()).unwrap_err().to_string();
    let begin = format!(
        "log {}: segment 0000000000000001 is damaged at byte 55: record 2 (slots 7) was durable and does not read",
        directory.path().display()
    );
    assert!(told.starts_with(&begin), "{told}");
    assert!(segment(&directory, 2).exists(), "a refused log is left as it was");
}

#[test]
fn a_log_that_is_open_is_not_opened_again() {
    let directory = directory_with(1);
    let _held = replay(directory.path()).unwrap();
    assert!(matches!(replay(directory.path()), Err(OpenError::Disk(FileDiskError::Locked { .. }))));
}

#[test]
fn a_path_that_cannot_be_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "").unwrap();
    let told = replay(&path).unwrap_err().to_string();
    assert!(told.starts_with(&format!("cannot create {}: ", path.display())), "{told}");
}

/// Where a checkpoint of the first `rows` rows stands.
fn base(rows: u64) -> Base {
    let end = SlotEnd { epoch: Epoch::new(1), position: Position::new(rows) };
    Base { position: rows, ends: [(Slot::new(7).unwrap(), end)].into_iter().collect() }
}

/// Replays what follows `rows` rows of a checkpoint.
fn replay_after(directory: &Path, rows: u64) -> Result<(LogWriter<FileDisk>, Recovered), OpenError<String>> {
    let mut next = rows + 1;
    let opened = open(directory, CONFIG, base(rows), |record| {
        assert_eq!(record.sections, row(next));
        next += 1;
        Ok(())
    })?;
    assert_eq!((opened.1.last, opened.1.replayed), (next - 1, next - 1 - rows));
    Ok(opened)
}

#[test]
fn a_log_lives_in_recycled_files_through_any_number_of_cuts_and_starts() {
    let directory = tempfile::tempdir().unwrap();
    let (mut last, mut checkpoint, mut reused) = (0, 0, 0);
    for start in 1..=8 {
        let (mut writer, recovered) = replay_after(directory.path(), checkpoint).unwrap();
        assert_eq!((recovered.last, recovered.cut), (last, None));
        while last < start * 30 {
            last += 1;
            assert_eq!(writer.append(&row(last)), Ok(last));
            writer.sync().unwrap();
            // A checkpoint is made now and then, and holds not quite everything.
            if last % 11 == 0 {
                checkpoint = last - 3;
                writer.cut_to(checkpoint);
            }
            writer.tidy().unwrap();
            writer.disk_mut().spares().unwrap().wait();
        }
        reused += writer.disk_mut().segment_stats().figures().prepared;
        assert!(writer.segments() < 8, "the log is cut");
        drop(writer);
        let found = verify(directory.path(), base(checkpoint), |_| Ok::<(), String>(())).unwrap();
        assert_eq!((found.last, found.cut), (last, None));
        let told = verify(directory.path(), Base::default(), |_| Ok::<(), String>(())).unwrap_err().to_string();
        assert!(told.contains("there is no checkpoint: records 1 to"), "{told}");
    }
    assert!(reused >= last / 5, "{reused} of {} segments began in a spare", last / 4);
}

#[test]
fn a_write_that_is_torn_in_a_recycled_file_is_cut_and_the_old_record_stays_away() {
    let directory = tempfile::tempdir().unwrap();
    let path = |number: u64| segment(&directory, number);
    drop(replay(directory.path()).unwrap());
    // Row 5 is the last in a file that held rows 1 to 4 in its former life.
    let old: Vec<u8> = {
        let made = directory_with(4);
        fs::read(segment(&made, 1)).unwrap()
    };
    let (kept, new) = {
        let made = directory_with(6);
        (fs::read(segment(&made, 1)).unwrap(), fs::read(segment(&made, 2)).unwrap())
    };
    let record = RECORD_BYTES as usize;
    for torn in 0..=record {
        fs::write(path(1), &kept).unwrap();
        let mut bytes = old.clone();
        bytes[..record + torn].copy_from_slice(&new[..record + torn]);
        for entry in fs::read_dir(directory.path()).unwrap() {
            let name = entry.unwrap().path();
            if name.extension().is_some_and(|suffix| suffix == "log") && name != path(1) {
                fs::remove_file(name).unwrap();
            }
        }
        fs::write(path(2), bytes).unwrap();
        let (_, recovered) = replay(directory.path()).unwrap();
        assert_eq!(recovered.last, if torn == record { 6 } else { 5 });
    }
}
