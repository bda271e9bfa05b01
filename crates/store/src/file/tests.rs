//! What the directory holds after each order, and after the disk was full.

use watershed_log::SPARES_MAX;

use super::*;

const SEGMENT_BYTES: u64 = 4_096;

#[test]
fn a_directory_has_one_user_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let first = FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap();
    let told = FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap_err().to_string();
    assert_eq!(told, format!("log {} is open in another process, which holds LOCK", directory.path().display()));
    drop(first);
    FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap();
}

#[test]
fn only_files_of_ours_are_segments() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap();
    for name in ["000000000000000A.log", "1.log", "+000000000000001.log", "0000000000000001.log.bak", "notes"] {
        fs::write(directory.path().join(name), "x").unwrap();
    }
    for number in [0x1f, 2, 1] {
        disk.create(SegmentId::new(number)).unwrap();
    }
    let segments: Vec<u64> = disk.segments().unwrap().into_iter().map(SegmentId::get).collect();
    assert_eq!(segments, [1, 2, 0x1f]);
}

#[test]
fn bytes_written_are_read_back_until_they_are_cut() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap();
    let (one, two) = (SegmentId::new(1), SegmentId::new(2));
    disk.create(one).unwrap();
    disk.create(two).unwrap();
    disk.write_at(one, 0, b"first").unwrap();
    disk.write_at(two, 0, b"second").unwrap();
    disk.write_at(one, 5, b", more").unwrap();
    disk.sync(one).unwrap();
    disk.cut(one, 7).unwrap();
    let mut buffer = [0; 20];
    let read = disk.read_at(one, 2, &mut buffer).unwrap();
    assert_eq!((&buffer[..read], disk.bytes(one)), (&b"rst, "[..], Ok(7)));
    disk.remove(one).unwrap();
    assert_eq!(disk.segments().unwrap(), [two]);
    let told = disk.bytes(one).unwrap_err().to_string();
    assert!(told.starts_with("cannot open ") && told.contains("0000000000000001.log: "), "{told}");
}

#[test]
fn a_device_without_space_is_full_and_not_broken() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap();
    std::os::unix::fs::symlink("/dev/full", disk.path(SegmentId::new(1))).unwrap();
    assert_eq!(disk.write_at(SegmentId::new(1), 0, b"x"), Err(DiskError::Full));
}

const fn id(number: u64) -> SegmentId {
    SegmentId::new(number)
}

fn open(directory: &tempfile::TempDir) -> FileDisk {
    FileDisk::open(directory.path(), SEGMENT_BYTES).unwrap()
}

/// The names in a directory, without the lock's.
fn names(directory: &tempfile::TempDir) -> Vec<String> {
    let names = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name != LOCK_NAME).collect();
    names.sort();
    names
}

/// Waits for the spare that is being prewritten.
fn wait(disk: &mut FileDisk) {
    disk.spares().unwrap().wait();
}

fn ready(disk: &mut FileDisk) -> usize {
    disk.spares().unwrap().ready()
}

fn read(disk: &mut FileDisk, segment: SegmentId) -> Vec<u8> {
    let mut bytes = vec![0; disk.bytes(segment).unwrap() as usize];
    assert_eq!(disk.read_at(segment, 0, &mut bytes), Ok(bytes.len()));
    bytes
}

#[test]
fn a_spare_is_prewritten_once_a_quarter_is_written_and_the_next_segment_begins_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    disk.create(id(1)).unwrap();
    disk.write_at(id(1), 0, &[7; 1_000]).unwrap();
    wait(&mut disk);
    assert_eq!(ready(&mut disk), 0, "a node that hardly writes pays for none");
    disk.write_at(id(1), 1_000, &[7; 100]).unwrap();
    wait(&mut disk);
    assert_eq!(names(&directory), ["0000000000000001.log", "0000000000000001.spare"]);
    disk.create(id(2)).unwrap();
    assert_eq!(names(&directory), ["0000000000000001.log", "0000000000000002.log"]);
    assert_eq!(read(&mut disk, id(2)), [0; SEGMENT_BYTES as usize]);
    let figures = disk.segment_stats().figures();
    assert_eq!((figures.grown, figures.prepared), (1, 1));
}

#[test]
fn a_recycled_segment_comes_back_with_its_old_bytes_and_whole_ones_only() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    for (number, bytes) in [(1, SEGMENT_BYTES as usize), (2, 100), (3, SEGMENT_BYTES as usize + 1)] {
        disk.create(id(number)).unwrap();
        disk.write_at(id(number), 0, &vec![number as u8; bytes]).unwrap();
        wait(&mut disk);
        disk.spares().unwrap().give_up();
    }
    for number in 1..=3 {
        disk.recycle(id(number)).unwrap();
    }
    assert_eq!((names(&directory).len(), ready(&mut disk)), (1, 1), "others than whole ones are removed");
    disk.create(id(4)).unwrap();
    assert_eq!(read(&mut disk, id(4)), [1; SEGMENT_BYTES as usize]);
    assert_eq!(names(&directory), ["0000000000000004.log"]);
}

#[test]
fn at_most_so_many_spares_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    for number in 1..=SPARES_MAX as u64 + 2 {
        disk.create(id(number)).unwrap();
        disk.write_at(id(number), 0, &[1; SEGMENT_BYTES as usize]).unwrap();
    }
    for number in 1..=SPARES_MAX as u64 + 2 {
        disk.recycle(id(number)).unwrap();
    }
    wait(&mut disk);
    assert_eq!(ready(&mut disk), SPARES_MAX);
}

#[test]
fn a_start_keeps_whole_spares_and_removes_what_a_crash_left_of_others() {
    let directory = tempfile::tempdir().unwrap();
    let put = |name: &str, bytes: u64| fs::write(directory.path().join(name), vec![5; bytes as usize]).unwrap();
    put("0000000000000003.spare", SEGMENT_BYTES);
    put("0000000000000004.spare", SEGMENT_BYTES - 1);
    put("0000000000000005.spare.new", SEGMENT_BYTES);
    put("notes.spare", 3);
    let mut disk = open(&directory);
    assert_eq!(names(&directory), ["0000000000000003.spare", "notes.spare"]);
    assert_eq!(disk.segments(), Ok(vec![]));
    disk.create(id(1)).unwrap();
    disk.write_at(id(1), 0, &[1; SEGMENT_BYTES as usize]).unwrap();
    wait(&mut disk);
    assert_eq!(names(&directory), ["0000000000000001.log", "0000000000000006.spare", "notes.spare"]);
}

#[test]
fn a_segment_never_replaces_another_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    for spare in [false, true] {
        fs::write(directory.path().join("0000000000000001.log"), "precious").unwrap();
        if spare {
            disk.create(id(2)).unwrap();
            disk.write_at(id(2), 0, &[1; SEGMENT_BYTES as usize]).unwrap();
            wait(&mut disk);
        }
        let told = disk.create(id(1)).unwrap_err().to_string();
        assert!(told.starts_with("cannot create ") && told.contains("0000000000000001.log"), "{told}");
        assert_eq!(fs::read(directory.path().join("0000000000000001.log")).unwrap(), b"precious");
    }
}

#[test]
fn a_full_disk_takes_the_spares_before_it_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    disk.create(id(1)).unwrap();
    disk.write_at(id(1), 0, &[1; SEGMENT_BYTES as usize]).unwrap();
    wait(&mut disk);
    assert_eq!(ready(&mut disk), 1);
    std::os::unix::fs::symlink("/dev/full", disk.path(id(2))).unwrap();
    assert_eq!(disk.write_at(id(2), 0, b"x"), Err(DiskError::Full));
    assert_eq!((ready(&mut disk), disk.segment_stats().figures().spares_given_up), (0, 1));
    assert_eq!(names(&directory), ["0000000000000001.log", "0000000000000002.log"]);
}

#[test]
fn a_directory_that_is_only_read_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut disk = open(&directory);
    disk.create(id(1)).unwrap();
    disk.write_at(id(1), 0, b"first").unwrap();
    let told = FileDisk::open_to_read(directory.path()).unwrap_err();
    assert!(matches!(told, FileDiskError::Locked { .. }), "{told}");
    drop(disk);
    fs::write(directory.path().join("0000000000000001.spare.new"), "unfinished").unwrap();
    let mut disk = FileDisk::open_to_read(directory.path()).unwrap();
    assert!(matches!(FileDisk::open(directory.path(), SEGMENT_BYTES), Err(FileDiskError::Locked { .. })));
    assert_eq!(read(&mut disk, id(1)), b"first");
    for refused in
        [disk.write_at(id(1), 0, b"x"), disk.cut(id(1), 0), disk.create(id(2)), disk.recycle(id(1)), disk.remove(id(1))]
    {
        assert!(matches!(refused, Err(DiskError::Failed { .. })), "{refused:?}");
    }
    assert_eq!(names(&directory), ["0000000000000001.log", "0000000000000001.spare.new"]);
    assert_eq!(read(&mut disk, id(1)), b"first");
    assert!(FileDisk::open_to_read(&directory.path().join("nowhere")).is_err());
}
