//! What must hold for an appliance after every turn, and what when it has nothing to do.

use cache::CacheStats;

use super::config::limits;
use super::nic::Nic;
use super::{Appliance, Running};
use crate::outcome::FailureKind;

/// Turns in a row in which an engine may ask to be called at once without anything having come in.
const RESTLESS: u32 = 10_000;

impl Appliance {
    /// After every turn.
    pub(super) fn check(&self) {
        let Some(Running { engine, nics, .. }) = &self.running else {
            return;
        };
        if self.restless > RESTLESS {
            self.judge.fail(FailureKind::Stuck, || {
                format!(
                    "appliance {} asks for its turn and has nothing to do",
                    self.number
                )
            });
        }
        let stats = engine.stats();
        let (cache, gateway) = (stats.cache, stats.gateway);
        let expect = |holds: bool, what: &str| {
            self.judge.expect(holds, || {
                format!("appliance {}: {what}: {stats:#?}", self.number)
            });
        };
        expect(
            blocks(&cache) == cache.blocks && cache.blocks as u64 == self.options.blocks,
            "blocks are lost or made",
        );
        let references: u64 = nics.iter().map(Nic::references).sum();
        expect(
            cache.wire_references + stats.security.slot_wire_references == references,
            "the wire references are not those that the NICs have",
        );
        let bounds = limits();
        expect(
            gateway.calls_in_flight <= bounds.calls,
            "more calls than their bound",
        );
        expect(
            stats.clients <= bounds.clients,
            "more clients than their bound",
        );
        expect(gateway.files <= bounds.files, "more files than their bound");
        expect(
            gateway.handles <= bounds.handles,
            "more handles than their bound",
        );
        expect(
            gateway.duplicates <= bounds.duplicates,
            "more remembered calls than their bound",
        );
        expect(
            gateway.meta_buffers <= bounds.small_buffers + bounds.large_buffers,
            "more buffers than their bound",
        );
        expect(
            gateway.charged_bytes <= cache.blocks * engine_block(self),
            "more charged than there is",
        );
        let held: usize = nics.iter().map(Nic::rx_in_use).sum();
        expect(
            held <= 2 * 2048 + 64,
            "more received mbufs than their bound",
        );
    }

    /// When nothing is under way.
    pub(crate) fn check_at_rest(&mut self) {
        let Some(Running { engine, nics, .. }) = &mut self.running else {
            return;
        };
        nics.iter_mut().for_each(Nic::reclaim);
        let stats = engine.stats();
        let (cache, gateway, tls) = (stats.cache, stats.gateway, stats.security);
        let expect = |holds: bool, what: &str| {
            self.judge.expect(holds, || {
                format!("appliance {} at rest: {what}: {stats:#?}", self.number)
            });
        };
        expect(cache.pinned_blocks == 0, "blocks are pinned (I11)");
        expect(cache.wire_references == 0, "the wire has references");
        expect(
            cache.blocks_private + cache.blocks_limbo == 0,
            "blocks are in nobody's hands",
        );
        expect(gateway.calls_in_flight == 0, "calls are in flight");
        expect(
            gateway.origin_calls_in_flight == 0,
            "calls to the origin are in flight",
        );
        expect(gateway.charged_bytes == 0, "bytes are charged");
        expect(stats.stalled == 0, "sessions are stalled");
        expect(
            tls.slots_in_use == 0 && tls.slot_wire_references == 0,
            "slots are in use",
        );
        expect(tls.handshakes_under_way == 0, "handshakes are under way");
        let held: usize = nics.iter().map(Nic::rx_in_use).sum();
        self.judge.expect(held == 0, || {
            format!("{held} received mbufs are held at rest")
        });
    }

    /// The end: it drains, and leaks nothing.
    pub(crate) fn end(&mut self, now: std::time::Duration) {
        self.past = self.secured();
        let Some(Running {
            mut engine,
            mut nics,
            ..
        }) = self.running.take()
        else {
            return;
        };
        engine.drain();
        engine.advance(now);
        self.judge.expect(engine.is_drained(), || {
            format!(
                "appliance {} does not drain: {:#?}",
                self.number,
                engine.stats()
            )
        });
        engine.close_all(now);
        for (port, nic) in nics.iter_mut().enumerate() {
            engine.poll_transmit(port, now, nic);
        }
        drop(nics);
        let (cache, slots) = engine.into_memory();
        let left = cache.stats();
        let slots = slots.map_or(0, |slots| slots.pinned() as u64 + slots.wire_references());
        self.judge.expect(
            left.pinned_blocks == 0 && left.wire_references == 0 && slots == 0,
            || {
                format!(
                    "appliance {} leaks: {left:#?} and {slots} of slots",
                    self.number
                )
            },
        );
    }
}

fn blocks(cache: &CacheStats) -> usize {
    cache.blocks_free + cache.blocks_private + cache.blocks_cached + cache.blocks_limbo
}

fn engine_block(appliance: &Appliance) -> usize {
    super::config::block_size(&appliance.options)
}
