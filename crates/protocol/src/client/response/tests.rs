//! Golden bytes of every message of the server, in each encoding: clients of other makers depend on them.

use std::sync::Arc;

use super::*;
use crate::{CommentBody, Epoch, HybridTime, Millis, Ordinal, ReactionKind, Seq, Stamp};

fn id() -> CommentId {
    CommentId::from_bytes([0x6f, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9])
}

fn shown() -> Shown {
    let comment = Comment {
        id: id(),
        time: HybridTime::at(Millis::new(1_763_900_000_000)),
        author: "bob".parse().unwrap(),
        name: DisplayName::new("Bob").unwrap(),
        body: CommentBody::new("hi", 1_000).unwrap(),
    };
    Shown { comment: Arc::new(comment), likes: 3, ordinal: Some(Ordinal::FIRST) }
}

fn hearts(count: u64) -> crate::Reactions {
    [(ReactionKind::new("heart").unwrap(), count)].into()
}

fn delta() -> Delta {
    let mut delta = Delta::empty(Epoch::new(3), Seq::new(41), Seq::new(42));
    delta.comments = vec![shown()];
    delta.likes = vec![(id(), 4)];
    delta.deleted = vec![id()];
    delta.pinned = Some(Pinned::Comment(shown()));
    delta.top = Some(Vec::new());
    delta.reactions = Some(hearts(11));
    delta.viewers = Some(1_201);
    (delta.shown, delta.total) = (1, 2);
    delta
}

fn snapshot() -> Snapshot {
    Snapshot {
        epoch: Epoch::new(3),
        seq: Seq::new(41),
        partial: false,
        viewers: 1_200,
        reactions: hearts(10),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: vec![shown()],
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Encodes in JSON and MessagePack, compares with the golden bytes, and reads back what is written in each encoding.
fn golden(message: Response, json: &str, message_pack: &str) {
    assert_eq!(String::from_utf8(message.encode(Encoding::Json)).unwrap(), json);
    assert_eq!(hex(&message.encode(Encoding::MessagePack)), message_pack);
    if !matches!(message, Response::Snapshot { .. } | Response::Delta { .. }) {
        assert_eq!(hex(&message.encode(Encoding::Compact)), message_pack);
        assert_eq!(hex(&message.encode(Encoding::CompactDeflate)), format!("00{message_pack}"));
    }
    for encoding in Encoding::ALL {
        assert_eq!(Response::decode(encoding, &message.encode(encoding)).unwrap(), message);
    }
}

const LINE: &str =
    r#"{"id":"6f1c0000000000000000000000000009","author":"bob","name":"Bob","body":"hi","at":1763900000000,"likes":3}"#;
const PACKED: &str = "96c4106f1c0000000000000000000000000009a3626f62a3426f62a26869cf0000019ab0a2070003";

#[test]
fn welcome_is_these_bytes() {
    let limits = Limits { comment_bytes: 1_000, comments_per_minute: 60, tap_interval_ms: 250, beat_ms: 20_000 };
    let message = Response::Welcome {
        viewer: "ann".parse().unwrap(),
        node: "b1".into(),
        stream: "demo".parse().unwrap(),
        placed: "b1".into(),
        limits,
    };
    let json = r#"{"type":"welcome","viewer":"ann","node":"b1","stream":"demo","placed":"b1","limits":{"comment_bytes":1000,"comments_per_minute":60,"tap_interval_ms":250,"beat_ms":20000}}"#;
    golden(message, json, "9600a3616e6ea26231a464656d6fa2623194cd03e83cccfacd4e20");
}

#[test]
fn snapshot_is_these_bytes() {
    let json = format!(
        r#"{{"type":"snapshot","epoch":3,"seq":41,"partial":false,"viewers":1200,"reactions":{{"heart":10}},"pinned":null,"top":[],"comments":[{LINE}]}}"#
    );
    golden(Response::from(&snapshot()), &json, &format!("99010329c2cd04b081a568656172740ac09091{PACKED}"));
}

#[test]
fn delta_is_these_bytes() {
    let json = format!(
        r#"{{"type":"delta","epoch":3,"from":41,"seq":42,"comments":[{LINE}],"likes":[["6f1c0000000000000000000000000009",4]],"deleted":["6f1c0000000000000000000000000009"],"pinned":{LINE},"top":[],"reactions":{{"heart":11}},"viewers":1201,"shown":1,"total":2}}"#
    );
    let id = "c4106f1c0000000000000000000000000009";
    let packed = format!("9d0203292a91{PACKED}9192{id}0491{id}91{PACKED}9081a568656172740bcd04b10102");
    golden(Response::from(&delta()), &json, &packed);
}

/// Encodes what all viewers share in the compact form, compares with the golden bytes, and reads it after a snapshot.
fn compact(plain: &[u8], deflated: &[u8], message: Response, golden: &str) {
    assert_eq!(hex(plain), golden);
    for (encoding, payload) in [(Encoding::Compact, plain), (Encoding::CompactDeflate, deflated)] {
        let mut names = Names::default();
        names.read(encoding, &snapshot().encode(encoding)).unwrap();
        assert_eq!(names.read(encoding, payload).unwrap(), message);
    }
}

#[test]
fn in_the_compact_form_a_comment_has_an_ordinal_and_is_called_by_it() {
    let line = format!("97{}01", &PACKED[2..]);
    let of = snapshot();
    let golden = format!("99010329c2cd04b081a568656172740ac09091{line}");
    compact(&of.encode(Encoding::Compact), &of.encode(Encoding::CompactDeflate), Response::from(&of), &golden);

    let mut of = delta();
    (of.likes_ordinals, of.deleted_ordinals) = (vec![Some(Ordinal::FIRST)], vec![Some(Ordinal::FIRST)]);
    let golden = format!("9d0203292a91{line}91920104910191{line}9081a568656172740bcd04b10102");
    compact(&of.encode(Encoding::Compact), &of.encode(Encoding::CompactDeflate), Response::from(&of), &golden);
}

#[test]
fn in_the_compact_form_a_comment_that_a_viewer_may_not_know_is_called_by_its_id() {
    let mut of = Delta::empty(Epoch::new(3), Seq::new(41), Seq::new(42));
    (of.likes, of.deleted, of.deleted_ordinals) = (vec![(id(), 4)], vec![id()], vec![None]);
    let id = "c4106f1c0000000000000000000000000009";
    let golden = format!("9d0203292a909192{id}0491{id}c0c0c0c00000");
    compact(&of.encode(Encoding::Compact), &of.encode(Encoding::CompactDeflate), Response::from(&of), &golden);
}

#[test]
fn a_deflated_message_of_another_maker_is_read() {
    let line = Line { body: "ha".repeat(100), likes: 0, ..Line::from(&shown()) };
    let mut of = Response::from(&Delta::empty(Epoch::new(3), Seq::new(41), Seq::new(42)));
    if let Response::Delta { comments, shown, total, .. } = &mut of {
        (*comments, *shown, *total) = (vec![line], 1, 1);
    }
    // Made with zlib.
    let deflated =
        "019bcbc4aca93571fa11817c190664c0b938293f69b1537ed2cd131989c3039e6760609cb561113b909a30e1001030320200";
    let deflated: Vec<u8> =
        (0..deflated.len()).step_by(2).map(|at| u8::from_str_radix(&deflated[at..at + 2], 16).unwrap()).collect();
    assert_eq!(Response::decode(Encoding::CompactDeflate, &deflated).unwrap(), of);
}

#[test]
fn an_unchanged_field_is_absent_and_an_unpinned_one_is_null() {
    let mut delta = Delta::empty(Epoch::new(3), Seq::new(41), Seq::new(42));
    let json = r#"{"type":"delta","epoch":3,"from":41,"seq":42,"shown":0,"total":0}"#;
    golden(Response::from(&delta), json, "9d0203292a909090c0c0c0c00000");
    delta.pinned = Some(Pinned::Nothing);
    let json = r#"{"type":"delta","epoch":3,"from":41,"seq":42,"pinned":null,"shown":0,"total":0}"#;
    golden(Response::from(&delta), json, "9d0203292a90909090c0c0c00000");
}

#[test]
fn beat_and_move_are_these_bytes() {
    golden(Response::Beat { epoch: 3, seq: 42 }, r#"{"type":"beat","epoch":3,"seq":42}"#, "9303032a");
    golden(
        Response::Move { url: "ws://b2".into(), after_ms: 1_200 },
        r#"{"type":"move","url":"ws://b2","after_ms":1200}"#,
        "9306a777733a2f2f6232cd04b0",
    );
}

#[test]
fn ack_and_reject_are_these_bytes() {
    let reference = Ref::new("k3f9-1").unwrap();
    let register = Register { stamp: Stamp::new(1_763_900_000_001).unwrap(), liked: true };
    golden(
        Response::ack_like(reference.clone(), id(), register),
        r#"{"type":"ack","ref":"k3f9-1","id":"6f1c0000000000000000000000000009","liked":true,"stamp":1763900000001}"#,
        "9504a66b3366392d31c4106f1c0000000000000000000000000009c3cf0000019ab0a20701",
    );
    golden(
        Response::ack(reference.clone(), Some(id())),
        r#"{"type":"ack","ref":"k3f9-1","id":"6f1c0000000000000000000000000009"}"#,
        "9504a66b3366392d31c4106f1c0000000000000000000000000009c0c0",
    );
    golden(
        Response::reject(Some(reference), Refusal::retry(Code::RateLimited, 900, "60 comments a minute are allowed")),
        r#"{"type":"reject","ref":"k3f9-1","code":"rate_limited","message":"60 comments a minute are allowed","retry_after_ms":900}"#,
        "9505a66b3366392d31ac726174655f6c696d69746564d920363020636f6d6d656e74732061206d696e7574652061726520616c6c6f776564cd0384",
    );
    golden(
        Response::reject(None, Refusal::last(Code::BadJson, "no")),
        r#"{"type":"reject","ref":null,"code":"bad_json","message":"no"}"#,
        "9505c0a86261645f6a736f6ea26e6fc0",
    );
}

#[test]
fn broken_bytes_are_errors() {
    for bytes in [&[][..], &[0x93, 0x07], &[0x93, 0x03, 0x03], &[0xc1], b"{}"] {
        assert!(Response::decode(Encoding::MessagePack, bytes).is_err());
        assert!(Response::decode(Encoding::Json, bytes).is_err());
    }
}
