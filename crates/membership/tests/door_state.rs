//! The door of the state directory: what lies there and was not written by a node, or not to its end.
//!
//! Invariant: a map that does not read is refused in words and left as it is; a member that does not read is nobody.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use watershed_membership::{Membership, StateDir};
use watershed_placement::{Map, Spreads};
use watershed_protocol::{ClusterKey, Epoch};

fn map() -> Map {
    Map::found(ClusterKey::from_bytes([7; 32]), &["p1".parse().unwrap()]).unwrap()
}

#[test]
fn a_map_that_does_not_read_is_refused_and_never_replaced() {
    let whole = map().encode();
    let table: Vec<(Vec<u8>, &str)> = vec![
        (b"".into(), "map cannot be read: EOF"),
        (b"\0\0\0\0".into(), "map cannot be read"),
        (whole.as_bytes()[..whole.len() / 2].into(), "map cannot be read: EOF"),
        (whole.replacen("\"epoch\":1", "\"epoch\":2", 1).into(), "map has checksum"),
        (whole.replacen("\"format\":1", "\"format\":2", 1).into(), "map has format 2, this version reads format 1"),
        (format!("{whole}{whole}").into(), "map cannot be read: trailing characters"),
        (vec![b' '; 2 << 20], "map cannot be read"),
    ];
    for (text, words) in table {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        let path = dir.path().join("map.json");
        fs::write(&path, &text).unwrap();
        let told = state.map().unwrap_err().to_string();
        assert!(told.contains("map.json") && told.contains(words), "{told:?} says nothing of {words:?}");
        let set = state.compare_and_set(Epoch::ZERO, &map()).unwrap_err().to_string();
        assert!(set.contains(words), "{set}");
        let found = state.found_if_absent(&["p1".parse().unwrap()], &Spreads::default()).unwrap_err().to_string();
        assert!(found.contains(words), "a damaged map is not a missing one: {found}");
        assert_eq!(fs::read(&path).unwrap(), text, "it is left for people to look at");
    }
}

#[test]
fn member_files_that_do_not_read_are_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::open(dir.path()).unwrap();
    let members = dir.path().join("members");
    for (name, text) in [
        ("b1.json", &b""[..]),
        ("b2.json", b"{"),
        ("b3.json", b"[]"),
        ("b4.json", b"{\"name\":\"b4\"}"),
        ("b5.json", &[0xff; 100]),
        ("b 6.json", b"{}"),
        ("notes.txt", b"hello"),
    ] {
        fs::write(members.join(name), text).unwrap();
    }
    fs::create_dir(members.join("b7.json")).unwrap();
    assert!(state.members().unwrap().is_empty());
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let told = StateDir::open(&file.join("state")).unwrap_err().to_string();
    assert!(told.contains(&file.display().to_string()), "{told}");
}
