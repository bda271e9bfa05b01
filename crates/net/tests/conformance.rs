//! RFC 6455 over the real path: every row of `rfc6455` against an echo, and against a node's viewers.
//!
//! Sockets, server, handshake, workers and decoder are those of a node. Each row is sent in one piece, in the same write as
//! the handshake, and byte by byte; in whatever pieces it arrives, the same must come back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rfc6455;
mod stage;

use futures::{StreamExt, stream};
use rfc6455::{Back, CLOSE, PING, Row, TEXT, frame, rows};
use stage::{Stage, limits, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::sync::CancellationToken;
use watershed_net::{
    echo::Echo,
    http::{ListenerConfig, listen},
};
use watershed_protocol::{
    client::{Encoding, Response},
    limits::CLIENT_MESSAGE_BYTES_MAX,
};

/// Longest message of the echo here: more than 16 bits can say.
const ECHO_MESSAGE_BYTES_MAX: usize = 70_000;
/// Rows up to this length are sent byte by byte too: a write for each.
const BY_BYTES_MAX: usize = 500;
/// Rows that are on their way at once.
const ROWS_AT_ONCE: usize = 32;

/// In which pieces a row is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pieces {
    Whole,
    /// In one write with the handshake.
    Early,
    Bytes,
}

/// Whom the rows are sent to.
#[derive(Clone, Copy, Debug)]
struct Server {
    address: std::net::SocketAddr,
    /// A viewer's subprotocol; an echo without.
    encoding: Option<Encoding>,
}

impl Server {
    async fn echo() -> Self {
        let listener = listen(([127, 0, 0, 1], 0).into(), ListenerConfig::default()).unwrap();
        let address = listener.local_addr().unwrap();
        let echo = Echo::start(ECHO_MESSAGE_BYTES_MAX).unwrap();
        tokio::spawn(echo.run(listener, CancellationToken::new()));
        Self { address, encoding: None }
    }

    fn handshake(&self) -> Vec<u8> {
        let (path, subprotocol) = match self.encoding {
            Some(encoding) => {
                ("/v1/streams/demo/live?viewer=ann", format!("sec-websocket-protocol: {}\r\n", encoding.subprotocol()))
            }
            None => ("/any/path", String::new()),
        };
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{subprotocol}\r\n"
        );
        request.into_bytes()
    }

    /// Connects and says hello, with `early` in the same write.
    async fn connect(&self, early: &[u8]) -> (Reader, OwnedWriteHalf) {
        let socket = TcpStream::connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let (socket, mut writer) = socket.into_split();
        soon(writer.write_all(&[&self.handshake(), early].concat())).await.unwrap();
        let mut reader = Reader { socket, bytes: Vec::new() };
        let head = reader.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (reader, writer)
    }

    /// All that comes back of a row, to the end of the connection.
    async fn play(&self, row: &Row, pieces: Pieces) -> Vec<Back> {
        let early = if pieces == Pieces::Early { &row.sent[..] } else { &[] };
        let (mut reader, mut writer) = self.connect(early).await;
        let write = async {
            let size = if pieces == Pieces::Bytes { 1 } else { row.sent.len() };
            for piece in row.sent[early.len()..].chunks(size) {
                // A server that has said farewell may have gone.
                let _ = writer.write_all(piece).await;
            }
            std::future::pending::<()>().await
        };
        let read = async {
            let mut all = Vec::new();
            while let Some(back) = reader.next().await {
                all.push(back);
            }
            all
        };
        tokio::select! { all = soon(read) => all, () = write => unreachable!() }
    }
}

/// A client's side of the socket, that reads as the standard says and nothing else.
struct Reader {
    socket: OwnedReadHalf,
    bytes: Vec<u8>,
}

impl Reader {
    /// The head of the answer to the handshake.
    async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.bytes.windows(4).position(|end| end == b"\r\n\r\n") {
                return String::from_utf8(self.bytes.drain(..end + 4).collect()).unwrap();
            }
            assert!(self.more().await, "the server says nothing");
        }
    }

    /// The next frame; `None` at the end of the connection.
    async fn next(&mut self) -> Option<Back> {
        loop {
            if let Some((back, length)) = parse(&self.bytes) {
                self.bytes.drain(..length);
                return Some(back);
            }
            if !self.more().await {
                assert_eq!(self.bytes, b"", "the connection ended within a frame");
                return None;
            }
        }
    }

    async fn more(&mut self) -> bool {
        soon(self.socket.read_buf(&mut self.bytes)).await.is_ok_and(|read| read > 0)
    }
}

/// A whole frame and its length. A server's frames are whole messages, unmasked, with lengths in their shortest form.
fn parse(bytes: &[u8]) -> Option<(Back, usize)> {
    let [first, second, rest @ ..] = bytes else { return None };
    assert!(*second < 0x80, "a server masks nothing");
    let (length, wide) = match (second, rest) {
        (126, [a, b, ..]) => (usize::from(u16::from_be_bytes([*a, *b])), 2),
        (127, rest) => (u64::from_be_bytes(*rest.first_chunk()?) as usize, 8),
        (126, _) => return None,
        (short, _) => (usize::from(*short), 0),
    };
    let least = [(2, 126), (8, 65_536)].into_iter().find(|(bytes, _)| *bytes == wide).map_or(0, |(_, least)| least);
    assert!(length >= least, "a length of {length} is not in its shortest form");
    let payload = rest.get(wide..wide + length)?.to_vec();
    let back = match (first, &payload[..]) {
        (0x81, text) => Back::text(std::str::from_utf8(text).expect("text is UTF-8")),
        (0x82, bytes) => Back::binary(bytes),
        (0x8a, payload) => Back::pong(payload),
        (0x88, []) => Back::Close(None),
        (0x88, [high, low, reason @ ..]) => {
            assert!(length <= 125 && std::str::from_utf8(reason).is_ok(), "a close frame with {payload:?}");
            Back::Close(Some(u16::from_be_bytes([*high, *low])))
        }
        _ => panic!("a frame that begins with {first:#04x} and has {payload:?}"),
    };
    Some((back, 2 + wide + length))
}

/// Plays every row in all pieces; `seen` and `due` say what is compared.
async fn play_all(
    server: Server,
    rows: Vec<Row>,
    seen: impl Fn(Back) -> Option<Back> + Copy,
    due: impl Fn(&Back) -> Back + Copy,
) {
    let ways = |row: Row| {
        let by_bytes = row.sent.len() <= BY_BYTES_MAX;
        let ways = [Some(Pieces::Whole), Some(Pieces::Early), by_bytes.then_some(Pieces::Bytes)];
        stream::iter(ways.into_iter().flatten().map(move |pieces| (row.clone(), pieces)))
    };
    let count = stream::iter(rows).flat_map(ways).map(|(row, pieces)| async move {
        let back: Vec<Back> = server.play(&row, pieces).await.into_iter().filter_map(seen).collect();
        let expected: Vec<Back> = row.back.iter().map(due).collect();
        assert!(back == expected, "{} ({pieces:?}): {} came, not {}", row.name, said(&back), said(&expected));
    });
    let played = count.buffer_unordered(ROWS_AT_ONCE).count().await;
    println!("{played} plays");
}

/// Frames as words: long payloads are cut.
fn said(frames: &[Back]) -> String {
    let words: Vec<String> = frames.iter().map(|back| format!("{back:.40?}").chars().take(80).collect()).collect();
    words.join(", ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_echo_keeps_every_rule() {
    play_all(Server::echo().await, rows(ECHO_MESSAGE_BYTES_MAX), Some, Back::clone).await;
}

/// What a viewer is told of a message that says nothing: once for each, whatever the words.
fn rejected(encoding: Encoding) -> Back {
    Back::text(format!("a reject in {}", encoding.subprotocol()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_viewer_of_either_subprotocol_keeps_every_rule() {
    let stage = Stage::new(limits()).await;
    for encoding in Encoding::ALL {
        let server = Server { address: stage.address, encoding: Some(encoding) };
        // The other kind of message is another rule: see below.
        let mut rows = rows(CLIENT_MESSAGE_BYTES_MAX);
        rows.retain(|row| match encoding {
            Encoding::Json => !row.kinds.1,
            Encoding::MessagePack => !row.kinds.0,
        });
        assert!(rows.len() > 100, "only {} rows are left", rows.len());
        let seen = move |back: Back| match back {
            Back::Text(payload) | Back::Binary(payload) => match Response::decode(encoding, &payload).unwrap() {
                Response::Reject { .. } => Some(rejected(encoding)),
                Response::Welcome { .. } | Response::Snapshot { .. } => None,
                other => panic!("{other:?} came"),
            },
            other => Some(other),
        };
        let due = move |back: &Back| match back {
            Back::Text(_) | Back::Binary(_) => rejected(encoding),
            other => other.clone(),
        };
        play_all(server, rows, seen, due).await;
    }
}
