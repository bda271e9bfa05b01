//! What a text means to an operator, and how a terminal shows it.
//!
//! Under everything that is shown. Invariant: colours are of the 16 that a terminal's owner chooses, and a tone never
//! carries what the words do not say as well.

use ratatui::style::{Color, Modifier, Style};

/// What a text means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Beside the point: headings, units.
    Dim,
    /// What to look at first.
    Strong,
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Broken.
    Bad,
}

/// The terminal's colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Palette {
    /// Whether colours are wanted.
    pub(super) coloured: bool,
}

impl Palette {
    /// Without colours where the environment's `NO_COLOR` holds anything.
    pub(super) fn of_environment() -> Self {
        Self { coloured: std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) }
    }

    /// How a tone looks.
    pub(super) fn style(self, tone: Tone) -> Style {
        let coloured = |colour| if self.coloured { Style::new().fg(colour) } else { Style::new() };
        match tone {
            Tone::Plain => Style::new(),
            Tone::Dim => Style::new().add_modifier(Modifier::DIM),
            Tone::Strong => coloured(Color::Cyan).add_modifier(Modifier::BOLD),
            Tone::Good => coloured(Color::Green),
            Tone::Warn => coloured(Color::Yellow).add_modifier(Modifier::BOLD),
            Tone::Bad => coloured(Color::Red).add_modifier(Modifier::BOLD),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_no_tone_has_one() {
        let plain = Palette { coloured: false };
        for tone in [Tone::Plain, Tone::Dim, Tone::Strong, Tone::Good, Tone::Warn, Tone::Bad] {
            assert_eq!((plain.style(tone).fg, plain.style(tone).bg), (None, None), "{tone:?}");
        }
        assert_eq!(Palette { coloured: true }.style(Tone::Bad).fg, Some(Color::Red));
    }
}
