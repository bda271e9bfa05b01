//! What a commit costs: a segment that grows against one that was written before.
//!
//! `cargo run --release -p watershed-store --example commit [DIRECTORY]` prints commits per second, processor time per
//! commit, and how long a commit takes, for three sizes of records. Runs alternate, so that what else the machine does
//! meets both. Figures of one machine are in decision 0013.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use watershed_log::{Base, LogConfig, LogWriter, Section, recover};
use watershed_protocol::{Epoch, Position, Slot};
use watershed_store::FileDisk;

const PAIRS: usize = 7;
const RUN: Duration = Duration::from_millis(1_200);
const SIZES: [(usize, &str); 3] = [(4 << 10, "4 KiB"), (64 << 10, "64 KiB"), (1 << 20, "1 MiB")];
/// Spares of this size are never begun beside segments of the default size.
const NO_SPARES: u64 = u64::MAX;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let directory = tempfile::tempdir_in(directory)?;
    let mut growing = Log::open(&directory.path().join("growing"), NO_SPARES)?;
    let mut recycled = Log::open(&directory.path().join("recycled"), LogConfig::default().segment_bytes)?;
    growing.warm_up(1)?;
    recycled.warm_up(4)?;
    println!("medians of {PAIRS} alternating pairs of {RUN:?}, with the least and the greatest\n");
    println!("| record | segment | commits/s | CPU µs/commit | p50 ms | p99 ms |");
    println!("|---|---|---|---|---|---|");
    for (bytes, name) in SIZES {
        let mut runs = [Vec::new(), Vec::new()];
        for _ in 0..PAIRS {
            runs[0].push(growing.run(bytes)?);
            runs[1].push(recycled.run(bytes)?);
        }
        for (segment, runs) in ["growing", "recycled"].into_iter().zip(&runs) {
            let column = |figure: fn(&Run) -> f64| spread(runs.iter().map(figure));
            let (rate, cpu, p50, p99) =
                (column(|run| run.rate), column(|run| run.cpu_us), column(|run| run.p50_ms), column(|run| run.p99_ms));
            println!("| {name} | {segment} | {rate} | {cpu} | {p50} | {p99} |");
        }
        let ratio = |figure: fn(&Run) -> f64| {
            spread(runs[0].iter().zip(&runs[1]).map(|(growing, recycled)| figure(recycled) / figure(growing)))
        };
        let (rate, cpu) = (ratio(|run| run.rate), ratio(|run| run.cpu_us));
        println!("| {name} | recycled ÷ growing | {rate} | {cpu} | | |");
    }
    Ok(())
}

/// One log, and the next row of its only slot.
struct Log {
    writer: LogWriter<FileDisk>,
    next: u64,
}

/// The figures of one run.
struct Run {
    rate: f64,
    cpu_us: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Log {
    fn open(directory: &Path, spare_bytes: u64) -> Result<Self, Box<dyn Error>> {
        let disk = FileDisk::open(directory, spare_bytes)?;
        let (writer, _) = recover(disk, LogConfig::default(), Base::default(), |_| Ok::<(), String>(()))?;
        Ok(Self { writer, next: 0 })
    }

    /// Fills so many segments: with spares, two files then take turns.
    fn warm_up(&mut self, segments: usize) -> Result<(), Box<dyn Error>> {
        let mut group = group(1 << 20)?;
        for _ in 0..segments * 64 {
            self.commit(&mut group)?;
        }
        Ok(())
    }

    /// Commits for the time of one run.
    fn run(&mut self, bytes: usize) -> Result<Run, Box<dyn Error>> {
        let (mut group, mut took) = (group(bytes)?, Vec::new());
        let (begun, cpu) = (Instant::now(), cpu()?);
        while begun.elapsed() < RUN {
            took.push(self.commit(&mut group)?);
        }
        let (elapsed, cpu) = (begun.elapsed(), self::cpu()? - cpu);
        took.sort_unstable();
        let ms = |share: f64| took[((took.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let commits = took.len() as f64;
        Ok(Run {
            rate: commits / elapsed.as_secs_f64(),
            cpu_us: cpu.as_secs_f64() * 1e6 / commits,
            p50_ms: ms(0.5),
            p99_ms: ms(0.99),
        })
    }

    /// One group, written and synced; what came before is cut.
    fn commit(&mut self, group: &mut [Section; 1]) -> Result<Duration, Box<dyn Error>> {
        (group[0].from, group[0].to) = (Position::new(self.next), Position::new(self.next + 1));
        self.next += 1;
        let begun = Instant::now();
        self.writer.append(group)?;
        self.writer.sync()?;
        let took = begun.elapsed();
        self.writer.cut_to(self.writer.durable());
        self.writer.tidy()?;
        Ok(took)
    }
}

/// A group whose record takes about so many bytes.
fn group(bytes: usize) -> Result<[Section; 1], Box<dyn Error>> {
    let (slot, epoch, body) = (Slot::new(7)?, Epoch::new(1), vec![0xa5; bytes - 48]);
    Ok([Section { slot, epoch, from: Position::ZERO, to: Position::ZERO, body }])
}

/// The time that this thread has had a processor, which is all the work there is: no spare is made while a run goes on.
fn cpu() -> Result<Duration, Box<dyn Error>> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = told.split_whitespace().next().ok_or("the kernel keeps no scheduler statistics")?;
    Ok(Duration::from_nanos(nanoseconds.parse()?))
}

fn spread(figures: impl Iterator<Item = f64>) -> String {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    let digits = |figure: f64| if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") };
    let (least, median, greatest) = (figures[0], figures[figures.len() / 2], figures[figures.len() - 1]);
    format!("{} ({} to {})", digits(median), digits(least), digits(greatest))
}
