//! What a key asks for, and what of the screen it changes.
//!
//! From the terminal's keyboard to `screen`. Invariant: a key that means nothing changes nothing.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A part of the screen that can be large.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    /// The nodes by role.
    #[default]
    Nodes,
    /// The stages with their factors.
    Stages,
    /// The slowest viewers.
    Slowest,
    /// What happened.
    Events,
}

impl Pane {
    const ALL: [Pane; 4] = [Self::Nodes, Self::Stages, Self::Slowest, Self::Events];

    fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }
}

/// What nodes of a role are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Sort {
    /// As the cluster names them.
    #[default]
    Name,
    /// The busiest first.
    Load,
    /// The longest without a heartbeat first.
    Beat,
    /// Whoever shed most first.
    Shed,
}

impl Sort {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Load => "load",
            Self::Beat => "beat",
            Self::Shed => "shed",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::Name => Self::Load,
            Self::Load => Self::Beat,
            Self::Beat => Self::Shed,
            Self::Shed => Self::Name,
        }
    }
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Leave.
    Quit,
    /// Make the next part large.
    Next,
    /// Make this part large.
    Enlarge(Pane),
    /// Move the large part by so many lines.
    Scroll(i32),
    /// Sort by the next thing.
    Sort,
    /// Hold the screen still, or let it go on.
    Pause,
    /// Show the keys, or hide them.
    Help,
}

/// How many lines a page is.
const PAGE_LINES: i32 = 10;

impl Wish {
    /// What a key means.
    pub(super) fn of(key: KeyEvent) -> Option<Self> {
        if key.kind == KeyEventKind::Release {
            return None;
        }
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(Self::Quit);
        }
        Some(match key.code {
            KeyCode::Char('q') | KeyCode::Esc => Self::Quit,
            KeyCode::Tab => Self::Next,
            KeyCode::Char('1') => Self::Enlarge(Pane::Nodes),
            KeyCode::Char('2') => Self::Enlarge(Pane::Stages),
            KeyCode::Char('3') => Self::Enlarge(Pane::Slowest),
            KeyCode::Char('4') => Self::Enlarge(Pane::Events),
            KeyCode::Up => Self::Scroll(-1),
            KeyCode::Down => Self::Scroll(1),
            KeyCode::PageUp => Self::Scroll(-PAGE_LINES),
            KeyCode::PageDown => Self::Scroll(PAGE_LINES),
            KeyCode::Home => Self::Scroll(i32::MIN),
            KeyCode::End => Self::Scroll(i32::MAX),
            KeyCode::Char('s') => Self::Sort,
            KeyCode::Char('p') => Self::Pause,
            KeyCode::Char('?') | KeyCode::Char('h') => Self::Help,
            _ => return None,
        })
    }
}

/// How the operator looks at the cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    /// The part that is large.
    pub(super) large: Pane,
    /// What nodes are sorted by.
    pub(super) sort: Sort,
    /// How many lines of the large part are above its first.
    pub(super) scroll: usize,
    /// Whether the screen holds still.
    pub(super) paused: bool,
    /// Whether the keys are shown.
    pub(super) help: bool,
}

impl View {
    /// Does what a key asked for; `scroll_max` is how far the large part can be moved.
    pub(super) fn take(&mut self, wish: Wish, scroll_max: usize) {
        match wish {
            Wish::Quit => {}
            Wish::Next => self.enlarge(self.large.next()),
            Wish::Enlarge(pane) => self.enlarge(pane),
            Wish::Scroll(lines) => {
                let from = self.scroll.min(scroll_max);
                self.scroll = from.saturating_add_signed(lines as isize).min(scroll_max);
            }
            Wish::Sort => self.sort = self.sort.next(),
            Wish::Pause => self.paused = !self.paused,
            Wish::Help => self.help = !self.help,
        }
    }

    fn enlarge(&mut self, pane: Pane) {
        (self.large, self.scroll) = (pane, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode) -> Option<Wish> {
        Wish::of(KeyEvent::new(code, KeyModifiers::NONE))
    }

    #[test]
    fn three_keys_quit_and_a_c_alone_does_not() {
        assert_eq!(pressed(KeyCode::Char('q')), Some(Wish::Quit));
        assert_eq!(pressed(KeyCode::Esc), Some(Wish::Quit));
        assert_eq!(Wish::of(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Some(Wish::Quit));
        assert_eq!(pressed(KeyCode::Char('c')), None);
        assert_eq!(Wish::of(KeyEvent::new(KeyCode::Char('q'), KeyModifiers::CONTROL)), None);
    }

    #[test]
    fn a_key_that_is_let_go_means_nothing() {
        let released = KeyEvent::new_with_kind(KeyCode::Char('q'), KeyModifiers::NONE, KeyEventKind::Release);
        assert_eq!(Wish::of(released), None);
    }

    #[test]
    fn tab_goes_round_the_parts_and_each_begins_at_its_top() {
        let mut view = View { scroll: 5, ..View::default() };
        let mut large = Vec::new();
        for _ in 0..4 {
            view.take(Wish::Next, 9);
            large.push((view.large, view.scroll));
        }
        assert_eq!(large, [(Pane::Stages, 0), (Pane::Slowest, 0), (Pane::Events, 0), (Pane::Nodes, 0)]);
    }

    #[test]
    fn scrolling_stops_at_both_ends() {
        let mut view = View::default();
        for (code, at) in [(KeyCode::Up, 0), (KeyCode::PageDown, 3), (KeyCode::Down, 3), (KeyCode::Up, 2)] {
            view.take(pressed(code).unwrap(), 3);
            assert_eq!(view.scroll, at, "{code:?}");
        }
        view.take(pressed(KeyCode::End).unwrap(), 3);
        view.take(pressed(KeyCode::Home).unwrap(), 3);
        assert_eq!(view.scroll, 0);
    }

    #[test]
    fn sorting_comes_back_to_the_name() {
        let mut view = View::default();
        let words: Vec<&str> = (0..5).map(|_| (view.sort.word(), view.take(Wish::Sort, 0)).0).collect();
        assert_eq!(words, ["name", "load", "beat", "shed", "name"]);
    }
}
