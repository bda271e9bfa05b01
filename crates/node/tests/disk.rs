//! A real processor whose disk fails, or is full: it never answers what is not durable, and says why.
//!
//! The test plays the broadcast node, over a real link.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests, which clippy sees only in `#[test]` functions")]

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use watershed_link::{Hello, LinkConfig};
use watershed_membership::{Membership, StateDir, Topology};
use watershed_net::{
    clock::SharedClock,
    link::{Dialing, LinkEvent, LinkEventKind, LinkHandle, Links, Secret},
};
use watershed_protocol::{
    CommentBody, CommentId, DisplayName, Epoch, NodeName, Role, Slot, Spread,
    client::Code,
    peer::{
        self,
        uplink::{AnswerBatch, CommentWrite, FromProcessor, Query, Reply, ToProcessor, WriteBatch},
    },
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);
/// Comments of one batch, 1.6 MB: more than a segment takes, so each has a segment of its own.
const COMMENTS: u64 = 400;
const BODY_BYTES: usize = 4_000;

/// A running processor, and the link to it.
struct Stage {
    topology: Topology,
    child: Child,
    handle: LinkHandle,
    events: mpsc::Receiver<LinkEvent>,
    batches: u64,
    _dialing: Dialing,
    _directory: TempDir,
}

impl Stage {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("cluster.toml");
        let text = format!(
            "[cluster]\nname = \"test\"\ndir = \"{}\"\nsecret = \"a full disk\"\n[broadcast]\nnodes = 1\nport = 0\n\
             [processor]\nnodes = 1\nport = 0\npeer_port = 0\n[merger]\nport = 0\npeer_port = 0\n\
             [log]\nsegment_bytes = 1048576\n",
            directory.path().display()
        );
        fs::write(&file, text).unwrap();
        let topology = Topology::load(&file).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_watershed"));
        command.args(["processor", "--name", "p1", "--topology"]).arg(&file);
        let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let (told, mut events) = mpsc::channel(16);
        let dialing = dial(&topology, told);
        let handle = loop {
            let event = timeout(PATIENCE, events.recv()).await.expect("the processor takes links").unwrap();
            if let LinkEventKind::Up { handle, .. } = event.kind {
                break handle;
            }
        };
        Self { topology, child, handle, events, batches: 0, _dialing: dialing, _directory: directory }
    }

    fn log(&self) -> PathBuf {
        self.topology.data_dir(&p1()).join("log")
    }

    /// Sends comments that were never sent before.
    fn write(&mut self) {
        self.batches += 1;
        let map = StateDir::open(&self.topology.state_dir()).unwrap().map().unwrap().unwrap();
        let slot = Slot::new(0).unwrap();
        let comment = |number: u64| {
            let mut id = [0; 16];
            id[8..].copy_from_slice(&(self.batches << 32 | number).to_be_bytes());
            CommentWrite {
                number,
                stream: 0,
                id: CommentId::from_bytes(id),
                author: "ann".parse().unwrap(),
                name: DisplayName::new("Ann").unwrap(),
                body: CommentBody::new(&"x".repeat(BODY_BYTES), BODY_BYTES).unwrap(),
                spread: Spread::WHOLE,
            }
        };
        let batch = WriteBatch {
            map_epoch: map.epoch(),
            slots: vec![(slot, map.owner(slot).epoch)],
            streams: vec!["demo".parse().unwrap()],
            comments: (1..=COMMENTS).map(comment).collect(),
            ..WriteBatch::default()
        };
        self.handle.offer(peer::encode(&ToProcessor::Writes(batch))).unwrap();
    }

    /// The next message; none if the link went down.
    async fn told(&mut self) -> Option<FromProcessor> {
        let event = timeout(PATIENCE, self.events.recv()).await.expect("an answer or an end").unwrap();
        match event.kind {
            LinkEventKind::Message(body) => Some(peer::decode(&body).unwrap()),
            LinkEventKind::Down(_) => None,
            other => panic!("{other:?}"),
        }
    }

    /// All answers to one batch.
    async fn answers(&mut self) -> AnswerBatch {
        let mut all = AnswerBatch::default();
        while all.done.len() + all.refused.len() < COMMENTS as usize {
            match self.told().await {
                Some(FromProcessor::Answers(answers)) => {
                    all.done.extend(answers.done);
                    all.refused.extend(answers.refused);
                    assert!(answers.moved.is_empty());
                }
                other => panic!("{other:?}"),
            }
        }
        all
    }

    async fn total(&mut self) -> u64 {
        let query = Query::Totals { stream: "demo".parse().unwrap() };
        self.handle.offer(peer::encode(&ToProcessor::Query { number: 7, query })).unwrap();
        match self.told().await {
            Some(FromProcessor::Reply { number: 7, reply: Reply::Totals { comments, .. } }) => comments,
            other => panic!("{other:?}"),
        }
    }
}

fn p1() -> NodeName {
    "p1".parse().unwrap()
}

fn dial(topology: &Topology, told: mpsc::Sender<LinkEvent>) -> Dialing {
    let hello = || Hello {
        role: Role::Broadcast,
        node: "b1".parse().unwrap(),
        incarnation: 1,
        url: "http://127.0.0.1:1".into(),
        map_epoch: Epoch::ZERO,
        root_epoch: Epoch::ZERO,
    };
    let config = LinkConfig::new(Secret::new("a full disk").unwrap());
    let links = Links::new(Arc::new(SharedClock::start()), config, hello, told, CancellationToken::new(), 1);
    let state = topology.state_dir();
    links.dial(Some((Role::Processor, p1())), move || {
        let members = StateDir::open(&state).ok()?.members().ok()?;
        members.into_iter().find_map(|(member, _)| member.peer)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_fails_stops_all_answers_and_ends_the_process_with_words_and_a_status() {
    let mut stage = Stage::start().await;
    stage.write();
    assert_eq!(stage.answers().await.done.len() as u64, COMMENTS);
    // The next segment cannot be made, and not for want of space.
    for number in 2..4 {
        let _ = fs::create_dir(stage.log().join(format!("{number:016x}.log")));
    }
    stage.write();
    assert_eq!(stage.told().await, None, "an answer to what is not durable");
    let ended = timeout(PATIENCE, stage.child.wait_with_output()).await.expect("it ends by itself").unwrap();
    let words = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{words}");
    let why =
        "watershed processor: group 2 was not made durable, nothing more is answered: log has failed: cannot create ";
    assert!(words.lines().last().unwrap().starts_with(why), "{words}");
}

/// Says to the process that [`with_a_small_disk`] starts that it has one.
const SMALL_DISK: &str = "WATERSHED_TEST_SMALL_DISK";

/// Runs one test of this file in a process of its own, whose temporary files lie on a file system of 24 MiB.
fn with_a_small_disk(test: &str) {
    let directory = tempfile::tempdir().unwrap();
    // Only a privileged user may mount where all see it; in a name space of its own, everybody may.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let apart: &[&str] = if is_root { &["--mount"] } else { &["--user", "--map-root-user", "--mount"] };
    let script = r#"mount -t tmpfs -o size=24m none "$1" && TMPDIR="$1" exec "$2" --exact "$3" --nocapture"#;
    let (path, exe) = (directory.path(), std::env::current_exe().unwrap());
    let mut command = std::process::Command::new("unshare");
    command.args(apart).args(["sh", "-c", script, "sh"]).args([path.as_os_str(), exe.as_os_str()]).arg(test);
    let ended = command.env(SMALL_DISK, "1").output().expect("unshare is a part of util-linux");
    let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(ended.status.success(), "{}\n{}", words(&ended.stdout), words(&ended.stderr));
}

#[test]
fn a_full_disk_refuses_writes_answers_questions_and_heals() {
    if std::env::var_os(SMALL_DISK).is_none() {
        return with_a_small_disk("a_full_disk_refuses_writes_answers_questions_and_heals");
    }
    tokio::runtime::Runtime::new().unwrap().block_on(fill_and_heal());
}

async fn fill_and_heal() {
    let mut stage = Stage::start().await;
    let ballast = stage.log().join("ballast");
    fs::write(&ballast, vec![1; 3 << 20]).unwrap();
    let mut durable = 0;
    let refused = loop {
        assert!(durable < 1 << 16, "the disk is never full");
        stage.write();
        let answers = stage.answers().await;
        durable += answers.done.len() as u64;
        if !answers.refused.is_empty() {
            break answers.refused;
        }
    };
    assert_eq!(refused.len() as u64, COMMENTS, "a group is taken or refused as a whole");
    for (_, refusal) in refused {
        assert_eq!(
            (refusal.code, refusal.message.as_ref()),
            (Code::Unavailable, "the disk of the comment's owner is full")
        );
        assert!(refusal.retry_after_ms.is_some());
    }
    assert_eq!(stage.total().await, durable);
    fs::remove_file(ballast).unwrap();
    stage.write();
    assert_eq!(stage.answers().await.done.len() as u64, COMMENTS);
    assert_eq!(stage.total().await, durable + COMMENTS);
}
