//! Nodes of every role are killed while a crowd writes, repeats itself and reconnects: every promise is kept.

use serde_json::json;
use watershed_tests::{PATIENCE, storm::Storm};

#[tokio::test]
async fn a_short_storm_breaks_no_promise() {
    let storm = Storm {
        seed: 1,
        kills: 3,
        duration_s: 20,
        viewers: 100,
        likes: 500,
        unlikes: 50,
        comments: 5,
        duplicates_percent: 20,
        reconnects: 10,
        // A busy machine must not decide.
        answer_within_s: PATIENCE.as_secs(),
    };
    let aftermath = storm.blow(|line| eprintln!("{line}")).await;
    assert_eq!(aftermath.code, 0, "{aftermath}");
    let (report, ledger) = (&aftermath.report, &aftermath.report["ledger"]);
    assert_eq!((&ledger["violations"], &report["quiet"]), (&json!([]), &json!(true)), "{aftermath}");
    assert_eq!(ledger["views_checked"], 100, "{aftermath}");
    assert_eq!(aftermath.killed.len(), 3);
    for count in [&report["drops"], &report["repeats"], &ledger["unlikes"]["acknowledged"]] {
        assert!(count.as_u64() > Some(0), "{aftermath}");
    }
    assert_eq!(ledger["comments"]["acknowledged"], ledger["comments"]["sent"], "{aftermath}");
}
