//! Who holds how much: bounds per client and in total (I10), such that no client can stop another.
//!
//! A client is an address: however many connections it opens, they count together in one [`Account`].
//! Everything clients share is a [`Pool`]: bytes of blocks that may be pinned, calls, connections, buffers
//! of half-read calls. What is held is given back when the guard that stands for it is dropped, see
//! `charge`.
//!
//! **Dynamic thresholds.** A client may hold of a pool as much as is free of it, and no more (A. Choudhury,
//! E. Hahne, "Dynamic queue length thresholds for shared-memory packet switches", 1998, with α = 1). One
//! client alone gets half, two get a third each, and whoever comes late finds something left. A fixed share
//! for each would be either too small for one client or too large for many.
//!
//! **Late comers.** Clients that never give anything back leave less and less to each other: a half, a
//! quarter, an eighth. Two rules keep that from shutting anybody out. A READ of a client that holds nothing
//! is cut short, to half of what is free rounded up to blocks, rather than let wait; NFS allows short
//! replies. And if there is not even that, the budget is marked as [pressed](Budget::is_pressed), which shortens
//! the patience with those who hold something and make no progress: their connections are reset and what
//! they hold comes back. So what stops a client that holds nothing is gone after that time, however many
//! there are that do not read.
//!
//! **No deadlock of WRITEs.** A WRITE takes blocks as its data arrives, so that a client that sends half a
//! WRITE holds half a WRITE; but many of them could wait for each other's last block. Therefore part of the
//! bound is set apart as lanes, each as large as the largest WRITE. A WRITE that is refused a block, and has
//! its next bytes at hand, enters a lane if one is free and keeps it until it is answered; whatever is in a
//! lane finds all the room it needs. So as long as anybody in a lane sends its bytes and the origin answers,
//! lanes become free and every WRITE gets through; and whoever does not send loses its connection and with
//! it the lane. Lanes are a pool of their own, with the same threshold, but that everybody may have one.
//!
//! **Fills never lack a block.** Blocks that READs wait for are charged before they are asked for and stay
//! charged until the client has acknowledged the reply, so all that is charged fits in the bound, which
//! leaves a part of the cache free. READs never hold some blocks while waiting to be charged for others.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::rc::{Rc, Weak};

use mutant::Mutant;

use crate::hash::SeededHash;

/// Something that all clients share.
#[derive(Debug)]
pub(crate) struct Pool {
    held: Cell<usize>,
    bound: usize,
}

impl Pool {
    fn new(bound: usize) -> Self {
        Self {
            held: Cell::new(0),
            bound,
        }
    }

    pub(crate) fn held(&self) -> usize {
        self.held.get()
    }

    pub(crate) fn free(&self) -> usize {
        self.bound.saturating_sub(self.held.get())
    }

    /// Whether a client that `holds` so much may have `wants` more.
    pub(crate) fn admits(&self, holds: usize, wants: usize) -> bool {
        holds.saturating_add(wants) <= self.free()
    }

    /// Moves `amount` to `holder`.
    pub(crate) fn take(&self, holder: &Cell<usize>, amount: usize) {
        holder.set(holder.get() + amount);
        self.held.set(self.held.get() + amount);
    }

    /// Takes `amount` back from `holder`.
    pub(crate) fn give_back(&self, holder: &Cell<usize>, amount: usize) {
        holder.set(holder.get() - amount);
        self.held.set(self.held.get() - amount);
    }
}

/// The sizes of the pools.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) connections: usize,
    pub(crate) calls: usize,
    pub(crate) calls_per_client: usize,
    /// Bytes of all that may be pinned, lanes included.
    pub(crate) pinned: usize,
    pub(crate) pinned_per_client: usize,
    pub(crate) block_size: usize,
    /// Most bytes of blocks of one WRITE.
    pub(crate) lane: usize,
    /// First buffers of calls that arrive or are at the origin.
    pub(crate) heads: usize,
    /// Further buffers of such calls.
    pub(crate) tails: usize,
}

/// Everything all clients hold together, and their accounts.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(crate) connections: Pool,
    pub(crate) calls: Pool,
    /// In bytes, without the lanes.
    pub(crate) pinned: Pool,
    pub(crate) lanes: Pool,
    /// Bytes pinned in lanes.
    pub(crate) in_lanes: Cell<usize>,
    pub(crate) heads: Pool,
    pub(crate) tails: Pool,
    pub(crate) bounds: Bounds,
    /// A client was refused that holds nothing, or a WRITE stopped midway.
    pressed: Cell<bool>,
    /// A connection was refused to a client that has none.
    crowded: Cell<bool>,
    accounts: RefCell<HashMap<Ipv4Addr, Weak<Account>, SeededHash>>,
}

impl Budget {
    pub(crate) fn new(bounds: Bounds, hash: SeededHash) -> Rc<Self> {
        // A quarter for those who would otherwise wait for each other, but one lane at least.
        let lanes = (bounds.pinned / 4 / bounds.lane.max(1)).max(1);
        // An account lasts as long as one of its connections or calls.
        let accounts = bounds.connections.saturating_add(bounds.calls);
        Rc::new(Self {
            connections: Pool::new(bounds.connections),
            calls: Pool::new(bounds.calls),
            pinned: Pool::new(bounds.pinned.saturating_sub(lanes * bounds.lane)),
            lanes: Pool::new(lanes),
            in_lanes: Cell::new(0),
            heads: Pool::new(bounds.heads),
            tails: Pool::new(bounds.tails),
            bounds,
            pressed: Cell::new(false),
            crowded: Cell::new(false),
            accounts: RefCell::new(HashMap::with_capacity_and_hasher(accounts, hash)),
        })
    }

    /// Bytes that may be pinned by what has been let in.
    pub(crate) fn charged(&self) -> usize {
        self.pinned.held() + self.in_lanes.get()
    }

    /// The account of a client.
    pub(crate) fn account(this: &Rc<Self>, address: Ipv4Addr) -> Rc<Account> {
        let mut accounts = this.accounts.borrow_mut();
        if let Some(account) = accounts.get(&address).and_then(Weak::upgrade) {
            return account;
        }
        let account = Rc::new(Account {
            address,
            connections: Cell::new(0),
            calls: Cell::new(0),
            pinned: Cell::new(0),
            lanes: Cell::new(0),
            heads: Cell::new(0),
            tails: Cell::new(0),
            budget: Rc::clone(this),
        });
        accounts.insert(address, Rc::downgrade(&account));
        account
    }

    /// Somebody cannot go on unless others give something back.
    pub(crate) fn press(&self) {
        self.pressed.set(true);
    }

    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed.get()
    }

    /// Whether it has been pressed since the last call.
    pub(crate) fn take_pressed(&self) -> bool {
        self.pressed.take()
    }

    /// A client finds no place for its only connection.
    pub(crate) fn crowd(&self) {
        self.crowded.set(true);
    }

    /// Whether a client was refused its only connection since the last call.
    pub(crate) fn take_crowded(&self) -> bool {
        self.crowded.take()
    }
}

/// What one client holds.
#[derive(Debug)]
pub(crate) struct Account {
    address: Ipv4Addr,
    pub(crate) connections: Cell<usize>,
    pub(crate) calls: Cell<usize>,
    /// In bytes, without what is in lanes.
    pub(crate) pinned: Cell<usize>,
    pub(crate) lanes: Cell<usize>,
    pub(crate) heads: Cell<usize>,
    pub(crate) tails: Cell<usize>,
    pub(crate) budget: Rc<Budget>,
}

impl Account {
    /// Whether `bytes` more may be pinned for this client.
    pub(crate) fn may_pin(&self, bytes: usize) -> bool {
        if mutant::is_on(Mutant::PinBoundIgnored) {
            return true;
        }
        let held = self.pinned.get();
        // The fixed bound never stands in the way of a first call: it would be a deadlock otherwise.
        let within =
            held == 0 || held.saturating_add(bytes) <= self.budget.bounds.pinned_per_client;
        bytes == 0 || (within && self.budget.pinned.admits(held, bytes))
    }

    /// Bytes, in whole blocks, that may be pinned of `wanted` for a READ; `None` if it has to wait.
    pub(crate) fn part_to_pin(&self, wanted: usize) -> Option<usize> {
        if wanted == 0 || self.pinned.get() > 0 || mutant::is_on(Mutant::PinBoundIgnored) {
            return self.may_pin(wanted).then_some(wanted);
        }
        let block_size = self.budget.bounds.block_size;
        let half = (self.budget.pinned.free() / block_size).div_ceil(2) * block_size;
        if half == 0 {
            self.budget.press();
            return None;
        }
        Some(wanted.min(half))
    }

    /// Whether this client may enter a lane.
    pub(crate) fn may_enter_lane(&self) -> bool {
        let (pool, held) = (&self.budget.lanes, self.lanes.get());
        pool.free() > 0 && (held == 0 || pool.admits(held, 1))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.accounts.borrow_mut().remove(&self.address);
    }
}
