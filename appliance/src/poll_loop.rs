//! One engine's loop: receive, advance, transmit, pause; and its end.

use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use cache::{CacheStats, Slots};
use engine::{Engine, Policy};
use tracing::{error, info, warn};

use crate::audit::AuditLine;
use crate::control::snapshot::SnapshotPublisher;
use crate::counters::Counters;
use crate::idle::{IdleMode, IdlePolicy, Pause};
use crate::journal::ConnectionJournal;
use crate::limits;
use crate::nic::{self, Nic, RxSegment};
use crate::signals::ShutdownRequest;
use crate::trust;

/// What the engine's thread owns while it runs.
pub struct PollLoop {
    engine: Engine<RxSegment>,
    nics: Vec<Nic>,
    publisher: SnapshotPublisher,
    journal: Option<ConnectionJournal>,
    clock: Instant,
    turns: u64,
    busy_ticks: u64,
    idle_sleeps: u64,
    news: TrustNews,
    /// When links and news are looked at again.
    next_poll: Duration,
}

/// Where the loop hears of new rules, certificates, keys and lists.
#[derive(Debug)]
pub struct TrustNews {
    /// Of those that have been checked.
    pub receiver: Receiver<Policy>,
    /// When the first certificate of those in use expires, in seconds since 1970; 0 if there is none.
    pub expires_at: u64,
}

/// What was left when everything had been given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Whether every call was settled before the time was over.
    pub in_time: bool,
    /// Pins and wire references that nobody can give back any more.
    pub leaked_references: u64,
    /// Bytes of the blocks still pinned.
    pub pinned_bytes: usize,
}

impl PollLoop {
    /// A loop over `nics`, in the order of the engine's ports. What it is to do at its start is due at once.
    pub fn new(
        engine: Engine<RxSegment>,
        nics: Vec<Nic>,
        publisher: SnapshotPublisher,
        journal: Option<ConnectionJournal>,
        news: TrustNews,
    ) -> Self {
        Self {
            engine,
            nics,
            publisher,
            journal,
            clock: Instant::now(),
            turns: 0,
            busy_ticks: 0,
            idle_sleeps: 0,
            news,
            next_poll: Duration::ZERO,
        }
    }

    /// Runs until `shutdown` is requested, then drains.
    pub fn run(mut self, idle: IdleMode, shutdown: &ShutdownRequest) -> Drained {
        self.engine.announce();
        let mut policy = IdlePolicy::new(idle, self.clock.elapsed());
        while !shutdown.is_requested() {
            self.turn(&mut policy);
        }
        info!("draining: calls in flight are finished, new ones are not read");
        self.engine.drain();
        let deadline = self.clock.elapsed() + limits::DRAIN_TIMEOUT;
        while !self.engine.is_drained() && self.clock.elapsed() < deadline {
            self.turn(&mut policy);
        }
        let in_time = self.engine.is_drained();
        if !in_time {
            warn!(
                "calls were still in flight after {:?} and are abandoned",
                limits::DRAIN_TIMEOUT
            );
        }
        self.end(in_time)
    }

    /// One turn; `now` is read once.
    fn turn(&mut self, policy: &mut IdlePolicy) {
        let now = self.clock.elapsed();
        let begun = nic::ticks();
        let mut busy = false;
        for (port, nic) in self.nics.iter_mut().enumerate() {
            let engine = &mut self.engine;
            busy |= nic.receive(|head, tail, checksums| {
                engine.handle_frame(port, head, tail, checksums, now);
            }) > 0;
        }
        busy |= self.engine.advance(now);
        busy |= self.transmit(now);
        if self.engine.waits_for_room() {
            // What it waits for may have left already, and nothing else may leave before.
            self.reclaim();
        }
        self.keep_journal();
        self.turns += 1;
        if busy {
            self.busy_ticks += nic::ticks().wrapping_sub(begun);
        }
        let (turns, busy_ticks, idle_sleeps) = (self.turns, self.busy_ticks, self.idle_sleeps);
        let (engine, nics) = (&self.engine, &self.nics);
        let certificate_expires_at = self.news.expires_at;
        self.publisher.publish_if_asked(|| Counters {
            turns,
            busy_ticks,
            ticks_per_second: nic::ticks_per_second(),
            idle_sleeps,
            certificate_expires_at,
            ..gather(engine, nics)
        });
        while let Some(audit) = self.engine.poll_audit() {
            info!("{}", AuditLine(&audit));
        }
        if now >= self.next_poll {
            self.next_poll = now + limits::LINK_POLL;
            if let Ok(policy) = self.news.receiver.try_recv() {
                let expires_at = trust::expires_at(&policy.trust);
                match self.engine.reload(policy, now) {
                    Ok(()) => self.news.expires_at = expires_at,
                    Err(error) => error!("the rules stay as they were: {error}"),
                }
            }
            for nic in &self.nics {
                nic.poll_link();
            }
        }
        match policy.after_turn(busy, now, || self.engine.poll_timeout()) {
            Pause::Spin => {}
            Pause::Yield => thread::yield_now(),
            Pause::Sleep(duration) => {
                // Drivers free lazily; what an idle engine does not ask for stays out.
                self.reclaim();
                self.idle_sleeps += 1;
                thread::sleep(duration);
            }
        }
    }

    fn transmit(&mut self, now: Duration) -> bool {
        let mut busy = false;
        for (port, nic) in self.nics.iter_mut().enumerate() {
            let transmitter = nic.transmitter();
            let before = transmitter.counts().frames;
            self.engine.poll_transmit(port, now, transmitter);
            transmitter.flush();
            busy |= transmitter.counts().frames != before;
        }
        busy
    }

    /// Takes back what the NICs have finished with.
    fn reclaim(&mut self) {
        for nic in &mut self.nics {
            nic.transmitter().reclaim();
        }
    }

    /// A system call for every connection that has come or gone.
    fn keep_journal(&mut self) {
        while let Some((slot, connection)) = self.engine.poll_connection_change() {
            if let Some(journal) = &mut self.journal {
                journal.record(slot, connection);
            }
        }
        if let Some(journal) = &mut self.journal
            && journal.remembers_earlier_runs()
            && !self.engine.is_probing_forgotten()
        {
            journal.forget_earlier_runs();
        }
    }

    /// Closes every connection, gives everything back and counts what is left.
    fn end(mut self, in_time: bool) -> Drained {
        let now = self.clock.elapsed();
        self.engine.close_all(now);
        while self.transmit(now) {}
        if let Some(journal) = self.journal {
            journal.close();
        }
        let (cache, slots) = self.engine.into_memory();
        let lent = || {
            let slots = slots.as_ref().map_or(0, Slots::wire_references);
            cache.stats().wire_references + slots
        };
        let deadline = self.clock.elapsed() + limits::RELEASE_TIMEOUT;
        while lent() > 0 && self.clock.elapsed() < deadline {
            for nic in &mut self.nics {
                nic.transmitter().flush();
                nic.transmitter().reclaim();
            }
            thread::sleep(Duration::from_millis(1));
        }
        let wire_is_clear = lent() == 0;
        for nic in self.nics {
            nic.close(wire_is_clear);
        }
        let left = cache.stats();
        Drained {
            in_time,
            leaked_references: leaked(&left, slots.as_ref()),
            pinned_bytes: left.pinned_bytes,
        }
    }
}

fn leaked(left: &CacheStats, slots: Option<&Slots>) -> u64 {
    let slots = slots.map_or(0, |slots| slots.wire_references() + slots.pinned() as u64);
    left.wire_references + left.pinned_blocks as u64 + slots
}

fn gather(engine: &Engine<RxSegment>, nics: &[Nic]) -> Counters {
    let stats = engine.stats();
    let mut counters = Counters {
        cache_hits: stats.cache.hits,
        cache_misses: stats.cache.misses,
        origin_reads: stats.gateway.origin_reads,
        origin_writes: stats.gateway.origin_writes,
        pinned_bytes: stats.cache.pinned_bytes as u64,
        wire_references: stats.cache.wire_references,
        cache_blocks: stats.cache.blocks as u64,
        cache_blocks_free: stats.cache.blocks_free as u64,
        cache_blocks_cached: stats.cache.blocks_cached as u64,
        cache_blocks_limbo: stats.cache.blocks_limbo as u64,
        cache_evictions: stats.cache.evictions,
        client_connections: stats.clients as u64,
        origin_connections: stats.origin_connections as u64,
        calls_in_flight: stats.gateway.calls_in_flight as u64,
        duplicates_joined: stats.gateway.duplicates_joined,
        duplicates_answered: stats.gateway.duplicates_answered,
        idle_clients_closed: stats.gateway.idle_clients_closed,
        tx_payload_sealed_bytes: stats.security.sealed_bytes,
        tx_payload_copied_bytes: stats.security.copied_bytes,
        origin_resent: stats.gateway.origin_resent,
        origin_silences: stats.gateway.origin_silences,
        origin_unknown_replies: stats.gateway.origin_unknown_replies,
        origin_protocol_errors: stats.gateway.origin_protocol_errors,
        calls_given_up: stats.gateway.calls_given_up,
        origin_tls_refused: stats.gateway.origin_tls_refused,
        slow_clients_closed: stats.gateway.slow_clients_closed,
        stalled_clients_closed: stats.stalled_clients_closed,
        clients_refused: stats.gateway.clients_refused,
        tls_handshakes: stats.security.handshakes,
        tls_handshakes_resumed: stats.security.handshakes_resumed,
        tls_handshakes_failed: stats.security.handshakes_failed,
        tls_handshakes_timed_out: stats.security.handshakes_timed_out,
        tls_handshakes_under_way: stats.security.handshakes_under_way as u64,
        tls_sessions_unjudged: stats.security.sessions_unjudged as u64,
        tls_clear_bytes_after_probe: stats.security.clear_bytes_after_probe,
        tls_sessions_failed: stats.security.sessions_failed,
        tls_truncations: stats.security.truncations,
        tls_key_updates: stats.security.key_updates,
        tls_connections_retired: stats.security.connections_retired,
        rx_payload_opened_in_place_bytes: stats.security.opened_in_place_bytes,
        tls_slots_in_use: stats.security.slots_in_use as u64,
        tls_slot_wire_references: stats.security.slot_wire_references,
        audits_lost: stats.security.audits_lost,
        ..Counters::default()
    };
    for port in &stats.ports {
        counters.tcp_retransmissions += port.retransmitted_frames;
        counters.forgotten_probes += port.forgotten_probes;
    }
    for nic in nics {
        let (received, sent) = (nic.counts(), nic.tx_counts());
        counters.rx_frames += received.rx_frames;
        counters.rx_bytes += received.rx_bytes;
        counters.rx_dropped_frames += nic.rx_dropped();
        counters.tx_frames += sent.frames;
        counters.tx_bytes += sent.bytes;
        counters.tx_ring_full += sent.ring_full;
        counters.tx_payload_attached_bytes += sent.attached_bytes;
        counters.tx_payload_copied_bytes += sent.copied_bytes;
    }
    counters
}
