//! Real browsers: Debian's chromium without a window, driven by chromedriver over WebDriver (plain HTTP and JSON).
//!
//! Under every test of a page. Invariant: nothing that a page writes to its console is lost before the test has judged it.

mod driver;
mod sight;

pub use driver::Driver;
pub use sight::{LOOKS, Look, Metrics};

use std::sync::{Mutex, PoisonError};

use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{until, web};

/// What WebDriver calls an element in JSON.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// What a browser itself says of a node that cannot be reached; a page can neither prevent nor hide it.
const OF_LOST_NODES: [&str; 2] = ["WebSocket connection to ", "Failed to load resource: net::ERR_"];

/// One browser with one page.
#[derive(Debug)]
pub struct Browser {
    /// Address of its session.
    url: String,
    /// What the driver has told of the console, which it tells only once.
    console: Mutex<Vec<String>>,
}

impl Browser {
    fn new(url: String) -> Self {
        Self { url, console: Mutex::default() }
    }

    /// Goes to a page.
    pub async fn goto(&self, page: &str) {
        self.post("url", &json!({"url": page})).await;
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub async fn before(&self, script: &str) {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

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

    /// The value of a JavaScript expression in the page; of a promise, once it is kept.
    pub async fn value(&self, expression: &str) -> Value {
        self.run(&format!("return {expression};")).await
    }

    /// What a script in the page returns.
    pub async fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({"script": script, "args": []})).await
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

    /// All that the pages have written to the console, or the browser about them.
    pub async fn console(&self) -> Vec<String> {
        let entries = self.post("se/log", &json!({"type": "browser"})).await;
        let entries = entries.as_array().unwrap_or_else(|| panic!("no log: {entries}")).iter();
        let mut console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        console.extend(entries.map(|entry| format!("{} {}", entry["level"], entry["message"])));
        console.clone()
    }

    /// The console is empty.
    pub async fn assert_silent(&self) {
        assert_eq!(self.console().await, Vec::<String>::new());
    }

    /// The console holds nothing but what browsers say of nodes that cannot be reached.
    pub async fn assert_silent_but_for_lost_nodes(&self) {
        let mut console = self.console().await;
        console.retain(|entry| !OF_LOST_NODES.iter().any(|text| entry.contains(text)));
        assert_eq!(console, Vec::<String>::new());
    }

    async fn element(&self, selector: &str) -> String {
        let found = self.post("element", &json!({"using": "css selector", "value": selector})).await;
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    /// A command of the browser's own protocol, for what WebDriver has no words for.
    async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", &json!({"cmd": name, "params": parameters})).await
    }

    async fn get(&self, path: &str) -> Value {
        command(Method::GET, &format!("{}/{path}", self.url), None).await
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        command(Method::POST, &format!("{}/{path}", self.url), Some(body)).await
    }
}

async fn command(method: Method, url: &str, body: Option<&Value>) -> Value {
    let answer = web::request(method, url, body).await.unwrap_or_else(|error| panic!("{error:#}"));
    let said = || body.map(Value::to_string).unwrap_or_default().chars().take(200).collect::<String>();
    assert_eq!(answer.status, StatusCode::OK, "{url} {}: {}", said(), answer.text());
    answer.json()["value"].take()
}
