//! Section 8.1: text is UTF-8, and what cannot become UTF-8 any more is refused at its first wrong byte. Autobahn's cases 6.

use super::{BINARY, BINARY_BEGUN, Back, CONTINUED, ENDED, PING, Row, TEXT, TEXT_BEGUN, fragments, frame};

/// Text of every length of character, and the ends of the ranges of each.
const VALID: [&str; 14] = [
    "Hello-µ@ßöäüàá-UTF-8!!",
    "κόσμε",
    "\0",
    "\u{7f}",
    "\u{80}",
    "\u{7ff}",
    "\u{800}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{fffd}",
    "\u{fffe}\u{ffff}\u{fdd0}",
    "\u{10000}",
    "\u{10ffff}",
    "🎈 and \u{feff} and e\u{301}",
];

/// Bytes that are no text: up to the last, they could still become some.
const INVALID: [&[u8]; 24] = [
    b"\x80",
    b"\xbf",
    b"\x80\xbf\x80",
    b"ok \xc0",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xc2 ",
    b"\xc3(",
    b"\xe0\x80",
    b"\xe0\x9f\xbf",
    b"\xe2(",
    b"\xe2\x82(",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xed\xad\xbf\xed\xb0\x80",
    b"\xf0\x80\x80\x80",
    b"\xf0\x8f\xbf\xbf",
    b"\xf0\x9f\x98(",
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xf8\x88\x80\x80\x80",
    b"\xfc\x84\x80\x80\x80\x80",
    b"\xfe",
    b"\xff",
];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    VALID.iter().for_each(|text| rows.extend(valid(text)));
    INVALID.iter().for_each(|bytes| rows.extend(invalid(bytes)));
    rows.extend(endings());
    rows.extend(at_once());
    rows
}

/// A text whole, and cut in two at every byte, and into single bytes.
fn valid(text: &str) -> Vec<Row> {
    let (bytes, back) = (text.as_bytes(), [Back::text(text)]);
    let mut rows = vec![Row::kept(format!("text {text:?}"), &[frame(TEXT, text)], &back)];
    for cut in 0..=bytes.len() {
        let name = format!("text {text:?} cut at {cut}, with a ping between");
        let frames = [frame(TEXT_BEGUN, &bytes[..cut]), frame(PING, "?"), frame(ENDED, &bytes[cut..])];
        rows.push(Row::kept(name, &frames, &[Back::pong("?"), back[0].clone()]));
    }
    let single: Vec<&[u8]> = bytes.chunks(1).collect();
    rows.push(Row::kept(format!("text {text:?} in single bytes"), &fragments(TEXT_BEGUN, &single), &back));
    rows
}

/// Bytes that are no text: refused as text, whole or cut at every byte; as binary they are as good as any.
fn invalid(bytes: &[u8]) -> Vec<Row> {
    let behind = [b"good ", bytes, b" good"].concat();
    let mut rows = vec![
        Row::broken(format!("text {bytes:02x?}"), &[frame(TEXT, bytes)], &[], 1007),
        Row::broken(format!("text {bytes:02x?} between good text"), &[frame(TEXT, &behind)], &[], 1007),
        Row::kept(format!("binary {bytes:02x?}"), &[frame(BINARY, bytes)], &[Back::binary(bytes)]),
        Row::kept(
            format!("binary {bytes:02x?} in fragments"),
            &fragments(BINARY_BEGUN, &[bytes, bytes]),
            &[Back::binary([bytes, bytes].concat())],
        ),
    ];
    for cut in 0..=bytes.len() {
        let frames = [frame(TEXT_BEGUN, &bytes[..cut]), frame(ENDED, &bytes[cut..])];
        rows.push(Row::broken(format!("text {bytes:02x?} cut at {cut}"), &frames, &[], 1007));
    }
    rows
}

/// A character that is not finished when its message is.
fn endings() -> Vec<Row> {
    let mut rows = Vec::new();
    for character in ["µ", "€", "🎈"] {
        let bytes = character.as_bytes();
        for end in 1..bytes.len() {
            let (name, part) = (format!("text that ends within {character}, after {end} bytes"), &bytes[..end]);
            rows.push(Row::broken(&name, &[frame(TEXT, part)], &[], 1007));
            let in_fragments = [frame(TEXT_BEGUN, part), frame(ENDED, "")];
            rows.push(Row::broken(format!("{name}, and then with nothing"), &in_fragments, &[], 1007));
            // The rest of it in the next message is no rescue.
            let frames = [frame(TEXT, part), frame(TEXT, &bytes[end..])];
            rows.push(Row::broken(format!("{name}, which the next has"), &frames, &[], 1007));
        }
    }
    rows
}

/// What is wrong is refused when it comes, though its frame or its message goes on.
fn at_once() -> Vec<Row> {
    let wrong = b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0";
    let mut unfinished = frame(TEXT, [&wrong[..], &[b'x'; 100]].concat());
    unfinished.truncate(6 + wrong.len());
    vec![
        Row::broken("wrong text in a frame that has not come whole", &[unfinished], &[], 1007),
        Row::broken("wrong text in a fragment that is not the last", &[frame(TEXT_BEGUN, wrong)], &[], 1007),
        Row::broken(
            "wrong text in a middle fragment",
            &[frame(TEXT_BEGUN, "good"), frame(CONTINUED, "good"), frame(CONTINUED, wrong)],
            &[],
            1007,
        ),
        Row::broken(
            "wrong text behind a good one",
            &[frame(TEXT, "good"), frame(TEXT, b"\xff")],
            &[Back::text("good")],
            1007,
        ),
    ]
}
