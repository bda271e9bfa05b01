//! The ownership map as a file: read at every poll, replaced as a whole.
//!
//! Below [`super::StateDir`]. A reader sees the old map or the new one, never a mixture: the new one is written beside it,
//! made durable, and renamed over it. Writers take turns by a lock on a file of its own, for a lock on the map would be
//! on the file that is replaced.
//!
//! Invariant: once `compare_and_set` has said yes, the map survives a crash of the machine.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use watershed_placement::Map;
use watershed_protocol::Epoch;

use super::{failed, lock_patiently};
use crate::{CasError, StateError};

/// A writer waits for the others for five seconds (5 ms each): a turn is two fsyncs, a few milliseconds.
const LOCK_ATTEMPTS_MAX: u32 = 1_000;

/// Longest map file that is read: 4,096 slots of 1,024 nodes with long names and great epochs have a tenth of it.
const MAP_BYTES_MAX: u64 = 1024 * 1024;

/// A file this young may be replaced by one that looks the same: file times are only as fine as the kernel's ticks.
const UNSURE_FOR: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct MapFile {
    dir: PathBuf,
    path: PathBuf,
    lock: PathBuf,
    /// The map that was read last, and the look of its file; none while that is too young to be sure of.
    last: Mutex<Option<(Look, Arc<Map>)>>,
}

/// What tells one map file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    modified: SystemTime,
    inode: u64,
    bytes: u64,
}

impl Look {
    fn of(file: &Metadata) -> io::Result<Self> {
        Ok(Self { modified: file.modified()?, inode: file.ino(), bytes: file.len() })
    }

    fn is_sure(&self) -> bool {
        SystemTime::now().duration_since(self.modified).is_ok_and(|age| age > UNSURE_FOR)
    }
}

impl MapFile {
    pub(super) fn new(dir: &Path) -> Self {
        Self { dir: dir.into(), path: dir.join("map.json"), lock: dir.join("map.lock"), last: Mutex::new(None) }
    }

    /// The map; costs one look at the file while that has not changed.
    pub(super) fn read(&self) -> Result<Option<Arc<Map>>, StateError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let look = match fs::metadata(&self.path).and_then(|file| Look::of(&file)) {
            Ok(look) => look,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("look at", &self.path)(error)),
        };
        if let Some((known, map)) = &*last
            && *known == look
        {
            return Ok(Some(map.clone()));
        }
        let Some((look, map)) = self.read_file()? else { return Ok(None) };
        // The same map as before keeps its `Arc`, so that callers may compare pointers.
        let map = match last.take() {
            Some((_, known)) if known == map => known,
            _ => map,
        };
        *last = look.is_sure().then(|| (look, map.clone()));
        Ok(Some(map))
    }

    fn read_file(&self) -> Result<Option<(Look, Arc<Map>)>, StateError> {
        let read = || -> io::Result<(Look, Vec<u8>)> {
            let file = File::open(&self.path)?;
            let look = Look::of(&file.metadata()?)?;
            let mut text = Vec::new();
            file.take(MAP_BYTES_MAX).read_to_end(&mut text)?;
            Ok((look, text))
        };
        match read() {
            Ok((look, text)) => match Map::decode(&text) {
                Ok(map) => Ok(Some((look, Arc::new(map)))),
                Err(source) => Err(StateError::Map { at: self.path.display().to_string(), source }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &self.path)(error)),
        }
    }

    pub(super) fn compare_and_set(&self, expected: Epoch, next: &Map) -> Result<(), CasError> {
        assert!(next.epoch() > expected, "a change raises the map's epoch: {} is not above {expected}", next.epoch());
        let lock = File::options().create(true).truncate(false).write(true).open(&self.lock);
        let lock = lock.map_err(failed("open", &self.lock))?;
        if !lock_patiently(&lock, LOCK_ATTEMPTS_MAX).map_err(failed("lock", &self.lock))? {
            return Err(CasError::Busy { attempts: LOCK_ATTEMPTS_MAX });
        }
        let found = self.read_file()?.map(|(_, map)| map);
        let epoch = found.as_ref().map_or(Epoch::ZERO, |map| map.epoch());
        if epoch != expected {
            return Err(CasError::Lost { found: epoch });
        }
        assert!(found.is_none_or(|found| found.key() == next.key()), "no change touches the cluster's key");
        self.replace(next.encode().as_bytes()).map_err(failed("replace", &self.path))?;
        Ok(()) // The lock goes with its handle.
    }

    /// Beside, durable, over, durable. Under the lock, so the name beside is ours.
    fn replace(&self, text: &[u8]) -> io::Result<()> {
        let beside = self.dir.join("map.json.next");
        let mut file = File::create(&beside)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        File::open(&self.dir)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
