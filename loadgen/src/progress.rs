//! The line that says how a run goes, once a second, on stderr.
//!
//! Beside the run. Invariant: it only reads the book; on a terminal it stays one line.

use std::{
    io::{IsTerminal, Write},
    sync::Arc,
    time::Duration,
};

use tokio::time::{MissedTickBehavior, interval};

use crate::{report::milliseconds, viewer::Crowd};

/// Prints a line a second until it is aborted.
pub(crate) async fn lines(crowd: Arc<Crowd>) {
    let terminal = std::io::stderr().is_terminal();
    let (mut every, mut before) = (interval(Duration::from_secs(1)), (0, 0, 0));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    every.tick().await;
    loop {
        every.tick().await;
        let (line, now) = {
            let book = crowd.book.lock();
            let report = book.ledger.report();
            let acks = report.comments.acknowledged + report.likes.acknowledged + report.unlikes.acknowledged;
            let refused: u64 = report.refusals.values().sum();
            let violations: u64 = report.violations.iter().map(|finding| finding.count).sum();
            let line = format!(
                "viewers {}  deliveries/s {}  acks/s {}  refused/s {}  comment p50 {} p99 {}  like p50 {} p99 {}  violations {}",
                book.connected,
                report.deliveries - before.0,
                acks - before.1,
                refused - before.2,
                milliseconds(book.comment_us.value_at_quantile(0.5)),
                milliseconds(book.comment_us.value_at_quantile(0.99)),
                milliseconds(book.like_us.value_at_quantile(0.5)),
                milliseconds(book.like_us.value_at_quantile(0.99)),
                violations + book.undecodable,
            );
            (line, (report.deliveries, acks, refused))
        };
        before = now;
        // A closed stderr is no reason to end the run.
        let _ =
            if terminal { write!(std::io::stderr(), "\r\x1b[K{line}") } else { writeln!(std::io::stderr(), "{line}") };
    }
}
