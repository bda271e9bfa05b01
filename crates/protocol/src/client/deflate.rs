//! Raw deflate (RFC 1951) of a server's message, and back: the byte before it says which of both it is.
//!
//! Frames and snapshots are deflated once and shared by all viewers; what is for one viewer alone goes plain. Invariant: what
//! is sent deflated is shorter so, and was at most [`limits::DEFLATED_BYTES_MAX`] long: a client never inflates more.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::limits;

/// How hard deflate tries, 1 to 9. Measured on the reference flood; decision 0022.
const LEVEL: u32 = 6;
/// Before a message that is as it is.
const PLAIN: u8 = 0;
/// Before a message that is deflated.
const DEFLATED: u8 = 1;

/// Why a message cannot be inflated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InflateError {
    /// Neither of the two that are known, or nothing at all.
    #[error("begins with neither 0, plain, nor 1, deflated")]
    Mark,
    /// Not deflate, cut short, or with something behind it.
    #[error("{bytes} bytes are not one deflated message")]
    Form {
        /// How many there are.
        bytes: usize,
    },
    /// More than a client takes.
    #[error("inflates to more than {max} bytes")]
    Long {
        /// How many it takes.
        max: usize,
    },
}

/// A message for one viewer, marked as plain.
pub(super) fn plain(message: &[u8]) -> Vec<u8> {
    [&[PLAIN], message].concat()
}

/// A message that is shared, deflated where that makes it shorter.
pub(super) fn shared(message: &[u8]) -> Vec<u8> {
    match deflate(message, LEVEL).filter(|_| message.len() <= limits::DEFLATED_BYTES_MAX) {
        Some(deflated) => [&[DEFLATED], &deflated[..]].concat(),
        None => plain(message),
    }
}

/// The message behind its mark.
pub(super) fn open(marked: &[u8]) -> Result<std::borrow::Cow<'_, [u8]>, InflateError> {
    match marked.split_first() {
        Some((&PLAIN, message)) => Ok(message.into()),
        Some((&DEFLATED, deflated)) => Ok(inflate(deflated, limits::DEFLATED_BYTES_MAX)?.into()),
        _ => Err(InflateError::Mark),
    }
}

/// Deflates at a level from 1 to 9. `None`: it does not get shorter.
pub fn deflate(plain: &[u8], level: u32) -> Option<Vec<u8>> {
    let mut deflated = Vec::with_capacity(plain.len().checked_sub(1)?);
    let mut machine = Compress::new(Compression::new(level.clamp(1, 9)), false);
    let status = machine.compress_vec(plain, &mut deflated, FlushCompress::Finish);
    // What does not come to its end within a byte less is not shorter. An allocator may have given room for more.
    matches!(status, Ok(Status::StreamEnd)).then_some(deflated).filter(|deflated| deflated.len() < plain.len())
}

/// Inflates one whole deflated message to at most `bytes_max` bytes.
pub fn inflate(deflated: &[u8], bytes_max: usize) -> Result<Vec<u8>, InflateError> {
    let form = InflateError::Form { bytes: deflated.len() };
    let mut machine = Decompress::new(false);
    let mut plain = Vec::new();
    loop {
        // One byte more than is taken, to see that there is more.
        let room = (plain.len().max(2 * deflated.len())).min(bytes_max + 1 - plain.len());
        plain.reserve_exact(room);
        let (read, written) = (machine.total_in(), machine.total_out());
        let rest = &deflated[read as usize..];
        let status = machine.decompress_vec(rest, &mut plain, FlushDecompress::None).map_err(|_| form)?;
        if plain.len() > bytes_max {
            return Err(InflateError::Long { max: bytes_max });
        }
        match status {
            Status::StreamEnd if machine.total_in() == deflated.len() as u64 => return Ok(plain),
            Status::StreamEnd => return Err(form),
            _ if (read, written) == (machine.total_in(), machine.total_out()) => return Err(form),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_comes_back_as_it_was() {
        let words = b"the same words again and again, ".repeat(40);
        let deflated = shared(&words);
        assert!(deflated[0] == DEFLATED && deflated.len() < words.len() / 5);
        assert_eq!(*open(&deflated).unwrap(), words);
    }

    #[test]
    fn what_does_not_get_shorter_goes_plain() {
        for message in [&b""[..], b"x", b"abcdefgh"] {
            assert_eq!(shared(message), plain(message));
            assert_eq!(*open(&plain(message)).unwrap(), *message);
        }
    }

    #[test]
    fn what_a_client_would_not_inflate_goes_plain() {
        let longest = vec![0; limits::DEFLATED_BYTES_MAX];
        assert_eq!(*open(&shared(&longest)).unwrap(), longest);
        let longer = vec![0; limits::DEFLATED_BYTES_MAX + 1];
        assert_eq!(shared(&longer)[0], PLAIN);
    }

    #[test]
    fn a_bomb_is_inflated_to_the_limit_and_no_further() {
        let bomb = deflate(&vec![0; 1_000_000], 9).unwrap();
        assert!(bomb.len() < 2_000);
        assert_eq!(inflate(&bomb, 999_999), Err(InflateError::Long { max: 999_999 }));
        assert_eq!(inflate(&bomb, 1_000_000).unwrap().len(), 1_000_000);
    }

    #[test]
    fn what_is_cut_short_or_has_something_behind_it_is_refused() {
        let deflated = deflate(&b"abcd".repeat(100), LEVEL).unwrap();
        for cut in 0..deflated.len() {
            assert_eq!(inflate(&deflated[..cut], 1_000), Err(InflateError::Form { bytes: cut }));
        }
        let longer = [&deflated[..], b"x"].concat();
        assert_eq!(inflate(&longer, 1_000), Err(InflateError::Form { bytes: longer.len() }));
        assert_eq!((open(&[]), open(&[2, 0])), (Err(InflateError::Mark), Err(InflateError::Mark)));
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = open(&bytes);
            let sent = shared(&bytes);
            prop_assert_eq!(&*open(&sent).unwrap(), &bytes[..]);
        }
    }
}
