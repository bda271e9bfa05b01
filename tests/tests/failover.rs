//! The root is killed, frozen, or asked to end under load: a standby takes its place, and nothing that was promised is lost.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, task::JoinHandle};
use watershed_ledger::Report;
use watershed_protocol::client::{Encoding, Line, Response};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    crowd::{Crowd, Rates},
    topology::SMALL,
    until,
    viewer::Viewer,
    web,
};

const RATES: Rates = Rates { viewers: 40, comments: 8, likes: 80 };

/// Far above what a takeover takes on an idle machine, which is under 1 s for a root that died and under 2.5 s for a frozen
/// one: what is measured is printed, and a busy machine decides nothing.
const GAP_MAX: Duration = Duration::from_secs(5);

/// A viewer that only looks at when frames come.
struct Watch {
    frames: JoinHandle<Vec<(Instant, u64)>>,
    enough: oneshot::Sender<()>,
}

impl Watch {
    async fn begin(book: &Arc<Book>, node: &str) -> Self {
        let mut viewer = Viewer::join(book, node, "watcher", Encoding::Json).await;
        let (enough, mut told) = oneshot::channel();
        let frames = tokio::spawn(async move {
            let mut frames = Vec::new();
            loop {
                tokio::select! {
                    _ = &mut told => {
                        viewer.leave();
                        return frames;
                    }
                    heard = viewer.hear() => match *heard.expect("a connection that no merger's end concerns") {
                        Response::Snapshot { epoch, .. } | Response::Delta { epoch, .. } => {
                            frames.push((Instant::now(), epoch));
                        }
                        _ => {}
                    },
                }
            }
        });
        Self { frames, enough }
    }

    /// The longest time between two frames, and the epochs that were seen.
    async fn end(self, what: &str) -> (Duration, Vec<u64>) {
        self.enough.send(()).expect("the watcher watches");
        let frames = self.frames.await.expect("the watcher does not panic");
        let gap = frames.windows(2).map(|pair| pair[1].0 - pair[0].0).max().expect("frames");
        let mut epochs: Vec<u64> = frames.into_iter().map(|(_, epoch)| epoch).collect();
        epochs.dedup();
        println!("{what}: at most {} ms between two frames, epochs {epochs:?}", gap.as_millis());
        (gap, epochs)
    }
}

/// A cluster with a standby, and a crowd that writes.
struct Stage {
    cluster: Cluster,
    crowd: Crowd,
    watch: Watch,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start_with(SMALL, 2).await;
        let book = Book::open("failover");
        let nodes = cluster.urls().await;
        let watch = Watch::begin(&book, &nodes[0]).await;
        let mut crowd = Crowd::join(&book, nodes, RATES).await;
        crowd.write(RATES);
        crowd.acknowledged_more(10, 100).await;
        Self { cluster, crowd, watch }
    }

    /// The root's name, once it is another than this.
    async fn root_after(&self, former: &str) -> String {
        let node = self.cluster.url("b1").await;
        until("another root", async || {
            let tree = web::get_json(&format!("{node}/v1/cluster")).await;
            let root = tree["root"]["node"].as_str().map(str::to_owned);
            root.filter(|root| root != former).ok_or(tree["root"].clone())
        })
        .await
    }

    /// Waits until a merger says that it is in this state.
    async fn is(&self, merger: &str, state: &str) {
        let url = self.cluster.url(merger).await;
        until(&format!("{merger} is {state}"), async || match web::get(&format!("{url}/v1/node")).await {
            Ok(told) if told.json()["state"] == state && told.json()["ready"] == true => Ok(()),
            other => Err(format!("{other:?}")),
        })
        .await;
    }

    /// The crowd has gone on, everything is checked, and frames never paused for long.
    async fn end(self, what: &str) {
        let Self { cluster, crowd, watch } = self;
        crowd.acknowledged_more(10, 100).await;
        let (gap, epochs) = watch.end(what).await;
        let reconnected = crowd.reconnected();
        let (report, history) = crowd.finish(|| cluster.durable()).await;
        everything_was_taken(&report, &history);
        assert_eq!(reconnected, 0, "a root's end is no reason to lose a viewer");
        assert!(epochs.len() > 1 && epochs.is_sorted(), "a new root has a higher epoch: {epochs:?}");
        assert!(gap < GAP_MAX, "{gap:?} between two frames");
    }
}

#[track_caller]
fn everything_was_taken(report: &Report, history: &[Line]) {
    for (kind, tally) in [("comments", report.comments), ("likes", report.likes), ("unlikes", report.unlikes)] {
        assert_eq!(tally.acknowledged, tally.sent, "{kind}: {report:#?}");
    }
    assert_eq!(history.len() as u64, report.comments.sent);
}

#[tokio::test]
async fn a_killed_root_is_replaced_by_the_standby_and_comes_back_as_one() {
    let stage = Stage::set().await;
    let first = stage.root_after("").await;
    stage.cluster.kill(&first).await;
    let second = stage.root_after(&first).await;
    stage.crowd.acknowledged_more(10, 100).await;
    stage.cluster.respawn(&first).await;
    stage.is(&first, "standby").await;
    stage.is(&second, "root").await;
    stage.end("the root was killed").await;
}

#[tokio::test]
async fn a_frozen_root_is_replaced_and_is_a_standby_when_it_goes_on() {
    let stage = Stage::set().await;
    let first = stage.root_after("").await;
    stage.cluster.signal(&first, "stop").await;
    let second = stage.root_after(&first).await;
    stage.crowd.acknowledged_more(10, 100).await;
    stage.cluster.signal(&first, "cont").await;
    stage.is(&first, "standby").await;
    stage.is(&second, "root").await;
    stage.crowd.acknowledged_more(10, 100).await;
    // It is as good a standby as any.
    stage.cluster.kill(&second).await;
    assert_eq!(stage.root_after(&second).await, first);
    stage.end("the root was frozen, and the next one killed").await;
}

#[tokio::test]
async fn a_root_that_is_asked_to_end_hands_over() {
    let stage = Stage::set().await;
    let first = stage.root_after("").await;
    stage.cluster.signal(&first, "term").await;
    stage.root_after(&first).await;
    stage.end("the root was asked to end").await;
}

#[tokio::test]
async fn of_mergers_that_start_together_one_is_the_root() {
    let cluster = Cluster::start_with(SMALL, 2).await;
    for _ in 0..3 {
        until("one root and one standby", async || {
            let mut states = Vec::new();
            for merger in ["m1", "m2"] {
                let told = web::get_json(&format!("{}/v1/node", cluster.url(merger).await)).await;
                states.push(told["state"].as_str().unwrap_or_default().to_owned());
            }
            states.sort();
            if states == ["root", "standby"] { Ok(()) } else { Err(states.join(" and ")) }
        })
        .await;
        for merger in ["m1", "m2"] {
            cluster.kill(merger).await;
        }
        cluster.up().await;
    }
}
