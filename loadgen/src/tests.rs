//! Whole runs against a small server that plays the protocol, honestly or with one planted fault.

mod server;

use server::{Fault, Server};
use tokio::sync::watch;

use crate::{
    arguments::{Arguments, Config},
    report::Report,
};
use clap::Parser;

/// Runs six viewers for a second of sending against a server with a fault.
fn run(fault: Fault) -> Report {
    run_with(fault, "--unlike-share 0.05")
}

/// The same with some more flags.
fn run_with(fault: Fault, flags: &str) -> Report {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let address = Server::start(fault).await;
        let (_stop, stopped) = watch::channel(false);
        crate::run::run(&config_with(&address, flags), stopped).await.unwrap()
    })
}

fn config(address: &str) -> Config {
    config_with(address, "--unlike-share 0.05")
}

fn config_with(address: &str, more: &str) -> Config {
    let flags =
        "loadgen --viewers 6 --comments-per-s 30 --likes-per-s 100 --duration 1 --seed 7 --quiet-wait 20 --http";
    let arguments = flags.split(' ').map(str::to_owned).chain([format!("http://{address}")]);
    let arguments = arguments.chain(more.split(' ').map(str::to_owned));
    Arguments::try_parse_from(arguments).unwrap().check().unwrap()
}

fn names(report: &Report) -> Vec<&'static str> {
    report.ledger.violations.iter().map(|finding| finding.violation.name()).collect()
}

#[test]
fn an_honest_server_keeps_every_promise_and_the_figures_add_up() {
    let report = run(Fault::None);
    assert!(report.kept() && report.quiet, "{report}");
    assert_eq!(report.ledger.comments.acknowledged, 30);
    assert_eq!((report.ledger.seen, report.ledger.deliveries), (30, 180));
    assert!(report.ledger.likes.acknowledged > 50 && report.ledger.unlikes.acknowledged > 0, "{report}");
    assert_eq!((report.comment_ms.count, report.held_back), (150, 0));
    assert!(report.history.complete && report.history.error.is_none());
}

#[test]
fn a_crowd_of_people_keeps_the_same_ledger() {
    let report = run_with(Fault::None, "--people --taps-per-s 20");
    assert!(report.kept() && report.quiet, "{report}");
    assert_eq!((report.ledger.comments.acknowledged, report.ledger.seen), (30, 30));
    assert!(report.comment_ms.count > 0 && report.ledger.likes.acknowledged > 50, "{report}");
}

#[test]
fn a_comment_that_is_acknowledged_and_lost_is_found() {
    let report = run(Fault::LoseComments);
    let names = names(&report);
    assert!(names.contains(&"comment_missing_from_view"), "{report}");
    assert!(names.contains(&"comment_missing_from_history"), "{report}");
}

#[test]
fn a_like_that_is_counted_twice_is_found() {
    let report = run(Fault::CountTwice);
    assert!(names(&report).contains(&"count_above_likes"), "{report}");
    assert!(names(&report).contains(&"likes_wrong_when_quiet"), "{report}");
}

#[test]
fn connections_that_break_are_resumed_and_their_writes_sent_again() {
    let report = run(Fault::Cut);
    assert!(report.kept() && report.quiet, "{report}");
    assert!(report.reconnects > 0 && report.ledger.resent > 0, "{report}");
    assert_eq!(report.ledger.comments.acknowledged, 30);
}

#[test]
fn duplicates_and_dropped_connections_change_nothing_that_was_promised() {
    let report = run_with(Fault::None, "--unlikes-per-s 40 --duplicates 0.5 --reconnects-per-s 20");
    assert!(report.kept() && report.quiet, "{report}");
    assert_eq!(report.drops, 20, "{report}");
    assert!(report.repeats > 40, "{report}");
    assert!(report.ledger.unlikes.acknowledged > 0, "{report}");
    assert_eq!((report.ledger.comments.acknowledged, report.ledger.seen), (30, 30));
}

#[test]
fn counts_that_no_processor_wrote_down_are_found() {
    let report = run_with(Fault::None, "--durable /dev/null");
    assert_eq!(names(&report), ["count_never_durable"], "{report}");
}

#[test]
fn a_skipped_frame_breaks_the_chain() {
    let report = run(Fault::SkipFrame);
    assert!(names(&report).contains(&"chain_broken"), "{report}");
}

#[test]
fn what_is_refused_for_now_is_sent_again_with_the_same_ref() {
    let report = run(Fault::RefuseFirst);
    assert!(report.kept() && report.quiet, "{report}");
    assert!(report.ledger.refusals["overloaded"] >= 30, "{report}");
    assert_eq!((report.ledger.comments.acknowledged, report.ledger.comments.refused), (30, 0));
}

#[test]
fn a_viewer_that_is_told_to_move_goes_on_where_it_was() {
    let report = run(Fault::Move);
    assert!(report.kept() && report.quiet, "{report}");
    assert_eq!(report.moves, 6, "{report}");
    assert_eq!(report.ledger.snapshots, 6, "{report}");
}

#[test]
fn a_run_that_is_stopped_ends_with_its_report() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = runtime.block_on(async {
        let address = Server::start(Fault::None).await;
        let (stop, stopped) = watch::channel(false);
        let config = Config { duration_s: 3_600.0, ..config(&address) };
        stop.send(true).unwrap();
        crate::run::run(&config, stopped).await.unwrap()
    });
    assert!(report.kept() && report.seconds < 60.0, "{report}");
}

#[test]
fn a_run_that_nobody_answers_has_kept_nothing() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let report = runtime.block_on(async {
        // A port that was free a moment ago, and where nobody listens.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let (stop, stopped) = watch::channel(false);
        stop.send(true).unwrap();
        let config = Config { quiet_wait_s: 0.0, ..config(&address) };
        crate::run::run(&config, stopped).await.unwrap()
    });
    assert!(!report.kept() && report.history.error.is_some(), "{report}");
}
