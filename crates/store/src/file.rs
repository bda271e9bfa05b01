//! A directory of segment files, as a [`Disk`].
//!
//! Under [`LogWriter`](watershed_log::LogWriter) and recovery. Invariant: while a `FileDisk` lives, no other process
//! (nor another `FileDisk` of this one) writes to the directory; the lock is the kernel's and goes with the process.
//!
//! A segment begins in a spare file where one is ready (see `spares.rs`), and in an empty one that grows where none is. A
//! full disk takes the spares before it says that it is full.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use watershed_log::{Disk, DiskError, SegmentId, writer::SEGMENT_BYTES_MAX};

use crate::spares::{SegmentStats, Spares};

const LOCK_NAME: &str = "LOCK";
const SEGMENT_SUFFIX: &str = ".log";

/// Why a directory could not be opened as a log's disk.
#[derive(Debug, thiserror::Error)]
pub enum FileDiskError {
    /// Another process has it open: wait for its end, or look for the other node of this name.
    #[error("log {} is open in another process, which holds {LOCK_NAME}", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The directory cannot be used.
    #[error("cannot {what} {}: {error}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which path.
        path: PathBuf,
        /// What came of it.
        error: io::Error,
    },
}

/// The segments of one log, each a file named by its number: `0000000000000001.log`.
#[derive(Debug)]
pub struct FileDisk {
    directory: PathBuf,
    /// The open directory, whose sync makes names durable.
    names: File,
    /// The segment used last. The log writes to one at a time.
    current: Option<(SegmentId, File)>,
    /// `None` if the directory is only read.
    spares: Option<Spares>,
    /// Held for as long as this lives.
    _lock: Option<File>,
}

impl FileDisk {
    /// Opens `directory`, makes it if it does not exist, and locks it. Spare files are prewritten to `segment_bytes`.
    pub fn open(directory: &Path, segment_bytes: u64) -> Result<Self, FileDiskError> {
        let directory = std::path::absolute(directory).map_err(failed_io("resolve", directory))?;
        let made = directory.ancestors().take_while(|ancestor| !ancestor.exists()).count();
        fs::create_dir_all(&directory).map_err(failed_io("create", &directory))?;
        // The names of the directories must survive a power cut too, also one that an earlier start made and did not
        // sync.
        for parent in directory.ancestors().skip(1).take(made.max(1)) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed_io("sync", parent))?;
        }
        let lock_path = directory.join(LOCK_NAME);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(failed_io("open", &lock_path))?;
        lock.try_lock().map_err(not_locked(&directory))?;
        let names = File::open(&directory).map_err(failed_io("open", &directory))?;
        // What a longer spare holds could not be read back.
        let spare_bytes = segment_bytes.min(SEGMENT_BYTES_MAX);
        let spares = Spares::find(&directory, spare_bytes).map_err(failed_io("look for spares in", &directory))?;
        Ok(Self { directory, names, current: None, spares: Some(spares), _lock: Some(lock) })
    }

    /// Opens `directory` only to be read, and changes nothing in it. No process can write to it meanwhile.
    pub fn open_to_read(directory: &Path) -> Result<Self, FileDiskError> {
        let directory = std::path::absolute(directory).map_err(failed_io("resolve", directory))?;
        let names = File::open(&directory).map_err(failed_io("open", &directory))?;
        let lock_path = directory.join(LOCK_NAME);
        let lock = match File::open(&lock_path) {
            // No process ever had it open, or this is a copy.
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            lock => Some(lock.map_err(failed_io("open", &lock_path))?),
        };
        if let Some(lock) = &lock {
            lock.try_lock_shared().map_err(not_locked(&directory))?;
        }
        Ok(Self { directory, names, current: None, spares: None, _lock: lock })
    }

    /// How segments came about.
    pub fn segment_stats(&self) -> Arc<SegmentStats> {
        self.spares.as_ref().map(Spares::stats).unwrap_or_default()
    }

    fn path(&self, segment: SegmentId) -> PathBuf {
        self.directory.join(format!("{segment}{SEGMENT_SUFFIX}"))
    }

    fn file(&mut self, segment: SegmentId) -> Result<&File, DiskError> {
        let opened = match self.current.take() {
            Some((current, file)) if current == segment => file,
            _ => {
                let opened = OpenOptions::new().read(true).write(self.spares.is_some()).open(self.path(segment));
                opened.map_err(|error| self.error("open", segment, error))?
            }
        };
        Ok(&self.current.insert((segment, opened)).1)
    }

    /// Does something to the file of a segment.
    fn with<T>(
        &mut self,
        what: &str,
        segment: SegmentId,
        act: impl FnOnce(&File) -> io::Result<T>,
    ) -> Result<T, DiskError> {
        act(self.file(segment)?).map_err(|error| self.error(what, segment, error))
    }

    /// The spares, of a disk that may be written to.
    pub(crate) fn spares(&mut self) -> Result<&mut Spares, DiskError> {
        let path = &self.directory;
        let read_only = || DiskError::Failed { what: format!("log {} is open only to be read", path.display()) };
        self.spares.as_mut().ok_or_else(read_only)
    }

    /// Does something that takes space; if there is none, gives the spares up and does it again.
    fn with_space<T>(&mut self, mut act: impl FnMut(&mut Self) -> Result<T, DiskError>) -> Result<T, DiskError> {
        match act(self) {
            Err(DiskError::Full) if self.spares()?.give_up() => {
                // A file system may keep the space of removed files until the removal is durable.
                self.sync_names()?;
                act(self)
            }
            done => done,
        }
    }

    fn create_file(&mut self, segment: SegmentId) -> Result<File, DiskError> {
        let made = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(segment));
        made.map_err(|error| self.error("create", segment, error))
    }

    /// Makes a spare file the segment's.
    fn use_spare(&self, spare: &Path, segment: SegmentId) -> Result<File, DiskError> {
        let path = self.path(segment);
        // A new name replaces what has it.
        let vacant = match path.symlink_metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(ErrorKind::AlreadyExists.into()),
        };
        let renamed = vacant.and_then(|()| fs::rename(spare, &path));
        let opened = renamed.and_then(|()| OpenOptions::new().read(true).write(true).open(&path));
        opened.map_err(|error| self.error("create", segment, error))
    }

    fn sync_names(&self) -> Result<(), DiskError> {
        // Never "full": the name may be there or not, and only a new start can tell.
        self.names.sync_all().map_err(|error| failed("sync", &self.directory, &error))
    }

    fn error(&self, what: &str, segment: SegmentId, error: io::Error) -> DiskError {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => DiskError::Full,
            _ => failed(what, &self.path(segment), &error),
        }
    }
}

impl Disk for FileDisk {
    fn segments(&mut self) -> Result<Vec<SegmentId>, DiskError> {
        let listed = |error| failed("list", &self.directory, &error);
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(listed)? {
            let number = entry.map_err(listed)?.file_name().to_str().and_then(|name| number_of(name, SEGMENT_SUFFIX));
            segments.extend(number.map(SegmentId::new));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        let made = match self.spares()?.take() {
            Some(spare) => self.use_spare(&spare, segment)?,
            None => self.with_space(|disk| disk.create_file(segment))?,
        };
        self.sync_names()?;
        self.current = Some((segment, made));
        Ok(())
    }

    fn bytes(&mut self, segment: SegmentId) -> Result<u64, DiskError> {
        self.with("measure", segment, |file| Ok(file.metadata()?.len()))
    }

    fn read_at(&mut self, segment: SegmentId, offset: u64, buffer: &mut [u8]) -> Result<usize, DiskError> {
        self.with("read", segment, |file| {
            loop {
                match file.read_at(buffer, offset) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    read => break read,
                }
            }
        })
    }

    fn write_at(&mut self, segment: SegmentId, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.with_space(|disk| disk.with("write", segment, |file| file.write_all_at(bytes, offset)))?;
        self.spares()?.written_to(offset + bytes.len() as u64);
        Ok(())
    }

    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with("sync", segment, File::sync_data)
    }

    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        self.with("cut", segment, |file| file.set_len(offset))
    }

    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.spares()?;
        self.current.take_if(|(current, _)| *current == segment);
        fs::remove_file(self.path(segment)).map_err(|error| self.error("remove", segment, error))?;
        self.sync_names()
    }

    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        let path = self.path(segment);
        let bytes = path.metadata().map_err(|error| self.error("measure", segment, error))?.len();
        let Some(place) = self.spares()?.place_for(bytes) else { return self.remove(segment) };
        self.current.take_if(|(current, _)| *current == segment);
        fs::rename(&path, &place).map_err(|error| self.error("recycle", segment, error))?;
        self.sync_names()?;
        self.spares()?.placed(&place);
        Ok(())
    }
}

/// The number in a file's name, if it is one of ours with this suffix.
pub(crate) fn number_of(name: &str, suffix: &str) -> Option<u64> {
    let digits = name.strip_suffix(suffix)?;
    let number = u64::from_str_radix(digits, 16).ok()?;
    // Only the one spelling that is written: no sign, capital or missing zero.
    (format!("{number:016x}") == digits).then_some(number)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> DiskError {
    DiskError::Failed { what: format!("cannot {what} {}: {error}", path.display()) }
}

fn failed_io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileDiskError {
    let path = path.to_owned();
    move |error| FileDiskError::Io { what, path, error }
}

fn not_locked(directory: &Path) -> impl FnOnce(TryLockError) -> FileDiskError {
    let path = directory.to_owned();
    move |error| match error {
        TryLockError::WouldBlock => FileDiskError::Locked { path },
        TryLockError::Error(error) => FileDiskError::Io { what: "lock", path: path.join(LOCK_NAME), error },
    }
}

#[cfg(test)]
mod tests;
