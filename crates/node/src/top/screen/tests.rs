//! Screens of recorded answers, as an operator sees them.
//!
//! The answers in `recorded/` are of a real cluster of nine nodes under load, whose p2 was killed and came back. The
//! screens in `golden/` are written anew with `GOLDEN=write`; whoever does so looks at them.

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::Buffer,
    style::{Color, Modifier},
};

use super::*;
use crate::top::{keys::Sort, plain, sample::Sample};

const FIRST: &str = include_str!("../recorded/first.json");
const SECOND: &str = include_str!("../recorded/second.json");
const KILLED: &str = include_str!("../recorded/killed.json");
const BACK: &str = include_str!("../recorded/back.json");

const URL: &str = "http://127.0.0.1:8080";
/// When the first answer came: 12:03:10 in UTC.
const START_MS: u64 = 1_767_268_990_000;
const WITH_COLOURS: Palette = Palette { coloured: true };

/// Who was shown these answers, one a second.
fn shown(answers: &[&str]) -> Watch {
    let mut watch = Watch::default();
    for (second, answer) in answers.iter().enumerate() {
        watch.take(START_MS + 1000 * second as u64, URL.into(), Sample::parse(answer.as_bytes()).unwrap());
    }
    watch
}

fn last_ms(answers: &[&str]) -> u64 {
    START_MS + 1000 * (answers.len() as u64 - 1) + 400
}

fn drawn(watch: &Watch, view: &View, now_ms: u64, (columns, lines): (u16, u16), palette: Palette) -> (Buffer, usize) {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    let mut scroll_max = 0;
    terminal.draw(|frame| scroll_max = draw(frame, watch, view, now_ms, palette)).unwrap();
    (terminal.backend().buffer().clone(), scroll_max)
}

fn text(buffer: &Buffer) -> String {
    let columns = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n"
    };
    buffer.content.chunks(columns).map(line).collect()
}

fn screen(answers: &[&str], view: View, size: (u16, u16)) -> String {
    text(&drawn(&shown(answers), &view, last_ms(answers), size, WITH_COLOURS).0)
}

/// Compares with the file of this name, or writes it.
#[track_caller]
fn golden(name: &str, actual: &str) {
    let path = format!("{}/src/top/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("GOLDEN").is_some_and(|word| word == "write") {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == actual, "{name} is another screen now (GOLDEN=write takes it):\n{actual}");
}

#[test]
fn everything_fits_into_80_by_24() {
    golden("nodes-80x24", &screen(&[FIRST, SECOND], View::default(), (80, 24)));
}

#[test]
fn a_killed_processor_is_seen_and_its_return_too() {
    golden("killed-120x40", &screen(&[FIRST, SECOND, KILLED], View::default(), (120, 40)));
    let back = screen(&[FIRST, SECOND, KILLED, BACK], View::default(), (120, 40));
    assert!(back.contains("12:03:13 p2 is alive again"), "{back}");
    assert!(back.contains("9 of 9 alive"), "{back}");
}

#[test]
fn each_part_can_be_large() {
    for (name, large) in
        [("stages-80x24", Pane::Stages), ("slowest-80x24", Pane::Slowest), ("events-80x24", Pane::Events)]
    {
        golden(name, &screen(&[FIRST, SECOND, KILLED, BACK], View { large, ..View::default() }, (80, 24)));
    }
}

#[test]
fn a_pipe_gets_the_same_as_plain_lines() {
    let answers = [FIRST, SECOND];
    golden("plain", &plain::text(&shown(&answers), last_ms(&answers)));
}

#[test]
fn the_help_names_every_key() {
    golden("help-80x24", &screen(&[FIRST, SECOND], View { help: true, ..View::default() }, (80, 24)));
}

#[test]
fn while_nobody_answers_the_last_figures_stay_and_their_age_is_told() {
    let mut watch = shown(&[FIRST, SECOND]);
    watch.fail(START_MS + 3000, "127.0.0.1:8080 cannot be reached: Connection refused".into());
    let shown = text(&drawn(&watch, &View::default(), START_MS + 13_000, (80, 24), WITH_COLOURS).0);
    assert!(shown.contains("nobody answers for 10 s: 127.0.0.1:8080 cannot be reached"), "{shown}");
    assert!(shown.contains("12 s old, 127.0.0.1:8080"), "{shown}");
    assert!(shown.contains("p2"), "{shown}");
}

#[test]
fn before_the_first_answer_it_is_said_what_is_wrong() {
    let mut watch = Watch::default();
    watch.fail(START_MS, "127.0.0.1:8080 cannot be reached: Connection refused".into());
    let shown = text(&drawn(&watch, &View::default(), START_MS + 2000, (80, 24), WITH_COLOURS).0);
    assert!(shown.contains("nobody answers for 2.0 s: 127.0.0.1:8080 cannot be reached"), "{shown}");
}

#[test]
fn a_terminal_that_is_too_small_is_told_what_is_needed() {
    let shown = screen(&[FIRST, SECOND], View::default(), (60, 20));
    assert_eq!(shown.trim_end(), "watershed top needs 80x24, this terminal is 60x20; q quits");
}

#[test]
fn any_size_can_be_drawn() {
    let watch = shown(&[FIRST, SECOND, KILLED]);
    for (columns, lines) in [(1, 1), (80, 24), (81, 25), (100, 30), (300, 24), (80, 200)] {
        for large in [Pane::Nodes, Pane::Stages, Pane::Slowest, Pane::Events] {
            let view = View { large, help: true, scroll: 99, ..View::default() };
            drawn(&watch, &view, START_MS, (columns, lines), WITH_COLOURS);
        }
    }
}

#[test]
fn scrolling_the_large_part_brings_its_last_line_into_sight() {
    let mut many = shown(&[FIRST, SECOND]);
    let mut view = View::default();
    let mut sample = KILLED.to_owned();
    for number in 5..40 {
        let more = format!(r#""nodes":[{{"node":"b{number}","role":"broadcast","state":"alive"}},"#);
        sample = sample.replacen(r#""nodes":["#, &more, 1);
    }
    many.take(START_MS + 4000, URL.into(), Sample::parse(sample.as_bytes()).unwrap());
    let (top, scroll_max) = drawn(&many, &view, START_MS + 4000, (80, 24), WITH_COLOURS);
    assert!(!text(&top).contains("\nm2 "), "{}", text(&top));
    view.scroll = scroll_max;
    let (end, _) = drawn(&many, &view, START_MS + 4000, (80, 24), WITH_COLOURS);
    assert!(text(&end).contains("\nm2 "), "{}", text(&end));
}

#[test]
fn the_busiest_stand_first_when_asked() {
    let shown = screen(&[FIRST, SECOND], View { sort: Sort::Load, ..View::default() }, (80, 24));
    let at = |node: &str| shown.find(&format!("\n{node} ")).unwrap_or_else(|| panic!("no {node}: {shown}"));
    assert!(at("b3") < at("b1"), "all viewers are on b3: {shown}");
    assert!(shown.contains("nodes, by load"), "{shown}");
}

#[test]
fn a_dead_node_is_red_and_without_colours_it_is_bold_and_named() {
    let watch = shown(&[FIRST, SECOND, KILLED]);
    let dead = |palette| {
        let (buffer, _) = drawn(&watch, &View::default(), START_MS, (120, 40), palette);
        let line = text(&buffer).lines().position(|line| line.starts_with("p2 ") && line.contains("dead")).unwrap();
        buffer[(0, line as u16)].clone()
    };
    let (coloured, plain) = (dead(WITH_COLOURS), dead(Palette { coloured: false }));
    assert_eq!((coloured.fg, plain.fg), (Color::Red, Color::Reset));
    assert!(plain.modifier.contains(Modifier::BOLD));
}

#[test]
fn the_slowest_viewers_of_all_nodes_stand_in_one_list() {
    let of = |node: &str, viewer: &str, behind: u64| {
        format!(
            r#"{{"node":"{node}","role":"broadcast","state":"alive","ready":true,"slowest":[
                {{"viewer":"{viewer}","stream":"demo","behind_frames":{behind},"stalled_ms":1200,"grade":"lags"}}]}}"#
        )
    };
    let text = format!(r#"{{"nodes":[{},{}]}}"#, of("b1", "ann", 3), of("b2", "<b>bob", 41));
    let shown = screen(&[&text], View { large: Pane::Slowest, ..View::default() }, (80, 24));
    let (bob, ann) = (shown.find("<b>bob").unwrap(), shown.find("ann").unwrap());
    assert!(bob < ann, "{shown}");
}
