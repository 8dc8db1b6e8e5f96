//! The lab's origin as one that speaks TLS through rustls' ordinary connection.

use std::cell::{Ref, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use engine::{OriginTls, Outcome, Rekey};
use gateway::OriginSecurity;
use nfs3_types::nfs3::nfs_fh3;

use crate::lab::{Lab, Plan};
use crate::peer::Peer;
use crate::world::{NewTunnel, Protection};
use crate::{oracle, pki};

/// Both ways to begin.
pub const WAYS: [OriginSecurity; 2] = [OriginSecurity::StartTls, OriginSecurity::Direct];

/// How the origin is spoken to, and what it is like.
pub struct OriginPlan {
    pub security: OriginSecurity,
    pub settings: tls::ClientSettings,
    /// Who it has to prove to be.
    pub name: &'static str,
    pub rekey: Rekey,
    /// What it shows and what it wants.
    pub server: Arc<rustls::ServerConfig>,
}

impl OriginPlan {
    pub fn new(pki: &pki::World, security: OriginSecurity) -> Self {
        Self {
            security,
            settings: pki.client_settings(),
            name: "server.test",
            rekey: Rekey::Reconnect,
            server: Arc::new(oracle::server_config(pki)),
        }
    }

    pub fn tls(&self) -> OriginTls {
        OriginTls {
            config: tls::ClientConfig::new(self.settings.clone()).expect("good settings"),
            name: self.name.parse().expect("a name"),
        }
    }
}

/// The origin's ends of its connections, in the order in which they came.
#[derive(Clone, Default)]
pub struct OriginPeers(Rc<RefCell<Vec<Peer>>>);

impl OriginPeers {
    pub fn all(&self) -> Ref<'_, Vec<Peer>> {
        self.0.borrow()
    }

    /// Makes an end for every connection that comes.
    fn tunnels(&self, config: &Arc<rustls::ServerConfig>, prepare: fn(&Peer)) -> NewTunnel {
        let (peers, config) = (self.clone(), config.clone());
        Box::new(move || {
            let peer = Peer::server(&config);
            prepare(&peer);
            peers.0.borrow_mut().push(peer.clone());
            Box::new(peer)
        })
    }
}

/// A plan whose origin speaks TLS and whose clients need not.
pub fn plan(security: OriginSecurity) -> Plan {
    let mut plan = Plan::new();
    plan.setup.security.clear = true;
    plan.origin = Some(OriginPlan::new(&plan.pki, security));
    plan
}

impl Lab {
    /// The origin's connections are from now on as planned.
    pub fn protect_origin(&mut self) {
        self.protect_origin_with(|_| {});
    }

    /// The same, with something done to the origin's end of each.
    pub fn protect_origin_with(&mut self, prepare: fn(&Peer)) {
        let Some(origin) = &self.origin else {
            return;
        };
        let new = self.origin_peers.tunnels(&origin.server, prepare);
        self.world.origin.protection = match origin.security {
            OriginSecurity::Clear => Protection::None,
            OriginSecurity::StartTls => Protection::Probed(new),
            OriginSecurity::Direct => Protection::Direct(new),
        };
    }

    /// The origin shows another certificate from now on, on new connections.
    pub fn replace_origin_certificate(&mut self, leaf: pki::Leaf) {
        self.pki.server = leaf;
        if let Some(origin) = &mut self.origin {
            origin.server = Arc::new(oracle::server_config(&self.pki));
        }
        self.protect_origin();
        self.world.origin.reset_connections();
    }

    /// A file of the origin and a client, in clear, that has found it.
    pub fn clear_client_with(&mut self, data: &[u8]) -> (usize, nfs_fh3) {
        self.world.origin.export.put("file", data);
        let client = self.world.connect();
        let file = self.find(client, "file");
        (client, file)
    }

    /// Why connections to the origin were ended, so far.
    pub fn origin_failures(&self) -> Vec<&str> {
        let audits = self.world.audits.iter().filter(|audit| audit.is_origin);
        audits
            .filter_map(|audit| match &audit.outcome {
                Outcome::Failed(reason) => Some(reason.as_str()),
                _ => None,
            })
            .collect()
    }
}
