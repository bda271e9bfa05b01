//! Section 5.5: pings and pongs. Autobahn's cases 2, and the control frames of 5.

use super::{Back, CLOSE, ENDED, Form, PING, PONG, Row, TEXT, TEXT_BEGUN, frame, frame_in};

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::kept("ten pings in a row", &pings(10), &pongs(10)),
        Row::kept("as many pings as may wait", &pings(32), &pongs(32)),
        Row::kept("a pong that nobody asked for", &[frame(PONG, "")], &[]),
        Row::kept("a pong that nobody asked for, with a payload", &[frame(PONG, "unsolicited")], &[]),
        Row::kept("the longest pong", &[frame(PONG, [0xfe; 125])], &[]),
        Row::kept("a pong, then a ping", &[frame(PONG, "unsolicited"), frame(PING, "ping")], &[Back::pong("ping")]),
        Row::kept(
            "pings between messages: each is answered in its turn",
            &[frame(TEXT, "one"), frame(PING, "1"), frame(TEXT, "two"), frame(PING, "2")],
            &[Back::text("one"), Back::pong("1"), Back::text("two"), Back::pong("2")],
        ),
        Row::kept(
            "a ping between fragments is answered before the message is whole",
            &[frame(TEXT_BEGUN, "a"), frame(PING, "between"), frame(ENDED, "b")],
            &[Back::pong("between"), Back::text("ab")],
        ),
    ];
    for payload in [&b""[..], b"Hello, world!", b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff", &[0xfe; 125]] {
        let name = format!("a ping of {} bytes, which need not be text", payload.len());
        rows.push(Row::kept(name, &[frame(PING, payload)], &[Back::pong(payload)]));
    }
    for (what, first) in [("ping", PING), ("pong", PONG), ("close", CLOSE)] {
        let payload = [&b"\x03\xe8"[..], &[b'x'; 124]].concat();
        rows.push(Row::broken(format!("a {what} of 126 bytes"), &[frame(first, &payload)], &[], 1002));
        let long = frame_in(first, Form::Bits64, vec![b'x'; 65_536]);
        rows.push(Row::broken(format!("a {what} of 65,536 bytes"), &[long], &[], 1002));
        let padded = frame_in(first, Form::Bits16, b"\x03\xe8");
        rows.push(Row::broken(format!("a {what} with its length in 16 bits"), &[padded], &[], 1002));
        let begun = first & 0x7f;
        let frames = [frame(begun, "\x03\u{68}"), frame(ENDED, "x")];
        rows.push(Row::broken(format!("a {what} in two fragments"), &frames, &[], 1002));
        let frames = [frame(TEXT_BEGUN, "a"), frame(begun, ""), frame(ENDED, "b")];
        rows.push(Row::broken(format!("a {what} without FIN between fragments"), &frames, &[], 1002));
    }
    rows
}

fn pings(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|number| frame(PING, format!("payload-{number}"))).collect()
}

fn pongs(count: u8) -> Vec<Back> {
    (0..count).map(|number| Back::pong(format!("payload-{number}"))).collect()
}
