//! Both pages on phone and desktop, light and dark: nothing that axe-core holds against them, and pictures to look at.

use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    browser::{Browser, Driver, LOOKS},
    cluster::Cluster,
    live_page::LivePage,
    operator_page::OperatorPage,
    topology::SMALL,
    viewer::Viewer,
};

/// What a few people say of a goal, in more than one script.
const SAID: [(&str, &str); 6] = [
    ("ann", "Here we go!"),
    ("bob", "What a start, did you see that pass?"),
    ("chloe", "Καλημέρα, Grüße, привет!"),
    (
        "dima",
        "A long one, to see how a comment breaks that does not fit into one line of a phone held upright, nor two.",
    ),
    ("eve", "<b>not bold</b>"),
    ("farid", "مرحبا بالجميع"),
];

/// Looks at the page in each look: a picture, and what is held against it.
async fn judge(page: &Browser, name: &str) {
    let mut found = Vec::new();
    for look in LOOKS {
        page.look(look).await;
        page.screenshot(&format!("{name}-{}", look.name)).await;
        found.extend(page.violations().await.into_iter().map(|violation| format!("{}: {violation}", look.name)));
    }
    assert!(found.is_empty(), "the {name} page: {found:#?}");
}

#[tokio::test]
async fn both_pages_can_be_used_by_everybody_on_every_screen() {
    let cluster = Cluster::start(SMALL).await;
    let driver = Driver::start().await;
    let (node, book) = (cluster.url("b1").await, Book::open("show"));
    let mut viewers = Vec::new();
    let mut ids = Vec::new();
    for (name, body) in SAID {
        let mut viewer = Viewer::join(&book, &node, name, Encoding::MessagePack).await;
        ids.push(viewer.comment(body).await);
        viewers.push(viewer);
    }
    for (number, viewer) in viewers.iter_mut().enumerate() {
        for id in &ids[..=number] {
            viewer.like(*id, true).await;
        }
        viewer.tap("heart", 3).await;
    }

    let live = LivePage::open(&driver, &node, "show", "guest").await;
    live.shows("document.querySelectorAll('#comments > li').length", SAID.len() as u64).await;
    live.shows("Number(document.querySelector('#comments > li .count').dataset.count)", SAID.len() as u64).await;
    live.press_like(SAID[1].1).await;
    live.write("Mine").await;
    live.fate("Mine", "done").await;
    judge(&live, "live").await;
    live.click("#join").await;
    assert_eq!(live.violations().await, Vec::<String>::new(), "the dialog");
    live.assert_silent().await;

    let operator = OperatorPage::open(&driver, &cluster, "b1").await;
    judge(&operator, "operator").await;
    cluster.kill("p1").await;
    operator.state("p1", "dead").await;
    operator.tells_of("p1", 1).await;
    operator.look(LOOKS[0]).await;
    operator.screenshot("operator-without-p1").await;
    assert_eq!(operator.violations().await, Vec::<String>::new(), "with a dead processor");
    operator.assert_silent().await;
}
