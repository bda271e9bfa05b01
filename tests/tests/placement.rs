//! Viewers go where there is room: a small stream to one node, a huge one to all; a node that comes gets its share, and
//! nobody else moves; a full node sends on.

use std::collections::{BTreeMap, BTreeSet};

use watershed_protocol::client::{Encoding, Response};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    loadgen::Loadgen,
    topology::{SMALL, Shape},
    until,
    viewer::Viewer,
    web,
};

const NODES: [&str; 3] = ["b1", "b2", "b3"];

/// Where a node says that a viewer should go.
async fn placed(node: &str, stream: &str, viewer: &str) -> (String, String) {
    let answer = web::get_json(&format!("{node}/v1/streams/{stream}/place?viewer={viewer}")).await;
    let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
    (text("node"), text("url"))
}

/// The WebSocket address of a stream at a node.
fn live(node: &str, stream: &str) -> String {
    format!("ws{}/v1/streams/{stream}/live", node.trim_start_matches("http"))
}

/// The nodes to which sixty viewers would go, by each of the nodes that are asked.
async fn answers(cluster: &Cluster, stream: &str) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for node in NODES {
        let url = cluster.url(node).await;
        let mut answers = BTreeMap::new();
        for number in 0..60 {
            let name = format!("v{number}");
            answers.insert(name.clone(), placed(&url, stream, &name).await.0);
        }
        all.push(answers);
    }
    all
}

#[tokio::test]
async fn a_small_stream_is_on_one_node_and_a_huge_one_on_all() {
    let shape = Shape { broadcast: 3, viewer_spread: 1, limits: "stream_viewers_per_node = 20", ..SMALL };
    let cluster = Cluster::start(shape).await;
    let small = Loadgen::start(&cluster, "small", "--viewers 8 --duration 20").await;
    cluster.viewers(&NODES, 8).await;
    let huge = Loadgen::start(&cluster, "huge", "--viewers 100 --duration 20").await;
    let held = cluster.viewers(&NODES, 108).await;
    until("all nodes agree: the small stream is on one node, the huge one on three", async || {
        let spread = async |stream| {
            let answers = answers(&cluster, stream).await;
            let nodes: BTreeSet<&String> = answers.iter().flat_map(BTreeMap::values).collect();
            if answers.iter().all(|other| *other == answers[0]) { Ok(nodes.len()) } else { Err(answers) }
        };
        match (spread("small").await, spread("huge").await) {
            (Ok(1), Ok(3)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    // 1.25 times the mean, and whoever came before a node's load was known.
    assert!(held.iter().all(|held| (10..=60).contains(held)), "{held:?}");
    for crowd in [small, huge] {
        crowd.ends().await;
    }
}

#[tokio::test]
async fn a_node_that_comes_gets_its_share_and_nobody_else_moves() {
    let shape = Shape { broadcast: 3, fixed_ports: true, limits: "move_period_ms = 500", ..SMALL };
    let cluster = Cluster::start(shape).await;
    let (b1, b2) = (cluster.url("b1").await, cluster.url("b2").await);
    cluster.kill("b3").await;
    until("b3 is known to be gone", async || {
        let answers = [answers_of(&b1).await, answers_of(&b2).await];
        if answers.iter().any(|nodes| nodes.contains("b3")) { Err(format!("{answers:?}")) } else { Ok(()) }
    })
    .await;
    let book = Book::open("shared");
    // Forty who are where they belong, and ten who chose the other node.
    let (mut crowd, mut stubborn) = (Vec::new(), Vec::new());
    for number in 0..50 {
        let name = format!("v{number}");
        let (node, url) = placed(&b1, "shared", &name).await;
        let mut viewer = Viewer::new(&book, &name, Encoding::ALL[number % 2]);
        let other = if node == "b1" { &b2 } else { &b1 };
        viewer.connect_to(&if number < 40 { url } else { live(other, "shared") }).await.expect("a connection");
        viewer.sees("a view", |view| view.point.is_some() && !view.partial).await;
        if number < 40 { crowd.push(viewer) } else { stubborn.push(viewer) }
    }
    cluster.respawn("b3").await;
    let b3 = live(&cluster.url("b3").await, "shared");
    until("all know that b3 is there", async || {
        let answers = [answers_of(&b1).await, answers_of(&b2).await];
        if answers.iter().all(|nodes| nodes.contains("b3")) { Ok(()) } else { Err(format!("{answers:?}")) }
    })
    .await;
    let (mut moving, mut staying) = (Vec::new(), stubborn);
    for viewer in crowd {
        let moves = placed(&b1, "shared", viewer.id.as_str()).await.0 == "b3";
        if moves { moving.push(viewer) } else { staying.push(viewer) }
    }
    assert!((4..25).contains(&moving.len()), "{} of 40 belong to b3", moving.len());
    for viewer in &mut moving {
        loop {
            if let Response::Move { url, after_ms } = &*viewer.heard().await {
                assert!(*url == b3 && *after_ms < 500, "{} goes to {url} after {after_ms} ms", viewer.id);
                break;
            }
        }
        viewer.connect_to(&b3).await.expect("a connection");
    }
    // Each node tells all whom it tells in one go. What the others hear until they see this, is all that they were told.
    let mut last = staying.pop().expect("a viewer");
    let id = last.comment("after the move").await;
    for viewer in staying.iter_mut().chain([&mut last]) {
        while viewer.view().comment(id).is_none() {
            let heard = viewer.heard().await;
            assert!(!matches!(&*heard, Response::Move { .. }), "{} was told {heard:?}", viewer.id);
        }
    }
    for viewer in &mut moving {
        viewer.sees("the comment", |view| view.comment(id).is_some()).await;
    }
    let told = cluster.figure("b1", "moves_told").await + cluster.figure("b2", "moves_told").await;
    assert_eq!(told, moving.len() as u64);
    book.assert_kept();
}

/// The nodes to which a node sends some viewers.
async fn answers_of(node: &str) -> BTreeSet<String> {
    let mut nodes = BTreeSet::new();
    for number in 0..40 {
        nodes.insert(placed(node, "shared", &format!("v{number}")).await.0);
    }
    nodes
}

#[tokio::test]
async fn a_full_node_sends_on_and_where_all_are_full_viewers_are_told_to_come_later() {
    let cluster = Cluster::start(Shape { limits: "viewers_per_node = 5", ..SMALL }).await;
    let (b1, b2, book) = (cluster.url("b1").await, cluster.url("b2").await, Book::open("full"));
    let [at_b1, at_b2] = [&b1, &b2].map(|node| live(node, "full"));
    let mut seated = Vec::new();
    let mut seat = async |number: usize, url: &str| {
        let mut viewer = Viewer::new(&book, &format!("v{number}"), Encoding::Json);
        viewer.connect_to(url).await.expect("a connection");
        viewer.sees("a view", |view| view.point.is_some()).await;
        seated.push(viewer);
    };
    for number in 0..5 {
        seat(number, &at_b1).await;
    }
    // The sixth is told where there is room.
    let mut sixth = Viewer::new(&book, "v5", Encoding::MessagePack);
    sixth.connect_to(&at_b1).await.expect("a handshake");
    let told = sixth.heard().await;
    assert!(matches!(&*told, Response::Move { url, .. } if *url == at_b2), "{told:?}");
    sixth.hear().await.expect_err("the connection ends");
    // Nobody is placed on the full node, once that is known.
    for node in [&b1, &b2] {
        until("the full node is not named", async || {
            let mut named = BTreeSet::new();
            for number in 0..20 {
                named.insert(placed(node, "full", &format!("w{number}")).await.0);
            }
            if named.contains("b1") { Err(format!("{named:?}")) } else { Ok(()) }
        })
        .await;
    }
    for number in 5..10 {
        seat(number, &at_b2).await;
    }
    // Who comes when all are full, and known to be, is told when to come again, and nothing else.
    until("both nodes know of each other that they are full", async || {
        for url in [&at_b1, &at_b2] {
            let mut late = Viewer::new(&book, "late", Encoding::Json);
            late.connect_to(url).await.map_err(|error| error.to_string())?;
            match late.hear().await {
                Err(closed) if closed.to_string().contains("retry_after_ms=") => {}
                other => return Err(format!("{other:?}")),
            }
        }
        Ok(())
    })
    .await;
    // A place that is given back is given away again.
    seated.remove(0).leave();
    until("there is room on b1 again", async || match placed(&b2, "full", "late").await {
        (node, _) if node == "b1" => Ok(()),
        other => Err(format!("{other:?}")),
    })
    .await;
    book.assert_kept();
}
