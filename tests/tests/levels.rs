//! Broadcast nodes below broadcast nodes: frames, questions and counts go through all levels, and whatever dies in the
//! middle costs nothing that was promised.

use futures::future::join_all;
use watershed_ledger::Report;
use watershed_protocol::client::{Encoding, Line};
use watershed_tests::{
    book::Book,
    cluster::{Cluster, Setup},
    crowd::{Crowd, Rates},
    topology::{SMALL, Shape},
    until,
    viewer::Viewer,
};

const RATES: Rates = Rates { viewers: 40, comments: 8, likes: 80 };

/// Three nodes, each below the one before.
const CHAIN: &str = "b2 = [\"b1\"]\nb3 = [\"b2\"]";

/// The same, but that the last one may also feed from the first.
const CHAIN_WITH_A_SPARE: &str = "b2 = [\"b1\"]\nb3 = [\"b2\", \"b1\"]";

async fn cluster(upstream: &str) -> Cluster {
    let shape = Shape { broadcast: 3, fixed_ports: true, ..SMALL };
    Cluster::start_as(shape, Setup { upstream, ..Setup::default() }).await
}

/// Waits until each node is ready and takes its frames from this one.
async fn fed(cluster: &Cluster, tree: &[(&str, &str)]) {
    until("everybody feeds from whom it should", async || {
        let status = cluster.status().await;
        let is = |(node, above): &(&str, &str)| {
            let seen = status.iter().find(|seen| seen.node == *node);
            seen.is_some_and(|seen| seen.state == "ready" && seen.fed_by.as_deref() == Some(above))
        };
        if tree.iter().all(is) { Ok(()) } else { Err(format!("{status:?} is not {tree:?}")) }
    })
    .await;
}

#[track_caller]
fn everything_was_taken(report: &Report, history: &[Line]) {
    for (kind, tally) in [("comments", report.comments), ("likes", report.likes), ("unlikes", report.unlikes)] {
        assert_eq!(tally.acknowledged, tally.sent, "{kind}: {report:#?}");
    }
    assert_eq!(history.len() as u64, report.comments.sent);
}

/// A crowd at the bottom writes; `node` is killed, after which `meanwhile` feeds; it comes back, and feeds as before.
async fn kill_in_the_middle(upstream: &str, node: &str, meanwhile: &[(&str, &str)]) {
    let cluster = cluster(upstream).await;
    let whole = [("b1", "m1"), ("b2", "b1"), ("b3", "b2")];
    fed(&cluster, &whole).await;
    let book = Book::open("levels");
    let mut crowd = Crowd::join_at(&book, cluster.url("b3").await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(10, 100).await;
    cluster.kill(node).await;
    fed(&cluster, meanwhile).await;
    crowd.acknowledged_more(10, 100).await;
    cluster.respawn(node).await;
    fed(&cluster, &whole).await;
    crowd.acknowledged_more(10, 100).await;
    assert_eq!(crowd.reconnected(), 0, "no viewer of b3 needs to know what is above it");
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    everything_was_taken(&report, &history);
}

#[tokio::test]
async fn a_killed_middle_node_is_replaced_by_the_root_until_it_is_back() {
    kill_in_the_middle(CHAIN, "b2", &[("b1", "m1"), ("b3", "m1")]).await;
}

#[tokio::test]
async fn a_killed_middle_node_is_replaced_by_the_next_of_the_list_until_it_is_back() {
    kill_in_the_middle(CHAIN_WITH_A_SPARE, "b2", &[("b1", "m1"), ("b3", "b1")]).await;
}

#[tokio::test]
async fn a_killed_first_node_is_replaced_for_all_below_it() {
    kill_in_the_middle(CHAIN, "b1", &[("b2", "m1"), ("b3", "b2")]).await;
}

#[tokio::test]
async fn viewers_of_all_levels_are_counted_once_and_not_after_they_have_gone() {
    let cluster = cluster(CHAIN).await;
    fed(&cluster, &[("b1", "m1"), ("b2", "b1"), ("b3", "b2")]).await;
    let (nodes, book) = (cluster.urls().await, Book::open("counted"));
    let join = async |number: usize| {
        let mut viewer = Viewer::new(&book, &format!("v{number}"), Encoding::ALL[number % 2]);
        viewer.stays = true;
        viewer.come(&nodes[number % 3]).await;
        viewer
    };
    let mut crowd = join_all((0..12).map(join)).await;
    for viewer in &mut crowd {
        viewer.sees("everybody", |view| view.viewers == 12).await;
    }
    cluster.kill("b2").await;
    let (mut gone, mut stay): (Vec<_>, Vec<_>) = crowd.into_iter().enumerate().partition(|(number, _)| number % 3 == 1);
    gone.iter_mut().for_each(|(_, viewer)| viewer.leave());
    for (_, viewer) in &mut stay {
        viewer.sees("those whose nodes live", |view| view.viewers == 8).await;
    }
    book.assert_kept();
}

#[tokio::test]
async fn without_a_root_no_level_is_ready_and_with_one_all_are_again() {
    let cluster = cluster(CHAIN).await;
    let book = Book::open("rootless");
    let mut crowd = Crowd::join_at(&book, cluster.url("b3").await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(5, 50).await;
    cluster.kill("m1").await;
    until("no broadcast node is ready", async || {
        let status = cluster.status().await;
        let ready = status.iter().filter(|seen| seen.node.starts_with('b') && seen.state == "ready").count();
        if ready == 0 { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    cluster.respawn("m1").await;
    fed(&cluster, &[("b1", "m1"), ("b2", "b1"), ("b3", "b2")]).await;
    crowd.acknowledged_more(5, 50).await;
    assert_eq!(crowd.reconnected(), 0, "a merger's death is no reason to lose a viewer");
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    everything_was_taken(&report, &history);
}
