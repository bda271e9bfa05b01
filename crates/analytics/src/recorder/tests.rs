//! What the recorder promises: files at their time, all of it at the end, and patience with a disk that takes nothing.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};

use super::*;

/// A recorder with a clock that the test moves.
struct Stage {
    recorder: Recorder,
    clock: Arc<AtomicU64>,
    directory: PathBuf,
    _temp: tempfile::TempDir,
}

impl Stage {
    fn new(file_bytes: u64) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let directory = temp.path().join("data/p1/analytics");
        let config = Config {
            node: "p1".parse().unwrap(),
            incarnation: 1,
            directory: directory.clone(),
            rotate_s: 10,
            file_bytes,
            total_bytes: u64::MAX,
        };
        let clock = Arc::new(AtomicU64::new(0));
        let read = clock.clone();
        let recorder = Recorder::start(config, move || Millis::new(read.load(Ordering::SeqCst))).unwrap();
        Self { recorder, clock, directory, _temp: temp }
    }

    /// The time comes, and the thread is told so: it sleeps by the wall's clock, not by this one.
    fn at(&self, ms: u64) {
        self.clock.store(ms, Ordering::SeqCst);
        self.recorder.shared.as_ref().unwrap().turned.notify_one();
    }

    fn like(&self, likes: u64) {
        let now = Millis::new(self.clock.load(Ordering::SeqCst));
        self.recorder.count(now, &"demo".parse().unwrap(), &Counts { likes, ..Counts::default() });
    }

    /// Waits until a figure is what it should be; the clock stands, so it comes to that and stays there.
    fn until(&self, figure: impl Fn(&Figures) -> u64, wanted: u64) {
        while figure(&self.recorder.figures()) < wanted {
            self.recorder.shared.as_ref().unwrap().turned.notify_one();
            thread::yield_now();
        }
        assert_eq!(figure(&self.recorder.figures()), wanted);
    }

    /// All likes in the files.
    fn likes(&self) -> i64 {
        files(&self.directory).iter().map(|path| likes(path)).sum()
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn likes(path: &Path) -> i64 {
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    reader.get_row_iter(None).unwrap().map(|row| row.unwrap().get_long(4).unwrap()).sum()
}

#[test]
fn a_file_comes_at_its_time_and_the_rest_at_the_end() {
    let stage = Stage::new(u64::MAX);
    stage.at(1_000);
    stage.like(1);
    stage.at(9_999);
    stage.like(2);
    assert_eq!(stage.recorder.figures().files, 0);
    stage.at(10_000);
    stage.until(|figures| figures.files, 1);
    assert_eq!(stage.likes(), 3);
    stage.like(4);
    stage.recorder.close();
    let Figures { files, rows, rows_held, bytes, .. } = stage.recorder.figures();
    assert_eq!((files, rows, rows_held, stage.likes()), (2, 3, 0, 7));
    let on_disk: u64 = self::files(&stage.directory).iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert_eq!(bytes, on_disk);
}

#[test]
fn a_file_comes_before_its_time_when_its_rows_are_many() {
    let stage = Stage::new(1);
    stage.at(1_000);
    stage.like(1);
    stage.at(2_000);
    stage.like(2);
    stage.until(|figures| figures.files, 1);
    assert_eq!(stage.likes(), 1);
    stage.recorder.close();
    assert_eq!(stage.likes(), 3);
}

#[test]
fn a_disk_that_takes_nothing_is_tried_again_and_nothing_is_lost() {
    let stage = Stage::new(u64::MAX);
    let parent = stage.directory.parent().unwrap();
    fs::create_dir_all(parent).unwrap();
    fs::write(&stage.directory, "not a directory").unwrap();
    stage.at(1_000);
    stage.like(1);
    stage.at(10_000);
    stage.until(|figures| figures.failures, 1);
    stage.like(2);
    fs::remove_file(&stage.directory).unwrap();
    stage.at(10_000 + RETRY_MS);
    stage.until(|figures| figures.files, 1);
    assert_eq!(stage.likes(), 3);
    assert_eq!(stage.recorder.figures().failures, 1);
    stage.recorder.close();
}

#[test]
fn a_node_ends_although_the_disk_takes_nothing() {
    let stage = Stage::new(u64::MAX);
    fs::create_dir_all(stage.directory.parent().unwrap()).unwrap();
    fs::write(&stage.directory, "not a directory").unwrap();
    stage.at(1_000);
    stage.like(1);
    stage.recorder.close();
    assert_eq!((stage.recorder.figures().failures, stage.recorder.figures().rows_held), (1, 1));
}

#[test]
fn what_is_off_counts_and_writes_nothing() {
    let recorder = Recorder::off();
    recorder.count(Millis::new(1), &"demo".parse().unwrap(), &Counts::default());
    recorder.close();
    assert_eq!((recorder.is_on(), recorder.figures()), (false, Figures::default()));
}
