//! A configuration's errors, with their places in the file.

use core::fmt;
use std::path::PathBuf;

use super::findings::Span;
use super::problem::Problem;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is wrong, in these places; at least one, one per line when displayed.
    #[error("{}", Lines(.0))]
    Invalid(Vec<Diagnostic>),
}

impl ConfigError {
    pub(super) fn invalid(file: &str, text: &str, found: Vec<(Span, Problem)>) -> Self {
        let mut diagnostics: Vec<Diagnostic> = found
            .into_iter()
            .map(|(span, problem)| Diagnostic {
                file: file.to_owned(),
                place: span.map(|span| Place::of(text, span.start)),
                problem,
            })
            .collect();
        diagnostics.sort_by_key(|diagnostic| diagnostic.place);
        Self::Invalid(diagnostics)
    }
}

/// One thing that is wrong, displayed as `file:line:column: problem`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as given.
    pub file: String,
    /// Where; absent for what is nowhere in the file.
    pub place: Option<Place>,
    /// What, with the remedy.
    pub problem: Problem,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => {
                write!(f, "{}:{line}:{column}: {}", self.file, self.problem)
            }
            None => write!(f, "{}: {}", self.file, self.problem),
        }
    }
}

/// A place in a text; both count from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl Place {
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

struct Lines<'a>(&'a [Diagnostic]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .enumerate()
            .try_for_each(|(index, diagnostic)| {
                let separator = if index == 0 { "" } else { "\n" };
                write!(f, "{separator}{diagnostic}")
            })
    }
}
