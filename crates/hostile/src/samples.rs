//! True messages of every kind, to be made wrong.
//!
//! Built by the encoders themselves, so they are true for as long as the encoders are; what must never change is held by
//! the golden bytes of each crate. Invariant: each door takes all of its samples.

mod durable;
mod frames;

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use watershed_link::{Hello, Input, Link, LinkConfig, Output, Secret};
use watershed_log::{Base, LogConfig, MemoryDisk, Section, SegmentId, recover};
use watershed_placement::Map;
use watershed_processor::{Checkpoint, Config, Keyspace, Processor, SavedRow};
use watershed_protocol::{
    ClusterKey, Comment, CommentBody, CommentId, Delta, DisplayName, Epoch, HybridTime, Millis, NodeName, OrderKey,
    Ordinal, Part, Pinned, Position, ReactionKind, Reactions, Ref, Register, Role, Seq, Shown, Slot, Snapshot, Spread,
    Stamp, StreamId, Tally, ViewerKey,
    client::{Code, Encoding, Limits, Refusal, Response},
    peer::{PeerId, encode, feed::*, report, report::*, uplink::*},
};

pub(crate) use durable::*;
pub(crate) use frames::client_frames;

/// When the machines of this crate begin.
pub(crate) const NOW: Millis = Millis::new(1_763_900_000_000);
/// The epoch of the one stream.
pub(crate) const STREAM_EPOCH: u64 = 3;

pub(crate) fn node(name: &str) -> NodeName {
    name.parse().expect("a node's name")
}

pub(crate) fn slot(number: u16) -> Slot {
    Slot::new(number).expect("a slot")
}

pub(crate) fn stream() -> StreamId {
    "demo".parse().expect("a stream's name")
}

/// A comment of slot 2.
pub(crate) fn id(n: u8) -> CommentId {
    let mut bytes = [n; 16];
    (bytes[0], bytes[1]) = (0x00, 0x2f);
    CommentId::from_bytes(bytes)
}

/// A comment of slot 4,095, whose steps from part to part are one: its last part lies in slot 2.
fn far() -> CommentId {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&[0xff, 0xf0, 0, 0]);
    CommentId::from_bytes(bytes)
}

/// A part of a comment that is spread in four.
fn part(index: u16) -> Part {
    Part::new(index, Spread::new(4, 0).expect("four parts")).expect("one of them")
}

/// The map of a cluster with one processor.
pub(crate) fn map() -> Arc<Map> {
    Arc::new(Map::found(ClusterKey::from_bytes([7; 32]), &[node("p1")]).expect("a map"))
}

pub(crate) fn link_config() -> LinkConfig {
    LinkConfig::new(Secret::new("of this cluster").expect("a secret"))
}

pub(crate) fn hello(name: &str) -> Hello {
    let role = if name.starts_with('p') { Role::Processor } else { Role::Broadcast };
    let (map_epoch, root_epoch) = (Epoch::new(3), Epoch::new(4));
    Hello { role, node: node(name), incarnation: 7, url: "http://127.0.0.1:8080".into(), map_epoch, root_epoch }
}

fn viewer(n: u8) -> ViewerKey {
    ViewerKey::from_bytes([n; 16])
}

fn register(stamp: u64, liked: bool) -> Register {
    Register { stamp: Stamp::new(stamp).expect("a stamp"), liked }
}

fn comment(n: u8) -> Comment {
    Comment {
        id: id(n),
        time: HybridTime::at(NOW),
        author: "ann".parse().expect("a viewer's name"),
        name: DisplayName::new("Ann").expect("a name"),
        body: CommentBody::new("hi there, Jürgen ❤", 100).expect("a body"),
    }
}

fn shown(n: u8) -> Shown {
    Shown { comment: Arc::new(comment(n)), likes: 3, ordinal: ordinal(n) }
}

fn ordinal(n: u8) -> Option<Ordinal> {
    Ordinal::try_from(u64::from(n)).ok()
}

fn reactions() -> Reactions {
    [("heart", 10), ("clap", 1_000_000)].map(|(kind, count)| (ReactionKind::new(kind).expect("a kind"), count)).into()
}

fn tally(n: u8, part: Part) -> TallyRow {
    let tally = Tally { epoch: Epoch::new(1), version: Position::new(4), count: 2 };
    TallyRow { id: id(n), part, tally }
}

fn snapshot() -> Snapshot {
    Snapshot {
        epoch: Epoch::new(STREAM_EPOCH),
        seq: Seq::new(41),
        partial: true,
        viewers: 1_200,
        reactions: reactions(),
        pinned: Pinned::Comment(shown(9)),
        top: vec![shown(8)],
        comments: vec![shown(1), shown(2)],
    }
}

fn delta(from: u64) -> Delta {
    Delta {
        comments: vec![shown(3)],
        likes: vec![(id(1), 300), (id(2), 0)],
        deleted: vec![id(9)],
        pinned: Some(Pinned::Nothing),
        top: Some(vec![]),
        reactions: Some(reactions()),
        viewers: Some(1_201),
        shown: 1,
        total: 2,
        likes_ordinals: vec![ordinal(1), None],
        deleted_ordinals: vec![ordinal(9)],
        ..Delta::empty(Epoch::new(STREAM_EPOCH), Seq::new(from), Seq::new(from + 1))
    }
}

pub(crate) fn requests_json() -> Vec<Vec<u8>> {
    let id = id(9);
    let texts = [
        r#"{"type":"comment","ref":"k3f9-1","body":"hello \u00e9\n\"there\""}"#.to_owned(),
        r#"{"type":"comment","body":"x","mood":{"deep":[1,2.5e3,null,true]}}"#.into(),
        format!(r#"{{"type":"like","ref":"k3f9-2","id":"{id}","stamp":1763900000001}}"#),
        format!(r#"{{"type":"unlike","id":"{id}"}}"#),
        r#"{"type":"react","kind":"heart","count":3}"#.into(),
        format!(r#"{{"type":"delete","ref":"k3f9-4","id":"{id}"}}"#),
        r#" {"type":"pin","ref":"k3f9-6","id":null} "#.into(),
    ];
    texts.map(String::into_bytes).into()
}

pub(crate) fn requests_message_pack() -> Vec<Vec<u8>> {
    let id = [&[0xc4, 0x10][..], id(9).as_bytes()].concat();
    vec![
        b"\x93\x00\xa1a\xa5hello".into(),
        b"\x94\x00\xc0\xa5hello\x92\x01\xc3".into(),
        [b"\x94\x01\xa1a", &id[..], &[0xcf, 0, 0, 1, 0x9a, 0xb0, 0xa2, 7, 1]].concat(),
        [b"\x94\x02\xc0", &id[..], b"\xc0"].concat(),
        b"\x93\x03\xa5heart\x03".into(),
        [b"\x93\x04\xa1a", &id[..]].concat(),
        b"\x93\x05\xa1a\xc0".into(),
    ]
}

fn responses() -> Vec<Response> {
    let reference = Ref::new("k3f9-1").expect("a ref");
    let limits = Limits { comment_bytes: 1_000, comments_per_minute: 60, tap_interval_ms: 250, beat_ms: 20_000 };
    vec![
        Response::Welcome {
            viewer: "ann".parse().expect("a viewer's name"),
            node: "b1".into(),
            stream: stream(),
            placed: "b2".into(),
            limits,
        },
        Response::from(&snapshot()),
        Response::from(&delta(41)),
        Response::from(&Delta::empty(Epoch::new(3), Seq::new(1), Seq::new(2))),
        Response::Beat { epoch: 3, seq: 42 },
        Response::ack(reference.clone(), None),
        Response::ack_like(reference.clone(), id(1), register(9, true)),
        Response::reject(Some(reference), Refusal::retry(Code::RateLimited, 900, "60 comments a minute are allowed")),
        Response::reject(None, Refusal::last(Code::BadJson, "EOF while parsing")),
        Response::Move { url: "ws://b2.example:8080/v1/streams/demo/live".into(), after_ms: 1_200 },
    ]
}

pub(crate) fn responses_json() -> Vec<Vec<u8>> {
    responses().iter().map(|response| response.encode(Encoding::Json)).collect()
}

pub(crate) fn responses_message_pack() -> Vec<Vec<u8>> {
    responses().iter().map(|response| response.encode(Encoding::MessagePack)).collect()
}

pub(crate) fn responses_compact() -> Vec<Vec<u8>> {
    compact(Encoding::Compact)
}

pub(crate) fn responses_deflate() -> Vec<Vec<u8>> {
    compact(Encoding::CompactDeflate)
}

/// The messages that all viewers share, with ordinals, and the others.
fn compact(encoding: Encoding) -> Vec<Vec<u8>> {
    let shared = [snapshot().encode(encoding), delta(41).encode(encoding)];
    shared.into_iter().chain(responses().iter().map(|response| response.encode(encoding))).collect()
}

fn batch() -> WriteBatch {
    let slots: BTreeSet<Slot> = (0..4).map(|index| part(index).slot(&id(1))).chain([slot(3)]).collect();
    WriteBatch {
        map_epoch: Epoch::new(1),
        slots: slots.into_iter().map(|slot| (slot, Epoch::new(1))).collect(),
        streams: vec![stream()],
        ..WriteBatch::default()
    }
}

fn comments() -> WriteBatch {
    let write = |n: u8| {
        let Comment { id, author, name, body, .. } = comment(n);
        CommentWrite {
            number: n.into(),
            stream: 0,
            id,
            author,
            name,
            body,
            spread: Spread::new(4, 0).expect("four parts"),
        }
    };
    WriteBatch { comments: vec![write(1)], ..batch() }
}

fn likes() -> WriteBatch {
    let mut likes = LikeColumns::default();
    let row = |number, viewer, part| {
        let register = register(NOW.get() + number, number != 12);
        LikeRow { number, stream: 0, comment: id(1), viewer, register, part }
    };
    likes.push(row(10, viewer(1), Part::WHOLE));
    likes.push(row(11, viewer(2), part(1)));
    likes.push(row(12, viewer(1), Part::WHOLE));
    WriteBatch { likes, ..batch() }
}

fn others() -> WriteBatch {
    let viewer = comment(1).author;
    WriteBatch {
        deletes: vec![DeleteWrite { number: 20, stream: 0, id: id(1), viewer, moderator: false, part: part(2) }],
        headers: vec![HeaderWrite { number: 60, stream: 0, id: far(), author: comment(1).author, part: part(3) }],
        pins: vec![
            PinWrite { number: 21, stream: 0, slot: slot(2), id: Some(id(1)) },
            PinWrite { number: 22, stream: 0, slot: slot(3), id: None },
        ],
        reactions: vec![ReactionWrite { number: 23, stream: 0, slot: slot(2), reporter: 8, counts: reactions() }],
        ..batch()
    }
}

pub(crate) fn to_processor() -> Vec<Vec<u8>> {
    let order = OrderKey { time: HybridTime::at(NOW), id: id(1) };
    let queries = [
        Query::History { stream: stream(), before: Some(order), limit: 9 },
        Query::Order { stream: stream(), id: id(1) },
        Query::Likes {
            stream: stream(),
            viewer: viewer(1),
            comments: vec![(id(1).slot(), id(1)), (id(2).slot(), id(2))],
        },
        Query::Counts { stream: stream(), comments: vec![(part(3).slot(&id(1)), id(1))] },
        Query::Totals { stream: stream() },
    ];
    let queries = (1..).zip(queries).map(|(number, query)| ToProcessor::Query { number, query });
    let writes = [comments(), likes(), others()].map(ToProcessor::Writes);
    writes.into_iter().chain(queries).map(|message| encode(&message).to_vec()).collect()
}

pub(crate) fn from_processor() -> Vec<Vec<u8>> {
    let answers = AnswerBatch {
        likes: vec![(1, 18), (2, 19)],
        done: vec![3, 4],
        refused: vec![(5, Refusal::retry(Code::Unavailable, 900, "no"))],
        moved: vec![6],
        map_epoch: Epoch::new(2),
    };
    let order = OrderKey { time: HybridTime::at(NOW), id: id(1) };
    let replies = [
        Reply::History(vec![shown(1)]),
        Reply::Order(Some(order)),
        Reply::Likes(vec![id(1)]),
        Reply::Counts(vec![3, 0]),
        Reply::Totals { comments: 2, likes: 4, reactions: reactions() },
        Reply::Unavailable,
    ];
    let replies = (1..).zip(replies).map(|(number, reply)| FromProcessor::Reply { number, reply });
    [FromProcessor::Answers(answers)].into_iter().chain(replies).map(|message| encode(&message).to_vec()).collect()
}

fn span(from: u64, to: u64) -> Span {
    Span { slot: slot(2), epoch: Epoch::new(1), from: Position::new(from), to: Position::new(to) }
}

/// A resync, and the report that continues it.
fn reports() -> [Report; 2] {
    let first = Report {
        stream: stream(),
        epoch: Epoch::new(STREAM_EPOCH),
        resync: true,
        spans: vec![span(0, 4)],
        comments: vec![Arc::new(comment(1))],
        tallies: vec![tally(1, Part::WHOLE), tally(2, part(0))],
        deleted: vec![id(8)],
        pin: Some(PinRow { time: HybridTime::at(NOW), comment: Some((Arc::new(comment(1)), tally(1, Part::WHOLE))) }),
        reactions: Some(ReactionRow { epoch: Epoch::new(1), version: Position::new(4), counts: reactions() }),
        total: 1,
        top: None,
    };
    let second = Report {
        resync: false,
        spans: vec![span(4, 6)],
        comments: vec![Arc::new(comment(2))],
        pin: Some(PinRow { time: HybridTime::at(NOW.plus(1)), comment: None }),
        ..first.clone()
    };
    [first, second]
}

pub(crate) fn to_merger() -> Vec<Vec<u8>> {
    reports().into_iter().map(|report| encode(&ToMerger::Report(report)).to_vec()).collect()
}

pub(crate) fn from_merger() -> Vec<Vec<u8>> {
    let epoch = Epoch::new(STREAM_EPOCH);
    let merged = vec![(slot(2), Position::new(1)), (slot(3), Position::new(7))];
    let messages = [
        FromMerger::Open { stream: stream(), epoch, from: report::From::Nothing },
        FromMerger::Open { stream: stream(), epoch, from: report::From::Merged(merged) },
        FromMerger::Close { stream: stream() },
    ];
    messages.iter().map(|message| encode(message).to_vec()).collect()
}

pub(crate) fn to_feed() -> Vec<Vec<u8>> {
    let (epoch, seq) = (Epoch::new(STREAM_EPOCH), Seq::new(2));
    let messages = [
        ToFeed::Subscribe { stream: stream(), have: Some((epoch, seq)), viewers: 3 },
        ToFeed::Viewers(vec![(stream(), 300)]),
        ToFeed::Ask { stream: stream(), epoch, seq },
        ToFeed::Unsubscribe { stream: stream() },
    ];
    messages.iter().map(|message| encode(message).to_vec()).collect()
}

pub(crate) fn from_feed() -> Vec<Vec<u8>> {
    let messages = [
        FromFeed::Snapshot { stream: stream(), snapshot: snapshot() },
        FromFeed::Frame { stream: stream(), delta: delta(41) },
        FromFeed::Unknown { stream: stream(), epoch: Epoch::new(9), seq: Seq::new(9) },
    ];
    messages.iter().map(|message| encode(message).to_vec()).collect()
}

pub(crate) fn for_processor() -> Vec<Vec<u8>> {
    [to_processor(), from_merger()].concat()
}

pub(crate) fn for_merger() -> Vec<Vec<u8>> {
    [to_merger(), to_feed()].concat()
}

/// What brings a stream of a merger to its first frames.
pub(crate) fn opening() -> Vec<Vec<u8>> {
    let subscribe = ToFeed::Subscribe { stream: stream(), have: None, viewers: 3 };
    [vec![encode(&subscribe).to_vec()], to_merger()].concat()
}

pub(crate) fn for_broadcast() -> Vec<Vec<u8>> {
    [from_processor(), from_feed(), to_feed()].concat()
}

/// All that one side of a link says from its greeting to its goodbye.
pub(crate) fn link() -> Vec<Vec<u8>> {
    let (mut now, mut outbox) = (Millis::new(1), Vec::new());
    let expect = Some((Role::Processor, node("p1")));
    let mut dialer = Link::dialer(link_config(), hello("b1"), expect, 1);
    let mut accepter = Link::accepter(link_config(), hello("p1"));
    dialer.step(now, Input::Tick(HybridTime::default()), &mut outbox);
    dialer.step(now, Input::Connected, &mut outbox);
    accepter.step(now, Input::Connected, &mut Vec::new());
    let greeting = frames(&outbox);
    let mut answer = Vec::new();
    for frame in &greeting {
        accepter.step(now, Input::Frame(frame.slice(4..)), &mut answer);
    }
    for frame in frames(&answer) {
        dialer.step(now, Input::Frame(frame.slice(4..)), &mut outbox);
    }
    for body in ["first", "second"] {
        dialer.offer(now, Bytes::from(body), &mut outbox).expect("the link is up");
    }
    now = now.plus(600);
    dialer.step(now, Input::Tick(HybridTime::at(NOW)), &mut outbox);
    dialer.step(now, Input::Shutdown, &mut outbox);
    let said = frames(&outbox);
    let whole = said.concat();
    [vec![whole], said.iter().map(|frame| frame.to_vec()).collect()].concat()
}

fn frames(outbox: &[Output]) -> Vec<Bytes> {
    let packets = outbox.iter().filter_map(|output| match output {
        Output::Transmit(packet) => Some([packet.head(), packet.body()].concat().into()),
        _ => None,
    });
    packets.collect()
}

pub(crate) fn maps() -> Vec<Vec<u8>> {
    vec![map().encode().into_bytes()]
}

pub(crate) fn topologies() -> Vec<Vec<u8>> {
    vec![TOPOLOGY.into(), include_bytes!("../../../cluster/local.toml").into()]
}

const TOPOLOGY: &str = r#"
[cluster]
name = "local"
dir = ".cluster"
secret = "local-secret"
[broadcast]
nodes = 2
port = 8080
peer_port = 8580
workers = 2
viewer_spread = 64
moderators = ["mod"]
[broadcast.upstream]
b2 = ["b1"]
[processor]
nodes = 3
port = 8180
peer_port = 8280
advertise = "p.example"
[merger]
nodes = 2
host = "0.0.0.0"
port = 8380
peer_port = 8480
[limits]
body_bytes = 1000
[windows]
frames_per_s = 10
[log]
segment_bytes = 1048576
[reactions]
kinds = ["heart", "clap"]
"#;
