//! The configuration file. The input is its text: whatever it is, there is a configuration or a list of what is
//! wrong, with places that exist, and both can be told.

use wirepage::config::{Config, ConfigError, Machine};

pub fn run(input: &[u8]) {
    let Ok(text) = str::from_utf8(input) else {
        return;
    };
    match Config::parse(text, "wirepage.toml", &Machine::with_cores([0, 1, 2])) {
        Ok(config) => {
            assert!(!config.to_string().is_empty());
            assert!(!config.ports().is_empty() && !config.exports().is_empty());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            let ConfigError::Invalid(diagnostics) = error else {
                panic!("nothing was read from a file");
            };
            assert!(!diagnostics.is_empty());
            // The text may end with a line that is not ended.
            let lines = text.matches('\n').count() + 1;
            for place in diagnostics.iter().filter_map(|it| it.place) {
                assert!((1..=lines).contains(&place.line), "{place:?} of {lines}");
                assert!(place.column >= 1);
            }
        }
    }
}
