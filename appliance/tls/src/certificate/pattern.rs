//! Patterns over subject alternative names, for allow-lists.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use super::identity::SubjectAltName;

/// A pattern over subject alternative names: a DNS name (`render1.example.com`), all names one
/// label below a domain (`*.render.example.com`), an address (`192.0.2.7`) or a network
/// (`192.0.2.0/24`).
///
/// Wildcards belong into patterns only: a name with an asterisk in a certificate matches nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SanPattern(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Name(String),
    /// The domain, without asterisk and dot.
    BelowDomain(String),
    Network {
        address: IpAddr,
        prefix: u32,
    },
}

/// Not a pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no pattern; give a DNS name, \"*.\" and a domain, an IP address, or a network as \
     192.0.2.0/24"
)]
pub struct PatternError(String);

impl SanPattern {
    /// Whether this is a name the pattern means.
    #[must_use]
    pub fn matches(&self, name: &SubjectAltName) -> bool {
        match (&self.0, name) {
            (_, SubjectAltName::Dns(name)) if name.contains('*') => false,
            (Kind::Name(expected), SubjectAltName::Dns(name)) => {
                name.eq_ignore_ascii_case(expected)
            }
            (Kind::BelowDomain(domain), SubjectAltName::Dns(name)) => {
                name.split_once('.').is_some_and(|(label, rest)| {
                    !label.is_empty() && rest.eq_ignore_ascii_case(domain)
                })
            }
            (Kind::Network { address, prefix }, SubjectAltName::Ip(found)) => {
                network(*address, *prefix) == network(*found, *prefix)
            }
            (Kind::Name(_) | Kind::BelowDomain(_), SubjectAltName::Ip(_))
            | (Kind::Network { .. }, SubjectAltName::Dns(_)) => false,
        }
    }
}

/// The family's width and the first `prefix` bits of an address.
fn network(address: IpAddr, prefix: u32) -> (u32, u128) {
    let (width, bits) = match address {
        IpAddr::V4(v4) => (32, u128::from(v4.to_bits())),
        IpAddr::V6(v6) => (128, v6.to_bits()),
    };
    let host_bits = u32::saturating_sub(width, prefix);
    // A shift by all 128 bits leaves nothing.
    (width, bits.checked_shr(host_bits).unwrap_or(0))
}

impl FromStr for SanPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let refused = || PatternError(text.to_owned());
        if let Some((address, prefix)) = text.split_once('/') {
            let address: IpAddr = address.parse().map_err(|_| refused())?;
            let prefix: u32 = prefix.parse().map_err(|_| refused())?;
            if prefix > network(address, 0).0 {
                return Err(refused());
            }
            return Ok(Self(Kind::Network { address, prefix }));
        }
        if let Ok(address) = text.parse::<IpAddr>() {
            let prefix = network(address, 0).0;
            return Ok(Self(Kind::Network { address, prefix }));
        }
        let (kind, name): (fn(String) -> Kind, &str) = match text.strip_prefix("*.") {
            Some(domain) => (Kind::BelowDomain, domain),
            None => (Kind::Name, text),
        };
        if !is_dns_name(name) {
            return Err(refused());
        }
        Ok(Self(kind(name.to_ascii_lowercase())))
    }
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63 octets, 253 in all (RFC 1035
/// section 2.3.4; certificates name hosts with underscores too).
fn is_dns_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(label)
}

impl fmt::Display for SanPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Name(name) => f.write_str(name),
            Kind::BelowDomain(domain) => write!(f, "*.{domain}"),
            Kind::Network { address, prefix } => write!(f, "{address}/{prefix}"),
        }
    }
}
