//! The HTTP server's promises, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use std::time::Duration;

use stage::{Stage, frame, limits, soon};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use watershed_net::http::{GetError, get};

const HANDSHAKE: &str = "GET /v1/streams/demo/live?viewer=ann HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\n\
    connection: upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";

/// Reads until the text has come.
async fn read_until(socket: &mut TcpStream, text: &str) -> String {
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains(text) {
        let read = soon(socket.read_buf(&mut all)).await.unwrap();
        assert!(read > 0, "the end came before {text:?}: {}", String::from_utf8_lossy(&all));
    }
    String::from_utf8_lossy(&all).into_owned()
}

#[tokio::test]
async fn plain_requests_are_answered_on_a_connection_that_stays() {
    let stage = Stage::new(limits()).await;
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    for path in ["/healthz", "/readyz"] {
        socket.write_all(format!("GET {path} HTTP/1.1\r\nhost: b1\r\n\r\n").as_bytes()).await.unwrap();
        let answer = read_until(&mut socket, path).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn the_small_client_gets_a_body_and_says_why_not() {
    let stage = Stage::new(limits()).await;
    let timeout = Duration::from_secs(10);
    let (status, body) = get(&format!("http://{}/v1/cluster?x=1", stage.address), timeout).await.unwrap();
    assert_eq!((status.as_u16(), &body[..]), (200, &b"GET /v1/cluster\n"[..]));
    assert!(matches!(get("ftp://b1/", timeout).await, Err(GetError::Url(_))));
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    assert!(matches!(get(&url, Duration::from_millis(20)).await, Err(GetError::Late(_))));
    drop(silent);
    assert!(matches!(get(&url, timeout).await, Err(GetError::Connect(..))));
}

#[tokio::test]
async fn an_unknown_subprotocol_is_refused_with_the_known_ones() {
    let stage = Stage::new(limits()).await;
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    socket.write_all(format!("{HANDSHAKE}sec-websocket-protocol: chat\r\n\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut socket, "are\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(answer.contains("live.v1.json, live.v1.msgpack, live.v1.compact and"), "{answer}");
}

#[tokio::test]
async fn a_handshake_may_be_refused_and_the_connection_used_again() {
    let stage = Stage::new(limits()).await;
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    socket.write_all(format!("{}\r\n", HANDSHAKE.replace("demo", "other")).as_bytes()).await.unwrap();
    let answer = read_until(&mut socket, "no such stream").await;
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    socket.write_all(format!("{HANDSHAKE}\r\n").as_bytes()).await.unwrap();
    let answer = read_until(&mut socket, "\"type\":\"welcome\"").await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    assert!(answer.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{answer}");
    assert!(!answer.contains("sec-websocket-protocol"), "none was asked for: {answer}");
}

#[tokio::test]
async fn what_comes_in_the_segment_of_the_handshake_is_not_lost() {
    let mut stage = Stage::new(limits()).await;
    let mut socket = TcpStream::connect(stage.address).await.unwrap();
    let mut bytes = format!("{HANDSHAKE}\r\n").into_bytes();
    bytes.extend(frame(0x81, br#"{"type":"comment","ref":"a-1","body":"early"}"#));
    bytes.extend(frame(0x89, b"ping"));
    socket.write_all(&bytes).await.unwrap();
    assert_eq!(stage.writes().await.len(), 1);
    read_until(&mut socket, "\u{4}ping").await;
}

#[tokio::test]
async fn a_server_that_ends_lets_viewers_be() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    stage.shutdown.cancel();
    stage.publish_comment(10);
    assert_eq!(ann.delta().await, (1, 2));
}
