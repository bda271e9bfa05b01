//! What operators see, and who is one: the token on every node of every role, the tree and what it costs, the slowest viewers.

use std::time::Instant;

use http::{StatusCode, header};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};
use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    cluster::{Cluster, Setup},
    topology::SMALL,
    until,
    viewer::Viewer,
    web,
};

/// A cluster that only its nodes and operators may look into.
async fn guarded() -> Cluster {
    Cluster::start_as(SMALL, Setup { secret: Some("end-to-end"), ..Setup::default() }).await
}

#[tokio::test]
async fn with_a_secret_only_who_shows_the_token_sees_how_the_cluster_is() {
    let cluster = guarded().await;
    let token = cluster.token().expect("the cluster has a secret");
    let nodes = cluster.status().await;
    assert!(
        nodes.iter().all(|node| node.fed_by.is_some() || !node.node.starts_with('b')),
        "the launcher has it: {nodes:?}"
    );
    for node in &nodes {
        let paths: &[&str] = if node.node.starts_with('b') {
            &["/v1/node", "/metrics", "/v1/cluster"]
        } else {
            &["/v1/node", "/metrics"]
        };
        for path in paths {
            let url = format!("{}{path}", node.url);
            for (shown, challenge) in
                [(None, "Bearer"), (Some("Bearer nobodys-token"), "Bearer error=\"invalid_token\"")]
            {
                let answer = match shown {
                    None => web::get(&url).await,
                    Some(shown) => web::get_as(&url, shown).await,
                };
                let answer = answer.expect("an answer");
                assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{url}");
                assert_eq!(answer.headers[header::WWW_AUTHENTICATE], challenge, "{url}");
                let words = answer.json()["error"].as_str().unwrap_or_default().to_owned();
                assert!(words.contains("watershed token --topology FILE") && !words.contains("nobodys"), "{words}");
            }
            let answer = web::get_as(&url, &format!("Bearer {token}")).await.expect("an answer");
            assert_eq!(answer.status, StatusCode::OK, "{url}: {}", answer.text());
        }
        for open in ["/healthz", "/readyz"] {
            assert_eq!(web::get(&format!("{}{open}", node.url)).await.expect("an answer").status, StatusCode::OK);
        }
        let wrong = cluster.figure(&node.node, "tokens_wrong").await;
        assert_eq!(wrong, paths.len() as u64, "wrong tokens are counted at {}", node.node);
    }
    let logs = cluster.log_ends();
    assert!(logs.contains("a token was shown that is not the operators'"), "{logs}");
    assert!(!logs.contains("nobodys-token") && !logs.contains(&token), "a token is never logged: {logs}");

    // Viewers need none.
    let (node, book) = (cluster.url("b1").await, Book::open("open"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    ann.comment("hello").await;
    web::when_available(&format!("{node}/v1/streams/open")).await;
    web::get_json(&format!("{node}/v1/streams/open/place?viewer=ann")).await;
    book.assert_kept();

    // And the nodes show it each other.
    until("all nodes tell their figures", async || {
        let tree = cluster.told(&format!("{node}/v1/cluster")).await;
        let rows = tree["nodes"].as_array().expect("nodes");
        let all = rows.len() == 5 && rows.iter().all(|row| row["ready"] == true && row["figures"].is_object());
        if all { Ok(()) } else { Err(tree.to_string()) }
    })
    .await;
}

#[tokio::test]
async fn a_page_of_one_node_may_show_its_token_to_another() {
    let cluster = guarded().await;
    let node = cluster.url("b1").await;
    let asked = web::preflight(&format!("{node}/v1/cluster")).await.expect("an answer");
    assert_eq!((asked.status, asked.body.len()), (StatusCode::NO_CONTENT, 0));
    assert_eq!(asked.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert_eq!(asked.headers[header::ACCESS_CONTROL_ALLOW_HEADERS], "Authorization");
    assert_eq!(asked.headers[header::ACCESS_CONTROL_ALLOW_METHODS], "GET, HEAD");
    // Whoever is refused can read why.
    let refused = web::get(&format!("{node}/v1/cluster")).await.expect("an answer");
    assert_eq!(refused.headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    for path in ["/v1/streams/demo", "/healthz", "/v1/nothing"] {
        let asked = web::preflight(&format!("{node}{path}")).await.expect("an answer");
        assert_eq!(asked.status, StatusCode::METHOD_NOT_ALLOWED, "{path} needs no token");
    }
}

/// A viewer that shakes hands, hears its welcome and then reads nothing any more.
async fn sleeper(node: &str, stream: &str) -> TcpStream {
    let authority = node.trim_start_matches("http://");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4_096).expect("a small buffer");
    let mut socket = socket.connect(authority.parse().expect("an address")).await.expect("the node is there");
    let request = format!(
        "GET /v1/streams/{stream}/live?viewer=sleeper HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    socket.write_all(request.as_bytes()).await.expect("the node reads");
    let mut status = [0; 12];
    socket.read_exact(&mut status).await.expect("the node answers");
    assert_eq!(&status, b"HTTP/1.1 101");
    socket
}

#[tokio::test]
async fn a_viewer_that_does_not_read_is_the_slowest_that_operators_see() {
    let cluster = guarded().await;
    let (node, book) = (cluster.url("b1").await, Book::open("slow"));
    let _sleeper = sleeper(&node, "slow").await;
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let long = "z".repeat(1_000);
    let slowest = until("the sleeper is seen", async || {
        // More than its buffers hold, in time.
        for _ in 0..20 {
            ann.comment(&long).await;
        }
        let row = row(&cluster, &node, "b1").await;
        let first = row["slowest"][0].clone();
        let is_stalled = first["stalled_ms"].as_u64() > Some(0) && first["behind_frames"].as_u64() > Some(1);
        if is_stalled { Ok(row["slowest"].clone()) } else { Err(row["slowest"].to_string()) }
    })
    .await;
    assert_eq!((&slowest[0]["viewer"], &slowest[0]["stream"]), (&"sleeper".into(), &"slow".into()), "{slowest}");
    let grade = slowest[0]["grade"].as_str();
    assert!(["range", "sample", "snapshot"].map(Some).contains(&grade), "{slowest}");
    assert!(row(&cluster, &node, "p1").await["slowest"].is_null(), "a processor has no viewers");
    book.assert_kept();
}

/// The row of one node in the tree that another shows.
async fn row(cluster: &Cluster, asked: &str, node: &str) -> Value {
    let tree = cluster.told(&format!("{asked}/v1/cluster")).await;
    let rows = tree["nodes"].as_array().expect("nodes");
    rows.iter().find(|row| row["node"] == node).unwrap_or_else(|| panic!("{node} is not in {tree}")).clone()
}

#[tokio::test]
async fn however_many_look_at_the_cluster_each_node_is_asked_about_twice_a_second() {
    const LOOKERS: usize = 50;
    const LOOKS: usize = 20;
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    let (before, begun) = (cluster.figure("m1", "figures_asked").await, Instant::now());
    let look = async || {
        for _ in 0..LOOKS {
            web::get_json(&format!("{node}/v1/cluster")).await;
        }
    };
    futures::future::join_all((0..LOOKERS).map(|_| look())).await;
    let asked = cluster.figure("m1", "figures_asked").await - before - 1;
    let most = 1 + begun.elapsed().as_millis() / 500;
    assert!(
        (1..=most).contains(&u128::from(asked)),
        "asked {asked} times for {LOOKERS} who looked, {most} are allowed"
    );
}

#[tokio::test]
async fn a_node_that_is_gone_or_frozen_costs_only_its_own_row() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    cluster.kill("p1").await;
    cluster.freeze("p2").await;
    until("the dead and the frozen are shown as they are", async || {
        let (dead, frozen) = (row(&cluster, &node, "p1").await, row(&cluster, &node, "p2").await);
        let shown = dead["state"] == "dead" && frozen["state"] == "silent" && frozen["figures"].is_null();
        if !shown {
            return Err(format!("{dead} {frozen}"));
        }
        assert!(dead["beat_ms"].is_number() && dead["figures"].is_null(), "{dead}");
        assert!(frozen["beat_ms"].as_u64() >= frozen["silent_ms"].as_u64(), "{frozen}");
        assert_eq!(frozen["missing"], "no answer within 500 ms", "{frozen}");
        Ok(())
    })
    .await;
    let root = row(&cluster, &node, "m1").await;
    assert!(root["figures"].is_object(), "who is well is shown in full: {root}");
    cluster.thaw("p2").await;
}
