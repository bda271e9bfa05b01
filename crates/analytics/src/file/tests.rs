//! What a file promises: a reader finds the rows as they were counted, and no broken file ever has a final name.

use parquet::{
    file::reader::{FileReader, SerializedFileReader},
    record::RowAccessor,
};

use super::*;

fn batch() -> Batch {
    let row = |second, stream: Option<&str>, counts| Row { second, stream: stream.map(|s| s.parse().unwrap()), counts };
    let counts = |comments| Counts { comments, likes: 2, unlikes: 3, reactions: 4, viewers: None, frames: 6, shed: 7 };
    Batch {
        rows: vec![
            row(1_763_900_000, Some("demo"), Counts { viewers: Some(5), ..counts(1) }),
            row(1_763_900_001, None, counts(u64::MAX)),
        ],
        from: 1_763_900_000,
        until: 1_763_900_002,
    }
}

fn node() -> NodeName {
    "p1".parse().unwrap()
}

#[test]
fn a_reader_finds_every_row_as_it_was_counted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    let bytes = write_file(&path, &node(), &batch()).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().len(), bytes);
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    let names: Vec<&str> = rows[0].get_column_iter().map(|(name, _)| name.as_str()).collect();
    let columns =
        ["second", "node", "stream", "comments", "likes", "unlikes", "reactions", "viewers", "frames", "shed"];
    assert_eq!(names, columns);
    let shown: Vec<Vec<String>> =
        rows.iter().map(|row| row.get_column_iter().skip(1).map(|(_, field)| field.to_string()).collect()).collect();
    assert_eq!(shown[0], ["\"p1\"", "\"demo\"", "1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(shown[1], ["\"p1\"", "null", &i64::MAX.to_string(), "2", "3", "4", "null", "6", "7"]);
    assert_eq!(rows[0].get_timestamp_millis(0).unwrap(), 1_763_900_000_000);
    let told = reader.metadata().file_metadata().key_value_metadata().unwrap();
    let told: Vec<_> = told.iter().map(|entry| (entry.key.as_str(), entry.value.as_deref().unwrap())).collect();
    assert_eq!(told, [("node", "p1"), ("from", "1763900000"), ("until", "1763900002")]);
}

#[test]
fn a_file_that_cannot_be_written_whole_has_no_final_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.parquet");
    // A device that is always full takes the place of what is written first.
    std::os::unix::fs::symlink("/dev/full", path.with_extension(PARTIAL)).unwrap();
    let refused = write_file(&path, &node(), &batch()).unwrap_err().to_string();
    assert!(refused.contains("a.partial") && refused.contains("No space left on device"), "{refused}");
    assert!(!path.exists());
    fs::remove_file(path.with_extension(PARTIAL)).unwrap();
    write_file(&path, &node(), &batch()).unwrap();
    assert!(path.exists() && !path.with_extension(PARTIAL).exists());
}
