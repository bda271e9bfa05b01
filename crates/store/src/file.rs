//! A directory of segment files, as a [`Disk`].
//!
//! Under [`LogWriter`](watershed_log::LogWriter) and recovery. Invariant: while a `FileDisk` lives, no other process
//! (nor another `FileDisk` of this one) has the directory open; the lock is the kernel's and goes with the process.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use watershed_log::{Disk, DiskError, SegmentId};

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
    /// Held for as long as this lives.
    _lock: File,
}

impl FileDisk {
    /// Opens `directory`, makes it if it does not exist, and locks it.
    pub fn open(directory: &Path) -> Result<Self, FileDiskError> {
        let failed = |what, path: &Path| {
            let path = path.to_owned();
            move |error| FileDiskError::Io { what, path, error }
        };
        let directory = std::path::absolute(directory).map_err(failed("resolve", directory))?;
        let made = directory.ancestors().take_while(|ancestor| !ancestor.exists()).count();
        fs::create_dir_all(&directory).map_err(failed("create", &directory))?;
        // The names of the directories must survive a power cut too, also one that an earlier start made and did not
        // sync.
        for parent in directory.ancestors().skip(1).take(made.max(1)) {
            File::open(parent).and_then(|parent| parent.sync_all()).map_err(failed("sync", parent))?;
        }
        let lock_path = directory.join(LOCK_NAME);
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(failed("open", &lock_path))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FileDiskError::Locked { path: directory.clone() },
            TryLockError::Error(error) => failed("lock", &lock_path)(error),
        })?;
        let names = File::open(&directory).map_err(failed("open", &directory))?;
        Ok(Self { directory, names, current: None, _lock: lock })
    }

    fn path(&self, segment: SegmentId) -> PathBuf {
        self.directory.join(format!("{segment}{SEGMENT_SUFFIX}"))
    }

    fn file(&mut self, segment: SegmentId) -> Result<&File, DiskError> {
        let opened = match self.current.take() {
            Some((current, file)) if current == segment => file,
            _ => {
                let opened = OpenOptions::new().read(true).write(true).open(self.path(segment));
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
            segments.extend(entry.map_err(listed)?.file_name().to_str().and_then(segment_of));
        }
        segments.sort_unstable();
        Ok(segments)
    }

    fn create(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        let made = OpenOptions::new().read(true).write(true).create_new(true).open(self.path(segment));
        let made = made.map_err(|error| self.error("create", segment, error))?;
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
        self.with("write", segment, |file| file.write_all_at(bytes, offset))
    }

    fn sync(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.with("sync", segment, File::sync_data)
    }

    fn cut(&mut self, segment: SegmentId, offset: u64) -> Result<(), DiskError> {
        self.with("cut", segment, |file| file.set_len(offset))
    }

    fn remove(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.current.take_if(|(current, _)| *current == segment);
        fs::remove_file(self.path(segment)).map_err(|error| self.error("remove", segment, error))?;
        self.sync_names()
    }

    fn recycle(&mut self, segment: SegmentId) -> Result<(), DiskError> {
        self.remove(segment)
    }
}

/// The segment of a file of this name; `None` if it is not one of ours.
fn segment_of(name: &str) -> Option<SegmentId> {
    let digits = name.strip_suffix(SEGMENT_SUFFIX)?;
    let segment = SegmentId::new(u64::from_str_radix(digits, 16).ok()?);
    // Only the one spelling that is written: no sign, capital or missing zero.
    (segment.to_string() == digits).then_some(segment)
}

fn failed(what: &str, path: &Path, error: &io::Error) -> DiskError {
    DiskError::Failed { what: format!("cannot {what} {}: {error}", path.display()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_has_one_user_at_a_time() {
        let directory = tempfile::tempdir().unwrap();
        let first = FileDisk::open(directory.path()).unwrap();
        let told = FileDisk::open(directory.path()).unwrap_err().to_string();
        assert_eq!(told, format!("log {} is open in another process, which holds LOCK", directory.path().display()));
        drop(first);
        FileDisk::open(directory.path()).unwrap();
    }

    #[test]
    fn only_files_of_ours_are_segments() {
        let directory = tempfile::tempdir().unwrap();
        let mut disk = FileDisk::open(directory.path()).unwrap();
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
        let mut disk = FileDisk::open(directory.path()).unwrap();
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
        let mut disk = FileDisk::open(directory.path()).unwrap();
        std::os::unix::fs::symlink("/dev/full", disk.path(SegmentId::new(1))).unwrap();
        assert_eq!(disk.write_at(SegmentId::new(1), 0, b"x"), Err(DiskError::Full));
    }
}
