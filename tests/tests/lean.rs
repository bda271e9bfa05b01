//! The lean crowd, which benchmarks drive, against a real cluster: it counts what there is, and comes back where it was.

use std::{process::Stdio, time::Duration};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use watershed_protocol::client::Encoding;
use watershed_tests::{book::Book, cluster::Cluster, process::binary, topology::SMALL, viewer::Viewer};

/// Longest wait for an answer of the crowd.
const PATIENCE: Duration = Duration::from_secs(30);
/// Viewers of the crowd.
const VIEWERS: u64 = 60;

struct Lean {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Lean {
    fn start(node: &str, stream: &str, encoding: &str) -> Self {
        let address = node.trim_start_matches("http://").trim_end_matches('/');
        let mut command = Command::new(binary("crowd"));
        command.args([address, "--stream", stream, "--encoding", encoding, "--markers", "first"]);
        let command = command.args(["--sources", "127.1.0.0/16"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.kill_on_drop(true).spawn().expect("crowd starts");
        let orders = child.stdin.take().expect("its input is a pipe");
        let answers = BufReader::new(child.stdout.take().expect("its output is a pipe")).lines();
        Self { _child: child, orders, answers }
    }

    /// With all its viewers there, and a view at each.
    async fn joined(mut self) -> Self {
        let joined = self.ask(json!({"do": "join", "viewers": VIEWERS})).await;
        assert_eq!((&joined["did"], joined["viewers"].as_u64()), (&json!("join"), Some(VIEWERS)));
        self.reports("a view", |report| report["without_view"] == 0).await;
        self
    }

    async fn ask(&mut self, order: Value) -> Value {
        self.orders.write_all(format!("{order}\n").as_bytes()).await.expect("the crowd takes orders");
        let line = timeout(PATIENCE, self.answers.next_line()).await.expect("the crowd answers in time");
        let line = line.expect("the crowd can be read").expect("the crowd has not ended");
        serde_json::from_str(&line).expect("an answer is JSON")
    }

    /// Asks for reports until one is as it should be. Others await frames by windows, not by the clock of the test.
    async fn reports(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let wait = async {
            loop {
                let report = self.ask(json!({"do": "report"})).await;
                if wanted(&report) {
                    return report;
                }
                self.ask(json!({"do": "window", "seconds": 0.05})).await;
            }
        };
        timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("the crowd has not seen {what}"))
    }
}

#[tokio::test]
async fn a_lean_crowd_counts_and_resumes_like_any_other() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    for (encoding, name) in [(Encoding::Json, "json"), (Encoding::MessagePack, "msgpack")] {
        let book = Book::open(name);
        let mut ann = Viewer::join(&book, &node, "ann", encoding).await;
        let mut crowd = Lean::start(&node, name, name).joined().await;
        let id = ann.comment("first").await;
        ann.like(id, true).await;
        let marker = id.to_string();
        let has = |likes: u64| {
            let marker = marker.clone();
            move |report: &Value| report["markers"][&marker][likes.to_string()].as_u64() == Some(VIEWERS)
        };
        let before = crowd.reports("the like", has(1)).await;
        assert_eq!(before["each_total"], json!({"sum": VIEWERS, "min": 1, "max": 1}), "{name}");

        let again = crowd.ask(json!({"do": "reconnect", "handshakes_max": VIEWERS})).await;
        assert_eq!((&again["did"], again["viewers"].as_u64()), (&json!("reconnect"), Some(VIEWERS)), "{name}");
        ann.like(id, false).await;
        let after = crowd.reports("the like taken back", has(0)).await;
        assert_eq!(after["chain_errors"], 0, "{name}");
        assert_eq!(after["snapshots"], before["snapshots"], "{name}: a viewer that resumes needs no snapshot");
        assert_eq!(after["joins"].as_u64(), Some(2 * VIEWERS), "{name}");
        book.assert_kept();
    }
}
