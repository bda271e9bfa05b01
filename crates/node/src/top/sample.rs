//! One answer of `GET /v1/cluster`, typed: what the cluster was at one moment.
//!
//! From `source`, which got the bytes, to everything else of `top`. Invariant: what another version may lack is an
//! `Option` or has a default, and no text in it can move a cursor.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use watershed_protocol::Role;

/// Longest text that is kept of a name, a URL or a reason.
const TEXT_CHARS_MAX: usize = 200;

/// The answer is none of a cluster.
#[derive(Debug, thiserror::Error)]
#[error("the answer of {bytes} bytes is no cluster: {why}")]
pub(super) struct SampleError {
    bytes: usize,
    why: serde_json::Error,
}

/// The whole cluster at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Sample {
    /// The cluster's name in its topology.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) name: Option<String>,
    /// When the node that answers gathered it, in Unix milliseconds by its own clock.
    #[serde(default)]
    pub(super) at: Option<u64>,
    /// The version of the map of slots.
    #[serde(default)]
    pub(super) map_epoch: Option<u64>,
    /// Who merges; none before there is a root.
    #[serde(default)]
    pub(super) root: Option<Root>,
    /// Every node that ever joined.
    pub(super) nodes: Vec<Node>,
}

/// The root merger.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(super) struct Root {
    /// Its node.
    #[serde(deserialize_with = "printable")]
    pub(super) node: String,
    /// Counts the roots that there have been.
    pub(super) epoch: u64,
}

/// One node.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Node {
    /// Its name.
    #[serde(rename = "node", deserialize_with = "printable")]
    pub(super) name: String,
    /// What it does.
    pub(super) role: Role,
    /// Base URL of its HTTP port.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) url: Option<String>,
    /// Whether it lives.
    pub(super) state: State,
    /// How long it has missed its heartbeats.
    #[serde(default)]
    silent_ms: Option<u64>,
    /// How long ago its last heartbeat was.
    #[serde(default)]
    beat_ms: Option<u64>,
    /// How many slots a processor owns.
    #[serde(default)]
    pub(super) slots: Option<u64>,
    /// The share of the ring that its points cover, 0 to 1.
    #[serde(default)]
    pub(super) ring_share: Option<f64>,
    /// Whether it is ready; none if it did not answer.
    #[serde(default)]
    pub(super) ready: Option<bool>,
    /// Why it is not ready.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) missing: Option<String>,
    /// What a merger does: root or standby.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) work: Option<String>,
    /// Whom a broadcast node takes its frames from.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) fed_by: Option<String>,
    /// Its figures by name; none if it did not answer.
    #[serde(default)]
    figures: Option<BTreeMap<String, Option<f64>>>,
    /// Its slowest viewers; none where a version does not tell.
    #[serde(default)]
    pub(super) slowest: Option<Vec<Slow>>,
}

/// One viewer who lags.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Slow {
    /// Who.
    #[serde(deserialize_with = "printable")]
    pub(super) viewer: String,
    /// On which stream.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) stream: Option<String>,
    /// How many frames the viewer is behind.
    #[serde(default)]
    pub(super) behind_frames: Option<u64>,
    /// How long the viewer's socket has taken nothing.
    #[serde(default)]
    pub(super) stalled_ms: Option<u64>,
    /// What the node makes of it.
    #[serde(default, deserialize_with = "printable_or_none")]
    pub(super) grade: Option<String>,
}

/// Whether a node lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Its heartbeats come.
    Alive,
    /// It has missed some.
    Silent,
    /// Its process is gone.
    Dead,
    /// A word that this version does not know.
    #[serde(other)]
    Other,
}

impl State {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Silent => "silent",
            Self::Dead => "dead",
            Self::Other => "?",
        }
    }
}

impl Sample {
    /// Reads an answer.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SampleError> {
        serde_json::from_slice(bytes).map_err(|why| SampleError { bytes: bytes.len(), why })
    }

    /// The nodes of a role, in the order of the answer.
    pub(super) fn of_role(&self, role: Role) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.role == role)
    }

    /// One node by its name.
    pub(super) fn node(&self, name: &str) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// A figure of all nodes of a role together; none if no node tells it.
    pub(super) fn sum(&self, role: Role, figure: &str) -> Option<f64> {
        self.of_role(role).filter_map(|node| node.figure(figure)).reduce(|sum, value| sum + value)
    }

    /// How many nodes live.
    pub(super) fn alive(&self) -> usize {
        self.nodes.iter().filter(|node| node.state == State::Alive).count()
    }
}

impl Node {
    /// One figure of this node.
    pub(super) fn figure(&self, name: &str) -> Option<f64> {
        *self.figures.as_ref()?.get(name)?
    }

    /// How long ago its last heartbeat was, as far as this version tells.
    pub(super) fn beat_ms(&self) -> Option<u64> {
        self.beat_ms.or(self.silent_ms)
    }
}

/// Text of others, as it may be shown.
fn printable<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Ok(without_controls(&String::deserialize(from)?))
}

fn printable_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(from)?.map(|text| without_controls(&text)))
}

/// A terminal obeys control characters, so that a viewer's name could clear the screen.
fn without_controls(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_with_nothing_but_nodes_is_read() {
        let sample = Sample::parse(br#"{"nodes":[{"node":"p1","role":"processor","state":"dead"}]}"#).unwrap();
        let p1 = sample.node("p1").unwrap();
        assert_eq!((p1.state, p1.figure("likes_in"), p1.beat_ms()), (State::Dead, None, None));
        assert_eq!((sample.map_epoch, sample.alive()), (None, 0));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let text = br#"{"nodes":[{"node":"b1","role":"broadcast","state":"leaving","mood":3,"figures":{"viewers":2,"odd":null}}]}"#;
        let sample = Sample::parse(text).unwrap();
        let b1 = sample.node("b1").unwrap();
        assert_eq!((b1.state.word(), b1.figure("viewers"), b1.figure("odd")), ("?", Some(2.0), None));
    }

    #[test]
    fn a_bad_answer_names_what_is_wrong_with_it() {
        for (text, what) in [
            (r#"{"map_epoch":1}"#, "missing field `nodes`"),
            (r#"{"nodes":[{"role":"merger","state":"dead"}]}"#, "missing field `node`"),
            (r#"{"nodes":[{"node":"x","role":"king","state":"dead"}]}"#, "unknown variant `king`"),
            ("<html>", "line 1 column 1"),
        ] {
            let error = Sample::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the answer of {} bytes is no cluster: ", text.len())), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn a_viewers_name_cannot_move_the_cursor() {
        let text = "{\"nodes\":[{\"node\":\"b1\",\"role\":\"broadcast\",\"state\":\"alive\",\
                    \"slowest\":[{\"viewer\":\"\\u001b[2Jann\"}]}]}";
        let sample = Sample::parse(text.as_bytes()).unwrap();
        assert_eq!(sample.nodes[0].slowest.as_ref().unwrap()[0].viewer, "\u{fffd}[2Jann");
    }
}
