//! A client that nobody here has written: the WebSocket library of Debian's Python, in each encoding.
//!
//! `tests/clients/viewer.py` knows `docs/protocol.md` and nothing else, `tests/clients/echo.py` not even that; what they print
//! is checked here.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};
use watershed_tests::{PATIENCE, cluster::Cluster, process::binary, topology::SMALL, web};

/// Debian's own Python, which has the packages that `make test` asks for.
const PYTHON: &str = "/usr/bin/python3";
const STREAM: &str = "library";

/// Its viewers and what they speak.
const VIEWERS: [(&str, &str); 4] = [
    ("ann", "live.v1.json"),
    ("bob", "live.v1.msgpack"),
    ("cat", "live.v1.compact"),
    ("dan", "live.v1.compact.deflate"),
];

/// What a script printed.
async fn run(script: &str, arguments: [&str; 2]) -> Vec<Value> {
    let script = format!("{}/clients/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(PYTHON);
    command.arg(script).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(3 * PATIENCE, command.output()).await.expect("the script ends").expect("python3 starts");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}\n{out}");
    out.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))).collect()
}

#[tokio::test]
async fn a_client_of_others_joins_writes_resumes_and_sees_the_same_in_each_encoding() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    let lines = run("viewer.py", [&node, STREAM]).await;
    let of = |viewer: &str, event: &str| -> Vec<&Value> {
        lines.iter().filter(|line| line["viewer"] == viewer && line["event"] == event).collect()
    };
    for (viewer, subprotocol) in VIEWERS {
        // Each came twice, the second time from where it was, and what it missed continued that.
        let joined = of(viewer, "joined");
        assert_eq!(joined.len(), 2, "{joined:?}");
        assert!(joined.iter().all(|joined| joined["subprotocol"] == subprotocol), "{joined:?}");
        assert_eq!(joined[0]["resume"], Value::Null);
        assert_eq!(of(viewer, "left")[0]["code"], 1000);
        assert_eq!(of(viewer, "pong").len(), 1);
        let messages: Vec<&Value> = of(viewer, "message").into_iter().map(|line| &line["message"]).collect();
        let welcomes: Vec<usize> = (0..messages.len()).filter(|at| messages[*at]["type"] == "welcome").collect();
        assert_eq!((welcomes.len(), welcomes[0]), (2, 0), "the server speaks first");
        assert_eq!((&messages[0]["viewer"], &messages[0]["stream"]), (&json!(viewer), &json!(STREAM)));
        assert_eq!(messages[1]["type"], "snapshot");
        let back = messages[welcomes[1] + 1];
        // A link between nodes that breaks meanwhile, on a very busy machine, begins a new epoch.
        if back["type"] == "delta" {
            assert_eq!(joined[1]["resume"], format!("{}:{}", back["epoch"], back["from"]));
            assert!(back["comments"].as_array().is_some_and(|comments| comments.len() == 1), "{back}");
        } else {
            assert_eq!(back["type"], "snapshot");
        }
    }
    let closed = |viewer: &str| of(viewer, "closed")[0].clone();
    for (viewer, subprotocol) in VIEWERS {
        assert_eq!(of(viewer, "refused")[0]["code"], "bad_json");
        assert_eq!(closed(viewer)["code"], if subprotocol == "live.v1.json" { 1009 } else { 1003 });
    }
    assert_eq!(closed("ann")["reason"], "at most 32768 bytes fit into a message");
    assert_eq!(of("ann", "turned_away")[0]["status"], 400);

    let views = VIEWERS.map(|(viewer, _)| &of(viewer, "view")[0]["comments"]);
    assert!(views.iter().all(|view| *view == views[0]), "{views:#?}");
    let mut history = web::whole_history(&node, STREAM, 100).await;
    history.sort_by_key(|line| line.id);
    assert_eq!(*views[0], serde_json::to_value(&history).expect("lines are JSON"));
    let mut said: Vec<(&str, &str, u64)> =
        history.iter().map(|line| (line.name.as_str(), line.body.as_str(), line.likes)).collect();
    said.sort_unstable();
    let all = [
        ("Ann", "hello from a library ❤", 3),
        ("Ann", "the last", 0),
        ("Ann", "while dan was away", 0),
        ("Bob", "while ann was away", 0),
        ("Cat", "while bob was away", 0),
        ("Dan", "while cat was away", 0),
    ];
    assert_eq!(said, all);
}

/// An echo that takes messages of so many bytes, and where it listens. It ends with the value.
async fn echo(message_bytes_max: &str) -> (Child, String) {
    let mut command = Command::new(binary("watershed"));
    command.args(["echo", "--listen", "127.0.0.1:0", "--message-bytes-max", message_bytes_max]);
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("the echo starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is ours")).lines();
    let line = timeout(PATIENCE, lines.next_line()).await.expect("it says where it is").expect("it is text");
    let line = line.expect("a line");
    (child, line.strip_prefix("echo listens on ").expect("an address").to_owned())
}

#[tokio::test]
async fn a_client_of_others_gets_back_what_it_sends() {
    const MOST: &str = "4000000";
    let (_echo, url) = echo(MOST).await;
    let lines = run("echo.py", [&url, MOST]).await;
    let events: Vec<&str> = lines.iter().filter_map(|line| line["event"].as_str()).collect();
    assert_eq!(events, [&["joined"][..], &["message"; 7], &["pong", "many", "left", "closed"]].concat());
    assert_eq!(lines[0]["subprotocol"], Value::Null);
    for message in &lines[1..8] {
        assert_eq!(message["sent"], message["back"], "{}", message["name"]);
    }
    assert_eq!(lines[5]["back"]["bytes"], 4_000_000);
    assert_eq!((&lines[9]["back"], &lines[10]["code"]), (&json!(true), &json!(4001)));
    assert_eq!(
        (&lines[11]["code"], &lines[11]["reason"]),
        (&json!(1009), &json!("at most 4000000 bytes fit into a message"))
    );
}
