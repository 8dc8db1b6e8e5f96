//! What the configuration says of exports, as the engine takes it.

use core::time::Duration;

use engine::{Admission, Policy, RekeyPolicy, Trust};
use gateway::{AcceptedSecurity, Cidr, Squash};

use crate::config::Config;
use crate::config::export::{Coherence, Export};
use crate::limits::EXPORTS_MAX;

/// The paths of all exports since the start. The engine knows exports by their place: they keep it for good,
/// also when they are withdrawn, and new ones come behind.
#[derive(Debug, Clone, Default)]
pub struct Places(Vec<String>);

impl Places {
    /// With those of `config` behind; `None` if that are too many.
    #[must_use]
    pub fn with(&self, config: &Config) -> Option<Self> {
        let mut places = self.0.clone();
        for Export { path, .. } in config.exports() {
            if !places.contains(path) {
                places.push(path.clone());
            }
        }
        (places.len() <= EXPORTS_MAX).then_some(Self(places))
    }

    /// All of them, each with its export if there is one.
    fn exports<'a>(
        &'a self,
        config: &'a Config,
    ) -> impl Iterator<Item = (&'a str, Option<&'a Export>)> {
        let of = |path: &str| config.exports().iter().find(|export| export.path == path);
        self.0.iter().map(move |path| (path.as_str(), of(path)))
    }

    /// The rules of `config`, and whom they trust.
    #[must_use]
    pub fn policy(&self, config: &Config, trust: Trust) -> Policy {
        let origin = config.origin().tls.as_ref();
        Policy {
            trust: Trust {
                admission: self
                    .exports(config)
                    .map(|(_, export)| export.map_or_else(Admission::default, certificates))
                    .collect(),
                ..trust
            },
            exports: self
                .exports(config)
                .map(|(path, export)| export.map_or_else(|| withdrawn(path), rules))
                .collect(),
            rekey: RekeyPolicy {
                clients: config.tls().rekey,
                origin: origin.map_or_else(Default::default, |origin| origin.rekey),
            },
        }
    }
}

fn certificates(export: &Export) -> Admission {
    export.certificates.clone()
}

fn rules(export: &Export) -> gateway::Export {
    gateway::Export {
        path: export.path.clone(),
        allow: export
            .clients
            .iter()
            .filter_map(|network| Cidr::new(network.network(), network.prefix_len()))
            .collect(),
        read_only: export.read_only,
        coherence: match export.coherence {
            Coherence::Strict => gateway::Coherence::Strict,
            Coherence::Immutable => gateway::Coherence::Immutable,
        },
        security: export.security,
        squash: export.squash,
        give_up: export
            .give_up_seconds
            .map(|seconds| Duration::from_secs(seconds.into())),
    }
}

/// Nobody may reach it.
fn withdrawn(path: &str) -> gateway::Export {
    gateway::Export {
        path: path.to_owned(),
        allow: Vec::new(),
        read_only: true,
        coherence: gateway::Coherence::Strict,
        security: AcceptedSecurity::default(),
        squash: Squash::Nobody,
        give_up: None,
    }
}
