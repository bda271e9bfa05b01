//! The same figures as plain lines, for a pipe.
//!
//! Beside `screen`, from the same parts. Invariant: no escape sequences, and no line ends in a space.

use super::{
    history::Head,
    keys::Sort,
    panes, table,
    table::Line,
    watch::Watch,
    words::{maybe, tenth},
};

/// Everything that is known, in lines; nothing before the first answer.
pub(super) fn text(watch: &Watch, now_ms: u64) -> String {
    let Some(seen) = watch.seen() else { return String::new() };
    let mut lines = vec![flat(&panes::title(&seen.sample)) + "  " + &panes::asked(seen, now_ms)];
    let heads = Head::ALL.map(|head| format!("{} {}", head.name(), maybe(watch.history.now(head), tenth)));
    lines.extend([heads.join("  "), String::new()]);
    lines.extend(panes::stage_lines(watch, &seen.sample).iter().map(flat));
    lines.push(String::new());
    lines.extend(table::nodes(watch, &seen.sample, Sort::Name).iter().map(flat));
    lines.push(String::new());
    lines.extend(panes::slowest_lines(&seen.sample).iter().map(flat));
    lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn flat(line: &Line) -> String {
    line.iter().map(|cell| cell.text.as_str()).collect()
}
