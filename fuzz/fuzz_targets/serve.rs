#![no_main]

libfuzzer_sys::fuzz_target!(init: sukashi_fuzz::start(), |data: &[u8]| sukashi_fuzz::run(sukashi_fuzz::serve, data));
