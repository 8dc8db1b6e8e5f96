use crate::error::SetupError;
use crate::key_log::KeyLogFile;
use crate::options::{Alpn, CipherSuite, Mode, RelayOptions};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{CipherSuite as Registered, ClientConfig, KeyLog, RootCertStore, ServerConfig};
use std::fs;
use std::path::Path;
use std::sync::Arc;

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// The client's side: always verifies the server.
pub fn client_config(options: &RelayOptions) -> Result<ClientConfig, SetupError> {
    let roots = roots(options)?.ok_or(SetupError::Options(
        "give --ca FILE: the CA that signed the server's certificate \
         (of a public one: /etc/ssl/certs/ca-certificates.crt)",
    ))?;
    let provider = provider(options.ciphersuite);
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .with_crls(revocation_lists(options)?)
        .build()?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_webpki_verifier(verifier);
    let mut config = match (options.mode.is_mutual(), identity(options)?) {
        (true, Some((chain, key))) => builder.with_client_auth_cert(chain, key)?,
        (false, None) => builder.with_no_client_auth(),
        (true, None) => {
            return Err(SetupError::Options(
                "--mode mtls and direct-mtls need --cert FILE and --key FILE",
            ));
        }
        (false, Some(_)) => {
            return Err(SetupError::Options(
                "--cert is only shown with --mode mtls or direct-mtls",
            ));
        }
    };
    config.alpn_protocols = alpn_protocols(options.alpn);
    config.key_log = key_log(options)?;
    Ok(config)
}

/// The server's side: asks for a client certificate wherever it could verify one, as RFC 9289
/// section 5.2.1 demands, and insists on it in the mutual modes.
pub fn server_config(options: &RelayOptions) -> Result<ServerConfig, SetupError> {
    let (chain, key) = identity(options)?.ok_or(SetupError::Options(
        "give --cert FILE and --key FILE: the certificate that clients see",
    ))?;
    let provider = provider(options.ciphersuite);
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let builder = match (options.mode, roots(options)?) {
        (Mode::Mtls | Mode::DirectMtls, None) => {
            return Err(SetupError::Options(
                "--mode mtls and direct-mtls need --ca FILE: the CA that signed the clients' certificates",
            ));
        }
        (Mode::Tls | Mode::Direct, None) => builder.with_no_client_auth(),
        (mode, Some(roots)) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .with_crls(revocation_lists(options)?);
            let verifier = if mode.is_mutual() {
                verifier
            } else {
                verifier.allow_unauthenticated()
            };
            builder.with_client_cert_verifier(verifier.build()?)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = alpn_protocols(options.alpn);
    config.key_log = key_log(options)?;
    Ok(config)
}

fn provider(only: Option<CipherSuite>) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(only) = only {
        let wanted = match only {
            CipherSuite::Aes128Gcm => Registered::TLS13_AES_128_GCM_SHA256,
            CipherSuite::Aes256Gcm => Registered::TLS13_AES_256_GCM_SHA384,
            CipherSuite::ChaCha20Poly1305 => Registered::TLS13_CHACHA20_POLY1305_SHA256,
        };
        provider
            .cipher_suites
            .retain(|suite| suite.suite() == wanted);
    }
    Arc::new(provider)
}

fn alpn_protocols(alpn: Alpn) -> Vec<Vec<u8>> {
    match alpn {
        Alpn::None => Vec::new(),
        Alpn::Sunrpc => vec![b"sunrpc".to_vec()],
    }
}

fn key_log(options: &RelayOptions) -> Result<Arc<dyn KeyLog>, SetupError> {
    let Some(path) = &options.key_log else {
        return Ok(Arc::new(rustls::NoKeyLog));
    };
    eprintln!(
        "tls-peer: warning: session keys go to {}: whoever reads it can read the traffic",
        path.display()
    );
    let log = KeyLogFile::open(path).map_err(|source| SetupError::File {
        path: path.clone(),
        source,
    })?;
    Ok(Arc::new(log))
}

fn roots(options: &RelayOptions) -> Result<Option<Arc<RootCertStore>>, SetupError> {
    let Some(path) = &options.ca else {
        return Ok(None);
    };
    let mut roots = RootCertStore::empty();
    for certificate in pem_file::<CertificateDer<'_>>(path, "certificate")? {
        roots.add(certificate)?;
    }
    Ok(Some(Arc::new(roots)))
}

fn revocation_lists(
    options: &RelayOptions,
) -> Result<Vec<CertificateRevocationListDer<'static>>, SetupError> {
    match &options.crl {
        Some(path) => pem_file(path, "revocation list"),
        None => Ok(Vec::new()),
    }
}

fn identity(options: &RelayOptions) -> Result<Option<Identity>, SetupError> {
    let (Some(cert), Some(key)) = (&options.cert, &options.key) else {
        return Ok(None);
    };
    let chain = pem_file(cert, "certificate")?;
    let mut keys = pem_file::<PrivateKeyDer<'_>>(key, "private key")?;
    Ok(Some((chain, keys.swap_remove(0))))
}

/// What a PEM file holds of one kind, at least one.
fn pem_file<T: PemObject>(path: &Path, what: &'static str) -> Result<Vec<T>, SetupError> {
    let text = fs::read(path).map_err(|source| SetupError::File {
        path: path.to_owned(),
        source,
    })?;
    let found: Result<Vec<T>, _> = T::pem_slice_iter(&text).collect();
    found
        .ok()
        .filter(|found| !found.is_empty())
        .ok_or_else(|| SetupError::Pem {
            path: path.to_owned(),
            what,
        })
}
