//! The client package in a real browser: its own tests, those of both pages' parts, and the example of its README
//! against a real cluster.

use std::path::{Path, PathBuf};

use futures::FutureExt;
use serde_json::Value;
use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    browser::Driver,
    cluster::Cluster,
    site::{Site, file, page, passed_on},
    topology::SMALL,
    viewer::Viewer,
};

fn web() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/web")
}

/// Opens a page of tests and waits for its results; each test that failed is named.
async fn passes(path: &str) {
    let site = Site::open(|request| {
        let path = request.uri().path().to_owned();
        async move { file(&web(), &path) }.boxed()
    })
    .await;
    let driver = Driver::start().await;
    let browser = driver.open(&format!("{}{path}", site.url)).await;
    browser.shows("window.results?.done", true).await;
    let results = browser.value("window.results").await;
    let failed: Vec<String> = results["failed"]
        .as_array()
        .unwrap_or_else(|| panic!("no results: {results}"))
        .iter()
        .map(|test| format!("{}: {}", test["name"].as_str().unwrap_or("a test without a name"), test["error"]))
        .collect();
    assert!(failed.is_empty(), "{path}:\n{}", failed.join("\n"));
    let passed = results["passed"].as_u64().unwrap_or_default();
    println!("{passed} tests of {path} passed");
    assert!(passed > 0, "{path} has no tests");
    browser.assert_silent().await;
}

#[tokio::test]
async fn the_clients_own_tests_pass_in_a_browser() {
    passes("/client/tests/index.html").await;
}

#[tokio::test]
async fn the_tests_of_the_live_pages_parts_pass_in_a_browser() {
    passes("/pages/live/tests/index.html").await;
}

#[tokio::test]
async fn the_tests_of_the_operator_pages_parts_pass_in_a_browser() {
    passes("/pages/operator/tests/index.html").await;
}

/// The first example of the README, as it stands there.
fn example() -> String {
    let readme = std::fs::read_to_string(web().join("client/README.md")).expect("the client has a README");
    let (_, rest) = readme.split_once("```html\n").expect("it has an example in HTML");
    rest.split_once("```").expect("the example ends").0.to_owned()
}

#[tokio::test]
async fn the_example_of_the_readme_shows_writes_and_likes() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    let serving = node.clone();
    let site = Site::open(move |request| {
        let (path, node) =
            (request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned(), serving.clone());
        async move {
            if path.starts_with("/?") {
                page("text/html; charset=utf-8", example())
            } else {
                passed_on(&node, &path).await
            }
        }
        .boxed()
    })
    .await;
    let driver = Driver::start().await;
    let browser = driver.open(&format!("{}/?stream=show&viewer=ann", site.url)).await;
    browser.shows("document.querySelector('#state').textContent", "live").await;
    let book = Book::open("show");
    let mut bob = Viewer::join(&book, &node, "bob", Encoding::MessagePack).await;
    browser.shows("document.querySelector('#viewers').textContent", "2").await;
    let id = bob.comment("<i>from bob</i>").await;
    let rows = "[...document.querySelectorAll('#comments li')].map((row) => row.textContent)";
    browser.shows(rows, Value::from(vec!["bob: <i>from bob</i> ♥ 0"])).await;

    browser.fill("#body", "from ann").await;
    browser.click("#write button").await;
    bob.sees("ann's comment", |view| view.says("from ann").is_some_and(|line| line.author.as_str() == "ann")).await;
    browser.shows("document.querySelectorAll('#comments li').length", 2).await;
    browser.click("#comments li:first-child button").await;
    bob.sees("ann's like", |view| view.comment(id).is_some_and(|line| line.likes == 1)).await;
    browser.shows("document.querySelector('#comments button').ariaPressed", "true").await;
    browser.assert_silent().await;
}
