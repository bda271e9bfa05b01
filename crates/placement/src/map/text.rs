//! The ownership map as text: what lies in the cluster's state and what nodes hand to each other.
//!
//! ```json
//! {"format":1,"epoch":7,"key":"00…64 hex","nodes":["p1","p2"],"owners":[0,1,…4096],"epochs":[3,2,…4096],
//!  "root":{"node":"m1","epoch":2},"stream_epochs_reserved":1000,"checksum":"16 hex"}
//! ```
//!
//! A map that spreads comments has `"spread":[{"streams":"final-*","parts":8},{"comment":"32 hex","parts":4}]` as well.
//! `owners` are indices of `nodes`, which are sorted and each own a slot. The checksum is XXH3 (64 bits, seed 0) over
//! the same text without the checksum. A reader takes any spacing, but no unknown field: it would be lost at the next
//! change.
//!
//! Invariant: `decode` answers for any bytes, and what it takes encodes to the same map.

use serde::{Deserialize, Serialize};
use watershed_protocol::{ClusterKey, CommentId, Epoch, Invalid, NodeName, Slot, Spread};
use xxhash_rust::xxh3::xxh3_64;

use super::{Map, Ownership, RootOwnership};
use crate::{Pattern, SpreadRule, Spreads, Subject};

/// The one format that this version writes and reads.
const FORMAT: u32 = 1;

/// Greatest epoch that is read: beyond it numbers are not exact in every JSON reader, and counting has room above.
const EPOCH_MAX: u64 = (1 << 53) - 1;

/// Why there is no map.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// The text was written by another version: run that one, or a converter.
    #[error("map has format {found}, this version reads format {FORMAT}")]
    Format {
        /// The format that the text names.
        found: u32,
    },
    /// The text is not whole, or not a map at all.
    #[error("map cannot be read: {why}")]
    Text {
        /// What the JSON reader says: the field and the place.
        why: String,
    },
    /// The text is whole, but not what was written.
    #[error("map has checksum {found:?}, its content has {computed:?}")]
    Checksum {
        /// What the text says.
        found: String,
        /// What it should say.
        computed: String,
    },
    /// A field's value is not one that a map can have.
    #[error("map field {field} is {found}, {limit}")]
    Field {
        /// The field's name, with the index in an array.
        field: String,
        /// The value, or its length.
        found: String,
        /// What would be allowed.
        limit: String,
    },
    /// A map cannot be founded for so few or so many processors.
    #[error("{found} processors cannot own the slots, 1 to {max} can")]
    Processors {
        /// How many there are.
        found: usize,
        /// The most there can be.
        max: usize,
    },
}

/// Only the format, so that another version's text is told from damage.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    epoch: u64,
    key: String,
    nodes: Vec<NodeName>,
    owners: Vec<u16>,
    epochs: Vec<u64>,
    root: Option<RootText>,
    stream_epochs_reserved: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    spread: Vec<SpreadText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SpreadText {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    streams: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    comment: Option<CommentId>,
    parts: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootText {
    node: NodeName,
    epoch: u64,
}

impl Map {
    /// The map as one line of JSON: about 16 KiB.
    pub fn encode(&self) -> String {
        let nodes = self.processors();
        let index = |owned: &Ownership| nodes.binary_search(&owned.node).unwrap_or_default() as u16;
        let mut text = Text {
            format: FORMAT,
            epoch: self.epoch.get(),
            key: hex(self.key.as_bytes()),
            owners: self.slots.iter().map(index).collect(),
            epochs: self.slots.iter().map(|owned| owned.epoch.get()).collect(),
            root: self.root.as_ref().map(|root| RootText { node: root.node.clone(), epoch: root.epoch.get() }),
            stream_epochs_reserved: self.stream_epochs_reserved.get(),
            spread: self.spreads.rules().iter().map(SpreadText::from).collect(),
            checksum: None,
            nodes,
        };
        text.checksum = Some(text.checksum());
        text.json()
    }

    /// Reads what [`Self::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, MapError> {
        let head: Head = parse(bytes)?;
        if head.format != FORMAT {
            return Err(MapError::Format { found: head.format });
        }
        let mut text: Text = parse(bytes)?;
        let found = text.checksum.take().unwrap_or_default();
        let computed = text.checksum();
        if found != computed {
            return Err(MapError::Checksum { found: found.chars().take(40).collect(), computed });
        }
        text.check()
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, MapError> {
    serde_json::from_slice(bytes).map_err(|error| MapError::Text { why: error.to_string() })
}

impl Text {
    #[expect(clippy::expect_used, reason = "numbers, strings and arrays always have a JSON form")]
    fn json(&self) -> String {
        serde_json::to_string(self).expect("a map has a JSON form")
    }

    /// Over the text without its checksum, whatever spacing it came in.
    fn checksum(&self) -> String {
        debug_assert!(self.checksum.is_none());
        format!("{:016x}", xxh3_64(self.json().as_bytes()))
    }

    /// A checksum tells damage; a map that was written wrongly is told here.
    fn check(self) -> Result<Map, MapError> {
        let epoch = epoch("epoch", self.epoch)?;
        let key = unhex(&self.key).map(ClusterKey::from_bytes);
        let key = key.ok_or_else(|| field("key", "not shown", "64 lower-case hex digits are needed"))?;
        length("nodes", self.nodes.len(), 1, Map::NODES_MAX)?;
        length("owners", self.owners.len(), Slot::COUNT, Slot::COUNT)?;
        length("epochs", self.epochs.len(), Slot::COUNT, Slot::COUNT)?;
        let slots = self.owners.iter().zip(&self.epochs).enumerate().map(|(slot, (&owner, &epoch))| {
            let node = self.nodes.get(usize::from(owner)).ok_or_else(|| {
                field(format!("owners[{slot}]"), owner, format!("there are {} nodes", self.nodes.len()))
            })?;
            Ok(Ownership { node: node.clone(), epoch: self::epoch(format!("epochs[{slot}]"), epoch)? })
        });
        let slots = slots.collect::<Result<_, MapError>>()?;
        let root = match self.root {
            Some(root) => Some(RootOwnership { node: root.node, epoch: self::epoch("root.epoch", root.epoch)? }),
            None => None,
        };
        if self.stream_epochs_reserved > EPOCH_MAX {
            return Err(field(
                "stream_epochs_reserved",
                self.stream_epochs_reserved,
                format!("0 to {EPOCH_MAX} are allowed"),
            ));
        }
        let stream_epochs_reserved = Epoch::new(self.stream_epochs_reserved);
        let rules = self.spread.into_iter().map(SpreadText::check).collect::<Result<_, _>>();
        let spreads = rules.and_then(Spreads::new).map_err(|why| field("spread", "not shown", why.to_string()))?;
        Ok(Map { epoch, key, spreads, slots, root, stream_epochs_reserved })
    }
}

impl From<&SpreadRule> for SpreadText {
    fn from(rule: &SpreadRule) -> Self {
        let parts = rule.spread.count();
        match &rule.subject {
            Subject::Streams(pattern) => Self { streams: Some(pattern.as_str().into()), comment: None, parts },
            Subject::Comment(id) => Self { streams: None, comment: Some(*id), parts },
        }
    }
}

impl SpreadText {
    fn check(self) -> Result<SpreadRule, Invalid> {
        let subject = match (self.streams, self.comment) {
            (Some(pattern), None) => Subject::Streams(Pattern::new(&pattern)?),
            (None, Some(id)) => Subject::Comment(id),
            _ => return Err(Invalid::Form { what: "spread", why: "it needs either streams or a comment".into() }),
        };
        Ok(SpreadRule { subject, spread: Spread::new(self.parts, 0)? })
    }
}

fn field(field: impl Into<String>, found: impl ToString, limit: impl Into<String>) -> MapError {
    MapError::Field { field: field.into(), found: found.to_string(), limit: limit.into() }
}

fn epoch(name: impl Into<String>, found: u64) -> Result<Epoch, MapError> {
    if (1..=EPOCH_MAX).contains(&found) {
        Ok(Epoch::new(found))
    } else {
        Err(field(name, found, format!("1 to {EPOCH_MAX} are allowed")))
    }
}

fn length(name: &str, found: usize, min: usize, max: usize) -> Result<(), MapError> {
    if (min..=max).contains(&found) {
        Ok(())
    } else {
        Err(field(name, format!("{found} entries long"), format!("{min} to {max} are needed")))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
