//! What `/proc` says of a process and of the machine.
//!
//! Read before and after a window. Invariant: processor time is that of the scheduler, in nanoseconds, over all threads;
//! ticks of 10 ms would be too coarse for an idle server.

use std::{collections::BTreeMap, fs};

use anyhow::Context;

/// User and system time of each thread so far, by its name; threads of one name together.
pub(crate) fn cpu_ns_by_thread(pid: u32) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut threads = BTreeMap::new();
    let directory = format!("/proc/{pid}/task");
    for thread in fs::read_dir(&directory).with_context(|| directory.clone())? {
        let path = thread?.path();
        // A thread that ends meanwhile has no files any more.
        let (Ok(name), Ok(time)) = (fs::read_to_string(path.join("comm")), fs::read_to_string(path.join("schedstat")))
        else {
            continue;
        };
        let ns: u64 = time.split(' ').next().and_then(|ns| ns.parse().ok()).context("schedstat has no time")?;
        *threads.entry(name.trim().to_owned()).or_default() += ns;
    }
    Ok(threads)
}

/// User and system time of a process so far.
pub(crate) fn cpu_ns(pid: u32) -> anyhow::Result<u64> {
    Ok(cpu_ns_by_thread(pid)?.values().sum())
}

/// Memory of a process that is in the machine's.
pub(crate) fn resident_bytes(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
    Ok(kib * 1_024)
}

/// Ticks of all cores so far: in all, those without work, and those that the host gave to others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticks {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl Ticks {
    /// As of now.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let ticks = stat.lines().next().unwrap_or_default().split_ascii_whitespace().skip(1);
        // User, nice, system, idle, iowait, irq, softirq, steal; guests are in user.
        let ticks: Vec<u64> = ticks.take(8).map_while(|ticks| ticks.parse().ok()).collect();
        let tick = |place: usize| ticks.get(place).copied().unwrap_or(0);
        Ok(Self { all: ticks.iter().sum(), idle: tick(3) + tick(4), stolen: tick(7) })
    }

    /// The share of the machine that was stolen since then, in percent.
    pub(crate) fn stolen_percent_since(self, then: Self) -> f64 {
        100.0 * (self.stolen - then.stolen) as f64 / (self.all - then.all).max(1) as f64
    }

    /// The share of the machine that somebody here worked on since then, in percent.
    pub(crate) fn busy_percent_since(self, then: Self) -> f64 {
        let idle = (self.idle - then.idle) as f64 / (self.all - then.all).max(1) as f64;
        100.0 * (1.0 - idle) - self.stolen_percent_since(then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_used_time_and_memory() {
        let pid = std::process::id();
        assert!(cpu_ns(pid).unwrap() > 0);
        assert!(resident_bytes(pid).unwrap() > 100 * 1_024);
        let ticks = Ticks::read().unwrap();
        assert!(ticks.all > ticks.stolen + ticks.idle);
    }
}
