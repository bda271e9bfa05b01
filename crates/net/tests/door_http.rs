//! The door of HTTP, byte by byte: heads that do not read, that hide another request, or that are no handshake.
//!
//! Each row is what a client writes, the status that comes back, and whether the connection is used on. What a node says of
//! paths and values is in `tests/tests/doors.rs`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use stage::{Stage, limits, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Writes all of it, and reads until so many answers are there, or the server has ended the connection.
async fn exchange(stage: &Stage, bytes: &[u8], answers: usize) -> String {
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    // The server may have said no before all was written.
    let _ = soon(socket.write_all(bytes)).await;
    let mut all = Vec::new();
    let is_there = |all: &[u8]| {
        let text = String::from_utf8_lossy(all);
        // Behind a handshake come frames, which end in anything.
        let ended = text.ends_with('\n') || (text.starts_with("HTTP/1.1 101") && text.contains("\r\n\r\n"));
        text.matches("HTTP/1.1 ").count() >= answers && ended
    };
    while !is_there(&all) {
        match soon(socket.read_buf(&mut all)).await {
            Ok(read) if read > 0 => {}
            _ => break,
        }
    }
    // HTTP/1.0 is answered in its own version.
    String::from_utf8_lossy(&all).replace("HTTP/1.0 ", "HTTP/1.1 ")
}

/// The statuses of all answers.
fn statuses(answer: &str) -> Vec<&str> {
    answer.match_indices("HTTP/1.1 ").map(|(at, _)| &answer[at + 9..at + 12]).collect()
}

#[tokio::test]
async fn heads_that_do_not_read_are_refused_and_the_connection_ends() {
    let stage = Stage::new(limits()).await;
    let long = "x".repeat(17_000);
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let table: Vec<(&str, String, &str)> = vec![
        ("not HTTP", "hello there\r\n\r\n".into(), "400"),
        ("a greeting of TLS", "\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n".into(), "400"),
        ("no version", "GET /\r\n\r\n".into(), "400"),
        ("another version", "GET / HTTP/3.7\r\nhost: b1\r\n\r\n".into(), "400"),
        ("a header without a name", "GET / HTTP/1.1\r\nhost: b1\r\n: x\r\n\r\n".into(), "400"),
        ("a space before the colon", "GET / HTTP/1.1\r\nhost: b1\r\nx-a : x\r\n\r\n".into(), "400"),
        ("a zero byte in a value", "GET / HTTP/1.1\r\nhost: b1\r\nx-a: a\0b\r\n\r\n".into(), "400"),
        ("a header of 17,000 bytes", format!("GET / HTTP/1.1\r\nhost: b1\r\nx-a: {long}\r\n\r\n"), "431"),
        ("a path of 17,000 bytes", format!("GET /{long} HTTP/1.1\r\nhost: b1\r\n\r\n"), "4"),
        ("200 headers", format!("GET / HTTP/1.1\r\nhost: b1\r\n{many}\r\n"), "431"),
        (
            "two lengths",
            "POST / HTTP/1.1\r\nhost: b1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab".into(),
            "400",
        ),
        ("a length with a sign", "POST / HTTP/1.1\r\nhost: b1\r\ncontent-length: +1\r\n\r\na".into(), "400"),
        ("a length that is none", "POST / HTTP/1.1\r\nhost: b1\r\ncontent-length: 1, 2\r\n\r\na".into(), "400"),
        ("an unknown coding", "POST / HTTP/1.1\r\nhost: b1\r\ntransfer-encoding: gzip\r\n\r\na".into(), "400"),
        (
            "chunked that is not last",
            "POST / HTTP/1.1\r\nhost: b1\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n".into(),
            "400",
        ),
    ];
    for (what, bytes, status) in table {
        let answer = exchange(&stage, bytes.as_bytes(), 2).await;
        let found = statuses(&answer);
        assert!(found.len() == 1 && found[0].starts_with(status), "{what}: {found:?}");
    }
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let stage = Stage::new(limits()).await;
    let table = [
        ("GET /ok HTTP/1.1\r\n\r\n", "400", "the request has 0 host headers, one is needed"),
        ("GET /ok HTTP/1.1\r\nhost: b1\r\nhost: b2\r\n\r\n", "400", "the request has 2 host headers, one is needed"),
        ("GET /ok HTTP/1.0\r\nhost: b1\r\nhost: b2\r\n\r\n", "400", "the request has 2 host headers"),
        ("GET /ok HTTP/1.1\r\nhost: b1\r\n\r\n", "200", "GET /ok"),
        ("GET http://elsewhere/ok HTTP/1.1\r\nhost: b1\r\n\r\n", "200", "GET /ok"),
    ];
    for (head, status, words) in table {
        let answer = exchange(&stage, head.as_bytes(), 1).await;
        assert_eq!(statuses(&answer), [status], "{head:?}: {answer}");
        assert!(answer.contains(words), "{head:?}: {answer}");
    }
}

#[tokio::test]
async fn a_request_hidden_in_a_body_is_never_answered() {
    let stage = Stage::new(limits()).await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: b1\r\n\r\n";
    let length = hidden.len();
    let table = [
        ("in the body of a GET", format!("GET /a HTTP/1.1\r\nhost: b1\r\ncontent-length: {length}\r\n\r\n{hidden}")),
        (
            "length and chunks, for one who believes the length",
            format!(
                "POST /a HTTP/1.1\r\nhost: b1\r\ncontent-length: {length}\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
            ),
        ),
        (
            "in a chunk",
            format!(
                "POST /a HTTP/1.1\r\nhost: b1\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"
            ),
        ),
    ];
    for (what, bytes) in table {
        let bytes = format!("{bytes}GET /b HTTP/1.1\r\nhost: b1\r\nconnection: close\r\n\r\n");
        let answer = exchange(&stage, bytes.as_bytes(), 3).await;
        assert!(!answer.contains("/hidden"), "{what}: {answer}");
        assert!(answer.contains("/a") || statuses(&answer) == ["400"], "{what}: {answer}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_with_what_is_missing() {
    let stage = Stage::new(limits()).await;
    let right = [
        ("upgrade", "websocket"),
        ("connection", "upgrade"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", "13"),
    ];
    let with = |changes: &[(&'static str, &'static str)]| {
        let mut head = "GET /v1/streams/demo/live?viewer=ann HTTP/1.1\r\nhost: b1\r\n".to_owned();
        let kept = right.iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        for (name, value) in kept.chain(changes).filter(|(_, value)| *value != "-") {
            head += &format!("{name}: {value}\r\n");
        }
        head + "\r\n"
    };
    let protocol = "sec-websocket-protocol";
    let table = [
        (with(&[("sec-websocket-key", "-")]), "400", "sec-websocket-key must be 16 bytes in base64"),
        (with(&[("sec-websocket-key", "dGhlIHNhbXBsZQ==")]), "400", "sec-websocket-key must be 16 bytes in base64"),
        (
            with(&[("sec-websocket-key", "!!!!!!!!!!!!!!!!!!!!!!==")]),
            "400",
            "sec-websocket-key must be 16 bytes in base64",
        ),
        (with(&[("sec-websocket-version", "-")]), "426", "sec-websocket-version must be 13"),
        (with(&[("sec-websocket-version", "8")]), "426", "sec-websocket-version must be 13"),
        (with(&[("connection", "close")]), "400", "the headers upgrade: websocket and connection: upgrade"),
        (with(&[("upgrade", "h2c")]), "200", "GET /v1/streams/demo/live"),
        (
            with(&[(protocol, "chat")]),
            "400",
            r#"none of the subprotocols "chat" is known, live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are"#,
        ),
        (
            with(&[(protocol, "LIVE.V1.JSON")]),
            "400",
            "live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are",
        ),
        (with(&[(protocol, "")]), "400", r#"none of the subprotocols "" is known"#),
        (
            with(&[(protocol, ", ,")]),
            "400",
            "live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are",
        ),
        (
            with(&[(protocol, "\u{e9}")]),
            "400",
            "live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are",
        ),
        (with(&[(protocol, "chat, live.v1.msgpack")]), "101", "sec-websocket-protocol: live.v1.msgpack"),
        (with(&[]).replace("GET", "POST"), "400", "a WebSocket handshake is a GET of HTTP/1.1"),
        (with(&[]).replace("HTTP/1.1", "HTTP/1.0"), "400", "a WebSocket handshake is a GET of HTTP/1.1"),
        (with(&[]).replace("viewer=ann", "viewer=%00"), "400", "viewer has '%' at byte 0"),
        (with(&[]).replace("demo", "none"), "404", "no such stream"),
    ];
    for (head, status, words) in table {
        let answer = exchange(&stage, head.as_bytes(), 1).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{head:?}: {answer}");
        assert!(answer.contains(words), "{head:?}: {answer}");
    }
}
