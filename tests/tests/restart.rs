//! A cluster that was stopped, or killed as a whole, comes back at its addresses with everything, in higher epochs.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;
use watershed_ledger::{History, Quiet};
use watershed_protocol::client::Encoding;
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    topology::{SMALL, Shape},
    until,
    view::View,
    viewer::Viewer,
    web,
};

const SHAPE: Shape = Shape { broadcast: 2, processors: 2, fixed_ports: true, ..SMALL };

/// Two streams that are written on in each life of a cluster.
struct Saga {
    cluster: Cluster,
    /// Of the first broadcast node, in every life.
    node: String,
    streams: Vec<Streamed>,
    /// The root's epochs, life by life.
    roots: Vec<u64>,
}

struct Streamed {
    book: Arc<Book>,
    ann: Viewer,
    bob: Viewer,
    /// The epochs of its views, life by life.
    epochs: Vec<u64>,
}

impl Saga {
    async fn begin() -> Self {
        let cluster = Cluster::start(SHAPE).await;
        let node = cluster.url("b1").await;
        let streams = ["first", "second"].map(|name| {
            let book = Book::open(name);
            let ann = Viewer::new(&book, "ann", Encoding::Json);
            let bob = Viewer::new(&book, "bob", Encoding::MessagePack);
            Streamed { book, ann, bob, epochs: Vec::new() }
        });
        Self { cluster, node, streams: streams.into(), roots: Vec::new() }
    }

    /// Viewers come (back), find what was there, and write and like more.
    async fn live(&mut self) {
        let life = self.roots.len();
        assert_eq!(self.cluster.url("b1").await, self.node, "a node comes back where it was");
        // A node looks at the map ten times a second.
        let (url, last) = (format!("{}/v1/cluster", self.node), self.roots.last().copied());
        let root = until("a higher epoch of the root", async || {
            let tree = web::get_json(&url).await;
            tree["root"]["epoch"].as_u64().filter(|epoch| Some(*epoch) > last).ok_or(tree)
        });
        self.roots.push(root.await);
        for stream in &mut self.streams {
            let before = (stream.ann.view(), stream.bob.view());
            for (viewer, before) in [(&mut stream.ann, before.0), (&mut stream.bob, before.1)] {
                viewer.connect(&self.node).await.expect("a connection");
                let had = before.point.map(|point| point.epoch);
                viewer.sees("a new epoch", |view| view.point.map(|point| point.epoch) > had && !view.partial).await;
                let counts: BTreeMap<_, _> = before.comments.iter().map(|line| (line.id, line.likes)).collect();
                viewer
                    .sees("what was there before", |view| {
                        counts.iter().all(|(id, likes)| view.comment(*id).is_some_and(|line| line.likes == *likes))
                    })
                    .await;
                assert_eq!(viewer.view().pinned, before.pinned);
                assert_eq!(viewer.view().reactions, before.reactions);
            }
            stream.epochs.push(stream.ann.view().point.expect("a view").epoch);
            stream.write(life).await;
        }
    }

    async fn kept(&self) -> BTreeMap<String, (Value, Value)> {
        let mut kept = BTreeMap::new();
        for stream in &self.streams {
            let name = stream.book.stream.to_string();
            let url = format!("{}/v1/streams/{name}", self.node);
            let mut totals = web::when_available(&url).await;
            totals["viewers"].take();
            let comments = web::when_available(&format!("{url}/comments")).await;
            kept.insert(name, (totals, comments));
        }
        kept
    }

    /// What must hold after all lives.
    async fn end(self) {
        assert!(self.roots.is_sorted_by(|one, next| one < next), "roots {:?}", self.roots);
        let epochs: Vec<u64> = self.streams.iter().flat_map(|stream| stream.epochs.clone()).collect();
        assert_eq!(epochs.iter().collect::<BTreeSet<_>>().len(), epochs.len(), "epochs used twice: {epochs:?}");
        let mut last = BTreeMap::new();
        let mut owners = BTreeSet::new();
        for row in self.cluster.traced() {
            owners.insert(row.epoch);
            let before = last.insert(row.id, (row.epoch, row.version));
            assert!(before < Some((row.epoch, row.version)), "{row:?} comes after {before:?}");
        }
        assert!(owners.len() >= self.roots.len(), "slots had only the epochs {owners:?}");
        for stream in self.streams {
            assert!(stream.epochs.is_sorted_by(|one, next| one < next), "epochs {:?}", stream.epochs);
            let comments = web::whole_history(&self.node, stream.book.stream.as_str(), 4).await;
            let history = Some(History { comments: &comments, complete: true });
            stream.book.ledger().quiet_check(Quiet { history, durable: None }, stream.book.now_ms());
            stream.book.assert_kept();
            assert_eq!(comments.len(), 3 * self.roots.len());
        }
    }
}

impl Streamed {
    async fn write(&mut self, life: usize) {
        for body in ["one", "two", "three"] {
            let id = self.ann.comment(&format!("{body} in life {life}")).await;
            self.ann.like(id, true).await;
            self.bob.like(id, true).await;
            self.bob.like(id, body != "two").await;
        }
        // Old comments are liked under new epochs, too.
        let first = self.ann.view().says("one in life 0").map(|line| line.id).expect("the first comment");
        self.bob.like(first, life % 2 == 1).await;
        let likes = if life % 2 == 1 { 2 } else { 1 };
        let last = format!("three in life {life}");
        let all = |view: &View| {
            let likes_of = |body: &str| view.says(body).map(|line| line.likes);
            let later = life == 0 || likes_of(&format!("one in life {life}")) == Some(2);
            later
                && likes_of("one in life 0") == Some(likes)
                && likes_of(&format!("two in life {life}")) == Some(1)
                && likes_of(&last) == Some(2)
        };
        self.ann.sees("this life's comments and likes", all).await;
        self.bob.sees("this life's comments and likes", all).await;
    }
}

#[tokio::test]
async fn a_stopped_cluster_starts_again_with_every_comment_and_count() {
    let mut saga = Saga::begin().await;
    saga.live().await;
    for _ in 0..2 {
        let before = saga.kept().await;
        saga.cluster.stop().await;
        saga.cluster.up().await;
        assert_eq!(saga.kept().await, before);
        saga.live().await;
    }
    saga.end().await;
}

#[tokio::test]
async fn a_cluster_that_was_killed_as_a_whole_starts_again_with_every_comment_and_count() {
    let mut saga = Saga::begin().await;
    saga.live().await;
    for _ in 0..2 {
        let before = saga.kept().await;
        for node in ["p1", "b1", "m1", "p2", "b2"] {
            saga.cluster.kill(node).await;
        }
        saga.cluster.up().await;
        assert_eq!(saga.kept().await, before);
        saga.live().await;
    }
    saga.end().await;
}
