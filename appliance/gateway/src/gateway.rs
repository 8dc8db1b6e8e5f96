//! The whole of it: what comes in, what goes out, in which order to call.

use core::cell::Cell;
use core::time::Duration;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddrV4;
use std::rc::Rc;

use cache::Cache;
use mutant::Mutant;

use crate::action::{Action, ClientId, OriginId};
use crate::budget::{Bounds, Budget};
use crate::call::{CallId, ClientCall, ReadWork, WritePiece};
use crate::charge::Holder;
use crate::client::Client;
use crate::config::{GatewayConfig, Seeds};
use crate::duplicates::Duplicates;
use crate::error::ConnectionError;
use crate::exports::Exports;
use crate::files::FileTable;
use crate::fills::Fills;
use crate::handles::Handles;
use crate::hash::{OwnNumbers, SeededHash};
use crate::limits::{
    CROWDED_IDLE, MAX_IO_BOUND, ORIGIN_CONNECTIONS_MAX, PRESSED_PATIENCE, READ_PIECES_MAX,
    RESUME_INTERVAL, RESUMED_PER_STEP, SMALL_BUFFERS_RESERVED, SWEEP_INTERVAL,
};
use crate::links::Links;
use crate::message::SpareQueues;
use crate::meta::MetaPool;
use crate::mounts::MountList;
use crate::slots::Slots;
use crate::stats::GatewayStats;
use crate::upstream::UpstreamCalls;
use crate::verdicts::Verdicts;

/// What is known of a client when it connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// Where it connects from.
    pub peer: SocketAddrV4,
    /// The port it connected to.
    pub local_port: u16,
}

/// All decisions of an NFSv3 caching gateway, without I/O.
///
/// Feed it with `client_*`, `origin_*` and `handle_timeout`; after each of them take what it wants done
/// with [`Gateway::poll_action`] until that gives `None`. Call [`Gateway::handle_timeout`] when
/// [`Gateway::poll_timeout`] has come. `now` is the time since some fixed start and never goes back.
#[derive(Debug)]
pub struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) cache: Cache,
    /// Largest WRITE in bytes.
    pub(crate) max_write: u32,
    /// Largest READ in bytes: smaller if the cache's blocks are small.
    pub(crate) max_read: u32,
    pub(crate) pool: MetaPool,
    pub(crate) queues: Rc<SpareQueues>,
    pub(crate) budget: Rc<Budget>,
    pub(crate) exports: Exports,
    pub(crate) mounts: MountList,
    /// `None` while the client's bytes are being looked at.
    pub(crate) clients: HashMap<ClientId, Option<Box<Client>>, OwnNumbers>,
    /// Connections of clients that were ever let in.
    clients_opened: u64,
    pub(crate) calls: Slots<ClientCall>,
    pub(crate) duplicates: Duplicates,
    pub(crate) links: Links,
    pub(crate) upstream: UpstreamCalls,
    pub(crate) handles: Handles,
    pub(crate) files: FileTable,
    pub(crate) verdicts: Verdicts,
    pub(crate) fills: Fills,
    pub(crate) actions: VecDeque<Action>,
    /// Calls that wait for a block or a buffer.
    pub(crate) starved: VecDeque<CallId>,
    /// Clients with a whole call that waits to be let in.
    pub(crate) stalled: VecDeque<ClientId>,
    pub(crate) spare_pieces: Vec<Vec<WritePiece>>,
    #[expect(clippy::vec_box, reason = "the boxes go to calls and come back")]
    pub(crate) spare_reads: Vec<Box<ReadWork>>,
    pub(crate) counters: GatewayStats,
    /// When the call was sent whose reply is being looked at, see [`UpstreamCalls::sequence`].
    pub(crate) replying_to: u64,
    pub(crate) now: Duration,
    /// What [`Gateway::next_deadline`] came to, until something happens that may change it.
    known_deadline: Cell<Option<Option<Duration>>>,
    pub(crate) draining: bool,
    /// Bytes were offered and not all taken since the last timeout.
    held_back: bool,
    /// When idle and slow clients are looked for next.
    sweep_at: Duration,
    /// Somebody could not go on for lack of room before the last look.
    pressed: bool,
    /// When calls are looked for whose answers are overdue.
    pub(crate) overdue_sweep_at: Duration,
    /// When calls are looked for that have waited as long as their export lets them.
    pub(crate) patience_sweep_at: Duration,
}

impl Gateway {
    /// A gateway over `cache`. It starts by connecting to the origin, see [`Gateway::handle_timeout`].
    pub fn new(mut config: GatewayConfig, cache: Cache, seeds: Seeds) -> Self {
        let exports = std::mem::take(&mut config.exports);
        let hash = SeededHash::new(&seeds.hash);
        let limits = config.limits.clone();
        // One piece fewer than the bound, because a READ need not begin at a block's start.
        let pieces = READ_PIECES_MAX - 1;
        let max_io = config.max_io.clamp(1, MAX_IO_BOUND);
        let cache_bytes = cache.block_count().saturating_mul(cache.block_size());
        let pinned_bound = limits.pinned.unwrap_or(cache_bytes / 4 * 3);
        // One WRITE must be able to have all of its blocks at once, or it would wait for itself: a lane,
        // see `budget`. There is one at least, and it takes half of the bound at most.
        let block_size = cache.block_size();
        let affordable = (pinned_bound / block_size / 2).saturating_sub(1).max(1);
        let bytes_in =
            |blocks: usize| u32::try_from(blocks.saturating_mul(block_size)).unwrap_or(u32::MAX);
        let max_write = max_io.min(bytes_in(affordable));
        let bounds = Bounds {
            connections: limits.clients,
            calls: limits.calls,
            calls_per_client: limits.calls_per_client,
            pinned: pinned_bound,
            pinned_per_client: limits.pinned_per_client.unwrap_or(cache_bytes / 4),
            block_size,
            // One block more, because a WRITE need not begin at a block's start.
            lane: ((max_write as usize).div_ceil(block_size) + 1) * block_size,
            // The other half is for replies, and for calls of our own.
            heads: limits.small_buffers.saturating_sub(SMALL_BUFFERS_RESERVED) / 2,
            tails: (limits.large_buffers / 2).max(1),
        };
        let connections = config.origin.connections.clamp(1, ORIGIN_CONNECTIONS_MAX);
        // A block being filled is pinned, so there cannot be more fills than blocks.
        let fills = cache.block_count().min(limits.calls * READ_PIECES_MAX);
        let upstream_bound = fills + 3 * limits.calls + exports.len() + 1;
        Self {
            max_write,
            max_read: max_io.min(bytes_in(affordable.min(pieces))),
            pool: MetaPool::new(limits.small_buffers, limits.large_buffers),
            queues: SpareQueues::new(upstream_bound),
            budget: Budget::new(bounds, hash),
            exports: Exports::new(exports),
            mounts: MountList::new(limits.mounts),
            clients: HashMap::with_capacity_and_hasher(limits.clients, OwnNumbers::default()),
            clients_opened: 0,
            calls: Slots::new(limits.calls),
            duplicates: Duplicates::new(limits.duplicates.max(limits.calls + 1), hash),
            links: Links::new(connections, config.origin.mount_port),
            upstream: UpstreamCalls::new(upstream_bound, seeds.xid, hash),
            handles: Handles::new(limits.handles, hash),
            files: FileTable::new(limits.files, hash),
            verdicts: Verdicts::new(limits.verdicts, limits.calls, hash),
            fills: Fills::new(fills, limits.calls * READ_PIECES_MAX, hash),
            actions: VecDeque::with_capacity(limits.calls),
            starved: VecDeque::with_capacity(limits.calls),
            stalled: VecDeque::with_capacity(limits.clients),
            spare_pieces: Vec::with_capacity(limits.calls),
            spare_reads: Vec::with_capacity(limits.calls),
            counters: GatewayStats::default(),
            replying_to: 0,
            now: Duration::ZERO,
            known_deadline: Cell::new(None),
            draining: false,
            held_back: false,
            sweep_at: Duration::ZERO,
            pressed: false,
            overdue_sweep_at: Duration::ZERO,
            patience_sweep_at: Duration::ZERO,
            config,
            cache,
        }
    }

    /// A client has connected. Beyond the bound on connections, or its share of them, it is reset.
    pub fn client_opened(&mut self, client: ClientId, info: ClientInfo, now: Duration) {
        self.happens(now);
        let account = Budget::account(&self.budget, *info.peer.ip());
        let Some(holder) = Holder::new(account) else {
            self.counters.clients_refused += 1;
            self.actions.push_back(Action::ResetClient { client });
            return;
        };
        let serial = self.clients_opened;
        self.clients_opened += 1;
        let state = Client::new(client, serial, info, holder, self.max_write, now);
        self.clients.insert(client, Some(Box::new(state)));
    }

    /// A client has closed its sending side, and all that it sent was taken. A call that is not whole never
    /// will be; what was asked for whole is still answered, and then the connection is closed with
    /// [`Action::CloseClient`].
    pub fn client_finished(&mut self, client: ClientId, now: Duration) {
        self.happens(now);
        if let Some(Some(state)) = self.clients.get_mut(&client) {
            state.finished = true;
            state.forget_partial();
        }
        self.close_if_done(client);
    }

    /// Closes the connection of a client that has finished, if it is owed no reply. (The search through
    /// the calls is for the last replies of a connection, not for every day.)
    pub(crate) fn close_if_done(&mut self, client: ClientId) {
        let Some(Some(state)) = self.clients.get_mut(&client) else {
            return;
        };
        let is_owed = || {
            let mut calls = self.calls.iter();
            calls.any(|(_, call)| call.client == client && !call.given_up)
        };
        if state.finished && !state.closing && !state.waits() && !is_owed() {
            state.closing = true;
            self.actions.push_back(Action::CloseClient { client });
        }
    }

    /// A client's connection is gone. What it asked for is finished where the origin was asked already,
    /// and forgotten otherwise; what came of calls that must not be executed twice is remembered for when
    /// the client comes back.
    pub fn client_closed(&mut self, client: ClientId, now: Duration) {
        self.happens(now);
        // Only whoever is charged for something is owed something, and worth the search for it.
        let is_owed = match self.clients.remove(&client).flatten() {
            Some(state) => {
                state.holder.leave();
                let is_owed = state.holder.calls() > 0;
                if mutant::is_on(Mutant::PinsKeptOnReset) {
                    std::mem::forget(state);
                }
                is_owed
            }
            None => false,
        };
        if !is_owed {
            return;
        }
        self.actions.retain(
            |action| !matches!(action, Action::SendToClient { client: to, .. } if *to == client),
        );
        self.abandon_calls_of(client);
    }

    /// Takes the next bytes a client sent and returns how many it took.
    ///
    /// Fewer than given is back-pressure: offer the rest again later (after other events, or when
    /// [`Gateway::poll_timeout`] says so).
    ///
    /// # Errors
    /// The connection must be closed (and [`Gateway::client_closed`] called).
    pub fn client_bytes(
        &mut self,
        client: ClientId,
        bytes: &[u8],
        now: Duration,
    ) -> Result<usize, ConnectionError> {
        self.now = now;
        let taken = self.advance_client(client, bytes)?;
        self.held_back |= taken < bytes.len() && !self.draining;
        Ok(taken)
    }

    /// A connection asked for with [`Action::OpenOrigin`] is established.
    pub fn origin_opened(&mut self, origin: OriginId, now: Duration) {
        self.happens(now);
        self.secure_link(origin);
    }

    /// A connection to the origin could not be established, or is gone.
    pub fn origin_closed(&mut self, origin: OriginId, now: Duration) {
        self.happens(now);
        self.link_lost(origin);
    }

    /// Takes the next bytes the origin sent; like [`Gateway::client_bytes`].
    ///
    /// # Errors
    /// The connection must be closed (and [`Gateway::origin_closed`] called).
    pub fn origin_bytes(
        &mut self,
        origin: OriginId,
        bytes: &[u8],
        now: Duration,
    ) -> Result<usize, ConnectionError> {
        self.happens(now);
        let taken = self
            .take_origin_bytes(origin, bytes)
            .inspect_err(|_| self.link_broken(origin))?;
        self.held_back |= taken < bytes.len();
        Ok(taken)
    }

    /// The next thing to do, or `None` when there is nothing left for now.
    pub fn poll_action(&mut self) -> Option<Action> {
        if self.actions.is_empty() && !(self.starved.is_empty() && self.stalled.is_empty()) {
            self.forget_deadline();
            self.resume();
        }
        self.actions.pop_front()
    }

    /// Whether anybody waits for memory, or for bounds that memory counts toward: some of it may only have to be
    /// taken back from the NICs.
    pub fn waits_for_room(&self) -> bool {
        self.held_back || !(self.starved.is_empty() && self.stalled.is_empty())
    }

    /// When [`Gateway::handle_timeout`] is to be called next.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let resume = self.waits_for_room().then(|| self.now + RESUME_INTERVAL);
        let known = self.known_deadline.get();
        debug_assert!(known.is_none_or(|known| known == self.next_deadline()));
        let others = known.unwrap_or_else(|| self.next_deadline());
        self.known_deadline.set(Some(others));
        [others, resume].into_iter().flatten().min()
    }

    /// When something is due that does not wait for room.
    fn next_deadline(&self) -> Option<Duration> {
        let sweep = (!self.clients.is_empty()).then_some(self.sweep_at);
        let all = [
            self.links_timeout(),
            self.overdue_timeout(),
            self.patience_timeout(),
            self.exports_timeout(),
            sweep,
        ];
        all.into_iter().flatten().min()
    }

    /// Something happens now that may change when something is due.
    pub(crate) fn happens(&mut self, now: Duration) {
        self.now = now;
        self.forget_deadline();
    }

    pub(crate) fn forget_deadline(&mut self) {
        self.known_deadline.set(None);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Duration) {
        self.happens(now);
        self.held_back = false;
        self.resolve_exports();
        self.give_up_on_calls();
        self.reconnect_overdue();
        self.tend_links();
        self.resume();
        if self.sweep_at <= now {
            self.sweep_clients();
        }
    }

    fn sweep_clients(&mut self) {
        let now = self.now;
        self.sweep_at = now.saturating_add(SWEEP_INTERVAL);
        self.pressed = self.budget.take_pressed();
        let limits = &self.config.limits;
        let idle = match self.budget.take_crowded() {
            true => limits.client_idle.min(CROWDED_IDLE),
            false => limits.client_idle,
        };
        let silence = match self.pressed {
            true => limits.record_silence.min(PRESSED_PATIENCE),
            false => limits.record_silence,
        };
        for client in self.clients.values_mut().flatten() {
            if client.closing {
                continue;
            }
            let id = client.id;
            if client.is_slow(silence, limits.record_time, now) {
                client.closing = true;
                self.counters.slow_clients_closed += 1;
                self.actions.push_back(Action::ResetClient { client: id });
            } else if client.is_idle(idle, now) {
                client.closing = true;
                self.counters.idle_clients_closed += 1;
                self.actions.push_back(Action::CloseClient { client: id });
            }
        }
    }

    /// How long a client may acknowledge nothing of the replies that wait for it, as things are. Who takes
    /// longer is to be reset.
    pub fn reply_patience(&self) -> Duration {
        let bound = self.config.limits.reply_stall;
        if self.pressed || self.budget.is_pressed() {
            bound.min(PRESSED_PATIENCE)
        } else {
            bound
        }
    }

    /// Reads no new calls from now on; those in flight are finished, half-read ones are forgotten.
    pub fn drain(&mut self) {
        self.draining = true;
        self.forget_deadline();
        for client in self.clients.values_mut().flatten() {
            client.forget_partial();
        }
    }

    /// No call is in flight, and every reply has left.
    pub fn is_idle(&self) -> bool {
        self.calls.len() == 0
            && self.fills.fills.len() == 0
            && self.budget.calls.held() == 0
            && self.stalled.is_empty()
    }

    /// Counters and gauges.
    pub fn stats(&self) -> GatewayStats {
        GatewayStats {
            calls_in_flight: self.budget.calls.held(),
            origin_calls_in_flight: self.upstream.len(),
            charged_bytes: self.budget.charged(),
            files: self.files.len(),
            handles: self.handles.len(),
            duplicates: self.duplicates.len(),
            meta_buffers: self.pool.in_use(),
            ..self.counters
        }
    }

    /// Gives every pin of the gateway's own back and returns the block cache: what is still referenced in
    /// it then is held by others.
    pub fn into_cache(self) -> Cache {
        self.cache
    }

    /// The block cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// Tries again what waited for room, in the order it came: some of it, so that however many wait this
    /// stays short. What still has to wait goes to the end of its queue.
    fn resume(&mut self) {
        for _ in 0..self.starved.len().min(RESUMED_PER_STEP) {
            let Some(call) = self.starved.pop_front() else {
                break;
            };
            self.drive_starved(call);
        }
        for _ in 0..self.stalled.len().min(RESUMED_PER_STEP) {
            let Some(client) = self.stalled.pop_front() else {
                break;
            };
            if let Some(Some(state)) = self.clients.get_mut(&client) {
                state.queued = false;
                if self.advance_client(client, &[]).is_err() {
                    self.actions.push_back(Action::CloseClient { client });
                }
            }
        }
    }
}
