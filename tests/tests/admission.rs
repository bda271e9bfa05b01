//! A storm of joins ends with everybody in, at the rate that the node takes; those already on are not disturbed.

use watershed_protocol::client::{Encoding, Response};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    loadgen::Loadgen,
    topology::{SMALL, Shape},
    viewer::Viewer,
};

#[tokio::test]
async fn a_storm_of_joins_ends_with_everybody_in() {
    let limits = "joins_per_s = 40\njoin_burst = 20";
    let cluster = Cluster::start(Shape { broadcast: 1, limits, ..SMALL }).await;
    let (node, book) = (cluster.url("b1").await, Book::open("calm"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let mut bob = Viewer::join(&book, &node, "bob", Encoding::MessagePack).await;
    let storm = Loadgen::start(&cluster, "stormy", "--viewers 200 --joins-per-s 10000 --duration 4").await;
    // While they come, those who are on write and see as ever.
    let mut written = 0;
    while cluster.figure("b1", "viewers").await < 202 {
        written += 1;
        let id = ann.comment(&format!("comment {written} in the storm")).await;
        while bob.view().comment(id).is_none() {
            let heard = bob.heard().await;
            assert!(matches!(&*heard, Response::Delta { .. } | Response::Beat { .. }), "{heard:?}");
        }
    }
    let (report, words) = storm.ends().await;
    assert_eq!((report["connected_most"].as_u64(), report["ledger"]["views_checked"].as_u64()), (Some(200), Some(200)));
    assert!(cluster.figure("b1", "joins_refused").await > 0, "nobody was refused: {words}");
    assert!(cluster.figure("b1", "joins_admitted").await >= 202, "{words}");
    book.assert_kept();
}
