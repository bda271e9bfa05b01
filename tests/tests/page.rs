//! The live page in real browsers: what one writes another reads at once, as text; likes and taps are counted in front of
//! everybody.

use serde_json::json;
use watershed_tests::{browser::Driver, cluster::Cluster, live_page::LivePage, topology::SMALL};

/// Markup that would be seen to run.
const MARKUP: &str = "<img src=x onerror=\"window.broken=1\"><script>window.broken=2</script><b>bold</b>";

#[tokio::test]
async fn what_one_writes_another_reads_as_text_and_likes() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let nodes = cluster.urls().await;
    let ann = LivePage::open(&driver, &nodes[0], "show", "ann").await;
    let bob = LivePage::open(&driver, &nodes[1], "show", "bob").await;
    for page in [&ann, &bob] {
        page.shows("document.querySelector('#viewers').dataset.count", "2").await;
    }
    ann.write(MARKUP).await;
    bob.lists(&[("ann", MARKUP, 0, false)]).await;
    ann.lists(&[("ann", MARKUP, 0, false)]).await;
    ann.fate(MARKUP, "done").await;
    ann.shows("document.querySelector('#body').value", "").await;

    bob.press_like(MARKUP).await;
    ann.lists(&[("ann", MARKUP, 1, false)]).await;
    bob.lists(&[("ann", MARKUP, 1, true)]).await;
    ann.press_like(MARKUP).await;
    bob.lists(&[("ann", MARKUP, 2, true)]).await;
    bob.press_like(MARKUP).await;
    ann.lists(&[("ann", MARKUP, 1, true)]).await;
    bob.lists(&[("ann", MARKUP, 1, false)]).await;

    for _ in 0..3 {
        bob.click("#reactions [data-kind=heart]").await;
    }
    ann.shows("document.querySelector('#reactions [data-kind=heart]').dataset.count", "3").await;

    // Whoever opens the page later, by its address, sees the same, and what it liked before.
    let late = LivePage::open(&driver, &nodes[1], "show", "ann").await;
    late.lists(&[("ann", MARKUP, 1, true)]).await;
    for page in [&ann, &bob, &late] {
        page.assert_only_text().await;
        page.assert_silent().await;
    }
}

#[tokio::test]
async fn whoever_says_who_watches_what_finds_it_in_the_address() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let page = LivePage(driver.open(&format!("{}/", cluster.url("b1").await)).await);
    page.is("live").await;
    page.click("#join").await;
    // A name that no server takes is refused before it leaves.
    page.fill("#viewer", "a b").await;
    page.click("#identity button[type=submit]").await;
    page.shows("document.querySelector('#identity-wrong').textContent.length > 0", true).await;
    page.fill("#stream", "show").await;
    page.fill("#viewer", "ann").await;
    page.click("#identity button[type=submit]").await;
    page.shows("document.querySelector('#identity')", json!(null)).await;
    page.is("live").await;
    let address = "['stream', 'viewer'].map((field) => new URLSearchParams(location.search).get(field))";
    page.shows(address, json!(["show", "ann"])).await;
    page.write("here").await;
    page.lists(&[("ann", "here", 0, false)]).await;
    page.fate("here", "done").await;
    page.assert_silent().await;
}
