//! The screen: one view of everything, with one part of it large.
//!
//! From `watch` and what the keys have chosen to a terminal's cells. Invariant: drawing is a function of its arguments: the
//! same watch at the same time gives the same screen, of any size.

use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    text::{Line as TextLine, Span},
    widgets::{Block, Borders, Clear, Paragraph, Sparkline},
};

use super::{
    history::Head,
    keys::{Pane, View},
    panes,
    sample::Sample,
    table::{self, Line},
    tone::{Palette, Tone},
    watch::Watch,
    words::{maybe, span, tenth},
};

/// The smallest terminal that all of it fits into.
pub(super) const COLUMNS_MIN: u16 = 80;
/// See [`COLUMNS_MIN`].
pub(super) const LINES_MIN: u16 = 24;

/// Lines of title and head, and of what the keys do, which are always there.
const HEAD_LINES: u16 = 3;
const KEYS_LINES: u16 = 1;
/// Lines of the stages: a rule, headings, a line each; or a rule and all in one line.
const STAGES_LINES: u16 = 9;
const STAGES_SHORT_LINES: u16 = 2;
/// Lines of slowest viewers and events while they are small, with their rule.
const BELOW_LINES: u16 = 4;
/// Lines of the nodes while another part is large, with their rule.
const NODES_LINES_MIN: u16 = 6;

/// How much of the line each figure of the head takes: as long as its name, with a number of seven digits.
const HEAD_WEIGHTS: [u16; Head::ALL.len()] = [15, 16, 15, 16, 19];

const KEYS: &str = "q quit  tab/1-4 enlarge  ↑↓ scroll  s sort  p pause  ? help";

const HELP: &str = "\
q, Esc, Ctrl-C   quit
1 2 3 4          make nodes, stages, slowest viewers or events large
Tab              make the next part large
↑ ↓ PgUp PgDn    scroll the large part; Home and End go to its ends
s                sort nodes by name, load, heartbeat, what they shed
p                hold the screen still; the watching goes on
? or h           hide this

Rates are of the last second. A factor is units in for one out (÷), or
out for one in (×). SHED counts what was refused because it was too
much, since the node's start. Times are in UTC, as in the nodes' logs.";

/// Draws everything; says how far the large part can be scrolled.
pub(super) fn draw(frame: &mut Frame<'_>, watch: &Watch, view: &View, now_ms: u64, palette: Palette) -> usize {
    let area = frame.area();
    if area.width < COLUMNS_MIN || area.height < LINES_MIN {
        let words = format!(
            "watershed top needs {COLUMNS_MIN}x{LINES_MIN}, this terminal is {}x{}; q quits",
            area.width, area.height
        );
        frame.render_widget(Paragraph::new(words), area);
        return 0;
    }
    let screen = Screen { watch, view, now_ms, palette };
    let Some(seen) = watch.seen() else {
        screen.first_answer(frame, area);
        return 0;
    };
    let notice = screen.notice();
    let [title, notice_area, head, body, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(u16::from(notice.is_some())),
        Constraint::Length(HEAD_LINES - 1),
        Constraint::Min(0),
        Constraint::Length(KEYS_LINES),
    ])
    .areas(area);
    screen.title(frame, title);
    if let Some((tone, words)) = notice {
        frame.render_widget(Paragraph::new(Span::styled(words, palette.style(tone))), notice_area);
    }
    screen.head(frame, head);
    let scroll_max = screen.body(frame, body, &seen.sample);
    frame.render_widget(Paragraph::new(Span::styled(KEYS, palette.style(Tone::Dim))), keys);
    if view.help {
        screen.help(frame, area);
    }
    scroll_max
}

struct Screen<'a> {
    watch: &'a Watch,
    view: &'a View,
    now_ms: u64,
    palette: Palette,
}

impl Screen<'_> {
    /// Nobody has answered yet.
    fn first_answer(&self, frame: &mut Frame<'_>, area: Rect) {
        let (tone, words) = self.notice().unwrap_or((Tone::Plain, "asking for the first figures".into()));
        let lines = vec![
            TextLine::styled("watershed top", self.palette.style(Tone::Strong)),
            TextLine::styled(words, self.palette.style(tone)),
            TextLine::styled("q quits", self.palette.style(Tone::Dim)),
        ];
        frame.render_widget(Paragraph::new(lines), area);
    }

    /// What must not be overlooked: that nobody answers, or that the screen is held still.
    fn notice(&self) -> Option<(Tone, String)> {
        if let Some(trouble) = self.watch.trouble() {
            let since = span(self.now_ms.saturating_sub(trouble.since_ms));
            return Some((Tone::Bad, format!("nobody answers for {since}: {}", trouble.why)));
        }
        self.view.paused.then(|| (Tone::Warn, "paused: p goes on".into()))
    }

    fn title(&self, frame: &mut Frame<'_>, area: Rect) {
        let Some(seen) = self.watch.seen() else { return };
        let title = self.styled(&panes::title(&seen.sample));
        // Where both do not fit, the end of the address is left out.
        let room = usize::from(area.width).saturating_sub(title.width() + 2);
        let right: String = panes::asked(seen, self.now_ms).chars().take(room).collect();
        let [left, age] =
            Layout::horizontal([Constraint::Min(0), Constraint::Length(right.chars().count() as u16)]).areas(area);
        frame.render_widget(Paragraph::new(title), left);
        let tone = if self.watch.trouble().is_some() { Tone::Bad } else { Tone::Dim };
        let age_line = TextLine::styled(right, self.palette.style(tone)).alignment(Alignment::Right);
        frame.render_widget(Paragraph::new(age_line), age);
    }

    /// The figures of the whole cluster, each above its last two minutes.
    fn head(&self, frame: &mut Frame<'_>, area: Rect) {
        let columns = Layout::horizontal(HEAD_WEIGHTS.map(Constraint::Fill)).spacing(1).split(area);
        for (&head, &area) in Head::ALL.iter().zip(columns.iter()) {
            let [words, line] = Layout::vertical([Constraint::Length(1), Constraint::Length(1)]).areas(area);
            let value = maybe(self.watch.history.now(head), tenth);
            let name = Span::styled(format!("{} ", head.name()), self.palette.style(Tone::Dim));
            let value = Span::styled(value, self.palette.style(Tone::Strong));
            frame.render_widget(Paragraph::new(TextLine::from(vec![name, value])), words);
            let points = self.watch.history.columns(head, usize::from(line.width));
            let points: Vec<Option<u64>> =
                points.into_iter().map(|point| point.map(|value| value.round() as u64)).collect();
            frame.render_widget(Sparkline::default().data(points).style(self.palette.style(Tone::Good)), line);
        }
    }

    /// The four parts; the large one has what the others leave.
    fn body(&self, frame: &mut Frame<'_>, area: Rect, sample: &Sample) -> usize {
        let nodes = table::nodes(self.watch, sample, self.view.sort);
        let large = self.view.large;
        let nodes_lines = nodes.len() as u16 + 1;
        let roomy = area.height >= nodes_lines + STAGES_LINES + BELOW_LINES;
        let stages_lines = if roomy || large == Pane::Stages { STAGES_LINES } else { STAGES_SHORT_LINES };
        // Nodes that have room for all of them leave the rest to what is below.
        let middle = match large {
            _ if roomy => Constraint::Length(nodes_lines),
            Pane::Nodes | Pane::Stages => Constraint::Min(0),
            Pane::Slowest | Pane::Events => Constraint::Length(NODES_LINES_MIN),
        };
        let below = match middle {
            Constraint::Min(_) => Constraint::Length(BELOW_LINES),
            _ => Constraint::Min(0),
        };
        let parts = [Constraint::Length(stages_lines), middle, below];
        let [above, middle, below] = Layout::vertical(parts).areas(area);
        let stages = if stages_lines == STAGES_LINES {
            panes::stage_lines(self.watch, sample)
        } else {
            vec![panes::stages_in_a_line(self.watch, sample)]
        };
        let title = format!("nodes, by {}", self.view.sort.word());
        let scrolled = [
            self.part(frame, above, Pane::Stages, "stages: units in for one out ÷, out for one in ×", &stages),
            self.part(frame, middle, Pane::Nodes, &title, &nodes),
            self.below(frame, below, sample),
        ];
        match large {
            Pane::Stages => scrolled[0],
            Pane::Nodes => scrolled[1],
            Pane::Slowest | Pane::Events => scrolled[2],
        }
    }

    /// Slowest viewers and events: side by side, or the large one alone.
    fn below(&self, frame: &mut Frame<'_>, area: Rect, sample: &Sample) -> usize {
        let (slowest, events) = (panes::slowest_lines(sample), panes::event_lines(self.watch));
        let (slowest_title, events_title) = ("slowest viewers", "events, UTC");
        match self.view.large {
            Pane::Slowest => self.part(frame, area, Pane::Slowest, slowest_title, &slowest),
            Pane::Events => self.part(frame, area, Pane::Events, events_title, &events),
            Pane::Nodes | Pane::Stages => {
                let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).spacing(1).areas(area);
                self.part(frame, left, Pane::Slowest, slowest_title, &slowest);
                self.part(frame, right, Pane::Events, events_title, &events)
            }
        }
    }

    /// One part below its rule; says how far it can be scrolled.
    fn part(&self, frame: &mut Frame<'_>, area: Rect, pane: Pane, title: &str, lines: &[Line]) -> usize {
        let inner_lines = usize::from(area.height.saturating_sub(1));
        let hidden = lines.len().saturating_sub(inner_lines);
        let is_large = self.view.large == pane;
        let above = if is_large { self.view.scroll.min(hidden) } else { 0 };
        let more = if hidden == 0 { String::new() } else { format!(", {} of {} lines", inner_lines, lines.len()) };
        let tone = if is_large { Tone::Strong } else { Tone::Dim };
        let title = format!(" {} {title}{more} ", pane as usize + 1);
        let block = Block::new()
            .borders(Borders::TOP)
            .border_style(self.palette.style(Tone::Dim))
            .title(Span::styled(title, self.palette.style(tone)));
        let shown: Vec<TextLine<'_>> =
            lines.iter().skip(above).take(inner_lines).map(|line| self.styled(line)).collect();
        frame.render_widget(Paragraph::new(shown).block(block), area);
        hidden
    }

    fn help(&self, frame: &mut Frame<'_>, area: Rect) {
        let (width, height) = (74.min(area.width), (HELP.lines().count() as u16 + 2).min(area.height));
        let box_area = Rect::new((area.width - width) / 2, (area.height - height) / 2, width, height);
        frame.render_widget(Clear, box_area);
        frame.render_widget(Paragraph::new(HELP).block(Block::bordered().title(" keys ")), box_area);
    }

    fn styled(&self, line: &Line) -> TextLine<'static> {
        let span = |cell: &table::Cell| Span::styled(cell.text.clone(), self.palette.style(cell.tone));
        line.iter().map(span).collect()
    }
}

#[cfg(test)]
mod tests;
