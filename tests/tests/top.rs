//! `watershed top`: a cluster's figures in a terminal, while nodes die and come back.

use std::{
    net::TcpListener,
    process::{Command, Output},
};

use rustix::process::Signal;
use watershed_tests::{cluster::Cluster, process::binary, terminal::Terminal, topology::SMALL};

const NODES: [&str; 5] = ["b1", "b2", "p1", "p2", "m1"];

/// A shell's usual terminal.
const SIZE: (u16, u16) = (80, 24);

async fn told(cluster: &Cluster, arguments: &[&str]) -> Output {
    let mut command = tokio::process::Command::from(Command::new(binary("watershed")));
    command.arg("top").args(arguments).arg("--config").arg(cluster.path("cluster.toml"));
    command.kill_on_drop(true).output().await.expect("watershed runs")
}

fn watching(cluster: &Cluster) -> Terminal {
    let topology = cluster.path("cluster.toml");
    Terminal::run(&binary("watershed"), &["top", "--config", &topology.to_string_lossy()], SIZE)
}

/// Whether a node's line has this word in it.
fn is(screen: &str, node: &str, word: &str) -> bool {
    screen.lines().any(|line| line.starts_with(&format!("{node} ")) && line.contains(word))
}

fn all_alive(screen: &str) -> bool {
    NODES.iter().all(|node| is(screen, node, "alive"))
}

#[tokio::test]
async fn a_pipe_gets_one_table_of_every_node_or_the_answer_itself() {
    let cluster = Cluster::start(SMALL).await;
    let plain = told(&cluster, &[]).await;
    let text = String::from_utf8(plain.stdout).expect("it is text");
    assert!(plain.status.success(), "{}", String::from_utf8_lossy(&plain.stderr));
    assert!(all_alive(&text) && text.contains("processors count likes"), "{text}");
    assert!(!text.contains('\x1b'), "no terminal, no escape sequences: {text:?}");

    let json = told(&cluster, &["--json"]).await;
    let answer: serde_json::Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!(answer["nodes"].as_array().map(Vec::len), Some(NODES.len()));
}

#[tokio::test]
async fn a_processor_is_seen_to_die_and_to_come_back_and_q_gives_the_terminal_back() {
    let cluster = Cluster::start(SMALL).await;
    let mut top = watching(&cluster);
    top.shows("every node alive", all_alive).await;
    assert!(!top.is_given_back(), "the screen is a program's own");

    cluster.kill("p2").await;
    top.shows("that p2 died", |screen| is(screen, "p2", "dead") && screen.contains("p2 died")).await;
    cluster.respawn("p2").await;
    top.shows("p2 alive", |screen| all_alive(screen) && screen.contains("p2 is alive again")).await;

    top.press("4");
    let events = top.shows("the events, large", |screen| screen.contains("4 events, UTC ──────────────────────")).await;
    assert!(events.contains("p2 died"), "{events}");

    top.resize(60, 20);
    top.shows("what it needs", |screen| screen.contains("needs 80x24, this terminal is 60x20")).await;
    top.resize(100, 30);
    top.shows("every node again", all_alive).await;

    top.press("q");
    assert_eq!(top.ended().await, Some(0));
    assert!(top.is_given_back());
}

#[tokio::test]
async fn when_the_node_that_is_asked_dies_another_is_asked() {
    let cluster = Cluster::start(SMALL).await;
    let url = cluster.url("b1").await;
    let other = cluster.url("b2").await.replace("http://", "");
    let top = Terminal::run(&binary("watershed"), &["top", "--url", &url], SIZE);
    let asked = url.replace("http://", "");
    top.shows("who is asked", |screen| all_alive(screen) && screen.contains(&asked)).await;
    cluster.kill("b1").await;
    top.shows("the other", |screen| screen.contains(&other) && is(screen, "b1", "dead")).await;
}

#[tokio::test]
async fn signals_and_control_c_give_the_terminal_back_too() {
    // Nobody answers here, which is said, and waited for.
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("an address");
    for end in [Some(Signal::TERM), Some(Signal::HUP), Some(Signal::INT), None] {
        let url = format!("http://{nobody}");
        let mut top = Terminal::run(&binary("watershed"), &["top", "--url", &url], SIZE);
        top.shows("that nobody answers", |screen| screen.contains("nobody answers")).await;
        match end {
            Some(signal) => top.signal(signal),
            None => top.press("\x03"),
        }
        assert_eq!(top.ended().await, Some(0), "{end:?}");
        assert!(top.is_given_back(), "{end:?}");
    }
}
