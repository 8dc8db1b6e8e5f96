//! This very program under callgrind.

use std::fs;
use std::io;
use std::process::{Command, Stdio};

use super::probe;

/// Why callgrind told nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallgrindError {
    /// It is not there.
    #[error("valgrind does not run ({0}); on Debian: apt-get install valgrind")]
    Valgrind(io::Error),
    /// Its file cannot be had.
    #[error("callgrind's file: {0}")]
    File(#[from] io::Error),
    /// It failed, or the program did.
    #[error("{case} under callgrind failed:\n{output}")]
    Failed {
        /// Which case.
        case: String,
        /// What was said.
        output: String,
    },
    /// It counted nothing at all: the functions it was to look for have other names.
    #[error("callgrind counted nothing of {0}")]
    Nothing(String),
}

/// Instructions of a case.
pub fn count(case: &str) -> Result<u64, CallgrindError> {
    let file = std::env::temp_dir().join(format!("bench-callgrind-{}", std::process::id()));
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", "--combine-dumps=yes"])
        .arg(format!("--callgrind-out-file={}", file.display()));
    for toggle in probe::TOGGLES {
        command.arg(format!("--toggle-collect={toggle}"));
    }
    let output = command
        .arg(std::env::current_exe()?)
        .args(["instructions", "--run", case])
        .stdin(Stdio::null())
        .output()
        .map_err(CallgrindError::Valgrind)?;
    let text = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    if !output.status.success() {
        return Err(CallgrindError::Failed {
            case: case.to_owned(),
            output: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    match total(&text?) {
        Some(total) if total > 0 => Ok(total),
        _ => Err(CallgrindError::Nothing(case.to_owned())),
    }
}

/// The sum over the program, of the first event: instructions.
fn total(text: &str) -> Option<u64> {
    let line = text.lines().rev();
    let mut totals = line.filter_map(|line| {
        line.strip_prefix("totals: ")
            .or_else(|| line.strip_prefix("summary: "))
    });
    totals.next()?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_found() {
        let text = "version: 1\nevents: Ir\nfn=(1) a\n1 2\n\ntotals: 1234\n";
        assert_eq!(total(text), Some(1234));
        assert_eq!(total("events: Ir\n"), None);
    }
}
