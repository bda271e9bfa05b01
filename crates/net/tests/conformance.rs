//! RFC 6455 over the real path: every row of `rfc6455` against an echo, and against a node's viewers.
//!
//! Sockets, server, handshake, workers and decoder are those of a node. Each row is sent in one piece, behind both kinds of
//! handshake, and byte by byte; in whatever pieces it arrives, the same must come back.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod rfc6455;
mod stage;

use futures::{StreamExt, stream};
use rfc6455::{BINARY, Back, CLOSE, PING, Row, TEXT, frame, rows};
use stage::{Stage, limits, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_util::sync::CancellationToken;
use watershed_net::{
    carousel::CarouselConfig,
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
    /// In one write with a handshake that the server takes in one look.
    Early,
    /// In one write with a handshake that it reads in several, and then has read too much.
    EarlyBehindLong,
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

    /// A request with a header of so many bytes that says nothing.
    fn handshake(&self, padding: usize) -> Vec<u8> {
        let (path, subprotocol) = match self.encoding {
            Some(encoding) => {
                ("/v1/streams/demo/live?viewer=ann", format!("sec-websocket-protocol: {}\r\n", encoding.subprotocol()))
            }
            None => ("/echo", String::new()),
        };
        let padding = "x".repeat(padding);
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n{subprotocol}\
             x-padding: {padding}\r\n\r\n"
        );
        request.into_bytes()
    }

    /// Connects and says hello, in so many more bytes than it takes, and with `early` in the same write.
    async fn connect(&self, padding: usize, early: &[u8]) -> (Reader, OwnedWriteHalf) {
        self.shake(TcpStream::connect(self.address).await.unwrap(), padding, early).await
    }

    async fn shake(&self, socket: TcpStream, padding: usize, early: &[u8]) -> (Reader, OwnedWriteHalf) {
        socket.set_nodelay(true).unwrap();
        let (socket, mut writer) = socket.into_split();
        soon(writer.write_all(&[&self.handshake(padding), early].concat())).await.unwrap();
        let mut reader = Reader { socket, bytes: Vec::new() };
        let head = reader.head().await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        (reader, writer)
    }

    /// All that comes back of a row, to the end of the connection.
    async fn play(&self, row: &Row, pieces: Pieces) -> Vec<Back> {
        let (padding, early) = match pieces {
            Pieces::Whole | Pieces::Bytes => (0, &[][..]),
            Pieces::Early => (0, &row.sent[..]),
            Pieces::EarlyBehindLong => (5_000, &row.sent[..]),
        };
        let (mut reader, mut writer) = self.connect(padding, early).await;
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
        let ways = [Pieces::Whole, Pieces::Early, Pieces::EarlyBehindLong, Pieces::Bytes];
        let ways = ways.into_iter().filter(move |way| by_bytes || *way != Pieces::Bytes);
        stream::iter(ways.map(move |pieces| (row.clone(), pieces)))
    };
    let plays = stream::iter(rows).flat_map(ways).map(|(row, pieces)| async move {
        let back: Vec<Back> = server.play(&row, pieces).await.into_iter().filter_map(seen).collect();
        let expected: Vec<Back> = row.back.iter().map(due).collect();
        assert!(back == expected, "{} ({pieces:?}): {} came, not {}", row.name, said(&back), said(&expected));
    });
    println!("{} rows were played", plays.buffer_unordered(ROWS_AT_ONCE).count().await);
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
async fn a_viewer_of_any_subprotocol_keeps_every_rule() {
    let stage = Stage::new(limits()).await;
    for encoding in Encoding::ALL {
        let server = Server { address: stage.address, encoding: Some(encoding) };
        // The other kind of message is another rule: see below.
        let mut rows = rows(CLIENT_MESSAGE_BYTES_MAX);
        rows.retain(|row| match encoding {
            Encoding::Json => !row.kinds.1,
            _ => !row.kinds.0,
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

#[tokio::test]
async fn what_a_viewer_does_not_carry_is_refused_at_its_first_byte() {
    let stage = Stage::new(limits()).await;
    for (encoding, first) in [(Encoding::Json, BINARY), (Encoding::MessagePack, TEXT)] {
        let server = Server { address: stage.address, encoding: Some(encoding) };
        let row = Row::broken("another kind of message", &[vec![first]], &[], 1003);
        assert_eq!(server.play(&row, Pieces::Whole).await.last(), row.back.last());
    }
}

#[tokio::test]
async fn of_more_pings_than_may_wait_the_newest_is_answered() {
    let server = Server::echo().await;
    let pings: Vec<_> = (0..5_000_u32).map(|number| frame(PING, number.to_be_bytes())).collect();
    let all = [&pings[..], &[frame(CLOSE, "")]].concat();
    let row = Row::closed("a flood of pings", &all, &[], None);
    let mut back = server.play(&row, Pieces::Whole).await;
    assert_eq!(back.pop(), Some(Back::Close(None)));
    assert_eq!(back.last(), Some(&Back::pong(4_999_u32.to_be_bytes())));
    let numbers: Vec<&[u8]> =
        back.iter().map(|back| if let Back::Pong(number) = back { &number[..] } else { panic!("{back:?}") }).collect();
    assert!(numbers.is_sorted_by(|one, next| one < next), "pongs come in their order");
}

#[tokio::test]
async fn an_echo_that_does_not_read_is_not_read_either_and_loses_nothing() {
    const MESSAGES: u64 = 100;
    const MESSAGE_BYTES: usize = 60_000;
    let config = CarouselConfig { workers: 1, message_bytes_max: MESSAGE_BYTES, ..limits() };
    let stage = Stage::new(config).await;
    let server = Server { address: stage.address, encoding: None };
    let socket = TcpSocket::new_v4().unwrap();
    // Far less than is sent here may lie in the sockets.
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let socket = socket.connect(stage.address).await.unwrap();
    let (mut reader, mut writer) = server.shake(socket, 0, &[]).await;
    let writing = tokio::spawn(async move {
        for number in 0..MESSAGES {
            writer.write_all(&frame(BINARY, vec![number as u8; MESSAGE_BYTES])).await.unwrap();
        }
        writer
    });
    // The worker goes round as often as this other client is answered; after that nothing more is on its way.
    let (mut other, mut ping) = server.connect(0, &[]).await;
    let mut rounds_halted = 0;
    while rounds_halted < 100 {
        soon(ping.write_all(&frame(PING, ""))).await.unwrap();
        assert_eq!(other.next().await, Some(Back::pong("")));
        let figures = stage.carousel.figures();
        rounds_halted += u32::from(figures.partial + figures.would_block > 0);
        let taken = figures.messages_in * MESSAGE_BYTES as u64;
        let waiting = taken.saturating_sub(figures.bytes_written);
        assert!(waiting < 5 * MESSAGE_BYTES as u64, "{waiting} bytes wait for a client that does not read");
    }
    assert!(
        stage.carousel.figures().messages_in < MESSAGES,
        "all of it was taken: sockets hold more than is sent here"
    );
    for number in 0..MESSAGES {
        let back = reader.next().await;
        assert!(back == Some(Back::binary(vec![number as u8; MESSAGE_BYTES])), "message {number} came back otherwise");
    }
    soon(writing).await.unwrap();
}
