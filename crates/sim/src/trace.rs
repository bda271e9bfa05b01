//! The trace of a run: a number that sums up all that happened, and on request the lines themselves.
//!
//! Written by everything that acts. Invariant: a line depends on the run alone, so equal seeds give equal sums
//! (invariant 11), and the sum is the same whether lines are printed or not.

use std::fmt::{self, Write};

use crate::time::Moment;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Trace {
    sum: Fnv,
    lines: u64,
    prints: bool,
}

impl Trace {
    pub(crate) fn new(prints: bool) -> Self {
        Self { sum: Fnv(0xcbf2_9ce4_8422_2325), lines: 0, prints }
    }

    pub(crate) fn note(&mut self, now: Moment, line: fmt::Arguments<'_>) {
        self.lines += 1;
        // A hash takes all that is written to it.
        let _ = write!(self.sum, "{now} {line}");
        if self.prints {
            println!("{now} {line}");
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        self.sum.0
    }

    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }
}

/// Fowler, Noll and Vo's hash, variant 1a: enough to tell two runs apart.
#[derive(Debug)]
struct Fnv(u64);

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}
