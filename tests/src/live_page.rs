//! The live page in a browser, as somebody uses it: what is read there, and what is done.
//!
//! Between tests of the page and a browser. It knows the page by the ids and attributes that the page keeps for this.
//! Invariant: what it reads is what stands on the page, never what the page holds behind it.

use std::ops::Deref;

use serde_json::{Value, json};

use crate::{
    browser::{Browser, Driver},
    until,
};

/// A browser with the live page.
#[derive(Debug)]
pub struct LivePage(pub Browser);

/// A comment on the page: name, text, likes, and whether this viewer likes it.
pub type Row<'a> = (&'a str, &'a str, u64, bool);

/// The rows of the list in the order in which they stand.
const ROWS: &str = "[...document.querySelectorAll('#comments > li')].map((row) => [row.querySelector('.name').textContent, \
    row.querySelector('.text').textContent, Number(row.querySelector('.count').dataset.count), \
    row.querySelector('button.like').getAttribute('aria-pressed') === 'true'])";

impl Deref for LivePage {
    type Target = Browser;

    fn deref(&self) -> &Browser {
        &self.0
    }
}

impl LivePage {
    /// Opens the page of a stream by its address, and waits until it is live.
    pub async fn open(driver: &Driver, node: &str, stream: &str, viewer: &str) -> Self {
        let page = Self(driver.open(&format!("{node}/?stream={stream}&viewer={viewer}")).await);
        page.is("live").await;
        page
    }

    /// Waits until the connection is in this state.
    pub async fn is(&self, state: &str) {
        self.shows("document.querySelector('#state')?.dataset.state", state).await;
    }

    /// The node that it says it is on.
    pub async fn node(&self) -> String {
        let told = self.value("document.querySelector('#node').textContent").await;
        let name = told.as_str().and_then(|text| text.strip_prefix("on "));
        name.unwrap_or_else(|| panic!("#node says {told}")).to_owned()
    }

    /// Writes into the field, and sends.
    pub async fn write(&self, body: &str) {
        self.fill("#body", body).await;
        self.click("#write button[type=submit]").await;
    }

    /// Presses the like button of the comment with this text.
    pub async fn press_like(&self, text: &str) {
        let pressed = format!(
            "(() => {{ const row = [...document.querySelectorAll('#comments > li')].find((row) => \
                 row.querySelector('.text').textContent === {}); row?.querySelector('button.like').click(); \
                 return row !== undefined; }})()",
            json!(text)
        );
        assert_eq!(self.value(&pressed).await, true, "there is no comment {text:?}");
    }

    /// Waits until the list is as wanted.
    pub async fn lists(&self, rows: &[Row<'_>]) {
        self.shows(ROWS, json!(rows)).await;
    }

    /// What became of the comments with this text, in the order of the list: `sending`, `done` or `rejected`.
    pub async fn fates(&self, text: &str) -> Vec<String> {
        let fates = format!(
            "[...document.querySelectorAll('#comments > li')].filter((row) => \
                 row.querySelector('.text').textContent === {}).map((row) => row.dataset.state)",
            json!(text)
        );
        let fates = self.value(&fates).await;
        serde_json::from_value(fates).unwrap_or_else(|error| panic!("states of {text:?}: {error}"))
    }

    /// Waits until there is one comment with this text, of which this became.
    pub async fn fate(&self, text: &str, wanted: &str) {
        until(&format!("{text:?} is {wanted}"), async || {
            let now = self.fates(text).await;
            if now == [wanted] { Ok(()) } else { Err(format!("{now:?}")) }
        })
        .await;
    }

    /// The ids of the list, in its order.
    pub async fn ids(&self) -> Vec<String> {
        let ids =
            self.value("[...document.querySelectorAll('#comments > li')].map((row) => row.dataset.id ?? '')").await;
        serde_json::from_value(ids).unwrap_or_else(|error| panic!("ids: {error}"))
    }

    /// Nothing that somebody wrote has become markup, or has run.
    pub async fn assert_only_text(&self) {
        assert_eq!(self.value("window.broken ?? null").await, Value::Null);
        assert_eq!(
            self.value("document.querySelectorAll('#comments img, #comments script, #comments b').length").await,
            0
        );
    }
}
