//! Section 5.2 and 5.4: masks, reserved bits and opcodes, lengths, fragments. Autobahn's cases 1, 3, 4, 5 and 10.

use super::{
    BINARY, BINARY_BEGUN, Back, CONTINUED, ENDED, Form, PING, PONG, Row, TEXT, TEXT_BEGUN, fragments, frame, frame_in,
    head,
};

pub(crate) fn rows(message_bytes_max: usize) -> Vec<Row> {
    let mut rows = lengths(message_bytes_max);
    rows.extend(masks());
    rows.extend(forms());
    rows.extend(reserved());
    rows.extend(in_fragments());
    rows.extend(stray_fragments());
    rows.extend(many_fragments(message_bytes_max));
    rows
}

/// Each length at which the form changes, in one frame.
fn lengths(message_bytes_max: usize) -> Vec<Row> {
    let lengths = [0, 1, 2, 3, 7, 8, 9, 124, 125, 126, 127, 128, 8_191, 8_192, 8_193, 65_534, 65_535, 65_536, 65_537];
    let fitting = lengths.into_iter().filter(|length| *length <= message_bytes_max);
    let both = fitting.flat_map(|length| {
        let (text, bytes) = ("*".repeat(length), vec![0xfe; length]);
        [
            Row::kept(format!("text of {length} bytes"), &[frame(TEXT, &text)], &[Back::text(&text)]),
            Row::kept(format!("binary of {length} bytes"), &[frame(BINARY, &bytes)], &[Back::binary(&bytes)]),
        ]
    });
    both.collect()
}

fn masks() -> Vec<Row> {
    let one = frame(TEXT, "one");
    let unmasked = |first: u8, payload: &[u8]| [&[first, payload.len() as u8], payload].concat();
    vec![
        Row::broken("unmasked text", &[unmasked(TEXT, b"x")], &[], 1002),
        Row::broken("unmasked binary", &[unmasked(BINARY, b"x")], &[], 1002),
        Row::broken("unmasked, and empty", &[unmasked(TEXT, b"")], &[], 1002),
        Row::broken("an unmasked ping", &[unmasked(PING, b"x")], &[], 1002),
        Row::broken("an unmasked close", &[unmasked(0x88, b"\x03\xe8")], &[], 1002),
        Row::broken("unmasked behind masked", &[one.clone(), unmasked(TEXT, b"x")], &[Back::text("one")], 1002),
        Row::broken("an unmasked continuation", &[frame(TEXT_BEGUN, "a"), unmasked(ENDED, b"x")], &[], 1002),
        Row::kept("a mask of zeroes", &[[TEXT, 0x83, 0, 0, 0, 0, b'a', b'b', b'c'].into()], &[Back::text("abc")]),
        Row::kept("a mask that is the text", &[[TEXT, 0x84, 1, 2, 3, 4, 1, 2, 3, 4].into()], &[Back::text([0; 4])]),
    ]
}

/// A length must be written in its shortest form, and have 63 bits.
fn forms() -> Vec<Row> {
    let mut rows = Vec::new();
    for length in [0, 1, 125] {
        let name = format!("{length} bytes, written in 16 bits");
        rows.push(Row::broken(name, &[frame_in(TEXT, Form::Bits16, vec![b'x'; length])], &[], 1002));
    }
    for length in [0, 125, 126, 65_535] {
        let name = format!("{length} bytes, written in 64 bits");
        rows.push(Row::broken(name, &[frame_in(TEXT, Form::Bits64, vec![b'x'; length])], &[], 1002));
    }
    for length in [1 << 63, u64::MAX] {
        rows.push(Row::broken(format!("a length of {length:#x}"), &[head(TEXT, Form::Bits64, length)], &[], 1002));
    }
    rows
}

fn reserved() -> Vec<Row> {
    let mut rows = Vec::new();
    let (one, back) = (frame(TEXT, "one"), Back::text("one"));
    for bits in 1..=7_u8 {
        for (what, first) in [("text", TEXT), ("binary", BINARY), ("a ping", PING), ("a pong", PONG), ("a close", 0x88)]
        {
            let payload: &[u8] = if first == 0x88 { b"\x03\xe8" } else { b"x" };
            let frames = [one.clone(), frame(first | bits << 4, payload)];
            let name = format!("reserved bits {bits:03b} on {what}");
            rows.push(Row::broken(name, &frames, std::slice::from_ref(&back), 1002));
        }
        let frames = [frame(TEXT_BEGUN, "a"), frame(ENDED | bits << 4, "b")];
        rows.push(Row::broken(format!("reserved bits {bits:03b} on a continuation"), &frames, &[], 1002));
    }
    for opcode in [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] {
        for payload in ["", "x"] {
            let (name, strange) = (format!("opcode {opcode} with {payload:?}"), frame(0x80 | opcode, payload));
            rows.push(Row::broken(&name, std::slice::from_ref(&strange), &[], 1002));
            let frames = [one.clone(), strange.clone(), frame(PING, "")];
            rows.push(Row::broken(format!("{name}, between others"), &frames, std::slice::from_ref(&back), 1002));
            let frames = [frame(TEXT_BEGUN, "a"), strange, frame(ENDED, "b")];
            rows.push(Row::broken(format!("{name}, between fragments"), &frames, &[], 1002));
        }
    }
    rows
}

/// What is one message, however it is cut.
fn in_fragments() -> Vec<Row> {
    let mut rows = Vec::new();
    let cuts: [&[&str]; 7] =
        [&["whole"], &["a", "b"], &["", ""], &["", "b"], &["a", ""], &["a", "", "b"], &["a", "b", "c", "d", "e"]];
    for pieces in cuts {
        let whole = pieces.concat();
        let name = format!("fragments {pieces:?}");
        let text = fragments(TEXT_BEGUN, pieces);
        rows.push(Row::kept(&name, &text, &[Back::text(&whole)]));
        rows.push(Row::kept(format!("{name}, of bytes"), &fragments(BINARY_BEGUN, pieces), &[Back::binary(&whole)]));
        let twice = [text.clone(), text.clone()].concat();
        rows.push(Row::kept(format!("{name}, twice"), &twice, &[Back::text(&whole), Back::text(&whole)]));
        let with_pings: Vec<_> = text.into_iter().flat_map(|fragment| [fragment, frame(PING, "?")]).collect();
        let mut back = vec![Back::pong("?"); pieces.len()];
        back.insert(pieces.len() - 1, Back::text(&whole));
        rows.push(Row::kept(format!("{name}, a ping after each"), &with_pings, &back));
    }
    let long = ["x".repeat(126), "y".repeat(9_000), "z".repeat(125)];
    rows.push(Row::kept("long fragments", &fragments(TEXT_BEGUN, &long), &[Back::text(long.concat())]));
    let between = [frame(TEXT_BEGUN, "a"), frame(PONG, "nobody asked"), frame(ENDED, "b")];
    rows.push(Row::kept("a pong between fragments", &between, &[Back::text("ab")]));
    rows
}

fn stray_fragments() -> Vec<Row> {
    let (begun, one) = (frame(TEXT_BEGUN, "a"), frame(TEXT, "one"));
    vec![
        Row::broken("a last continuation of nothing", &[frame(ENDED, "x"), one.clone()], &[], 1002),
        Row::broken("a continuation of nothing", &[frame(CONTINUED, "x"), one.clone()], &[], 1002),
        Row::broken("an empty continuation of nothing", &[frame(ENDED, "")], &[], 1002),
        Row::broken("a continuation behind a message", &[one.clone(), frame(ENDED, "x")], &[Back::text("one")], 1002),
        Row::broken(
            "a continuation behind fragments",
            &[begun.clone(), frame(ENDED, "b"), frame(CONTINUED, "x"), one.clone()],
            &[Back::text("ab")],
            1002,
        ),
        Row::broken("text between fragments", &[begun.clone(), one, frame(ENDED, "b")], &[], 1002),
        Row::broken("binary between fragments", &[begun.clone(), frame(BINARY, "x"), frame(ENDED, "b")], &[], 1002),
        Row::broken("a second beginning", &[begun.clone(), begun.clone()], &[], 1002),
        Row::broken(
            "a second beginning, behind a ping",
            &[begun.clone(), frame(PING, ""), begun],
            &[Back::pong("")],
            1002,
        ),
    ]
}

/// A message in as many fragments as a client with a small buffer makes of it.
fn many_fragments(message_bytes_max: usize) -> Vec<Row> {
    let whole = "fragment ".repeat(message_bytes_max / 9);
    let sizes = [64, 1_300, 8_192].into_iter();
    let rows = sizes.map(|size| {
        let pieces: Vec<&[u8]> = whole.as_bytes().chunks(size).collect();
        let name = format!("{} bytes in fragments of {size}", whole.len());
        Row::kept(name, &fragments(TEXT_BEGUN, &pieces), &[Back::text(&whole)])
    });
    rows.collect()
}
