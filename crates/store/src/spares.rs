//! Segment files that were written to their full length once, and wait to be used, or used again.
//!
//! Under [`FileDisk`](crate::FileDisk). A commit into such a file overwrites: no block is allocated and no transaction of
//! the file system is waited for (decision 0013). Invariant: a file is called a spare only when all of its bytes are
//! durable, and all of them are zeros or records that a checkpoint holds.
//!
//! ```text
//! prewriting ─▶ 0000000000000001.spare.new ─▶ 0000000000000001.spare ─▶ 0000000000000007.log
//!                    (removed at a start)               ▲                       │
//!                                                       └──── cut at a checkpoint
//! ```

use std::{
    collections::VecDeque,
    fs::{self, File},
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

use watershed_log::SPARES_MAX;

use crate::file::number_of;

const SPARE_SUFFIX: &str = ".spare";
const UNFINISHED_SUFFIX: &str = ".spare.new";
/// Zeros between two syncs of a file that is prewritten: few enough that a commit beside them waits for some
/// milliseconds at most.
const ZEROS_BYTES: usize = 4 * 1024 * 1024;

/// How segments came about, for the metrics page.
#[derive(Debug, Default)]
pub struct SegmentStats {
    prepared: AtomicU64,
    grown: AtomicU64,
    spares_failed: AtomicU64,
    spares_given_up: AtomicU64,
}

/// The counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentFigures {
    /// Segments that began in a spare file.
    pub prepared: u64,
    /// Segments that began in an empty file, because no spare was ready.
    pub grown: u64,
    /// Spares that could not be prewritten.
    pub spares_failed: u64,
    /// Spares that were removed because the disk was full.
    pub spares_given_up: u64,
}

impl SegmentStats {
    /// Reads all counters.
    pub fn figures(&self) -> SegmentFigures {
        SegmentFigures {
            prepared: self.prepared.load(Relaxed),
            grown: self.grown.load(Relaxed),
            spares_failed: self.spares_failed.load(Relaxed),
            spares_given_up: self.spares_given_up.load(Relaxed),
        }
    }
}

/// The spare files of one directory.
#[derive(Debug)]
pub(crate) struct Spares {
    directory: PathBuf,
    bytes: u64,
    /// The numbers of those that may be used, the oldest first.
    ready: VecDeque<u64>,
    /// The number that the next has.
    next: u64,
    making: Option<Making>,
    /// Whether one was made, or could not be, since a segment began.
    tried: bool,
    stats: Arc<SegmentStats>,
}

/// A file that is being prewritten on a thread of its own.
#[derive(Debug)]
struct Making {
    number: u64,
    thread: JoinHandle<io::Result<()>>,
    cancel: Arc<AtomicBool>,
}

impl Spares {
    /// Finds what an earlier process left in the directory: whole spares of `bytes`. Others are removed.
    pub(crate) fn find(directory: &Path, bytes: u64) -> io::Result<Self> {
        let (mut ready, mut next) = (Vec::new(), 1);
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name.to_str().unwrap_or_default();
            let whole = number_of(name, SPARE_SUFFIX);
            let Some(number) = whole.or(number_of(name, UNFINISHED_SUFFIX)) else { continue };
            next = next.max(number.saturating_add(1));
            if whole.is_some() && ready.len() < SPARES_MAX && entry.metadata()?.len() == bytes {
                ready.push(number);
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        ready.sort_unstable();
        let directory = directory.to_owned();
        Ok(Self { directory, bytes, ready: ready.into(), next, making: None, tried: false, stats: Arc::default() })
    }

    pub(crate) fn stats(&self) -> Arc<SegmentStats> {
        self.stats.clone()
    }

    /// A segment begins: the path of a spare for it, if one is ready.
    pub(crate) fn take(&mut self) -> Option<PathBuf> {
        self.collect();
        self.tried = false;
        let taken = self.ready.pop_front();
        let counter = if taken.is_some() { &self.stats.prepared } else { &self.stats.grown };
        counter.fetch_add(1, Relaxed);
        taken.map(|number| self.path(number, SPARE_SUFFIX))
    }

    /// A path for a segment of this length that is given up, if it can serve as a spare.
    pub(crate) fn place_for(&mut self, bytes: u64) -> Option<PathBuf> {
        self.collect();
        let spares = self.ready.len() + usize::from(self.making.is_some());
        (bytes == self.bytes && spares < SPARES_MAX).then(|| {
            let number = self.number();
            self.path(number, SPARE_SUFFIX)
        })
    }

    /// The file is where [`Self::place_for`] said.
    pub(crate) fn placed(&mut self, at: &Path) {
        let name = at.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        self.ready.extend(number_of(name, SPARE_SUFFIX));
    }

    /// The segment that is written to has come so far: begins to prewrite a spare for the one after it, if none is ready.
    pub(crate) fn written_to(&mut self, offset: u64) {
        // Late enough that a node which hardly writes never pays for one, early enough for 200 MB/s.
        if self.tried || offset < self.bytes / 4 {
            return;
        }
        self.tried = true;
        self.collect();
        if !self.ready.is_empty() || self.making.is_some() {
            return;
        }
        let number = self.number();
        let (unfinished, whole) = (self.path(number, UNFINISHED_SUFFIX), self.path(number, SPARE_SUFFIX));
        let (directory, bytes, cancel) = (self.directory.clone(), self.bytes, Arc::new(AtomicBool::new(false)));
        let cancelled = cancel.clone();
        let thread = thread::Builder::new().name("prewrite".into()).spawn(move || {
            let made = prewrite(&unfinished, bytes, &cancelled).and_then(|()| fs::rename(&unfinished, &whole));
            if made.is_err() {
                // Otherwise the next start removes it.
                let _ = fs::remove_file(&unfinished);
            }
            made.and_then(|()| File::open(directory)?.sync_all())
        });
        match thread {
            Ok(thread) => self.making = Some(Making { number, thread, cancel }),
            Err(_) => drop(self.stats.spares_failed.fetch_add(1, Relaxed)),
        }
    }

    /// Waits for the file that is being prewritten, if there is one.
    #[cfg(test)]
    pub(crate) fn wait(&mut self) {
        if let Some(making) = self.making.take() {
            self.made(making);
        }
    }

    /// How many are ready.
    #[cfg(test)]
    pub(crate) fn ready(&mut self) -> usize {
        self.collect();
        self.ready.len()
    }

    /// Removes all spares, because the disk is full. Returns whether that may have made room.
    pub(crate) fn give_up(&mut self) -> bool {
        let ready = self.ready.len();
        let stopped = self.stop();
        self.tried = true;
        let given_up = (ready + usize::from(stopped)) as u64;
        self.stats.spares_given_up.fetch_add(given_up, Relaxed);
        for number in std::mem::take(&mut self.ready) {
            // One that cannot be removed now is found again at the next start.
            let _ = fs::remove_file(self.path(number, SPARE_SUFFIX));
        }
        given_up > 0
    }

    /// Stops the thread, if there is one. A file that it had just finished is then ready.
    fn stop(&mut self) -> bool {
        let Some(making) = self.making.take() else { return false };
        making.cancel.store(true, Relaxed);
        self.made(making);
        true
    }

    /// Takes over the file that was prewritten, if it is finished.
    fn collect(&mut self) {
        if let Some(making) = self.making.take_if(|making| making.thread.is_finished()) {
            self.made(making);
        }
    }

    fn made(&mut self, making: Making) {
        match making.thread.join() {
            Ok(Ok(())) => self.ready.push_back(making.number),
            Ok(Err(_)) | Err(_) if making.cancel.load(Relaxed) => {}
            Ok(Err(_)) | Err(_) => drop(self.stats.spares_failed.fetch_add(1, Relaxed)),
        }
    }

    fn number(&mut self) -> u64 {
        let number = self.next;
        self.next = number.saturating_add(1);
        number
    }

    fn path(&self, number: u64, suffix: &str) -> PathBuf {
        self.directory.join(format!("{number:016x}{suffix}"))
    }
}

impl Drop for Spares {
    /// The directory's lock goes next, and whoever gets it must be alone.
    fn drop(&mut self) {
        self.stop();
    }
}

/// Writes `bytes` zeros to a new file and makes them durable.
fn prewrite(path: &Path, bytes: u64, cancelled: &AtomicBool) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).open(path)?;
    let zeros = vec![0; ZEROS_BYTES.min(usize::try_from(bytes).unwrap_or(ZEROS_BYTES))];
    let mut offset = 0;
    while offset < bytes {
        if cancelled.load(Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let chunk = &zeros[..usize::try_from(bytes - offset).unwrap_or(ZEROS_BYTES).min(zeros.len())];
        file.write_all_at(chunk, offset)?;
        file.sync_data()?;
        offset += chunk.len() as u64;
    }
    file.sync_all()
}
