//! What `make million` and `make streams` do with very many, done with few: every viewer has everything, exactly.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};
use watershed_tests::process::binary;

/// Such a run starts a cluster, crowds and writers, and waits for all of them.
const WITHIN: Duration = Duration::from_secs(240);

/// Runs a conductor to its end; what it printed.
async fn conduct(conductor: &str, line: &str) -> String {
    let mut command = Command::new(binary(conductor));
    command.args(line.split_ascii_whitespace()).stdin(Stdio::null()).kill_on_drop(true);
    let output = timeout(WITHIN, command.output()).await.expect("it ends in time").expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{conductor} {line}: {}\n{told}\n{errors}", output.status);
    told
}

/// The figure of a row of the table that is printed at the end.
fn figure<'a>(table: &'a str, what: &str) -> &'a str {
    let row = table.lines().find_map(|line| line.strip_prefix(&format!("| {what} | "))?.strip_suffix(" |"));
    row.unwrap_or_else(|| panic!("{what:?} is no row of\n{table}"))
}

#[tokio::test]
async fn every_viewer_of_a_large_stream_has_all_comments_and_exact_counts() {
    let table = conduct("million", "--viewers 600 --viewers-per-process 200 --likes 90 --frames 1 --bare").await;
    assert_eq!(figure(&table, "viewers, connected at the same time"), "600");
    assert_eq!(figure(&table, "comments; likes acknowledged"), "10; 11 on each of 6, 12 on each of 2");
    assert_eq!(figure(&table, "viewers away; not at the newest frame"), "0; 0");
    assert_eq!(figure(&table, "viewers with a wrong count; crowds with a comment missing"), "0; 0");
    assert_eq!(figure(&table, "broken chains and unreadable messages"), "0");
    assert_eq!(figure(&table, "viewers of bare loops"), "600");
}

#[tokio::test]
async fn many_streams_live_through_the_end_of_their_root() {
    let table = conduct("streams", "--streams 300 --nodes 2 --idle 1 --opens 20").await;
    assert_eq!(figure(&table, "streams, each with one viewer"), "300");
    assert_eq!(figure(&table, "viewers without a view, broken chains, ended connections"), "0");
}
