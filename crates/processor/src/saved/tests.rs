//! Golden bytes of every row of the store, and that any bytes are a row or an error.

use proptest::prelude::*;

use watershed_protocol::{CommentBody, DisplayName, Spread};

use super::*;

fn place(slot: u16, written: u64) -> Place {
    Place { slot: Slot::new(slot).unwrap(), written: Position::new(written) }
}

const RANGE: PageRange = PageRange { first: 256, shift: 8 };

fn id(n: u8) -> CommentId {
    CommentId::from_bytes([n; 16])
}

fn counts() -> Reactions {
    [("clap", 2), ("heart", 300)]
        .into_iter()
        .map(|(kind, count)| (kind.to_owned().try_into().unwrap(), count))
        .collect()
}

fn rows() -> Vec<(Saved, &'static str)> {
    let comment = Comment {
        id: id(7),
        time: HybridTime::from_bits(0x0102),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new("hi", 10).unwrap(),
    };
    let deleted =
        SavedComment::Deleted { id: id(7), time: HybridTime::from_bits(0x0102), author: "ann".parse().unwrap() };
    let header =
        SavedComment::Header { id: id(7), time: HybridTime::from_bits(0x0102), author: "ann".parse().unwrap() };
    let spread = Spread::new(4, 0).unwrap();
    let part = Part::new(2, spread).unwrap();
    let (stream, words) = ("demo".parse::<StreamId>().unwrap(), 5u128);
    let pin = SavedPin { time: HybridTime::from_bits(9), position: Position::new(8), comment: Some(id(7)) };
    let taps = SavedTaps { version: Position::new(6), reporters: [(5, counts())].into() };
    vec![
        (
            Saved::Viewers { first: 258, keys: vec![ViewerKey::from_bytes([1; 16])] },
            "viewers 00000102 01 01010101010101010101010101010101",
        ),
        (
            Saved::Comment {
                place: place(3, 4),
                words,
                stream: stream.clone(),
                part: Part::WHOLE,
                comment: SavedComment::Live(comment.clone()),
            },
            "content 00030000000000000004 01 07070707070707070707070707070707 0201000000000000 \
             05000000000000000000000000000000 00 0464656d6f 03616e6e 03416e6e 02006869",
        ),
        (
            Saved::Comment {
                place: place(3, 4),
                words,
                stream: stream.clone(),
                part: Part::WHOLE,
                comment: deleted.clone(),
            },
            "content 00030000000000000004 01 07070707070707070707070707070707 0201000000000000 \
             05000000000000000000000000000000 01 0464656d6f 03616e6e",
        ),
        (
            Saved::Comment {
                place: place(3, 4),
                words,
                stream: stream.clone(),
                part: spread.home(),
                comment: SavedComment::Live(comment),
            },
            "content 00030000000000000004 01 07070707070707070707070707070707 0201000000000000 \
             05000000000000000000000000000000 80 0464656d6f 03616e6e 0000 0400 00000000 03416e6e 02006869",
        ),
        (
            Saved::Comment { place: place(3, 4), words: 0, stream: stream.clone(), part, comment: header },
            "content 00030000000000000004 01 07070707070707070707070707070707 0201000000000000 \
             00000000000000000000000000000000 82 0464656d6f 03616e6e 0200 0400 00000000",
        ),
        (
            Saved::Comment { place: place(3, 4), words: 0, stream: stream.clone(), part, comment: deleted },
            "content 00030000000000000004 01 07070707070707070707070707070707 0201000000000000 \
             00000000000000000000000000000000 81 0464656d6f 03616e6e 0200 0400 00000000",
        ),
        (
            Saved::Version { place: place(3, 4), version: Position::new(9) },
            "metrics 0003000000000000000400 01 0900000000000000",
        ),
        (
            Saved::Page { place: place(3, 4), range: RANGE, cells: vec![(256, 1_000), (300, 1_300)] },
            "metrics 00030000000000000004020000010018 01 0200 e803000000000000 00 00 2c ac02",
        ),
        (
            Saved::Shelf { slot: Slot::new(3).unwrap(), stream: stream.clone(), pin: Some(pin), taps },
            "shelves 000364656d6f 01 01 0900000000000000 0800000000000000 01 07070707070707070707070707070707 \
             0600000000000000 0100 0500000000000000 02 04636c6170 0200000000000000 056865617274 2c01000000000000",
        ),
        (
            Saved::Shelf { slot: Slot::new(3).unwrap(), stream, pin: None, taps: SavedTaps::default() },
            "shelves 000364656d6f 01 00 0000000000000000 0000",
        ),
    ]
}

#[test]
fn every_row_has_its_golden_bytes_and_comes_back() {
    for (saved, golden) in rows() {
        let SavedRow { keyspace, key, value } = saved.encode();
        let value = value.unwrap();
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let words: Vec<&str> = golden.split_whitespace().collect();
        assert_eq!((keyspace.name(), hex(&key), hex(&value)), (words[0], words[1].to_owned(), words[2..].concat()));
        assert_eq!(Saved::decode(keyspace, &key, &value), Ok(saved));
    }
}

#[test]
fn a_row_that_ends_anywhere_early_or_goes_on_is_refused() {
    for (saved, _) in rows() {
        let SavedRow { keyspace, key, value } = saved.encode();
        let mut value = value.unwrap();
        for length in (1..value.len()).filter(|length| keyspace != Keyspace::Viewers || (length - 1) % 16 != 0) {
            assert!(Saved::decode(keyspace, &key, &value[..length]).is_err(), "{length} of {saved:?}");
        }
        value.push(0);
        assert!(Saved::decode(keyspace, &key, &value).is_err(), "one byte more: {saved:?}");
    }
}

#[test]
fn a_checkpoint_survives_its_bytes() {
    let end = |epoch, position| SlotEnd { epoch: Epoch::new(epoch), position: Position::new(position) };
    let ends =
        [(Slot::new(5).unwrap(), end(2, 3)), (Slot::new(4_095).unwrap(), end(1, u64::MAX))].into_iter().collect();
    let checkpoint = Checkpoint { position: 77, ends };
    let bytes = checkpoint.encode();
    assert_eq!(Checkpoint::decode(&bytes), Ok(checkpoint));
    assert!(Checkpoint::decode(&[]).is_err() && Checkpoint::decode(&bytes[..bytes.len() - 1]).is_err());
    assert_eq!(
        Checkpoint::decode(&[2]).unwrap_err().to_string(),
        Invalid::Form { what: "checkpoint", why: "format Some(2) is not 1".into() }.to_string()
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_row_or_an_error(
        keyspace in prop::sample::select(Keyspace::ALL.to_vec()),
        key in prop::collection::vec(any::<u8>(), 0..24),
        value in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let value = [&[SAVED_FORMAT], &value[..]].concat();
        if let Ok(saved) = Saved::decode(keyspace, &key, &value) {
            let row = saved.encode();
            prop_assert_eq!((row.keyspace, row.key), (keyspace, key));
        }
    }
}
