//! The carousel's promises, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

use futures::SinkExt;
use stage::{Client, Stage, frame, limits, publish_until_blocked, sleeper, snapshot, soon};
use tokio_tungstenite::tungstenite::Message;
use watershed_broadcast::{Op, Write};
use watershed_net::carousel::{CarouselConfig, Event, Moving};
use watershed_protocol::{
    Epoch, Seq, StreamId, ViewerId,
    client::{Code, Encoding, Response},
};

#[tokio::test]
async fn a_viewer_of_any_subprotocol_gets_welcome_then_the_snapshot_then_frames() {
    let mut stage = Stage::new(limits()).await;
    for encoding in Encoding::ALL {
        let mut ann = stage.join_at("ann", "", encoding).await;
        let seq = ann.snapshot().await;
        assert_eq!(stage.publish_comment(10), seq + 1);
        assert_eq!(ann.delta().await, (seq, seq + 1));
    }
}

#[tokio::test]
async fn before_the_first_snapshot_a_viewer_waits_with_its_welcome() {
    let mut stage = Stage::empty(limits(), 16).await;
    let mut ann = stage.join("ann").await;
    stage.publish(snapshot(3, 40));
    assert_eq!(ann.snapshot().await, 40);
}

#[tokio::test]
async fn a_frame_reaches_two_hundred_viewers_and_is_fetched_once_a_worker() {
    let mut stage = Stage::new(limits()).await;
    let mut crowd = Vec::new();
    for number in 0..200 {
        let mut client = stage.join(&format!("v{number}")).await;
        client.snapshot().await;
        crowd.push(client);
    }
    let before = stage.carousel.figures();
    stage.publish_comment(100);
    for client in &mut crowd {
        assert_eq!(client.delta().await, (1, 2));
    }
    // The figures are published at the end of the pass: a worker has had one when it answers what came after.
    for client in &mut crowd[..2] {
        pong(client, b"flush").await;
    }
    let figures = stage.carousel.figures();
    assert_eq!(figures.viewers, 200);
    assert!(figures.chunks_fetched - before.chunks_fetched <= 2, "one look into the room for each worker");
    assert_eq!(stage.room.viewers(), 200);
}

#[tokio::test]
async fn viewers_that_leave_are_no_longer_counted() {
    let mut stage = Stage::new(limits()).await;
    let ann = stage.join("ann").await;
    let bob = stage.join("bob").await;
    stage.viewers(2).await;
    drop(ann);
    stage.viewers(1).await;
    drop(bob);
    stage.viewers(0).await;
}

#[tokio::test]
async fn a_slow_reader_delays_nobody_and_gets_what_it_missed_as_one_merged_frame() {
    let mut stage = Stage::new(CarouselConfig { workers: 1, ..limits() }).await;
    let mut sleeper = sleeper(&stage).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    publish_until_blocked(&mut stage, &mut ann).await;
    for _ in 0..20 {
        let seq = stage.publish_comment(4_000);
        assert_eq!(ann.delta().await, (seq - 1, seq), "the others get each frame as it comes");
    }
    let head = stage.publish_comment(4_000);
    let (mut at, mut merged) = (1, 0);
    while at < head {
        let (from, seq) = sleeper.delta().await;
        assert_eq!(from, at, "the chain is unbroken");
        merged = merged.max(seq - from);
        at = seq;
    }
    assert!(merged >= 15, "the longest range has {merged} frames");
}

#[tokio::test]
async fn who_sleeps_through_many_comments_gets_the_newest_and_is_told_how_many_there_were() {
    let mut stage = Stage::new(CarouselConfig { workers: 1, ..limits() }).await;
    let mut sleeper = sleeper(&stage).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    publish_until_blocked(&mut stage, &mut ann).await;
    for _ in 0..90 {
        stage.publish_comment(500);
    }
    let head = stage.publish_comment(500);
    let (mut at, mut received, mut left_out) = (1, 0, 0);
    while at < head {
        let Response::Delta { from, seq, comments, shown, total, .. } = sleeper.response().await else {
            panic!("a sleeper that the log still reaches is sent ranges")
        };
        assert_eq!((from, comments.len() as u64), (at, shown), "the chain is unbroken, the numbers are true");
        (at, received, left_out) = (seq, received + shown, left_out + total - shown);
    }
    assert_eq!(received + left_out, head - 1, "what was not sent was counted");
    assert!(left_out >= 40, "of 91 comments in one range 50 are sent, {left_out} were left out");
    assert!(stage.carousel.figures().samples_written >= 1);
}

#[tokio::test]
async fn a_socket_that_takes_nothing_for_too_long_is_closed() {
    let mut stage = Stage::new(CarouselConfig { stall_close_ms: 300, workers: 1, ..limits() }).await;
    let _sleeper = sleeper(&stage).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    stage.viewers(2).await;
    publish_until_blocked(&mut stage, &mut ann).await;
    stage.viewers(1).await;
    pong(&mut ann, b"flush").await;
    assert_eq!(stage.carousel.figures().closed_stalled, 1);
}

#[tokio::test]
async fn who_holds_too_many_bytes_is_closed_before_memory_grows() {
    let mut stage = Stage::new(CarouselConfig { held_bytes_max: 1_000, workers: 1, ..limits() }).await;
    let _sleeper = sleeper(&stage).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    stage.viewers(2).await;
    publish_until_blocked(&mut stage, &mut ann).await;
    while stage.room.viewers() == 2 {
        let seq = stage.publish_comment(4_000);
        assert_eq!(ann.delta().await, (seq - 1, seq));
    }
    pong(&mut ann, b"flush").await;
    assert_eq!((stage.carousel.figures().closed_held, stage.carousel.figures().held_bytes), (1, 0));
}

async fn pong(client: &mut Client, payload: &'static [u8]) {
    soon(client.socket.send(Message::Ping(payload.into()))).await.unwrap();
    loop {
        match soon(futures::StreamExt::next(&mut client.socket)).await.unwrap().unwrap() {
            Message::Pong(answer) => return assert_eq!(answer, payload),
            Message::Text(_) => {}
            other => panic!("{other:?} came instead of a pong"),
        }
    }
}

#[tokio::test]
async fn a_ping_is_answered_with_its_payload() {
    let stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    pong(&mut ann, b"are you there").await;
}

#[tokio::test]
async fn a_comment_goes_to_the_node_and_its_answer_comes_back() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    ann.say(r#"{"type":"comment","ref":"a-1","body":"hello"}"#).await;
    let writes = stage.writes().await;
    let [Write { origin, reference: Some(reference), op: Op::Comment { id, author, .. }, .. }] = &writes[..] else {
        panic!("{writes:?} is not one comment")
    };
    assert_eq!((reference.as_str(), author.as_str()), ("a-1", "ann"));
    let ack = Response::ack(reference.clone(), Some(*id));
    stage.carousel.answer(vec![(*origin, ack.clone())]);
    assert_eq!(ann.response().await, ack);
}

#[tokio::test]
async fn an_answer_never_reaches_another_viewer_in_the_same_place() {
    let mut stage = Stage::new(CarouselConfig { workers: 1, ..limits() }).await;
    let mut ann = stage.join("ann").await;
    ann.say(r#"{"type":"comment","ref":"a-1","body":"hello"}"#).await;
    let Write { origin, reference, .. } = stage.writes().await.remove(0);
    drop(ann);
    stage.viewers(0).await;
    let mut bob = stage.join("bob").await;
    bob.snapshot().await;
    stage.carousel.answer(vec![(origin, Response::ack(reference.unwrap(), None))]);
    stage.publish_comment(10);
    assert_eq!(bob.delta().await, (1, 2));
    pong(&mut bob, b"flush").await;
    assert_eq!(stage.carousel.figures().answers_late, 1);
}

#[tokio::test]
async fn a_message_in_pieces_is_one_message() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    let text = br#"{"type":"comment","ref":"a-1","body":"in pieces"}"#;
    let frames = [frame(0x01, &text[..20]), frame(0x89, b"between"), frame(0x80, &text[20..])].concat();
    for byte in frames {
        ann.raw(&[byte]).await;
    }
    assert_eq!(stage.writes().await.len(), 1);
}

#[tokio::test]
async fn at_thirty_two_unanswered_writes_reading_stops_until_one_is_answered() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    let all: Vec<u8> = (0..80)
        .flat_map(|n| frame(0x81, format!(r#"{{"type":"comment","ref":"{n}","body":"hi"}}"#).as_bytes()))
        .collect();
    ann.raw(&all).await;
    let (mut taken, mut open) = (0, Vec::new());
    while taken < 80 {
        let writes = stage.writes().await;
        taken += writes.len();
        open.extend(writes);
        assert!(open.len() <= 32, "{} writes are unanswered", open.len());
        if open.len() == 32 || taken == 80 {
            let answer = |write: Write| (write.origin, Response::ack(write.reference.unwrap(), None));
            stage.carousel.answer(open.drain(..).map(answer).collect());
        }
    }
    for _ in 0..80 {
        assert!(matches!(ann.response().await, Response::Ack { .. }));
    }
}

#[tokio::test]
async fn when_the_node_takes_no_more_writes_they_are_refused_and_not_lost() {
    // The one place of the channel is taken by the news of the join.
    let mut stage = Stage::empty(limits(), 1).await;
    stage.publish(snapshot(3, 1));
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    while stage.events.is_empty() {
        pong(&mut ann, b"wait").await;
    }
    ann.say(r#"{"type":"comment","ref":"a-1","body":"hello"}"#).await;
    let Response::Reject { reference, code, retry_after_ms, .. } = ann.response().await else { panic!("not refused") };
    assert_eq!(reference.unwrap().as_str(), "a-1");
    assert_eq!((code, retry_after_ms), (Code::Overloaded, Some(1_000)));
    loop {
        if let Event::Shed { stream, count } = stage.event().await {
            assert_eq!((stream.as_str(), count), ("demo", 1));
            return;
        }
    }
}

#[tokio::test]
async fn taps_are_counted_and_reported_together() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    ann.say(r#"{"type":"react","kind":"heart","count":3}"#).await;
    loop {
        if let Event::Taps { kind, count, .. } = stage.event().await {
            assert_eq!((kind.as_str(), count), ("heart", 3));
            return;
        }
    }
}

#[tokio::test]
async fn who_resumes_gets_what_it_missed_as_one_frame() {
    let mut stage = Stage::new(limits()).await;
    for _ in 0..5 {
        stage.publish_comment(10);
    }
    let mut ann = stage.join_at("ann", "&resume=3:2", Encoding::Json).await;
    assert_eq!(ann.delta().await, (2, 6));
    let mut bob = stage.join_at("bob", "&resume=3:6", Encoding::Json).await;
    stage.publish_comment(10);
    assert_eq!(bob.delta().await, (6, 7));
}

async fn ahead(stage: &mut Stage) -> (Epoch, Seq) {
    loop {
        if let Event::Ahead { epoch, seq, .. } = stage.event().await {
            return (epoch, seq);
        }
    }
}

#[tokio::test]
async fn who_is_ahead_of_the_room_is_never_sent_back() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join_at("ann", "&resume=3:3", Encoding::Json).await;
    assert_eq!(ahead(&mut stage).await, (Epoch::new(3), Seq::new(3)));
    for _ in 0..3 {
        stage.publish_comment(10);
    }
    assert_eq!(ann.delta().await, (3, 4));
}

#[tokio::test]
async fn a_point_that_the_root_does_not_know_gets_a_snapshot_at_once() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join_at("ann", "&resume=3:99", Encoding::Json).await;
    let (epoch, seq) = ahead(&mut stage).await;
    stage.carousel.unknown_point(stage.room.stream(), epoch, seq);
    assert_eq!(ann.snapshot().await, 1);
}

#[tokio::test]
async fn who_waits_too_long_for_its_point_is_told_when_to_come_again() {
    let config = CarouselConfig { ahead_wait_ms: 50, retry_after_ms: 700, ..limits() };
    let stage = Stage::new(config).await;
    let mut ann = stage.join_at("ann", "&resume=4:1", Encoding::Json).await;
    let close = ann.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1013, "retry_after_ms=700"));
}

#[tokio::test]
async fn a_silent_stream_sends_beats() {
    let stage = Stage::new(CarouselConfig { beat_ms: 30, ..limits() }).await;
    for encoding in Encoding::ALL {
        let mut ann = stage.join_at("ann", "", encoding).await;
        ann.snapshot().await;
        for _ in 0..3 {
            assert_eq!(ann.response().await, Response::Beat { epoch: 3, seq: 1 });
        }
    }
}

#[tokio::test]
async fn each_fault_of_a_client_has_its_close_code() {
    let stage = Stage::new(limits()).await;
    let faults: [(u16, Vec<u8>); 5] = [
        (1002, vec![0x81, 1, b'x']),
        (1002, frame(0x80, b"a continuation of nothing")),
        (1003, frame(0x82, b"binary")),
        (1007, frame(0x81, b"\xff")),
        (1009, frame(0x81, &[b'x'; 33_000])),
    ];
    for (code, bytes) in faults {
        let mut ann = stage.join("ann").await;
        ann.raw(&bytes).await;
        assert_eq!(u16::from(ann.closed().await.unwrap().code), code);
    }
}

#[tokio::test]
async fn input_in_pieces_is_kept_within_its_bound_and_freed_with_its_message() {
    let config = CarouselConfig { workers: 1, input_bytes_max: 40_000, ..limits() };
    let stage = Stage::new(config).await;
    let (mut ann, mut bob) = (stage.join("ann").await, stage.join("bob").await);
    ann.snapshot().await;
    ann.raw(&frame(0x01, &[b'x'; 20_000])).await;
    pong(&mut ann, b"taken").await;
    bob.raw(&frame(0x01, &[b'y'; 25_000])).await;
    // Whoever comes second finds no room; the first is not disturbed.
    let close = bob.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (1013, "retry_after_ms=1000"));
    for _ in 0..2 {
        pong(&mut ann, b"flush").await;
    }
    let figures = stage.carousel.figures();
    assert_eq!(figures.closed_input, 1);
    assert!((20_000..=40_000).contains(&figures.input_bytes), "{} bytes are kept", figures.input_bytes);
    ann.raw(&frame(0x80, b"")).await;
    assert!(matches!(ann.response().await, Response::Reject { code: Code::BadJson, .. }));
    for _ in 0..2 {
        pong(&mut ann, b"flush").await;
    }
    assert_eq!(stage.carousel.figures().input_bytes, 0);
}

#[tokio::test]
async fn a_client_that_closes_gets_its_code_back_and_the_end() {
    let mut stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    stage.viewers(1).await;
    ann.raw(&frame(0x88, b"\x0f\xa1bye")).await;
    assert_eq!(u16::from(ann.closed().await.unwrap().code), 4001);
    stage.viewers(0).await;
}

#[tokio::test]
async fn a_drained_node_tells_its_viewers_where_to_go_and_when() {
    let stage = Stage::new(CarouselConfig { workers: 1, ..limits() }).await;
    let mut crowd = [stage.join("ann").await, stage.join("bob").await];
    for client in &mut crowd {
        client.snapshot().await;
    }
    let whereto = |stream: &StreamId, viewer: &ViewerId| Some(format!("ws://b2/{stream}/{viewer}"));
    stage.carousel.send_off(Moving { whereto: Box::new(whereto), period_ms: 10_000, once: false });
    let [ann, bob] = &mut crowd;
    // A golden section apart.
    assert_eq!(ann.response().await, Response::Move { url: "ws://b2/demo/ann".into(), after_ms: 0 });
    assert_eq!(bob.response().await, Response::Move { url: "ws://b2/demo/bob".into(), after_ms: 6_180 });
}

#[tokio::test]
async fn of_a_large_crowd_those_who_belong_elsewhere_are_told_and_nobody_else() {
    let mut stage = Stage::new(limits()).await;
    let mut crowd = Vec::new();
    for number in 0..300 {
        let mut client = stage.join(&format!("v{number}")).await;
        client.snapshot().await;
        crowd.push(client);
    }
    let whereto = |_: &StreamId, viewer: &ViewerId| viewer.as_str().ends_with('7').then(|| "ws://b2".to_owned());
    stage.carousel.send_off(Moving { whereto: Box::new(whereto), period_ms: 1_000, once: false });
    for client in crowd.iter_mut().skip(7).step_by(10) {
        match client.response().await {
            Response::Move { after_ms, .. } => assert!(after_ms < 1_000),
            other => panic!("{other:?} in place of a move"),
        }
    }
    // What comes next to the others is the next frame, and nothing before it.
    stage.publish_comment(10);
    for (number, client) in crowd.iter_mut().enumerate() {
        assert_eq!(client.delta().await, (1, 2), "viewer {number}");
    }
}

#[tokio::test]
async fn a_client_that_is_turned_away_is_told_where_to_go_and_closed() {
    let stage = Stage::new(limits()).await;
    for encoding in Encoding::ALL {
        let (mut client, upgraded) = stage.socket(encoding).await;
        let whereto = Response::Move { url: "ws://b2".into(), after_ms: 5 };
        stage.carousel.turn_away(upgraded, encoding, Some(&whereto), 700);
        assert_eq!(client.response().await, whereto);
        let close = client.closed().await.unwrap();
        assert_eq!((u16::from(close.code), close.reason.as_str()), (1013, "retry_after_ms=700"));
    }
    assert_eq!(stage.carousel.viewers(), 0);
}

#[tokio::test]
async fn a_node_has_no_more_viewers_than_there_were_places() {
    let mut stage = Stage::new(limits()).await;
    let ann = stage.join("ann").await;
    stage.viewers(1).await;
    let kept = stage.carousel.keep_place(2).unwrap();
    assert!(stage.carousel.keep_place(2).is_none());
    drop((ann, kept));
    stage.viewers(0).await;
    assert_eq!(stage.carousel.viewers(), 0);
}

#[tokio::test]
async fn when_a_node_ends_its_viewers_are_told_to_come_again() {
    let stage = Stage::new(limits()).await;
    let mut ann = stage.join("ann").await;
    ann.snapshot().await;
    stage.shutdown.cancel();
    let Stage { mut carousel, .. } = stage;
    let ended = tokio::spawn(async move {
        loop {
            // The server's task holds the other share, until it has ended.
            match std::sync::Arc::try_unwrap(carousel) {
                Ok(carousel) => return tokio::task::spawn_blocking(|| carousel.shutdown()).await.unwrap(),
                Err(shared) => carousel = shared,
            }
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(u16::from(ann.closed().await.unwrap().code), 1013);
    drop(ann);
    soon(ended).await.unwrap().unwrap();
}
