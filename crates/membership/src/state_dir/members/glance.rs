//! Looks at all member files, again and again, ten times a second by every node: what has not changed is not read anew.
//!
//! Between [`super::super::StateDir`] and the files. A handle of each file stays open; a look is one call that tells whether
//! it is still the file under its name and when it was touched, one that reads its bytes, and one that tries its lock.
//!
//! Invariant: what a look says is true of the file as it was within it; only the reading of the same bytes is saved.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, Metadata},
    io,
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    time::SystemTime,
};

use super::{MEMBER_BYTES_MAX, failed, parse, path_of, read};
use crate::{Health, Load, Member, SILENT_AFTER_MS, Sighting, StateError};

/// The member files as they were last.
#[derive(Debug, Default)]
pub(in crate::state_dir) struct Glances {
    /// By the file's name: paths compare slowly.
    files: BTreeMap<OsString, Glance>,
    buffer: Vec<u8>,
}

/// One member file.
#[derive(Debug)]
struct Glance {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    text: Vec<u8>,
    found: Option<(Member, Option<Load>)>,
}

impl Glances {
    /// All members with a whole file, sorted by name.
    pub(in crate::state_dir) fn look(&mut self, dir: &Path) -> Result<Vec<Sighting>, StateError> {
        let mut members = Vec::with_capacity(self.files.len());
        let mut before = std::mem::take(&mut self.files);
        for entry in fs::read_dir(dir).map_err(failed("list", dir))? {
            let entry = entry.map_err(failed("list", dir))?;
            let (name, path) = (entry.file_name(), entry.path());
            // Gone between listing and looking: as if it had been gone before.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            let known = before.remove(&name).filter(|known| known.identity == identity(&metadata));
            let Ok(mut glance) = known.map_or_else(|| Glance::open(&path), Ok) else { continue };
            glance.read(&path, &mut self.buffer);
            if let Some((member, load)) = &glance.found
                && let Ok(beat_ms) = age_ms(&metadata)
                && let Ok(health) = glance.health(beat_ms)
            {
                members.push(Sighting { member: member.clone(), health, beat_ms, load: load.clone() });
            }
            self.files.insert(name, glance);
        }
        members.sort_by(|a, b| a.member.name.cmp(&b.member.name));
        Ok(members)
    }
}

impl Glance {
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let identity = identity(&file.metadata()?);
        Ok(Self { file, identity, text: Vec::new(), found: None })
    }

    /// Reads the file, and what is in it if that is other than before.
    fn read(&mut self, path: &Path, buffer: &mut Vec<u8>) {
        buffer.resize(MEMBER_BYTES_MAX as usize, 0);
        let bytes = self.file.read_at(buffer, 0).unwrap_or(0);
        if self.found.is_some() && buffer[..bytes] == self.text {
            return;
        }
        self.text.clear();
        self.text.extend_from_slice(&buffer[..bytes]);
        let found = parse(&self.text).or_else(|| read(path));
        let dir = path.parent().unwrap_or(path);
        self.found = found.filter(|(member, _)| path_of(dir, &member.name) == path);
    }

    fn health(&self, age_ms: u64) -> io::Result<Health> {
        match self.file.try_lock_shared() {
            Ok(()) => return self.file.unlock().map(|()| Health::Dead),
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        Ok(if age_ms < SILENT_AFTER_MS { Health::Alive } else { Health::Silent { age_ms } })
    }
}

/// How long ago a file was last touched. A heartbeat from the future (the clock was set back) counts as fresh: a living
/// node soon beats again.
fn age_ms(metadata: &Metadata) -> io::Result<u64> {
    let age = SystemTime::now().duration_since(metadata.modified()?).unwrap_or_default();
    Ok(u64::try_from(age.as_millis()).unwrap_or(u64::MAX))
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
