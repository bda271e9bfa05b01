//! Opening a stream that nobody watches yet, and how long it takes until its first viewer sees it.
//!
//! One after another, in every moment of a run. Invariant: each is a stream of its own that did not exist before.

use std::time::Instant;

use watershed_bench::scale::writers::Writer;

/// Times of opening, sorted.
#[derive(Debug, Default)]
pub(crate) struct Opens {
    seconds: Vec<f64>,
}

impl Opens {
    /// Opens so many streams, one after another, each at the next node. The viewers leave again.
    pub(crate) async fn of(servers: &[&str], name: &str, streams: u64) -> anyhow::Result<Self> {
        let mut opens = Self::default();
        for number in 0..streams {
            opens.open(servers[number as usize % servers.len()], &format!("{name}-{number}")).await?;
        }
        opens.seconds.sort_by(f64::total_cmp);
        Ok(opens)
    }

    /// From the connect to a whole view.
    async fn open(&mut self, server: &str, stream: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        Writer::join(server, stream, "opener").await?.view().await?;
        self.seconds.push(began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Half of them, 99 of a hundred, all of them.
    pub(crate) fn words(&self) -> String {
        let at = |share: f64| {
            let place = ((self.seconds.len() as f64 * share).ceil() as usize).clamp(1, self.seconds.len().max(1)) - 1;
            self.seconds.get(place).copied().unwrap_or(0.0) * 1e3
        };
        format!("{:.1} ms, {:.1} ms, {:.1} ms", at(0.5), at(0.99), at(1.0))
    }
}
