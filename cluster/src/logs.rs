//! `cluster logs`: the last lines of what nodes have written, and what they write from then on.
//!
//! Invariant: a line of one node is never torn by a line of another.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use watershed_membership::Node;

use crate::cluster::Cluster;

/// As much of the end of a log as is searched for its last lines.
const TAIL_BYTES_MAX: u64 = 1024 * 1024;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Longest line that is kept back until its end comes; a longer one is shown in pieces.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// Prints the last lines of each node, and goes on if told to. Ends quietly when nobody reads any more.
pub(crate) fn show(cluster: &Cluster, nodes: &[&Node], lines: usize, follow: bool) -> anyhow::Result<()> {
    match write_out(cluster, nodes, lines, follow) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

fn write_out(cluster: &Cluster, nodes: &[&Node], lines: usize, follow: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let mut logs = Vec::with_capacity(nodes.len());
    for node in nodes {
        let prefix = if nodes.len() > 1 { format!("{} | ", node.name) } else { String::new() };
        let path = cluster.topology.log_file(&node.name);
        let end = std::fs::metadata(&path).map_or(0, |file| file.len());
        for line in last_lines(&path, 0, end, lines)? {
            writeln!(out, "{prefix}{line}")?;
        }
        logs.push(Followed { path, prefix, at: end, rest: Vec::new() });
    }
    out.flush()?;
    if !follow {
        return Ok(());
    }
    loop {
        thread::sleep(POLL);
        for log in &mut logs {
            log.catch_up(&mut out)?;
        }
        out.flush()?;
    }
}

/// The last lines of a log between two offsets; none of a log that is not there.
pub(crate) fn last_lines(path: &Path, from: u64, to: u64, lines: usize) -> io::Result<Vec<String>> {
    let from = from.max(to.saturating_sub(TAIL_BYTES_MAX));
    let text = read(path, from, to.saturating_sub(from))?;
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_owned()).collect())
}

fn read(path: &Path, from: u64, at_most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(from))?;
            file.take(at_most).read_to_end(&mut bytes)?;
            Ok(bytes)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(bytes),
        Err(error) => Err(error),
    }
}

/// One log that is being followed.
struct Followed {
    path: PathBuf,
    prefix: String,
    at: u64,
    /// A line whose end has not come yet.
    rest: Vec<u8>,
}

impl Followed {
    fn catch_up(&mut self, out: &mut impl Write) -> io::Result<()> {
        let fresh = read(&self.path, self.at, TAIL_BYTES_MAX)?;
        self.at += fresh.len() as u64;
        self.rest.extend(fresh);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            write!(out, "{}{}", self.prefix, String::from_utf8_lossy(&line))?;
        }
        if self.rest.len() > LINE_BYTES_MAX {
            writeln!(out, "{}{}", self.prefix, String::from_utf8_lossy(&self.rest))?;
            self.rest.clear();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn the_last_lines_are_those_of_this_start() {
        let file = log("old\none\ntwo\nthree\n");
        assert_eq!(last_lines(file.path(), 4, 18, 2).unwrap(), ["two", "three"]);
        assert_eq!(last_lines(file.path(), 4, 18, 9).unwrap(), ["one", "two", "three"]);
        assert_eq!(last_lines(file.path(), 18, 18, 9).unwrap(), [""; 0]);
        assert_eq!(last_lines(Path::new("no/such.log"), 0, 0, 9).unwrap(), [""; 0]);
    }

    #[test]
    fn a_followed_line_is_shown_when_it_is_whole() {
        let mut file = log("whole\nha");
        let mut followed = Followed { path: file.path().into(), prefix: "b1 | ".into(), at: 0, rest: Vec::new() };
        let mut out = Vec::new();
        followed.catch_up(&mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), "b1 | whole\n");
        file.write_all(b"lf\n").unwrap();
        followed.catch_up(&mut out).unwrap();
        assert_eq!(String::from_utf8_lossy(&out), "b1 | whole\nb1 | half\n");
    }
}
