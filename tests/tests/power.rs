//! A power cut of the whole cluster loses nothing that was acknowledged; a disk that forgets is found out.

use std::{fs, io::Write, path::PathBuf};

use watershed_tests::{
    image::Image,
    power::Outages,
    preload,
    process::{Process, binary},
    until,
};

/// Whether this machine can do it; if not, a line says why, also when the output of tests is not shown.
fn can_mount(test: &str) -> bool {
    let Some(why) = Image::impossible() else { return true };
    let _ = writeln!(std::io::stderr().lock(), "SKIPPED {test}: {why}");
    false
}

#[tokio::test]
async fn what_was_acknowledged_before_a_power_cut_is_there_afterwards() {
    if can_mount("what_was_acknowledged_before_a_power_cut_is_there_afterwards") {
        let mut outages = Outages::begin(1, "").await;
        let outage = outages.cut().await;
        assert!(outage.report.likes.acknowledged > 0, "{outage}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_around_a_failed_sync_survives_a_power_cut() {
    if can_mount("what_was_acknowledged_around_a_failed_sync_survives_a_power_cut") {
        let dir = tempfile::tempdir().expect("a directory");
        let mut outages = Outages::begin(2, &preload::fails(dir.path())).await;
        outages.fail_syncs("p1", dir.path()).await;
        outages.cut().await;
    }
}

#[tokio::test]
async fn a_disk_that_forgets_what_it_was_asked_to_keep_is_found_out() {
    if !can_mount("a_disk_that_forgets_what_it_was_asked_to_keep_is_found_out") {
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let log: PathBuf = dir.path().join("powercut.log");
    let mut powercut = Process::start(&binary("powercut"), ["--cuts", "3", "--forgetful", "processor"], &log);
    let code = until("a cut is not survived", async || powercut.ended().ok_or("it runs")).await;
    let words = fs::read_to_string(&log).unwrap_or_default();
    assert_eq!(code, 1, "{words}");
    // Acknowledged writes are missing, or what is left does not fit together and is refused.
    let found = ["broken promises", "cluster up", "watershed verify", "cluster start"];
    assert!(found.iter().any(|found| words.contains(found)), "{words}");
}
