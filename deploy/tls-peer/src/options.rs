use crate::limits;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

/// Gives TLS to an NFS client or server that has none: RFC 9289 (RPC-with-TLS) or TLS from the
/// first byte.
#[derive(Debug, Parser)]
#[command(name = "tls-peer", version)]
pub struct Options {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plain in, TLS out: for a client without TLS
    Connect(ConnectOptions),
    /// TLS in, plain out: for a server without TLS
    Accept(AcceptOptions),
    /// Makes a CA with certificates to try TLS with
    MakeCerts(CertificateOptions),
}

/// How TLS begins, and who shows a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// RFC 9289; the server shows a certificate
    Tls,
    /// RFC 9289; both sides show a certificate
    Mtls,
    /// TLS from the first byte; the server shows a certificate
    Direct,
    /// TLS from the first byte; both sides show a certificate
    DirectMtls,
}

impl Mode {
    /// Whether TLS begins with an `AUTH_TLS` probe.
    pub fn probes(self) -> bool {
        matches!(self, Mode::Tls | Mode::Mtls)
    }

    /// Whether the client must show a certificate.
    pub fn is_mutual(self) -> bool {
        matches!(self, Mode::Mtls | Mode::DirectMtls)
    }
}

/// The protocol name negotiated in the handshake (ALPN).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Alpn {
    /// Not negotiated, as by Linux
    None,
    /// As RFC 9289 wants it; a peer that does not negotiate is served all the same
    Sunrpc,
}

/// An RPC program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Program {
    /// NFS (port 2049)
    Nfs,
    /// MOUNT (often port 20048)
    Mount,
}

impl Program {
    /// Its registered number.
    pub fn number(self) -> u32 {
        match self {
            Program::Nfs => nfs::nfs3::PROGRAM,
            Program::Mount => nfs::mount::PROGRAM,
        }
    }
}

/// The cipher suites of TLS 1.3, by their registered names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CipherSuite {
    /// TLS_AES_128_GCM_SHA256
    #[value(name = "TLS_AES_128_GCM_SHA256")]
    Aes128Gcm,
    /// TLS_AES_256_GCM_SHA384
    #[value(name = "TLS_AES_256_GCM_SHA384")]
    Aes256Gcm,
    /// TLS_CHACHA20_POLY1305_SHA256
    #[value(name = "TLS_CHACHA20_POLY1305_SHA256")]
    ChaCha20Poly1305,
}

/// What both directions have in common.
#[derive(Debug, Args)]
pub struct RelayOptions {
    /// Where to listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where to connect to, once for each connection accepted
    #[arg(long, value_name = "HOST:PORT")]
    pub to: String,
    /// How TLS begins, and who shows a certificate
    #[arg(long, value_enum)]
    pub mode: Mode,
    /// CA certificates (PEM) that the other side's certificate must come from
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Our own certificate with its chain (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,
    /// The private key of --cert (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Revocation lists (PEM) that the other side's certificate must not be in
    #[arg(long, value_name = "FILE", requires = "ca")]
    pub crl: Option<PathBuf>,
    /// The protocol name negotiated in the handshake
    #[arg(long, value_enum, default_value = "sunrpc")]
    pub alpn: Alpn,
    /// Use only this cipher suite
    #[arg(long, value_enum, ignore_case = true)]
    pub ciphersuite: Option<CipherSuite>,
    /// Connect from a port below 1024, as servers with `secure` exports demand (needs root)
    #[arg(long)]
    pub bind_reserved: bool,
    /// Change the keys after every N records sent (for tests; Linux's NFS server hangs on it)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub rekey_every: Option<u64>,
    /// Append all session keys to FILE: whoever reads it can read the traffic
    #[arg(long, value_name = "FILE")]
    pub key_log: Option<PathBuf>,
    /// Connections served at once; more are refused
    #[arg(long, value_name = "N", default_value_t = limits::CONNECTIONS)]
    pub max_connections: usize,
}

/// `tls-peer connect`
#[derive(Debug, Args)]
pub struct ConnectOptions {
    /// What both directions have in common.
    #[command(flatten)]
    pub relay: RelayOptions,
    /// DNS name or address that the server's certificate must hold [default: the host of --to]
    #[arg(long)]
    pub name: Option<String>,
    /// The program whose NULL call is the AUTH_TLS probe; NFS-Ganesha only answers for the one that
    /// it serves on the port
    #[arg(long, value_enum, default_value = "nfs")]
    pub program: Program,
    /// Make a NULL call after the handshake, before the client's first: NFS-Ganesha answers the
    /// first call in a manner that libnfs does not understand
    #[arg(long)]
    pub ping: bool,
}

/// `tls-peer accept`
#[derive(Debug, Args)]
pub struct AcceptOptions {
    /// What both directions have in common.
    #[command(flatten)]
    pub relay: RelayOptions,
    /// With --mode tls or mtls: refuse clients that begin TLS without the AUTH_TLS probe
    #[arg(long)]
    pub require_probe: bool,
    /// Pass plain RPC through, too (it is refused otherwise)
    #[arg(long)]
    pub allow_plain: bool,
}

/// `tls-peer make-certs`
#[derive(Debug, Args)]
pub struct CertificateOptions {
    /// Directory for the files; made, unless it is there
    pub directory: PathBuf,
    /// DNS names of the server
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub server_name: Vec<String>,
    /// Addresses of the server
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub server_ip: Vec<IpAddr>,
    /// DNS names of the origin, the server behind the server
    #[arg(long, value_name = "NAME", default_value = "localhost")]
    pub origin_name: Vec<String>,
    /// Addresses of the origin
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub origin_ip: Vec<IpAddr>,
    /// DNS name of the client
    #[arg(long, value_name = "NAME", default_value = "client.example")]
    pub client_name: String,
}
