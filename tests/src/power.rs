//! Power cuts of a whole cluster: what was acknowledged before is there afterwards, cut after cut.
//!
//! Led by `make powercut` and by one test. Everything that the cluster writes lies on an [`Image`]: logs, stores, and the
//! state directory with the map. A crowd writes and keeps its ledger all the time; at a random moment all nodes are
//! killed and the image is cut. Invariant: one ledger watches all cuts, so nothing that was ever acknowledged is forgotten.

use std::{
    fmt, fs,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use watershed_ledger::Report;

use crate::{
    book::Book,
    chance::Chance,
    cluster::{Cluster, Setup},
    crowd::{Crowd, Rates},
    image::Image,
    process::binary,
    topology::{SMALL, Shape},
    until,
};

/// The image: logs of two processors with segments of 1 MiB, and much room.
const IMAGE_BYTES: u64 = 256 << 20;

/// Viewers that write so often that nearly every cut meets a commit.
const RATES: Rates = Rates { viewers: 40, comments: 20, likes: 400 };

/// All of them.
const PROCESSORS: [&str; 2] = ["p1", "p2"];

/// Addresses stay, as those of real machines do.
const SHAPE: Shape = Shape { broadcast: 2, processors: 2, fixed_ports: true, ..SMALL };

/// At most so many acknowledged likes between a start and the cut.
const LIKES_MAX: u64 = 600;

/// The cut comes at most so long after the last of them.
const DELAY_US_MAX: u64 = 50_000;

/// A cluster that loses its power again and again.
#[derive(Debug)]
pub struct Outages {
    chance: Chance,
    crowd: Crowd,
    book: Arc<Book>,
    cluster: Cluster,
    // Dropped after the cluster that runs on it.
    image: Image,
    _home: TempDir,
}

/// One cut, in figures.
#[derive(Debug)]
pub struct Outage {
    /// The crowd's ledger after it.
    pub report: Report,
    /// What the image takes.
    pub image_bytes: u64,
    /// From the kill to the mounted copy.
    pub cut: Duration,
    /// From the first start until every node was ready.
    pub restart: Duration,
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { comments, likes, unlikes, .. } = &self.report;
        write!(
            f,
            "{} comments, {} likes and unlikes acknowledged so far, all there; image of {:.1} MB cut in {:.2} s, \
             ready again after {:.2} s",
            comments.acknowledged,
            likes.acknowledged + unlikes.acknowledged,
            self.image_bytes as f64 / 1e6,
            self.cut.as_secs_f64(),
            self.restart.as_secs_f64()
        )
    }
}

impl Outages {
    /// Starts a cluster on an image of its own, and lets the crowd in. The prelude may make the disk worse than it is.
    pub async fn begin(seed: u64, prelude: &str) -> Self {
        let home = tempfile::tempdir().expect("a directory for the image");
        let image = Image::create(home.path(), IMAGE_BYTES).unwrap_or_else(|error| panic!("{error:#}"));
        let dir = image.path().join("cluster");
        let setup = Setup { dir: Some(&dir), prelude, ..Setup::default() };
        let cluster = Cluster::start_as(SHAPE, setup).await;
        let book = Book::open("outages");
        let crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
        Self { chance: Chance::new(seed), crowd, book, cluster, image, _home: home }
    }

    /// Lets the crowd write, cuts the power at a random moment, starts everything again, and checks every promise.
    ///
    /// Half of the time a processor or the merger is killed and started before: the one then answers from what it has read
    /// back, the other takes new epochs, and both must be durable by then. And half of the time `watershed verify` must find
    /// nothing wrong before a node is started.
    pub async fn cut(&mut self) -> Outage {
        self.crowd.write(RATES);
        if self.chance.below(2) == 0 {
            self.crowd.acknowledged_more(1, self.chance.below(LIKES_MAX)).await;
            let node = ["m1", "p1", "p2"][self.chance.below(3) as usize];
            self.cluster.kill(node).await;
            self.cluster.respawn(node).await;
        }
        let (likes, delay_us) = (self.chance.below(LIKES_MAX), self.chance.below(DELAY_US_MAX));
        self.crowd.acknowledged_more(likes / 30, likes).await;
        // Not to wait for anything: the cut is to meet a commit at any of its stages.
        tokio::time::sleep(Duration::from_micros(delay_us)).await;
        let killed = Instant::now();
        self.cluster.kill_all().await;
        let image_bytes = self.image.cut().unwrap_or_else(|error| panic!("{error:#}"));
        let mounted = Instant::now();
        self.crowd.pause().await;
        if self.chance.below(2) == 0 {
            PROCESSORS.iter().for_each(|node| self.verify(node));
        }
        let verified = Instant::now();
        self.cluster.up().await;
        let restart = verified.elapsed();
        let (report, _) = self.crowd.check(|| self.cluster.durable()).await;
        self.book.assert_kept();
        Outage { report, image_bytes, cut: mounted - killed, restart }
    }

    /// Lets the crowd write, fails the syncs of a node until it has ended, and starts it again: for a cluster whose prelude
    /// is [`crate::preload::fails`], with the same directory.
    pub async fn fail_syncs(&mut self, node: &str, dir: &Path) {
        self.crowd.write(RATES);
        self.crowd.acknowledged_more(5, 100).await;
        let trigger = dir.join(node);
        fs::write(&trigger, "").expect("the trigger");
        until("the node has ended by itself", async || {
            let nodes = self.cluster.status().await;
            let seen = nodes.into_iter().find(|seen| seen.node == node).expect("a node of the cluster");
            if seen.pid.is_none() { Ok(()) } else { Err(format!("{seen:?}")) }
        })
        .await;
        fs::remove_file(&trigger).expect("the trigger was there");
        self.cluster.respawn(node).await;
    }

    fn verify(&self, node: &str) {
        let mut command = Command::new(binary("watershed"));
        command.arg("verify").arg(self.image.path().join("cluster/data").join(node));
        let output = command.output().expect("the binary runs");
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
