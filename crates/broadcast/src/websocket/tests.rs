//! Each rule of RFC 6455, section 5, that binds a client, fed whole, byte by byte, and in pieces of any size.

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

/// Longest message here: that of a viewer.
const MAX: usize = watershed_protocol::limits::CLIENT_MESSAGE_BYTES_MAX;

/// An item that owns its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Seen {
    Message(Opcode, Vec<u8>),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

/// What came of bytes: all items, and the error that ended them.
type Outcome = (Vec<Seen>, Option<FrameError>);

/// Feeds pieces, one after the other, each masked bytes as a read would bring them.
fn decode_pieces<'a>(rules: &Rules, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let (mut decoder, mut seen, mut fed) = (Decoder::default(), Vec::new(), 0);
    for piece in pieces {
        fed += piece.len();
        let (mut piece, mut at) = (piece.to_vec(), 0);
        loop {
            match decoder.next(rules, &mut piece, &mut at) {
                Ok(Some(item)) => seen.push(match item {
                    Item::Message(kind, payload) => Seen::Message(kind, payload.to_vec()),
                    Item::Ping(payload) => Seen::Ping(payload.to_vec()),
                    Item::Pong => Seen::Pong,
                    Item::Close(code) => Seen::Close(code),
                }),
                Ok(None) => break,
                Err(error) => return (seen, Some(error)),
            }
        }
        assert_eq!(at, piece.len(), "all of the input is taken");
        let held = decoder.held_bytes() - size_of::<Decoder>();
        assert!(held <= (2 * fed).min(rules.message_bytes_max) + 125, "{held} bytes are held of {fed}");
    }
    (seen, None)
}

fn decode_in(rules: &Rules, bytes: &[u8], piece: usize) -> Outcome {
    decode_pieces(rules, bytes.chunks(piece.max(1)))
}

/// What comes of bytes in one piece, which must be the same in any pieces.
fn decode_by(rules: &Rules, bytes: &[u8]) -> Outcome {
    let whole = decode_in(rules, bytes, bytes.len());
    for piece in [1, 2, 3, 7, 1_000].into_iter().filter(|piece| bytes.len() / piece < 1_000) {
        assert_eq!(decode_in(rules, bytes, piece), whole, "in pieces of {piece} it must mean the same");
    }
    whole
}

fn decode_as(kind: Opcode, bytes: &[u8]) -> (Vec<Seen>, Option<u16>) {
    let (seen, error) = decode_by(&Rules { kind: Some(kind), message_bytes_max: MAX }, bytes);
    (seen, error.map(|error| error.close_code()))
}

fn decode(frames: &[Vec<u8>]) -> (Vec<Seen>, Option<u16>) {
    decode_as(Opcode::Text, &frames.concat())
}

fn message(text: &str) -> Seen {
    Seen::Message(Opcode::Text, text.into())
}

#[test]
fn whole_messages_of_every_length_form_are_read() {
    for length in [0, 1, 7, 8, 125, 126, 127, MAX] {
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
    assert_eq!(decode_as(Opcode::Binary, &frame(0x82, b"\xff")).0, [Seen::Message(Opcode::Binary, vec![0xff])]);
}

#[test]
fn a_message_that_is_too_large_ends_with_1009_before_it_has_come() {
    let over = MAX + 1;
    assert_eq!(decode(&[frame(0x81, &vec![b'x'; over])[..8].to_vec()]).1, Some(1009));
    let half = vec![b'x'; MAX / 2];
    let frames = [frame(0x01, &half), frame(0x00, &half), frame(0x80, b"x")];
    assert_eq!(decode(&frames), (vec![], Some(1009)));
}

/// What is held after all of these bytes have been taken.
fn held_after(bytes: &[u8]) -> usize {
    let rules = Rules { kind: None, message_bytes_max: MAX };
    let (mut decoder, mut bytes, mut at) = (Decoder::default(), bytes.to_vec(), 0);
    while decoder.next(&rules, &mut bytes, &mut at).unwrap().is_some() {}
    decoder.held_bytes() - size_of::<Decoder>()
}

#[test]
fn a_message_in_one_piece_is_handed_on_where_it_lies() {
    let rules = Rules { kind: None, message_bytes_max: MAX };
    let (mut decoder, mut at) = (Decoder::default(), 0);
    let mut input = [frame(0x81, b"one"), frame(0x82, &[7; 200])].concat();
    let lies = input.as_ptr_range();
    for length in [3, 200] {
        match decoder.next(&rules, &mut input, &mut at).unwrap() {
            Some(Item::Message(_, payload)) => {
                assert_eq!(payload.len(), length);
                assert!(lies.contains(&payload.as_ptr()));
            }
            other => panic!("{other:?} is not a message"),
        }
        assert!(decoder.is_idle());
        assert_eq!(decoder.held_bytes(), size_of::<Decoder>());
    }
}

#[test]
fn what_a_message_needed_is_freed_when_it_is_done() {
    let pieces = [frame(0x01, &[b'x'; 9_000]), frame(0x89, b"ping")].concat();
    assert!(held_after(&pieces) >= 9_000);
    assert_eq!(held_after(&[&pieces[..], &frame(0x80, b"")].concat()), 0);
    // The head of the next frame needs nothing of its own.
    assert_eq!(held_after(&[&pieces[..], &frame(0x80, b"x"), &[0x81, 0xfe, 0x10]].concat()), 0);
    assert_eq!(held_after(&frame(0x89, &[7; 125])[..20]), 125);
}

#[test]
fn a_head_that_promises_much_makes_room_only_for_what_comes() {
    let mut bytes = frame(0x81, &vec![b'x'; MAX]);
    bytes.truncate(100);
    assert!(held_after(&bytes) <= 200, "{} bytes are held of 100", held_after(&bytes));
}

#[test]
fn text_fails_at_the_first_byte_that_cannot_be_utf_8() {
    // Each with the bytes of a text until it has become impossible.
    let impossible: [&[u8]; 9] = [
        b"ok \x80",                                              // A continuation of nothing.
        b"ok \xc0",                                              // Never in UTF-8.
        b"ok \xe2(",                                             // Two more are needed.
        b"ok \xe0\x80",                                          // Longer than it has to be.
        b"ok \xed\xa0",                                          // Half of a surrogate pair.
        b"ok \xf4\x90",                                          // Beyond U+10FFFF.
        b"ok \xf5",                                              // Far beyond it.
        b"ok \xf0\x9f\x98x",                                     // One more was needed.
        b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0", // Autobahn's κόσμε, and a surrogate.
    ];
    let rules = Rules { kind: Some(Opcode::Text), message_bytes_max: MAX };
    for text in impossible {
        for head in [0x01, 0x81] {
            let mut bytes = frame(head, &[text, b" and what would follow"].concat());
            bytes.truncate(6 + text.len());
            let until = bytes.len() - 1;
            assert_eq!(decode_by(&rules, &bytes[..until]), (vec![], None), "{text:02x?}");
            assert_eq!(decode_by(&rules, &bytes), (vec![], Some(FrameError::Text)), "{text:02x?}");
        }
        for cut in 0..text.len() {
            let bytes = [frame(0x01, &text[..cut]), frame(0x00, b""), frame(0x00, &text[cut..])].concat();
            assert_eq!(decode_by(&rules, &bytes), (vec![], Some(FrameError::Text)), "{text:02x?} cut at {cut}");
        }
    }
}

#[test]
fn a_head_fails_at_the_first_byte_that_breaks_a_rule() {
    let heads: [(&[u8], u16); 9] = [
        (&[0xc1], 1002),
        (&[0x83], 1002),
        (&[0x09], 1002),
        (&[0x80], 1002),
        (&[0x82], 1003),
        (&[0x81, 0x05], 1002),
        (&[0x89, 0xfe], 1002),
        (&[0x81, 0xff, 0x80], 1002),
        (&[0x81, 0xfe, 0xff, 0xff], 1009),
    ];
    for (head, code) in heads {
        assert_eq!(decode_as(Opcode::Text, &head[..head.len() - 1]), (vec![], None), "{head:02x?}");
        assert_eq!(decode_as(Opcode::Text, head), (vec![], Some(code)), "{head:02x?}");
    }
}

#[test]
fn both_kinds_are_told_apart_where_both_are_carried() {
    let rules = Rules { kind: None, message_bytes_max: 4 };
    let bytes = [frame(0x81, b"text"), frame(0x02, b"\xff"), frame(0x80, b"\xfe"), frame(0x82, b"12345")].concat();
    let seen = vec![message("text"), Seen::Message(Opcode::Binary, b"\xff\xfe".into())];
    assert_eq!(decode_by(&rules, &bytes), (seen, Some(FrameError::TooLarge { max: 4 })));
}

/// True frames, many of them in a row, and what may be done to them.
fn samples() -> Vec<Vec<u8>> {
    vec![
        frame(0x81, "{\"body\":\"zwölf €uro 🎈\"}".as_bytes()),
        [frame(0x01, b"a\xe2\x82"), frame(0x89, b"ping"), frame(0x80, b"\xac")].concat(),
        [frame(0x82, &[7; 130]), frame(0x8a, b""), frame(0x88, b"\x03\xe8bye")].concat(),
        [frame(0x01, &[b'x'; 400]), frame(0x00, b""), frame(0x80, &[b'y'; 126])].concat(),
    ]
}

proptest::proptest! {
    #[test]
    fn in_whatever_pieces_bytes_come_they_mean_the_same(
        picked in proptest::collection::vec(proptest::sample::select(samples()), 1..4),
        damage in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(), proptest::prelude::any::<u8>()), 0..3),
        cuts in proptest::collection::vec(proptest::prelude::any::<proptest::sample::Index>(), 0..12),
        kind in proptest::sample::select(vec![None, Some(Opcode::Text), Some(Opcode::Binary)]),
        message_bytes_max in 100_usize..600,
    ) {
        let mut bytes = picked.concat();
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        let ends = cuts.iter().copied().chain([bytes.len()]);
        let pieces = [0].into_iter().chain(cuts.iter().copied()).zip(ends).map(|(from, to)| &bytes[from..to]);
        let rules = Rules { kind, message_bytes_max };
        proptest::prop_assert_eq!(decode_pieces(&rules, pieces), decode_by(&rules, &bytes));
    }
}
