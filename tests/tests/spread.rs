//! A stream whose comments are counted in parts, over all processors, is as exact as any other: under load, when owners of
//! parts are killed and when the root is.

use std::fs;

use serde_json::json;
use watershed_ledger::What;
use watershed_protocol::client::{Code, Encoding};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    crowd::{Crowd, Rates},
    process::{Process, binary},
    topology::SMALL,
    until,
    viewer::{Told, Viewer},
    web,
};

const RATES: Rates = Rates { viewers: 60, comments: 3, likes: 300 };

#[tokio::test]
async fn parts_are_summed_exactly_whoever_of_their_owners_or_the_root_is_killed() {
    let cluster = Cluster::start_with(SMALL, 2).await;
    let book = Book::open("spread-out");
    let mut crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(10, 500).await;
    for node in ["p1", "m1", "p2"] {
        cluster.kill(node).await;
        cluster.respawn(node).await;
        crowd.acknowledged_more(5, 200).await;
    }
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    assert_eq!(report.likes.acknowledged, report.likes.sent, "{report:#?}");
    assert_eq!(history.len() as u64, report.comments.sent);
    let counted: std::collections::BTreeSet<u16> = cluster.durable().iter().map(|row| row.part).collect();
    assert_eq!(counted, (0..5).collect(), "every part has counted");
}

#[tokio::test]
async fn a_spread_comment_is_liked_asked_for_and_deleted_like_any_other() {
    let cluster = Cluster::start(SMALL).await;
    let book = Book::open("spread-few");
    let url = cluster.url("b1").await;
    let mut ann = Viewer::join(&book, &url, "ann", Encoding::Json).await;
    let id = ann.comment("hello").await;
    let mut fans = Vec::new();
    for number in 0..12 {
        let name = format!("fan-{number}");
        let mut fan = Viewer::join(&book, &url, &name, Encoding::MessagePack).await;
        fan.like(id, true).await;
        fans.push(name);
    }
    ann.sees("twelve likes", |view| view.comments.iter().any(|line| line.id == id && line.likes == 12)).await;
    let history = web::whole_history(&url, "spread-few", 50).await;
    assert_eq!(history[0].likes, 12);
    for fan in &fans {
        let liked = web::when_available(&format!("{url}/v1/streams/spread-few/likes?viewer={fan}&ids={id}")).await;
        assert_eq!(liked["liked"], json!([id]), "{fan}");
    }
    let totals = web::when_available(&format!("{url}/v1/streams/spread-few")).await;
    assert_eq!((&totals["comments"], &totals["likes"]), (&json!(1), &json!(12)));
    assert!(matches!(ann.write(&What::Delete { id }).await, Told::Acknowledged { .. }));
    for number in 0..12 {
        // Whichever part would count them, it takes no likes any more.
        let mut late = Viewer::join(&book, &url, &format!("late-{number}"), Encoding::Json).await;
        let like = late.says(id, true);
        assert!(matches!(late.write(&like).await, Told::Refused(Code::UnknownComment)));
    }
    let totals = web::when_available(&format!("{url}/v1/streams/spread-few")).await;
    assert_eq!((&totals["comments"], &totals["likes"]), (&json!(0), &json!(0)));
}

#[tokio::test]
async fn a_topology_that_spreads_otherwise_than_the_cluster_was_founded_is_refused() {
    let cluster = Cluster::start(SMALL).await;
    cluster.kill("p1").await;
    let topology = cluster.path("other.toml");
    let text = fs::read_to_string(cluster.path("cluster.toml")).expect("the cluster's topology");
    fs::write(&topology, text.replace("parts = 5", "parts = 6")).expect("another topology");
    let log = cluster.path("logs/other.log");
    let arguments = ["processor", "--topology", &topology.display().to_string(), "--name", "p1"].map(str::to_owned);
    let mut node = Process::start(&binary("watershed"), arguments.to_vec(), &log);
    let code = until("the node is refused", async || node.ended().ok_or("it runs")).await;
    let words = fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(code, 64, "{words}");
    assert!(
        words.contains("streams spread-* in 6 parts") && words.contains("in 5 parts, which cannot be changed"),
        "{words}"
    );
}
