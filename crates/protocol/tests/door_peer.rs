//! The door of a peer's message: contents that do not decode, do not fit together, or hold numbers that cannot be.
//!
//! A peer has shown the secret and the version before, so what is refused here is a bug of a node; its link is hung up with
//! these words in both logs. What reads well and makes no sense is fed to the machines by `watershed-hostile`.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde::{Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;
use watershed_protocol::{
    CommentId, Delta, Epoch, Part, Register, Seq, Spread, Stamp, ViewerKey, limits,
    peer::{
        decode, encode,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, ToMerger},
        uplink::{FromProcessor, LikeColumns, LikeRow, ToProcessor},
    },
};

#[track_caller]
fn refused<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8], words: &str) {
    let told = decode::<T>(bytes).unwrap_err().to_string();
    assert!(told.starts_with("peer message") && told.contains(words), "{told:?} says nothing of {words:?}");
    assert!(told.chars().count() < 300, "{told}");
}

/// A message with a field replaced by anything.
fn raw(message: impl Serialize) -> Vec<u8> {
    encode(&message).to_vec()
}

#[test]
fn what_does_not_decode_is_refused_in_short_words() {
    refused::<ToProcessor>(b"", "");
    refused::<ToProcessor>(&[0xc1], "");
    refused::<ToProcessor>(b"\x81\xa5Shout\x90", "unknown variant `Shout`");
    refused::<ToProcessor>(&[0x91; 5_000], "");
    refused::<FromFeed>(b"\x81\xa5Frame\x92\xa4demo\x93\x00\x00\x00", "");
    let long = "x".repeat(1_000_000);
    refused::<FromMerger>(&[b"\x81".to_vec(), raw(&long), b"\x90".to_vec()].concat(), "unknown variant `xxx");
    let large = vec![0; limits::PEER_FRAME_BYTES_MAX + 1];
    refused::<ToMerger>(&large, "is 8388609 bytes, 1 to 8388608 fit");
}

#[test]
fn lengths_that_the_bytes_do_not_hold_cost_nothing() {
    // Arrays, maps and bytes of four billion elements, where each message has its first list.
    for bomb in
        [&b"\xdd\xff\xff\xff\xff"[..], b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff"]
    {
        let with = |head: &[u8]| [head, bomb].concat();
        refused::<ToProcessor>(&with(b"\x81\xa6Writes\x98\x02"), "");
        refused::<ToProcessor>(&with(b"\x81\xa6Writes\x98\x02\x90\x90\x96"), "");
        refused::<FromProcessor>(&with(b"\x81\xa7Answers\x95"), "");
        refused::<ToMerger>(&with(b"\x81\xa6Report\x9a\xa4demo\x04\xc2"), "");
        refused::<FromMerger>(&with(b"\x81\xa4Open\x93\xa4demo\x04\x81\xa6Merged"), "");
        refused::<ToFeed>(&with(b"\x81\xa7Viewers"), "");
        refused::<FromFeed>(&with(b"\x81\xa5Frame\x92\xa4demo\x9c\x03\x01\x02"), "");
    }
}

#[test]
fn bytes_behind_a_message_are_not_dropped_without_a_word() {
    let message = raw(ToFeed::Viewers(vec![]));
    assert!(decode::<ToFeed>(&message).is_ok());
    refused::<ToFeed>(&[&message[..], b"\xc0"].concat(), "1 of its 11 bytes are left over");
    refused::<ToFeed>(&[&message[..], &message].concat(), "10 of its 20 bytes are left over");
}

#[test]
fn numbers_beyond_what_is_counted_are_refused_with_the_limit() {
    let max = limits::NUMBER_MAX;
    let ask = |epoch: u64, seq: u64| [&b"\x81\xa3Ask\x93\xa4demo"[..], &raw(epoch), &raw(seq)].concat();
    assert!(decode::<ToFeed>(&ask(max, max)).is_ok());
    refused::<ToFeed>(&ask(max + 1, 0), "epoch is 9007199254740992, 0 to 9007199254740991 are allowed");
    refused::<ToFeed>(&ask(0, u64::MAX), "seq is 18446744073709551615, 0 to 9007199254740991 are allowed");
    let merged = |slot: u64, position: u64| {
        [&b"\x81\xa4Open\x93\xa4demo\x04\x81\xa6Merged\x91\x92"[..], &raw(slot), &raw(position)].concat()
    };
    assert!(decode::<FromMerger>(&merged(4_095, max)).is_ok());
    refused::<FromMerger>(&merged(4_096, 0), "slot is 4096, 0 to 4095 are allowed");
    refused::<FromMerger>(&merged(65_536, 0), "");
    refused::<FromMerger>(&merged(7, max + 1), "position is 9007199254740992");
    refused::<FromMerger>(&[&b"\x81\xa4Open\x93\xa4demo\xff"[..], b"\xa7Nothing"].concat(), "");
}

#[test]
fn names_and_texts_are_checked_as_if_a_client_had_sent_them() {
    refused::<FromMerger>(b"\x81\xa5Close\x91\xa3a/b", "stream has '/' at byte 1");
    refused::<FromMerger>(b"\x81\xa5Close\x91\xa0", "stream is 0 bytes, 1 to 64 fit");
    refused::<FromMerger>(b"\x81\xa5Close\x91\xa1\xff", "");
    let comment = |body: &str, name: &str| {
        let id = ByteBuf::from([9; 16]);
        raw([(id, 5u64, "ann", name.to_owned(), body.to_owned())])
    };
    let history =
        |comment: Vec<u8>| [&b"\x81\xa5Reply\x92\x01\x81\xa7History\x91\x92"[..], &comment[1..], b"\x03"].concat();
    assert!(decode::<FromProcessor>(&history(comment("hi", "Ann"))).is_ok());
    refused::<FromProcessor>(&history(comment("\u{7}", "Ann")), "control character U+0007");
    refused::<FromProcessor>(&history(comment(&"x".repeat(4_001), "Ann")), "comment is 4001 bytes, at most 4000 fit");
    refused::<FromProcessor>(&history(comment("hi", "\n")), "control character U+000A");
}

#[test]
fn columns_that_do_not_fit_together_are_refused() {
    type Raw = (ByteBuf, ByteBuf, ByteBuf, ByteBuf, ByteBuf, Vec<(u32, (u16, u16, u32))>);
    let row = LikeRow {
        number: 1,
        stream: 0,
        comment: CommentId::from_bytes([1; 16]),
        viewer: ViewerKey::from_bytes([2; 16]),
        register: Register { stamp: Stamp::new(9).unwrap(), liked: true },
        part: Part::new(1, Spread::new(4, 7).unwrap()).unwrap(),
    };
    let mut likes = LikeColumns::default();
    likes.push(row);
    likes.push(LikeRow { number: 2, part: Part::WHOLE, ..row });
    let fits: Raw = decode(&encode(&likes)).unwrap();
    assert_eq!(
        decode::<LikeColumns>(&encode(&fits)).unwrap().iter().collect::<Vec<_>>(),
        likes.iter().collect::<Vec<_>>()
    );
    let told = |change: fn(&mut Raw)| {
        let mut raw: Raw = decode(&encode(&likes)).unwrap();
        change(&mut raw);
        refused::<LikeColumns>(&encode(&raw), "like columns: their lengths or parts do not fit together");
    };
    told(|raw| raw.0.truncate(15));
    told(|raw| raw.0.extend([0; 8]));
    told(|raw| raw.1.truncate(2));
    told(|raw| raw.2.truncate(31));
    told(|raw| raw.3.clear());
    told(|raw| raw.4.truncate(8));
    told(|raw| raw.5[0].0 = 2);
    told(|raw| raw.5.push((0, (0, 1, 0))));
    for (part, why) in
        [((4, 4, 7), "part is 4, 0 to 3"), ((0, 0, 7), "spread is 0, 1 to 256"), ((0, 257, 7), "spread is 257")]
    {
        let mut raw: Raw = decode(&encode(&likes)).unwrap();
        raw.5[0].1 = part;
        refused::<LikeColumns>(&encode(&raw), why);
    }
    let mut raw: Raw = fits;
    raw.4[..8].copy_from_slice(&1u64.to_le_bytes());
    refused::<LikeColumns>(&encode(&raw), "stamp is 0");
}

#[test]
fn a_frame_that_leads_nowhere_is_refused_by_the_view() {
    use watershed_protocol::{Pinned, Reactions, Snapshot, View};
    let snapshot = Snapshot {
        epoch: Epoch::new(3),
        seq: Seq::new(5),
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: vec![],
        comments: vec![],
    };
    for (from, to, taken) in [(5, 6, true), (5, 5, false), (5, 4, false), (5, 0, false), (4, 6, false), (6, 7, false)] {
        let mut view = View::new(&snapshot);
        let delta = Delta::empty(Epoch::new(3), Seq::new(from), Seq::new(to));
        assert_eq!(view.apply(&delta).is_ok(), taken, "from {from} to {to}");
    }
}
