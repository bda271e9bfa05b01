//! A running process, named so that it cannot be mistaken: its id and the moment it started.
//!
//! Process ids are used again; an id and a start time are not. Signals go through a pidfd that is opened before the
//! start time is compared, so the id cannot change hands in between.
//!
//! Invariant: a signal reaches the process that was meant or none.

use std::{
    fs, io,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// How often a process that should end is looked at.
const POLL: Duration = Duration::from_millis(20);

/// One process, alive when it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    /// Clock ticks from the start of the machine to the start of the process.
    start: u64,
}

impl Process {
    /// The process that has this id now. One that has ended but was not yet waited for is none.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = parse_stat(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        (!stat.has_ended()).then_some(Self { pid, start: stat.start })
    }

    /// The process that was recorded in a file, if it is still running.
    pub(crate) fn recorded(path: &Path) -> Option<Self> {
        let text = fs::read_to_string(path).ok()?;
        let (pid, start) = text.trim().split_once(' ')?;
        let process = Self { pid: pid.parse().ok()?, start: start.parse().ok()? };
        process.is_running().then_some(process)
    }

    /// Records the process in a file, for later calls of the launcher.
    pub(crate) fn record(self, path: &Path) -> io::Result<()> {
        fs::write(path, format!("{} {}\n", self.pid, self.start))
    }

    pub(crate) fn is_running(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal. False when the process has ended.
    pub(crate) fn signal(self, signal: Signal) -> io::Result<bool> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
        let fd = match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => fd,
            Err(rustix::io::Errno::SRCH) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if !self.is_running() {
            return Ok(false);
        }
        match pidfd_send_signal(fd, signal) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// Waits until none of the processes runs, or the time is over. Returns those that still do.
pub(crate) fn wait_for_end(mut processes: Vec<Process>, at_most: Duration) -> Vec<Process> {
    let deadline = Instant::now() + at_most;
    loop {
        processes.retain(|process| process.is_running());
        if processes.is_empty() || Instant::now() >= deadline {
            return processes;
        }
        thread::sleep(POLL);
    }
}

/// What the kernel says of a process.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    state: char,
    threads: u32,
    start: u64,
}

impl Stat {
    /// A killed process whose first thread is gone while another still waits for the disk has not ended: it has its ports
    /// and files until then.
    fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X' | 'x') && self.threads <= 1
    }
}

/// State, threads and start time out of `/proc/PID/stat`: fields 3, 20 and 22. Field 2, the name, may hold spaces and
/// brackets.
fn parse_stat(stat: &str) -> Option<Stat> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let threads = fields.nth(16)?.parse().ok()?;
    let start = fields.nth(1)?.parse().ok()?;
    Some(Stat { state, threads, start })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn sleeper() -> (std::process::Child, Process) {
        let child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        let process = Process::of(child.id()).unwrap();
        (child, process)
    }

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = "42 (a) R (b) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 7 0 98765 1 2 3";
        assert_eq!(parse_stat(stat), Some(Stat { state: 'S', threads: 7, start: 98_765 }));
        assert_eq!(parse_stat("42 (short) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn a_process_ends_with_its_last_thread() {
        let ended = |state, threads| Stat { state, threads, start: 1 }.has_ended();
        assert!(!ended('S', 1) && !ended('Z', 2));
        assert!(ended('Z', 1) && ended('X', 0));
    }

    #[test]
    fn an_ended_process_is_none_even_before_it_is_waited_for() {
        let (mut child, process) = sleeper();
        assert!(process.signal(Signal::KILL).unwrap());
        assert_eq!(wait_for_end(vec![process], Duration::from_secs(10)), []);
        assert!(!process.signal(Signal::KILL).unwrap());
        child.wait().unwrap();
        assert_eq!(Process::of(child.id()), None);
    }

    #[test]
    fn a_recycled_id_is_another_process_and_gets_no_signal() {
        let (mut child, process) = sleeper();
        let former = Process { start: process.start - 1, ..process };
        assert!(!former.signal(Signal::KILL).unwrap());
        assert!(process.is_running());
        process.signal(Signal::KILL).unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn a_record_names_the_process_until_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("b1.pid");
        let (mut child, process) = sleeper();
        process.record(&path).unwrap();
        assert_eq!(Process::recorded(&path), Some(process));
        process.signal(Signal::KILL).unwrap();
        child.wait().unwrap();
        assert_eq!(Process::recorded(&path), None);
        fs::write(&path, "not a record").unwrap();
        assert_eq!(Process::recorded(&path), None);
    }
}
