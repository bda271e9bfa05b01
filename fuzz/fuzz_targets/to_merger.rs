//! One input for the door `to_merger`: see `crates/hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watershed_hostile::once("to_merger", bytes));
