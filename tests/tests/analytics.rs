//! Analytics are exact: what DuckDB sums up is what was acknowledged, after an orderly end and, up to the last rotation, after a
//! kill.

use std::{collections::BTreeMap, fs, sync::Arc};

use watershed_protocol::client::{Encoding, Line};
use watershed_tests::{
    analytics::{self, Answer},
    book::Book,
    cluster::Cluster,
    crowd::{Crowd, Rates},
    topology::SMALL,
    until,
    viewer::Viewer,
    web,
};

const RATES: Rates = Rates { viewers: 60, comments: 10, likes: 300 };

/// What two people do whose every write is known: comments, likes, unlikes and taps.
const BY_HAND: [u64; 4] = [2, 3, 1, 5];

/// Two people write by hand, and stay.
async fn write_by_hand(cluster: &Cluster, book: &Arc<Book>) -> [Viewer; 2] {
    let mut ann = Viewer::join(book, &cluster.url("b1").await, "ann", Encoding::Json).await;
    let mut bob = Viewer::join(book, &cluster.url("b2").await, "bob", Encoding::MessagePack).await;
    let (first, second) = (ann.comment("one").await, bob.comment("two").await);
    ann.like(first, true).await;
    bob.like(first, true).await;
    bob.like(second, true).await;
    bob.like(first, false).await;
    // These are acknowledged and change nothing.
    ann.like(second, false).await;
    ann.like(first, true).await;
    ann.tap("heart", 3).await;
    bob.tap("clap", 2).await;
    let taps = |view: &watershed_tests::view::View| view.reactions.values().sum::<u64>() == 5 && view.viewers == 2;
    ann.sees("all taps and both viewers", taps).await;
    bob.sees("all taps and both viewers", taps).await;
    [ann, bob]
}

/// Waits until the files say so, which they do when the second is over and its file is written.
async fn files_say(cluster: &Cluster, what: &str, wanted: impl Fn(&Answer) -> bool) -> Answer {
    until(what, async || {
        let answer = analytics::ask(cluster).await;
        if wanted(&answer) { Ok(answer) } else { Err(format!("{answer:?}")) }
    })
    .await
}

fn likes(history: &[Line]) -> u64 {
    history.iter().map(|line| line.likes).sum()
}

/// The bytes of all files, by name.
async fn contents(cluster: &Cluster) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for node in ["p1", "p2", "m1"] {
        for entry in fs::read_dir(cluster.path("data").join(node).join("analytics")).into_iter().flatten() {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "parquet") {
                contents.insert(path.display().to_string(), fs::read(&path).expect("a file"));
            }
        }
    }
    contents
}

#[tokio::test]
async fn after_an_orderly_end_the_sums_are_what_was_acknowledged() {
    let cluster = Cluster::start(SMALL).await;
    let (hand, load) = (Book::open("hand"), Book::open("load"));
    let people = write_by_hand(&cluster, &hand).await;
    let mut crowd = Crowd::join(&load, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(20, 600).await;
    let (_, history) = crowd.finish(|| cluster.durable()).await;
    let seq = people[0].view().point.expect("a view").seq;
    let root = web::get_json(&format!("{}/v1/node", cluster.url("m1").await)).await;
    let unshown = root["figures"]["comments_unshown"].as_f64();
    cluster.stop().await;
    let told = analytics::ask(&cluster).await;
    let (by_hand, by_crowd) = (told.of("hand"), told.of("load"));
    assert_eq!(by_hand.writes(), BY_HAND);
    assert_eq!(by_hand.viewers, Some(2));
    assert!(by_hand.frames >= seq, "{by_hand:?}, and viewers were at frame {seq}");
    assert_eq!((by_crowd.comments, by_crowd.likes - by_crowd.unlikes), (history.len() as u64, likes(&history)));
    assert_eq!(Some((by_hand.shed + by_crowd.shed) as f64), unshown);
    assert_eq!(told.totals.len(), 2, "{told:?}");
    hand.assert_kept();
}

#[tokio::test]
async fn after_a_kill_the_files_have_all_that_was_acknowledged_before_the_last_rotation() {
    let cluster = Cluster::start(SMALL).await;
    let (before, load, after) = (Book::open("before"), Book::open("load"), Book::open("after"));
    let _people = write_by_hand(&cluster, &before).await;
    files_say(&cluster, "files of what was written by hand", |told| told.of("before").writes() == BY_HAND).await;
    let mut crowd = Crowd::join(&load, cluster.urls().await, RATES).await;
    crowd.write(RATES);
    crowd.acknowledged_more(20, 600).await;
    let acknowledged = load.ledger().report().comments.acknowledged;
    files_say(&cluster, "files of what the crowd had acknowledged", |told| told.of("load").comments >= acknowledged)
        .await;

    cluster.kill("p1").await;
    let at_kill = contents(&cluster).await;
    let told = analytics::ask(&cluster).await;
    assert_eq!(told.of("before").writes(), BY_HAND);
    assert!(told.of("load").comments >= acknowledged);

    cluster.respawn("p1").await;
    crowd.acknowledged_more(20, 600).await;
    let (_, history) = crowd.finish(|| cluster.durable()).await;
    let _others = write_by_hand(&cluster, &after).await;
    cluster.stop().await;
    let told = analytics::ask(&cluster).await;
    // Neither what is read back from the log at a start counts again, nor does a start touch a file of the one before.
    assert_eq!((told.of("before").writes(), told.of("after").writes()), (BY_HAND, BY_HAND));
    let now = contents(&cluster).await;
    assert!(at_kill.iter().all(|(name, bytes)| now.get(name) == Some(bytes)), "files of before the kill have changed");
    // What the kill took is no more than what was in no file yet.
    let counted = told.of("load").comments;
    assert!((acknowledged..=history.len() as u64).contains(&counted), "{counted} of {}", history.len());
}
