//! Everybody is told how many watch: each viewer of each stream is counted, on whatever node, and not after it has gone.

use futures::future::join_all;
use watershed_protocol::client::Encoding;
use watershed_tests::{book::Book, cluster::Cluster, topology::SMALL, viewer::Viewer};

/// Streams that are opened at the same time.
const STREAMS: usize = 100;

#[tokio::test]
async fn the_first_viewer_of_a_stream_is_counted() {
    let cluster = Cluster::start(SMALL).await;
    let nodes = cluster.urls().await;
    let alone = (0..STREAMS).map(async |number| {
        let book = Book::open(&format!("stream-{number}"));
        let encoding = Encoding::ALL[number / 2 % Encoding::ALL.len()];
        let mut viewer = Viewer::join(&book, &nodes[number % 2], "ann", encoding).await;
        viewer.sees("itself counted", |view| view.viewers == 1).await;
        book.assert_kept();
    });
    join_all(alone).await;
}

#[tokio::test]
async fn viewers_on_all_nodes_are_counted_while_they_are_there() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("full"));
    let crowd = (0..20).map(async |number| Viewer::join(&book, &node, &format!("v{number}"), Encoding::Json).await);
    let mut crowd = join_all(crowd).await;
    for viewer in &mut crowd {
        viewer.sees("everybody", |view| view.viewers == 20).await;
    }
    for left in [7, 1] {
        for mut gone in crowd.drain(left..) {
            gone.leave();
        }
        for viewer in &mut crowd {
            viewer.sees("those who stayed", |view| view.viewers == left as u64).await;
        }
    }
    book.assert_kept();
}
