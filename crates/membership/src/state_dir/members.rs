//! Member files: one a node, locked for its life.
//!
//! Written by the node that joins, read by all. Whoever wants to know whether a lock is held tries a shared one on a file
//! handle of its own and lets go at once, so two readers never disturb each other, and a joining node waits such a probe
//! out.
//!
//! Invariant: a name's lock is held by at most one process, on the very file that stands under the name.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use watershed_protocol::NodeName;

use super::{failed, lock_patiently};
use crate::{Health, JoinError, Lease, LeaseError, Member, SILENT_AFTER_MS, StateError};

/// A joining node waits half a second (5 ms each) for probes, and for a former holder that is just ending.
///
/// A probe lasts microseconds, or some tens of milliseconds if its process is starved in the midst of it.
const JOIN_ATTEMPTS_MAX: u32 = 100;

/// A half-written file is read again this often, 2 ms apart; then it counts as not there.
const READ_ATTEMPTS_MAX: u32 = 5;

/// Longest member file that is read; a real one has a few hundred bytes.
const MEMBER_BYTES_MAX: u64 = 16 * 1024;

/// The lease of one node: its locked member file.
#[derive(Debug)]
pub struct StateDirLease {
    name: NodeName,
    path: PathBuf,
    file: File,
}

impl StateDirLease {
    /// Locks the member's file, writes it, and beats for the first time.
    pub(super) fn take(dir: &Path, member: &Member) -> Result<Self, JoinError> {
        let path = path_of(dir, &member.name);
        for _ in 0..JOIN_ATTEMPTS_MAX {
            let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            let file = file.map_err(failed("open", &path))?;
            if !lock_patiently(&file, JOIN_ATTEMPTS_MAX).map_err(failed("lock", &path))? {
                let pid = read(&path).map(|holder| holder.pid);
                return Err(JoinError::Taken { name: member.name.clone(), pid });
            }
            let lease = Self { name: member.name.clone(), path: path.clone(), file };
            // Somebody may have removed the file between opening and locking it: then the lock means nothing.
            if lease.stands().map_err(failed("look at", &path))? {
                lease.write(member)?;
                return Ok(lease);
            }
        }
        Err(JoinError::Taken { name: member.name.clone(), pid: None })
    }

    fn write(&self, member: &Member) -> Result<(), StateError> {
        let write = || {
            let text = serde_json::to_vec(member)?;
            let mut file = &self.file;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&text)?;
            file.set_len(text.len() as u64)?;
            file.set_modified(SystemTime::now())
        };
        write().map_err(failed("write", &self.path))
    }

    /// Whether the locked file is still the one under its name.
    fn stands(&self) -> std::io::Result<bool> {
        let locked = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) == (locked.dev(), locked.ino())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Lease for StateDirLease {
    fn heartbeat(&self) -> Result<(), LeaseError> {
        if !self.stands().map_err(failed("look at", &self.path))? {
            return Err(LeaseError::Lost { name: self.name.clone() });
        }
        Ok(self.file.set_modified(SystemTime::now()).map_err(failed("touch", &self.path))?)
    }
}

/// All members with a whole file, sorted by name.
pub(super) fn read_all(dir: &Path) -> Result<Vec<(Member, Health)>, StateError> {
    let mut members = Vec::new();
    for entry in fs::read_dir(dir).map_err(failed("list", dir))? {
        let path = entry.map_err(failed("list", dir))?.path();
        let Some(member) = read(&path).filter(|member| path_of(dir, &member.name) == path) else { continue };
        // Gone between reading and looking: as if it had been gone before.
        let Ok(health) = health(&path) else { continue };
        members.push((member, health));
    }
    members.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    Ok(members)
}

fn path_of(dir: &Path, name: &NodeName) -> PathBuf {
    dir.join(format!("{name}.json"))
}

/// The member in a file; none when the file is gone, or has not become whole.
fn read(path: &Path) -> Option<Member> {
    for attempt in 0..READ_ATTEMPTS_MAX {
        if attempt > 0 {
            thread::sleep(Duration::from_millis(2));
        }
        let mut text = Vec::new();
        File::open(path).ok()?.take(MEMBER_BYTES_MAX).read_to_end(&mut text).ok()?;
        if let Ok(member) = serde_json::from_slice(&text) {
            return Some(member);
        }
    }
    None
}

fn health(path: &Path) -> std::io::Result<Health> {
    let probe = File::open(path)?;
    match probe.try_lock_shared() {
        Ok(()) => return Ok(Health::Dead), // The probe's lock goes with its handle.
        Err(fs::TryLockError::WouldBlock) => {}
        Err(fs::TryLockError::Error(error)) => return Err(error),
    }
    // A heartbeat from the future (the clock was set back) counts as fresh: a living node soon beats again.
    let age = SystemTime::now().duration_since(probe.metadata()?.modified()?).unwrap_or_default();
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    Ok(if age_ms < SILENT_AFTER_MS { Health::Alive } else { Health::Silent { age_ms } })
}

#[cfg(test)]
mod tests;
