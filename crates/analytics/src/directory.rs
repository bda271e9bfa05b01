//! The files of one node: their names, what a crash left of them, and how many are kept.
//!
//! Between the thread and the file system. A name is `FROM-UNTIL-INCARNATION.parquet`, in seconds since the Unix epoch.
//! Invariant: only files that are named so are ever removed, and never the newest.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Batch, Config, WriteError, file::PARTIAL, write_file};

/// What a file takes on a disk at least.
const BLOCK_BYTES: u64 = 4_096;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Directory {
    config: Config,
    /// Oldest first. `None`: the directory could not be listed yet.
    files: Option<VecDeque<Kept>>,
}

/// One file. Its order is that of its seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kept {
    name: Name,
    bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    from: u64,
    until: u64,
    incarnation: u64,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let (numbers, extension) = text.split_once('.')?;
        let mut parts = numbers.split('-');
        let mut next = || parts.next();
        let name = Self {
            from: next()?.parse().ok()?,
            until: next()?.parse().ok()?,
            incarnation: u64::from_str_radix(next()?, 16).ok()?,
        };
        // Names that only read like one of ours are not.
        (name.text() == format!("{numbers}.parquet") && matches!(extension, "parquet" | PARTIAL)).then_some(name)
    }

    fn text(&self) -> String {
        format!("{}-{}-{:016x}.parquet", self.from, self.until, self.incarnation)
    }
}

impl Directory {
    pub(crate) fn new(config: Config) -> Self {
        Self { config, files: None }
    }

    /// Writes one file and returns its bytes.
    pub(crate) fn write(&mut self, batch: &Batch) -> Result<u64, WriteError> {
        let name = Name { from: batch.from, until: batch.until, incarnation: self.config.incarnation };
        if self.files.is_none() {
            self.files = Some(self.list()?);
        }
        let bytes = write_file(&self.path(&name), &self.config.node, batch)?;
        self.files.get_or_insert_default().push_back(Kept { name, bytes });
        Ok(bytes)
    }

    /// Removes the oldest files until those that are left take no more than they may. Returns how many went.
    pub(crate) fn trim(&mut self) -> Result<u64, WriteError> {
        let (config, mut removed) = (&self.config, 0);
        let Some(files) = &mut self.files else { return Ok(0) };
        let taken = |file: &Kept| file.bytes.next_multiple_of(BLOCK_BYTES);
        let mut total: u64 = files.iter().map(taken).sum();
        while total > config.total_bytes && files.len() > 1 {
            let Some(oldest) = files.front().copied() else { break };
            remove(&config.directory.join(oldest.name.text()))?;
            files.pop_front();
            total -= taken(&oldest);
            removed += 1;
        }
        Ok(removed)
    }

    fn path(&self, name: &Name) -> PathBuf {
        self.config.directory.join(name.text())
    }

    /// All files, oldest first. What a former start of this node had begun and not finished is removed.
    fn list(&self) -> Result<VecDeque<Kept>, WriteError> {
        let directory = &self.config.directory;
        let io = |error| WriteError::Io { path: directory.clone(), error };
        fs::create_dir_all(directory).map_err(io)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).map_err(io)? {
            let entry = entry.map_err(io)?;
            let Some(name) = entry.file_name().to_str().and_then(Name::parse) else { continue };
            if entry.path().extension().is_some_and(|extension| extension == PARTIAL) {
                remove(&entry.path())?;
            } else {
                files.push(Kept { name, bytes: entry.metadata().map_err(io)?.len() });
            }
        }
        files.sort();
        Ok(files.into())
    }
}

/// Removes a file. One that somebody has taken away is gone as well.
fn remove(path: &Path) -> Result<(), WriteError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(WriteError::Io { path: path.to_owned(), error }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use watershed_protocol::NodeName;

    use super::*;
    use crate::{Counts, Row};

    fn directory(path: &Path, total_bytes: u64) -> Directory {
        let node: NodeName = "p1".parse().unwrap();
        let config =
            Config { node, incarnation: 7, directory: path.join("p1"), rotate_s: 1, file_bytes: 1, total_bytes };
        Directory::new(config)
    }

    fn batch(second: u64) -> Batch {
        let row = Row { second, stream: None, counts: Counts::default() };
        Batch { rows: vec![row], from: second, until: second + 1 }
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(path.join("p1")).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_files_go_first_also_those_of_former_starts_and_nobody_elses() {
        let temp = tempfile::tempdir().unwrap();
        let mut former = directory(temp.path(), u64::MAX);
        former.write(&batch(99)).unwrap();
        former.write(&batch(100)).unwrap();
        let foreign = ["notes.parquet", "1-2-3.parquet", "99-100-0000000000000007.csv"];
        for name in foreign {
            fs::write(temp.path().join("p1").join(name), "").unwrap();
        }
        // Room for two files of one block each.
        let mut now = directory(temp.path(), 2 * BLOCK_BYTES + 1);
        assert_eq!(now.trim().unwrap(), 0);
        now.write(&batch(101)).unwrap();
        assert_eq!(now.trim().unwrap(), 1);
        now.write(&batch(102)).unwrap();
        assert_eq!(now.trim().unwrap(), 1);
        let mut kept = vec!["101-102-0000000000000007.parquet", "102-103-0000000000000007.parquet"];
        kept.extend(foreign);
        kept.sort_unstable();
        assert_eq!(names(temp.path()), kept);
    }

    #[test]
    fn the_newest_file_is_kept_however_large_it_is() {
        let temp = tempfile::tempdir().unwrap();
        let mut directory = directory(temp.path(), 1);
        directory.write(&batch(1)).unwrap();
        directory.write(&batch(2)).unwrap();
        assert_eq!(directory.trim().unwrap(), 1);
        assert_eq!(names(temp.path()), ["2-3-0000000000000007.parquet"]);
    }

    #[test]
    fn what_a_crash_left_unfinished_is_removed_at_the_next_start() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("p1")).unwrap();
        fs::write(temp.path().join("p1/5-6-00000000000000ff.partial"), "PAR1").unwrap();
        directory(temp.path(), u64::MAX).write(&batch(7)).unwrap();
        assert_eq!(names(temp.path()), ["7-8-0000000000000007.parquet"]);
    }

    #[test]
    fn a_file_that_somebody_took_away_does_not_stop_the_removing() {
        let temp = tempfile::tempdir().unwrap();
        let mut directory = directory(temp.path(), 1);
        directory.write(&batch(1)).unwrap();
        fs::remove_file(temp.path().join("p1").join(&names(temp.path())[0])).unwrap();
        directory.write(&batch(2)).unwrap();
        assert_eq!(directory.trim().unwrap(), 1);
    }
}
