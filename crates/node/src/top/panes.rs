//! The other parts as lines: title, stages, slowest viewers, events.
//!
//! Beside `table`, from `watch` to the screen and to the plain text. Invariant: a part that has nothing to tell says so in
//! words.

use super::{
    sample::{Sample, Slow},
    stages::{Side, Stage, stages},
    table::{Line, cell},
    tone::Tone,
    watch::{Seen, Watch},
    words::{clock, count, maybe, span, tenth},
};

/// How many viewers are shown as the slowest.
const SLOWEST_MAX: usize = 50;

/// The longest words for what goes into a stage and what comes out: reports, deliveries.
const IN_UNIT_CHARS: usize = 7;
const OUT_UNIT_CHARS: usize = 10;

/// The cluster, its map and root, and who lives.
pub(super) fn title(sample: &Sample) -> Line {
    let (alive, all) = (sample.alive(), sample.nodes.len());
    let mut line = vec![cell(Tone::Strong, sample.name.clone().unwrap_or_else(|| "watershed".into()))];
    if let Some(epoch) = sample.map_epoch {
        line.push(cell(Tone::Plain, format!("  map {epoch}")));
    }
    line.push(match &sample.root {
        Some(root) => cell(Tone::Plain, format!("  root {}, epoch {}", root.node, root.epoch)),
        None => cell(Tone::Bad, "  no root"),
    });
    line.push(cell(if alive == all { Tone::Good } else { Tone::Bad }, format!("  {alive} of {all} alive")));
    line
}

/// How old what is shown is, and who told it.
pub(super) fn asked(seen: &Seen, now_ms: u64) -> String {
    let authority = seen.url.trim_start_matches("http://");
    format!("{} old, {authority}", span(now_ms.saturating_sub(seen.at_ms)))
}

/// A line a stage, below its headings.
pub(super) fn stage_lines(watch: &Watch, sample: &Sample) -> Vec<Line> {
    let headings = format!("{:<22}{:>16}{:>21}{:>9}{:>12}", "STAGE", "IN/S", "OUT/S", "FACTOR", "SINCE START");
    let mut lines = vec![vec![cell(Tone::Dim, headings)]];
    lines.extend(stages(sample, &watch.rates).iter().map(stage_line));
    lines
}

fn stage_line(stage: &Stage) -> Line {
    let side = |side: &Side, width| format!("{} {:<width$}", maybe(side.per_s, tenth), side.unit);
    let factor = |factor: Option<f64>| maybe(factor, |factor| format!("{} {}", stage.sign(), tenth(factor)));
    vec![
        cell(Tone::Plain, format!("{:<22}", stage.what)),
        cell(Tone::Plain, format!("{:>16}", side(&stage.into, IN_UNIT_CHARS))),
        cell(Tone::Dim, " → "),
        cell(Tone::Plain, format!("{:>18}", side(&stage.out, OUT_UNIT_CHARS))),
        cell(Tone::Strong, format!("{:>9}", factor(stage.factor_now()))),
        cell(Tone::Plain, format!("{:>12}", factor(stage.factor_total()))),
    ]
}

/// The factors alone, of the last second or else since the start, for where there is no room for more.
pub(super) fn stages_in_a_line(watch: &Watch, sample: &Sample) -> Line {
    let mut line = Vec::new();
    for stage in stages(sample, &watch.rates) {
        let factor = maybe(stage.factor_now().or_else(|| stage.factor_total()), tenth);
        line.push(cell(Tone::Dim, format!("{} ", stage.short)));
        line.push(cell(Tone::Strong, format!("{}{factor} ", stage.sign())));
    }
    line
}

/// The slowest viewers of all nodes, the slowest first.
pub(super) fn slowest_lines(sample: &Sample) -> Vec<Line> {
    let told: Vec<_> = sample.nodes.iter().filter_map(|node| Some((node, node.slowest.as_ref()?))).collect();
    if told.is_empty() {
        return vec![vec![cell(Tone::Dim, "no node tells of slow viewers")]];
    }
    let mut slow: Vec<(&str, &Slow)> =
        told.iter().flat_map(|(node, viewers)| viewers.iter().map(|viewer| (node.name.as_str(), viewer))).collect();
    if slow.is_empty() {
        return vec![vec![cell(Tone::Good, "no viewer lags")]];
    }
    slow.sort_by_key(|(_, viewer)| std::cmp::Reverse((viewer.behind_frames, viewer.stalled_ms)));
    let headings =
        format!("{:<6}{:>7}{:>9}  {:<10}{:<14} {}", "NODE", "BEHIND", "STALLED", "GRADE", "VIEWER", "STREAM");
    let mut lines = vec![vec![cell(Tone::Dim, headings)]];
    lines.extend(slow.into_iter().take(SLOWEST_MAX).map(|(node, viewer)| slow_line(node, viewer)));
    lines
}

fn slow_line(node: &str, slow: &Slow) -> Line {
    let behind = maybe(slow.behind_frames.map(|frames| frames as f64), count);
    let stalled = slow.stalled_ms.map_or("-".into(), span);
    let grade = slow.grade.as_deref().unwrap_or("-");
    let stream = slow.stream.as_deref().unwrap_or("-");
    vec![
        cell(Tone::Plain, format!("{node:<6}")),
        cell(Tone::Warn, format!("{behind:>7}{stalled:>9}")),
        cell(Tone::Plain, format!("  {grade:<10}{:<14} {stream}", slow.viewer)),
    ]
}

/// What happened, the newest first.
pub(super) fn event_lines(watch: &Watch) -> Vec<Line> {
    if watch.events.iter().len() == 0 {
        return vec![vec![cell(Tone::Dim, "nothing has happened since the start")]];
    }
    let line = |event: &super::events::Event| {
        vec![cell(Tone::Dim, format!("{} ", clock(event.at_ms))), cell(event.tone, event.words.clone())]
    };
    watch.events.iter().map(line).collect()
}
