//! The driver that starts browsers and passes on what they are told to do.
//!
//! Between a test and its browsers' processes. Invariant: driver, browsers and their profiles are gone when the value is
//! dropped.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use http::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;

use super::{Browser, command};
use crate::{PATIENCE, process::Process, until};

/// Chromium as root, without a window, asking nobody for anything.
const FLAGS: [&str; 10] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1000,800",
];

/// How long a script in a page may take: as long as anything else.
const SCRIPT_MS_MAX: u64 = PATIENCE.as_millis() as u64;

/// How long killed browsers may take to be gone.
const KILLED_WITHIN: Duration = Duration::from_secs(5);

/// A running chromedriver.
#[derive(Debug)]
pub struct Driver {
    url: String,
    // In the order of their end: the driver's group first, then the directory that its browsers wrote to.
    _browsers: Browsers,
    _process: Process,
    dir: TempDir,
}

/// The processes whose profile lies in a directory: chromedriver starts browsers in groups of their own.
#[derive(Debug)]
struct Browsers(String);

impl Driver {
    /// Starts chromedriver on a free port.
    pub async fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory for browsers");
        let log = dir.path().join("chromedriver.log");
        let process = Process::start(Path::new("chromedriver"), ["--port=0"], &log);
        let port = until("chromedriver says its port", async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            let line = text.lines().find(|line| line.contains("started successfully on port"));
            let port = line.and_then(|line| line.trim_end_matches('.').rsplit(' ').next()?.parse::<u16>().ok());
            port.ok_or(text)
        })
        .await;
        let browsers = Browsers(dir.path().display().to_string());
        Self { url: format!("http://127.0.0.1:{port}"), _browsers: browsers, _process: process, dir }
    }

    /// Opens a browser with an empty profile, on this page.
    pub async fn open(&self, page: &str) -> Browser {
        let browser = self.browser().await;
        browser.goto(page).await;
        browser
    }

    /// A browser with an empty profile that shows nothing yet.
    pub async fn browser(&self) -> Browser {
        let profile = tempfile::tempdir_in(self.dir.path()).expect("a directory for a profile").keep();
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({"args": flags});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
            "timeouts": {"script": SCRIPT_MS_MAX},
        }}});
        let session = command(Method::POST, &format!("{}/session", self.url), Some(&wanted)).await;
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session in {session}"));
        Browser::new(format!("{}/session/{id}", self.url))
    }
}

impl Browsers {
    /// The processes that run now.
    fn running(&self) -> Vec<Pid> {
        let entries = fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
        let ours = entries.filter(|entry| {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let mut profiles = line.split('\0').filter_map(|word| word.strip_prefix("--user-data-dir="));
            profiles.any(|profile| profile.starts_with(&self.0))
        });
        ours.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        let deadline = Instant::now() + KILLED_WITHIN;
        loop {
            let running = self.running();
            if running.is_empty() || Instant::now() >= deadline {
                return;
            }
            for pid in running {
                // A helper of a browser that has just ended may be gone.
                let _ = kill_process(pid, Signal::KILL);
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}
