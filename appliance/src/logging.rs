//! Logging to standard error.

use core::fmt;
use core::str::FromStr;

use tracing_subscriber::EnvFilter;

/// What to log: a level, or directives per module such as `info,gateway=debug`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFilter(String);

/// A filter that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("use error, warn, info, debug, trace or off, or directives such as \"info,gateway=debug\"")]
pub struct LogFilterError;

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if !text.split(',').all(is_directive) {
            return Err(LogFilterError);
        }
        EnvFilter::try_new(text).map_err(|_| LogFilterError)?;
        Ok(Self(text.to_owned()))
    }
}

/// A level, or a module with a level. The filter's own parser takes any word for a module, and so a
/// misspelt level for silence.
fn is_directive(directive: &str) -> bool {
    let level = match directive.rsplit_once('=') {
        Some((module, level)) if !module.is_empty() => level,
        Some(_) => return false,
        None => directive,
    };
    matches!(level, "error" | "warn" | "info" | "debug" | "trace" | "off")
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Starts logging to standard error. Later calls change nothing.
pub fn start(filter: &LogFilter) {
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&filter.0))
        .with_writer(std::io::stderr)
        .with_ansi(false);
    // The only error is that a logger is already there, as in tests.
    let _ = subscriber.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_directives_are_filters_and_misspelt_levels_are_not() {
        for good in [
            "info",
            "off",
            "warn,gateway=debug",
            "warn,net=trace,nfs=off",
        ] {
            assert!(good.parse::<LogFilter>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "loud",
            "inof",
            "info,",
            "gateway=loud",
            "=debug",
            "info;debug",
        ] {
            assert_eq!(bad.parse::<LogFilter>(), Err(LogFilterError), "{bad}");
        }
    }
}
