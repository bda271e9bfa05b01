//! What a viewer writes on the live page: it stands there at once, and what became of it is said.

use watershed_tests::{
    browser::Driver,
    cluster::Cluster,
    live_page::LivePage,
    topology::{SMALL, Shape},
};

/// Looks empty to a page that trims blanks, but not to the eye of the protocol: a zero-width space.
const INVISIBLE: &str = "\u{200b}";

#[tokio::test]
async fn ones_own_comment_stands_there_before_it_is_durable_and_others_see_it_after() {
    let cluster = Cluster::start(Shape { processors: 1, ..SMALL }).await;
    let driver = Driver::start().await;
    let nodes = cluster.urls().await;
    let ann = LivePage::open(&driver, &nodes[0], "show", "ann").await;
    let bob = LivePage::open(&driver, &nodes[1], "show", "bob").await;
    ann.write("first").await;
    bob.lists(&[("ann", "first", 0, false)]).await;
    ann.fate("first", "done").await;

    cluster.freeze("p1").await;
    ann.write("second").await;
    ann.press_like("first").await;
    ann.fate("second", "sending").await;
    ann.lists(&[("ann", "first", 1, true), ("ann", "second", 0, false)]).await;
    assert_eq!(bob.fates("second").await, Vec::<String>::new(), "nobody else sees what is not durable");
    bob.lists(&[("ann", "first", 0, false)]).await;

    cluster.thaw("p1").await;
    ann.fate("second", "done").await;
    ann.lists(&[("ann", "first", 1, true), ("ann", "second", 0, false)]).await;
    bob.lists(&[("ann", "first", 1, false), ("ann", "second", 0, false)]).await;
    for page in [&ann, &bob] {
        page.assert_silent().await;
    }
}

#[tokio::test]
async fn what_the_server_refuses_is_shown_as_refused_to_its_author_only() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let nodes = cluster.urls().await;
    let ann = LivePage::open(&driver, &nodes[0], "show", "ann").await;
    ann.write(INVISIBLE).await;
    ann.fate(INVISIBLE, "rejected").await;
    ann.shows("document.querySelector('#comments > li .wrong').textContent.length > 0", true).await;
    // What is known to be too long is not even sent, and the words say by how much.
    ann.write(&"x".repeat(1001)).await;
    ann.shows("document.querySelector('#notice').textContent", "comment is 1001 bytes, at most 1000 fit").await;
    ann.write("x").await;
    ann.fate("x", "done").await;
    let late = LivePage::open(&driver, &nodes[1], "show", "late").await;
    late.lists(&[("ann", "x", 0, false)]).await;
    for page in [&ann, &late] {
        page.assert_silent().await;
    }
}
