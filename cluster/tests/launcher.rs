//! What the launcher promises, with real processes: nodes that join and answer, and do nothing else.
//!
//! The nodes are this test binary itself, started through a script in place of `watershed`: see [`fake_node`].
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use watershed_membership::{HEARTBEAT_MS, Member, Membership, StateDir, Topology};

/// How long a state may take to be seen.
const PATIENCE: Duration = Duration::from_secs(20);

const TOPOLOGY: &str = r#"
[cluster]
name = "test"
dir = "state-of-test"
secret = "test-secret"
[broadcast]
nodes = 2
port = 0
[processor]
nodes = 1
port = 0
peer_port = 0
[merger]
port = 0
peer_port = 0
"#;

/// The command line of a fake node: when it is set, [`fake_node`] is one.
const FAKE: &str = "WATERSHED_FAKE_NODE";

/// A cluster of fake nodes in a directory of its own; stopped at the end.
struct Fixture {
    dir: TempDir,
}

/// What one call of `cluster` came to.
#[derive(Debug)]
struct Done {
    code: i32,
    out: String,
    err: String,
}

impl Fixture {
    fn new(topology: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("test.toml"), topology).unwrap();
        let script = format!(
            "#!/bin/sh\n{FAKE}=\"$*\" exec '{}' --exact fake_node --nocapture --test-threads 1\n",
            std::env::current_exe().unwrap().display()
        );
        let path = dir.path().join("watershed");
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        Self { dir }
    }

    fn cluster(&self, line: &str) -> Done {
        let output = Command::new(env!("CARGO_BIN_EXE_cluster"))
            .args(line.split_ascii_whitespace())
            .args(["--config", "test.toml", "--bin", "./watershed"])
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    #[track_caller]
    fn runs(&self, line: &str) -> String {
        let done = self.cluster(line);
        assert_eq!(done.code, 0, "cluster {line}: {done:?}");
        done.out
    }

    /// What `status --json` says, as (node, pid, url, state).
    fn status(&self) -> Vec<(String, Option<u64>, String, String)> {
        let rows: Vec<serde_json::Value> = serde_json::from_str(&self.runs("status --json")).unwrap();
        let text = |row: &serde_json::Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.iter().map(|row| (text(row, "node"), row["pid"].as_u64(), text(row, "url"), text(row, "state"))).collect()
    }

    fn states(&self) -> String {
        let rows = self.status();
        rows.iter().map(|(node, _, _, state)| format!("{node} {state}")).collect::<Vec<_>>().join(", ")
    }

    fn pid(&self, node: &str) -> Option<u64> {
        self.status().into_iter().find(|row| row.0 == node).unwrap().1
    }

    #[track_caller]
    fn comes_to(&self, states: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.states() != states {
            assert!(Instant::now() < deadline, "{} did not come to {states}", self.states());
        }
    }
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.cluster("stop");
    }
}

/// Not a promise but a helper: with the environment set, this test is a node that joins, beats and answers 200.
#[test]
fn fake_node() {
    let Ok(line) = std::env::var(FAKE) else { return };
    let words: Vec<&str> = line.split(' ').collect();
    let [role, "--topology", file, "--name", name] = words[..] else { panic!("bad command line: {line}") };
    if Path::new(&format!("dies-{name}")).exists() {
        println!("\n{name}: there is no disk");
        std::process::exit(3);
    }
    let topology = Topology::load(Path::new(file)).unwrap();
    let node = topology.node(&name.parse().unwrap()).unwrap();
    assert_eq!(node.role.to_string(), role);
    let listener = TcpListener::bind(node.http).unwrap();
    let port = listener.local_addr().unwrap().port();
    let member = Member {
        name: node.name.clone(),
        role: node.role,
        incarnation: Member::incarnation().unwrap(),
        pid: std::process::id(),
        peer: node.peer,
        http: node.http_url(port),
        ws: node.ws_url(port),
    };
    let lease = StateDir::open(&topology.state_dir()).unwrap().join(&member).unwrap();
    println!("\n{name} listens on {port}");
    thread::spawn(move || {
        loop {
            lease.heartbeat(None).unwrap();
            thread::sleep(Duration::from_millis(HEARTBEAT_MS / 2));
        }
    });
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    }
}

#[test]
fn up_starts_all_and_stop_leaves_no_process() {
    let fixture = Fixture::new(TOPOLOGY);
    assert_eq!(fixture.states(), "m1 dead, p1 dead, b1 dead, b2 dead");
    let table = fixture.runs("up");
    assert!(table.starts_with("NODE  ROLE"), "{table}");
    let token = Topology::load(&fixture.dir.path().join("test.toml")).unwrap().operator_token().unwrap().reveal();
    let (rows, page) = table.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(rows.lines().count(), 5, "{table}");
    assert!(
        page.starts_with("operators look at http://") && page.ends_with(&format!("/operator#token={token}")),
        "{page}"
    );
    assert_eq!(fixture.runs("token"), format!("{token}\n"));
    let pages = fixture.runs("urls --operator");
    assert!(pages.lines().count() == 2 && pages.lines().all(|page| page.ends_with(&token)), "{pages}");
    assert!(!fixture.runs("urls").contains("token"));
    fixture.comes_to("m1 ready, p1 ready, b1 ready, b2 ready");
    let rows = fixture.status();
    assert!(rows.iter().all(|(_, _, url, _)| !url.ends_with(":0")), "{rows:?}");

    assert_eq!(fixture.runs("stop"), "4 nodes stopped, no process is left\n");
    assert_eq!(fixture.states(), "m1 dead, p1 dead, b1 dead, b2 dead");
    for (_, pid, ..) in rows {
        assert!(!Path::new(&format!("/proc/{}/cwd", pid.unwrap())).exists());
    }
    assert_eq!(fixture.runs("stop"), "nothing was running\n");
}

#[test]
fn a_killed_node_is_shown_dead_and_only_it_is_started_again() {
    let fixture = Fixture::new(TOPOLOGY);
    fixture.runs("up");
    let (b1, p1) = (fixture.pid("b1"), fixture.pid("p1"));
    assert!(fixture.runs("kill p1").starts_with("sent KILL to p1 (process "));
    fixture.comes_to("m1 ready, p1 dead, b1 ready, b2 ready");
    assert_eq!(fixture.pid("p1"), None);
    assert_eq!(fixture.cluster("kill p1").err, "cluster: p1 is not running\n");
    fixture.runs("--respawn");
    fixture.comes_to("m1 ready, p1 ready, b1 ready, b2 ready");
    assert_eq!(fixture.pid("b1"), b1);
    assert_ne!(fixture.pid("p1"), p1);
    assert!(fixture.runs("up").starts_with("all nodes are already running\n"));
    assert!(fixture.runs("start b1").starts_with("b1 is already running\n"));
}

#[test]
fn a_frozen_node_is_silent_and_can_still_be_stopped() {
    let fixture = Fixture::new(TOPOLOGY);
    fixture.runs("up");
    fixture.runs("kill b2 --signal STOP");
    fixture.comes_to("m1 ready, p1 ready, b1 ready, b2 silent");
    fixture.runs("kill b2 --signal CONT");
    fixture.comes_to("m1 ready, p1 ready, b1 ready, b2 ready");
}

#[test]
fn a_node_that_dies_at_its_start_takes_down_what_was_started_with_it() {
    let fixture = Fixture::new(TOPOLOGY);
    fixture.runs("start p1");
    fs::write(fixture.dir.path().join("dies-b2"), "").unwrap();
    let done = fixture.cluster("up");
    assert_eq!(done.code, 1);
    assert!(done.err.starts_with("cluster: b2 ended while it was starting (exit status: 3); the end of "), "{done:?}");
    assert!(done.err.contains("b2: there is no disk"), "{done:?}");
    fixture.comes_to("m1 dead, p1 ready, b1 dead, b2 dead");
}

#[test]
fn a_taken_port_is_told_and_nothing_is_started() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let fixture = Fixture::new(&TOPOLOGY.replacen("port = 0", &format!("port = {port}"), 1));
    let done = fixture.cluster("up");
    let line =
        format!("cluster: port {port} of b1 is taken (by another program); change [broadcast] port in test.toml\n");
    assert_eq!((done.code, done.err), (1, line));
    assert_eq!(fixture.states(), "m1 dead, p1 dead, b1 dead, b2 dead");
}

#[test]
fn a_bad_topology_or_command_line_is_one_line_and_exit_64() {
    let fixture = Fixture::new(&TOPOLOGY.replacen("nodes = 2", "nodes = 0", 1));
    let refused = |line: &str, reason: &str| {
        let done = fixture.cluster(line);
        assert_eq!((done.code, done.err.as_str()), (64, reason), "cluster {line}");
    };
    refused("up", "cluster: test.toml: [broadcast] nodes is 0, 1 to 256 are allowed\n");
    refused("status", "cluster: test.toml: [broadcast] nodes is 0, 1 to 256 are allowed\n");
    refused("explode", "cluster: unrecognized subcommand 'explode'\n");
    assert!(!fixture.dir.path().join("state-of-test").exists());

    fs::write(fixture.dir.path().join("test.toml"), TOPOLOGY).unwrap();
    refused("start b3", "cluster: there is no node \"b3\" in test.toml: m1, p1, b1, b2\n");
    fs::remove_file(fixture.dir.path().join("watershed")).unwrap();
    refused("up", "cluster: ./watershed is not there or cannot be run; build it, or name it with --bin\n");
    assert!(!fixture.dir.path().join("state-of-test").exists());
}

#[test]
fn a_topology_that_lost_an_owner_of_slots_is_refused() {
    let fixture = Fixture::new(&TOPOLOGY.replacen("[processor]\nnodes = 1", "[processor]\nnodes = 2", 1));
    fixture.runs("up");
    fixture.runs("stop");
    fs::write(fixture.dir.path().join("test.toml"), TOPOLOGY).unwrap();
    let done = fixture.cluster("up");
    assert_eq!(done.code, 64);
    assert!(done.err.starts_with("cluster: p2 owns ") && done.err.contains("raise [processor] nodes"), "{done:?}");
}

#[test]
fn a_node_of_an_earlier_topology_is_stopped_too() {
    let fixture = Fixture::new(TOPOLOGY);
    fixture.runs("up");
    fs::write(fixture.dir.path().join("test.toml"), TOPOLOGY.replacen("nodes = 2", "nodes = 1", 1)).unwrap();
    assert_eq!(fixture.runs("stop"), "4 nodes stopped, no process is left\n");
}

#[test]
fn logs_name_the_node_of_each_line() {
    let fixture = Fixture::new(TOPOLOGY);
    fixture.runs("up");
    assert!(fixture.runs("logs").contains("p1 | p1 listens on "));
    assert!(fixture.runs("logs b1").lines().any(|line| line.starts_with("b1 listens on ")));
    assert!(!fixture.runs("logs b1 -n 1").contains("p1"));
}
