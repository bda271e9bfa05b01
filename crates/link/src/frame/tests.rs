//! Promises of the wire format: golden bytes, and no bytes that crash it.

use proptest::prelude::*;
use watershed_protocol::{Epoch, NodeName, Role, limits::NUMBER_MAX};

use super::*;
use crate::{Hello, Secret};

fn hex(packet: &Packet) -> String {
    let bytes: Vec<u8> = [packet.head(), packet.body()].concat();
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn greeting() -> Greeting {
    Greeting {
        secret: Secret::new("key").unwrap(),
        to: Some((Role::Processor, name("p2"))),
        window_bytes: 65_536,
        hello: Hello {
            role: Role::Broadcast,
            node: name("b1"),
            incarnation: 7,
            url: "ws://b1".into(),
            map_epoch: Epoch::new(3),
            root_epoch: Epoch::new(4),
        },
    }
}

fn frame_of(packet: &Packet) -> Bytes {
    let mut bytes = BytesMut::from(packet.head());
    bytes.extend_from_slice(packet.body());
    let frame = cut(&mut bytes, FRAME_BYTES_MAX).unwrap().unwrap();
    assert!(bytes.is_empty());
    frame
}

#[test]
fn the_bytes_of_each_kind_are_a_contract_between_versions() {
    let heartbeat = Heartbeat { sent: 1, received: 300, taken: 70_000, hybrid: HybridTime::from_bits(5) };
    let golden = [
        (
            Packet::hello(&greeting()),
            "34000000010194c4036b657992a970726f636573736f72a27032ce00010000\
             96a962726f616463617374a2623107a777733a2f2f62310304",
        ),
        (Packet::refused(&Refusal::Secret), "0800000002a6536563726574"),
        (Packet::refused(&Refusal::Version { expected: 1, found: 2 }), "0d0000000281a756657273696f6e920102"),
        (Packet::message(258, Bytes::from_static(b"hi")), "0b0000000302010000000000006869"),
        (Packet::heartbeat(&heartbeat), "0c000000049401cd012cce0001117005"),
        (Packet::goodbye(), "0100000005"),
    ];
    for (packet, bytes) in golden {
        assert_eq!(hex(&packet), bytes);
        assert_eq!(packet.wire_bytes() * 2, bytes.len());
    }
}

#[test]
fn what_is_packed_is_what_is_read() {
    let heartbeat = Heartbeat { sent: u64::MAX, received: 0, taken: 1, hybrid: HybridTime::from_bits(u64::MAX) };
    assert_eq!(Frame::decode(frame_of(&Packet::heartbeat(&heartbeat))), Ok(Frame::Heartbeat(heartbeat)));
    let body = Bytes::from(vec![9; PEER_FRAME_BYTES_MAX]);
    let packet = Packet::message(u64::MAX, body.clone());
    assert_eq!(Frame::decode(frame_of(&packet)), Ok(Frame::Message { number: u64::MAX, body }));
    let Ok(Frame::Hello { version, greeting: contents }) = Frame::decode(frame_of(&Packet::hello(&greeting()))) else {
        panic!("not a hello");
    };
    assert_eq!(version, FORMAT_VERSION);
    assert_eq!(Greeting::decode(&contents).unwrap().hello, greeting().hello);
}

#[test]
fn the_longest_greeting_fits_a_control_frame() {
    let long = name(&"n".repeat(64));
    let mut greeting = greeting();
    greeting.secret = Secret::new(vec![1; 256]).unwrap();
    greeting.to = Some((Role::Broadcast, long.clone()));
    greeting.window_bytes = u64::MAX;
    greeting.hello = Hello {
        role: Role::Broadcast,
        node: long,
        incarnation: u64::MAX,
        url: "u".repeat(crate::URL_BYTES_MAX),
        map_epoch: Epoch::new(NUMBER_MAX),
        root_epoch: Epoch::new(NUMBER_MAX),
    };
    let packet = Packet::hello(&greeting);
    assert!(packet.wire_bytes() < 1_200, "{}", packet.wire_bytes());
    assert!(Greeting::decode(&packet.body()[1..]).is_some());
    greeting.hello.url.push('u');
    assert!(Greeting::decode(&Packet::hello(&greeting).body()[1..]).is_none());
}

#[test]
fn a_frame_waits_for_its_last_byte() {
    let packet = Packet::message(1, Bytes::from_static(b"body"));
    let whole = [packet.head(), packet.body()].concat();
    let mut buffer = BytesMut::new();
    for byte in &whole[..whole.len() - 1] {
        buffer.extend_from_slice(&[*byte]);
        assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Ok(None));
    }
    buffer.extend_from_slice(&whole[whole.len() - 1..]);
    buffer.extend_from_slice(&whole);
    assert!(cut(&mut buffer, FRAME_BYTES_MAX).unwrap().is_some());
    assert!(cut(&mut buffer, FRAME_BYTES_MAX).unwrap().is_some());
    assert_eq!(cut(&mut buffer, FRAME_BYTES_MAX), Ok(None));
}

#[test]
fn a_length_over_the_limit_is_refused_before_anything_is_held() {
    let mut buffer = BytesMut::from(&4_097u32.to_le_bytes()[..]);
    assert_eq!(cut(&mut buffer, CONTROL_BYTES_MAX), Err(FrameError::TooLong { bytes: 4_097, max: 4_096 }));
    let mut buffer = BytesMut::from(&[0xff; 4][..]);
    assert!(matches!(cut(&mut buffer, FRAME_BYTES_MAX), Err(FrameError::TooLong { .. })));
    assert!(buffer.capacity() < 1_024);
}

#[test]
fn frames_that_say_too_little_or_too_much_are_refused() {
    let decode = |bytes: &'static [u8]| Frame::decode(Bytes::from_static(bytes)).unwrap_err();
    assert_eq!(decode(b""), FrameError::Empty);
    assert_eq!(decode(&[99]), FrameError::Kind { kind: 99 });
    assert_eq!(decode(&[HELLO]), FrameError::Contents { kind: HELLO, bytes: 1 });
    assert_eq!(decode(&[MESSAGE, 1, 2, 3]), FrameError::Contents { kind: MESSAGE, bytes: 4 });
    assert_eq!(decode(&[HEARTBEAT, 0x93, 1, 2, 3]), FrameError::Contents { kind: HEARTBEAT, bytes: 5 });
    assert_eq!(decode(&[HEARTBEAT, 0x94, 1, 2, 3, 4, 5]), FrameError::Contents { kind: HEARTBEAT, bytes: 7 });
    assert_eq!(decode(&[GOODBYE, 0]), FrameError::Contents { kind: GOODBYE, bytes: 2 });
}

proptest! {
    #[test]
    fn no_bytes_crash_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..7) {
        let _ = Frame::decode(Bytes::from(bytes.clone()));
        let _ = Greeting::decode(&bytes);
        let _ = Frame::decode([&[kind][..], &bytes].concat().into());
        let mut buffer = BytesMut::from(&bytes[..]);
        while let Ok(Some(_)) = cut(&mut buffer, FRAME_BYTES_MAX) {}
    }

    #[test]
    fn no_damage_to_a_greeting_crashes_the_decoder(at in 0usize..64, value in any::<u8>(), length in 0usize..64) {
        let mut bytes = encode(&greeting());
        let last = bytes.len() - 1;
        bytes[at.min(last)] = value;
        bytes.truncate(bytes.len() - length.min(last));
        let _ = Greeting::decode(&bytes);
    }

    #[test]
    fn frames_come_out_as_they_went_in_however_the_bytes_are_split(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..20),
        step in 1usize..30,
    ) {
        let packets: Vec<_> = (1..).zip(&bodies).map(|(n, body)| Packet::message(n, body.clone().into())).collect();
        let wire: Vec<u8> = packets.iter().flat_map(|p| [p.head(), p.body()].concat()).collect();
        let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
        for part in wire.chunks(step) {
            buffer.extend_from_slice(part);
            while let Some(frame) = cut(&mut buffer, FRAME_BYTES_MAX).unwrap() {
                let Frame::Message { number, body } = Frame::decode(frame).unwrap() else { panic!("not a message") };
                prop_assert_eq!(number, read.len() as u64 + 1);
                read.push(body.to_vec());
            }
        }
        prop_assert_eq!(read, bodies);
    }
}
