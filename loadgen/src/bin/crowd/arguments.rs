//! The command line of the crowd, checked once: a [`Config`] holds only values within their limits.
//!
//! Between the shell and the loop. Invariant: what is wrong is said in one line that names the value and the limit.

use std::net::{SocketAddr, ToSocketAddrs};

use clap::Parser;
use watershed_protocol::{CommentId, StreamId, client::Encoding};

use crate::{marks::MARKS_MAX, sources::Sources};

/// Most handshakes under way: all viewers of a process.
const HANDSHAKES_MAX: usize = 19_000;

/// A lean crowd of viewers: joins, reads, counts; commands come as lines of JSON on standard input.
#[derive(Debug, Parser)]
#[command(name = "crowd", version)]
pub(crate) struct Arguments {
    /// The server, HOST:PORT.
    server: String,
    /// The stream to watch.
    #[arg(long, default_value = "demo")]
    stream: String,
    /// Each viewer watches a stream of its own: STREAM-PREFIX-0, STREAM-PREFIX-1 and so on.
    #[arg(long)]
    own_streams: bool,
    /// Viewers are called PREFIX-0, PREFIX-1 and so on.
    #[arg(long, default_value = "crowd")]
    prefix: String,
    /// How messages are written: json or msgpack.
    #[arg(long, default_value = "json")]
    encoding: String,
    /// Handshakes under way at once.
    #[arg(long, default_value_t = 64)]
    handshakes_max: usize,
    /// Handshakes begun a second; as many as --handshakes-max allows when absent.
    #[arg(long)]
    joins_per_s: Option<f64>,
    /// Connect from the addresses of this IPv4 network, in turn, such as 127.1.0.0/16.
    #[arg(long, value_name = "NETWORK")]
    sources: Option<String>,
    /// The share of viewers that sleep from the start: they read nothing once they have joined.
    #[arg(long, default_value_t = 0.0)]
    asleep: f64,
    /// Look at no message beyond the welcome.
    #[arg(long)]
    idle: bool,
    /// The server sends frames and nothing else: a viewer has joined when it is answered 101, and begins at any frame.
    #[arg(long)]
    bare: bool,
    /// Comments whose counts are followed, up to 8 ids with commas between them; "first" for the first ones that are seen.
    #[arg(long)]
    markers: Option<String>,
    /// Rest so long before each look at the sockets, so that one wake-up serves many; 0 for not at all.
    #[arg(long, default_value_t = 0)]
    nap_us: u64,
    /// The receive buffer of each socket; the kernel's own choice when absent.
    #[arg(long)]
    receive_buffer_bytes: Option<usize>,
    /// Run on this core only.
    #[arg(long)]
    core: Option<usize>,
}

/// Which comments' counts are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Markers {
    /// None.
    None,
    /// The first that are seen.
    First,
    /// These.
    Ids(Vec<CommentId>),
}

/// What to run.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) server: SocketAddr,
    pub(crate) stream: StreamId,
    pub(crate) own_streams: bool,
    pub(crate) prefix: String,
    pub(crate) encoding: Encoding,
    pub(crate) handshakes_max: usize,
    pub(crate) joins_per_s: Option<f64>,
    pub(crate) sources: Option<Sources>,
    pub(crate) asleep: f64,
    pub(crate) idle: bool,
    pub(crate) bare: bool,
    pub(crate) markers: Markers,
    pub(crate) nap_us: u64,
    pub(crate) receive_buffer_bytes: Option<usize>,
    pub(crate) core: Option<usize>,
}

impl Arguments {
    /// Checks every value; the error is one line.
    pub(crate) fn check(self) -> Result<Config, String> {
        let server = self.server.to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
        let server = server.ok_or_else(|| format!("the server is {:?}, HOST:PORT is needed", self.server))?;
        let encoding = match self.encoding.as_str() {
            "json" => Encoding::Json,
            "msgpack" => Encoding::MessagePack,
            other => return Err(format!("--encoding is {other:?}, json or msgpack is allowed")),
        };
        if !(1..=HANDSHAKES_MAX).contains(&self.handshakes_max) {
            return Err(format!("--handshakes-max is {}, 1 to {HANDSHAKES_MAX} is allowed", self.handshakes_max));
        }
        if let Some(rate) = self.joins_per_s.filter(|rate| !(*rate > 0.0 && rate.is_finite())) {
            return Err(format!("--joins-per-s is {rate}, more than 0 is needed"));
        }
        if !(0.0..=1.0).contains(&self.asleep) {
            return Err(format!("--asleep is {}, 0 to 1 is allowed", self.asleep));
        }
        Ok(Config {
            server,
            stream: StreamId::new(&self.stream).map_err(|error| format!("--stream: {error}"))?,
            own_streams: self.own_streams,
            prefix: self.prefix,
            encoding,
            handshakes_max: self.handshakes_max,
            joins_per_s: self.joins_per_s,
            sources: self.sources.as_deref().map(Sources::parse).transpose()?,
            asleep: self.asleep,
            idle: self.idle,
            bare: self.bare,
            markers: markers(self.markers.as_deref())?,
            nap_us: self.nap_us,
            receive_buffer_bytes: self.receive_buffer_bytes,
            core: self.core,
        })
    }
}

fn markers(text: Option<&str>) -> Result<Markers, String> {
    let ids = match text {
        None => return Ok(Markers::None),
        Some("first") => return Ok(Markers::First),
        Some(ids) => ids.split(','),
    };
    let id = |text: &str| text.parse::<CommentId>().map_err(|error| format!("--markers: {error}"));
    let ids = ids.map(id).collect::<Result<Vec<_>, _>>()?;
    match ids.len() {
        0..=MARKS_MAX => Ok(Markers::Ids(ids)),
        more => Err(format!("--markers names {more} comments, at most {MARKS_MAX} are followed")),
    }
}
