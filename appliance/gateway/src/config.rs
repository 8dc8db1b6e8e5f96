//! What the gateway is told at start.

use core::time::Duration;
use std::net::Ipv4Addr;

use nfs::{mount, nfs3, nfsacl};

use crate::limits::Limits;
use crate::security::{AcceptedSecurity, OriginSecurity};
use crate::squash::Squash;

/// Everything the gateway is told at start.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// What clients may reach, and who may.
    pub exports: Vec<Export>,
    /// Where the origin listens.
    pub origin: OriginConfig,
    /// Where clients find us: what portmap and rpcbind answer.
    pub service: ServiceConfig,
    /// Whether clients that ask for TLS get it.
    pub offers_tls: bool,
    /// Largest READ and WRITE in bytes; at most [`crate::limits::MAX_IO_BOUND`].
    pub max_io: u32,
    /// Bounds.
    pub limits: Limits,
}

/// The origin's ports. Its address is the engine's business.
#[derive(Clone, Debug)]
pub struct OriginConfig {
    /// NFS, usually 2049.
    pub nfs_port: u16,
    /// MOUNT; `None` asks the origin's portmap on port 111.
    pub mount_port: Option<u16>,
    /// How NFS connections are protected.
    pub security: OriginSecurity,
    /// How connections to MOUNT are protected.
    pub mount_security: OriginSecurity,
    /// NFS connections kept open; at least 1.
    pub connections: usize,
    /// The machine name in the credential of our own calls (AUTH_SYS, at most 255 bytes).
    pub machine_name: String,
}

/// What we tell clients about ourselves.
#[derive(Clone, Copy, Debug)]
pub struct ServiceConfig {
    /// Our address on the clients' side.
    pub address: Ipv4Addr,
    /// Portmap and rpcbind, usually 111.
    pub portmap_port: u16,
    /// MOUNT.
    pub mount_port: u16,
    /// NFS and NFSACL, usually 2049.
    pub nfs_port: u16,
    /// How connections must be protected for NFS and NFSACL, whatever export it is about.
    pub nfs_security: AcceptedSecurity,
    /// Likewise for MOUNT.
    pub mount_security: AcceptedSecurity,
}

impl ServiceConfig {
    /// How connections must be protected for calls of `program`.
    pub(crate) fn security(&self, program: u32) -> AcceptedSecurity {
        match program {
            nfs3::PROGRAM | nfsacl::PROGRAM => self.nfs_security,
            mount::PROGRAM => self.mount_security,
            // Portmap is in clear everywhere.
            _ => AcceptedSecurity::ANY,
        }
    }
}

/// A directory tree of the origin that clients may reach.
#[derive(Clone, Debug)]
pub struct Export {
    /// As the origin exports it and as clients mount it.
    pub path: String,
    /// Addresses of clients that may reach it; empty allows nobody.
    pub allow: Vec<Cidr>,
    /// Procedures that change anything are answered NFS3ERR_ROFS.
    pub read_only: bool,
    /// When cached data is valid.
    pub coherence: Coherence,
    /// How connections must be protected.
    pub security: AcceptedSecurity,
    /// Whose identity the origin does not get to know.
    pub squash: Squash,
    /// How long a call may wait for the origin before it is answered with an error; `None`: for ever.
    pub give_up: Option<Duration>,
}

/// When cached data of an export is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coherence {
    /// Every GETATTR goes to the origin; blocks are valid while (mtime, ctime, size) stay the same.
    Strict,
    /// What is cached stays valid until a reply shows otherwise; GETATTR and ACCESS are answered from the
    /// cache.
    Immutable,
}

/// A range of addresses, `address/prefix_len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: u32,
    mask: u32,
}

impl Cidr {
    /// `None` when `prefix_len` is over 32.
    pub fn new(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        let host_bits = 32_u32.checked_sub(u32::from(prefix_len))?;
        let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Self {
            address: u32::from(address) & mask,
            mask,
        })
    }

    /// Whether `address` lies in the range.
    pub fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.address
    }
}

impl Export {
    /// Whether the client at `address` may reach this export.
    pub fn allows(&self, address: Ipv4Addr) -> bool {
        self.allow.iter().any(|range| range.contains(address))
    }

    /// Whether `path` is this export's or lies below it, and climbs nowhere.
    pub(crate) fn covers(&self, path: &str) -> bool {
        let below = path
            .strip_prefix(self.path.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        below && !path.split('/').any(|name| name == "..")
    }
}

/// Values that must differ from one start to the next.
#[derive(Clone, Copy, Debug)]
pub struct Seeds {
    /// Where the xids of our calls to the origin start.
    pub xid: u32,
    /// Key of the hash of handles and credentials, so that peers cannot choose collisions.
    pub hash: [u8; 16],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_addresses() {
        let range = Cidr::new(Ipv4Addr::new(10, 1, 2, 3), 16).expect("a prefix");
        assert!(range.contains(Ipv4Addr::new(10, 1, 255, 0)));
        assert!(!range.contains(Ipv4Addr::new(10, 2, 0, 0)));
        let all = Cidr::new(Ipv4Addr::new(1, 2, 3, 4), 0).expect("a prefix");
        assert!(all.contains(Ipv4Addr::BROADCAST));
        assert!(Cidr::new(Ipv4Addr::UNSPECIFIED, 33).is_none());
    }

    #[test]
    fn paths_below_an_export() {
        let export = |path: &str| Export {
            path: path.into(),
            allow: Vec::new(),
            read_only: false,
            coherence: Coherence::Strict,
            security: AcceptedSecurity::CLEAR,
            squash: Squash::Nobody,
            give_up: None,
        };
        assert!(export("/export").covers("/export"));
        assert!(export("/export").covers("/export/"));
        assert!(export("/export").covers("/export/a/b"));
        assert!(!export("/export").covers("/exports"));
        assert!(!export("/export").covers("/export/../etc"));
        assert!(export("/").covers("/anything"));
        assert!(export("/").covers("/"));
    }
}
