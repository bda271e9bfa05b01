//! Processors whose disk fails or fills up, in a whole cluster: they say why, and nothing acknowledged is lost.

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use watershed_ledger::{History, Quiet, What};
use watershed_protocol::client::{Code, Encoding, Response};
use watershed_tests::{
    book::Book,
    cluster::{Cluster, Setup},
    crowd::{Crowd, Rates},
    image::Image,
    preload,
    process::Process,
    topology::{SMALL, Shape},
    until,
    viewer::{Told, Viewer},
    web,
};

const RATES: Rates = Rates { viewers: 40, comments: 8, likes: 80 };

/// The segments of a node's log, by name.
fn segments(log: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(log).expect("a log").filter_map(Result::ok);
    files.filter_map(|file| file.file_name().into_string().ok()).filter(|name| name.ends_with(".log")).collect()
}

#[tokio::test]
async fn a_failed_sync_ends_the_processor_and_the_next_start_has_everything_in_a_new_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let prelude = preload::fails(dir.path());
    let cluster =
        Cluster::start_as(Shape { fixed_ports: true, ..SMALL }, Setup { prelude: &prelude, ..Setup::default() }).await;
    let book = Book::open("failing");
    let mut crowd = Crowd::join(&book, cluster.urls().await, RATES).await;
    // As a child of this test, so that its exit status is known.
    cluster.kill("p1").await;
    let (said, topology) = (cluster.path("p1.log"), cluster.path("cluster.toml").display().to_string());
    let arguments = ["processor", "--topology", &topology, "--name", "p1"];
    let mut p1 = Process::start(&cluster.path("node"), arguments, &said);
    crowd.write(RATES);
    crowd.acknowledged_more(10, 100).await;

    let trigger = dir.path().join("p1");
    fs::write(&trigger, "").expect("the trigger");
    let code = until("p1 ends by itself", async || p1.ended().ok_or("it runs")).await;
    let words = fs::read_to_string(&said).expect("its log");
    assert_eq!(code, 1, "{words}");
    let last = words.lines().last().unwrap_or_default();
    assert!(last.starts_with("watershed processor: group ") && last.contains(" was not made durable, "), "{words}");
    assert!(last.contains("cannot sync ") && last.contains("os error 5"), "{words}");

    let log = cluster.path("data/p1/log");
    let before = segments(&log);
    fs::remove_file(&trigger).expect("the trigger was there");
    cluster.respawn("p1").await;
    let newest = before.last().expect("a segment");
    assert!(segments(&log).last() > Some(newest), "the tail is still in {newest}");
    crowd.acknowledged_more(10, 100).await;
    let (report, history) = crowd.finish(|| cluster.durable()).await;
    assert_eq!(history.len() as u64, report.comments.sent);
    assert_eq!(report.likes.acknowledged, report.likes.sent);
}

/// A processor's disk: room for its store and some segments.
const DISK_BYTES: u64 = 160 << 20;

/// Writers take turns, so that no rate of one viewer is met.
const WRITERS: usize = 20;

/// Comments of both owners from before the disk is full.
const READABLE: usize = 60;

/// Comments that would fill two segments of every processor.
const COMMENTS_MAX: usize = 8_000;

#[tokio::test]
async fn a_full_disk_refuses_writes_of_its_owner_alone_and_heals() {
    if let Some(why) = Image::impossible() {
        let test = "a_full_disk_refuses_writes_of_its_owner_alone_and_heals";
        let _ = writeln!(std::io::stderr().lock(), "SKIPPED {test}: {why}");
        return;
    }
    let home = tempfile::tempdir().expect("a directory");
    let disk = Image::create(home.path(), DISK_BYTES).unwrap_or_else(|error| panic!("{error:#}"));
    let dir = home.path().join("cluster");
    fs::create_dir_all(dir.join("data")).expect("a directory");
    std::os::unix::fs::symlink(disk.path(), dir.join("data/p1")).expect("p1 has its own disk");
    let cluster = Cluster::start_as(SMALL, Setup { dir: Some(&dir), ..Setup::default() }).await;
    let (book, node) = (Book::open("full"), cluster.url("b1").await);
    let mut writers = Vec::new();
    for number in 0..WRITERS {
        writers.push(Viewer::join(&book, &node, &format!("writer-{number}"), Encoding::Json).await);
    }

    for number in 0..READABLE {
        writers[number % WRITERS].comment(&format!("comment {number} from before")).await;
    }
    let ballast = disk.path().join("ballast");
    fill(&ballast);
    let body = "x".repeat(900);
    let mut refused = None;
    for number in 0..COMMENTS_MAX {
        let writer = number % WRITERS;
        let (reference, what) = (writers[writer].next_ref(), What::Comment { body: format!("{number} {body}") });
        writers[writer].send(&reference, &what).await.expect("a connection");
        if let Some(message) = refusal(&mut writers[writer], &reference).await {
            refused = Some((writer, reference, what, message));
            break;
        }
        // What checkpoints gave back in between.
        fill(&ballast);
    }
    let (writer, reference, what, message) = refused.expect("the disk is full at some time");
    assert_eq!(message, "the disk of the comment's owner is full");

    // The other owner takes writes, and everybody sees them; what the full one has can be read.
    let mut bob = Viewer::join(&book, &cluster.url("b2").await, "bob", Encoding::MessagePack).await;
    let seen = taken_by_the_other(&mut writers[(writer + 1) % WRITERS]).await;
    bob.sees("a comment of the owner that has room", |view| view.comments.iter().any(|line| line.body == seen)).await;
    let readable = web::whole_history(&node, "full", 100).await.len();
    assert!(readable > READABLE, "{readable} comments can be read");

    fs::remove_file(&ballast).expect("the ballast was there");
    let told = writers[writer].write_as(&reference, &what).await;
    assert!(matches!(told, Told::Acknowledged { .. }), "{told:?}");
    let history = web::whole_history(&node, "full", 100).await;
    assert!(history.len() > readable);
    for viewer in writers.iter_mut().chain([&mut bob]) {
        viewer
            .sees("the newest comments", |view| history.iter().take(50).all(|line| view.comment(line.id).is_some()))
            .await;
    }
    let quiet = Quiet { history: Some(History { comments: &history, complete: true }), durable: None };
    book.ledger().quiet_check(quiet, book.now_ms());
    book.assert_kept();
}

/// Lets a file grow until its disk is full.
fn fill(path: &Path) {
    let mut file = fs::File::options().create(true).append(true).open(path).expect("the ballast");
    while file.write_all(&[1; 4096]).is_ok() {}
}

/// The answer to one sending: words if it was refused for now.
async fn refusal(viewer: &mut Viewer, reference: &watershed_protocol::Ref) -> Option<String> {
    loop {
        match &*viewer.heard().await {
            Response::Ack { reference: of, .. } if of == reference => return None,
            Response::Reject { reference: Some(of), code, message, retry_after_ms, .. } if of == reference => {
                assert_eq!((*code, retry_after_ms.is_some()), (Code::Unavailable, true), "{message}");
                return Some(message.to_string());
            }
            _ => {}
        }
    }
}

/// Writes until the owner with room is met; gives the body that it took.
async fn taken_by_the_other(viewer: &mut Viewer) -> String {
    for number in 0.. {
        let (reference, body) = (viewer.next_ref(), format!("there is room for {number}"));
        viewer.send(&reference, &What::Comment { body: body.clone() }).await.expect("a connection");
        if refusal(viewer, &reference).await.is_none() {
            return body;
        }
        assert!(number < 100, "nobody takes writes");
    }
    unreachable!("the loop has no end")
}
