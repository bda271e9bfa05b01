//! Golden rows, whose bytes are a contract between versions, and rows that nobody wrote.

use proptest::{prelude::*, string::string_regex};
use watershed_protocol::{
    Comment, CommentBody, CommentId, DisplayName, HybridTime, Part, ReactionKind, Reactions, Register, Spread, Stamp,
    StreamId, ViewerKey,
};

use watershed_protocol::limits;

use super::*;
use crate::config::TAPS_MAX;

const ID: CommentId = CommentId::from_bytes(*b"comment-of-ann-1");
const ANN: ViewerKey = ViewerKey::from_bytes(*b"key-of-viewer-an");
const TIME: HybridTime = HybridTime::from_bits(0x0102_0304_0506_0708);

fn stream() -> StreamId {
    "demo".parse().unwrap()
}

fn comment() -> Comment {
    Comment {
        id: ID,
        time: TIME,
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ännchen").unwrap(),
        body: CommentBody::new("two\nlines", 100).unwrap(),
    }
}

fn taps(counts: &[(&str, u64)]) -> Reactions {
    counts.iter().map(|(kind, count)| (ReactionKind::new(kind).unwrap(), *count)).collect()
}

/// Writes rows as the machine does.
fn encoded(rows: &[Row]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    for row in rows {
        match row {
            Row::Comment { stream, comment, spread } => encoder.comment(stream, comment, *spread),
            Row::Header { stream, id, part, time, author } => encoder.header(stream, *id, *part, *time, author),
            Row::Like { comment, viewer, register } => encoder.like(*comment, *viewer, register.to_bits()),
            Row::Deletion { comment } => encoder.deletion(*comment),
            Row::Pin { stream, time, comment } => encoder.pin(stream, *time, *comment),
            Row::Taps { stream, reporter, counts } => encoder.taps(stream, *reporter, counts),
        }
    }
    encoder.finish()
}

fn decoded(body: &[u8]) -> Result<Vec<Row>, RowError> {
    let mut decoder = Decoder::new(body).expect("format 1");
    let mut rows = Vec::new();
    while let Some(row) = decoder.next()? {
        rows.push(row);
    }
    Ok(rows)
}

/// The row has these bytes, and these bytes are the row.
#[track_caller]
fn golden(row: Row, parts: &[&[u8]]) {
    let bytes = [&[1], &parts.concat()[..]].concat();
    assert_eq!(encoded(std::slice::from_ref(&row)), bytes);
    assert_eq!(decoded(&bytes), Ok(vec![row]));
}

const TIME_BYTES: &[u8] = &[8, 7, 6, 5, 4, 3, 2, 1];

#[test]
fn a_comment_has_these_bytes_on_every_version() {
    let name = "\u{8}Ännchen".as_bytes();
    let texts = [b"\x04demo\x03ann", name, b"\x09\x00two\nlines"].concat();
    golden(
        Row::Comment { stream: stream(), comment: comment(), spread: Spread::WHOLE },
        &[&[1], ID.as_bytes(), TIME_BYTES, &texts],
    );
}

#[test]
fn a_spread_comment_and_its_headers_have_these_bytes_on_every_version() {
    let spread = Spread::new(4, 258).unwrap();
    let name = "\u{8}Ännchen".as_bytes();
    let texts = [b"\x04demo\x03ann", name, b"\x09\x00two\nlines"].concat();
    let row = Row::Comment { stream: stream(), comment: comment(), spread };
    golden(row, &[b"\x08\x04\0\x02\x01\0\0", &[1], ID.as_bytes(), TIME_BYTES, &texts]);
    let (part, author) = (Part::new(3, spread).unwrap(), "ann".parse().unwrap());
    let row = Row::Header { stream: stream(), id: ID, part, time: TIME, author };
    golden(row, &[&[9], ID.as_bytes(), TIME_BYTES, b"\x04demo\x03ann", b"\x03\0\x04\0\x02\x01\0\0"]);
}

#[test]
fn likes_have_these_bytes_on_every_version() {
    let like =
        |liked| Row::Like { comment: ID, viewer: ANN, register: Register { stamp: Stamp::new(5).unwrap(), liked } };
    let (liked, unliked) = ([10, 0, 0, 0, 0, 0, 0, 0], [11, 0, 0, 0, 0, 0, 0, 0]);
    golden(like(true), &[&[2], ID.as_bytes(), ANN.as_bytes(), &liked]);
    let second = [&[3], &ANN.as_bytes()[..], &unliked].concat();
    let both = [&[1, 2], &ID.as_bytes()[..], ANN.as_bytes(), &liked, &second].concat();
    assert_eq!(encoded(&[like(true), like(false)]), both, "the second of one comment does not name it again");
    assert_eq!(decoded(&both), Ok(vec![like(true), like(false)]));
}

#[test]
fn a_deletion_has_these_bytes_on_every_version() {
    golden(Row::Deletion { comment: ID }, &[&[4], ID.as_bytes()]);
}

#[test]
fn pins_have_these_bytes_on_every_version() {
    let pin = |comment| Row::Pin { stream: stream(), time: TIME, comment };
    golden(pin(Some(ID)), &[&[5], TIME_BYTES, ID.as_bytes(), b"\x04demo"]);
    golden(pin(None), &[&[6], TIME_BYTES, b"\x04demo"]);
}

#[test]
fn taps_have_these_bytes_on_every_version() {
    let row = Row::Taps { stream: stream(), reporter: 0x1112, counts: taps(&[("heart", 3), ("clap", 258)]) };
    let (clap, heart) = (b"\x04clap\x02\x01\0\0\0\0\0\0", b"\x05heart\x03\0\0\0\0\0\0\0");
    golden(row, &[b"\x07\x12\x11\0\0\0\0\0\0", b"\x04demo", &[2], clap, heart]);
}

#[test]
fn a_body_without_rows_is_its_format() {
    assert_eq!(encoded(&[]), [1]);
    assert_eq!(decoded(&[1]), Ok(vec![]));
    assert_eq!(Decoder::new(&[]).unwrap_err(), None);
    assert_eq!(Decoder::new(&[2, 4]).unwrap_err(), Some(2));
}

#[test]
fn a_like_between_rows_of_other_kinds_still_knows_its_comment() {
    let register = Register { stamp: Stamp::new(5).unwrap(), liked: true };
    let like = Row::Like { comment: ID, viewer: ANN, register };
    let rows = [like.clone(), Row::Deletion { comment: CommentId::from_bytes([9; 16]) }, like];
    assert_eq!(decoded(&encoded(&rows)).as_deref(), Ok(&rows[..]));
}

/// Bytes after the format; why they are refused.
fn refused(parts: &[&[u8]]) -> String {
    decoded(&[&[1], &parts.concat()[..]].concat()).expect_err("it is refused").to_string()
}

#[test]
fn what_is_not_within_its_limits_is_refused() {
    let number = 5_u64.to_le_bytes();
    assert_eq!(refused(&[&[0]]), "there is no row of tag 0");
    assert_eq!(refused(&[&[10]]), "there is no row of tag 10");
    assert_eq!(refused(&[&[8, 4, 0, 0, 0, 0, 0, 4]]), "there is no row of tag 4", "a spread is that of a comment");
    assert_eq!(refused(&[&[8, 0, 0, 0, 0, 0, 0]]), "spread is 0, 1 to 256 are allowed");
    assert_eq!(refused(&[&[3], ANN.as_bytes(), &number]), "a like names no comment, and there is none before it");
    let zero = refused(&[&[2], ID.as_bytes(), ANN.as_bytes(), &[1, 0, 0, 0, 0, 0, 0, 0]]);
    assert!(zero.starts_with("stamp is 0, 1 to "), "{zero}");
    assert_eq!(refused(&[&[6], &number, b"\x02\xff\xff"]), "text is not UTF-8");
    assert_eq!(refused(&[&[6], &number, b"\x00"]), "stream is 0 bytes, 1 to 64 fit");
    let head = [&[7], &number[..], b"\x04demo"].concat();
    let heart = [b"\x05heart", &number[..]].concat();
    assert_eq!(refused(&[&head, &[2], &heart, &heart]), "taps of \"heart\" come twice");
    assert_eq!(refused(&[&head, &[17]]), "kinds of taps is 17, 0 to 16 are allowed");
    let many = (1_u64 << 53).to_le_bytes();
    let why = "taps is 9007199254740992, 0 to 9007199254740991 are allowed";
    assert_eq!(refused(&[&head, &[1], b"\x05heart", &many]), why);
    let comment = [&[1], &ID.as_bytes()[..], &number, b"\x04demo\x03ann\x03Ann"].concat();
    assert_eq!(refused(&[&comment, b"\x01\x00 "]), "comment: comment holds nothing visible");
    let long = [&4_001_u16.to_le_bytes()[..], &[b'x'; 4_001]].concat();
    assert_eq!(refused(&[&comment, &long]), "comment: comment is 4001 bytes, at most 4000 fit");
}

#[test]
fn a_body_that_ends_anywhere_within_a_row_is_refused() {
    let register = Register { stamp: Stamp::new(5).unwrap(), liked: true };
    let rows = [
        Row::Comment { stream: stream(), comment: comment(), spread: Spread::WHOLE },
        Row::Like { comment: ID, viewer: ANN, register },
        Row::Like { comment: ID, viewer: ViewerKey::from_bytes([3; 16]), register },
        Row::Pin { stream: stream(), time: TIME, comment: Some(ID) },
        Row::Pin { stream: stream(), time: TIME, comment: None },
        Row::Taps { stream: stream(), reporter: 7, counts: taps(&[("heart", 3), ("clap", 258)]) },
        Row::Deletion { comment: ID },
    ];
    let body = encoded(&rows);
    assert_eq!(decoded(&body).as_deref(), Ok(&rows[..]));
    let ends: Vec<usize> = (0..=rows.len()).map(|n| encoded(&rows[..n]).len()).collect();
    for length in 1..body.len() {
        let rows_before = ends.iter().position(|end| *end == length);
        match decoded(&body[..length]) {
            Ok(read) => assert_eq!(Some(read.len()), rows_before, "{length} bytes"),
            Err(why) => assert_eq!((why, rows_before), (RowError::Short, None), "{length} bytes"),
        }
    }
}

fn text(pattern: &str) -> impl Strategy<Value = String> + use<> {
    string_regex(pattern).unwrap()
}

fn id() -> impl Strategy<Value = CommentId> {
    // Few, so that likes of one comment follow each other.
    prop_oneof![(0..3u8).prop_map(|n| [n; 16]), any::<[u8; 16]>()].prop_map(CommentId::from_bytes)
}

fn time() -> impl Strategy<Value = HybridTime> {
    any::<u64>().prop_map(HybridTime::from_bits)
}

fn stream_id() -> impl Strategy<Value = StreamId> {
    text("[A-Za-z0-9._-]{1,64}").prop_map(|name| name.parse().unwrap())
}

fn any_comment() -> impl Strategy<Value = Comment> {
    let names = (text("[A-Za-z0-9._-]{1,64}"), text("[a-zÄ👋 ]{0,20}x"), text("[a-z\n é👋]{0,900}x"));
    (id(), time(), names).prop_map(|(id, time, (author, name, body))| Comment {
        id,
        time,
        author: author.parse().unwrap(),
        name: DisplayName::new(&name).unwrap(),
        body: CommentBody::new(&body, limits::BODY_BYTES_MAX).unwrap(),
    })
}

fn spread() -> impl Strategy<Value = Spread> {
    (1..=limits::SPREAD_MAX, any::<u32>()).prop_map(|(parts, generation)| match parts {
        1 => Spread::WHOLE,
        parts => Spread::new(parts, generation).unwrap(),
    })
}

fn row() -> impl Strategy<Value = Row> {
    let counts = prop::collection::btree_map(text("[a-z0-9_-]{1,32}"), 0..=TAPS_MAX, 0..=16);
    let counts = counts.prop_map(|counts| {
        counts.into_iter().map(|(kind, count)| (ReactionKind::new(&kind).unwrap(), count)).collect::<Reactions>()
    });
    let register = (1..=limits::STAMP_MAX, any::<bool>())
        .prop_map(|(stamp, liked)| Register { stamp: Stamp::new(stamp).unwrap(), liked });
    prop_oneof![
        1 => (stream_id(), any_comment(), spread())
            .prop_map(|(stream, comment, spread)| Row::Comment { stream, comment, spread }),
        1 => (stream_id(), any_comment(), spread(), any::<prop::sample::Index>()).prop_map(|(stream, comment, spread, index)| {
            let part = Part::new(index.index(spread.count().into()) as u16, spread).unwrap();
            Row::Header { stream, id: comment.id, part, time: comment.time, author: comment.author }
        }),
        4 => (id(), any::<[u8; 16]>(), register).prop_map(|(comment, viewer, register)| Row::Like {
            comment,
            viewer: ViewerKey::from_bytes(viewer),
            register,
        }),
        1 => id().prop_map(|comment| Row::Deletion { comment }),
        1 => (stream_id(), time(), prop::option::of(id()))
            .prop_map(|(stream, time, comment)| Row::Pin { stream, time, comment }),
        1 => (stream_id(), any::<u64>(), counts)
            .prop_map(|(stream, reporter, counts)| Row::Taps { stream, reporter, counts }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_written_is_read(rows in prop::collection::vec(row(), 0..20)) {
        prop_assert_eq!(decoded(&encoded(&rows)), Ok(rows));
    }

    /// Bytes like those of rows, so that decoding gets beyond the first.
    #[test]
    fn any_bytes_are_rows_or_an_error(
        rows in prop::collection::vec(row(), 0..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        tail in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut body = [encoded(&rows), tail].concat();
        for (at, byte) in damage {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body[0] = ROWS_FORMAT;
        if let Ok(rows) = decoded(&body) {
            prop_assert_eq!(decoded(&encoded(&rows)), Ok(rows), "what was read can be written");
        }
    }

    #[test]
    fn any_bytes_at_all_are_rows_or_an_error(body in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(mut decoder) = Decoder::new(&body) {
            while let Ok(Some(_)) = decoder.next() {}
        }
    }
}
