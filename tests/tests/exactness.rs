//! Under load, with retries, duplicates and people on two devices, every count and every view is exact.

use std::collections::BTreeMap;

use watershed_protocol::client::{Encoding, Line};
use watershed_tests::{
    cluster::Cluster,
    crowd::{Crowd, Rates},
    topology::SMALL,
    viewer::{Book, Viewer},
};

#[tokio::test]
async fn two_hundred_viewers_see_exactly_what_was_acknowledged() {
    let cluster = Cluster::start(SMALL).await;
    let book = Book::open("exact");
    let rates = Rates { viewers: 200, comments: 5, likes: 500 };
    let mut crowd = Crowd::join(&book, cluster.urls().await, rates).await;
    crowd.write(rates);
    crowd.acknowledged_more(30, 3_000).await;
    let (report, history) = crowd.finish(|| Some(cluster.durable())).await;
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
