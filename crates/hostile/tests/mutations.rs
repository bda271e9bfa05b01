//! Every door, with mutations of true messages: about a second each, the same ones on each run.
//!
//! cargo-fuzz looks further, where it is there: `make fuzz`. An input that is found there becomes a row of the door's own
//! table, or a case here.

use std::panic::{AssertUnwindSafe, catch_unwind};

use watershed_hostile::{DOORS, Mutator, door};

/// How much memory all of them may have needed at once, in KiB: some inputs claim gigabytes.
const MEMORY_KIB_MAX: u64 = 256 * 1024;

/// Feeds a door with so many wrong messages, and all of its true ones before.
fn attack(name: &str, inputs: u32) {
    let door = door(name);
    let corpus = (door.corpus)();
    let mut feed = (door.open)();
    for sample in &corpus {
        // Of what goes into a machine some means something only to another one; a decoder takes all.
        assert!((door.open)()(sample) || name == "link", "{name} does not take {}", hex(sample));
    }
    let (mut mutator, mut taken) = (Mutator::new(0x7761_7465_7273), 0);
    for number in 0..inputs {
        let input = mutator.next(&corpus);
        match catch_unwind(AssertUnwindSafe(|| feed(&input))) {
            Ok(was_taken) => taken += u32::from(was_taken),
            Err(_) => panic!("input {number} of {name} broke it: {}", hex(&input)),
        }
    }
    println!("{name}: {taken} of {inputs} wrong inputs were taken for true ones");
    assert!(taken < inputs, "mutations are not all harmless");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    assert!(peak.is_none_or(|kib: u64| kib < MEMORY_KIB_MAX), "{name} needed {peak:?} KiB");
}

fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(2_000).map(|byte| format!("{byte:02x}")).collect();
    format!("{} bytes {shown}", bytes.len())
}

macro_rules! attacks {
    ($($door:ident $inputs:literal)*) => {
        $(#[test] fn $door() { attack(stringify!($door), $inputs); })*

        #[test]
        fn no_door_is_left_out() {
            let attacked = [$(stringify!($door)),*];
            assert_eq!(DOORS.map(|door| door.name), attacked);
        }
    };
}

attacks! {
    client_frames 50_000
    request_json 100_000
    request_message_pack 100_000
    response_json 100_000
    response_message_pack 100_000
    response_compact 100_000
    response_deflate 50_000
    to_processor 100_000
    from_processor 100_000
    to_merger 100_000
    from_merger 100_000
    to_feed 100_000
    from_feed 100_000
    link 50_000
    log_record 100_000
    log_segment 30_000
    rows 100_000
    store 50_000
    checkpoint 100_000
    map 5_000
    topology 10_000
    processor 150_000
    merger 150_000
    broadcast 100_000
}

#[test]
fn every_door_has_a_fuzz_target_and_no_target_is_without_a_door() {
    let manifest = include_str!("../../../fuzz/Cargo.toml");
    let targets: Vec<&str> =
        manifest.split("[[bin]]\nname = \"").skip(1).map(|bin| bin.split('"').next().unwrap()).collect();
    assert_eq!(targets, DOORS.map(|door| door.name));
    for target in targets {
        let path = format!("{}/../../fuzz/fuzz_targets/{target}.rs", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(text.contains(&format!("once(\"{target}\", bytes)")), "{path}");
    }
}

#[test]
fn the_same_seed_gives_the_same_inputs() {
    let corpus = (door("request_json").corpus)();
    let inputs = |seed| {
        let mut mutator = Mutator::new(seed);
        (0..100).map(|_| mutator.next(&corpus)).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
}
