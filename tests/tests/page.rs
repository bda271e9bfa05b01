//! The page in a real browser: what one writes, another reads at once, as text; likes are counted in front of everybody.

use serde_json::{Value, json};
use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    browser::{Browser, Driver},
    cluster::Cluster,
    topology::{SMALL, Shape},
    viewer::Viewer,
};

/// Markup that would be seen to run.
const MARKUP: &str = "<img src=x onerror=\"window.broken=1\"><script>window.broken=2</script>";

/// Opens the page and joins a stream by its name.
async fn join(driver: &Driver, node: &str, stream: &str, viewer: &str) -> Browser {
    let browser = driver.open(&format!("{node}/")).await;
    browser.shows("document.title", "Watershed live").await;
    browser.fill("#stream", stream).await;
    browser.fill("#viewer", viewer).await;
    browser.click("#join button").await;
    browser.shows("document.querySelector('#state').textContent", "live").await;
    browser.shows("new URLSearchParams(location.search).get('stream')", stream).await;
    browser
}

async fn write(browser: &Browser, body: &str) {
    browser.fill("#body", body).await;
    browser.click("#write button").await;
}

/// Waits until the list of comments is as wanted: name, text, likes, and whether this viewer likes it.
async fn lists(browser: &Browser, rows: &[(&str, &str, u64, bool)]) {
    let wanted: Vec<Value> = rows
        .iter()
        .map(|(name, text, likes, liked)| json!([name, text, format!("♥ {likes}"), liked.to_string()]))
        .collect();
    let rows = "[...document.querySelectorAll('#comments li')].map((row) => [row.querySelector('.name').textContent, \
        row.querySelector('.text').textContent, row.querySelector('.like').textContent, \
        row.querySelector('.like').getAttribute('aria-pressed')])";
    browser.shows(rows, wanted).await;
}

async fn nothing_ran_and_the_console_is_empty(browser: &Browser) {
    assert_eq!(browser.value("window.broken ?? null").await, Value::Null);
    assert_eq!(browser.value("document.querySelectorAll('#comments img, #comments script').length").await, 0);
    assert_eq!(browser.console().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_one_writes_another_reads_as_text_and_likes() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let nodes = cluster.urls().await;
    let ann = join(&driver, &nodes[0], "show", "ann").await;
    let bob = join(&driver, &nodes[1], "show", "bob").await;
    for browser in [&ann, &bob] {
        browser.shows("document.querySelector('#viewers').textContent", "2").await;
    }
    write(&ann, MARKUP).await;
    lists(&bob, &[("ann", MARKUP, 0, false)]).await;
    lists(&ann, &[("ann", MARKUP, 0, false)]).await;
    ann.shows("document.querySelector('#body').value", "").await;

    bob.click("#comments li .like").await;
    lists(&ann, &[("ann", MARKUP, 1, false)]).await;
    lists(&bob, &[("ann", MARKUP, 1, true)]).await;
    ann.click("#comments li .like").await;
    lists(&bob, &[("ann", MARKUP, 2, true)]).await;
    bob.click("#comments li .like").await;
    lists(&ann, &[("ann", MARKUP, 1, true)]).await;
    lists(&bob, &[("ann", MARKUP, 1, false)]).await;

    bob.click("#react-heart").await;
    ann.shows("document.querySelector('#react-heart').textContent", "❤️ 1").await;

    // Whoever opens the page later, by its address, sees the same, and what it liked before.
    let late = driver.open(&format!("{}/?stream=show&viewer=ann", nodes[1])).await;
    lists(&late, &[("ann", MARKUP, 1, true)]).await;
    for browser in [&ann, &bob, &late] {
        nothing_ran_and_the_console_is_empty(browser).await;
    }
}

#[tokio::test]
async fn a_page_comes_back_by_itself_when_its_node_does() {
    let cluster = Cluster::start(Shape { broadcast: 1, processors: 1, fixed_ports: true, ..SMALL }).await;
    let driver = Driver::start().await;
    let page = join(&driver, &cluster.url("b1").await, "show", "page").await;
    write(&page, "before").await;
    lists(&page, &[("page", "before", 0, false)]).await;
    cluster.kill("b1").await;
    page.shows("document.querySelector('#state').className", "waiting").await;
    write(&page, "written meanwhile").await;
    page.click("#comments li .like").await;
    cluster.respawn("b1").await;
    lists(&page, &[("page", "before", 1, true), ("page", "written meanwhile", 0, false)]).await;
    page.shows("document.querySelector('#state').textContent", "live").await;
}

#[tokio::test]
async fn a_page_keeps_the_order_of_comments_through_a_view_that_was_partial() {
    let cluster = Cluster::start(Shape { broadcast: 1, processors: 2, fixed_ports: false, ..SMALL }).await;
    let driver = Driver::start().await;
    let (node, book) = (cluster.url("b1").await, Book::open("show"));
    let mut bob = Viewer::join(&book, &node, "bob", Encoding::Json).await;
    let page = join(&driver, &node, "show", "page").await;
    for number in 0..16 {
        bob.comment(&format!("number {number}")).await;
    }
    bob.sees("all of it", |view| view.comments.len() == 16).await;
    // The next root hears of only one owner's comments, then of the other's, which are older than what is shown.
    cluster.kill("p2").await;
    cluster.kill("m1").await;
    cluster.respawn("m1").await;
    bob.sees("a partial view", |view| view.partial).await;
    let some = bob.view().comments.len() as u64;
    assert!(some > 0 && some < 16, "one owner has {some} of 16 comments");
    page.shows("document.querySelectorAll('#comments li').length", some).await;
    cluster.respawn("p2").await;
    bob.sees("a whole view", |view| !view.partial && view.comments.len() == 16).await;
    let order: Vec<String> = bob.view().comments.iter().map(|line| line.body.clone()).collect();
    page.shows("[...document.querySelectorAll('#comments .text')].map((text) => text.textContent)", order).await;
    book.assert_kept();
}

#[tokio::test]
async fn when_its_node_ends_the_page_goes_on_at_another() {
    let cluster = Cluster::start(Shape { limits: "drain_ms = 500", ..SMALL }).await;
    let driver = Driver::start().await;
    let ann = join(&driver, &cluster.url("b1").await, "show", "ann").await;
    write(&ann, "before").await;
    lists(&ann, &[("ann", "before", 0, false)]).await;
    let place = "document.querySelector('#node').textContent";
    let (old, new) = if ann.value(place).await == "on b1" { ("b1", "b2") } else { ("b2", "b1") };
    cluster.signal(old, "term").await;
    ann.shows(place, format!("on {new}")).await;
    cluster.ended(old).await;
    write(&ann, "after").await;
    lists(&ann, &[("ann", "before", 0, false), ("ann", "after", 0, false)]).await;
}
