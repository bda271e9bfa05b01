//! The doors of running nodes: what they answer to wrong requests, hostile viewers and peers that should not be there; and
//! that nobody else notices.
//!
//! The tables of each decoder stand beside its crate, in files of the same name; here is what only a whole node shows.

use std::sync::Arc;

use bytes::BytesMut;
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use watershed_link::{Hello, Input, Link, LinkConfig, Output, Secret, cut};
use watershed_protocol::{
    Epoch, HybridTime, Millis, Role,
    client::Encoding,
    peer::{encode, uplink::FromProcessor},
};
use watershed_tests::{
    PATIENCE,
    book::Book,
    cluster::{Cluster, Setup},
    topology::SMALL,
    viewer::Viewer,
    web,
};

const ID: &str = "6f1c0000000000000000000000000009";

/// Writes bytes to a node's port, and reads until the other side has nothing more to say or the head of an answer is there.
async fn raw(url: &str, bytes: &[u8]) -> String {
    let authority = url.strip_prefix("http://").expect("an address of a node");
    let exchange = async {
        let mut socket = TcpStream::connect(authority).await.expect("the node listens");
        let _ = socket.write_all(bytes).await;
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains("\r\n\r\n")
            && socket.read_buf(&mut all).await.is_ok_and(|read| read > 0)
        {}
        // The body of a refusal comes with its head, or right behind it.
        let length = String::from_utf8_lossy(&all)
            .split_once("content-length: ")
            .and_then(|(_, rest)| rest.split("\r\n").next()?.parse::<usize>().ok());
        let head = String::from_utf8_lossy(&all).find("\r\n\r\n").map_or(all.len(), |at| at + 4);
        while all.len() < head + length.unwrap_or(0) && socket.read_buf(&mut all).await.is_ok_and(|read| read > 0) {}
        String::from_utf8_lossy(&all).into_owned()
    };
    timeout(PATIENCE, exchange).await.expect("an answer")
}

async fn handshake(url: &str, query: &str) -> String {
    let head = format!(
        "GET /v1/streams/doors/live?{query} HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    );
    raw(url, head.as_bytes()).await
}

#[tokio::test]
async fn a_wrong_request_is_told_its_value_and_the_limit() {
    let cluster = Cluster::start(SMALL).await;
    let node = cluster.url("b1").await;
    let many = vec![ID; 101].join(",");
    let long = "x".repeat(5_000);
    let table: Vec<(String, u16, &str)> = vec![
        ("/v1/streams/s/comments?limit=0".into(), 400, r#"limit is "0", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=-1".into(), 400, r#"limit is "-1", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=501".into(), 400, r#"limit is "501", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=%2B5".into(), 400, r#"limit is "+5", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=1e2".into(), 400, r#"limit is "1e2", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=5.0".into(), 400, r#"limit is "5.0", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=18446744073709551617".into(), 400, r#"limit is "18446744073709551617""#),
        ("/v1/streams/s/comments?limit=".into(), 400, r#"limit is "", 1 to 500 are allowed"#),
        ("/v1/streams/s/comments?limit=5&limit=6".into(), 400, r#"the parameter "limit" comes twice"#),
        ("/v1/streams/s/comments?limit=5&%6cimit=6".into(), 400, r#"the parameter "limit" comes twice"#),
        ("/v1/streams/s/comments?before=".into(), 400, r#"comment: "" is not 32 lower-case hex digits"#),
        (format!("/v1/streams/s/comments?before={}", ID.to_uppercase()), 400, "is not 32 lower-case hex digits"),
        (format!("/v1/streams/s/comments?before={long}"), 400, "is not 32 lower-case hex digits"),
        ("/v1/streams/s/place?viewer=%zz".into(), 400, r#""%zz": % needs two hex digits behind it"#),
        ("/v1/streams/s/place?viewer=%".into(), 400, r#""%": % needs two hex digits behind it"#),
        ("/v1/streams/s/place?viewer=%4".into(), 400, r#""%4": % needs two hex digits behind it"#),
        ("/v1/streams/s/place?viewer=%+f".into(), 400, r#""%+f": % needs two hex digits behind it"#),
        ("/v1/streams/s/place?viewer=%ff%fe".into(), 400, r#""%ff%fe" is not UTF-8"#),
        ("/v1/streams/s/place?viewer=a%00b".into(), 400, r"viewer has '\0' at byte 1"),
        ("/v1/streams/s/place?viewer=%e2%80%ae".into(), 400, r"viewer has '\u{202e}' at byte 0"),
        ("/v1/streams/s/place?viewer=".into(), 400, "viewer is 0 bytes, 1 to 64 fit"),
        (format!("/v1/streams/s/place?viewer={}", "v".repeat(65)), 400, "viewer is 65 bytes, 1 to 64 fit"),
        ("/v1/streams/s/place?Viewer=ann".into(), 400, r#"the parameter "viewer" is missing"#),
        ("/v1/streams/s/likes?ids=x".into(), 400, r#"the parameter "viewer" is missing"#),
        (format!("/v1/streams/s/likes?viewer=ann&ids={many}"), 400, "101 ids, at most 100 are allowed"),
        (format!("/v1/streams/s/likes?viewer=ann&ids={ID},x"), 400, r#"comment: "x" is not 32 lower-case hex digits"#),
        ("/v1/streams/a%2Fb".into(), 400, "stream has '%' at byte 1"),
        ("/v1/streams//comments".into(), 400, "stream is 0 bytes, 1 to 64 fit"),
        (format!("/v1/streams/{}", "s".repeat(65)), 400, "stream is 65 bytes, 1 to 64 fit"),
        ("//v1/cluster".into(), 404, "there is nothing at"),
        ("/v1/cluster/".into(), 404, r#"there is nothing at "/v1/cluster/""#),
        ("/../etc/passwd".into(), 404, "there is nothing at"),
        ("/client.js/..%2f..%2fetc".into(), 404, "there is nothing at"),
        (format!("/{long}"), 404, "there is nothing at"),
        ("/v1/streams/s/live?viewer=ann".into(), 426, "a stream is watched over a WebSocket"),
    ];
    for (path, status, words) in table {
        let answer = web::get(&format!("{node}{path}")).await.expect("an answer");
        let text = answer.text();
        let said = answer.json()["error"].as_str().unwrap_or_else(|| panic!("{path}: {text}")).to_owned();
        assert_eq!((answer.status.as_u16(), said.contains(words)), (status, true), "{path}: {said}");
        assert!(said.chars().count() < 400, "{path}: {said}");
    }
    // An address for which a client's parser has no form.
    let answer = raw(&node, b"GET /v1/streams/s/comments?limit=\"<5>\" HTTP/1.1\r\nhost: b1\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn only_get_and_head_are_answered_by_nodes_of_any_role() {
    let cluster = Cluster::start(SMALL).await;
    for shown in cluster.status().await {
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
            let method: Method = method.parse().expect("a method");
            for path in ["/healthz", "/v1/node"] {
                let answer =
                    web::request(method.clone(), &format!("{}{path}", shown.url), None).await.expect("an answer");
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path} of {}", shown.node);
                assert_eq!(answer.headers["allow"], "GET, HEAD");
                assert_eq!(answer.json()["error"], format!("{method} is not GET or HEAD"));
            }
        }
        let head = web::request(Method::HEAD, &format!("{}/healthz", shown.url), None).await.expect("an answer");
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0), "{}", shown.node);
    }
}

#[tokio::test]
async fn a_wrong_handshake_is_told_why_and_a_point_that_never_was_costs_a_snapshot() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("doors"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let form = "it has the form EPOCH:SEQ, each at most 9007199254740991";
    let table: Vec<(String, &str)> = vec![
        ("name=Ann".into(), r#"the parameter \"viewer\" is missing"#),
        ("viewer=a%20b".into(), "viewer has ' ' at byte 1"),
        ("viewer=ann&viewer=bob".into(), r#"the parameter \"viewer\" comes twice"#),
        ("viewer=ann&name=".into(), "name is 0 bytes, 1 to 128 fit"),
        ("viewer=ann&name=a%0ab".into(), "name: control character U+000A"),
        ("viewer=ann&name=a%E2%80%A8b".into(), "name: control character U+2028"),
        ("viewer=ann&name=%E2%80%8B".into(), "name: nothing visible"),
        ("viewer=ann&name=%ff".into(), r#"\"%ff\" is not UTF-8"#),
        (format!("viewer=ann&name={}", "n".repeat(129)), "name is 129 bytes, 1 to 128 fit"),
        ("viewer=ann&resume=".into(), form),
        ("viewer=ann&resume=x".into(), form),
        ("viewer=ann&resume=3".into(), form),
        ("viewer=ann&resume=3:".into(), form),
        ("viewer=ann&resume=:3".into(), form),
        ("viewer=ann&resume=-1:3".into(), form),
        ("viewer=ann&resume=%2B1:3".into(), form),
        ("viewer=ann&resume=1:2:3".into(), form),
        ("viewer=ann&resume=1.0:2".into(), form),
        ("viewer=ann&resume=18446744073709551615:18446744073709551615".into(), form),
        ("viewer=ann&resume=9007199254740992:1".into(), form),
        (format!("viewer=ann&resume={}", "9".repeat(5_000)), form),
    ];
    for (query, words) in table {
        let answer = handshake(&node, &query).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains(words), "{query}: {answer}");
    }
    for point in ["9007199254740991:9007199254740991", "0:0", "0:9007199254740991", "9007199254740991:0"] {
        let answer = handshake(&node, &format!("viewer=eve&resume={point}")).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{point}: {answer}");
    }
    // Each of them was asked for at the root, on the link over which everybody else's frames come.
    let id = ann.comment("still here").await;
    ann.sees("her own comment", |view| view.comment(id).is_some()).await;
    book.assert_kept();
}

#[tokio::test]
async fn hostile_viewers_are_sent_away_and_nobody_else_notices() {
    let cluster = Cluster::start(SMALL).await;
    let (node, book) = (cluster.url("b1").await, Book::open("doors"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let mut bob = Viewer::join(&book, &node, "bob", Encoding::MessagePack).await;
    let masked = |first: u8, payload: &[u8]| [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0][..], payload].concat();
    let attacks: Vec<(Vec<u8>, u16)> = vec![
        (vec![0x81, 1, b'x'], 1002),
        (masked(0xf1, b"x"), 1002),
        (masked(0x83, b"x"), 1002),
        (masked(0x80, b"x"), 1002),
        (masked(0x09, b"x"), 1002),
        (masked(0x88, b"\x03"), 1002),
        (masked(0x82, b"x"), 1003),
        (masked(0x81, b"\xff"), 1007),
        (vec![0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], 1009),
        (vec![0x81, 0xfe, 0x80, 0x01, 0, 0, 0, 0], 1009),
    ];
    let mut written = Vec::new();
    for (number, (bytes, code)) in attacks.into_iter().enumerate() {
        let mut hello = format!(
            "GET /v1/streams/doors/live?viewer=eve{number} HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
        )
        .into_bytes();
        hello.extend(&bytes);
        let closed = timeout(PATIENCE, close_code(&node, &hello)).await.expect("a close frame");
        assert_eq!(closed, Some(code), "{bytes:02x?}");
        written.push(ann.comment(&format!("after {code}")).await);
    }
    for viewer in [&mut ann, &mut bob] {
        let all = |view: &watershed_tests::view::View| written.iter().all(|id| view.comment(*id).is_some());
        viewer.sees("all comments", all).await;
    }
    book.assert_kept();
}

/// The code of the close frame that ends a connection after these bytes; the frames before it are passed over.
async fn close_code(url: &str, bytes: &[u8]) -> Option<u16> {
    let authority = url.strip_prefix("http://").expect("an address of a node");
    let mut socket = TcpStream::connect(authority).await.expect("the node listens");
    socket.write_all(bytes).await.expect("the node reads");
    let mut all = Vec::new();
    let mut frames = loop {
        let head = all.windows(4).position(|end| end == b"\r\n\r\n");
        if let Some(at) = head {
            break all.split_off(at + 4);
        }
        assert!(socket.read_buf(&mut all).await.ok()? > 0, "{}", String::from_utf8_lossy(&all));
    };
    loop {
        let length = match frames[..] {
            [_, 127, a, b, c, d, e, f, g, h, ..] => Some((10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize)),
            [_, 126, a, b, ..] => Some((4, usize::from(u16::from_be_bytes([a, b])))),
            [_, short, ..] if short < 126 => Some((2, usize::from(short))),
            _ => None,
        };
        match length {
            Some((head, length)) if frames.len() >= head + length => {
                if frames[0] == 0x88 {
                    return Some(u16::from_be_bytes([frames[head], frames[head + 1]]));
                }
                frames.drain(..head + length);
            }
            _ if socket.read_buf(&mut frames).await.ok()? == 0 => return None,
            _ => {}
        }
    }
}

/// Where a node accepts links, as it told the others.
fn peer_address(cluster: &Cluster, node: &str) -> String {
    let text = std::fs::read(cluster.path(&format!("state/members/{node}.json"))).expect("the node has joined");
    let member: Value = serde_json::from_slice(&text).expect("a member is JSON");
    member["peer"].as_str().expect("it accepts links").to_owned()
}

/// Greets as a broadcast node with this secret, and sends these bodies once the link is up: why it ended.
async fn intrude(address: &str, secret: &'static [u8], bodies: &[&[u8]]) -> String {
    let hello = Hello {
        role: Role::Broadcast,
        node: "b9".parse().expect("a name"),
        incarnation: 1,
        url: String::new(),
        map_epoch: Epoch::ZERO,
        root_epoch: Epoch::ZERO,
    };
    let mut link = Link::dialer(LinkConfig::new(Secret::new(secret).expect("a secret")), hello, None, 1);
    let (now, mut outbox) = (Millis::new(1), Vec::new());
    link.step(now, Input::Tick(HybridTime::default()), &mut outbox);
    outbox.clear();
    let mut socket = TcpStream::connect(address).await.expect("the node accepts links");
    let mut buffer = BytesMut::new();
    let mut input = Some(Input::Connected);
    loop {
        if let Some(input) = input.take() {
            link.step(now, input, &mut outbox);
        }
        let mut orders = std::mem::take(&mut outbox).into_iter();
        while let Some(order) = orders.next() {
            match order {
                Output::Transmit(packet) => {
                    let _ = socket.write_all(&[packet.head(), packet.body()].concat()).await;
                }
                Output::Up(_) => {
                    for body in bodies {
                        link.offer(now, body.to_vec().into(), &mut outbox).expect("the link is up");
                    }
                }
                Output::Down(reason) | Output::Failed(reason) => return reason.to_string(),
                _ => {}
            }
            if orders.as_slice().is_empty() {
                orders = std::mem::take(&mut outbox).into_iter();
            }
        }
        input = Some(match cut(&mut buffer, link.frame_bytes_max()) {
            Ok(Some(frame)) => Input::Frame(frame),
            Ok(None) if socket.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) => continue,
            Ok(None) => Input::Closed,
            Err(error) => Input::Garbled(error),
        });
    }
}

#[tokio::test]
async fn peers_that_should_not_be_there_are_hung_up_on_and_the_cluster_goes_on() {
    let cluster = Cluster::start_as(SMALL, Setup { secret: Some("end-to-end"), ..Setup::default() }).await;
    let (node, book) = (cluster.url("b1").await, Book::open("doors"));
    let mut ann = Viewer::join(&book, &node, "ann", Encoding::Json).await;
    let nonsense = encode(&FromProcessor::Answers(Default::default()));
    let shout: &[u8] = b"\x81\xa5Shout\x90";
    let bomb: &[u8] = b"\x81\xa6Writes\x98\x02\xdd\xff\xff\xff\xff";
    for name in ["p1", "p2", "m1"] {
        let address = peer_address(&cluster, name);
        for bytes in
            [&b"GET / HTTP/1.1\r\nhost: p1\r\n\r\n"[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", &[0xff; 64]]
        {
            assert_eq!(raw(&format!("http://{address}"), bytes).await, "", "{name} has nothing to say to a stranger");
        }
        for stranger in [&b"of another cluster"[..], b"\xffwithout a secret, test"] {
            let why = timeout(PATIENCE, intrude(&address, stranger, &[])).await.expect("an end");
            assert_eq!(why, "refused by the peer: cluster secret differs", "{name}");
        }
        for body in [shout, bomb, b"", &nonsense, &[0x91; 100_000]] {
            let why = timeout(PATIENCE, intrude(&address, b"end-to-end", &[body])).await.expect("an end");
            assert_eq!(why, "peer said goodbye", "{name} was sent {:02x?}", &body[..body.len().min(40)]);
        }
    }
    let id = ann.comment("still here").await;
    ann.like(id, true).await;
    ann.sees("her own like", |view| view.comment(id).is_some_and(|line| line.likes == 1)).await;
    let states = cluster.status().await.into_iter();
    let pids: Arc<[_]> = states.map(|node| (node.node, node.state)).collect();
    assert!(pids.iter().all(|(_, state)| state == "ready"), "{pids:?}");
    book.assert_kept();
}
