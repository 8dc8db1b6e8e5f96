//! How an appliance is configured: small, so that its bounds are met.

use std::net::Ipv4Addr;

use cache::Slots;
use engine::limits::{SLOT_SIZE, SLOTS_RESERVED};
use engine::{Admission, EngineConfig, Listen, OriginTls, Rekey, RekeyPolicy, Sealing, Security};
use gateway::{
    AcceptedSecurity, Cidr, Coherence, GatewayConfig, OriginConfig, OriginSecurity, ServiceConfig,
    Squash,
};
use net::{Offload, Tso};

use crate::network::{CLIENT_SIDE, ORIGIN_SIDE};
use crate::nfs::EXPORT;
use crate::options::Options;
use crate::origin;
use crate::tls::{AUTHORITY, CERTIFICATE, KEY, ORIGIN_NAME, Protection, clock, provider, tickets};

/// An appliance's address at a port.
pub(crate) fn address(number: usize, port: usize) -> Ipv4Addr {
    let [port, number] = [1 + port, 1 + number].map(|part| u8::try_from(part).expect("few"));
    Ipv4Addr::new(10, 77, port, number)
}

/// Its Ethernet address there.
pub(crate) fn mac(number: usize, port: usize) -> [u8; 6] {
    let [port, number] = [1 + port, 1 + number].map(|part| u8::try_from(part).expect("few"));
    [2, 0, 0, 0, port, number]
}

pub(super) fn block_size(options: &Options) -> usize {
    usize::try_from(options.block_kib * 1024).expect("a small block")
}

pub(super) fn engine(options: &Options, number: usize, secrets: [[u8; 16]; 2]) -> EngineConfig {
    let offload = match options.offload {
        0 => Offload::default(),
        1 => Offload {
            ip_checksum: true,
            tcp_checksum: true,
            tso: None,
        },
        _ => Offload {
            ip_checksum: true,
            tcp_checksum: true,
            tso: Some(Tso {
                max_payload: 60_000,
                max_pieces: 20,
                max_segment: 1460,
            }),
        },
    };
    let port = |port: usize| net::Config {
        mac: mac(number, port),
        address: address(number, port),
        prefix_len: 24,
        gateway: None,
        mtu: 1500,
        offload,
        secret: secrets[port],
        limits: net::Limits {
            connections: 64,
            backlog: 8,
            receive_window: 1 << 18,
            send_buffer: 1 << 19,
            receive_buffers: 2048,
            neighbours: 16,
            ..net::Limits::default()
        },
    };
    EngineConfig {
        ports: vec![port(CLIENT_SIDE), port(ORIGIN_SIDE)],
        listen: Listen {
            port: CLIENT_SIDE,
            tcp_ports: vec![2049],
        },
        origin: engine::Origin {
            port: ORIGIN_SIDE,
            address: origin::ADDRESS,
            reserved_source_ports: true,
        },
    }
}

pub(super) fn gateway(options: &Options, number: usize) -> GatewayConfig {
    GatewayConfig {
        exports: vec![gateway::Export {
            path: EXPORT.to_owned(),
            allow: Cidr::new(address(0, CLIENT_SIDE), 24).into_iter().collect(),
            read_only: false,
            coherence: Coherence::Strict,
            security: match Protection::of(options.client_tls) {
                Protection::Clear => AcceptedSecurity::CLEAR,
                Protection::StartTls | Protection::Direct => AcceptedSecurity {
                    tls: true,
                    ..AcceptedSecurity::default()
                },
            },
            squash: Squash::Nobody,
            give_up: None,
        }],
        origin: OriginConfig {
            security: match Protection::of(options.origin_tls) {
                Protection::Clear => OriginSecurity::Clear,
                Protection::StartTls => OriginSecurity::StartTls,
                Protection::Direct => OriginSecurity::Direct,
            },
            mount_security: OriginSecurity::Clear,
            nfs_port: origin::NFS_PORT,
            mount_port: Some(origin::MOUNT_PORT),
            connections: usize::try_from(options.origin_connections).expect("few"),
            machine_name: "wirepage".to_owned(),
        },
        service: ServiceConfig {
            address: address(number, CLIENT_SIDE),
            portmap_port: 111,
            mount_port: 20048,
            nfs_port: 2049,
            nfs_security: AcceptedSecurity::ANY,
            mount_security: AcceptedSecurity::ANY,
        },
        offers_tls: options.client_tls != 0,
        max_io: gateway::limits::MAX_IO_BOUND,
        limits: limits(),
    }
}

/// What an engine speaks TLS with, if it does.
pub(super) fn security(options: &Options) -> Option<Security> {
    let bad = "good settings";
    let rekey_after = (options.rekey > 0).then_some(options.rekey);
    let rekey = if options.rekey_reconnects == 1 {
        Rekey::Reconnect
    } else {
        Rekey::Auto
    };
    let server = || {
        let identity = tls::Identity {
            chain: tls::CertificateChain::from_pem(CERTIFICATE).expect("PEM"),
            key: tls::PrivateKey::from_pem(KEY).expect("PEM"),
        };
        let mut settings = tls::ServerSettings::new(identity, clock());
        settings.rekey_after = rekey_after;
        settings.tickets = tickets(options).map(tls::Tickets::with_producer);
        tls::ServerConfig::with_provider(settings, provider()).expect(bad)
    };
    let origin = || {
        let anchors = tls::TrustAnchors::from_pem(AUTHORITY).expect("PEM");
        let mut settings = tls::ClientSettings::new(anchors, clock());
        settings.rekey_after = rekey_after;
        OriginTls {
            config: tls::ClientConfig::with_provider(settings, provider()).expect(bad),
            name: ORIGIN_NAME.parse().expect("a name"),
        }
    };
    if options.client_tls == 0 && options.origin_tls == 0 {
        return None;
    }
    let slots = usize::try_from(options.slots).expect("few") + SLOTS_RESERVED;
    Some(Security {
        server: (options.client_tls != 0).then(server),
        origin: (options.origin_tls != 0).then(origin),
        admission: vec![Admission::default()],
        slots: Slots::new(super::arena(slots, SLOT_SIZE)),
        rekey: RekeyPolicy {
            clients: rekey,
            origin: rekey,
        },
        sealing: Sealing::OutOfPlace,
    })
}

/// Of everything a little more than the clients of one run need at the least.
pub(super) fn limits() -> gateway::Limits {
    gateway::Limits {
        clients: 32,
        calls_per_client: 12,
        calls: 24,
        handles: 16,
        files: 8,
        verdicts: 16,
        mounts: 8,
        duplicates: 512,
        small_buffers: 192,
        large_buffers: 8,
        ..gateway::Limits::default()
    }
}
