//! One input for the door `response_compact`: see `crates/hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watershed_hostile::once("response_compact", bytes));
