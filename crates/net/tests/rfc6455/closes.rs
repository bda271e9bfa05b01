//! Sections 5.5.1 and 7: the closing handshake. Autobahn's cases 7.

use super::{Back, CLOSE, ENDED, PING, Row, TEXT, TEXT_BEGUN, frame};

/// Codes that may be sent: those that the standard defines for it, those registered since (1012 to 1014), and the ranges
/// for libraries and applications.
const ALLOWED: [u16; 17] =
    [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3001, 3999, 4000, 4999];
/// Codes that may not: not assigned, reserved, or never to be sent.
const FORBIDDEN: [u16; 16] =
    [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 9999, 32_768, 65_535];

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = vec![
        Row::closed("a close without a code: none comes back", &[frame(CLOSE, "")], &[], None),
        Row::broken("a close of one byte", &[frame(CLOSE, [0x03])], &[], 1002),
        Row::closed("the longest reason", &[close(1000, "*".repeat(123))], &[], Some(1000)),
        Row::broken("a reason of 124 bytes", &[close(1000, "*".repeat(124))], &[], 1002),
        Row::closed("a reason in UTF-8", &[close(1000, "tschüß 🎈")], &[], Some(1000)),
        Row::broken("a reason that ends within a character", &[close(1000, b"ok \xf0\x9f")], &[], 1007),
        Row::broken("a reason that is not UTF-8", &[close(1000, b"\xce\xba\xed\xa0\x80edited")], &[], 1007),
        Row::broken("a forbidden code before a wrong reason", &[close(1005, b"\xff")], &[], 1002),
    ];
    for code in ALLOWED {
        rows.push(Row::closed(format!("close {code}"), &[close(code, "")], &[], Some(code)));
        let name = format!("close {code} with a reason, of which the code comes back");
        rows.push(Row::closed(name, &[close(code, "reason")], &[], Some(code)));
    }
    for code in FORBIDDEN {
        rows.push(Row::broken(format!("close {code}"), &[close(code, "")], &[], 1002));
        rows.push(Row::broken(format!("close {code} with a reason"), &[close(code, "reason")], &[], 1002));
    }
    rows.extend(around());
    rows
}

/// What comes before a close is answered before it; what comes behind it is not looked at.
fn around() -> Vec<Row> {
    let (bye, one) = (close(1000, "bye"), frame(TEXT, "one"));
    let back = [Back::text("one")];
    vec![
        Row::closed("a message before", &[one.clone(), bye.clone()], &back, Some(1000)),
        Row::closed("a message behind", &[one.clone(), bye.clone(), frame(TEXT, "two")], &back, Some(1000)),
        Row::closed("a ping behind", &[bye.clone(), frame(PING, "?")], &[], Some(1000)),
        Row::closed("a second close behind", &[bye.clone(), close(1001, "")], &[], Some(1000)),
        Row::closed("a broken frame behind", &[bye.clone(), vec![0xff; 20]], &[], Some(1000)),
        Row::closed("much behind", &[one, bye.clone(), frame(TEXT, vec![b'x'; 30_000])], &back, Some(1000)),
        Row::closed(
            "within a fragmented message, which is given up",
            &[frame(TEXT_BEGUN, "a"), bye.clone(), frame(ENDED, "b")],
            &[],
            Some(1000),
        ),
        Row::closed("behind a ping", &[frame(PING, "?"), bye], &[Back::pong("?")], Some(1000)),
    ]
}

fn close(code: u16, reason: impl AsRef<[u8]>) -> Vec<u8> {
    frame(CLOSE, [&code.to_be_bytes()[..], reason.as_ref()].concat())
}
