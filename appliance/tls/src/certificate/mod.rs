//! What is read out of X.509 certificates beyond their verification: names, serial number,
//! validity.

pub(crate) mod identity;
pub(crate) mod name;
pub(crate) mod pattern;

use core::net::IpAddr;
use core::time::Duration;

use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::ext::pkix::SubjectAltName as SubjectAltNameExtension;
use x509_cert::ext::pkix::name::GeneralName;

use identity::SubjectAltName;

/// The facts of one certificate.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Serial number in hexadecimal, colons between octets.
    pub serial: String,
    /// Issuer as in RFC 4514.
    pub issuer: String,
    /// Subject as in RFC 4514.
    pub subject: String,
    /// DNS names and addresses; names of other kinds are left out.
    pub subject_alt_names: Vec<SubjectAltName>,
    /// Start of the validity since 1970.
    pub not_before: Duration,
    /// End of the validity since 1970.
    pub not_after: Duration,
}

impl Facts {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// What the reader objects to.
    pub(crate) fn read(der: &[u8]) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|error| error.to_string())?;
        let body = &certificate.tbs_certificate;
        let extension = body
            .get::<SubjectAltNameExtension>()
            .map_err(|error| format!("subject alternative names: {error}"))?;
        Ok(Self {
            serial: body.serial_number.to_string(),
            issuer: printable(&body.issuer.to_string()),
            subject: printable(&body.subject.to_string()),
            subject_alt_names: extension
                .iter()
                .flat_map(|(_, names)| &names.0)
                .filter_map(subject_alt_name)
                .collect(),
            not_before: body.validity.not_before.to_unix_duration(),
            not_after: body.validity.not_after.to_unix_duration(),
        })
    }

    /// The first DNS name with a wildcard, which RFC 9289 section 5.2.1 does not allow.
    pub(crate) fn wildcard(&self) -> Option<&str> {
        self.subject_alt_names.iter().find_map(|name| match name {
            SubjectAltName::Dns(dns) if dns.contains('*') => Some(dns.as_str()),
            SubjectAltName::Dns(_) | SubjectAltName::Ip(_) => None,
        })
    }
}

fn subject_alt_name(name: &GeneralName) -> Option<SubjectAltName> {
    match name {
        GeneralName::DnsName(dns) => Some(SubjectAltName::Dns(
            printable(dns.as_str()).to_ascii_lowercase(),
        )),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let address = <[u8; 4]>::try_from(octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address.ok().map(SubjectAltName::Ip)
        }
        _ => None,
    }
}

/// A name as it may stand in a log: control characters are escaped, so that a certificate cannot
/// forge a line.
fn printable(text: &str) -> String {
    let escape = |character: char| -> String {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            character.into()
        }
    };
    text.chars().map(escape).collect()
}
