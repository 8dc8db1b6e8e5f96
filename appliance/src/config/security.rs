//! `security`: how connections must be protected.

use gateway::AcceptedSecurity;
use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Section};
use super::problem::Problem;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a word or a list of words")]
pub(super) enum RawSecurity {
    One(String),
    Several(Vec<String>),
}

type Include = fn(&mut AcceptedSecurity);

/// The words for the ways in which a connection may be protected.
const WORDS: [(&str, Include); 4] = [
    ("none", |accepted| accepted.clear = true),
    ("tls", |accepted| accepted.tls = true),
    ("mtls", |accepted| accepted.mtls = true),
    ("direct", |accepted| accepted.direct = true),
];

pub(super) fn check(
    key: &'static str,
    field: Option<Spanned<RawSecurity>>,
    default: AcceptedSecurity,
    section: &Section,
    findings: &mut Findings,
) -> Option<AcceptedSecurity> {
    let Some(field) = field else {
        return Some(default);
    };
    let span = field.span();
    let words = match field.into_inner() {
        RawSecurity::One(word) => vec![word],
        RawSecurity::Several(words) => words,
    };
    let most = WORDS.len();
    if !(1..=most).contains(&words.len()) {
        let problem = Problem::ListLength {
            table: section.name,
            key,
            count: words.len(),
            most,
        };
        findings.report(Some(span), problem);
        return None;
    }
    let mut accepted = AcceptedSecurity::default();
    for word in words {
        let spanned = Some(Spanned::new(span.clone(), word));
        let include = findings.choice(section, key, spanned, WORDS[0].1, &WORDS)?;
        include(&mut accepted);
    }
    Some(accepted)
}
