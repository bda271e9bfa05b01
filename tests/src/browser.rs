//! Real browsers: Debian's chromium without a window, driven by chromedriver over WebDriver (plain HTTP and JSON).
//!
//! Invariant: driver, browsers and their profiles are gone when the value is dropped.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use http::{Method, StatusCode};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{process::Process, until, web};

/// What WebDriver calls an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

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

/// One browser with one page.
#[derive(Debug)]
pub struct Browser {
    /// Address of its session.
    url: String,
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
        let profile = tempfile::tempdir_in(self.dir.path()).expect("a directory for a profile").keep();
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", profile.display()));
        let options = json!({"args": flags});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let session = command(Method::POST, &format!("{}/session", self.url), &wanted).await;
        let id = session["sessionId"].as_str().unwrap_or_else(|| panic!("no session in {session}"));
        let browser = Browser { url: format!("{}/session/{id}", self.url) };
        browser.post("url", &json!({"url": page})).await;
        browser
    }
}

impl Browser {
    /// Types into the field that a CSS selector names, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/clear"), &json!({})).await;
        self.post(&format!("element/{element}/value"), &json!({"text": text})).await;
    }

    /// Clicks on what a CSS selector names.
    pub async fn click(&self, selector: &str) {
        let element = self.element(selector).await;
        self.post(&format!("element/{element}/click"), &json!({})).await;
    }

    /// The value of a JavaScript expression in the page.
    pub async fn value(&self, expression: &str) -> Value {
        self.post("execute/sync", &json!({"script": format!("return {expression};"), "args": []})).await
    }

    /// Waits until an expression has this value.
    pub async fn shows(&self, expression: &str, wanted: impl Into<Value>) {
        let wanted = wanted.into();
        until(&format!("{expression} is {wanted}"), async || {
            let now = self.value(expression).await;
            if now == wanted { Ok(()) } else { Err(format!("now {now}; the console: {:?}", self.console().await)) }
        })
        .await;
    }

    /// What the page has written to the console, or the browser about the page, since the last call.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().unwrap_or_else(|| panic!("no log: {entries}")).iter();
        entries.map(|entry| format!("{} {}", entry["level"], entry["message"])).collect()
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector})).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        command(Method::POST, &format!("{}/{path}", self.url), body).await
    }
}

async fn command(method: Method, url: &str, body: &Value) -> Value {
    let answer = web::request(method, url, Some(body)).await.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(answer.status, StatusCode::OK, "{url} {body}: {}", answer.text());
    answer.json()["value"].take()
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
