//! What a run has found: for people on stdout, for programs as JSON.
//!
//! At the end of a run. Invariant: [`Report::kept`] is true only if nothing was broken and everything could be read.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;
use watershed_ledger::Tally;

use crate::{arguments::Config, book::Book};

/// See the head of the file.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) stream: String,
    pub(crate) seed: u64,
    pub(crate) viewers: usize,
    pub(crate) connected_most: u64,
    /// How long was sent, in seconds.
    pub(crate) seconds: f64,
    /// All answers came and frames changed nothing any more within the time allowed.
    pub(crate) quiet: bool,
    pub(crate) history: HistoryRead,
    /// From the scheduled time of a comment to its receipt by each other viewer, in milliseconds.
    pub(crate) comment_ms: Latency,
    /// From the scheduled time of a like to its acknowledgement, in milliseconds.
    pub(crate) like_ms: Latency,
    pub(crate) frames_per_s_per_viewer: f64,
    pub(crate) deliveries_per_s: f64,
    pub(crate) reconnects: u64,
    pub(crate) moves: u64,
    /// Connections that viewers were ordered to drop.
    pub(crate) drops: u64,
    /// Writes that were sent again although nothing asked for it.
    pub(crate) repeats: u64,
    pub(crate) connect_failures: u64,
    pub(crate) first_failure: Option<String>,
    /// Sendings that fell due while their viewer had too many unanswered.
    pub(crate) held_back: u64,
    /// Sendings that were refused until their viewer gave up.
    pub(crate) given_up: u64,
    /// Messages that are not of the protocol.
    pub(crate) undecodable: u64,
    pub(crate) first_undecodable: Option<String>,
    pub(crate) ledger: watershed_ledger::Report,
}

/// What was read of the history.
#[derive(Debug, Serialize)]
pub(crate) struct HistoryRead {
    pub(crate) comments: usize,
    /// It was read back beyond the start of the run.
    pub(crate) complete: bool,
    pub(crate) error: Option<String>,
}

/// Quantiles in milliseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Latency {
    pub(crate) count: u64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) p999: f64,
    pub(crate) max: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        Self { count: histogram.len(), p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) }
    }
}

impl Report {
    pub(crate) fn new(
        config: &Config,
        book: &Book,
        seed: u64,
        seconds: f64,
        quiet: bool,
        history: HistoryRead,
    ) -> Self {
        let ledger = book.ledger.report();
        // Frames and deliveries also come while the crowd joins and falls quiet.
        let watched_s = book.now_ns() as f64 / 1e9;
        Self {
            stream: config.stream.to_string(),
            seed,
            viewers: config.viewers,
            connected_most: book.connected_most,
            seconds,
            quiet,
            history,
            comment_ms: Latency::of(&book.comment_us),
            like_ms: Latency::of(&book.like_us),
            frames_per_s_per_viewer: ledger.frames as f64 / watched_s / config.viewers as f64,
            deliveries_per_s: ledger.deliveries as f64 / watched_s,
            reconnects: book.reconnects,
            moves: book.moves,
            drops: book.drops,
            repeats: book.repeats,
            connect_failures: book.connect_failures,
            first_failure: book.first_failure.clone(),
            held_back: book.held_back,
            given_up: book.given_up,
            undecodable: book.undecodable,
            first_undecodable: book.first_undecodable.clone(),
            ledger,
        }
    }

    /// Whether every promise was kept, as far as could be seen.
    pub(crate) fn kept(&self) -> bool {
        let checked = self.ledger.views_checked > 0 && self.history.error.is_none();
        checked && self.ledger.violations.is_empty() && self.undecodable == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ledger, history, .. } = self;
        writeln!(
            f,
            "stream {}, {} viewers ({} connected at most), {:.1} s of sending, seed {}",
            self.stream, self.viewers, self.connected_most, self.seconds, self.seed
        )?;
        writeln!(f, "{:<10} {:>10} {:>13} {:>10} {:>10}", "", "sent", "acknowledged", "refused", "unknown")?;
        let rows = [("comments", ledger.comments), ("likes", ledger.likes), ("unlikes", ledger.unlikes)];
        for (name, Tally { sent, acknowledged, refused, unknown }) in rows {
            writeln!(f, "{name:<10} {sent:>10} {acknowledged:>13} {refused:>10} {unknown:>10}")?;
        }
        let refusals: Vec<_> = ledger.refusals.iter().map(|(code, count)| format!("{code} {count}")).collect();
        writeln!(f, "refusals   {}", if refusals.is_empty() { "none".into() } else { refusals.join(", ") })?;
        writeln!(
            f,
            "attempts   {} again, {} as duplicates, {} given up, {} held back",
            ledger.resent, self.repeats, self.given_up, self.held_back
        )?;
        writeln!(
            f,
            "seen       {} comments of this crowd, {} of others, {} withheld from one viewer at most",
            ledger.seen, ledger.foreign, ledger.withheld_most
        )?;
        writeln!(
            f,
            "received   {} deliveries ({:.0}/s), {} frames ({:.2}/s a viewer), {} snapshots, {} beats",
            ledger.deliveries,
            self.deliveries_per_s,
            ledger.frames,
            self.frames_per_s_per_viewer,
            ledger.snapshots,
            ledger.beats
        )?;
        for (name, latency) in [("comment", &self.comment_ms), ("like", &self.like_ms)] {
            writeln!(
                f,
                "{name:<10} p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms, max {:.1} ms of {}",
                latency.p50, latency.p99, latency.p999, latency.max, latency.count
            )?;
        }
        writeln!(
            f,
            "connections {} resumed, {} moved, {} dropped, {} failed{}",
            self.reconnects,
            self.moves,
            self.drops,
            self.connect_failures,
            self.first_failure.as_ref().map(|why| format!(", first: {why}")).unwrap_or_default()
        )?;
        match &history.error {
            Some(error) => writeln!(f, "UNCHECKED  the history could not be read: {error}")?,
            None => writeln!(
                f,
                "history    {} comments read, {}",
                history.comments,
                if history.complete { "back beyond the start" } else { "not back to the start" }
            )?,
        }
        if !self.quiet {
            writeln!(f, "quiet      not reached within the time allowed; what follows may be only late")?;
        }
        if ledger.views_checked == 0 {
            writeln!(f, "UNCHECKED  no viewer was connected at the end")?;
        }
        if let Some(why) = &self.first_undecodable {
            writeln!(f, "BROKEN     undecodable_message {} times, first: {why}", self.undecodable)?;
        }
        for finding in &ledger.violations {
            writeln!(
                f,
                "BROKEN     invariant {}: {} {} times, first at {} ms: {}",
                finding.invariant,
                finding.violation.name(),
                finding.count,
                finding.first_at_ms,
                finding.first
            )?;
        }
        if self.kept() {
            writeln!(f, "kept       every promise that was checked")?;
        }
        Ok(())
    }
}

/// Microseconds as a person reads them.
pub(crate) fn milliseconds(us: u64) -> String {
    format!("{:.1}ms", us as f64 / 1_000.0)
}
