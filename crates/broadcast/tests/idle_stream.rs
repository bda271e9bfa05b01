//! What an idle stream costs at a broadcast node: bytes that its feed and its room hold for each of many.
//!
//! The streams go the way of nearly all: a viewer comes, gets a snapshot, and then one frame that tells of itself.
//! Invariant: bytes are counted as they are asked of the allocator, so the figure is the same everywhere.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::alloc::System;

use cap::Cap;
use watershed_broadcast::{Behind, Cursor, Feed, Room, RoomConfig, feed};
use watershed_protocol::{
    Delta, Epoch, Millis, Pinned, Reactions, Seq, Snapshot, StreamId,
    client::Encoding,
    peer::{PeerId, feed::FromFeed},
};

#[global_allocator]
static HEAP: Cap<System> = Cap::new(System, usize::MAX);

/// Enough that what the machines hold once does not show.
const STREAMS: usize = 10_000;

/// The budget is 1,024 bytes resident, of which the carousel, the maps of rooms and what an allocator adds need a part.
const STREAM_BYTES_MAX: usize = 500;

const ROOT: PeerId = PeerId::new(1);
const NOW: Millis = Millis::new(1_000_000);
/// The root tells of viewers every two seconds.
const LATER: Millis = Millis::new(1_002_000);
const EPOCH: Epoch = Epoch::new(1);

fn snapshot() -> Snapshot {
    Snapshot {
        epoch: EPOCH,
        seq: Seq::ZERO,
        partial: false,
        viewers: 0,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: Vec::new(),
    }
}

/// Takes a message and brings what the feed publishes to the room and its one viewer.
fn hear(now: Millis, feed: &mut Feed, message: FromFeed, room: &mut Room, viewer: &mut Cursor) {
    let mut outbox = Vec::new();
    feed.step(now, feed::Input::Message { peer: ROOT, message }, &mut outbox);
    let published = outbox.into_iter().find_map(|output| match output {
        feed::Output::Publish { update, .. } => Some(update),
        _ => None,
    });
    room.publish(now, published.unwrap()).unwrap();
    *viewer = room.since(now, *viewer, Encoding::Compact, Behind::Lags).unwrap().to;
}

#[test]
fn an_idle_stream_takes_less_than_its_budget() {
    let (mut feed, mut rooms) = (Feed::new(feed::Config::default()), Vec::with_capacity(STREAMS));
    feed.step(NOW, feed::Input::Up { peer: ROOT }, &mut Vec::new());
    let before = HEAP.allocated();
    for number in 0..STREAMS {
        let stream: StreamId = format!("stream-{number:06}").parse().unwrap();
        feed.step(NOW, feed::Input::Want { stream: stream.clone() }, &mut Vec::new());
        feed.step(NOW, feed::Input::Viewers { stream: stream.clone(), viewers: 1 }, &mut Vec::new());
        let (mut room, mut viewer) = (Box::new(Room::new(RoomConfig::default())), Cursor::NOTHING);
        hear(
            NOW,
            &mut feed,
            FromFeed::Snapshot { stream: stream.clone(), snapshot: snapshot() },
            &mut room,
            &mut viewer,
        );
        let mut delta = Delta::empty(EPOCH, Seq::ZERO, Seq::ZERO.next());
        delta.viewers = Some(1);
        hear(LATER, &mut feed, FromFeed::Frame { stream, delta }, &mut room, &mut viewer);
        assert_eq!(viewer, room.head());
        rooms.push(room);
    }
    feed.step(NOW.plus(10_000), feed::Input::Tick, &mut Vec::new());
    let each = (HEAP.allocated() - before) / STREAMS;
    println!("an idle stream takes {each} bytes in the feed and its room");
    assert!(each <= STREAM_BYTES_MAX, "an idle stream takes {each} bytes, at most {STREAM_BYTES_MAX} are meant");
    drop(rooms);
}
