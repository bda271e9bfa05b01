//! One input for the door `request_message_pack`: see `crates/hostile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| watershed_hostile::once("request_message_pack", bytes));
