//! Under load, with retries, duplicates and people on two devices, every count and every view is exact.

use std::collections::BTreeMap;

use serde_json::json;
use watershed_protocol::client::{Encoding, Line};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    crowd::{Crowd, Rates},
    loadgen::Loadgen,
    topology::SMALL,
    viewer::Viewer,
};

#[tokio::test]
async fn two_hundred_viewers_see_exactly_what_was_acknowledged() {
    let cluster = Cluster::start(SMALL).await;
    let book = Book::open("exact");
    let rates = Rates { viewers: 200, comments: 5, likes: 500 };
    let mut crowd = Crowd::join(&book, cluster.urls().await, rates).await;
    crowd.write(rates);
    crowd.acknowledged_more(30, 3_000).await;
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    assert_eq!(report.comments.acknowledged, report.comments.sent);
    assert_eq!(report.likes.acknowledged, report.likes.sent);
    assert_eq!(report.unlikes.acknowledged, report.unlikes.sent);
    assert_eq!(history.len() as u64, report.comments.sent);
    assert!(report.resent > 100, "only {} writes were sent twice", report.resent);
    assert!(report.unlikes.sent > 0);
    let mut late = Viewer::join(&book, &cluster.url("b1").await, "late", Encoding::Json).await;
    let counts = |lines: &[Line]| lines.iter().map(|line| (line.id, line.likes)).collect::<BTreeMap<_, _>>();
    late.sees("all counts", |view| counts(&view.comments) == counts(&history)).await;
}

#[tokio::test]
async fn the_load_generator_finds_every_promise_kept() {
    let cluster = Cluster::start(SMALL).await;
    let flags = "--viewers 100 --comments-per-s 5 --likes-per-s 200 --duration 4";
    let (report, words) = Loadgen::start(&cluster, "load", flags).await.ends().await;
    let ledger = &report["ledger"];
    assert_eq!(ledger["views_checked"], 100, "{words}");
    assert_eq!((&report["reconnects"], &report["undecodable"]), (&json!(0), &json!(0)), "{words}");
    for kind in ["comments", "likes", "unlikes"] {
        assert!(ledger[kind]["sent"].as_u64() > Some(0), "{words}");
        assert_eq!(ledger[kind]["sent"], ledger[kind]["acknowledged"], "{words}");
    }
}
