#![no_main]

#[allow(dead_code, reason = "shared by all targets")]
#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| targets::reply(data));
