//! Why a value from outside was not taken. The text names the value and the limit, for people to read.

use crate::limits;

/// A value that came off a wire, a disk, a command line or a file and does not fit its type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The value has a length that its type does not allow.
    #[error("{what} is {bytes} bytes, {min} to {max} fit")]
    Length {
        /// The noun of the value.
        what: &'static str,
        /// Its length in bytes.
        bytes: usize,
        /// The shortest allowed.
        min: usize,
        /// The longest allowed.
        max: usize,
    },
    /// A name holds a character outside its alphabet.
    #[error("{what} has {found:?} at byte {at}, only A-Z a-z 0-9 . _ - are allowed")]
    Alphabet {
        /// The noun of the value.
        what: &'static str,
        /// The offending character.
        found: char,
        /// Its byte offset.
        at: usize,
    },
    /// A number is outside its range.
    #[error("{what} is {found}, {min} to {max} are allowed")]
    Range {
        /// The noun of the value.
        what: &'static str,
        /// The number.
        found: u64,
        /// The least allowed.
        min: u64,
        /// The greatest allowed.
        max: u64,
    },
    /// The text is not of the form that its type asks for.
    #[error("{what}: {why}")]
    Form {
        /// The noun of the value.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
}

/// Words about a value, without the middle of it if they would be longer than [`limits::WORDS_CHARS_MAX`] characters.
pub(crate) fn shortened(words: String) -> String {
    let chars = words.chars().count();
    if chars <= limits::WORDS_CHARS_MAX {
        return words;
    }
    // The end is worth as much as the beginning: there stands what was expected, and where.
    let half = limits::WORDS_CHARS_MAX / 2 - 1;
    let (head, tail) = (words.chars().take(half), words.chars().skip(chars - half));
    head.chain(['…']).chain(tail).collect()
}
