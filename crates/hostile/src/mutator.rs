//! Makes wrong messages of true ones, the same on each run.
//!
//! Between a corpus and a door. Invariant: the inputs follow from the seed and the corpus alone, and none is longer than
//! `BYTES_MAX`.

/// Longest input: long enough for all lengths that are written in one or two bytes.
const BYTES_MAX: usize = 70_000;

/// Bytes that mean something to one of the decoders: lengths of MessagePack, ends of ranges, brackets of JSON.
const TELLING: [u8; 32] = [
    0x00, 0x01, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc6, 0xcb, 0xcf, 0xd3, 0xd9, 0xdb, 0xdc,
    0xdd, 0xdf, 0xff, b'{', b'}', b'[', b']', b'"', b'\\', b'-', b'9', b'e', b'\n',
];

/// How many things are done to a message: mostly one, for what is broken twice seldom gets past the first check.
const TIMES: [usize; 8] = [1, 1, 1, 1, 2, 2, 3, 5];

/// Numbers at the ends of ranges.
const NUMBERS: [u64; 10] =
    [0, 1, 255, 65_535, 1 << 31, u32::MAX as u64, (1 << 53) - 1, 1 << 53, i64::MAX as u64, u64::MAX];

/// A seeded source of mutations.
#[derive(Clone, Debug)]
pub struct Mutator {
    state: u64,
}

impl Mutator {
    /// The same seed gives the same mutations.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next wrong message: one of the corpus with one thing done to it, or a few more.
    pub fn next(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = self.pick(corpus).clone();
        for _ in 0..TIMES[self.below(TIMES.len())] {
            self.mutate(&mut bytes, corpus);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(bytes.len() + 1);
        let inside = at.min(bytes.len().saturating_sub(1));
        match self.below(14) {
            0 => bytes.truncate(at),
            1 if !bytes.is_empty() => bytes[inside] ^= 1 << self.below(8),
            2 if !bytes.is_empty() => bytes[inside] = TELLING[self.below(TELLING.len())],
            3 => bytes.insert(at, TELLING[self.below(TELLING.len())]),
            4 if !bytes.is_empty() => drop(bytes.remove(inside)),
            // A number of MessagePack, in its widest form.
            5 => {
                let number = NUMBERS[self.below(NUMBERS.len())].to_be_bytes();
                let end = (at + 1).min(bytes.len());
                bytes.splice(at..end, [0xcf].into_iter().chain(number));
            }
            // The same in digits, in place of digits.
            6 => {
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                let start = bytes[at..].iter().position(is_digit).map_or(at, |found| at + found);
                let end = start + bytes[start..].iter().take_while(|byte| is_digit(byte)).count();
                let number = NUMBERS[self.below(NUMBERS.len())].to_string();
                bytes.splice(start..end, number.into_bytes());
            }
            // A little more, or a little less.
            10 | 11 if !bytes.is_empty() => bytes[inside] = bytes[inside].wrapping_add(1),
            12 if !bytes.is_empty() => bytes[inside] = bytes[inside].wrapping_sub(1),
            // A small number of MessagePack, if there is one behind, becomes any.
            13 => {
                let found = bytes[at..].iter().position(|byte| *byte < 0x20).map(|found| at + found);
                let number = NUMBERS[self.below(NUMBERS.len())].to_be_bytes();
                found.into_iter().for_each(|at| drop(bytes.splice(at..=at, [0xcf].into_iter().chain(number))));
            }
            // The rest of another message.
            7 => {
                let other = self.pick(corpus);
                let from = self.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
            // A piece of itself once more.
            8 => {
                let end = at + self.below(bytes.len() - at + 1);
                let piece = bytes[at..end].to_vec();
                bytes.splice(at..at, piece);
            }
            // Much of the same: nesting, or length.
            _ => {
                let (byte, count) = (TELLING[self.below(TELLING.len())], 1 << self.below(13));
                bytes.splice(at..at, std::iter::repeat_n(byte, count));
            }
        }
    }

    fn pick<'c>(&mut self, corpus: &'c [Vec<u8>]) -> &'c Vec<u8> {
        &corpus[self.below(corpus.len())]
    }

    fn below(&mut self, end: usize) -> usize {
        (self.random() % end.max(1) as u64) as usize
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
