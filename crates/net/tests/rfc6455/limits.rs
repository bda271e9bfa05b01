//! Section 10.4: the longest message, and one byte more. Autobahn's cases 9 with a limit.

use super::{
    BINARY, BINARY_BEGUN, Back, CONTINUED, ENDED, Form, PING, Row, TEXT, TEXT_BEGUN, fragments, frame, head, shortest,
};

pub(crate) fn rows(max: usize) -> Vec<Row> {
    let (text, bytes) = ("*".repeat(max), vec![0xfe; max]);
    let (begun, rest) = text.split_at(max / 2);
    let too_long = |first: u8, length: usize| head(first, shortest(length), length as u64);
    vec![
        Row::kept("the longest text", &[frame(TEXT, &text)], &[Back::text(&text)]),
        Row::kept("the longest binary", &[frame(BINARY, &bytes)], &[Back::binary(&bytes)]),
        Row::kept(
            "the longest text in fragments, and a ping",
            &[frame(TEXT_BEGUN, begun), frame(PING, "?"), frame(CONTINUED, rest), frame(ENDED, "")],
            &[Back::pong("?"), Back::text(&text)],
        ),
        Row::kept(
            "the longest binary in fragments",
            &fragments(BINARY_BEGUN, &[&bytes[..max - 1], &bytes[max - 1..]]),
            &[Back::binary(&bytes)],
        ),
        Row::kept(
            "the longest text, twice",
            &[frame(TEXT, &text), frame(TEXT, &text)],
            &[Back::text(&text), Back::text(&text)],
        ),
        Row::broken("text of one byte more", &[frame(TEXT, "*".repeat(max + 1))], &[], 1009),
        Row::broken("text of one byte more: its head is enough", &[too_long(TEXT, max + 1)], &[], 1009),
        Row::broken("binary of one byte more: its head is enough", &[too_long(BINARY, max + 1)], &[], 1009),
        Row::broken("text of 2^63 - 1 bytes", &[head(TEXT, Form::Bits64, (1 << 63) - 1)], &[], 1009),
        Row::broken(
            "a fragment of one byte more: its head is enough",
            &[frame(TEXT_BEGUN, begun), too_long(ENDED, rest.len() + 1)],
            &[],
            1009,
        ),
        Row::broken(
            "fragments of one byte more",
            &[frame(TEXT_BEGUN, begun), frame(CONTINUED, rest), frame(ENDED, "*")],
            &[],
            1009,
        ),
        Row::broken(
            "a fragment of 2^63 - 1 bytes behind another",
            &[frame(TEXT_BEGUN, "*"), head(ENDED, Form::Bits64, (1 << 63) - 1)],
            &[],
            1009,
        ),
    ]
}
