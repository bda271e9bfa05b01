//! The cluster's state as a directory of one machine: the default membership.
//!
//! ```text
//! state/members/b1.json   written and flock'ed by b1 for its life: who it is, and below how loaded it is; its mtime is
//!                         b1's heartbeat
//! state/map.json          the ownership map, replaced atomically
//! state/map.lock          held while the map is replaced
//! ```
//!
//! The kernel frees a lock when its process ends in whatever way, so death is known at once; silence is told by the age
//! of the heartbeat. Nothing here outlives a crash half-done: a member file that is half-written is nobody's yet, and a
//! map is either the old or the new one.
//!
//! Invariant: the map file only ever goes from one epoch to a greater one.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use watershed_placement::Map;
use watershed_protocol::Epoch;

use crate::{CasError, JoinError, Lease, Member, Membership, Sighting, StateError};

mod map_file;
mod members;

use map_file::MapFile;
use members::Glances;
pub use members::StateDirLease;

/// A state directory, shared by all nodes of one machine.
#[derive(Debug)]
pub struct StateDir {
    members: PathBuf,
    glances: Mutex<Glances>,
    map: MapFile,
}

impl StateDir {
    /// Opens the directory, and makes it if it is not there.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let members = path.join("members");
        fs::create_dir_all(&members).map_err(failed("make", &members))?;
        Ok(Self { members, glances: Mutex::default(), map: MapFile::new(path) })
    }
}

impl Membership for StateDir {
    fn join(&self, member: &Member) -> Result<Box<dyn Lease>, JoinError> {
        Ok(Box::new(StateDirLease::take(&self.members, member)?))
    }

    fn look(&self) -> Result<Vec<Sighting>, StateError> {
        self.glances.lock().unwrap_or_else(PoisonError::into_inner).look(&self.members)
    }

    fn map(&self) -> Result<Option<Arc<Map>>, StateError> {
        self.map.read()
    }

    fn compare_and_set(&self, expected: Epoch, next: &Map) -> Result<(), CasError> {
        self.map.compare_and_set(expected, next)
    }
}

/// Names the file and what was done to it, for `map_err`.
fn failed<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> StateError + 'a {
    move |source| StateError::Io { action, path: path.to_owned(), source }
}

/// Tries a lock until it is had or `attempts` are over, 5 ms apart. False when somebody else held it to the end.
fn lock_patiently(file: &fs::File, attempts: u32) -> io::Result<bool> {
    for _ in 0..attempts {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(5)),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
    }
    Ok(false)
}
