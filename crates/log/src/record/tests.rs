//! The format is a contract between builds: these bytes may not change under one version.

use proptest::{collection::vec, prelude::*};

use super::*;

fn section(slot: u16, from: u64, to: u64, body: &[u8]) -> Section {
    Section {
        slot: Slot::new(slot).unwrap(),
        epoch: Epoch::new(3),
        from: Position::new(from),
        to: Position::new(to),
        body: body.to_vec(),
    }
}

fn encoded(position: u64, chain: Chain, sections: &[Section]) -> Vec<u8> {
    let mut buffer = Vec::new();
    encode(&mut buffer, position, chain, sections).unwrap();
    buffer
}

#[test]
fn the_bytes_of_version_one_stay_as_they_are() {
    let bytes = encoded(258, Chain(0xdead_beef), &[section(7, 40, 42, b"ab"), section(4_095, 300, 300, b"")]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let golden = "57ffc14c01000000020100000000000002000000\
                  0c00000002000000efbeadde\
                  3629a2e2223352aa\
                  0703280202ff1f03ac0200006162";
    assert_eq!(hex, golden);
}

#[test]
fn a_record_reads_back_and_carries_its_chain() {
    let sections = [section(1, 0, 2, b"first"), section(1, 2, 3, b""), section(9, 70_000, 70_001, &[0; 3_000])];
    let mut buffer = vec![1, 2, 3];
    let chain = encode(&mut buffer, 5, Chain(77), &sections).unwrap();
    let head = Head::read(&buffer).unwrap();
    assert_eq!((head.before, head.chain), (Chain(77), chain));
    assert_eq!(decode(&buffer), Ok((Record { position: 5, sections: sections.to_vec() }, buffer.len())));
    assert_eq!(encoded_bytes(&sections), buffer.len());
}

#[test]
fn every_flipped_bit_is_seen() {
    let whole = encoded(5, Chain(77), &[section(1, 0, 2, b"first"), section(2, 2, 3, b"second")]);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(decode(&bytes).is_err(), "bit {bit}");
    }
}

#[test]
fn every_cut_is_seen() {
    let whole = encoded(5, Chain(77), &[section(1, 0, 2, b"first")]);
    for end in 0..whole.len() {
        assert!(decode(&whole[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn a_damaged_body_leaves_the_slots_readable() {
    let mut bytes = encoded(5, Chain(77), &[section(11, 0, 2, b"first"), section(12, 2, 3, b"second")]);
    *bytes.last_mut().unwrap() ^= 1;
    let head = Head::read(&bytes).unwrap();
    assert!(matches!(head.read_record(&bytes, &mut Record::default()), Err(DecodeError::Body { .. })));
    let slots: Vec<u16> = head.table(&bytes).unwrap().iter().map(|section| section.slot.get()).collect();
    assert_eq!(slots, [11, 12]);
}

#[test]
fn a_record_read_in_place_of_another_holds_nothing_of_it() {
    let long = [section(11, 0, 2, b"first"), section(12, 2, 3, b"second"), section(13, 0, 1, b"third")];
    let short = [section(1, 7, 8, b"x"), section(2, 0, 1, b"longer than before")];
    let mut record = Record::default();
    for (position, sections) in [(5, &long[..]), (6, &short[..]), (7, &long[..])] {
        let bytes = encoded(position, Chain(77), sections);
        Head::read(&bytes).unwrap().read_record(&bytes, &mut record).unwrap();
        assert_eq!(record, Record { position, sections: sections.to_vec() });
    }
}

#[test]
fn another_version_is_named_and_not_guessed_at() {
    let mut bytes = encoded(5, Chain(77), &[section(1, 0, 2, b"first")]);
    put_u32(&mut bytes, 4, 2);
    let bodies_at = Head::read(&encoded(5, Chain(77), &[section(1, 0, 2, b"first")])).unwrap().bodies_at();
    let checksum = head_checksum(&bytes, bodies_at);
    put_u32(&mut bytes, HEAD_CHECKSUM_AT, checksum);
    assert_eq!(decode(&bytes), Err(DecodeError::Version { found: 2 }));
}

#[test]
fn a_group_over_the_limit_is_refused_before_a_byte_is_written() {
    let mut buffer = vec![9];
    let sections = [section(1, 0, 1, &vec![0; RECORD_BYTES_MAX - HEADER_BYTES])];
    let bytes = RECORD_BYTES_MAX + 8;
    assert_eq!(encode(&mut buffer, 1, Chain::START, &sections), Err(TooLarge { bytes }));
    assert_eq!(buffer, [9]);
}

#[test]
fn a_header_that_claims_more_than_the_limit_is_not_believed() {
    let mut bytes = encoded(5, Chain(77), &[section(1, 0, 2, b"first")]);
    put_u32(&mut bytes, 24, u32::MAX);
    assert!(matches!(decode(&bytes), Err(DecodeError::Large { .. })));
}

proptest! {
    #[test]
    fn decoding_is_total(mut bytes in vec(any::<u8>(), 0..200), table in 0..100u32, body in 0..100u32, sections: u32) {
        // Given a true magic and true checksums, the rest of the decoder is reached too.
        if bytes.len() >= HEADER_BYTES + table as usize + body as usize {
            let bodies_at = HEADER_BYTES + table as usize;
            bytes[..4].copy_from_slice(&MAGIC);
            put_u32(&mut bytes, 4, RECORD_VERSION);
            put_u32(&mut bytes, 16, sections % 32);
            put_u32(&mut bytes, 20, table);
            put_u32(&mut bytes, 24, body);
            let body_checksum = crc32c::crc32c(&bytes[bodies_at..bodies_at + body as usize]);
            put_u32(&mut bytes, 32, body_checksum);
            let checksum = head_checksum(&bytes, bodies_at);
            put_u32(&mut bytes, HEAD_CHECKSUM_AT, checksum);
        }
        if let Ok((record, length)) = decode(&bytes) {
            prop_assert!(length <= bytes.len());
            let bodies: usize = record.sections.iter().map(|section| section.body.len()).sum();
            prop_assert!(bodies <= length);
        }
    }
}
