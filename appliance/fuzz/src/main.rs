//! The fuzzer: libFuzzer around the target that `WIREPAGE_FUZZ_TARGET` names. `deploy/fuzz` builds and runs it.
#![no_main]

use std::sync::OnceLock;

use fuzz::Target;
use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("WIREPAGE_FUZZ_TARGET").unwrap_or_default();
        let target = fuzz::TARGETS.iter().find(|target| target.name == name);
        let names = fuzz::TARGETS.map(|target| target.name).join(", ");
        let target = target.unwrap_or_else(|| panic!("WIREPAGE_FUZZ_TARGET must be one of {names}"));
        TARGET.get_or_init(|| *target);
    },
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.run)(input);
        }
    }
);
