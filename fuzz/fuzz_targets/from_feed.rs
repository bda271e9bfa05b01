//! One input for the door `from_feed`: see `crates/hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watershed_hostile::once("from_feed", bytes));
