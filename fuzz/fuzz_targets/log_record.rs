//! One input for the door `log_record`: see `crates/hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watershed_hostile::once("log_record", bytes));
