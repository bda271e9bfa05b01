//! What member files promise: one holder a name, death at once, silence by age, and no harm from half-written files.

use watershed_protocol::Role;

use super::*;
use crate::{Health, Sighting};

fn member(name: &str) -> Member {
    Member {
        name: name.parse().unwrap(),
        role: Role::Processor,
        incarnation: 7,
        pid: 42,
        peer: Some("127.0.0.1:8280".parse().unwrap()),
        http: "http://127.0.0.1:8180".into(),
        ws: None,
    }
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn look(dir: &tempfile::TempDir) -> Vec<Sighting> {
    Glances::default().look(dir.path()).unwrap()
}

fn healths(dir: &tempfile::TempDir) -> Vec<Health> {
    look(dir).into_iter().map(|seen| seen.health).collect()
}

#[test]
fn a_member_that_missed_its_heartbeats_is_silent_until_the_next() {
    let dir = dir();
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    lease.file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    assert!(matches!(healths(&dir)[..], [Health::Silent { age_ms: 60_000..120_000 }]));
    lease.heartbeat(None).unwrap();
    assert_eq!(healths(&dir), [Health::Alive]);
}

#[test]
fn a_heartbeat_from_the_future_is_a_heartbeat() {
    let dir = dir();
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    lease.file.set_modified(SystemTime::now() + Duration::from_secs(3_600)).unwrap();
    assert_eq!(healths(&dir), [Health::Alive]);
}

#[test]
fn a_young_heartbeat_does_not_make_a_dead_member_alive() {
    let dir = dir();
    drop(StateDirLease::take(dir.path(), &member("p1")).unwrap());
    assert_eq!(healths(&dir), [Health::Dead]);
}

#[test]
fn a_half_written_file_is_nobody_yet() {
    let dir = dir();
    let _lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    fs::write(dir.path().join("p2.json"), br#"{"name":"p2","ro"#).unwrap();
    fs::write(dir.path().join("p3.json"), b"").unwrap();
    fs::write(dir.path().join("p4.json"), serde_json::to_vec(&member("p5")).unwrap()).unwrap();
    assert_eq!(healths(&dir).len(), 1);
}

#[test]
fn a_shorter_member_leaves_nothing_of_a_longer_one() {
    let dir = dir();
    let mut long = member("p1");
    long.http = format!("http://{}:8180", "x".repeat(500));
    drop(StateDirLease::take(dir.path(), &long).unwrap());
    let _lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    assert_eq!(look(&dir)[0].member, member("p1"));
}

#[test]
fn joining_waits_out_a_probe() {
    let dir = dir();
    drop(StateDirLease::take(dir.path(), &member("p1")).unwrap());
    let probe = File::open(dir.path().join("p1.json")).unwrap();
    probe.lock_shared().unwrap();
    thread::scope(|scope| {
        let joining = scope.spawn(|| StateDirLease::take(dir.path(), &member("p1")).map(|_| ()));
        drop(probe);
        joining.join().unwrap().unwrap();
    });
}

#[test]
fn reading_does_not_free_the_lock() {
    let dir = dir();
    let _lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    for _ in 0..3 {
        assert_eq!(healths(&dir), [Health::Alive]);
    }
}

#[test]
fn a_removed_member_file_ends_the_lease() {
    let dir = dir();
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    fs::remove_file(&lease.path).unwrap();
    assert!(matches!(lease.heartbeat(None), Err(LeaseError::Lost { .. })));
    let _other = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    assert!(matches!(lease.heartbeat(None), Err(LeaseError::Lost { .. })));
}

#[test]
fn a_load_is_read_with_its_member_and_never_takes_it_away() {
    let dir = dir();
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    let path = dir.path().join("p1.json");
    let found = || read(&path).unwrap();
    assert_eq!(found(), (member("p1"), None));
    let long =
        Load { viewers: 17_999, viewers_max: 18_000, draining: false, streams: vec![("final".parse().unwrap(), 7)] };
    let short = Load { viewers: 2, streams: Vec::new(), ..long.clone() };
    for load in [&long, &short, &long] {
        lease.heartbeat(Some(load)).unwrap();
        assert_eq!(found(), (member("p1"), Some(load.clone())));
    }
    // Whoever reads while it is written over may find anything there.
    let whole = fs::read(&path).unwrap();
    for cut in lease.load_at as usize..whole.len() - 1 {
        fs::write(&path, &whole[..cut]).unwrap();
        assert_eq!(found().0, member("p1"), "cut at {cut}");
    }
    fs::write(&path, [&whole[..lease.load_at as usize], b"{\"viewers\":\xff"].concat()).unwrap();
    assert_eq!(found(), (member("p1"), None));
}

#[test]
fn the_most_streams_fit_into_a_members_file() {
    let dir = dir();
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    let streams = (0..crate::STREAMS_REPORTED_MAX).map(|i| (format!("{i:0>64}").parse().unwrap(), u16::MAX)).collect();
    let load = Load { viewers: u64::MAX, viewers_max: u64::MAX, draining: false, streams };
    lease.heartbeat(Some(&load)).unwrap();
    assert_eq!(look(&dir)[0].load, Some(load));
}

#[test]
fn whoever_looks_again_sees_what_has_changed_in_between() {
    let dir = dir();
    let mut glances = Glances::default();
    let mut look = || {
        let seen = glances.look(dir.path()).unwrap().into_iter();
        seen.map(|seen| (seen.member, seen.health)).collect::<Vec<_>>()
    };
    assert_eq!(look(), []);
    let lease = StateDirLease::take(dir.path(), &member("p1")).unwrap();
    assert_eq!(look(), [(member("p1"), Health::Alive)]);
    drop(lease);
    assert_eq!(look(), [(member("p1"), Health::Dead)]);
    // The same file, by another process of the name.
    let second = Member { pid: 43, ..member("p1") };
    let lease = StateDirLease::take(dir.path(), &second).unwrap();
    assert_eq!(look(), [(second.clone(), Health::Alive)]);
    lease.file.set_modified(SystemTime::now() - Duration::from_secs(60)).unwrap();
    assert!(matches!(look()[..], [(_, Health::Silent { .. })]));
    // Another file under the same name.
    fs::remove_file(dir.path().join("p1.json")).unwrap();
    assert_eq!(look(), []);
    let third = Member { pid: 44, ..member("p1") };
    let _third = StateDirLease::take(dir.path(), &third).unwrap();
    assert_eq!(look(), [(third, Health::Alive)]);
    drop(lease);
    assert!(matches!(look()[..], [(_, Health::Alive)]), "the lock on the former file means nothing");
    fs::write(dir.path().join("p2.json"), br#"{"name":"p2","ro"#).unwrap();
    assert_eq!(look().len(), 1);
    fs::write(dir.path().join("p2.json"), serde_json::to_vec(&member("p2")).unwrap()).unwrap();
    assert_eq!(look()[1], (member("p2"), Health::Dead));
}
