//! What a room owes its viewers, and what it may not cost.

use proptest::prelude::*;
use watershed_protocol::{
    Comment, CommentBody, CommentId, DisplayName, HybridTime, Ordinal, Pinned, Reactions, Shown,
    client::{Line, Names, frame_header},
};

use super::*;

mod chains;

const START: Millis = Millis::new(1_000_000);

fn id(n: u32) -> CommentId {
    CommentId::from_bytes(u128::from(n).to_be_bytes())
}

fn shown(n: u32, likes: u64) -> Shown {
    let comment = Comment {
        id: id(n),
        time: HybridTime::at(Millis::new(n.into())),
        author: "ann".parse().unwrap(),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new(&format!("comment {n}"), 100).unwrap(),
    };
    Shown::new(Arc::new(comment), likes)
}

fn point(epoch: u64, seq: u64) -> (Epoch, Seq) {
    (Epoch::new(epoch), Seq::new(seq))
}

fn snapshot(epoch: u64, seq: u64) -> Update {
    Update::Snapshot(Snapshot {
        epoch: Epoch::new(epoch),
        seq: Seq::new(seq),
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: Vec::new(),
    })
}

/// A frame with as many comments, whose numbers are their seq's hundreds.
fn frame(epoch: u64, from: u64, comments: u32) -> Update {
    let mut delta = Delta::empty(Epoch::new(epoch), Seq::new(from), Seq::new(from + 1));
    delta.comments = (0..comments).map(|n| shown(from as u32 * 1_000 + n, 0)).collect();
    (delta.shown, delta.total) = (comments.into(), comments.into());
    Update::Frame(Arc::new(delta))
}

/// A room at 3:10.
fn room(config: RoomConfig) -> Room {
    let mut room = Room::new(config);
    room.publish(START, snapshot(3, 10)).unwrap();
    room
}

/// Frames of no comments, up to this seq.
fn publish_to(room: &mut Room, seq: u64) {
    while room.point().unwrap().1 < Seq::new(seq) {
        let (epoch, at) = room.point().unwrap();
        room.publish(START, frame(epoch.get(), at.get(), 0)).unwrap();
    }
}

fn since(room: &mut Room, cursor: Cursor) -> Chunk {
    room.since(START, cursor, Encoding::Json, Behind::Lags).unwrap()
}

fn texts(chunk: &Chunk) -> Vec<Response> {
    messages(&chunk.bytes, Encoding::Json)
}

/// The messages in whole WebSocket frames.
fn messages(bytes: &[u8], encoding: Encoding) -> Vec<Response> {
    messages_to(&mut Names::default(), bytes, encoding)
}

/// The same to a viewer that knows the ordinals of comments.
fn messages_to(names: &mut Names, mut bytes: &[u8], encoding: Encoding) -> Vec<Response> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let (length, start) = match bytes[1] {
            126 => (usize::from(u16::from_be_bytes(bytes[2..4].try_into().unwrap())), 4),
            127 => (u64::from_be_bytes(bytes[2..10].try_into().unwrap()) as usize, 10),
            short => (short.into(), 2),
        };
        let mut header = Vec::new();
        frame_header(encoding.opcode(), length, &mut header);
        assert_eq!(bytes[..start], header);
        messages.push(names.read(encoding, &bytes[start..start + length]).unwrap());
        bytes = &bytes[start + length..];
    }
    messages
}

#[test]
fn nobody_is_served_before_the_first_snapshot() {
    let mut room = Room::new(RoomConfig::default());
    assert_eq!(room.since(START, Cursor::NOTHING, Encoding::Json, Behind::Lags), None);
    assert_eq!((room.head(), room.point()), (Cursor::NOTHING, None));
    assert_eq!(room.beat(Encoding::Json), None);
    assert!(room.publish(START, frame(3, 0, 1)).is_err());
}

#[test]
fn a_viewer_one_behind_gets_the_newest_frame_itself() {
    let mut room = room(RoomConfig::default());
    let before = room.head();
    room.publish(START.plus(9), frame(3, 10, 1)).unwrap();
    let (one, other) = (since(&mut room, before), since(&mut room, before));
    assert_eq!((one.kind, one.to), (ChunkKind::Frame, room.head()));
    assert_eq!(one.bytes.as_ptr(), other.bytes.as_ptr(), "the same bytes, not a copy");
    assert_eq!(room.since(START, one.to, Encoding::Json, Behind::Lags), None);
    assert_eq!(room.published_at(), START.plus(9));
}

#[test]
fn a_lagging_viewer_gets_one_merged_frame_that_all_who_lag_alike_share() {
    let mut room = room(RoomConfig::default());
    let before = room.head();
    publish_to(&mut room, 15);
    let (one, other) = (since(&mut room, before), since(&mut room, before));
    assert_eq!(one.kind, ChunkKind::Range { frames: 5, sampled: false });
    assert!(matches!(texts(&one)[..], [Response::Delta { from: 10, seq: 15, .. }]));
    assert_eq!(one.bytes.as_ptr(), other.bytes.as_ptr());
    assert_eq!(room.counters().ranges_merged, 1);
}

#[test]
fn a_viewer_behind_the_log_gets_a_snapshot() {
    let mut room = room(RoomConfig { frames_kept: 4, ..RoomConfig::default() });
    let before = room.head();
    publish_to(&mut room, 14);
    assert_eq!(since(&mut room, before).kind, ChunkKind::Range { frames: 4, sampled: false });
    publish_to(&mut room, 15);
    let chunk = since(&mut room, before);
    assert_eq!((chunk.kind, chunk.to), (ChunkKind::Snapshot, room.head()));
    assert!(matches!(texts(&chunk)[..], [Response::Snapshot { seq: 15, .. }]));
}

/// A room that has published frames of so many comments, and where they began.
fn room_with(comments: &[u32]) -> (Room, Cursor) {
    let mut room = room(RoomConfig::default());
    let before = room.head();
    for (seq, comments) in (10..).zip(comments) {
        room.publish(START, frame(3, seq, *comments)).unwrap();
    }
    (room, before)
}

#[test]
fn a_lagging_viewer_gets_the_newest_of_many_comments_and_is_told_how_many_there_were() {
    let (mut room, before) = room_with(&[30, 20]);
    assert_eq!(since(&mut room, before).kind, ChunkKind::Range { frames: 2, sampled: false });
    room.publish(START, frame(3, 12, 7)).unwrap();
    let chunk = since(&mut room, before);
    assert_eq!(chunk.kind, ChunkKind::Range { frames: 3, sampled: true });
    let texts = texts(&chunk);
    let [Response::Delta { from: 10, seq: 13, comments, shown, total, .. }] = &texts[..] else { panic!("{texts:?}") };
    assert_eq!((comments.len(), *shown, *total), (50, 50, 57));
    assert_eq!(comments[0].id, id(10_007), "the first seven are left out");
    assert_eq!(comments[49].id, id(12_006));
    assert_eq!((room.counters().ranges_merged, room.counters().ranges_sampled), (2, 1));
}

#[test]
fn who_resumes_is_given_all_that_it_missed_or_a_snapshot() {
    let (mut room, before) = room_with(&[60, 40]);
    let resumed = |room: &mut Room| room.since(START, before, Encoding::Json, Behind::Resumes).unwrap();
    let chunk = resumed(&mut room);
    assert_eq!(chunk.kind, ChunkKind::Range { frames: 2, sampled: false });
    assert!(matches!(&texts(&chunk)[..], [Response::Delta { shown: 100, total: 100, .. }]));
    assert_eq!(since(&mut room, before).kind, ChunkKind::Range { frames: 2, sampled: true }, "another viewer lags");
    room.publish(START, frame(3, 12, 1)).unwrap();
    assert_eq!(resumed(&mut room).kind, ChunkKind::Snapshot);
}

#[test]
fn a_grade_says_what_a_viewer_is_sent_next() {
    let graded = |comments: &[u32], behind| {
        let (mut room, cursor) = room_with(comments);
        let grade = room.grade(START, cursor, Encoding::Json, behind);
        let sent = room.since(START, cursor, Encoding::Json, behind).map(|chunk| chunk.kind);
        (grade, sent)
    };
    let range = |frames, sampled| Some(ChunkKind::Range { frames, sampled });
    assert_eq!(graded(&[], Behind::Lags), (Grade::Current, None));
    assert_eq!(graded(&[3], Behind::Lags), (Grade::Frame, Some(ChunkKind::Frame)));
    assert_eq!(graded(&[3, 4], Behind::Lags), (Grade::Range, range(2, false)));
    assert_eq!(graded(&[30, 30], Behind::Lags), (Grade::Sample, range(2, true)));
    assert_eq!(graded(&[30, 30], Behind::Resumes), (Grade::Range, range(2, false)));
    let (mut room, _) = room_with(&[1, 1]);
    assert_eq!(room.grade(START, Cursor::NOTHING, Encoding::Json, Behind::Lags), Grade::Snapshot);
    let sent = room.since(START, Cursor::NOTHING, Encoding::Json, Behind::Lags).map(|chunk| chunk.kind);
    assert_eq!(sent, Some(ChunkKind::Snapshot));
}

#[test]
fn a_range_larger_than_a_snapshot_is_a_snapshot() {
    let mut room = room(RoomConfig::default());
    let before = room.head();
    for seq in 10..13 {
        let mut delta = Delta::empty(Epoch::new(3), Seq::new(seq), Seq::new(seq + 1));
        delta.likes = (0..200).map(|n| (id(seq as u32 * 1_000 + n), 5)).collect();
        room.publish(START, Update::Frame(Arc::new(delta))).unwrap();
    }
    let chunk = since(&mut room, before);
    assert_eq!(chunk.kind, ChunkKind::Snapshot, "the room shows none of the 600 that were liked");
    assert_eq!(chunk.to, room.head());
    let last = Cursor(room.head - 1);
    assert_eq!(since(&mut room, last).kind, ChunkKind::Frame);
}

#[test]
fn a_single_frame_is_sent_as_it_is_however_large() {
    let mut room = room(RoomConfig::default());
    let before = room.head();
    room.publish(START, frame(3, 10, 300)).unwrap();
    assert_eq!(since(&mut room, before).kind, ChunkKind::Frame);
}

#[test]
fn a_snapshot_is_made_once_a_second_and_joins_share_it() {
    let mut room = room(RoomConfig::default());
    for ms in 0..3_000 {
        if ms % 100 == 0 {
            let (_, seq) = room.point().unwrap();
            room.publish(START.plus(ms), frame(3, seq.get(), 1)).unwrap();
        }
        for encoding in Encoding::ALL {
            let joins: Vec<Chunk> =
                (0..5).map(|_| room.since(START.plus(ms), Cursor::NOTHING, encoding, Behind::Lags).unwrap()).collect();
            assert_eq!((joins[0].kind, joins[0].to), (ChunkKind::Snapshot, room.head()));
            assert!(joins.iter().all(|join| join.bytes.as_ptr() == joins[0].bytes.as_ptr()));
            let messages = messages(&joins[0].bytes, encoding);
            let last = messages.last().unwrap();
            assert!(messages.len() <= 2);
            assert!(matches!(last, Response::Snapshot { seq, .. } | Response::Delta { seq, .. }
                if Seq::new(*seq) == room.point().unwrap().1));
        }
    }
    assert_eq!(room.counters().snapshots_made, Encoding::ALL.len() as u64 * 3);
}

#[test]
fn a_new_epoch_gives_everybody_a_snapshot() {
    let mut room = room(RoomConfig::default());
    publish_to(&mut room, 12);
    let head = room.head();
    room.publish(START, snapshot(4, 0)).unwrap();
    let chunk = since(&mut room, head);
    assert!(matches!(texts(&chunk)[..], [Response::Snapshot { epoch: 4, seq: 0, .. }]));
    assert_eq!(room.since(START, chunk.to, Encoding::Json, Behind::Lags), None);
    assert!(room.publish(START, frame(3, 12, 0)).is_err());
    assert!(room.publish(START, snapshot(3, 50)).is_err());
    assert_eq!(room.head(), chunk.to);
    assert_eq!(room.counters().gaps, 2);
}

#[test]
fn a_snapshot_of_the_same_point_says_nothing_new() {
    let mut room = room(RoomConfig::default());
    publish_to(&mut room, 12);
    let head = room.head();
    room.publish(START, snapshot(3, 12)).unwrap();
    assert_eq!(room.head(), head);
    room.publish(START, snapshot(3, 14)).unwrap();
    assert_eq!(since(&mut room, head).kind, ChunkKind::Snapshot, "after a gap nothing merges");
}

#[test]
fn a_gap_changes_nothing() {
    let mut room = room(RoomConfig::default());
    let head = room.head();
    assert!(room.publish(START, frame(3, 11, 1)).is_err());
    assert!(room.publish(START, frame(3, 9, 1)).is_err());
    assert!(room.publish(START, frame(4, 10, 1)).is_err());
    assert_eq!((room.head(), room.point()), (head, Some(point(3, 10))));
}

#[test]
fn who_resumes_starts_where_it_was() {
    let mut room = room(RoomConfig { frames_kept: 4, ..RoomConfig::default() });
    let start = room.head().get();
    publish_to(&mut room, 16);
    let at = |room: &Room, epoch, seq| room.place(Some(point(epoch, seq)));
    assert_eq!(room.place(None), Place::At(Cursor::NOTHING));
    assert_eq!(at(&room, 3, 16), Place::At(room.head()));
    assert_eq!(at(&room, 3, 13), Place::At(Cursor(start + 3)));
    assert_eq!(at(&room, 3, 11), Place::At(Cursor::NOTHING), "no longer in the log");
    assert_eq!(at(&room, 2, 99), Place::At(Cursor::NOTHING), "an epoch that is over");
    assert_eq!(at(&room, 3, 17), Place::Ahead);
    assert_eq!(at(&room, 4, 0), Place::Ahead);
    assert_eq!(Room::new(RoomConfig::default()).place(Some(point(1, 1))), Place::Ahead);
    match at(&room, 3, 13) {
        Place::At(cursor) => {
            assert!(matches!(texts(&since(&mut room, cursor))[..], [Response::Delta { from: 13, seq: 16, .. }]));
        }
        Place::Ahead => unreachable!(),
    }
}

#[test]
fn a_point_within_a_merged_frame_gets_a_snapshot_that_is_not_older() {
    let mut room = room(RoomConfig::default());
    since(&mut room, Cursor::NOTHING);
    let merged = Delta::empty(Epoch::new(3), Seq::new(10), Seq::new(15));
    room.publish(START, Update::Frame(Arc::new(merged))).unwrap();
    assert_eq!(room.place(Some(point(3, 12))), Place::At(Cursor::NOTHING));
    assert!(matches!(texts(&since(&mut room, Cursor::NOTHING))[..], [Response::Snapshot { seq: 15, .. }]));
}

#[test]
fn a_beat_names_the_head_and_is_shared() {
    let mut room = room(RoomConfig::default());
    let beat = room.beat(Encoding::Json).unwrap();
    assert_eq!(messages(&beat, Encoding::Json), [Response::Beat { epoch: 3, seq: 10 }]);
    assert_eq!(beat.as_ptr(), room.beat(Encoding::Json).unwrap().as_ptr());
    publish_to(&mut room, 11);
    let beat = room.beat(Encoding::MessagePack).unwrap();
    assert_eq!(messages(&beat, Encoding::MessagePack), [Response::Beat { epoch: 3, seq: 11 }]);
}

#[test]
fn memory_is_bounded_by_frames_bytes_and_ranges() {
    let mut room = room(RoomConfig { frames_kept: 200, frame_bytes_kept: 1 << 20 });
    for seq in 10..1_000 {
        room.publish(START, frame(3, seq, 0)).unwrap();
    }
    assert_eq!(room.frames.len(), 200);
    for back in 2..200 {
        let cursor = Cursor(room.head - back);
        since(&mut room, cursor);
    }
    assert_eq!(room.ranges.len(), RANGES_MAX);
    for seq in 1_000..1_100 {
        room.publish(START, frame(3, seq, 100)).unwrap();
    }
    assert!(room.frame_bytes <= 1 << 20 && room.frames.len() < 100, "{} frames", room.frames.len());
    assert_eq!(room.frame_bytes, room.frames.iter().map(Frame::bytes).sum::<usize>());
    assert!(room.ranges.is_empty());
}

#[test]
fn a_trimmed_room_keeps_its_newest_frame_and_serves_everybody() {
    let (mut room, before) = room_with(&[3, 2, 1]);
    since(&mut room, before);
    since(&mut room, Cursor::NOTHING);
    assert!(room.kept_bytes() > 0);
    room.trim();
    assert_eq!((room.kept_bytes(), room.frames.len()), (0, 1));
    let last = Cursor(room.head - 1);
    assert_eq!(since(&mut room, last).kind, ChunkKind::Frame);
    let chunk = since(&mut room, before);
    assert_eq!(chunk.kind, ChunkKind::Snapshot);
    assert!(matches!(&texts(&chunk)[..], [Response::Snapshot { comments, .. }] if comments.len() == 6));
}
