//! What the map file promises: whole or not at all, damage is told, and a poll that finds nothing reads nothing.

use watershed_protocol::{ClusterKey, NodeName};

use super::*;

fn map() -> Map {
    let nodes: Vec<NodeName> = vec!["p1".parse().unwrap()];
    Map::found(ClusterKey::from_bytes([7; 32]), &nodes).unwrap()
}

fn founded() -> (tempfile::TempDir, MapFile) {
    let dir = tempfile::tempdir().unwrap();
    let file = MapFile::new(dir.path());
    file.compare_and_set(Epoch::ZERO, &map()).unwrap();
    (dir, file)
}

/// Makes the file look as if it had been written a minute ago.
fn age(file: &MapFile) {
    let minute = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(&file.path).unwrap().set_modified(minute).unwrap();
}

#[test]
fn an_unchanged_map_is_not_read_again() {
    let (_dir, file) = founded();
    age(&file);
    let first = file.read().unwrap().unwrap();
    let minute = fs::metadata(&file.path).unwrap().modified().unwrap();
    // Same look, other content: only somebody who reads would notice.
    let damage = "x".repeat(fs::metadata(&file.path).unwrap().len() as usize);
    fs::write(&file.path, damage).unwrap();
    File::options().write(true).open(&file.path).unwrap().set_modified(minute).unwrap();
    assert!(Arc::ptr_eq(&first, &file.read().unwrap().unwrap()));
}

#[test]
fn a_map_that_was_just_written_is_read_again() {
    let (_dir, file) = founded();
    assert_eq!(file.read().unwrap().unwrap().epoch(), Epoch::new(1));
    assert!(file.last.lock().unwrap().is_none(), "a young file is not to be trusted");
}

#[test]
fn damage_is_told_with_the_file_and_refuses_changes() {
    let (_dir, file) = founded();
    let text = fs::read_to_string(&file.path).unwrap();
    fs::write(&file.path, &text[..text.len() / 2]).unwrap();
    let refused = file.read().unwrap_err().to_string();
    assert!(refused.starts_with(&format!("{}: map cannot be read: ", file.path.display())), "{refused}");
    assert!(matches!(file.compare_and_set(Epoch::ZERO, &map()), Err(CasError::State(_))));
}

#[test]
fn what_a_crash_left_beside_the_map_is_overwritten() {
    let (dir, file) = founded();
    fs::write(dir.path().join("map.json.next"), "half a m").unwrap();
    let mut next = map();
    next.claim(&"p1".parse().unwrap());
    file.compare_and_set(Epoch::new(1), &next).unwrap();
    assert_eq!(*file.read().unwrap().unwrap(), next);
}

#[test]
#[should_panic(expected = "a change raises the map's epoch")]
fn a_change_without_a_greater_epoch_is_our_own_bug() {
    let (_dir, file) = founded();
    let _ = file.compare_and_set(Epoch::new(1), &map());
}
