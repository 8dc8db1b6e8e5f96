//! The name a server is expected to have.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use rustls::pki_types;

use super::identity::SubjectAltName;

/// A server's name as it was configured: a DNS name or the literal of an address. The former is
/// sent as the server name indication and must stand in the certificate as a `dNSName`, the latter
/// as an `iPAddress`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerName(pub(crate) pki_types::ServerName<'static>);

/// Neither a DNS name nor an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither a DNS name nor an IP address")]
pub struct NameError(String);

impl FromStr for ServerName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        pki_types::ServerName::try_from(text.to_owned())
            .map(Self)
            .map_err(|_| NameError(text.to_owned()))
    }
}

impl From<IpAddr> for ServerName {
    fn from(address: IpAddr) -> Self {
        Self(pki_types::ServerName::IpAddress(address.into()))
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_str())
    }
}

/// Whether one of `names` is literally `expected`: RFC 9289 section 5.2.1 has no wildcards.
pub(crate) fn names_server(names: &[SubjectAltName], expected: &pki_types::ServerName<'_>) -> bool {
    names.iter().any(|name| match (name, expected) {
        (SubjectAltName::Dns(dns), pki_types::ServerName::DnsName(expected)) => {
            let expected = expected.as_ref();
            // A trailing dot only says that the name is complete.
            dns.eq_ignore_ascii_case(expected.strip_suffix('.').unwrap_or(expected))
        }
        (SubjectAltName::Ip(address), pki_types::ServerName::IpAddress(expected)) => {
            *address == IpAddr::from(*expected)
        }
        _ => false,
    })
}
