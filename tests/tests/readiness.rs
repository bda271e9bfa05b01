//! `/readyz` says whether frames flow: not while the root is down, and again when it is back.

use http::StatusCode;
use watershed_tests::{cluster::Cluster, topology::SMALL, until, web};

/// Waits until a broadcast node answers `/readyz` so; gives the words.
async fn answers(node: &str, status: StatusCode) -> String {
    until(&format!("/readyz of {node} answers {status}"), async || match web::get(&format!("{node}/readyz")).await {
        Ok(answer) if answer.status == status => Ok(answer.text()),
        other => Err(format!("{other:?}")),
    })
    .await
}

#[tokio::test]
async fn a_node_is_not_ready_while_the_root_is_down_and_ready_again_after_it() {
    let cluster = Cluster::start(SMALL).await;
    let nodes = cluster.urls().await;
    for _ in 0..2 {
        for node in &nodes {
            assert_eq!(answers(node, StatusCode::OK).await.trim_end(), "ready");
        }
        cluster.kill("m1").await;
        for node in &nodes {
            let why = answers(node, StatusCode::SERVICE_UNAVAILABLE).await;
            assert!(why.contains("root"), "{why}");
            let up = web::get(&format!("{node}/healthz")).await.expect("an answer");
            assert_eq!(up.status, StatusCode::OK, "a process that waits for the root is up all the same");
        }
        let states = cluster.status().await.into_iter();
        let broadcast: Vec<_> = states.filter(|node| node.node.starts_with('b')).map(|node| node.state).collect();
        assert_eq!(broadcast, ["starting", "starting"]);
        cluster.respawn("m1").await;
        for node in &nodes {
            answers(node, StatusCode::OK).await;
        }
    }
}
