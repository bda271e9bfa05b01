//! The same viewers on bare loops: what a frame to all costs the kernel alone.
//!
//! Beside a run, for the ratio: both do not fit at once, so the one is over when the other begins. Invariant: as many
//! servers, as many crowds, as many viewers each, and a comment of as many bytes, as in the run.

use anyhow::ensure;
use watershed_bench::scale::{
    Histogram,
    crowds::{Crowds, Ticket},
    floors::Floors,
    proc::{Kernel, Use},
    table::{Table, bytes_each, grouped, mib},
};

use crate::{run::Run, steps};

/// Bytes of a comment that is timed: its words and its time.
const COMMENT_BYTES: usize = 40;
/// A window is so much shorter than the time between two frames that only one is in it.
const WINDOW_SHARE: f64 = 0.9;

impl Run {
    /// Times frames on bare loops; a period is as long as a frame may take.
    pub(crate) async fn bare(&self, period_s: f64) -> anyhow::Result<()> {
        let mut floors = Floors::start(self.processes()).await?;
        let tickets = self.tickets(&floors.addresses(), &["--bare"]);
        let (before, mut crowds) = (Kernel::now(), Crowds::start(tickets)?);
        let start = floors.used();
        let joined = steps::join(&mut crowds).await?;
        let seconds = joined.iter().map(|joined| joined.seconds).fold(0.0, f64::max);
        let mut table = Table::default();
        let joins = joined.iter().map(|joined| joined.handshake_us.count).sum();
        table.row("viewers of bare loops", grouped(joins));
        table.row("joins", format!("{seconds:.1} s, {} a second", grouped((self.viewers as f64 / seconds) as u64)));
        let grown = floors.used() - start;
        table.row("memory of the loops, grown by", format!("{} a viewer", bytes_each(grown.rss_bytes, self.viewers)));
        table.row("memory free, with all", mib(Kernel::now().available_bytes as i64));
        let slab = Kernel::now().slab_bytes as i64 - before.slab_bytes as i64;
        table.row("kernel objects, both ends", format!("{} a viewer", bytes_each(slab, self.viewers)));
        for number in 0..=self.frames {
            let (times, spent) = self.bare_frame(&mut floors, &mut crowds, period_s).await?;
            // The first warms up.
            if number > 0 {
                let (reached, viewers) = (times.count(), self.viewers);
                ensure!(reached == viewers, "a frame of the bare loops reached {reached} of {viewers} viewers");
                let at = |share| times.seconds_at(share);
                table.row(
                    format!("frame {number} to {} viewers: first, median, 99%, last", grouped(times.count())),
                    format!("{:.3} s, {:.2} s, {:.2} s, {:.2} s", at(0.0), at(0.5), at(0.99), at(1.0)),
                );
                let each = spent.cpu_s * 1e6 / times.count().max(1) as f64;
                table.row(format!("frame {number}: processor time for each viewer, loops"), format!("{each:.1} µs"));
            }
        }
        println!("\n{table}");
        Ok(())
    }

    async fn bare_frame(
        &self,
        floors: &mut Floors,
        crowds: &mut Crowds,
        period_s: f64,
    ) -> anyhow::Result<(Histogram, Use)> {
        floors.send_every(period_s, COMMENT_BYTES).await?;
        let before = floors.used();
        crowds.open_window(period_s * (1.0 + WINDOW_SHARE)).await?;
        let windows = crowds.close_window().await?;
        let spent = floors.used() - before;
        floors.rest().await?;
        Ok((Histogram::sum(windows.iter().map(|window| &window.latency_counts)), spent))
    }

    /// One crowd a server, as even as may be.
    pub(crate) fn tickets(&self, servers: &[&str], arguments: &[&str]) -> Vec<Ticket> {
        let count = servers.len() as u64;
        let ticket = |(number, server): (u64, &&str)| Ticket {
            server: (*server).to_owned(),
            viewers: self.viewers / count + u64::from(number < self.viewers % count),
            prefix: format!("crowd-{number}"),
            arguments: ["--stream", crate::run::STREAM, "--handshakes-max", "16"]
                .iter()
                .chain(arguments)
                .map(|argument| (*argument).to_owned())
                .collect(),
        };
        (0..).zip(servers).map(ticket).collect()
    }
}
