//! What processors have made durable, as they wrote it down with `--trace-tallies`.
//!
//! Read once at the end of a run, for the ledger's check of shown counts. Invariant: a line that is no row is an error,
//! but for a last one that its process did not live to finish.

use std::{fs, path::PathBuf};

use anyhow::{Context, bail};
use watershed_ledger::Durable;

/// All rows of these files.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<Vec<Durable>> {
    let mut rows = Vec::new();
    for path in paths {
        let text = fs::read_to_string(path).with_context(|| format!("--durable: cannot read {}", path.display()))?;
        for (number, line) in text.lines().enumerate() {
            match row(line) {
                Some(row) => rows.push(row),
                None if number + 1 == text.lines().count() && !text.ends_with('\n') => {}
                None => bail!("--durable: line {} of {} is no row: {line:?}", number + 1, path.display()),
            }
        }
    }
    Ok(rows)
}

/// Comment, epoch of the slot, its position, the count from then on, and the part of the viewers that is counted.
fn row(line: &str) -> Option<Durable> {
    let mut fields = line.split(' ');
    let id = fields.next()?.parse().ok()?;
    let numbers: Vec<u64> = fields.map(|field| field.parse().ok()).collect::<Option<_>>()?;
    let [_epoch, _version, count, part] = numbers[..] else { return None };
    Some(Durable { id, part: u16::try_from(part).ok()?, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "6f1c0000000000000000000000000009 3 41 7 0";

    #[test]
    fn a_row_is_a_comment_and_four_numbers() {
        assert_eq!(row(ROW).unwrap().count, 7);
        for wrong in
            ["", "x 1 2 3", "6f1c0000000000000000000000000009 3 41 7", "6f1c0000000000000000000000000009 3 4 1 7 0"]
        {
            assert!(row(wrong).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn only_a_last_line_without_an_end_may_be_no_row() {
        let path = std::env::temp_dir().join(format!("watershed-durable-{}", std::process::id()));
        let read_text = |text: String| {
            fs::write(&path, text).unwrap();
            read(std::slice::from_ref(&path)).map(|rows| rows.len()).map_err(|error| error.to_string())
        };
        assert_eq!(read_text(format!("{ROW}\n{ROW}\n6f1c")), Ok(2));
        let error = read_text(format!("{ROW}\n6f1c\n{ROW}\n")).unwrap_err();
        assert!(error.starts_with("--durable: line 2 of ") && error.ends_with(r#" is no row: "6f1c""#), "{error}");
        fs::remove_file(path).unwrap();
    }
}
