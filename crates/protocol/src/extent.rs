//! How far one MessagePack value reaches, without reading what is in it.
//!
//! For the decoders, which must know whether anything is left over behind a message. Invariant: it takes no memory, and no
//! more steps than there are bytes, however deep values are nested and whatever lengths they claim.

use rmp::{Marker, decode};

/// The bytes of the first `values` values at the front of `bytes`; `None` if they are not all there.
pub(crate) fn extent(bytes: &[u8], values: u64) -> Option<usize> {
    let (mut rest, mut open) = (bytes, values);
    while open > 0 {
        open -= 1;
        let (skipped, opened) = head(&mut rest)?;
        rest = rest.get(skipped..)?;
        // Each value takes a byte at least, so what is beyond a number is beyond the bytes.
        open = open.checked_add(opened)?;
    }
    Some(bytes.len() - rest.len())
}

/// Reads the head of a value: how many bytes of its own follow, and how many values are in it.
fn head(rest: &mut &[u8]) -> Option<(usize, u64)> {
    let marker = decode::read_marker(rest).ok()?;
    let mut length = |bytes: usize| {
        let (length, after) = rest.split_at_checked(bytes)?;
        *rest = after;
        Some(length.iter().fold(0u64, |length, byte| length << 8 | u64::from(*byte)))
    };
    Some(match marker {
        Marker::FixPos(_) | Marker::FixNeg(_) | Marker::Null | Marker::True | Marker::False => (0, 0),
        Marker::U8 | Marker::I8 => (1, 0),
        Marker::U16 | Marker::I16 => (2, 0),
        Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
        Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
        Marker::FixStr(bytes) => (bytes.into(), 0),
        Marker::Str8 | Marker::Bin8 => (length(1)? as usize, 0),
        Marker::Str16 | Marker::Bin16 => (length(2)? as usize, 0),
        Marker::Str32 | Marker::Bin32 => (length(4)? as usize, 0),
        Marker::FixArray(values) => (0, values.into()),
        Marker::Array16 => (0, length(2)?),
        Marker::Array32 => (0, length(4)?),
        Marker::FixMap(pairs) => (0, 2 * u64::from(pairs)),
        Marker::Map16 => (0, 2 * length(2)?),
        Marker::Map32 => (0, 2 * length(4)?),
        // One byte of type stands before an extension's bytes.
        Marker::FixExt1 => (2, 0),
        Marker::FixExt2 => (3, 0),
        Marker::FixExt4 => (5, 0),
        Marker::FixExt8 => (9, 0),
        Marker::FixExt16 => (17, 0),
        Marker::Ext8 => (length(1)? as usize + 1, 0),
        Marker::Ext16 => (length(2)? as usize + 1, 0),
        Marker::Ext32 => (length(4)? as usize + 1, 0),
        Marker::Reserved => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_every_kind_reaches_as_far_as_it_says() {
        let table: &[(&[u8], Option<usize>)] = &[
            (&[0x07, 0xff], Some(1)),
            (&[0xe0], Some(1)),
            (&[0xc0], Some(1)),
            (&[0xc1], None),
            (&[0xcd, 1], None),
            (&[0xcf, 1, 2, 3, 4, 5, 6, 7, 8, 9], Some(9)),
            (&[0xca, 0, 0, 0, 0], Some(5)),
            (&[0xa2, b'h', b'i', b'!'], Some(3)),
            (&[0xd9, 2, b'h', b'i'], Some(4)),
            (&[0xc6, 0xff, 0xff, 0xff, 0xff, 0], None),
            (&[0x92, 0x91, 0x01, 0xc3, 0x05], Some(4)),
            (&[0xdd, 0xff, 0xff, 0xff, 0xff], None),
            (&[0x81, 0xa1, b'a', 0x90], Some(4)),
            (&[0xdf, 0xff, 0xff, 0xff, 0xff, 0x01], None),
            (&[0xd6, 1, 2, 3, 4, 5, 6], Some(6)),
            (&[0xc7, 1, 9, 9], Some(4)),
            (&[], None),
        ];
        for (bytes, reaches) in table {
            assert_eq!(extent(bytes, 1), *reaches, "{bytes:x?}");
        }
        assert_eq!(extent(&[0x01, 0xa1, b'x', 0xc0], 2), Some(3));
        assert_eq!(extent(&[0x01], 0), Some(0));
    }

    #[test]
    fn nesting_costs_no_stack() {
        let mut deep = vec![0x91; 1_000_000];
        assert_eq!(extent(&deep, 1), None);
        deep.push(0xc0);
        assert_eq!(extent(&deep, 1), Some(1_000_001));
    }
}
