//! What this process uses, as the system counts it: time, memory and processor time.
//!
//! Beside the flow, asked when somebody looks at the node's figures. Invariant: what the system does not say is left out, and
//! never shown as nothing.

use std::{fs, time::Instant};

use rustix::{
    param::page_size,
    time::{ClockId, clock_gettime},
};

use crate::figures::Figure;

/// See the head of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    started: Instant,
}

impl Process {
    /// The process, which has just started.
    pub(crate) fn started() -> Self {
        Self { started: Instant::now() }
    }

    /// What it has used so far, and uses now.
    pub(crate) fn figures(&self) -> Vec<Figure> {
        let used = clock_gettime(ClockId::ProcessCPUTime);
        let cpu_seconds = used.tv_sec as f64 + used.tv_nsec as f64 / 1e9;
        let mut figures = vec![
            Figure::gauge(
                "uptime_s",
                "Seconds since the start of the process",
                self.started.elapsed().as_secs() as f64,
            ),
            Figure::growing("cpu_seconds", "Processor time of all threads", cpu_seconds),
        ];
        figures.extend(resident_bytes().map(|bytes| Figure::gauge("resident_bytes", "Memory in use", bytes as f64)));
        figures
    }
}

/// Memory that the process has now: the second number of statm, in pages.
fn resident_bytes() -> Option<u64> {
    let pages: u64 = fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_uses() {
        let process = Process::started();
        let value = |name: &str| process.figures().iter().find(|figure| figure.name == name).map(|figure| figure.value);
        assert!(value("resident_bytes") > Some(100_000.0));
        let used = value("cpu_seconds");
        let spun: u64 = (0..5_000_000_u64).fold(1, |sum, n| std::hint::black_box(sum.rotate_left(7) ^ n));
        assert!(value("cpu_seconds") > used, "{spun}");
    }
}
