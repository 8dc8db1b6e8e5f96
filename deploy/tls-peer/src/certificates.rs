//! `tls-peer make-certs`: everything that TLS between a client, a server and its origin needs,
//! and what each of them must refuse.

use crate::error::SetupError;
use crate::options::CertificateOptions;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevocationReason,
    RevokedCertParams, SerialNumber,
};
use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LIFETIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// A clock that is somewhat slow shall not find the certificates invalid.
const CLOCK_SKEW: Duration = DAY;

const SECRET: u32 = 0o600;
const PUBLIC: u32 = 0o644;

const SERVER: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ServerAuth;
const CLIENT: ExtendedKeyUsagePurpose = ExtendedKeyUsagePurpose::ClientAuth;

/// Makes the directory and all files in it; see the README for what is what.
pub fn make_certificates(options: &CertificateOptions) -> Result<(), SetupError> {
    let directory = &options.directory;
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(directory);
    made.map_err(|source| file_error(directory, source))?;
    let ca = Authority::new("Wirepage trial CA")?;
    let other_ca = Authority::new("CA that nobody trusts")?;
    ca.write(directory, "ca")?;
    other_ca.write(directory, "other-ca")?;

    let server = names(&options.server_name, &options.server_ip);
    let origin = names(&options.origin_name, &options.origin_ip);
    let client = vec![options.client_name.clone()];
    let everyone = [&server[..], &origin[..], &client[..]].concat();
    let both = vec![SERVER, CLIENT];
    let now = SystemTime::now();

    let valid = [
        ("server", server, vec![SERVER]),
        ("origin", origin, vec![SERVER]),
        ("client", client.clone(), vec![CLIENT]),
        ("revoked", client, vec![CLIENT]),
    ];
    let mut serial = 1u64;
    for (file, names, usages) in valid {
        serial += 1;
        ca.issue(directory, file, names, usages, serial, now + LIFETIME)?;
    }
    // Each may stand for a server as well as for a client.
    ca.issue(
        directory,
        "expired",
        everyone.clone(),
        both.clone(),
        serial + 1,
        now - DAY / 2,
    )?;
    other_ca.issue(directory, "other", everyone, both, 2, now + LIFETIME)?;
    write_new(directory, "crl.pem", PUBLIC, &ca.revoke(serial)?)
}

fn names(dns: &[String], addresses: &[IpAddr]) -> Vec<String> {
    let addresses = addresses.iter().map(IpAddr::to_string);
    dns.iter().cloned().chain(addresses).collect()
}

/// A self-signed CA.
struct Authority {
    certificate: String,
    key: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(name: &str) -> Result<Self, SetupError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let now = SystemTime::now();
        params.not_before = (now - 2 * CLOCK_SKEW).into();
        params.not_after = (now + LIFETIME + CLOCK_SKEW).into();
        Ok(Authority {
            certificate: params.self_signed(&key)?.pem(),
            key: key.serialize_pem(),
            issuer: Issuer::new(params, key),
        })
    }

    fn write(&self, directory: &Path, file: &str) -> Result<(), SetupError> {
        write_new(directory, &format!("{file}.pem"), PUBLIC, &self.certificate)?;
        write_new(directory, &format!("{file}-key.pem"), SECRET, &self.key)
    }

    /// Writes `FILE.pem` and `FILE-key.pem`. The common name is the first of the names.
    fn issue(
        &self,
        directory: &Path,
        file: &str,
        names: Vec<String>,
        usages: Vec<ExtendedKeyUsagePurpose>,
        serial: u64,
        not_after: SystemTime,
    ) -> Result<(), SetupError> {
        let key = KeyPair::generate()?;
        let common_name = names.first().cloned().unwrap_or_default();
        let mut params = CertificateParams::new(names)?;
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usages;
        params.use_authority_key_identifier_extension = true;
        params.not_before = (SystemTime::now() - CLOCK_SKEW).into();
        params.not_after = not_after.into();
        let certificate = params.signed_by(&key, &self.issuer)?;
        write_new(
            directory,
            &format!("{file}.pem"),
            PUBLIC,
            &certificate.pem(),
        )?;
        write_new(
            directory,
            &format!("{file}-key.pem"),
            SECRET,
            &key.serialize_pem(),
        )
    }

    /// A list that revokes one certificate, in PEM format.
    fn revoke(&self, serial: u64) -> Result<String, SetupError> {
        let now = SystemTime::now();
        let list = CertificateRevocationListParams {
            this_update: (now - CLOCK_SKEW).into(),
            next_update: (now + LIFETIME).into(),
            crl_number: SerialNumber::from(1u64),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(serial),
                revocation_time: (now - CLOCK_SKEW).into(),
                reason_code: Some(RevocationReason::KeyCompromise),
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }
}

/// Never overwrites: somebody may trust what is there.
fn write_new(directory: &Path, file: &str, mode: u32, text: &str) -> Result<(), SetupError> {
    let path = directory.join(file);
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| file_error(&path, source))
}

fn file_error(path: &Path, source: std::io::Error) -> SetupError {
    let path = path.to_owned();
    if source.kind() == std::io::ErrorKind::AlreadyExists {
        SetupError::Exists(path)
    } else {
        SetupError::File { path, source }
    }
}
