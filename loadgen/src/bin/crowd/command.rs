//! What the crowd is told to do: one object of JSON a line on standard input.
//!
//! Read by a thread of its own, which sleeps in between. Invariant: the end of the input is the command to end.

use std::{
    io::BufRead,
    sync::{Arc, mpsc},
    thread,
};

use mio::Waker;
use serde::Deserialize;

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Command {
    /// So many viewers more; answered when all have joined.
    Join {
        viewers: u32,
        #[serde(default)]
        handshakes_max: Option<usize>,
    },
    /// Counts from now on for so long; answered then.
    Window { seconds: f64 },
    /// That share of the viewers reads nothing from now on.
    Sleep { share: f64 },
    /// All read again.
    Wake,
    /// All connections are dropped without a word and made again, each from its point; answered when all have joined.
    Reconnect {
        #[serde(default)]
        handshakes_max: Option<usize>,
    },
    /// Says how things stand.
    Report,
    /// Closes all connections and ends.
    End,
}

/// What a line says, or why it says nothing.
pub(crate) type Told = Result<Command, String>;

/// Reads standard input until its end.
pub(crate) fn listen(waker: Arc<Waker>) -> mpsc::Receiver<Told> {
    let (sender, commands) = mpsc::channel();
    thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let told = serde_json::from_str(&line).map_err(|error| format!("{line:?} is not a command: {error}"));
            // Either fails only when the loop has ended.
            if sender.send(told).is_err() || waker.wake().is_err() {
                return;
            }
        }
        let _ = sender.send(Ok(Command::End));
        let _ = waker.wake();
    });
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_the_header_of_main_writes_them() {
        let read = |line: &str| serde_json::from_str::<Command>(line).unwrap();
        assert_eq!(read(r#"{"do":"join","viewers":1000}"#), Command::Join { viewers: 1000, handshakes_max: None });
        assert_eq!(read(r#"{"do":"window","seconds":2.5}"#), Command::Window { seconds: 2.5 });
        assert_eq!(read(r#"{"do":"sleep","share":0.1}"#), Command::Sleep { share: 0.1 });
        assert_eq!(read(r#"{"do":"wake"}"#), Command::Wake);
        assert_eq!(
            read(r#"{"do":"reconnect","handshakes_max":19000}"#),
            Command::Reconnect { handshakes_max: Some(19_000) }
        );
        assert_eq!(read(r#"{"do":"report"}"#), Command::Report);
        assert_eq!(read(r#"{"do":"end"}"#), Command::End);
        assert!(serde_json::from_str::<Command>(r#"{"do":"join","viewer":1}"#).is_err());
    }
}
