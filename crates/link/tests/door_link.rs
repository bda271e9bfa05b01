//! The door of a link: strangers, other versions, other secrets, and peers that break the rules.
//!
//! Each row is what comes over a connection that was accepted, and why it ends: the words of both logs.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use bytes::{Bytes, BytesMut};
use watershed_link::{Hello, Input, Link, LinkConfig, Output, Packet, Secret, cut};
use watershed_protocol::{Epoch, HybridTime, Millis, NodeName, Role, limits::PEER_FRAME_BYTES_MAX};

const NOW: Millis = Millis::new(1_000);

fn node(name: &str) -> NodeName {
    name.parse().unwrap()
}

fn config(secret: &'static str) -> LinkConfig {
    LinkConfig { window_bytes: 100_000, ..LinkConfig::new(Secret::new(secret).unwrap()) }
}

fn hello(name: &str, url: &str) -> Hello {
    let role = if name.starts_with('p') { Role::Processor } else { Role::Broadcast };
    let (map_epoch, root_epoch) = (Epoch::new(3), Epoch::new(4));
    Hello { role, node: node(name), incarnation: 7, url: url.into(), map_epoch, root_epoch }
}

fn bytes_of(packet: &Packet) -> Vec<u8> {
    [packet.head(), packet.body()].concat()
}

/// The greeting of a b1 with this secret and URL that means to reach this processor.
fn greeting(secret: &'static str, url: &str, to: &str) -> Vec<u8> {
    let mut outbox = Vec::new();
    let mut dialer = Link::dialer(config(secret), hello("b1", url), Some((Role::Processor, node(to))), 1);
    dialer.step(NOW, Input::Tick(HybridTime::default()), &mut outbox);
    dialer.step(NOW, Input::Connected, &mut outbox);
    let Some(Output::Transmit(packet)) = outbox.pop() else { panic!("no greeting in {outbox:?}") };
    bytes_of(&packet)
}

fn right() -> Vec<u8> {
    greeting("of this cluster", "http://b1", "p1")
}

fn frame(kind: u8, contents: &[u8]) -> Vec<u8> {
    [&(contents.len() as u32 + 1).to_le_bytes()[..], &[kind], contents].concat()
}

fn message(number: u64, body: &[u8]) -> Vec<u8> {
    frame(3, &[&number.to_le_bytes()[..], body].concat())
}

/// What p1 makes of these bytes: why the connection ended, whether it was up before, and what it said last.
fn accept(bytes: &[u8]) -> (String, bool, Option<Bytes>) {
    let mut link = Link::accepter(config("of this cluster"), hello("p1", ""));
    let (mut buffer, mut outbox) = (BytesMut::from(bytes), Vec::new());
    link.step(NOW, Input::Connected, &mut outbox);
    while !link.is_over() {
        let input = match cut(&mut buffer, link.frame_bytes_max()) {
            Ok(Some(frame)) => Input::Frame(frame),
            Ok(None) => Input::Closed,
            Err(error) => Input::Garbled(error),
        };
        link.step(NOW, input, &mut outbox);
    }
    let why = outbox.iter().find_map(|output| match output {
        Output::Down(reason) => Some((reason.to_string(), true)),
        Output::Failed(reason) => Some((reason.to_string(), false)),
        _ => None,
    });
    let refusal = outbox.iter().find_map(|output| match output {
        Output::Transmit(packet) if packet.is_last_word() => Some(packet.body().clone()),
        _ => None,
    });
    let (why, was_up) = why.unwrap();
    (why, was_up, refusal)
}

#[test]
fn strangers_are_turned_away_before_the_handshake_is_over() {
    let version = |mut bytes: Vec<u8>| {
        bytes[5] = 2;
        bytes
    };
    let long = "u".repeat(513);
    let mut behind = right();
    behind.push(0xc0);
    behind[0] += 1;
    let table: Vec<(&str, Vec<u8>, &str, bool)> = vec![
        ("nothing", vec![], "connection is closed", false),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".into(), "malformed: frame is 542393671 bytes, at most 4096 fit", false),
        ("TLS", b"\x16\x03\x01\x02\x00\x01".into(), "malformed: frame is 33620758 bytes, at most 4096 fit", false),
        ("an empty frame", vec![0; 4], "malformed: frame is empty", false),
        ("an unknown kind", frame(99, b""), "malformed: frame has the unknown kind 99", false),
        ("a length of 4 GiB", vec![0xff; 8], "malformed: frame is 4294967295 bytes, at most 4096 fit", false),
        ("a greeting of 4 KiB", frame(1, &[1; 4_096]), "malformed: frame is 4097 bytes, at most 4096 fit", false),
        ("a message before the greeting", message(1, b"x"), "frame is out of place", false),
        ("a heartbeat before it", frame(4, b"\x94\x00\x00\x00\x00"), "frame is out of place", false),
        ("a goodbye before it", frame(5, b""), "peer said goodbye", false),
        ("no version", frame(1, b""), "malformed: frame of kind 1 with 1 bytes does not decode", false),
        ("another version", version(right()), "refused the peer: format version is 2, only 1 is spoken here", true),
        (
            "another version's layout",
            frame(1, b"\x02what ever"),
            "refused the peer: format version is 2, only 1 is spoken here",
            true,
        ),
        ("another secret", greeting("of that cluster", "", "p1"), "refused the peer: cluster secret differs", true),
        ("a longer secret", greeting("of this cluster!", "", "p1"), "refused the peer: cluster secret differs", true),
        (
            "another node",
            greeting("of this cluster", "", "p2"),
            "refused the peer: processor p2 was expected, processor p1 is here",
            true,
        ),
        (
            "a URL of 513 bytes",
            greeting("of this cluster", &long, "p1"),
            "refused the peer: greeting is malformed",
            true,
        ),
        ("half a greeting", frame(1, &right()[5..30]), "refused the peer: greeting is malformed", true),
        ("more than a greeting", behind, "refused the peer: greeting is malformed", true),
        (
            "a greeting of nests",
            frame(1, &[&[1][..], &[0x91; 4_000]].concat()),
            "refused the peer: greeting is malformed",
            true,
        ),
        ("a bomb", frame(1, b"\x01\xdd\xff\xff\xff\xff"), "refused the peer: greeting is malformed", true),
    ];
    for (what, bytes, why, is_told) in table {
        let (found, was_up, refusal) = accept(&bytes);
        assert_eq!((found.as_str(), was_up, refusal.is_some()), (why, false, is_told), "{what}");
    }
}

#[test]
fn a_peer_that_breaks_the_rules_is_hung_up_on_with_the_numbers() {
    let heartbeat = |numbers: &[u8]| frame(4, &[&[0x90 | numbers.len() as u8][..], numbers].concat());
    let large = (PEER_FRAME_BYTES_MAX as u32 + 10).to_le_bytes().to_vec();
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("a second greeting", right(), "frame is out of place"),
        ("a message that is missing", message(2, b"x"), "message 2 came where 1 was due"),
        ("a message twice", [message(1, b"x"), message(1, b"x")].concat(), "message 1 came where 2 was due"),
        ("the last of all numbers", message(u64::MAX, b"x"), "message 18446744073709551615 came where 1 was due"),
        (
            "a message without a number",
            frame(3, b"\x01\x00"),
            "malformed: frame of kind 3 with 3 bytes does not decode",
        ),
        (
            "more than the window",
            [message(1, &[0; 60_000]), message(2, &[0; 60_000])].concat(),
            "120128 bytes are waiting here, the window is 100000",
        ),
        ("a message that is too large", large, "malformed: frame is 8388618 bytes, at most 8388617 fit"),
        ("a heartbeat of three", heartbeat(&[0, 0, 0]), "malformed: frame of kind 4 with 5 bytes does not decode"),
        ("a heartbeat of five", heartbeat(&[0, 0, 0, 0, 0]), "malformed: frame of kind 4 with 7 bytes does not decode"),
        ("messages that did not come", heartbeat(&[3, 0, 0, 0]), "peer sent 3 messages, 0 came"),
        ("thanks for what was not sent", heartbeat(&[0, 7, 0, 0]), "peer acknowledges 7, 0 were sent"),
        ("room for what was not sent", heartbeat(&[0, 0, 9, 0]), "peer acknowledges 9, 0 were sent"),
        ("a goodbye with words", frame(5, b"bye"), "malformed: frame of kind 5 with 4 bytes does not decode"),
        ("an unknown kind", frame(6, b""), "malformed: frame has the unknown kind 6"),
        ("half a frame", message(1, b"body")[..9].to_vec(), "connection is closed"),
    ];
    for (what, bytes, why) in table {
        let (found, was_up, _) = accept(&[right(), bytes].concat());
        assert_eq!((found.as_str(), was_up), (why, true), "{what}");
    }
}
