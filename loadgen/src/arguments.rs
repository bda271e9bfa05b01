//! The command line, checked once: a [`Config`] holds only values within their limits.
//!
//! Between the shell and the crowd. Invariant: what is wrong is said in one line that names the value and the limit.

use std::path::PathBuf;

use clap::Parser;
use watershed_protocol::{StreamId, client::Encoding};

/// Viewers in one process: sockets, with room for HTTP, under the usual limit of 20,000 open files.
const VIEWERS_MAX: u64 = 19_000;

/// Comments and likes a second that one process schedules.
const RATE_MAX: f64 = 100_000.0;

/// The longest run: a day.
const SECONDS_MAX: f64 = 86_400.0;

/// Crowds of viewers: real WebSocket connections that watch, comment and like, and check what they were promised.
///
/// Ends with exit status 0 when every promise was kept, 1 when one was broken or could not be checked, 64 when the arguments are wrong.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version)]
pub(crate) struct Arguments {
    /// HTTP addresses of the cluster's nodes, such as http://127.0.0.1:8080.
    #[arg(long, required = true, num_args = 1.., value_name = "URL")]
    http: Vec<String>,
    /// Viewers, at most 19000 in one process.
    #[arg(long, default_value_t = 100)]
    viewers: u64,
    /// Comments a second, of the whole crowd.
    #[arg(long, default_value_t = 2.0)]
    comments_per_s: f64,
    /// Likes and unlikes a second, of the whole crowd.
    #[arg(long, default_value_t = 20.0)]
    likes_per_s: f64,
    /// How long to send, in seconds, once the crowd is connected.
    #[arg(long, default_value_t = 30.0)]
    duration: f64,
    /// The stream to watch.
    #[arg(long, default_value = "demo")]
    stream: String,
    /// How messages are written: json, msgpack, compact, compact-deflate, both (the first two, half the crowd each) or all.
    #[arg(long, default_value = "both")]
    encoding: String,
    /// The share of likes that take one back, 0 to 1.
    #[arg(long, default_value_t = 0.05)]
    unlike_share: f64,
    /// Unlikes a second, of the whole crowd: a schedule of their own, and --likes-per-s are all likes.
    #[arg(long, conflicts_with = "unlike_share")]
    unlikes_per_s: Option<f64>,
    /// The share of writes that are sent again under their ref, 0 to 1: half of them at once, half over the next connection.
    #[arg(long, default_value_t = 0.0)]
    duplicates: f64,
    /// Connections a second, of the whole crowd, that are dropped without a word and resumed, half of them at any node.
    #[arg(long, default_value_t = 0.0)]
    reconnects_per_s: f64,
    /// Reactions a second, of the whole crowd: they have no answer, and are not in the ledger.
    #[arg(long, default_value_t = 0.0)]
    taps_per_s: f64,
    /// Viewers have people's names and say what people say, instead of numbers.
    #[arg(long)]
    people: bool,
    /// How likes prefer newer comments: weights of 1 / rank^ZIPF, 0 to 4.
    #[arg(long, default_value_t = 1.0)]
    zipf: f64,
    /// Seeds the choices; random by default.
    #[arg(long)]
    seed: Option<u64>,
    /// The longest wait for the end of all frames and answers, in seconds.
    #[arg(long, default_value_t = 15.0)]
    quiet_wait: f64,
    /// The longest wait for one answer on an open connection, in seconds; longer is a broken promise.
    #[arg(long, default_value_t = 11.0)]
    answer_within: f64,
    /// What processors wrote with --trace-tallies: every count that was shown must stand in one of these files.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    durable: Vec<PathBuf>,
    /// Connections opened a second.
    #[arg(long, default_value_t = 1_000.0)]
    joins_per_s: f64,
    /// Others like this crowd's comments at the same time: counts are checked from below only.
    #[arg(long)]
    shared: bool,
    /// Threads that serve the crowd.
    #[arg(long, default_value_t = 1)]
    threads: u64,
    /// Write the report to this file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// `host:port` of each node.
    pub(crate) nodes: Vec<String>,
    pub(crate) viewers: usize,
    pub(crate) comments_per_s: f64,
    pub(crate) likes_per_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) stream: StreamId,
    /// Viewer n uses encoding n modulo their number.
    pub(crate) encodings: Vec<Encoding>,
    pub(crate) unlike_share: f64,
    pub(crate) unlikes_per_s: f64,
    pub(crate) duplicates: f64,
    pub(crate) reconnects_per_s: f64,
    pub(crate) taps_per_s: f64,
    pub(crate) people: bool,
    pub(crate) zipf: f64,
    pub(crate) seed: Option<u64>,
    pub(crate) quiet_wait_s: f64,
    pub(crate) answer_within_s: f64,
    pub(crate) durable: Vec<PathBuf>,
    pub(crate) joins_per_s: f64,
    pub(crate) shared: bool,
    pub(crate) threads: usize,
    pub(crate) json: Option<PathBuf>,
}

impl Arguments {
    /// Checks every value; the error is one line.
    pub(crate) fn check(self) -> Result<Config, String> {
        let within = |what: &str, value: f64, min: f64, max: f64| {
            if (min..=max).contains(&value) {
                Ok(value)
            } else {
                Err(format!("--{what} is {value}, {min} to {max} is allowed"))
            }
        };
        let whole = |what: &str, value: u64, max: u64| {
            if (1..=max).contains(&value) {
                Ok(value as usize)
            } else {
                Err(format!("--{what} is {value}, 1 to {max} is allowed in one process"))
            }
        };
        let encodings = match self.encoding.as_str() {
            "json" => vec![Encoding::Json],
            "msgpack" => vec![Encoding::MessagePack],
            "compact" => vec![Encoding::Compact],
            "compact-deflate" => vec![Encoding::CompactDeflate],
            "both" => vec![Encoding::Json, Encoding::MessagePack],
            "all" => Encoding::ALL.to_vec(),
            other => {
                return Err(format!(
                    "--encoding is {other:?}, json, msgpack, compact, compact-deflate, both or all is allowed"
                ));
            }
        };
        Ok(Config {
            nodes: self.http.iter().map(|url| authority(url)).collect::<Result<_, _>>()?,
            viewers: whole("viewers", self.viewers, VIEWERS_MAX)?,
            comments_per_s: within("comments-per-s", self.comments_per_s, 0.0, RATE_MAX)?,
            likes_per_s: within("likes-per-s", self.likes_per_s, 0.0, RATE_MAX)?,
            duration_s: within("duration", self.duration, 0.0, SECONDS_MAX)?,
            stream: StreamId::new(&self.stream).map_err(|invalid| format!("--stream: {invalid}"))?,
            encodings,
            unlike_share: match self.unlikes_per_s {
                None => within("unlike-share", self.unlike_share, 0.0, 1.0)?,
                Some(_) => 0.0,
            },
            unlikes_per_s: within("unlikes-per-s", self.unlikes_per_s.unwrap_or(0.0), 0.0, RATE_MAX)?,
            duplicates: within("duplicates", self.duplicates, 0.0, 1.0)?,
            reconnects_per_s: within("reconnects-per-s", self.reconnects_per_s, 0.0, RATE_MAX)?,
            taps_per_s: within("taps-per-s", self.taps_per_s, 0.0, RATE_MAX)?,
            people: self.people,
            zipf: within("zipf", self.zipf, 0.0, 4.0)?,
            seed: self.seed,
            quiet_wait_s: within("quiet-wait", self.quiet_wait, 0.0, SECONDS_MAX)?,
            answer_within_s: within("answer-within", self.answer_within, 0.0, SECONDS_MAX)?,
            durable: self.durable,
            joins_per_s: within("joins-per-s", self.joins_per_s, 0.1, RATE_MAX)?,
            shared: self.shared,
            threads: whole("threads", self.threads, 64)?,
            json: self.json,
        })
    }
}

/// The `host:port` of an address of the form `http://host[:port]`.
fn authority(url: &str) -> Result<String, String> {
    let bad = || format!("--http is {url:?}, http://HOST:PORT is needed");
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let authority: http::uri::Authority = rest.parse().map_err(|_| bad())?;
    // What stands behind the host and is no port would silently become port 80.
    let has_port = authority.port_u16().is_some() || rest.len() == authority.host().len();
    if authority.host().is_empty() || rest.contains('@') || !has_port {
        return Err(bad());
    }
    Ok(format!("{}:{}", authority.host(), authority.port_u16().unwrap_or(80)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str]) -> Result<Config, String> {
        let all = ["loadgen", "--http", "http://a:1"].iter().chain(arguments);
        Arguments::try_parse_from(all).map_err(|error| error.to_string())?.check()
    }

    #[test]
    fn defaults_are_within_their_limits() {
        let config = check(&[]).unwrap();
        assert_eq!((config.nodes, config.viewers), (vec!["a:1".to_owned()], 100));
        assert_eq!(config.encodings, [Encoding::Json, Encoding::MessagePack]);
        assert_eq!(check(&["--encoding", "all"]).unwrap().encodings, Encoding::ALL);
    }

    #[test]
    fn what_is_wrong_is_one_line_with_the_value_and_the_limit() {
        for (arguments, words) in [
            (["--viewers", "19001"], "--viewers is 19001, 1 to 19000 is allowed in one process"),
            (["--unlike-share", "1.5"], "--unlike-share is 1.5, 0 to 1 is allowed"),
            (["--duplicates", "1.5"], "--duplicates is 1.5, 0 to 1 is allowed"),
            (["--unlikes-per-s", "1e6"], "--unlikes-per-s is 1000000, 0 to 100000 is allowed"),
            (["--reconnects-per-s", "inf"], "--reconnects-per-s is inf, 0 to 100000 is allowed"),
            (["--duration", "NaN"], "--duration is NaN, 0 to 86400 is allowed"),
            (
                ["--encoding", "xml"],
                "--encoding is \"xml\", json, msgpack, compact, compact-deflate, both or all is allowed",
            ),
            (["--stream", "a/b"], "--stream: stream has '/' at byte 1, only A-Z a-z 0-9 . _ - are allowed"),
            (["--http", "ftp://x"], "--http is \"ftp://x\", http://HOST:PORT is needed"),
        ] {
            assert_eq!(check(&arguments).unwrap_err(), words);
        }
    }

    #[test]
    fn an_address_without_a_port_is_port_80() {
        assert_eq!(authority("http://node.example/").unwrap(), "node.example:80");
        assert_eq!(authority("http://[::1]:8080").unwrap(), "[::1]:8080");
        assert!(authority("http://").is_err());
        assert!(authority("http://b1:99999").is_err());
        assert!(authority("http://b1:").is_err());
    }
}
