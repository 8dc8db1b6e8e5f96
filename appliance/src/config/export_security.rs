//! `[[export]]`, as far as TLS goes: which certificates are let in.

use core::ops::RangeInclusive;

use engine::{Admission, AdmissionRule};
use gateway::{AcceptedSecurity, UidRanges};
use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Section};
use super::problem::Problem;
use crate::limits;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRule {
    san: Spanned<String>,
    uids: Option<Spanned<Vec<Spanned<String>>>>,
}

/// Plain NFS is never a default.
pub(super) const DEFAULT: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: true,
    mtls: false,
    direct: false,
};

/// Client certificates and nothing else, which is what rules about them need.
const MUTUAL: AcceptedSecurity = AcceptedSecurity {
    clear: false,
    tls: false,
    mtls: true,
    direct: false,
};

pub(super) fn check_certificates(
    list: Option<Spanned<Vec<RawRule>>>,
    security: Option<AcceptedSecurity>,
    section: &Section,
    findings: &mut Findings,
) -> Option<Admission> {
    let Some(list) = list else {
        return Some(Admission::default());
    };
    let (count, most) = (list.get_ref().len(), limits::CERTIFICATE_RULES_MAX);
    if !(1..=most).contains(&count) {
        let problem = Problem::ListLength {
            table: section.name,
            key: "certificates",
            count,
            most,
        };
        findings.report(Some(list.span()), problem);
        return None;
    }
    if security? != MUTUAL {
        findings.report(Some(list.span()), Problem::CertificatesWithoutMutual);
        return None;
    }
    let rules: Vec<Option<AdmissionRule>> = list
        .into_inner()
        .into_iter()
        .map(|rule| check_rule(rule, section, findings))
        .collect();
    let rules = rules.into_iter().collect::<Option<_>>()?;
    Some(Admission { rules })
}

fn check_rule(rule: RawRule, section: &Section, findings: &mut Findings) -> Option<AdmissionRule> {
    let san = rule.san.get_ref().parse();
    if let Err(error) = &san {
        let problem = Problem::CertificatePattern(tls::PatternError::clone(error));
        findings.report(Some(rule.san.span()), problem);
    }
    let uids = match rule.uids {
        None => Some(UidRanges::default()),
        Some(list) => check_uids(&list, section, findings),
    };
    Some(AdmissionRule {
        san: san.ok()?,
        uids: uids?,
    })
}

fn check_uids(
    list: &Spanned<Vec<Spanned<String>>>,
    section: &Section,
    findings: &mut Findings,
) -> Option<UidRanges> {
    let (count, most) = (list.get_ref().len(), limits::UID_RANGES_MAX);
    if !(1..=most).contains(&count) {
        let problem = Problem::ListLength {
            table: section.name,
            key: "certificates uids",
            count,
            most,
        };
        findings.report(Some(list.span()), problem);
        return None;
    }
    let mut ranges = Vec::with_capacity(count);
    for entry in list.get_ref() {
        match parse_uids(entry.get_ref()) {
            Some(range) => ranges.push(range),
            None => {
                let value = entry.get_ref().clone();
                findings.report(Some(entry.span()), Problem::UidRange { value });
            }
        }
    }
    (ranges.len() == count).then(|| UidRanges::new(ranges))
}

/// `1000` or `1000-1999`.
fn parse_uids(text: &str) -> Option<RangeInclusive<u32>> {
    let number = |digits: &str| {
        let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
        all_digits.then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let range = number(low)?..=number(high)?;
    (!range.is_empty()).then_some(range)
}
