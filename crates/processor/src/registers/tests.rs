//! Promises of the registers of one comment.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const WRITTEN_MS: u64 = 1_763_900_000_000;

fn at(ms: u64) -> u64 {
    (WRITTEN_MS + ms) << 1
}

#[test]
fn the_later_register_stays_in_whatever_order_they_come() {
    let mut registers = Registers::new(WRITTEN_MS);
    assert_eq!(registers.merge(7, at(20)), Merged::Taken { before: 0 });
    assert_eq!(registers.merge(7, at(20)), Merged::Kept { bits: at(20) });
    assert_eq!(registers.merge(7, at(10)), Merged::Kept { bits: at(20) });
    assert_eq!(registers.merge(7, u64::MAX >> 9), Merged::Taken { before: at(20) });
    assert_eq!((registers.get(7), registers.get(8)), (Ok(u64::MAX >> 9), Ok(0)));
}

#[test]
fn what_was_taken_back_was_never_there() {
    let mut registers = Registers::new(WRITTEN_MS);
    registers.merge(1, at(5));
    registers.merge(1, at(9));
    registers.put(1, at(5));
    assert_eq!(registers.get(1), Ok(at(5)));
    registers.put(1, 0);
    assert_eq!((registers.get(1), registers.len()), (Ok(0), 0));
    registers.put(900, 0);
    assert_eq!(registers.len(), 0);
}

#[test]
fn a_stamp_older_than_the_comment_or_far_ahead_is_kept_as_it_is() {
    let mut registers = Registers::new(WRITTEN_MS);
    let stamps = [2, 3, at(0) - 2, at(0) - 1, at(0), at(1), at(1 << 31), (1 << 54) - 1];
    for (viewer, bits) in (0..).zip(stamps) {
        registers.merge(viewer, bits);
    }
    for (viewer, bits) in (0..).zip(stamps) {
        assert_eq!(registers.get(viewer), Ok(bits));
    }
}

#[test]
fn no_page_is_larger_than_four_kibibytes_and_a_register_takes_ten_bytes_or_less() {
    for (name, viewers, spread) in [("all of a million", 1_000_000u32, 1), ("one in ten of them", 100_000, 10)] {
        let mut registers = Registers::new(WRITTEN_MS);
        // Arriving in no order: a full-period step through the numbers.
        for n in 0..viewers {
            let viewer = (u64::from(n) * 7_919 % u64::from(viewers)) as u32 * spread;
            registers.merge(viewer, at(n.into()));
        }
        let pages: usize = registers.pages.iter().map(Page::bytes).sum();
        assert_eq!(registers.bytes(), pages);
        let all = pages + registers.pages.capacity() * size_of::<Page>() + registers.directory.capacity() * 4;
        println!("{name}: {:.1} bytes a register", all as f64 / f64::from(viewers));
        assert_eq!(registers.len(), viewers as usize);
        assert!(registers.pages.iter().all(|page| page.bytes() <= 4_096));
        assert!(all <= 12 * viewers as usize, "{name}: {all} bytes for {viewers} registers");
    }
}

#[test]
fn one_viewer_with_the_greatest_number_takes_no_room_for_those_below() {
    let mut registers = Registers::new(WRITTEN_MS);
    registers.merge(u32::MAX, at(1));
    registers.merge(0, at(2));
    assert_eq!((registers.directory.len(), registers.pages.len()), (1, 1));
    for viewer in 0..2_000 {
        registers.merge(viewer, at(3));
    }
    assert_eq!(registers.get(u32::MAX), Ok(at(1)));
    assert_eq!(registers.len(), 2_001);
}

/// Numbers close together, spread, and at the edges; stamps that fit four bytes, and some that do not.
fn act() -> impl Strategy<Value = (ViewerNo, u64)> {
    let viewer = prop_oneof![
        6 => 0..3_000u32,
        2 => (0..200u32).prop_map(|n| n * 1_009),
        1 => (0..50u32).prop_map(|n| u32::MAX - n * 513),
    ];
    let bits = prop_oneof![12 => (1..5_000u64).prop_map(at), 1 => 2..20u64, 1 => Just(at(1 << 31) + 5), 2 => Just(0)];
    (viewer, bits)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn registers_are_a_map_from_viewers_to_bits(acts in proptest::collection::vec(act(), 1..4_000)) {
        let (mut registers, mut model) = (Registers::new(WRITTEN_MS), BTreeMap::new());
        for (viewer, bits) in acts {
            if bits == 0 {
                registers.put(viewer, 0);
                model.remove(&viewer);
            } else {
                let before = model.get(&viewer).copied().unwrap_or(0);
                let merged = registers.merge(viewer, bits);
                if bits > before {
                    prop_assert_eq!(merged, Merged::Taken { before });
                    model.insert(viewer, bits);
                } else {
                    prop_assert_eq!(merged, Merged::Kept { bits: before });
                }
            }
        }
        prop_assert_eq!(registers.len(), model.len());
        for (viewer, bits) in model {
            prop_assert_eq!(registers.get(viewer), Ok(bits));
        }
    }
}
