//! What processes and the kernel use: memory and processor time, out of `/proc`.
//!
//! Read before and after what is measured. Invariant: a process that has ended counts as nothing.

use std::{fs, ops::Sub};

/// Clock ticks a second of the times in `/proc`: 100 on every Linux of today.
const TICKS_PER_S: f64 = 100.0;
/// The kernel counts memory in pages.
const PAGE_BYTES: u64 = 4_096;

/// What some processes use together.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Use {
    /// Resident memory.
    pub rss_bytes: i64,
    /// User and system time since their start.
    pub cpu_s: f64,
}

impl Sub for Use {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { rss_bytes: self.rss_bytes - before.rss_bytes, cpu_s: self.cpu_s - before.cpu_s }
    }
}

/// What these processes use.
pub fn used_by(pids: &[u32]) -> Use {
    pids.iter().fold(Use::default(), |sum, pid| {
        let (rss_bytes, cpu_s) = (rss_bytes(*pid).unwrap_or(0), cpu_s(*pid).unwrap_or(0.0));
        Use { rss_bytes: sum.rss_bytes + rss_bytes as i64, cpu_s: sum.cpu_s + cpu_s }
    })
}

fn rss_bytes(pid: u32) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

/// Fields 14 and 15 of the line, counted behind the name, which may hold anything.
fn cpu_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_S)
}

/// What the kernel has for all sockets of the machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// TCP sockets in use.
    pub sockets: u64,
    /// Bytes that wait in them.
    pub queued_bytes: u64,
    /// Objects of the kernel, sockets among them.
    pub slab_bytes: u64,
    /// What is still free, or could be.
    pub available_bytes: u64,
}

impl Kernel {
    /// As of now.
    pub fn now() -> Self {
        let sockstat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            sockets: tcp(&sockstat, "inuse"),
            queued_bytes: tcp(&sockstat, "mem") * PAGE_BYTES,
            slab_bytes: memory(&meminfo, "Slab:"),
            available_bytes: memory(&meminfo, "MemAvailable:"),
        }
    }
}

fn tcp(sockstat: &str, key: &str) -> u64 {
    let line = sockstat.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    let mut words = line.split_ascii_whitespace().skip_while(|word| *word != key);
    words.nth(1).and_then(|number| number.parse().ok()).unwrap_or(0)
}

fn memory(meminfo: &str, key: &str) -> u64 {
    let line = meminfo.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    line.split_ascii_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_a_socket_shows_in_the_kernel() {
        let own = used_by(&[std::process::id()]);
        assert!(own.rss_bytes > 100_000 && own.cpu_s >= 0.0, "{own:?}");
        let _listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let kernel = Kernel::now();
        assert!(kernel.sockets >= 1 && kernel.available_bytes > 0 && kernel.slab_bytes > 0, "{kernel:?}");
    }

    #[test]
    fn the_kernels_lines_are_read_by_their_words() {
        let sockstat = "sockets: used 15\nTCP: inuse 7 orphan 0 tw 0 alloc 1 mem 99\nUDP: inuse 3 mem 0\n";
        assert_eq!((tcp(sockstat, "inuse"), tcp(sockstat, "mem")), (7, 99));
        assert_eq!(memory("MemFree: 1 kB\nSlab:   12 kB\n", "Slab:"), 12 * 1_024);
    }
}
