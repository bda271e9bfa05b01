//! A broadcast node that is asked to end loses no viewer, no frame and no answer; nobody is sent to it any more.

use std::time::Duration;

use http::StatusCode;
use tokio::time::timeout;
use watershed_protocol::client::{Encoding, Response};
use watershed_tests::{
    PATIENCE,
    book::Book,
    cluster::Cluster,
    loadgen::Loadgen,
    topology::{SMALL, Shape},
    until,
    viewer::Viewer,
    web,
};

const NODES: [&str; 3] = ["b1", "b2", "b3"];

/// Three nodes, of which each drains over three seconds.
const SHAPE: Shape = Shape { broadcast: 3, limits: "drain_ms = 3000", ..SMALL };

#[tokio::test]
async fn a_drain_under_load_loses_no_viewer_and_no_frame() {
    let cluster = Cluster::start(SHAPE).await;
    let flags = "--viewers 300 --comments-per-s 5 --likes-per-s 200 --duration 16 --duplicates 0.1";
    let crowd = Loadgen::start(&cluster, "drained", flags).await;
    let held = cluster.viewers(&NODES, 300).await;
    let sent_on_at_first = cluster.figure("b1", "joins_sent_on").await;
    cluster.signal("b1", "term").await;
    cluster.ended("b1").await;
    let held_after = cluster.viewers(&NODES[1..], 300).await;
    let (report, words) = crowd.ends().await;
    assert!(held[0] > 30 && held_after.iter().all(|held| *held > 90), "{held:?}, then {held_after:?}");
    // Everybody on b1 moved, nobody else did but those who found the next node filled by the others and were sent on, and
    // no connection broke on the way.
    let mut moves = held[0] + sent_on_at_first;
    for node in &NODES[1..] {
        moves += cluster.figure(node, "joins_sent_on").await;
    }
    assert_eq!((report["moves"].as_u64(), report["connect_failures"].as_u64()), (Some(moves), Some(0)), "{words}");
    assert_eq!(report["ledger"]["views_checked"], 300, "{words}");
    for kind in ["comments", "likes", "unlikes"] {
        assert_eq!(report["ledger"][kind]["sent"], report["ledger"][kind]["acknowledged"], "{words}");
    }
}

#[tokio::test]
async fn a_draining_node_is_not_ready_serves_who_stays_and_sends_new_viewers_on() {
    let cluster = Cluster::start(Shape { limits: "drain_ms = 600000", ..SHAPE }).await;
    let (node, book) = (cluster.url("b1").await, Book::open("staying"));
    let own = format!("ws{}/v1/streams/staying/live", node.trim_start_matches("http"));
    let mut ann = Viewer::new(&book, "ann", Encoding::Json);
    ann.connect_to(&own).await.expect("a connection");
    ann.sees("a view", |view| view.point.is_some()).await;
    cluster.signal("b1", "term").await;
    until("the launcher sees that b1 ends", async || {
        let status = cluster.status().await;
        let ends = status.iter().any(|seen| seen.node == "b1" && seen.state == "ending" && seen.url == node);
        if ends { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    until("b1 is not ready", async || {
        let answer = web::get(&format!("{node}/readyz")).await.expect("an answer");
        let left = answer.status == StatusCode::SERVICE_UNAVAILABLE && answer.text().contains("draining");
        if left { Ok(()) } else { Err(answer.text()) }
    })
    .await;
    while !matches!(&*ann.heard().await, Response::Move { .. }) {}
    // Who stays gets answers and frames.
    let id = ann.comment("still here").await;
    ann.sees("its comment", |view| view.comment(id).is_some()).await;
    // Nobody is placed there, by whomever is asked.
    for asked in NODES {
        let url = cluster.url(asked).await;
        until(&format!("{asked} places nobody on b1"), async || {
            for number in 0..50 {
                let placed = web::get_json(&format!("{url}/v1/streams/staying/place?viewer=v{number}")).await;
                if placed["node"] == "b1" {
                    return Err(placed);
                }
            }
            Ok(())
        })
        .await;
    }
    for encoding in Encoding::ALL {
        let mut late = Viewer::new(&book, "late", encoding);
        late.connect_to(&own).await.expect("a handshake");
        let Response::Move { url, .. } = &*late.heard().await else { panic!("{:?} is no move", late.view()) };
        let url = url.clone();
        let closed = late.hear().await.expect_err("the connection ends");
        assert!(closed.to_string().contains("retry_after_ms="), "{closed}");
        late.connect_to(&url).await.expect("a connection");
        late.sees("the comment", |view| view.comment(id).is_some()).await;
    }
    book.assert_kept();
}

#[tokio::test]
async fn a_cluster_that_is_stopped_as_a_whole_does_not_wait_for_its_viewers() {
    let cluster = Cluster::start(Shape { limits: "drain_ms = 600000", ..SHAPE }).await;
    let book = Book::open("stopped");
    let mut viewers = Vec::new();
    for number in 0..6 {
        let node = cluster.url(NODES[number % 3]).await;
        viewers.push(Viewer::join(&book, &node, &format!("v{number}"), Encoding::Json).await);
    }
    timeout(PATIENCE + Duration::from_secs(5), cluster.stop())
        .await
        .expect("the cluster stops though its viewers stay");
    for viewer in &mut viewers {
        let closed = async {
            loop {
                if let Err(closed) = viewer.hear().await {
                    return closed;
                }
            }
        };
        let closed = timeout(PATIENCE, closed).await.expect("the connection ends");
        assert!(closed.to_string().contains("retry_after_ms="), "{closed}");
    }
}
