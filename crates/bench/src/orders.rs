//! What a server is told while it runs, and what it says of itself.
//!
//! Between `run` and the servers, over standard input and output. Invariant: every order is answered by one line, so that
//! whoever gave it knows that it holds.

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::frames::{Frames, Shape};

/// How often frames are sent from now on, and what is in them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// 0 for none.
    pub(crate) frames_per_s: f64,
    pub(crate) comments: usize,
    /// Bytes of a comment's body.
    pub(crate) bytes: usize,
}

impl Order {
    /// No frames.
    pub(crate) const QUIET: Self = Self { frames_per_s: 0.0, comments: 1, bytes: 100 };

    pub(crate) fn shape(&self) -> Shape {
        Shape { comments: self.comments, bytes: self.bytes }
    }

    /// Time from one frame to the next.
    pub(crate) fn period(&self) -> Option<Duration> {
        (self.frames_per_s > 0.0).then(|| Duration::from_secs_f64(1.0 / self.frames_per_s))
    }
}

/// What a server says in answer to an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Status {
    /// The seq of the last frame.
    pub(crate) seq: u64,
    /// Comments in all frames.
    pub(crate) comments: u64,
    /// What else it counts, by name.
    pub(crate) figures: BTreeMap<String, u64>,
}

impl Status {
    pub(crate) fn of(frames: &Frames) -> Self {
        Self { seq: frames.seq(), comments: frames.comments(), figures: BTreeMap::new() }
    }
}

/// When the next frame is due. A server that cannot keep up skips what it has missed.
#[derive(Debug)]
pub(crate) struct Schedule {
    order: Order,
    due: Option<Instant>,
}

impl Schedule {
    /// Nothing is due until there is an order.
    pub(crate) fn quiet() -> Self {
        Self { order: Order::QUIET, due: None }
    }

    pub(crate) fn obey(&mut self, order: Order, now: Instant) {
        (self.order, self.due) = (order, order.period().map(|period| now + period));
    }

    /// When the next frame is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// What the frame holds that is due, if one is; from then on the next one is.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Shape> {
        let due = self.due.filter(|due| *due <= now)?;
        let period = self.order.period()?;
        self.due = Some(if now > due + period { now } else { due + period });
        Some(self.order.shape())
    }
}

/// Says where the server is.
pub(crate) fn say_address(address: SocketAddr) -> anyhow::Result<()> {
    say(&format!("listening on {address}"))
}

/// Answers an order.
pub(crate) fn answer(status: &Status) -> anyhow::Result<()> {
    say(&serde_json::to_string(status)?)
}

fn say(line: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// Reads orders until the end of the input and hands each to `each`, on a thread of its own. `None` is the end.
pub(crate) fn listen(each: impl Fn(Option<Order>) + Send + 'static) {
    std::thread::spawn(move || {
        let lines = std::io::stdin().lock().lines().map_while(Result::ok);
        for order in lines.filter_map(|line| serde_json::from_str(&line).ok()) {
            each(Some(order));
        }
        each(None);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_due_at_their_rate_and_missed_ones_are_skipped() {
        let start = Instant::now();
        let mut schedule = Schedule::quiet();
        assert_eq!(schedule.take(start), None);
        schedule.obey(Order { frames_per_s: 10.0, ..Order::QUIET }, start);
        let at = |ms| start + Duration::from_millis(ms);
        assert!(schedule.take(at(99)).is_none() && schedule.take(at(101)).is_some());
        assert!(schedule.take(at(199)).is_none() && schedule.take(at(201)).is_some());
        assert!(schedule.take(at(900)).is_some(), "late");
        assert_eq!(schedule.due(), Some(at(900)), "and at once again, but not six times");
    }
}
