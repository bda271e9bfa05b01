//! A node of each role is killed in the middle and started again: viewers resume, and nothing that was promised is lost.

use std::fs;

use watershed_ledger::Report;
use watershed_protocol::client::Line;
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    crowd::{Crowd, Rates},
    topology::{SMALL, Shape},
    until,
};

const RATES: Rates = Rates { viewers: 40, comments: 8, likes: 80 };

/// What a crowd went through.
struct Story {
    /// Shows its logs if a check fails.
    _cluster: Cluster,
    report: Report,
    history: Vec<Line>,
    reconnected: u64,
}

/// A crowd writes; `node` is killed, and the crowd goes on for so many writes; it comes back, and the crowd goes on.
async fn kill_in_the_middle(node: &str, meanwhile: (u64, u64)) -> Story {
    let cluster = Cluster::start(SMALL).await;
    let book = Book::open("faults");
    let mut crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(10, 100).await;
    cluster.kill(node).await;
    crowd.set_nodes(alive(&cluster).await);
    crowd.acknowledged_more(meanwhile.0, meanwhile.1).await;
    cluster.respawn(node).await;
    crowd.set_nodes(alive(&cluster).await);
    crowd.acknowledged_more(15, 150).await;
    let reconnected = crowd.reconnected();
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    Story { _cluster: cluster, report, history, reconnected }
}

/// The broadcast nodes that can be asked.
async fn alive(cluster: &Cluster) -> Vec<String> {
    let nodes = cluster.status().await.into_iter();
    nodes.filter(|node| node.node.starts_with('b') && node.pid.is_some()).map(|node| node.url).collect()
}

#[track_caller]
fn everything_was_taken(story: &Story) {
    let Report { comments, likes, unlikes, .. } = &story.report;
    for (kind, tally) in [("comments", comments), ("likes", likes), ("unlikes", unlikes)] {
        assert_eq!(tally.acknowledged, tally.sent, "{kind}: {:#?}", story.report);
    }
    assert_eq!(story.history.len() as u64, comments.sent);
}

#[tokio::test]
async fn a_killed_broadcast_node_loses_nothing_and_its_viewers_resume_elsewhere() {
    let story = kill_in_the_middle("b1", (10, 100)).await;
    everything_was_taken(&story);
    assert!(story.reconnected > 0, "b1 held none of {} viewers", RATES.viewers);
}

#[tokio::test]
async fn a_killed_processor_comes_back_with_everything_that_it_acknowledged() {
    // The other processor goes on; what belongs to the killed one waits.
    let story = kill_in_the_middle("p1", (3, 30)).await;
    everything_was_taken(&story);
    assert_eq!(story.reconnected, 0, "a processor's death is no reason to lose a viewer");
}

#[tokio::test]
async fn a_killed_merger_stops_no_write_and_comes_back_with_every_count() {
    // Without a root nobody sees anything new, but writes are taken.
    let story = kill_in_the_middle("m1", (10, 100)).await;
    everything_was_taken(&story);
    assert_eq!(story.reconnected, 0, "a merger's death is no reason to lose a viewer");
    assert!(story.report.snapshots >= 2 * RATES.viewers as u64, "a new epoch starts with a snapshot");
}

#[tokio::test]
async fn nodes_that_freeze_and_thaw_again_lose_nothing() {
    let cluster = Cluster::start(SMALL).await;
    let book = Book::open("faults");
    let mut crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(5, 50).await;
    for node in ["p1", "m1", "b1", "p2"] {
        cluster.freeze(node).await;
        cluster.thaw(node).await;
        crowd.acknowledged_more(5, 50).await;
    }
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    everything_was_taken(&Story { _cluster: cluster, report, history, reconnected: 0 });
}

#[tokio::test]
async fn a_merger_that_thaws_after_everybody_gave_it_up_goes_on_with_all_of_them() {
    let cluster = Cluster::start(Shape { fixed_ports: true, ..SMALL }).await;
    let book = Book::open("faults");
    let mut crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(5, 50).await;
    let topology = fs::read_to_string(cluster.path("cluster.toml")).expect("a topology");
    let port = topology.lines().rev().find_map(|line| line.strip_prefix("peer_port = ")?.parse().ok());
    let port = port.expect("the merger's port for links is the last of them");
    cluster.freeze("m1").await;
    // Four links, and as many attempts to make them anew, that wait to be accepted although nobody is there any more.
    until("connections to the merger are given up", async || {
        let given_up = given_up(port);
        if given_up >= 8 { Ok(()) } else { Err(format!("{given_up} of 8")) }
    })
    .await;
    cluster.thaw("m1").await;
    crowd.acknowledged_more(10, 100).await;
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    everything_was_taken(&Story { _cluster: cluster, report, history, reconnected: 0 });
}

/// Connections to a port of this machine that the other end has closed and this end has not.
fn given_up(port: u16) -> usize {
    let table = fs::read_to_string("/proc/net/tcp").expect("the kernel's table of connections");
    let local = format!(":{port:04X}");
    let waits = |line: &&str| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        fields.next().is_some_and(|address| address.ends_with(&local)) && fields.nth(1) == Some("08")
    };
    table.lines().filter(waits).count()
}
