//! What of a new configuration can be taken over while the old one runs.

use super::Config;
use super::eal::Eal;
use super::origin::Origin;
use super::tls::Tls;

impl Config {
    /// This configuration with the rules of `new`: its exports, and what it says about certificates and the
    /// people they belong to. And what of `new` has to wait for a restart, as written in the file.
    pub fn adopt(&self, new: Self) -> (Self, Vec<&'static str>) {
        let Self {
            eal,
            engine,
            cache,
            ports,
            listen,
            origin,
            exports,
            limits,
            tls,
            control,
        } = new;
        // What EAL needs by default depends on whether TLS is spoken.
        let speaks_tls = origin.tls.is_some() || listen.offers_tls(&exports);
        let memory_mib = match speaks_tls == self.speaks_tls() {
            true => eal.memory_mib,
            false => self.eal.memory_mib,
        };
        let eal = Eal { memory_mib, ..eal };
        let kept_tls = Tls {
            record_memory_mib: self.tls.record_memory_mib,
            key_log: self.tls.key_log.clone(),
            ..tls.clone()
        };
        let has_same_origin = self.origin.is_as_fixed_as(&origin);
        let waiting = [
            ("[eal]", self.eal != eal),
            ("[engine]", self.engine != engine),
            ("[cache]", self.cache != cache),
            ("[[port]]", self.ports != ports),
            ("[listen]", self.listen != listen),
            ("[origin]", !has_same_origin),
            ("[limits]", self.limits != limits),
            (
                "[tls] record_memory_mib",
                self.tls.record_memory_mib != tls.record_memory_mib,
            ),
            ("[tls] key_log", self.tls.key_log != tls.key_log),
            ("[control]", self.control != control),
        ];
        let waiting = waiting
            .into_iter()
            .filter_map(|(key, differs)| differs.then_some(key));
        let adopted = Self {
            exports,
            tls: kept_tls,
            origin: if has_same_origin {
                origin
            } else {
                self.origin.clone()
            },
            ..self.clone()
        };
        (adopted, waiting.collect())
    }
}

impl Origin {
    /// Whether the two differ at most in the files and names of TLS. Where the origin is, or how it is spoken
    /// to, does not change while there are connections to it.
    fn is_as_fixed_as(&self, other: &Self) -> bool {
        let way = |origin: &Self| {
            origin
                .tls
                .as_ref()
                .map(|tls| (tls.mode, tls.protects_mount))
        };
        let place = |origin: &Self| Self {
            tls: None,
            ..origin.clone()
        };
        way(self) == way(other) && place(self) == place(other)
    }
}
