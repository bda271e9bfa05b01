//! The topology's text: keys as they stand in the file, with their defaults, and the check of each value.
//!
//! Numbers are read as they come and checked here, so that a refusal can name the key and the limit.
//! Invariant: whatever the text, the answer is a checked [`Topology`] or one line of reason.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;
use watershed_placement::{Pattern, SPREADS_MAX, SpreadRule, Spreads, Subject};
use watershed_protocol::{Invalid, ReactionKind, Spread, ViewerId, limits};

use super::{
    Broadcast, Levels, Limits, Merger, Processor, Topology, TopologyError, Windows, analytics::AnalyticsKeys, nodes,
    secret,
};

/// Most characters that are shown of a value or a line.
const SHOWN_CHARS_MAX: usize = 80;
/// Most nodes of one role. A cluster of one file is started by hand or by one launcher.
const NODES_MAX: i64 = 256;
/// Most mergers: one works, the others only stand by.
const MERGERS_MAX: i64 = 8;
/// Most carousel threads of a node.
const WORKERS_MAX: i64 = 64;
/// Viewers that a processor may know, unless the file says so: a gigabyte of them.
const VIEWERS_DEFAULT: i64 = 50_000_000;
/// The least that makes sense, and twenty gigabytes of them.
const VIEWERS: [i64; 2] = [1_000, 1_000_000_000];
/// Bytes of registers that a processor keeps in memory, unless the file says so: some hundred million likes.
const REGISTERS_BYTES_DEFAULT: i64 = 1 << 30;
/// The least that makes sense, sixteen pages, and a tebibyte.
const REGISTERS_BYTES: [i64; 2] = [65_536, 1 << 40];
/// Most moderators that a file lists.
const MODERATORS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    cluster: ClusterKeys,
    broadcast: BroadcastKeys,
    processor: ProcessorKeys,
    merger: MergerKeys,
    #[serde(default)]
    limits: LimitsKeys,
    #[serde(default)]
    windows: WindowsKeys,
    #[serde(default)]
    log: LogKeys,
    #[serde(default)]
    analytics: AnalyticsKeys,
    #[serde(default)]
    reactions: ReactionsKeys,
    #[serde(default)]
    spread: Vec<SpreadKeys>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpreadKeys {
    streams: Option<String>,
    comment: Option<String>,
    parts: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ClusterKeys {
    name: String,
    dir: String,
    secret: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BroadcastKeys {
    nodes: i64,
    #[serde(default = "loopback")]
    host: String,
    port: i64,
    peer_port: Option<i64>,
    advertise: Option<String>,
    #[serde(default = "one")]
    workers: i64,
    #[serde(default = "one")]
    viewer_spread: i64,
    #[serde(default)]
    moderators: Vec<String>,
    #[serde(default)]
    upstream: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProcessorKeys {
    nodes: i64,
    #[serde(default = "loopback")]
    host: String,
    port: i64,
    peer_port: i64,
    advertise: Option<String>,
    #[serde(default = "viewers")]
    viewers_max: i64,
    #[serde(default = "registers_bytes")]
    registers_bytes_max: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MergerKeys {
    #[serde(default = "one")]
    nodes: i64,
    #[serde(default = "loopback")]
    host: String,
    port: i64,
    peer_port: i64,
    advertise: Option<String>,
}

fn loopback() -> String {
    "127.0.0.1".into()
}

fn one() -> i64 {
    1
}

fn viewers() -> i64 {
    VIEWERS_DEFAULT
}

fn registers_bytes() -> i64 {
    REGISTERS_BYTES_DEFAULT
}

/// Defines a section whose keys are numbers, each with its default and its limits, and the check of it.
macro_rules! numbers {
    ($keys:ident => $checked:ident, $section:literal: $($key:ident = $default:literal in $min:literal..=$max:expr;)*) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, default)]
        struct $keys {
            $($key: i64,)*
        }

        impl Default for $keys {
            fn default() -> Self {
                Self { $($key: $default,)* }
            }
        }

        impl $keys {
            fn check(&self) -> Result<$checked, TopologyError> {
                Ok($checked { $($key: number(concat!("[", $section, "] ", stringify!($key)), self.$key, $min, $max)?,)* })
            }
        }
    };
}

numbers!(LimitsKeys => Limits, "limits":
    body_bytes = 1_000 in 1..=limits::BODY_BYTES_MAX as i64;
    comments_per_minute = 6_000 in 1..=60_000;
    likes_per_minute = 6_000 in 1..=60_000;
    tap_interval_ms = 250 in 50..=60_000;
    beat_ms = 20_000 in 1_000..=3_600_000;
    viewers_per_node = 18_000 in 1..=2_000_000;
    streams_per_node = 100_000 in 1..=1_000_000;
    kept_bytes_per_node = 536_870_912 in 1_048_576..=1_099_511_627_776;
    stream_viewers_per_node = 1_000 in 1..=2_000_000;
    joins_per_s = 5_000 in 1..=1_000_000;
    join_burst = 10_000 in 1..=2_000_000;
    move_period_ms = 10_000 in 0..=3_600_000;
    drain_ms = 10_000 in 0..=600_000;
);

numbers!(WindowsKeys => Windows, "windows":
    reports_per_s = 20 in 1..=1_000;
    report_burst = 5 in 1..=1_000;
    frames_per_s = 10 in 1..=1_000;
    frame_burst = 5 in 1..=1_000;
    viewers_every_ms = 2_000 in 100..=3_600_000;
    resync_wait_ms = 800 in 0..=10_000;
);

/// The `[log]` section, checked.
struct Log {
    segment_bytes: u64,
    checkpoint_bytes: u64,
}

numbers!(LogKeys => Log, "log":
    segment_bytes = 67_108_864 in 1_048_576..=268_435_456;
    checkpoint_bytes = 268_435_456 in 4_096..=1_099_511_627_776;
);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ReactionsKeys {
    kinds: Vec<String>,
}

impl Default for ReactionsKeys {
    fn default() -> Self {
        Self { kinds: ["heart", "clap", "laugh", "wow"].map(String::from).into() }
    }
}

/// Reads the text and checks every value.
pub(super) fn parse(text: &str) -> Result<Topology, TopologyError> {
    let file: File = toml::from_str(text).map_err(|error| at_line(text, &error))?;
    let broadcast = file.broadcast.check()?;
    let processor = file.processor.check()?;
    let merger = file.merger.check()?;
    let nodes = nodes::plan(&broadcast, &processor, &merger)?;
    Ok(Topology {
        name: one_line("[cluster] name", length("[cluster] name", file.cluster.name, 1, limits::NAME_BYTES_MAX)?)?,
        dir: one_line("[cluster] dir", length("[cluster] dir", file.cluster.dir, 1, 4_096)?)?.into(),
        secret: secret::check(file.cluster.secret, &broadcast, &processor, &merger)?,
        limits: file.limits.check()?,
        windows: file.windows.check()?,
        segment_bytes: file.log.check()?.segment_bytes,
        checkpoint_bytes: file.log.check()?.checkpoint_bytes,
        analytics: file.analytics.check()?,
        reactions: file.reactions.check()?,
        spreads: spreads(file.spread)?,
        broadcast,
        processor,
        merger,
        nodes,
    })
}

impl BroadcastKeys {
    fn check(self) -> Result<Broadcast, TopologyError> {
        let count = self.moderators.len();
        if count > MODERATORS_MAX {
            return Err(value(
                "[broadcast] moderators",
                format!("{count} names"),
                format!("at most {MODERATORS_MAX} fit"),
            ));
        }
        let moderator = |name: &String| {
            ViewerId::new(name).map_err(|why| value("[broadcast] moderators", format!("{name:?}"), why.to_string()))
        };
        let nodes = number("[broadcast] nodes", self.nodes, 1, NODES_MAX)?;
        let port = |port| number("[broadcast] peer_port", port, 0, u16::MAX.into());
        Ok(Broadcast {
            nodes,
            host: address("[broadcast] host", &self.host)?,
            port: number("[broadcast] port", self.port, 0, u16::MAX.into())?,
            peer_port: self.peer_port.map(port).transpose()?,
            levels: Levels::check(self.upstream, nodes)?,
            advertise: host_name("[broadcast] advertise", self.advertise)?,
            workers: number("[broadcast] workers", self.workers, 1, WORKERS_MAX)?,
            viewer_spread: number("[broadcast] viewer_spread", self.viewer_spread, 1, NODES_MAX)?,
            moderators: self.moderators.iter().map(moderator).collect::<Result<_, _>>()?,
        })
    }
}

impl ProcessorKeys {
    fn check(self) -> Result<Processor, TopologyError> {
        Ok(Processor {
            nodes: number("[processor] nodes", self.nodes, 1, NODES_MAX)?,
            host: address("[processor] host", &self.host)?,
            port: number("[processor] port", self.port, 0, u16::MAX.into())?,
            peer_port: number("[processor] peer_port", self.peer_port, 0, u16::MAX.into())?,
            advertise: host_name("[processor] advertise", self.advertise)?,
            viewers_max: number("[processor] viewers_max", self.viewers_max, VIEWERS[0], VIEWERS[1])?,
            registers_bytes_max: number(
                "[processor] registers_bytes_max",
                self.registers_bytes_max,
                REGISTERS_BYTES[0],
                REGISTERS_BYTES[1],
            )?,
        })
    }
}

impl MergerKeys {
    fn check(self) -> Result<Merger, TopologyError> {
        Ok(Merger {
            nodes: number("[merger] nodes", self.nodes, 1, MERGERS_MAX)?,
            host: address("[merger] host", &self.host)?,
            port: number("[merger] port", self.port, 0, u16::MAX.into())?,
            peer_port: number("[merger] peer_port", self.peer_port, 0, u16::MAX.into())?,
            advertise: host_name("[merger] advertise", self.advertise)?,
        })
    }
}

impl ReactionsKeys {
    fn check(self) -> Result<Vec<ReactionKind>, TopologyError> {
        let key = "[reactions] kinds";
        let (count, max) = (self.kinds.len(), limits::REACTION_KINDS_MAX);
        if count > max {
            return Err(value(key, format!("{count} kinds"), format!("at most {max} fit")));
        }
        let mut kinds = Vec::with_capacity(count);
        for text in self.kinds {
            let kind = ReactionKind::new(&text).map_err(|why| value(key, format!("{text:?}"), why.to_string()))?;
            if kinds.contains(&kind) {
                return Err(value(key, format!("{text:?} twice"), "each kind stands once"));
            }
            kinds.push(kind);
        }
        Ok(kinds)
    }
}

/// The `[[spread]]` tables, in order.
fn spreads(tables: Vec<SpreadKeys>) -> Result<Spreads, TopologyError> {
    let rules = tables.into_iter().map(SpreadKeys::check).collect::<Result<Vec<_>, _>>()?;
    let count = rules.len();
    Spreads::new(rules)
        .map_err(|_| value("[[spread]]", format!("{count} tables"), format!("at most {SPREADS_MAX} fit")))
}

impl SpreadKeys {
    fn check(self) -> Result<SpreadRule, TopologyError> {
        let subject = match (self.streams, self.comment) {
            (Some(text), None) => {
                let pattern = Pattern::new(&text);
                Subject::Streams(
                    pattern.map_err(|why| value("[[spread]] streams", format!("{text:?}"), why.to_string()))?,
                )
            }
            (None, Some(text)) => {
                let id = text.parse();
                let refused = |why: Invalid| value("[[spread]] comment", format!("{text:?}"), why.to_string());
                Subject::Comment(id.map_err(refused)?)
            }
            (Some(_), Some(_)) => return Err(value("[[spread]]", "of streams and a comment", "one of them is needed")),
            (None, None) => return Err(value("[[spread]]", "of nothing", "streams or a comment are needed")),
        };
        let parts = number("[[spread]] parts", self.parts, 1, limits::SPREAD_MAX.into())?;
        let spread = Spread::new(parts, 0);
        let spread = spread.map_err(|why| value("[[spread]] parts", parts.to_string(), why.to_string()))?;
        Ok(SpreadRule { subject, spread })
    }
}

pub(super) fn value(key: impl Into<String>, found: impl Into<String>, limit: impl Into<String>) -> TopologyError {
    let found = found.into().chars().take(SHOWN_CHARS_MAX).collect();
    TopologyError::Value { key: key.into(), found, limit: limit.into() }
}

pub(super) fn number<T: TryFrom<i64>>(key: &str, found: i64, min: i64, max: i64) -> Result<T, TopologyError> {
    let fits = (min..=max).contains(&found).then(|| T::try_from(found).ok()).flatten();
    fits.ok_or_else(|| value(key, found.to_string(), format!("{min} to {max} are allowed")))
}

pub(super) fn length(key: &str, text: String, min: usize, max: usize) -> Result<String, TopologyError> {
    if (min..=max).contains(&text.len()) {
        Ok(text)
    } else {
        Err(value(key, format!("{} bytes long", text.len()), format!("{min} to {max} are allowed")))
    }
}

/// Names and paths are shown in one line, and no path has a zero byte.
pub(super) fn one_line(key: &str, text: String) -> Result<String, TopologyError> {
    if text.contains(char::is_control) {
        return Err(value(key, format!("{text:?}"), "control characters are not allowed"));
    }
    Ok(text)
}

fn address(key: &str, text: &str) -> Result<IpAddr, TopologyError> {
    text.parse().map_err(|_| value(key, format!("{text:?}"), "an IP address is needed, such as 127.0.0.1"))
}

/// A name or an IPv4 address; anything that would not stand in a URL is refused.
fn host_name(key: &str, text: Option<String>) -> Result<Option<String>, TopologyError> {
    let Some(text) = text else { return Ok(None) };
    let stands = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'));
    if stands && (1..=253).contains(&text.len()) {
        Ok(Some(text))
    } else {
        Err(value(key, format!("{text:?}"), "a host name of 1 to 253 letters, digits, dots and dashes is needed"))
    }
}

/// The reader's own words take several lines and do not always name the key: the line that they are about does.
fn at_line(text: &str, error: &toml::de::Error) -> TopologyError {
    let start = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text.as_bytes()[..start].iter().filter(|byte| **byte == b'\n').count();
    let shown = text.lines().nth(line).unwrap_or_default().trim();
    // Wherever the line holds a secret, it may be in the reader's words too.
    if shown.contains("secret") {
        let why = "this line does not read (what it says is not shown, for there is a secret in it)".into();
        return TopologyError::Text { line: line + 1, text: "secret = …".into(), why };
    }
    // A secret under a mistyped key is one all the same: of its section only the key is shown.
    let section = text.lines().take(line + 1).filter(|line| line.trim_start().starts_with('[')).last();
    let (shown, hidden) = match shown.split_once('=') {
        Some((key, _)) if section.is_some_and(|section| section.contains("cluster")) => (key, "= …"),
        _ => (shown, ""),
    };
    let printable = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    let shown = shown.chars().map(printable).take(SHOWN_CHARS_MAX).chain(hidden.chars()).collect();
    let why = error.message().lines().map(str::trim).collect::<Vec<_>>().join(" ");
    let why = why.chars().map(printable).take(limits::WORDS_CHARS_MAX).collect();
    TopologyError::Text { line: line + 1, text: shown, why }
}
