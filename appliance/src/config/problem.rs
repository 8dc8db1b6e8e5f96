//! Everything that can be wrong with a configuration, and what to do about it.

use std::net::Ipv4Addr;

use crate::limits;

/// What is wrong and the remedy. The file, line and column are added by
/// [`ConfigError`](super::ConfigError).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not TOML, an unknown key, or a value of another type; the TOML parser's words.
    #[error("{0}")]
    Syntax(String),
    /// A table that has no default is not there.
    #[error("{table} is missing: {remedy}")]
    MissingTable {
        /// The table, with its brackets.
        table: &'static str,
        /// What to add.
        remedy: &'static str,
    },
    /// A key that has no default is not there.
    #[error("{table} {key} is missing: write for example {example}")]
    MissingKey {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// A whole line to write.
        example: &'static str,
    },
    /// An integer outside its range.
    #[error("{table} {key} = {value} is out of range: use {low} to {high}")]
    OutOfRange {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: i64,
        /// The least value allowed.
        low: String,
        /// The greatest value allowed.
        high: String,
    },
    /// A word that is none of the choices.
    #[error("{table} {key} = {value:?} is unknown: use one of {choices}")]
    UnknownWord {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// The words there are, quoted.
        choices: String,
    },
    /// A size that has to be a power of two is not.
    #[error("{table} {key} = {value} is not a power of two: use for example {lower} or {upper}")]
    NotPowerOfTwo {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: u32,
        /// The next power of two below.
        lower: u32,
        /// The next power of two above.
        upper: u32,
    },
    /// A list that may not be empty, or is too long.
    #[error("{table} {key} has {count} entries: use 1 to {most}")]
    ListLength {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// More tables of a kind than the appliance handles.
    #[error("{count} {table} tables: this version handles at most {most}")]
    TooManyTables {
        /// The table, with its brackets.
        table: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// Two tables share what has to be unique.
    #[error("{table} {key} {value:?} is used twice, first on line {first_line}: give each its own")]
    Duplicate {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What is there twice.
        value: String,
        /// Line of the first.
        first_line: usize,
    },

    /// A prefix that cannot be part of file names.
    #[error(
        "[eal] file_prefix {value:?} is unusable: use 1 to {} letters, digits, '-' and '_'",
        limits::FILE_PREFIX_BYTES_MAX
    )]
    FilePrefix {
        /// What was written.
        value: String,
    },
    /// Without hugepages EAL has virtual addresses only.
    #[error(
        "[eal] iova = \"pa\" needs hugepages, and hugepages = false: remove one of the two \
         (without hugepages EAL works with virtual addresses)"
    )]
    PhysicalWithoutHugepages,
    /// The memory asked for cannot hold what has to be in it.
    #[error(
        "[eal] memory_mib = {memory_mib} is too little: {needed_mib} MiB are needed for the cache, \
         the packet pools and TLS records; raise it, leave it out, or lower [cache] size_mib"
    )]
    MemoryTooSmall {
        /// What was written.
        memory_mib: u32,
        /// What is needed.
        needed_mib: u32,
    },

    /// A core named twice.
    #[error("[engine] cores names core {core} twice: an engine owns its core; name each once")]
    CoreTwice {
        /// The core.
        core: i64,
    },
    /// An export within another.
    #[error(
        "[[export]] path {inner:?} lies within {outer:?}, and a handle can obey the rules of one export only: \
         clients can mount directories of {outer:?} anyway, so keep one of the two"
    )]
    NestedExport {
        /// The path within.
        inner: String,
        /// The path around it.
        outer: String,
    },
    /// A core this process cannot run on.
    #[error(
        "[engine] cores names core {core}, which this process cannot use: available are {available}"
    )]
    NoSuchCore {
        /// The core.
        core: i64,
        /// The cores there are.
        available: String,
    },
    /// Several engines are not in this version.
    #[error(
        "[engine] cores names {count} cores: this version runs one engine (a file's blocks belong to one \
         core and cores cannot yet ask each other for them); name one core"
    )]
    ManyCores {
        /// How many there are.
        count: usize,
    },

    /// Too few blocks to work with.
    #[error(
        "[cache] size_mib = {size_mib} holds {blocks} blocks of {block_kib} KiB, and at least {} are \
         needed: raise size_mib or lower block_kib",
        limits::CACHE_BLOCKS_MIN
    )]
    CacheTooSmall {
        /// Cache size.
        size_mib: u32,
        /// Block size.
        block_kib: u32,
        /// Blocks that fit.
        blocks: usize,
    },
    /// Foreign memory and virtio-user do not go together.
    #[error(
        "[cache] arena = \"hugepages\" cannot be used with the net_virtio_user port {port:?}: its backend \
         maps only EAL memory, so blocks elsewhere would silently never be sent, and registering them \
         kills the device; use arena = \"eal\""
    )]
    ForeignArena {
        /// The port.
        port: String,
    },

    /// A port name that cannot be shown or typed.
    #[error(
        "[[port]] name {value:?} is unusable: use 1 to {} letters, digits, '-' and '_'",
        limits::PORT_NAME_BYTES_MAX
    )]
    PortName {
        /// What was written.
        value: String,
    },
    /// Neither a PCI address nor a vdev string.
    #[error(
        "[[port]] device {value:?} is no device: {reason}; write a PCI address such as \"0000:01:00.0\" or \
         an EAL vdev such as \"net_tap0,iface=tap0\""
    )]
    Device {
        /// What was written.
        value: String,
        /// What is wrong with it.
        reason: DeviceProblem,
    },
    /// Not an IPv4 address with a prefix length.
    #[error("{table} {key} {value:?} is no IPv4 {what}: write for example {example}")]
    Ipv4 {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// `address`, `network` …
        what: &'static str,
        /// A right value.
        example: &'static str,
    },
    /// An address no host can have.
    #[error("{table} {key} {address} is {class}: use a unicast address")]
    NotUnicast {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// The address.
        address: Ipv4Addr,
        /// What it is instead.
        class: &'static str,
    },
    /// A prefix length that makes no link.
    #[error(
        "[[port]] address prefix /{prefix_len} is out of range: use /{} to /{}",
        limits::LINK_PREFIX.start(),
        limits::LINK_PREFIX.end()
    )]
    LinkPrefix {
        /// The prefix length.
        prefix_len: u8,
    },
    /// A gateway nobody can reach.
    #[error(
        "[[port]] gateway {gateway} is not on the port's network {network}: use a router on that link"
    )]
    GatewayOffLink {
        /// The gateway.
        gateway: Ipv4Addr,
        /// The port's network.
        network: String,
    },
    /// The gateway is the port itself.
    #[error(
        "[[port]] gateway {gateway} is the port's own address: name the router, or leave gateway out"
    )]
    GatewayIsSelf {
        /// The gateway.
        gateway: Ipv4Addr,
    },
    /// More than one queue is not in this version.
    #[error(
        "[[port]] queues = {queues}: this version runs one engine, which owns one queue pair; use 1"
    )]
    ManyQueues {
        /// What was written.
        queues: u16,
    },

    /// A port that is not declared.
    #[error("unknown port {value:?}: {table} port names no [[port]]; declared are {declared}")]
    UnknownPort {
        /// The table, with its brackets.
        table: &'static str,
        /// What was written.
        value: String,
        /// The ports there are, quoted.
        declared: String,
    },
    /// A service port that the portmapper already has.
    #[error("[listen] {key} = 111 is the portmapper's: use another port or set portmap = false")]
    PortmapTaken {
        /// The key.
        key: &'static str,
    },
    /// The origin is the appliance.
    #[error(
        "[origin] address {address} is the address of port {port:?}: name the NFS server behind the appliance"
    )]
    OriginIsSelf {
        /// The address.
        address: Ipv4Addr,
        /// The port that has it.
        port: String,
    },
    /// There is no way to the origin.
    #[error(
        "[origin] address {address} is not on the network {network} of port {port:?}, which has no \
         gateway: give that [[port]] a gateway, or name the port that reaches the origin"
    )]
    OriginUnreachable {
        /// The address.
        address: Ipv4Addr,
        /// The port's network.
        network: String,
        /// The port.
        port: String,
    },

    /// Keys about TLS toward an origin that is spoken to in clear.
    #[error(
        "[origin] {key} has no effect in clear, which is the default: write security = \"tls\", \"mtls\" or \
         \"direct\", or remove {key}"
    )]
    OriginInClear {
        /// The key.
        key: &'static str,
    },
    /// A certificate that the origin is never shown.
    #[error(
        "[origin] certificate is not shown with security = \"tls\": write security = \"mtls\", or remove \
         certificate and key"
    )]
    OriginCertificateUnused,
    /// Not a name of a server.
    #[error(
        "[origin] name {value:?} is neither a DNS name nor an IP address: write what the origin's certificate \
         names, e.g. \"nfs.example\""
    )]
    OriginName {
        /// What was written.
        value: String,
    },

    /// An export path that cannot be mounted.
    #[error(
        "[[export]] path {value:?} is unusable: {reason}; write it as the origin exports it, e.g. \"/export\""
    )]
    ExportPath {
        /// What was written.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// TLS without a certificate.
    #[error(
        "[[export]] {path:?} is served with TLS (the default), and there is no [tls] certificate: add a [tls] \
         table with certificate and key, or write security = \"none\" to serve this export in clear"
    )]
    NoServerCertificate {
        /// The export.
        path: String,
    },
    /// Client certificates that nobody could verify.
    #[error(
        "[[export]] {path:?} accepts client certificates, and there is no [tls] client_ca to verify them: add \
         client_ca = \"/etc/wirepage/clients-ca.pem\", or write security = \"tls\""
    )]
    NoClientCa {
        /// The export.
        path: String,
    },
    /// TLS to be spoken, and no certificate to be shown.
    #[error(
        "[listen] {key} accepts TLS, and there is no certificate to show: add a [tls] table with certificate and \
         key, or write {key} = \"none\""
    )]
    ListenWithoutCertificate {
        /// The key.
        key: &'static str,
    },
    /// Client certificates that nobody could verify.
    #[error(
        "[listen] {key} accepts client certificates, and there is no [tls] client_ca to verify them: add \
         client_ca = \"/etc/wirepage/clients-ca.pem\", or write {key} = \"tls\""
    )]
    ListenWithoutCa {
        /// The key.
        key: &'static str,
    },
    /// An export for whose connections nobody listens.
    #[error(
        "[[export]] {path:?} accepts no connection that [listen] security accepts: nobody could use it; add to one \
         of them what the other has"
    )]
    Unreachable {
        /// The export.
        path: String,
    },
    /// Rules about certificates where none has to be shown.
    #[error(
        "[[export]] certificates binds nobody who can come without a certificate: write security = \"mtls\" and \
         nothing else, or remove certificates"
    )]
    CertificatesWithoutMutual,
    /// Not a pattern over the names of certificates.
    #[error("[[export]] certificates san {0}")]
    CertificatePattern(tls::PatternError),
    /// Not a range of users.
    #[error(
        "[[export]] certificates uids {value:?} is no range of user IDs: write for example \"1000-1999\", or \
         \"1000\" for one"
    )]
    UidRange {
        /// What was written.
        value: String,
    },
    /// An anonymous user that nobody becomes.
    #[error(
        "[[export]] {key} has no effect without squash: write squash = \"root\" or \"all\", or remove {key}"
    )]
    AnonymousUnused {
        /// The key.
        key: &'static str,
    },
    /// Attribute lifetimes are not there yet.
    #[error(
        "[[export]] coherence = \"bounded\" is not in this version: use \"strict\", or \"immutable\" for data that never changes"
    )]
    BoundedNotYet,
    /// Host bits set in a network.
    #[error(
        "[[export]] clients {value:?} has host bits set: write {network:?} for the network or {host:?} for the one host"
    )]
    HostBits {
        /// What was written.
        value: String,
        /// The network it lies in.
        network: String,
        /// The host alone.
        host: String,
    },

    /// A path that names no file.
    #[error("{table} {key} {value:?} is unusable: {reason}")]
    FilePath {
        /// The table, with its brackets.
        table: &'static str,
        /// The key.
        key: &'static str,
        /// What was written.
        value: String,
        /// What is wrong with it, and the remedy.
        reason: &'static str,
    },
    /// A socket path that cannot be bound.
    #[error("[control] socket {value:?} is unusable: {reason}")]
    SocketPath {
        /// What was written.
        value: String,
        /// What is wrong with it, and the remedy.
        reason: &'static str,
    },
}

/// Why a device string was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceProblem {
    /// Nothing there.
    #[error("it is empty")]
    Empty,
    /// Longer than EAL takes.
    #[error("it is longer than {} bytes", limits::DEVICE_BYTES_MAX)]
    TooLong,
    /// A character EAL's parsers would misread.
    #[error("it contains {0:?}")]
    Character(char),
    /// Not a network driver's name.
    #[error("its driver name {0:?} does not begin with \"net_\"")]
    NotNetwork(String),
    /// An argument without a key or value.
    #[error("its argument {0:?} is not key=value")]
    Argument(String),
    /// An argument given twice.
    #[error("its argument {0:?} is given twice")]
    ArgumentTwice(String),
    /// A driver that needs an argument.
    #[error("net_virtio_user needs path=…")]
    NoPath,
}
