//! Golden bytes of the messages between nodes: nodes of one version must read each other for ever.

use std::sync::Arc;

use proptest::prelude::*;

use super::{feed::*, report::*, uplink::*, *};
use crate::{
    Comment, CommentBody, CommentId, Delta, DisplayName, Epoch, HybridTime, Ordinal, Part, Position, Register, Seq,
    Shown, Slot, Spread, Stamp, StreamId, Tally, ViewerKey,
    client::{Code, Refusal},
};

fn id(n: u8) -> CommentId {
    CommentId::from_bytes([n; 16])
}

fn stream() -> StreamId {
    "demo".parse().unwrap()
}

fn slot(n: u16) -> Slot {
    Slot::new(n).unwrap()
}

fn comment() -> Comment {
    Comment {
        id: id(0x11),
        time: HybridTime::from_bits(5),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new("hi", 10).unwrap(),
    }
}

fn like(number: u64, part: Part) -> LikeRow {
    let register = Register { stamp: Stamp::new(9).unwrap(), liked: true };
    LikeRow { number, stream: 0, comment: id(0x11), viewer: ViewerKey::from_bytes([2; 16]), register, part }
}

fn batch() -> WriteBatch {
    let mut likes = LikeColumns::default();
    likes.push(like(1, Part::WHOLE));
    likes.push(like(2, Part::new(1, Spread::new(4, 7).unwrap()).unwrap()));
    let Comment { id: comment, author, name, body, .. } = comment();
    WriteBatch {
        map_epoch: Epoch::new(2),
        slots: vec![(slot(0x111), Epoch::new(3))],
        streams: vec![stream()],
        likes,
        comments: vec![CommentWrite {
            number: 3,
            stream: 0,
            id: comment,
            author: author.clone(),
            name,
            body,
            spread: Spread::WHOLE,
        }],
        headers: vec![HeaderWrite {
            number: 7,
            stream: 0,
            id: comment,
            author: author.clone(),
            part: Part::new(1, Spread::new(4, 7).unwrap()).unwrap(),
        }],
        deletes: vec![DeleteWrite {
            number: 4,
            stream: 0,
            id: comment,
            viewer: author,
            moderator: false,
            part: Part::WHOLE,
        }],
        pins: vec![PinWrite { number: 5, stream: 0, slot: slot(0x111), id: None }],
        reactions: vec![ReactionWrite { number: 6, stream: 0, slot: slot(1), reporter: 8, counts: Default::default() }],
    }
}

fn report() -> Report {
    let tally = Tally { epoch: Epoch::new(3), version: Position::new(6), count: 2 };
    Report {
        stream: stream(),
        epoch: Epoch::new(4),
        resync: false,
        spans: vec![Span { slot: slot(0x111), epoch: Epoch::new(3), from: Position::new(5), to: Position::new(6) }],
        comments: vec![Arc::new(comment())],
        tallies: vec![TallyRow { id: id(0x11), part: Part::WHOLE, tally }],
        deleted: vec![],
        pin: None,
        reactions: None,
        total: 1,
        top: None,
    }
}

fn golden<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(message: T, hex: &str) {
    let bytes = encode(&message);
    let shown: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(shown, hex);
    assert_eq!(decode::<T>(&bytes).unwrap(), message);
    for cut in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..cut]).is_err(), "cut at {cut}");
    }
}

#[test]
fn writes_are_these_bytes() {
    golden(
        ToProcessor::Writes(batch()),
        "81a657726974657399029192cd01110391a464656d6f96c41001000000000000000200000000000000c40400000000c4201111111111111111111111111111111111111111111111111111111111111111c4200202020202020202020202020202020202020202020202020202020202020202c410120000000000000012000000000000009192019301040791970300c41011111111111111111111111111111111a3616e6ea3416e6ea2686992010091950700c41011111111111111111111111111111111a3616e6e9301040791960400c41011111111111111111111111111111111a3616e6ec29300010091940500cd0111c091950600010880",
    );
}

#[test]
fn questions_are_these_bytes() {
    golden(
        ToProcessor::Query { number: 1, query: Query::History { stream: stream(), before: None, limit: 9 } },
        "81a55175657279920181a7486973746f727993a464656d6fc009",
    );
    golden(
        ToProcessor::Query { number: 1, query: Query::Order { stream: stream(), id: id(1) } },
        "81a55175657279920181a54f7264657292a464656d6fc41001010101010101010101010101010101",
    );
    let viewer = ViewerKey::from_bytes([2; 16]);
    golden(
        ToProcessor::Query {
            number: 1,
            query: Query::Likes { stream: stream(), viewer, comments: vec![(slot(1), id(1))] },
        },
        "81a55175657279920181a54c696b657393a464656d6fc41002020202020202020202020202020202919201c41001010101010101010101010101010101",
    );
    golden(
        ToProcessor::Query { number: 1, query: Query::Totals { stream: stream() } },
        "81a55175657279920181a6546f74616c7391a464656d6f",
    );
}

#[test]
fn answers_are_these_bytes() {
    let refusal = Refusal::retry(Code::Unavailable, 900, "no");
    let answers = AnswerBatch {
        likes: vec![(1, 18)],
        done: vec![2],
        refused: vec![(3, refusal)],
        moved: vec![4],
        map_epoch: Epoch::new(2),
    };
    golden(
        FromProcessor::Answers(answers),
        "81a7416e73776572739591920112910291920393ab756e617661696c61626c65a26e6fcd0384910402",
    );
    golden(FromProcessor::Reply { number: 1, reply: Reply::Order(None) }, "81a55265706c79920181a54f72646572c0");
    golden(
        FromProcessor::Reply { number: 1, reply: Reply::Counts(vec![3, 0]) },
        "81a55265706c79920181a6436f756e7473920300",
    );
    golden(FromProcessor::Reply { number: 1, reply: Reply::Unavailable }, "81a55265706c799201ab556e617661696c61626c65");
}

#[test]
fn reports_are_these_bytes() {
    golden(
        ToMerger::Report(report()),
        "81a65265706f72749ba464656d6f04c29194cd01110305069195c4101111111111111111111111111111111105a3616e6ea3416e6ea268699193c41011111111111111111111111111111111930001009303060290c0c001c0",
    );
    let from = From::Merged(vec![(slot(1), Position::new(2))]);
    golden(
        FromMerger::Open { stream: stream(), epoch: Epoch::new(4), from },
        "81a44f70656e93a464656d6f0481a64d657267656491920102",
    );
    let comments = vec![(id(1), Spread::new(4, 7).unwrap())];
    golden(
        FromMerger::Count { stream: stream(), epoch: Epoch::new(4), comments },
        "81a5436f756e7493a464656d6f049192c41001010101010101010101010101010101920407",
    );
    golden(FromMerger::Close { stream: stream() }, "81a5436c6f736591a464656d6f");
}

#[test]
fn feeds_are_these_bytes() {
    let have = Some((Epoch::new(4), Seq::new(2)));
    golden(ToFeed::Subscribe { stream: stream(), have, viewers: 3 }, "81a953756273637269626593a464656d6f92040203");
    golden(ToFeed::Viewers(vec![(stream(), 3)]), "81a7566965776572739192a464656d6f03");
    let delta = Delta::empty(Epoch::new(4), Seq::new(2), Seq::new(3));
    golden(FromFeed::Frame { stream: stream(), delta }, "81a54672616d6592a464656d6f9e040203909090c0c0c0c000009090");
    let ordinal = Some(Ordinal::FIRST);
    let mut delta = Delta::empty(Epoch::new(4), Seq::new(2), Seq::new(3));
    delta.comments = vec![Shown { comment: Arc::new(comment()), likes: 1, ordinal }];
    (delta.likes, delta.likes_ordinals) = (vec![(id(0x11), 2), (id(1), 3)], vec![ordinal, None]);
    (delta.deleted, delta.deleted_ordinals) = (vec![id(0x11)], vec![ordinal]);
    golden(
        FromFeed::Frame { stream: stream(), delta },
        "81a54672616d6592a464656d6f9e040203919395c4101111111111111111111111111111111105a3616e6ea3416e6ea2686901019292c410111111111111111111111111111111110292c410010101010101010101010101010101010391c41011111111111111111111111111111111c0c0c0c000009201c09101",
    );
    golden(
        FromFeed::Unknown { stream: stream(), epoch: Epoch::new(4), seq: Seq::new(9) },
        "81a7556e6b6e6f776e93a464656d6f0409",
    );
}

#[test]
fn a_frame_of_a_node_that_knows_no_ordinals_is_read() {
    let bytes: Vec<u8> = [
        &b"\x81\xa5Frame\x92\xa4demo\x9c\x04\x02\x03\x90\x91\x92\xc4\x10"[..],
        &[1; 16],
        b"\x03\x90\xc0\xc0\xc0\xc0\x00\x00",
    ]
    .concat();
    let FromFeed::Frame { delta, .. } = decode(&bytes).unwrap() else { panic!("not a frame") };
    assert_eq!(delta.likes_numbered().collect::<Vec<_>>(), [(id(1), None, 3)]);
}

#[test]
fn columns_that_do_not_fit_together_are_refused() {
    type Raw = (
        serde_bytes::ByteBuf,
        serde_bytes::ByteBuf,
        serde_bytes::ByteBuf,
        serde_bytes::ByteBuf,
        serde_bytes::ByteBuf,
        Vec<(u32, Part)>,
    );
    let column = |bytes: usize| serde_bytes::ByteBuf::from(vec![1u8; bytes]);
    let fits: Raw = (column(8), column(2), column(16), column(16), column(8), vec![]);
    // 0x0101…01 is a like whose stamp is beyond 2^53.
    assert!(decode::<LikeColumns>(&encode(&fits)).unwrap_err().to_string().contains("stamp"));
    let short: Raw = (column(8), column(2), column(15), column(16), column(8), vec![]);
    assert!(decode::<LikeColumns>(&encode(&short)).unwrap_err().to_string().contains("fit together"));
}

proptest! {
    #[test]
    fn no_bytes_break_the_decoders(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (decode::<ToProcessor>(&bytes), decode::<FromProcessor>(&bytes));
        let _ = (decode::<ToMerger>(&bytes), decode::<FromMerger>(&bytes));
        let _ = (decode::<ToFeed>(&bytes), decode::<FromFeed>(&bytes));
    }
}
