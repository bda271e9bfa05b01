//! The HTTP interface of a broadcast node: places, history in pages, likes, totals, the cluster, figures and errors.

use std::collections::BTreeSet;

use http::{StatusCode, header};
use serde_json::{Value, json};
use watershed_ledger::What;
use watershed_protocol::{CommentId, client::Encoding};
use watershed_tests::{book::Book, cluster::Cluster, topology::SMALL, until, viewer::Viewer, web};

/// Gets a path of a node that answers with this status and an error in words.
async fn refused(node: &str, path: &str, status: StatusCode) -> String {
    let answer = web::get(&format!("{node}{path}")).await.expect("an answer");
    assert_eq!(answer.status, status, "{path}: {}", answer.text());
    let words = answer.json()["error"].as_str().map(str::to_owned);
    words.unwrap_or_else(|| panic!("{path} gave no error: {}", answer.text()))
}

fn ids(page: &Value) -> Vec<CommentId> {
    let lines = page["comments"].as_array().unwrap_or_else(|| panic!("no comments in {page}"));
    lines.iter().map(|line| line["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")).collect()
}

#[tokio::test]
async fn history_likes_and_totals_are_exact() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("told"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let mut bob = Viewer::join(&book, &cluster.url("b2").await, "bob", Encoding::MessagePack).await;
    let mut written = Vec::new();
    for number in 0..23 {
        written.push(ann.comment(&format!("number {number}")).await);
    }
    for id in &written[..5] {
        ann.like(*id, true).await;
        bob.like(*id, true).await;
    }
    bob.like(written[0], false).await;
    let gone = ann.comment("a slip").await;
    bob.like(gone, true).await;
    ann.write(&What::Delete { id: gone }).await;

    let whole = web::whole_history(&node, "told", 500).await;
    assert!(whole.is_sorted_by(|newer, older| newer.at >= older.at), "{whole:#?}");
    // Of the same millisecond, comments of two owners stand in any order, but always in the same.
    let found: BTreeSet<CommentId> = whole.iter().map(|line| line.id).collect();
    assert_eq!(found, written.iter().copied().collect());
    for limit in [1, 7, 23] {
        assert_eq!(web::whole_history(&node, "told", limit).await, whole, "in pages of {limit}");
    }
    for (number, id) in written.iter().enumerate() {
        let line = whole.iter().find(|line| line.id == *id).expect("every comment is there");
        let likes = [1, 2, 2, 2, 2].get(number).copied().unwrap_or(0);
        assert_eq!((line.body.as_str(), line.likes), (format!("number {number}").as_str(), likes));
    }
    let stream = format!("{node}/v1/streams/told");
    let page = web::when_available(&format!("{stream}/comments?limit=7")).await;
    assert_eq!(ids(&page).len(), 7);
    let before = format!("{stream}/comments?limit=7&before={}", ids(&page)[6]);
    let second = web::when_available(&before).await;
    ann.comment("newer than both pages").await;
    assert_eq!(web::when_available(&before).await, second, "what is written later does not move older pages");

    let asked = written.iter().map(CommentId::to_string).collect::<Vec<_>>().join(",");
    let liked = async |viewer: &str| web::when_available(&format!("{stream}/likes?viewer={viewer}&ids={asked}")).await;
    assert_eq!(liked("ann").await, json!({"liked": written[..5]}));
    assert_eq!(liked("bob").await, json!({"liked": written[1..5]}));
    assert_eq!(liked("eve").await, json!({"liked": []}));

    ann.tap("heart", 3).await;
    bob.tap("heart", 4).await;
    for viewer in [&mut ann, &mut bob] {
        viewer.sees("both taps and viewers", |view| view.reactions.get("heart") == Some(&7) && view.viewers == 2).await;
    }
    let totals = json!({"stream": "told", "comments": 24, "likes": 9, "viewers": 2, "reactions": {"heart": 7}});
    for url in cluster.urls().await {
        let mut told = web::when_available(&format!("{url}/v1/streams/told")).await;
        if told["viewers"] == 0 {
            // A node that shows the stream to nobody does not know how many watch elsewhere.
            told["viewers"] = 2.into();
        }
        assert_eq!(told, totals, "at {url}");
    }
    let nothing = json!({"stream": "silent", "comments": 0, "likes": 0, "viewers": 0, "reactions": {}});
    assert_eq!(web::when_available(&format!("{node}/v1/streams/silent")).await, nothing);
    assert_eq!(web::when_available(&format!("{node}/v1/streams/silent/comments")).await, json!({"comments": []}));
    book.assert_kept();
}

#[tokio::test]
async fn every_node_places_a_viewer_alike_and_all_nodes_get_some() {
    let cluster = Cluster::start(SMALL).await;
    let urls = cluster.urls().await;
    let mut nodes = BTreeSet::new();
    for number in 0..50 {
        let place = async |url: &str| web::get_json(&format!("{url}/v1/streams/s/place?viewer=v{number}")).await;
        let (one, other) = (place(&urls[0]).await, place(&urls[1]).await);
        assert_eq!(one, other);
        let node = one["node"].as_str().expect("a node").to_owned();
        if nodes.contains(&node) {
            continue;
        }
        let ws = async |node: &str| format!("{}/v1/streams/s/live", cluster.url(node).await.replace("http", "ws"));
        let other = if node == "b1" { "b2" } else { "b1" };
        assert_eq!((&one["url"], &one["others"]), (&json!(ws(&node).await), &json!([ws(other).await])));
        nodes.insert(node);
    }
    assert_eq!(nodes.into_iter().collect::<Vec<_>>(), ["b1", "b2"]);
}

#[tokio::test]
async fn the_cluster_and_its_figures_show_every_node_and_what_each_stage_saves() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("counted"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let id = ann.comment("hello").await;
    ann.like(id, true).await;
    ann.sees("its like", |view| view.comment(id).is_some_and(|line| line.likes == 1)).await;

    // Ready nodes see each other, and what each has claimed, at their next look.
    let tree = until("all nodes and their claims are seen", async || {
        let tree = web::get_json(&format!("{node}/v1/cluster")).await;
        let rows = tree["nodes"].as_array().expect("nodes");
        let claimed = rows.iter().filter(|row| row["slot_epochs"]["min"].as_u64() > Some(1)).count();
        let placed =
            rows.iter().filter(|row| row["role"] == "broadcast" && row["ring_share"].as_f64() < Some(1.0)).count();
        let ready = rows.iter().filter(|row| row["ready"] == true).count();
        if (ready, claimed, placed) == (5, 2, 2) { Ok(tree) } else { Err(tree.to_string()) }
    })
    .await;
    assert_eq!(tree["root"]["node"], "m1");
    assert_eq!((&tree["name"], &tree["slots"]), (&json!("test"), &json!(4_096)));
    assert!(tree["at"].as_u64() > Some(1_700_000_000_000), "milliseconds since 1970: {tree}");
    assert!(tree["map_epoch"].as_u64() > Some(0), "{tree}");
    let nodes = tree["nodes"].as_array().expect("nodes");
    let mut seen: Vec<(&str, &str)> =
        nodes.iter().map(|node| (node["node"].as_str().unwrap_or("?"), node["role"].as_str().unwrap_or("?"))).collect();
    seen.sort_unstable();
    let all = [("b1", "broadcast"), ("b2", "broadcast"), ("m1", "merger"), ("p1", "processor"), ("p2", "processor")];
    assert_eq!(seen, all);
    let slots: u64 = nodes.iter().filter_map(|node| node["slots"].as_u64()).sum();
    assert_eq!(slots, 4_096, "every slot has an owner");
    for shown in nodes {
        assert_eq!((&shown["state"], &shown["ready"]), (&json!("alive"), &json!(true)), "{shown}");
        assert!(shown["figures"].as_object().is_some_and(|figures| !figures.is_empty()), "{shown}");
        assert!(shown["beat_ms"].as_u64().is_some() && shown["silent_ms"].is_null(), "{shown}");
        assert!(shown["missing"].is_null(), "{shown}");
        for used in ["uptime_s", "cpu_seconds", "resident_bytes", "figures_asked"] {
            assert!(shown["figures"][used].is_number(), "{used} of {shown}");
        }
        match shown["role"].as_str() {
            Some("processor") => assert_eq!(shown["slot_epochs"], json!({"min": 2, "max": 2}), "one start: {shown}"),
            Some("merger") => assert_eq!(shown["work"], "root", "{shown}"),
            _ => assert_eq!(shown["fed_by"], "m1", "{shown}"),
        }
    }
    for role in ["broadcast", "processor"] {
        let shares = nodes.iter().filter(|node| node["role"] == role).filter_map(|node| node["ring_share"].as_f64());
        assert!((shares.sum::<f64>() - 1.0).abs() < 1e-9, "{role} nodes share all of it: {tree}");
    }

    // Which figures each role must show, and the least value of each.
    let broadcast: &[(&str, f64)] = &[
        ("watershed_reduction_writes_per_batch", 0.0),
        ("watershed_fanout_writes_per_frame", 0.0),
        ("watershed_writes_in_total", 0.0),
        ("watershed_viewers", 0.0),
        ("watershed_frames_written_total", 0.0),
        ("watershed_ranges_written_total", 0.0),
        ("watershed_samples_written_total", 0.0),
        ("watershed_snapshots_written_total", 0.0),
        ("watershed_bytes_written_total", 0.0),
        ("watershed_refused_rate_limited_total", 0.0),
        ("watershed_writes_overloaded_total", 0.0),
    ];
    let processor: &[(&str, f64)] = &[
        ("watershed_reduction_likes_per_tally", 0.0),
        ("watershed_reduction_writes_per_commit", 0.0),
        ("watershed_commits_total", 0.0),
        ("watershed_commit_microseconds_p50", 0.0),
        ("watershed_commit_microseconds_p99", 0.0),
    ];
    let merger: &[(&str, f64)] = &[
        ("watershed_reduction_tallies", 1.0),
        ("watershed_reduction_reports_per_frame", 0.0),
        ("watershed_frames_out_total", 1.0),
        ("watershed_comments_in_total", 1.0),
        ("watershed_streams_open", 1.0),
        ("watershed_merge_steps_total", 1.0),
        ("watershed_merge_microseconds_total", 1.0),
    ];
    for shown in cluster.status().await {
        let figures = figures(&shown.url).await;
        let wanted = match shown.node.as_bytes()[0] {
            b'b' => broadcast,
            b'p' => processor,
            _ => merger,
        };
        for (name, least) in wanted {
            let value = figures.iter().find(|(found, _)| found == name).map(|(_, value)| *value);
            assert!(value >= Some(*least), "{} of {}: {value:?} in {figures:?}", name, shown.node);
        }
        assert!(figures.iter().all(|(_, value)| value.is_finite()), "{figures:?}");
        assert_eq!(web::get(&format!("{}/healthz", shown.url)).await.expect("an answer").status, StatusCode::OK);
        assert_eq!(web::get(&format!("{}/readyz", shown.url)).await.expect("an answer").status, StatusCode::OK);
    }
    let placed = tree["nodes"].as_array().expect("nodes").iter();
    let written: f64 = placed.filter_map(|node| node["figures"]["writes_in"].as_f64()).sum();
    assert!(written >= 2.0, "a comment and a like went in: {tree}");
    book.assert_kept();
}

/// The lines of `/metrics`, each a name and a value.
async fn figures(url: &str) -> Vec<(String, f64)> {
    let answer = web::get(&format!("{url}/metrics")).await.expect("an answer");
    let kind = answer.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = answer.text();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} has no value"));
            (name.to_owned(), value.parse().unwrap_or_else(|_| panic!("{line:?} has no number")))
        })
        .collect()
}

#[tokio::test]
async fn what_is_wrong_is_said_with_its_value_and_its_limit() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    let long = "x".repeat(65);
    let some = "6f1c0000000000000000000000000009";
    let many = vec![some; 101].join(",");
    let bad: &[(String, &str)] = &[
        ("/v1/streams/a%20b/comments".into(), "stream"),
        (format!("/v1/streams/{long}"), "65"),
        ("/v1/streams/s/comments?limit=0".into(), "1 to 500"),
        ("/v1/streams/s/comments?limit=501".into(), "1 to 500"),
        ("/v1/streams/s/comments?limit=x".into(), "1 to 500"),
        ("/v1/streams/s/comments?before=xyz".into(), "comment"),
        ("/v1/streams/s/place".into(), "viewer"),
        ("/v1/streams/s/place?viewer=a%2Fb".into(), "viewer"),
        ("/v1/streams/s/likes?viewer=v".into(), "ids"),
        (format!("/v1/streams/s/likes?viewer=v&ids={many}"), "100"),
    ];
    for (path, word) in bad {
        let words = refused(&node, path, StatusCode::BAD_REQUEST).await;
        assert!(words.contains(word), "{path}: {words}");
    }
    let unknown = format!("/v1/streams/s/comments?before={some}");
    let unknown = until("an answer about an unknown comment", async || {
        let answer = web::get(&format!("{node}{unknown}")).await.expect("an answer");
        if web::may_retry(&answer) { Err(answer.text()) } else { Ok(answer.status) }
    });
    assert_eq!(unknown.await, StatusCode::NOT_FOUND);
    for path in ["/nothing", "/v1/streams", "/v1/streams/s/nothing", "/live.css.map"] {
        refused(&node, path, StatusCode::NOT_FOUND).await;
    }
    refused(&node, "/v1/streams/s/live?viewer=v", StatusCode::UPGRADE_REQUIRED).await;
}

#[tokio::test]
async fn while_an_owner_is_down_history_is_unavailable_and_never_short() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("owned"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    for number in 0..10 {
        ann.comment(&format!("number {number}")).await;
    }
    let whole = web::whole_history(&node, "owned", 100).await;
    let paths = ["/v1/streams/owned/comments", "/v1/streams/owned", "/v1/streams/silent/comments"];
    cluster.kill("p2").await;
    for path in paths {
        until("an owner that is down is 503", async || {
            let answer = web::get(&format!("{node}{path}")).await.expect("an answer");
            if answer.status == StatusCode::OK {
                // It was asked before its death was known: then it has answered.
                return Err(answer.text());
            }
            assert!(web::may_retry(&answer), "{answer:?}");
            Ok(())
        })
        .await;
    }
    cluster.respawn("p2").await;
    assert_eq!(web::whole_history(&node, "owned", 100).await, whole);
    book.assert_kept();
}
