//! The live page when its node goes: it comes back by itself, on the same node or another, and nothing is missing or double.

use std::collections::BTreeSet;

use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    browser::Driver,
    cluster::Cluster,
    live_page::LivePage,
    topology::{SMALL, Shape},
    until,
    viewer::Viewer,
    web,
};

/// Waits until the page has exactly these comments, each once, in this order.
async fn lists_ids(page: &LivePage, wanted: &[String]) {
    until("the page has what the other viewer has", async || {
        let now = page.ids().await;
        if now == wanted { Ok(()) } else { Err(format!("{} rows, {} wanted: {now:?}", now.len(), wanted.len())) }
    })
    .await;
}

#[tokio::test]
async fn a_page_whose_node_was_killed_goes_on_at_another_with_nothing_missing_or_doubled() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    // The page is opened from the node that holds its viewer: with it, the place that it came from is gone too.
    let asked = web::get_json(&format!("{}/v1/streams/show/place?viewer=ann", cluster.url("b1").await)).await;
    let (old, new) = if asked["node"] == "b1" { ("b1", "b2") } else { ("b2", "b1") };
    let page = LivePage::open(&driver, &cluster.url(old).await, "show", "ann").await;
    assert_eq!(page.node().await, old);
    let book = Book::open("show");
    let mut bob = Viewer::new(&book, "bob", Encoding::MessagePack);
    bob.stays = true;
    bob.come(&cluster.url(new).await).await;

    let first = bob.comment("before 0").await;
    for number in 1..10 {
        bob.comment(&format!("before {number}")).await;
    }
    page.write("mine, before").await;
    page.fate("mine, before", "done").await;
    cluster.kill(old).await;
    page.write("mine, while away").await;
    page.press_like("before 0").await;
    for number in 0..20 {
        bob.comment(&format!("meanwhile {number}")).await;
    }
    page.is("live").await;
    assert_eq!(page.node().await, new);
    page.fate("mine, while away", "done").await;
    bob.comment("after").await;

    bob.sees("all that was written", |view| view.comments.len() == 33).await;
    bob.sees("the like", |view| view.comment(first).is_some_and(|line| line.likes == 1)).await;
    let view: Vec<String> = bob.view().comments.iter().map(|line| line.id.to_string()).collect();
    lists_ids(&page, &view).await;
    let history = web::whole_history(&cluster.url(new).await, "show", 100).await;
    let stored: BTreeSet<String> = history.iter().map(|line| line.id.to_string()).collect();
    assert_eq!(history.len(), 33);
    assert_eq!(view.into_iter().collect::<BTreeSet<_>>(), stored);
    page.assert_silent_but_for_lost_nodes().await;
}

#[tokio::test]
async fn a_page_comes_back_by_itself_when_its_node_does() {
    let cluster = Cluster::start(Shape { broadcast: 1, processors: 1, fixed_ports: true, ..SMALL }).await;
    let driver = Driver::start().await;
    let page = LivePage::open(&driver, &cluster.url("b1").await, "show", "page").await;
    page.write("before").await;
    page.fate("before", "done").await;
    cluster.kill("b1").await;
    page.is("waiting").await;
    page.write("written meanwhile").await;
    page.fate("written meanwhile", "sending").await;
    page.press_like("before").await;
    cluster.respawn("b1").await;
    page.lists(&[("page", "before", 1, true), ("page", "written meanwhile", 0, false)]).await;
    page.fate("written meanwhile", "done").await;
    page.is("live").await;
    page.assert_silent_but_for_lost_nodes().await;
}

#[tokio::test]
async fn a_page_keeps_the_order_of_comments_through_a_view_that_was_partial() {
    let cluster = Cluster::start(Shape { broadcast: 1, processors: 2, fixed_ports: false, ..SMALL }).await;
    let driver = Driver::start().await;
    let (node, book) = (cluster.url("b1").await, Book::open("show"));
    let mut bob = Viewer::join(&book, &node, "bob", Encoding::Json).await;
    let page = LivePage::open(&driver, &node, "show", "page").await;
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
    page.shows("document.querySelectorAll('#comments > li').length", some).await;
    cluster.respawn("p2").await;
    bob.sees("a whole view", |view| !view.partial && view.comments.len() == 16).await;
    let order: Vec<String> = bob.view().comments.iter().map(|line| line.id.to_string()).collect();
    lists_ids(&page, &order).await;
    book.assert_kept();
    page.assert_silent().await;
}

#[tokio::test]
async fn when_its_node_ends_the_page_goes_on_at_another() {
    let cluster = Cluster::start(Shape { limits: "drain_ms = 500", ..SMALL }).await;
    let driver = Driver::start().await;
    let page = LivePage::open(&driver, &cluster.url("b1").await, "show", "ann").await;
    page.write("before").await;
    page.fate("before", "done").await;
    let old = page.node().await;
    let new = if old == "b1" { "b2" } else { "b1" };
    cluster.signal(&old, "term").await;
    page.shows("document.querySelector('#node').textContent", format!("on {new}")).await;
    cluster.ended(&old).await;
    page.write("after").await;
    page.lists(&[("ann", "before", 0, false), ("ann", "after", 0, false)]).await;
    page.fate("after", "done").await;
    page.assert_silent_but_for_lost_nodes().await;
}
