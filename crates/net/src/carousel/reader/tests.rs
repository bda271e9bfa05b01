//! Each rule of RFC 6455, section 5, that binds a client, fed whole and byte by byte.

use super::*;

const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked frame; `first` is its first byte: FIN, reserved bits and opcode.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(0x80 | 127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// An item that owns its bytes.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Message(Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// Feeds `bytes` in pieces of `piece` bytes; all items, and the close code of the error that ended it.
fn decode_in(expected: Opcode, bytes: &[u8], piece: usize) -> (Vec<Seen>, Option<u16>) {
    let (mut decoder, mut pending, mut seen) = (Decoder::default(), Vec::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        pending.extend_from_slice(piece);
        let mut at = 0;
        loop {
            match decoder.next(expected, &mut pending, &mut at) {
                Ok(Some(item)) => seen.push(match item {
                    Item::Message(payload) => Seen::Message(payload.to_vec()),
                    Item::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Item::Pong => Seen::Pong,
                    Item::Close(code) => Seen::Close(code),
                }),
                Ok(None) => break,
                Err(close) => return (seen, Some(close.code)),
            }
        }
        pending.drain(..at);
        assert!(pending.len() <= INCOMPLETE_BYTES_MAX);
    }
    (seen, None)
}

fn decode_as(expected: Opcode, bytes: &[u8]) -> (Vec<Seen>, Option<u16>) {
    let whole = decode_in(expected, bytes, bytes.len().max(1));
    if bytes.len() < 1_000 {
        assert_eq!(decode_in(expected, bytes, 1), whole, "byte by byte it must mean the same");
    }
    whole
}

fn decode(frames: &[Vec<u8>]) -> (Vec<Seen>, Option<u16>) {
    decode_as(Opcode::Text, &frames.concat())
}

fn message(text: &str) -> Seen {
    Seen::Message(text.into())
}

#[test]
fn whole_messages_of_every_length_form_are_read() {
    for length in [0, 1, 7, 8, 125, 126, 127, CLIENT_MESSAGE_BYTES_MAX] {
        let text = "x".repeat(length);
        assert_eq!(decode(&[frame(0x81, text.as_bytes())]), (vec![message(&text)], None));
    }
}

#[test]
fn several_messages_of_one_read_are_all_read() {
    let frames = [frame(0x81, b"one"), frame(0x8a, b""), frame(0x81, "zwölf".as_bytes())];
    assert_eq!(decode(&frames), (vec![message("one"), Seen::Pong, message("zwölf")], None));
}

#[test]
fn fragments_are_one_message_with_control_frames_between() {
    // The euro sign is cut in two: only the whole message has to be UTF-8.
    let frames = [
        frame(0x01, b"a\xe2\x82"),
        frame(0x89, b"still there?"),
        frame(0x00, b"\xac"),
        frame(0x80, b"b"),
        frame(0x81, b"next"),
    ];
    let seen = vec![Seen::Ping(b"still there?".into()), message("a\u{20ac}b"), message("next")];
    assert_eq!(decode(&frames), (seen, None));
}

#[test]
fn a_close_is_read_with_its_code() {
    assert_eq!(decode(&[frame(0x88, b"")]), (vec![Seen::Close(None)], None));
    assert_eq!(decode(&[frame(0x88, b"\x03\xe8bye")]), (vec![Seen::Close(Some(1000))], None));
    assert_eq!(decode(&[frame(0x88, b"\x0f\xa0")]), (vec![Seen::Close(Some(4000))], None));
}

#[test]
fn what_the_protocol_forbids_ends_the_connection_with_1002() {
    let unmasked = vec![0x81, 1, b'x'];
    let long_control = {
        let mut bytes = vec![0x89, 0x80 | 126, 0, 126];
        bytes.extend(MASK);
        bytes.extend([0; 126]);
        bytes
    };
    let padded_16 = vec![0x81, 0x80 | 126, 0, 125];
    let padded_64 = vec![0x81, 0x80 | 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    let beyond_63_bits = vec![0x81, 0x80 | 127, 0x80, 0, 0, 0, 0, 0, 0, 0];
    let broken: [(&str, Vec<u8>); 16] = [
        ("not masked", unmasked),
        ("RSV1", frame(0xc1, b"x")),
        ("RSV2", frame(0xa1, b"x")),
        ("RSV3", frame(0x91, b"x")),
        ("data opcode 3", frame(0x83, b"x")),
        ("data opcode 7", frame(0x87, b"x")),
        ("control opcode 11", frame(0x8b, b"x")),
        ("control opcode 15", frame(0x8f, b"x")),
        ("ping in fragments", frame(0x09, b"x")),
        ("ping of 126 bytes", long_control),
        ("16-bit form of 125", padded_16),
        ("64-bit form of 65,535", padded_64),
        ("length of 2^63", beyond_63_bits),
        ("close code of one byte", frame(0x88, b"\x03")),
        ("close code 1005", frame(0x88, b"\x03\xed")),
        ("close code 2999", frame(0x88, b"\x0b\xb7")),
    ];
    for (what, bytes) in broken {
        assert_eq!(decode(&[bytes]), (vec![], Some(1002)), "{what}");
    }
    assert_eq!(decode(&[frame(0x80, b"x")]).1, Some(1002), "continuation of nothing");
    assert_eq!(decode(&[frame(0x81, b"a"), frame(0x00, b"x")]), (vec![message("a")], Some(1002)));
    assert_eq!(decode(&[frame(0x01, b"a"), frame(0x81, b"x")]).1, Some(1002), "message inside a message");
}

#[test]
fn text_that_is_not_utf_8_ends_with_1007() {
    assert_eq!(decode(&[frame(0x81, b"\xff")]).1, Some(1007));
    assert_eq!(decode(&[frame(0x01, b"\xe2\x82"), frame(0x80, b"x")]).1, Some(1007));
    assert_eq!(decode(&[frame(0x88, b"\x03\xe8\xff")]).1, Some(1007));
}

#[test]
fn a_kind_of_data_that_was_not_negotiated_ends_with_1003() {
    assert_eq!(decode_as(Opcode::Text, &frame(0x82, b"x")).1, Some(1003));
    assert_eq!(decode_as(Opcode::Binary, &frame(0x81, b"x")).1, Some(1003));
    assert_eq!(decode_as(Opcode::Binary, &frame(0x82, b"\xff")).0, [Seen::Message(vec![0xff])]);
}

#[test]
fn a_message_that_is_too_large_ends_with_1009_before_it_has_come() {
    let over = CLIENT_MESSAGE_BYTES_MAX + 1;
    assert_eq!(decode(&[frame(0x81, &vec![b'x'; over])[..8].to_vec()]).1, Some(1009));
    let half = vec![b'x'; CLIENT_MESSAGE_BYTES_MAX / 2];
    let frames = [frame(0x01, &half), frame(0x00, &half), frame(0x80, b"x")];
    assert_eq!(decode(&frames), (vec![], Some(1009)));
}

#[test]
fn after_a_fragmented_message_nothing_is_held() {
    let mut decoder = Decoder::default();
    let mut input = [frame(0x01, b"a"), frame(0x80, b"b")].concat();
    let mut at = 0;
    assert_eq!(decoder.next(Opcode::Text, &mut input, &mut at).unwrap(), Some(Item::Message(b"ab")));
    assert!(decoder.is_idle());
    decoder.tidy();
    assert_eq!(decoder.held(), 0);
}

#[test]
fn whatever_frames_become_they_are_read_alike_in_one_piece_and_in_many() {
    let corpus = [
        frame(0x81, b"{\"type\":\"comment\",\"body\":\"hi\"}"),
        [frame(0x01, b"a\xe2\x82"), frame(0x89, b"ping"), frame(0x80, b"\xac")].concat(),
        [frame(0x82, &[7; 130]), frame(0x8a, b""), frame(0x88, b"\x03\xe8bye")].concat(),
        frame(0x81, &[b'x'; 400]),
    ];
    let mut mutator = watershed_hostile::Mutator::new(0x7265_6164);
    let mut ended = 0;
    for _ in 0..40_000 {
        let bytes = mutator.next(&corpus);
        for expected in [Opcode::Text, Opcode::Binary] {
            let (seen, code) = decode_as(expected, &bytes);
            assert!(
                seen.iter()
                    .all(|seen| !matches!(seen, Seen::Message(payload) if payload.len() > CLIENT_MESSAGE_BYTES_MAX))
            );
            assert!(matches!(code, None | Some(1002 | 1003 | 1007 | 1009)), "{code:?}");
            ended += u32::from(code.is_some());
        }
    }
    assert!(ended > 10_000, "most of it is broken: {ended}");
}
