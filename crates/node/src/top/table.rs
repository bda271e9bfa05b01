//! The nodes as tables, one a role: what stands in which column.
//!
//! From `watch` to the screen and to the plain text, which show the same. Invariant: every node of the sample has a row,
//! and every row has a cell for each heading.

use watershed_protocol::Role;

use super::{
    keys::Sort,
    sample::{Node, Sample, State},
    tone::Tone,
    watch::Watch,
    words::{UNKNOWN, count, maybe, milliseconds, percent, span, tenth},
};

/// The roles in the order of the data flow.
const ROLES: [Role; 3] = [Role::Broadcast, Role::Processor, Role::Merger];

/// The longest name of a node that is shown whole.
const NAME_CHARS_MAX: usize = 12;

/// What is told of the nodes of a role beside their name, state and heartbeat: heading, width, how it is made.
type Column = (&'static str, usize, fn(&Watch, &Node) -> String);

/// Counters of what a node has refused because it was too much.
const SHED: [(Role, &[&str]); 3] = [
    (
        Role::Broadcast,
        &[
            "joins_refused",
            "joins_full",
            "writes_refused",
            "writes_overloaded",
            "taps_dropped",
            "closed_stalled",
            "closed_held",
            "closed_full",
        ],
    ),
    (Role::Processor, &["writes_crowded_out", "viewers_turned_away", "commit_disk_full"]),
    (Role::Merger, &["comments_unshown"]),
];

const OF_BROADCAST: [Column; 7] = [
    ("VIEWERS", 8, |_, node| maybe(node.figure("viewers"), count)),
    ("RING", 6, |_, node| maybe(node.ring_share, percent)),
    ("WRITES/S", 9, |watch, node| maybe(watch.rate(node, "writes_in"), tenth)),
    ("FRAMES/S", 9, |watch, node| maybe(watch.rate(node, "frames_in"), tenth)),
    ("FROM", 5, |_, node| node.fed_by.clone().unwrap_or_else(|| UNKNOWN.into())),
    ("SENT/S", 8, |watch, node| maybe(watch.rate(node, "frames_written"), tenth)),
    ("SHED", 6, |_, node| maybe(shed(node), count)),
];

const OF_PROCESSOR: [Column; 8] = [
    ("SLOTS", 6, |_, node| maybe(node.slots.map(|slots| slots as f64), count)),
    ("RING", 6, |_, node| maybe(node.ring_share, percent)),
    ("LIKES/S", 8, |watch, node| maybe(watch.rate(node, "likes_in"), tenth)),
    ("SYNCS/S", 8, |watch, node| maybe(watch.rate(node, "commits"), tenth)),
    ("SYNC ms", 8, |watch, node| maybe(sync_us(watch, node), milliseconds)),
    ("p50", 5, |_, node| maybe(node.figure("commit_microseconds_p50"), milliseconds)),
    ("p99", 5, |_, node| maybe(node.figure("commit_microseconds_p99"), milliseconds)),
    ("SHED", 5, |_, node| maybe(shed(node), count)),
];

const OF_MERGER: [Column; 6] = [
    ("WORK", 8, |watch, node| work(watch, node)),
    ("STREAMS", 8, |_, node| maybe(node.figure("streams_open"), count)),
    ("TALLIES/S", 10, |watch, node| maybe(watch.rate(node, "tallies_in"), tenth)),
    ("OUT/S", 8, |watch, node| maybe(watch.rate(node, "tallies_out"), tenth)),
    ("FRAMES/S", 9, |watch, node| maybe(watch.rate(node, "frames_out"), tenth)),
    ("SHED", 6, |_, node| maybe(shed(node), count)),
];

/// One piece of text in a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// What it says, as wide as its column.
    pub(super) text: String,
    /// What it means.
    pub(super) tone: Tone,
}

/// A line: its cells follow each other without a gap.
pub(super) type Line = Vec<Cell>;

/// A text, and how it is meant.
pub(super) fn cell(tone: Tone, text: impl Into<String>) -> Cell {
    Cell { text: text.into(), tone }
}

/// All nodes: for each role that has some a line of headings, and a line a node.
pub(super) fn nodes(watch: &Watch, sample: &Sample, sort: Sort) -> Vec<Line> {
    let longest = sample.nodes.iter().map(|node| node.name.chars().count()).max().unwrap_or(0);
    let name_chars = longest.clamp("PROCESSOR".len(), NAME_CHARS_MAX);
    let mut lines = Vec::new();
    for role in ROLES {
        let mut nodes: Vec<&Node> = sample.of_role(role).collect();
        order(watch, &mut nodes, sort);
        if !nodes.is_empty() {
            lines.push(headings(role, name_chars));
            lines.extend(nodes.into_iter().map(|node| row(watch, node, name_chars)));
        }
    }
    lines
}

fn columns(role: Role) -> &'static [Column] {
    match role {
        Role::Broadcast => &OF_BROADCAST,
        Role::Processor => &OF_PROCESSOR,
        Role::Merger => &OF_MERGER,
    }
}

fn headings(role: Role, name_chars: usize) -> Line {
    let first = format!("{:<name_chars$} {:<6}{:>6}", role.to_string().to_uppercase(), "STATE", "BEAT");
    let others = columns(role).iter().map(|(heading, width, _)| right(heading, *width));
    let texts = std::iter::once(first).chain(others).chain(["  READY".into()]);
    texts.map(|text| cell(Tone::Dim, text)).collect()
}

/// A text at the right of its column, with a space before it even where it is too long.
fn right(text: &str, width: usize) -> String {
    format!(" {text:>0$}", width - 1)
}

fn row(watch: &Watch, node: &Node, name_chars: usize) -> Line {
    let name: String = node.name.chars().take(name_chars).collect();
    let (life, ready) = (life(node), readiness(node));
    let figures = if node.state == State::Dead { Tone::Dim } else { Tone::Plain };
    let mut line = vec![
        cell(if node.state == State::Alive { Tone::Plain } else { life }, format!("{name:<name_chars$} ")),
        cell(life, format!("{:<6}", node.state.word())),
        cell(
            life,
            format!(
                "{:>6}",
                node.beat_ms().map_or(UNKNOWN.into(), |ms| span(ms).replace(" min", "m").replace(' ', ""))
            ),
        ),
    ];
    line.extend(columns(node.role).iter().map(|(_, width, made)| cell(figures, right(&made(watch, node), *width))));
    line.push(cell(ready.tone, format!("  {}", ready.text)));
    line
}

/// How a node's state is meant.
pub(super) fn life(node: &Node) -> Tone {
    match node.state {
        State::Alive => Tone::Good,
        State::Silent | State::Other => Tone::Warn,
        State::Dead => Tone::Bad,
    }
}

/// Whether a node is ready, or why not.
fn readiness(node: &Node) -> Cell {
    match (node.state, node.ready) {
        (State::Dead, _) => cell(Tone::Dim, UNKNOWN),
        (_, Some(true)) => cell(Tone::Good, "ready"),
        (_, Some(false)) => {
            cell(Tone::Warn, node.missing.as_deref().map_or("not ready".into(), |why| format!("no: {why}")))
        }
        (_, None) => cell(Tone::Warn, node.missing.as_deref().unwrap_or("no answer")),
    }
}

/// How long a sync took on average: in the last second, or since the start while there was none.
fn sync_us(watch: &Watch, node: &Node) -> Option<f64> {
    let mean = |total: f64, count: f64| (count > 0.0).then(|| total / count);
    let now = watch.rate(node, "commit_microseconds").zip(watch.rate(node, "commits"));
    let since_start = || mean(node.figure("commit_microseconds")?, node.figure("commits")?);
    now.and_then(|(total, count)| mean(total, count)).or_else(since_start)
}

/// What a merger does: as it says, or as the map says.
fn work(watch: &Watch, node: &Node) -> String {
    let root = watch.seen().and_then(|seen| seen.sample.root.as_ref());
    match (&node.work, root) {
        (Some(work), _) => work.clone(),
        (None, Some(root)) => if root.node == node.name { "root" } else { "standby" }.into(),
        (None, None) => UNKNOWN.into(),
    }
}

/// How much a node has refused since its start because it was too much.
fn shed(node: &Node) -> Option<f64> {
    let (_, counters) = SHED.iter().find(|(role, _)| *role == node.role)?;
    counters.iter().filter_map(|counter| node.figure(counter)).reduce(|sum, value| sum + value)
}

/// How busy a node is, for sorting.
fn load(watch: &Watch, node: &Node) -> Option<f64> {
    match node.role {
        Role::Broadcast => node.figure("viewers"),
        Role::Processor => watch.rate(node, "likes_in"),
        Role::Merger => watch.rate(node, "tallies_in"),
    }
}

fn order(watch: &Watch, nodes: &mut [&Node], sort: Sort) {
    let key = |node: &Node| match sort {
        Sort::Name => None,
        Sort::Load => load(watch, node),
        Sort::Beat => node.beat_ms().map(|ms| ms as f64),
        Sort::Shed => shed(node),
    };
    // Stable: equals stay in the order of the cluster.
    nodes.sort_by(|a, b| key(b).unwrap_or(-1.0).total_cmp(&key(a).unwrap_or(-1.0)));
}
