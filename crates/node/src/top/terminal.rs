//! The terminal: taken over while the screen is shown, and given back on every way out.
//!
//! Under `mod`, which draws into it and hears its keys. Invariant: whatever ends the program and can be seen coming (a key,
//! a signal, an error, a panic) leaves the terminal as it was found.

use std::{
    io::{Stdout, stdout},
    sync::Once,
};

use ratatui::{
    Terminal,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        event::{self, Event},
        execute,
        terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};
use tokio::sync::mpsc;

/// Keys that wait while the screen is drawn; a hand is slower.
const KEYS_WAITING_MAX: usize = 64;

/// The terminal while it is ours; dropped, it is given back.
pub(super) struct Ours {
    /// Where to draw.
    pub(super) terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Ours {
    /// Takes the terminal over.
    pub(super) fn take() -> std::io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        let taken = execute!(stdout(), EnterAlternateScreen, Hide);
        match taken.and_then(|()| Terminal::new(CrosstermBackend::new(stdout()))) {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(error)
            }
        }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        give_back();
    }
}

/// A terminal that is gone cannot be given back, and nothing is lost by it.
fn give_back() {
    let _ = execute!(stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// In the release build a panic ends the process without dropping anything.
fn give_back_on_panic() {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

/// What the terminal tells, from a thread of its own: reading blocks. The channel ends when nothing can be read any more.
pub(super) fn events() -> mpsc::Receiver<Event> {
    let (told, events) = mpsc::channel(KEYS_WAITING_MAX);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if told.blocking_send(event).is_err() {
                return;
            }
        }
    });
    events
}
