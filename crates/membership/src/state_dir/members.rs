//! Member files: one a node, locked for its life.
//!
//! The first line says who the node is and is written once; the second says how loaded it is, and is written over when that
//! has changed. Whoever reads it in between finds a line that does not read, or old digits beside new ones: a load is
//! advice, and is looked at again in a moment.
//!
//! Written by the node that joins, read by all (`glance`). Whoever wants to know whether a lock is held tries a shared one
//! on a file handle of its own and lets go at once, so two readers never disturb each other, and a joining node waits such
//! a probe out.
//!
//! Invariant: a name's lock is held by at most one process, on the very file that stands under the name.

use std::{
    fs::{self, File},
    io::Read,
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, SystemTime},
};

use watershed_protocol::NodeName;

use super::{failed, lock_patiently};
use crate::{JoinError, Lease, LeaseError, Load, Member};

mod glance;

pub(super) use glance::Glances;

/// A joining node waits half a second (5 ms each) for probes, and for a former holder that is just ending.
///
/// A probe lasts microseconds, or some tens of milliseconds if its process is starved in the midst of it.
const JOIN_ATTEMPTS_MAX: u32 = 100;

/// A half-written file is read again this often, 2 ms apart; then it counts as not there.
const READ_ATTEMPTS_MAX: u32 = 5;

/// Longest member file that is read; a real one has a few hundred bytes, and a hundred more for each stream reported.
const MEMBER_BYTES_MAX: u64 = 16 * 1024;

/// What is made room for before a file is read.
const MEMBER_BYTES_USUAL: usize = 1024;

/// The lease of one node: its locked member file.
#[derive(Debug)]
pub struct StateDirLease {
    name: NodeName,
    path: PathBuf,
    file: File,
    /// What was last written behind the member.
    load: Mutex<Option<Load>>,
    /// Where that stands.
    load_at: u64,
}

impl StateDirLease {
    /// Locks the member's file, writes it, and beats for the first time.
    pub(super) fn take(dir: &Path, member: &Member) -> Result<Self, JoinError> {
        let path = path_of(dir, &member.name);
        for _ in 0..JOIN_ATTEMPTS_MAX {
            let file = File::options().create(true).truncate(false).read(true).write(true).open(&path);
            let file = file.map_err(failed("open", &path))?;
            if !lock_patiently(&file, JOIN_ATTEMPTS_MAX).map_err(failed("lock", &path))? {
                let pid = read(&path).map(|(holder, _)| holder.pid);
                return Err(JoinError::Taken { name: member.name.clone(), pid });
            }
            let (name, path) = (member.name.clone(), path.clone());
            let mut lease = Self { name, path, file, load: Mutex::default(), load_at: 0 };
            // Somebody may have removed the file between opening and locking it: then the lock means nothing.
            if lease.stands().map_err(failed("look at", &lease.path))? {
                lease.load_at = lease.write(member).map_err(failed("write", &lease.path))?;
                return Ok(lease);
            }
        }
        Err(JoinError::Taken { name: member.name.clone(), pid: None })
    }

    /// Writes who the node is; gives the place behind it.
    fn write(&self, member: &Member) -> std::io::Result<u64> {
        let mut text = serde_json::to_vec(member)?;
        text.push(b'\n');
        self.file.write_all_at(&text, 0)?;
        self.file.set_len(text.len() as u64)?;
        self.file.set_modified(SystemTime::now())?;
        Ok(text.len() as u64)
    }

    /// Writes how loaded the node is, unless that stands there.
    fn write_load(&self, load: &Load) -> std::io::Result<()> {
        let mut written = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        if written.as_ref() == Some(load) {
            return Ok(());
        }
        let mut text = serde_json::to_vec(load)?;
        text.push(b'\n');
        self.file.write_all_at(&text, self.load_at)?;
        self.file.set_len(self.load_at + text.len() as u64)?;
        *written = Some(load.clone());
        Ok(())
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
    fn heartbeat(&self, load: Option<&Load>) -> Result<(), LeaseError> {
        if !self.stands().map_err(failed("look at", &self.path))? {
            return Err(LeaseError::Lost { name: self.name.clone() });
        }
        if let Some(load) = load {
            self.write_load(load).map_err(failed("write", &self.path))?;
        }
        Ok(self.file.set_modified(SystemTime::now()).map_err(failed("touch", &self.path))?)
    }
}

fn path_of(dir: &Path, name: &NodeName) -> PathBuf {
    dir.join(format!("{name}.json"))
}

/// The member in a file, and its load if that reads; none when the file is gone, or has not become whole.
fn read(path: &Path) -> Option<(Member, Option<Load>)> {
    for attempt in 0..READ_ATTEMPTS_MAX {
        if attempt > 0 {
            thread::sleep(Duration::from_millis(2));
        }
        let mut text = Vec::with_capacity(MEMBER_BYTES_USUAL);
        File::open(path).ok()?.take(MEMBER_BYTES_MAX).read_to_end(&mut text).ok()?;
        if let Some(found) = parse(&text) {
            return Some(found);
        }
    }
    None
}

/// Both lines of a file; none while the first does not read.
fn parse(text: &[u8]) -> Option<(Member, Option<Load>)> {
    let mut lines = text.splitn(2, |byte| *byte == b'\n');
    let member = serde_json::from_slice(lines.next()?).ok()?;
    Some((member, lines.next().and_then(|line| serde_json::from_slice(line).ok())))
}

#[cfg(test)]
mod tests;
