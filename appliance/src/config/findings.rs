//! Collecting what is wrong with a configuration, with the place in the file.

use core::fmt::Display;
use core::ops::{Range, RangeInclusive};
use std::path::PathBuf;

use toml::Spanned;

use super::problem::Problem;
use crate::limits;

/// Byte range in the configuration file; `None` for something that is nowhere in it.
pub(super) type Span = Option<Range<usize>>;

/// A table of the file, as far as messages need it.
pub(super) struct Section {
    /// As written in the file, e.g. `[listen]` or `[[port]]`.
    pub name: &'static str,
    /// Where its header is.
    pub span: Span,
}

/// Something is wrong and has been reported.
#[derive(Debug)]
pub(super) struct Reported;

/// All problems found so far. Checks return `None` once they have reported something.
#[derive(Default)]
pub(super) struct Findings(Vec<(Span, Problem)>);

impl Findings {
    pub fn report(&mut self, span: Span, problem: Problem) {
        self.0.push((span, problem));
    }

    pub fn into_vec(self) -> Vec<(Span, Problem)> {
        self.0
    }

    /// A key that must be there.
    pub fn required<T>(
        &mut self,
        section: &Section,
        key: &'static str,
        example: &'static str,
        field: Option<Spanned<T>>,
    ) -> Option<Spanned<T>> {
        if field.is_none() {
            self.missing(section, key, example);
        }
        field
    }

    /// A key that is not there and has to be.
    pub fn missing(
        &mut self,
        section: &Section,
        key: &'static str,
        example: &'static str,
    ) -> Reported {
        let problem = Problem::MissingKey {
            table: section.name,
            key,
            example,
        };
        self.report(section.span.clone(), problem);
        Reported
    }

    /// The name of a file, if there is one.
    pub fn path(
        &mut self,
        section: &Section,
        key: &'static str,
        field: Option<Spanned<String>>,
    ) -> Result<Option<PathBuf>, Reported> {
        let Some(field) = field else {
            return Ok(None);
        };
        let span = Some(field.span());
        let value = field.into_inner();
        let reason = if !value.starts_with('/') {
            "it is not absolute; begin it with a slash"
        } else if value.len() > limits::PATH_BYTES_MAX {
            "a path has at most 4095 bytes; use a shorter one"
        } else if value.contains('\0') {
            "it contains NUL; remove it"
        } else if value.ends_with('/') {
            "it names a directory; add a file name"
        } else {
            return Ok(Some(PathBuf::from(value)));
        };
        let table = section.name;
        let problem = Problem::FilePath {
            table,
            key,
            value,
            reason,
        };
        self.report(span, problem);
        Err(Reported)
    }

    /// An integer within `range`, or the default of a key that is not there. TOML integers are `i64`, so that a value out of range is reported with
    /// the range and not as a type error.
    pub fn number<T>(
        &mut self,
        section: &Section,
        key: &'static str,
        field: Option<Spanned<i64>>,
        default: T,
        range: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: TryFrom<i64> + PartialOrd + Display + Copy,
    {
        let Some(field) = field else {
            return Some(default);
        };
        let value = *field.get_ref();
        match T::try_from(value) {
            Ok(number) if range.contains(&number) => Some(number),
            _ => {
                self.report(
                    Some(field.span()),
                    Problem::OutOfRange {
                        table: section.name,
                        key,
                        value,
                        low: range.start().to_string(),
                        high: range.end().to_string(),
                    },
                );
                None
            }
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        section: &Section,
        key: &'static str,
        field: Option<Spanned<String>>,
        default: T,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(field) = field else {
            return Some(default);
        };
        if let Some((_, value)) = choices.iter().find(|(word, _)| word == field.get_ref()) {
            return Some(*value);
        }
        self.report(
            Some(field.span()),
            Problem::UnknownWord {
                table: section.name,
                key,
                value: field.get_ref().clone(),
                choices: quoted(choices.iter().map(|(word, _)| *word)),
            },
        );
        None
    }
}

/// `"a", "b"`, or `none` for an empty list.
pub(super) fn quoted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let list: Vec<String> = words.map(|word| format!("{word:?}")).collect();
    if list.is_empty() {
        String::from("none")
    } else {
        list.join(", ")
    }
}
