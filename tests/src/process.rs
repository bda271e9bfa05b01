//! A process that a test has started, in a group of its own.
//!
//! Under the load generator and the browser's driver; a cluster's nodes are the launcher's. Invariant: when the value is
//! gone, so are the process and its group.

use std::{
    ffi::OsStr,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process_group};

/// One of the workspace's binaries, built in the profile of the test that asks.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test knows where it is");
    let found = own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built beside {}: cargo build --profile testing", own.display()))
}

/// A running process; killed with its group when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a program that writes its output and errors to a file, and what is temporary beside it.
    pub fn start(program: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>, log: &Path) -> Self {
        let out = std::fs::File::create(log).unwrap_or_else(|error| panic!("{}: {error}", log.display()));
        let err = out.try_clone().expect("a file handle can be cloned");
        let mut command = Command::new(program);
        if let Some(dir) = log.parent() {
            command.env("TMPDIR", dir);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
        Self { child }
    }

    /// The exit code, once it has ended; a signal counts as -1.
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("a child can be waited for");
        status.map(|status| status.code().unwrap_or(-1))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // While the child is not waited for, its id cannot belong to anybody else.
        if let (Ok(None), Some(group)) = (self.child.try_wait(), Pid::from_raw(self.child.id() as i32)) {
            let _ = kill_process_group(group, Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
