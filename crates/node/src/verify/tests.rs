//! What is said of each thing that can have happened to a directory.

use std::{
    fs,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use watershed_log::{Base, LogConfig, Section};
use watershed_placement::Map;
use watershed_processor::{Input, Output};
use watershed_protocol::{
    ClusterKey, CommentBody, CommentId, DisplayName, Epoch, Millis, Position, Slot, Spread,
    peer::{
        PeerId,
        uplink::{CommentWrite, WriteBatch},
    },
};

use super::*;

/// Every comment here takes a record of so many bytes, and two fit into a segment.
const RECORD_BYTES: u64 = 91;
const CONFIG: LogConfig = LogConfig { segment_bytes: 200 };
/// Comments of the directory that is damaged.
const COMMENTS: u16 = 6;

/// A processor that is given one comment after the other, in slots 0, 1, 0, 1…, one to a group.
fn groups() -> Vec<Vec<Section>> {
    let name: NodeName = "p1".parse().unwrap();
    let mut machine = Processor::new(Config::new(name.clone()));
    let map = Map::found(ClusterKey::from_bytes([7; 32]), &[name]).unwrap();
    let now = Millis::new(1_000_000);
    machine.start(now, Arc::new(map.clone()));
    let comment = |n: u16| {
        let id = CommentId::from_bytes([0, (n as u8 % 2) << 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n as u8]);
        let (author, name) = ("ann".parse().unwrap(), DisplayName::new("Ann").unwrap());
        let body = CommentBody::new("hello", 1_000).unwrap();
        WriteBatch {
            map_epoch: map.epoch(),
            slots: vec![(id.slot(), map.owner(id.slot()).epoch)],
            streams: vec!["demo".parse().unwrap()],
            comments: vec![CommentWrite { number: 1, stream: 0, id, author, name, body, spread: Spread::WHOLE }],
            ..WriteBatch::default()
        }
    };
    let mut groups = Vec::new();
    for n in 1..=COMMENTS {
        let (peer, batch, mut outbox) = (PeerId::new(1), comment(n), Vec::new());
        machine.step(now, Input::Writes { peer, batch: &batch }, &mut outbox);
        let (group, sections) = outbox.into_iter().find_map(append).unwrap();
        groups.push(sections);
        machine.step(now, Input::Durable { group }, &mut Vec::new());
    }
    groups
}

fn append(output: Output) -> Option<(u64, Vec<Section>)> {
    match output {
        Output::Append { group, sections } => Some((group, sections)),
        _ => None,
    }
}

/// A data directory with a record for each of `groups`.
fn directory_with(groups: &[Vec<Section>]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join(LOG);
    let (mut writer, _) = watershed_store::open(&log, CONFIG, Base::default(), |_| Ok::<(), String>(())).unwrap();
    for sections in groups {
        writer.append(sections).unwrap();
    }
    writer.sync().unwrap();
    directory
}

fn segment(directory: &Path, number: u64) -> PathBuf {
    directory.join(LOG).join(format!("{number:016x}.log"))
}

fn flip(path: &Path, at: u64) {
    let file = fs::File::options().read(true).write(true).open(path).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 4], at).unwrap();
}

fn cut(path: &Path, bytes: u64) {
    fs::File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// All names, lengths and bytes in a directory; of a sparse giant only the length.
fn contents(directory: &Path) -> Vec<(PathBuf, u64, Vec<u8>)> {
    let file = |path: PathBuf| {
        let length = fs::metadata(&path).unwrap().len();
        let bytes = if length < 1 << 20 { fs::read(&path).unwrap_or_default() } else { Vec::new() };
        (path, length, bytes)
    };
    let entries = fs::read_dir(directory).into_iter().flatten().map(|entry| entry.unwrap().path());
    let mut all: Vec<_> = entries.map(file).collect();
    all.sort();
    all
}

/// What verify says, with its exit code, when `accident` has happened to a directory of six comments.
fn told(accident: impl FnOnce(&Path)) -> (u8, String) {
    let directory = directory_with(&groups());
    accident(directory.path());
    let before = contents(&directory.path().join(LOG));
    let told = match run(directory.path()) {
        Ok(words) => (0, words),
        Err(Failed::Damaged(words)) => (1, words),
        Err(Failed::Usage(words)) => (64, words),
    };
    assert_eq!(contents(&directory.path().join(LOG)), before, "nothing is changed");
    told
}

#[test]
fn each_accident_is_told_in_words() {
    type Accident = fn(&Path);
    let table: [(u8, &str, Accident); 14] = [
        (0, "log: 3 segments with records 1 to 6, 546 bytes, 2 slots from 0 to 1\n6 comments with", |_| {}),
        (0, "records 1 to 6", |dir| {
            // As a recycled segment: behind the last record, a whole old one, then zeros.
            let old = fs::read(segment(dir, 1)).unwrap();
            let last = fs::File::options().append(true).open(segment(dir, 3)).unwrap();
            std::io::Write::write_all(&mut &last, &[old, vec![0; 100]].concat()).unwrap();
        }),
        (0, "a start would cut 80 bytes of record 6 at byte 91 of segment 0000000000000003", |dir| {
            cut(&segment(dir, 3), RECORD_BYTES + 80);
        }),
        (0, "log: no records", |dir| {
            (1..=3).for_each(|number| fs::remove_file(segment(dir, number)).unwrap());
        }),
        (0, "records 1 to 6", |dir| fs::remove_file(dir.join(LOG).join("LOCK")).unwrap()),
        (1, "segment 0000000000000002 is damaged at byte 91: record 4 (slots 0)", |dir| {
            flip(&segment(dir, 2), 2 * RECORD_BYTES - 1);
        }),
        (1, "segment 0000000000000001 is damaged at byte 0: record 1 (slots unknown)", |dir| {
            flip(&segment(dir, 1), 9);
        }),
        (1, "segment 0000000000000002 begins with record 3, and there is no checkpoint: records 1 to 2", |dir| {
            fs::remove_file(segment(dir, 1)).unwrap();
        }),
        (1, "record 3 (slots unknown) was durable and does not read (record 5 is in its place)", |dir| {
            fs::remove_file(segment(dir, 2)).unwrap();
        }),
        (1, "record 4 (slots unknown) was durable", |dir| cut(&segment(dir, 2), RECORD_BYTES)),
        (1, "segment 0000000000000001 is 999999999 bytes long", |dir| cut(&segment(dir, 1), 999_999_999)),
        (64, "has no directory \"log\"", |dir| fs::rename(dir.join(LOG), dir.join("other")).unwrap()),
        (64, "has no directory \"log\"", |dir| {
            fs::remove_dir_all(dir.join(LOG)).unwrap();
            fs::write(dir.join(LOG), "a file").unwrap();
        }),
        (1, "cannot read ", |dir| fs::create_dir(segment(dir, 4)).unwrap()),
    ];
    for (code, words, accident) in table {
        let (told_code, told) = told(accident);
        assert!(told_code == code && told.contains(words), "{told_code} {told}\nshould be {code} {words}");
    }
}

#[test]
fn a_row_that_does_not_fit_is_named_though_all_bytes_are_as_they_were_written() {
    let mut broken = groups();
    // Record 5 holds the comment of record 3 once more, as the next row of its slot.
    let [three, five] = [broken[2][0].clone(), broken[4][0].clone()];
    broken[4][0] = Section { body: three.body, ..five };
    let told = run(directory_with(&broken).path()).unwrap_err().to_string();
    assert!(told.contains("segment 0000000000000003, record 5 was not taken: row of slot 1 at position 3: "), "{told}");
    assert!(told.contains("comes twice"), "{told}");

    let (slot, epoch) = (Slot::new(9).unwrap(), Epoch::new(1));
    let (from, to, length) = (Position::ZERO, Position::new(1), groups()[0][0].body.len());
    let strange = vec![Section { slot, epoch, from, to, body: vec![250; length] }];
    let told = run(directory_with(&[strange]).path()).unwrap_err().to_string();
    assert!(told.contains("record 1 was not taken: rows of slot 9 after position 0 have format Some(250)"), "{told}");
}

#[test]
fn a_running_node_is_not_checked() {
    let directory = directory_with(&groups());
    let log = directory.path().join(LOG);
    let _held = watershed_store::open(&log, CONFIG, Base::default(), |_| Ok::<(), String>(())).unwrap();
    let _store = watershed_store::Keyspaces::open(directory.path(), &["viewers"]).unwrap();
    let told = run(directory.path()).unwrap_err();
    assert!(
        matches!(&told, Failed::Usage(words) if words.ends_with("stop the node before its data is checked")),
        "{told}"
    );
}
