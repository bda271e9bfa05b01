//! `cluster status`: every node with its process, its URL and how it is.
//!
//! Invariant: the state comes from what is running now, never from what was started once.

use serde::Serialize;
use watershed_membership::{Health, OperatorToken};
use watershed_protocol::{NodeName, Role};

use crate::{
    cluster::{Cluster, Seen},
    print, readiness,
};

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It answers that it is ready.
    Ready,
    /// It runs, but is not ready yet, or no longer.
    Starting,
    /// It runs, but has given its lease back: it drains, and ends.
    Ending,
    /// It runs, but has missed its heartbeats.
    Silent,
    /// It does not run.
    Dead,
}

impl State {
    pub(crate) fn of(seen: &Seen<'_>) -> Self {
        match (seen.process, seen.known()) {
            (None, _) => Self::Dead,
            (Some(_), None) => Self::Starting,
            (Some(_), Some((_, Health::Dead))) => Self::Ending,
            (Some(_), Some((_, Health::Silent { .. }))) => Self::Silent,
            (Some(_), Some((member, _))) if readiness::is_ready(seen.node, member) => Self::Ready,
            (Some(_), Some(_)) => Self::Starting,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Starting => "starting",
            Self::Ending => "ending",
            Self::Silent => "silent",
            Self::Dead => "dead",
        }
    }
}

/// One line of the table, and one object of the JSON: programs read these names.
#[derive(Debug, Serialize)]
struct Row {
    node: NodeName,
    role: Role,
    pid: Option<u32>,
    url: String,
    state: State,
    /// Whom a broadcast node takes its frames from.
    fed_by: Option<NodeName>,
}

/// Prints the state of all nodes.
pub(crate) fn show(cluster: &Cluster, json: bool) -> anyhow::Result<()> {
    let seen = cluster.look()?;
    let token = cluster.topology.operator_token();
    let rows: Vec<Row> = seen.iter().map(|seen| row(seen, token.as_ref())).collect();
    print(&if json { serde_json::to_string(&rows)? + "\n" } else { table(&rows) })
}

fn row(seen: &Seen<'_>, token: Option<&OperatorToken>) -> Row {
    Row {
        node: seen.node.name.clone(),
        role: seen.node.role,
        pid: seen.process.map(|process| process.pid),
        url: seen.url(),
        state: State::of(seen),
        fed_by: seen
            .known()
            .filter(|(member, _)| member.role == Role::Broadcast)
            .and_then(|(member, _)| readiness::fed_by(seen.node, member, token)),
    }
}

fn table(rows: &[Row]) -> String {
    let header = ["NODE", "ROLE", "PID", "URL", "STATE", "FED BY"].map(String::from);
    let lines: Vec<[String; 6]> = std::iter::once(header).chain(rows.iter().map(cells)).collect();
    let widths: Vec<usize> = (0..6).map(|i| lines.iter().map(|line| line[i].len()).max().unwrap_or(0)).collect();
    let pad = |line: &[String; 6]| {
        let padded: Vec<String> = line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
        padded.join("  ").trim_end().to_owned() + "\n"
    };
    lines.iter().map(pad).collect()
}

fn cells(row: &Row) -> [String; 6] {
    [
        row.node.to_string(),
        row.role.to_string(),
        row.pid.map_or("-".into(), |pid| pid.to_string()),
        row.url.clone(),
        row.state.word().into(),
        row.fed_by.as_ref().map_or(String::new(), ToString::to_string),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let row = |node: &str, role, pid, state| Row {
            node: node.parse().unwrap(),
            role,
            pid,
            url: "http://127.0.0.1:8080".into(),
            state,
            fed_by: None,
        };
        let b1 = Row { fed_by: "m1".parse().ok(), ..row("b1", Role::Broadcast, Some(1234), State::Ready) };
        vec![b1, row("p1", Role::Processor, None, State::Dead)]
    }

    #[test]
    fn programs_read_these_names() {
        assert_eq!(
            serde_json::to_string(&rows()).unwrap(),
            r#"[{"node":"b1","role":"broadcast","pid":1234,"url":"http://127.0.0.1:8080","state":"ready","fed_by":"m1"},{"node":"p1","role":"processor","pid":null,"url":"http://127.0.0.1:8080","state":"dead","fed_by":null}]"#
        );
    }

    #[test]
    fn people_read_columns() {
        let shown = table(&rows());
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(lines[0], "NODE  ROLE       PID   URL                    STATE  FED BY");
        assert_eq!(lines[1], "b1    broadcast  1234  http://127.0.0.1:8080  ready  m1");
        assert_eq!(lines[2], "p1    processor  -     http://127.0.0.1:8080  dead");
    }
}
