//! A program in a terminal: a real pseudo-terminal, whose screen a test can read and whose keys it can press.
//!
//! Under the tests of `watershed top`. The other end is an emulator of a terminal, fed with every byte that the program
//! writes. Invariant: when the value is gone, so is the program.

use std::{
    fs::File,
    io::{Read, Write},
    num::NonZeroU16,
    path::Path,
    process::{Child, Command},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::{
    fs::{Mode, OFlags, open},
    process::{Pid, Signal, kill_process},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};

use crate::until;

/// A terminal with a program in it.
pub struct Terminal {
    keys: File,
    /// The program's end, held open so that its modes can be read when the program has ended.
    line: File,
    emulated: Arc<Mutex<vt100::Parser>>,
    child: Child,
}

impl Terminal {
    /// Starts a program in a terminal of this size, as its controlling terminal.
    pub fn run(program: &Path, arguments: &[&str], (columns, lines): (u16, u16)) -> Self {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a pseudo-terminal");
        grantpt(&keys).expect("it is ours");
        unlockpt(&keys).expect("it is unlocked");
        let name = ptsname(&keys, Vec::new()).expect("it has a name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = File::from(open(name.as_c_str(), flags, Mode::empty()).expect("its other end"));
        let keys = File::from(keys);
        tcsetwinsize(&keys, size(columns, lines)).expect("a size");
        let end = || line.try_clone().expect("a file handle can be cloned");
        // A session of its own makes the terminal the one that sends it signals, of a resize too.
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program).args(arguments).env("TERM", "xterm-256color").env_remove("NO_COLOR");
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().expect("setsid of util-linux runs");
        let emulated = Arc::new(Mutex::new(vt100::Parser::new(some(lines), some(columns), 0)));
        emulate(keys.try_clone().expect("a file handle can be cloned"), emulated.clone());
        Self { keys, line, emulated, child }
    }

    /// What the screen shows now.
    pub fn screen(&self) -> String {
        self.emulated().screen().contents()
    }

    /// Waits until the screen shows this; gives all of it.
    pub async fn shows(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        until(&format!("the screen shows {what}"), async || {
            let screen = self.screen();
            if is_shown(&screen) { Ok(screen) } else { Err(format!("it shows:\n{screen}")) }
        })
        .await
    }

    /// Presses these keys.
    pub fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Makes the terminal larger or smaller.
    pub fn resize(&mut self, columns: u16, lines: u16) {
        self.emulated().screen_mut().set_size(some(lines), some(columns));
        tcsetwinsize(&self.keys, size(columns, lines)).expect("a size");
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id() as i32).expect("a process has an id");
        kill_process(pid, signal).expect("it runs");
    }

    /// Waits until the program has ended; its exit code, none if a signal ended it.
    pub async fn ended(&mut self) -> Option<i32> {
        until("the program in the terminal ends", async || match self.child.try_wait() {
            Ok(Some(status)) => Ok(status.code()),
            other => Err(format!("{other:?}, the screen shows:\n{}", self.emulated().screen().contents())),
        })
        .await
    }

    /// Whether the terminal is as a shell wants it: lines and echo, the cursor, the screen of before.
    pub fn is_given_back(&self) -> bool {
        let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        let modes = tcgetattr(&self.line).expect("a terminal has modes").local_modes;
        let emulated = self.emulated();
        modes.contains(cooked) && !emulated.screen().alternate_screen() && !emulated.screen().hide_cursor()
    }

    fn emulated(&self) -> MutexGuard<'_, vt100::Parser> {
        self.emulated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // While the child is not waited for, its id cannot belong to anybody else.
        if let Ok(None) = self.child.try_wait() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// Feeds the emulator until both ends of the terminal are closed.
fn emulate(mut output: File, emulated: Arc<Mutex<vt100::Parser>>) {
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = output.read(&mut bytes) {
            emulated.lock().unwrap_or_else(PoisonError::into_inner).process(&bytes[..count]);
        }
    });
}

fn some(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).expect("a terminal has lines and columns")
}

fn size(columns: u16, lines: u16) -> Winsize {
    Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
