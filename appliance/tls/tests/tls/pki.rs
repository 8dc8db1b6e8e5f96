//! Certificate authorities, certificates and revocation lists made for a test.

use core::time::Duration;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tls::{CertificateChain, Clock, Identity, PrivateKey, RevocationLists, TrustAnchors};

/// The time of all tests, in May 2026.
pub const NOW: Duration = Duration::from_secs(1_780_000_000);

pub fn clock() -> Clock {
    Clock::new(|| NOW)
}

pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate and its key.
pub struct Leaf {
    pub chain_pem: String,
    pub key_pem: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![]).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("a certificate");
        Self {
            pem: certificate.pem(),
            der: certificate.der().clone(),
            issuer: Issuer::new(params, key),
        }
    }

    /// A certificate for the names (DNS or addresses), valid in all of the 2020s.
    pub fn issue(&self, serial: u64, names: &[&str]) -> Leaf {
        self.issue_for_years(serial, names, 2020, 2030)
    }

    pub fn issue_for_years(&self, serial: u64, names: &[&str], from: i32, until: i32) -> Leaf {
        self.sign(serial, names, &format!("leaf {serial}"), from, until)
    }

    /// A client certificate with this common name.
    pub fn issue_named(&self, serial: u64, common_name: &str) -> Leaf {
        self.sign(serial, &["client.test"], common_name, 2020, 2030)
    }

    fn sign(&self, serial: u64, names: &[&str], common_name: &str, from: i32, until: i32) -> Leaf {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        params.serial_number = Some(SerialNumber::from(serial));
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Leaf {
            chain_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    pub fn anchors(&self) -> TrustAnchors {
        TrustAnchors::from_pem(self.pem.as_bytes()).expect("PEM")
    }

    pub fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.der.clone()).expect("a certificate");
        roots
    }

    pub fn revoke(&self, serials: &[u64]) -> RevocationLists {
        self.revocation_list(serials, 2030)
    }

    pub fn revocation_list(&self, serials: &[u64], next_update: i32) -> RevocationLists {
        let revoked = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2025, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2025, 1, 1),
            next_update: date_time_ymd(next_update, 1, 1),
            crl_number: SerialNumber::from(1_u64),
            issuing_distribution_point: None,
            revoked_certs: serials.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = list.signed_by(&self.issuer).expect("a list");
        RevocationLists::from_pem(list.pem().expect("PEM").as_bytes()).expect("PEM")
    }
}

impl Leaf {
    pub fn identity(&self) -> Identity {
        Identity {
            chain: CertificateChain::from_pem(self.chain_pem.as_bytes()).expect("PEM"),
            key: PrivateKey::from_pem(self.key_pem.as_bytes()).expect("PEM"),
        }
    }

    pub fn for_rustls(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let chain = CertificateDer::pem_slice_iter(self.chain_pem.as_bytes())
            .collect::<Result<_, _>>()
            .expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).expect("PEM");
        (chain, key)
    }
}

/// A world with one authority, a server named `server.test` and a client named `client.test`.
pub struct World {
    pub authority: Authority,
    pub server: Leaf,
    pub client: Leaf,
}

pub const CLIENT_SERIAL: u64 = 0x11;

impl World {
    pub fn new() -> Self {
        let authority = Authority::new("Test CA");
        Self {
            server: authority.issue(0x10, &["server.test", "192.0.2.1"]),
            client: authority.issue(CLIENT_SERIAL, &["client.test"]),
            authority,
        }
    }

    pub fn server_settings(&self) -> tls::ServerSettings {
        tls::ServerSettings::new(self.server.identity(), clock())
    }

    pub fn client_settings(&self) -> tls::ClientSettings {
        tls::ClientSettings::new(self.authority.anchors(), clock())
    }

    /// Ours as a server that wants a certificate.
    pub fn mutual_settings(&self) -> tls::ServerSettings {
        tls::ServerSettings {
            clients: tls::ClientCertificates::Required(self.authority.anchors()),
            ..self.server_settings()
        }
    }
}
