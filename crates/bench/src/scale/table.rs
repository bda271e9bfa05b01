//! A table of two columns, as Markdown: what is printed at the end is what stands in the documentation.
//!
//! Behind the measurements. Invariant: a row is printed once, in the order in which it was added.

use std::fmt::{self, Display};

/// Rows of what and how much.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<(String, String)>,
}

impl Table {
    /// Adds a row.
    pub fn row(&mut self, what: impl Into<String>, figure: impl Display) {
        self.rows.push((what.into(), figure.to_string()));
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | |\n|---|---|")?;
        self.rows.iter().try_for_each(|(what, figure)| writeln!(f, "| {what} | {figure} |"))
    }
}

/// A large number, in groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or("")).collect();
    groups.join(",")
}

/// Bytes for each of so many, or none for none.
pub fn bytes_each(bytes: i64, of: u64) -> String {
    format!("{:.0} B", bytes as f64 / of.max(1) as f64)
}

/// Bytes in mebibytes.
pub fn mib(bytes: i64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_markdown() {
        let mut table = Table::default();
        table.row("viewers", grouped(1_000_000));
        table.row("each", bytes_each(2_000, 10));
        assert_eq!(table.to_string(), "| what | |\n|---|---|\n| viewers | 1,000,000 |\n| each | 200 B |\n");
        assert_eq!((grouped(7), grouped(1_234), mib(3 << 20)), ("7".into(), "1,234".into(), "3 MiB".into()));
    }
}
