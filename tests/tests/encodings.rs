//! A viewer of each encoding, side by side: the messages of `docs/protocol.md`, exactly, and one view.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::{Value, json};
use watershed_ledger::{History, Quiet, What};
use watershed_protocol::{
    CommentId, Ref, Register, Stamp,
    client::{Code, Encoding, Line, Response},
};
use watershed_tests::{
    book::Book,
    cluster::Cluster,
    packed::Writer,
    topology::{SMALL, Shape},
    view::View,
    viewer::{Viewer, stamp_after},
    web,
};

const ONE_NODE: Shape = Shape { broadcast: 1, processors: 2, fixed_ports: false, ..SMALL };

/// Sends a write until its last word, and gives that as it came.
async fn answer(viewer: &mut Viewer, reference: &str, what: &What) -> Value {
    viewer.write_as(&Ref::new(reference).expect("a ref"), what).await;
    viewer.form.clone()
}

/// The delta that brings a comment, as it came.
async fn delta_with(viewer: &mut Viewer, id: CommentId) -> Value {
    loop {
        if let Response::Delta { comments, .. } = &*viewer.heard().await
            && comments.iter().any(|line| line.id == id)
        {
            return viewer.form.clone();
        }
    }
}

fn id_of(ack: &Value) -> CommentId {
    ack["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("no id in {ack}"))
}

fn says(id: CommentId, liked: bool, stamp: u64) -> What {
    What::Like { id, register: Register { stamp: Stamp::new(stamp).expect("a stamp"), liked } }
}

fn comment(body: &str) -> What {
    What::Comment { body: body.into() }
}

/// Ann in JSON, bob in MessagePack, cat in the compact form, dan in that and deflate, and a moderator, on one stream.
struct Stage {
    cluster: Cluster,
    node: String,
    book: Arc<Book>,
    ann: Viewer,
    bob: Viewer,
    cat: Viewer,
    dan: Viewer,
    moderator: Viewer,
}

impl Stage {
    async fn set() -> Self {
        let cluster = Cluster::start(ONE_NODE).await;
        let (node, book) = (cluster.url("b1").await, Book::open("stage"));
        let viewer = |name, encoding| Viewer::new(&book, name, encoding);
        let (mut ann, mut bob) = (viewer("ann", Encoding::Json), viewer("bob", Encoding::MessagePack));
        let (mut cat, mut dan) = (viewer("cat", Encoding::Compact), viewer("dan", Encoding::CompactDeflate));
        (ann.name, bob.name) = (Some("Ann"), Some("Bob+the%20B%C3%BCilder"));
        for viewer in [&mut ann, &mut bob, &mut cat, &mut dan] {
            viewer.come(&node).await;
        }
        let moderator = Viewer::join(&book, &node, "mod", Encoding::Json).await;
        Self { cluster, node, book, ann, bob, cat, dan, moderator }
    }

    fn all(&mut self) -> [&mut Viewer; 4] {
        [&mut self.ann, &mut self.bob, &mut self.cat, &mut self.dan]
    }

    /// All see it.
    async fn all_see(&mut self, what: &str, wanted: impl Fn(&View) -> bool) {
        for viewer in self.all() {
            viewer.sees(what, &wanted).await;
        }
    }

    async fn finish(mut self) {
        // Whoever is behind catches up with a last word.
        let last = self.moderator.comment("that is all").await;
        self.moderator.sees("the end", |view| view.comment(last).is_some()).await;
        self.all_see("the end", |view| view.comment(last).is_some()).await;
        let [ann, others @ ..] = self.all().map(|viewer| viewer.view());
        let by_id = |lines: &[Line]| lines.iter().map(|line| (line.id, line.clone())).collect::<BTreeMap<_, _>>();
        for other in others {
            assert_eq!((&ann.pinned, &ann.reactions), (&other.pinned, &other.reactions));
            assert_eq!(by_id(&ann.comments), by_id(&other.comments));
        }
        let history = web::whole_history(&self.node, "stage", 3).await;
        assert_eq!(by_id(&ann.comments), by_id(&history));
        let durable = self.cluster.durable();
        let history = Some(History { comments: &history, complete: true });
        self.book.ledger().quiet_check(Quiet { history, durable: Some(&durable) }, self.book.now_ms());
        self.book.assert_kept();
    }
}

#[tokio::test]
async fn all_are_welcomed_and_given_a_snapshot_with_the_same_words() {
    let cluster = Cluster::start(ONE_NODE).await;
    let (node, book) = (cluster.url("b1").await, Book::open("stage"));
    for encoding in Encoding::ALL {
        let name = encoding.subprotocol();
        let mut viewer = Viewer::new(&book, name, encoding);
        viewer.connect(&node).await.expect("a connection");
        viewer.heard().await;
        let welcome = json!({
            "type": "welcome", "viewer": name, "node": "b1", "stream": "stage", "placed": "b1",
            "limits": {"comment_bytes": 1000, "comments_per_minute": 6000, "tap_interval_ms": 250, "beat_ms": 20000},
        });
        assert_eq!(viewer.form, welcome);
        viewer.heard().await;
        let snapshot = viewer.form;
        // A stream that was opened before all owners were there begins anew.
        let empty = json!({
            "type": "snapshot", "epoch": snapshot["epoch"], "seq": snapshot["seq"], "partial": snapshot["partial"],
            "viewers": snapshot["viewers"], "reactions": {}, "pinned": null, "top": [], "comments": [],
        });
        assert_eq!(snapshot, empty);
        assert!(snapshot["epoch"].as_u64() > Some(0), "{snapshot}");
    }
    book.assert_kept();
}

#[tokio::test]
async fn comments_likes_reactions_pins_and_deletions_are_the_same_to_all() {
    let mut stage = Stage::set().await;
    let hello = answer(&mut stage.ann, "k3f9-1", &comment("hello")).await;
    let id = id_of(&hello);
    assert_eq!(hello, json!({"type": "ack", "ref": "k3f9-1", "id": id}));
    for viewer in stage.all() {
        let mut delta = delta_with(viewer, id).await;
        // A change of viewers may ride on any frame.
        delta.as_object_mut().map(|fields| fields.remove("viewers"));
        let at = delta["comments"][0]["at"].as_u64().expect("a time");
        let line = json!({"id": id, "author": "ann", "name": "Ann", "body": "hello", "at": at, "likes": 0});
        let (epoch, from, seq) = (&delta["epoch"], &delta["from"], &delta["seq"]);
        let exact = json!({"type": "delta", "epoch": epoch, "from": from, "seq": seq, "comments": [line],
            "shown": 1, "total": 1});
        assert_eq!(delta, exact);
    }
    let hi = answer(&mut stage.bob, "k3f9-1", &comment("hi\n\"<b>\" ❤")).await;
    assert_ne!(id_of(&hi), id, "refs are a viewer's own");
    stage.all_see("two comments", |view| view.comments.len() == 2).await;
    for viewer in stage.all() {
        let view = viewer.view();
        let line = view.comment(id_of(&hi)).expect("the comment");
        assert_eq!(
            (line.author.as_str(), line.name.as_str(), line.body.as_str(), line.likes),
            ("bob", "Bob the Büilder", "hi\n\"<b>\" ❤", 0)
        );
    }

    let stamp = stamp_after(0);
    let like = says(id, true, stamp);
    let liked = json!({"type": "ack", "ref": "k3f9-2", "id": id, "liked": true, "stamp": stamp});
    assert_eq!(answer(&mut stage.bob, "k3f9-2", &like).await, liked);
    assert_eq!(answer(&mut stage.bob, "k3f9-2", &like).await, liked, "a retry has the same answer");
    for viewer in [&mut stage.ann, &mut stage.cat, &mut stage.dan] {
        assert_eq!(answer(viewer, "k3f9-2", &like).await, liked, "so has another viewer");
    }
    stage.all_see("four likes", |view| view.comment(id).is_some_and(|line| line.likes == 4)).await;
    let unliked = json!({"type": "ack", "ref": "k3f9-3", "id": id, "liked": false, "stamp": stamp + 1});
    assert_eq!(answer(&mut stage.bob, "k3f9-3", &says(id, false, stamp + 1)).await, unliked);
    let late = json!({"type": "ack", "ref": "k3f9-4", "id": id, "liked": false, "stamp": stamp + 1});
    assert_eq!(answer(&mut stage.bob, "k3f9-4", &like).await, late, "an older stamp changes nothing");
    stage.all_see("one like less", |view| view.comment(id).is_some_and(|line| line.likes == 3)).await;
    let never = json!({"type": "ack", "ref": "k3f9-5", "id": id_of(&hi), "liked": false, "stamp": stamp});
    assert_eq!(answer(&mut stage.ann, "k3f9-5", &says(id_of(&hi), false, stamp)).await, never);

    stage.ann.tap("heart", 3).await;
    stage.bob.tap("clap", 2).await;
    stage
        .all_see("taps of both", |view| {
            view.reactions.get("heart") == Some(&3) && view.reactions.get("clap") == Some(&2)
        })
        .await;

    let pin = What::Pin { id: Some(id) };
    let told = answer(&mut stage.bob, "k3f9-6", &pin).await;
    assert_eq!((&told["type"], &told["code"]), (&json!("reject"), &json!("forbidden")));
    let pinned = json!({"type": "ack", "ref": "k3f9-6", "id": id});
    assert_eq!(answer(&mut stage.moderator, "k3f9-6", &pin).await, pinned);
    stage.all_see("the pinned comment", |view| view.pinned.as_ref().is_some_and(|line| line.id == id)).await;
    let pinned = stage.all().map(|viewer| viewer.view().pinned);
    assert!(pinned.iter().all(|of| *of == pinned[0]), "{pinned:#?}");

    let told = answer(&mut stage.bob, "k3f9-7", &What::Delete { id }).await;
    assert_eq!(told["code"], "forbidden");
    let deleted = json!({"type": "ack", "ref": "k3f9-7", "id": id});
    assert_eq!(answer(&mut stage.ann, "k3f9-7", &What::Delete { id }).await, deleted);
    stage.all_see("neither the comment nor the pin", |view| view.comment(id).is_none() && view.pinned.is_none()).await;
    let told = answer(&mut stage.bob, "k3f9-8", &says(id, true, stamp + 2)).await;
    assert_eq!((&told["code"], told.get("retry_after_ms")), (&json!("unknown_comment"), None));
    stage.finish().await;
}

#[tokio::test]
async fn all_are_refused_with_the_same_words() {
    let mut stage = Stage::set().await;
    let long = "x".repeat(1_001);
    let id: CommentId = "6f1c0000000000000000000000000009".parse().expect("an id");
    // Ref, message in JSON, message in MessagePack, and the code of the answer.
    let bad: Vec<(Value, String, Vec<u8>, Code)> = vec![
        (Value::Null, "{".into(), vec![0xc1], Code::BadJson),
        (
            json!("r1"),
            json!({"type": "shout", "ref": "r1"}).to_string(),
            Writer::array(2).number(9).text("r1").done(),
            Code::BadMessage,
        ),
        (
            json!("r2"),
            json!({"type": "comment", "ref": "r2", "body": " \n"}).to_string(),
            Writer::array(3).number(0).text("r2").text(" \n").done(),
            Code::EmptyBody,
        ),
        (
            json!("r3"),
            json!({"type": "comment", "ref": "r3", "body": long}).to_string(),
            Writer::array(3).number(0).text("r3").text(&long).done(),
            Code::BodyTooLong,
        ),
        (
            json!("r4"),
            json!({"type": "comment", "ref": "r4", "body": "a\u{7}"}).to_string(),
            Writer::array(3).number(0).text("r4").text("a\u{7}").done(),
            Code::BadText,
        ),
        (
            json!("r5"),
            json!({"type": "like", "ref": "r5", "id": id}).to_string(),
            Writer::array(4).number(1).text("r5").id(id.as_bytes()).nil().done(),
            Code::BadStamp,
        ),
        (
            json!("r6"),
            json!({"type": "like", "ref": "r6", "id": id, "stamp": 1_u64 << 53}).to_string(),
            Writer::array(4).number(1).text("r6").id(id.as_bytes()).number(1 << 53).done(),
            Code::BadStamp,
        ),
    ];
    for (reference, text, packed, code) in bad {
        stage.ann.send_raw(text.into_bytes()).await;
        for viewer in [&mut stage.bob, &mut stage.cat, &mut stage.dan] {
            viewer.send_raw(packed.clone()).await;
        }
        let ann = refusal(&mut stage.ann).await;
        for viewer in stage.all().into_iter().skip(1) {
            let other = refusal(viewer).await;
            let same_words = matches!(code, Code::EmptyBody | Code::BodyTooLong | Code::BadText);
            assert!(!same_words || ann["message"] == other["message"], "{other}");
            assert_eq!((&other["ref"], &other["code"]), (&ann["ref"], &ann["code"]), "{other}");
            assert_eq!(other.get("retry_after_ms"), None);
        }
        assert_eq!((&ann["ref"], &ann["code"]), (&reference, &json!(code.as_str())), "{ann}");
        assert_eq!(ann.get("retry_after_ms"), None);
    }
    for viewer in stage.all() {
        answer(viewer, "once", &comment("one")).await;
        assert_eq!(answer(viewer, "once", &comment("two")).await["code"], "ref_reused");
    }
}

/// The next refusal: of a message that the ledger was not told of.
async fn refusal(viewer: &mut Viewer) -> Value {
    while !matches!(*viewer.heard().await, Response::Reject { .. }) {}
    viewer.form.clone()
}

#[tokio::test]
async fn all_resume_with_one_delta_from_where_they_were() {
    let mut stage = Stage::set().await;
    // A link between nodes that breaks meanwhile, on a very busy machine, begins a new epoch: then once more.
    let mut round = 0;
    while !resumes(&mut stage, round).await {
        round += 1;
        assert!(round < 5, "every resumption ended in a new epoch");
    }
    stage.finish().await;
}

/// All go, three comments and a like are written, and they come back. False: in a new epoch.
async fn resumes(stage: &mut Stage, round: u32) -> bool {
    let before = stage.moderator.comment(&format!("before {round}")).await;
    stage.all_see("what was before", |view| view.comment(before).is_some()).await;
    let points = stage.all().map(|viewer| {
        viewer.leave();
        viewer.view().point
    });
    let mut missed = BTreeSet::new();
    for body in ["one", "two", "three"] {
        missed.insert(stage.moderator.comment(body).await);
    }
    stage.moderator.like(before, true).await;
    let liked = |view: &View| view.comment(before).is_some_and(|line| line.likes == 1);
    stage.moderator.sees("all of it", |view| liked(view) && missed.iter().all(|id| view.comment(*id).is_some())).await;
    let node = stage.node.clone();
    for (viewer, point) in stage.all().into_iter().zip(points) {
        viewer.connect(&node).await.expect("a connection");
        let welcome = viewer.heard().await;
        assert!(matches!(*welcome, Response::Welcome { .. }), "{welcome:?}");
        let Response::Delta { epoch, from, comments, .. } = &*viewer.heard().await else { return false };
        assert_eq!(point.map(|point| (point.epoch, point.seq)), Some((*epoch, *from)));
        assert_eq!(comments.iter().map(|line| line.id).collect::<BTreeSet<_>>(), missed);
        assert!(liked(&viewer.view()));
    }
    true
}
