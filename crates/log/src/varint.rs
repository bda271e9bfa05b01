//! Unsigned integers in as few bytes as they need: seven bits a byte, least significant first (LEB128).
//!
//! Used for the section table of a record, where a section of one row must not cost thirty bytes of head.
//! Invariant: every value has exactly one encoding that reads back.

/// Appends `value`.
pub(crate) fn put(buffer: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        buffer.push(value as u8 | 0x80);
        value >>= 7;
    }
    buffer.push(value as u8);
}

/// How many bytes `value` takes.
pub(crate) fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Takes one value off the front of `bytes`; `None` if they end early, overflow, or are longer than they need to be.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if (bits << shift) >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte < 0x80 {
            return (shift == 0 || byte != 0).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_reads_back_from_as_many_bytes_as_announced() {
        for bit in 0..64 {
            for value in [1u64 << bit, (1u64 << bit) - 1, u64::MAX >> bit] {
                let mut bytes = Vec::new();
                put(&mut bytes, value);
                assert_eq!(bytes.len(), len(value));
                let mut rest = bytes.as_slice();
                assert_eq!(take(&mut rest), Some(value));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn what_ends_early_overflows_or_is_padded_is_refused() {
        let padded = [0x81, 0x00];
        let overflowing = [0xff; 10];
        for bad in [&[0x80][..], &padded, &overflowing, &[]] {
            assert_eq!(take(&mut &bad[..]), None);
        }
    }
}
