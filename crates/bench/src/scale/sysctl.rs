//! The kernel's settings that so many connections need: what they are, what they have to be, and the line to type.
//!
//! Before a run of `million` and `streams`. Invariant: nothing is written but by [`Sysctls::set`], and what it has written
//! is put back when its value is dropped, whatever happened in between.

use std::{fmt, fs, net::TcpListener, path::PathBuf};

use anyhow::Context;

/// Pages of socket memory for each connection: one for what the server has not been acknowledged, one for what the client
/// has not read.
const PAGES_PER_CONNECTION: u64 = 2;
/// Files of everything else that runs.
const FILES_SPARE: u64 = 100_000;
/// Handshakes that may wait at one listener while its node does something else.
const BACKLOG: u64 = 1_024;
/// Connections that are made to see whether the kernel tracks those of the loopback.
const PROBES: u64 = 16;

/// One setting that is too low.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    name: &'static str,
    found: Vec<u64>,
    needed: Vec<u64>,
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=\"{}\"", self.name, words(&self.needed))
    }
}

/// Raises what is too low if that was asked for; else says what to type.
pub fn settle(connections: u64, set: bool) -> anyhow::Result<Sysctls> {
    let lacking = lacking(connections);
    if !lacking.is_empty() {
        println!("{connections} connections need: {}", line_to_type(&lacking));
        anyhow::ensure!(set, "the kernel's settings are too low: type the line above, or run with SYSCTL=1 as root");
    }
    Sysctls::set(lacking)
}

/// What so many connections, both ends on this machine, need and do not have.
pub fn lacking(connections: u64) -> Vec<Lacking> {
    let pages = connections * PAGES_PER_CONNECTION;
    let mut wants = vec![
        ("net.ipv4.tcp_mem", vec![pages, pages, pages * 2]),
        ("net.core.somaxconn", vec![BACKLOG]),
        ("net.ipv4.tcp_max_syn_backlog", vec![BACKLOG]),
        ("fs.file-max", vec![connections * 2 + FILES_SPARE]),
        ("fs.epoll.max_user_watches", vec![connections * 2 + FILES_SPARE]),
    ];
    if tracks_connections() {
        wants.push(("net.netfilter.nf_conntrack_max", vec![connections + FILES_SPARE]));
    }
    wants.into_iter().filter_map(|(name, needed)| compare(name, read(name)?, needed)).collect()
}

/// Of several numbers each has to be reached; what is higher stays as it is.
fn compare(name: &'static str, found: Vec<u64>, needed: Vec<u64>) -> Option<Lacking> {
    let enough = found.len() == needed.len() && found.iter().zip(&needed).all(|(found, needed)| found >= needed);
    let needed = needed.iter().zip(&found).map(|(needed, found)| *needed.max(found)).collect();
    (!enough).then_some(Lacking { name, found, needed })
}

/// The line that sets all of them.
pub fn line_to_type(lacking: &[Lacking]) -> String {
    let settings: Vec<String> = lacking.iter().map(Lacking::to_string).collect();
    format!("sysctl -w {}", settings.join(" "))
}

/// Settings that were changed, until they are put back.
#[derive(Debug, Default)]
pub struct Sysctls {
    former: Vec<Lacking>,
}

impl Sysctls {
    /// Raises what is too low. Needs root; what was raised before a failure is put back.
    pub fn set(lacking: Vec<Lacking>) -> anyhow::Result<Self> {
        let mut set = Self::default();
        for setting in lacking {
            write(setting.name, &setting.needed)
                .with_context(|| format!("cannot set {setting}: only root may, type it or leave SYSCTL=1 out"))?;
            set.former.push(setting);
        }
        Ok(set)
    }
}

impl Drop for Sysctls {
    fn drop(&mut self) {
        for setting in self.former.drain(..).rev() {
            if let Err(error) = write(setting.name, &setting.found) {
                eprintln!("{} was {} and is not put back: {error}", setting.name, words(&setting.found));
            }
        }
    }
}

fn path(name: &str) -> PathBuf {
    PathBuf::from("/proc/sys").join(name.replace('.', "/"))
}

/// The numbers of a setting; nothing where this kernel has no such setting.
fn read(name: &str) -> Option<Vec<u64>> {
    let text = fs::read_to_string(path(name)).ok()?;
    text.split_ascii_whitespace().map(|number| number.parse().ok()).collect()
}

fn write(name: &str, numbers: &[u64]) -> std::io::Result<()> {
    fs::write(path(name), words(numbers))
}

fn words(numbers: &[u64]) -> String {
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(" ")
}

/// Whether connections of the loopback are tracked here: only rules that ask for it make the kernel do so.
fn tracks_connections() -> bool {
    let count = || read("net.netfilter.nf_conntrack_count").and_then(|numbers| numbers.first().copied());
    let Some(before) = count() else { return false };
    let Ok(listener) = TcpListener::bind("127.0.0.1:0") else { return false };
    let Ok(address) = listener.local_addr() else { return false };
    let probes: Vec<_> = (0..PROBES).map_while(|_| std::net::TcpStream::connect(address).ok()).collect();
    let tracked = count().is_some_and(|after| after >= before + PROBES / 2);
    drop(probes);
    tracked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_low_is_named_with_the_line_to_type_and_what_is_high_stays() {
        let low = compare("net.ipv4.tcp_mem", vec![100, 9_000, 300], vec![2_000, 2_000, 4_000]);
        let low = low.expect("two of the numbers are too low");
        assert_eq!(
            line_to_type(&[low.clone(), low]),
            "sysctl -w net.ipv4.tcp_mem=\"2000 9000 4000\" net.ipv4.tcp_mem=\"2000 9000 4000\""
        );
        assert_eq!(compare("net.core.somaxconn", vec![4_096], vec![1_024]), None);
    }

    #[test]
    fn a_small_crowd_needs_nothing() {
        assert_eq!(lacking(10), []);
    }
}
