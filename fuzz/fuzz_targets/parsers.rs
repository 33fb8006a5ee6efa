//! The fuzzer: feeds bytes to the target that the variable FUZZ names. `fuzz/run` builds and runs it.
#![no_main]

use garth_fuzz::{TARGETS, Target, Yard};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CHOSEN: LazyLock<(Yard, &Target)> = LazyLock::new(|| {
    let name = std::env::var("FUZZ").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    (Yard::open(), target.unwrap_or_else(|| panic!("set FUZZ to one of {:?}", garth_fuzz::names())))
});

fuzz_target!(init: { LazyLock::force(&CHOSEN); }, |bytes: &[u8]| {
    let (yard, target) = &*CHOSEN;
    (target.run)(yard, bytes);
});
