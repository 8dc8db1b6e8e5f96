//! What stands for a client's share of the bounds: as long as it exists, the share is held.

use std::cell::Cell;
use std::rc::Rc;

use crate::budget::{Account, Budget};

/// One connection's place, and the calls made on it, which may outlast it.
#[derive(Debug)]
pub(crate) struct Holder {
    account: Rc<Account>,
    calls: Cell<usize>,
    has_place: Cell<bool>,
}

impl Holder {
    /// A place for a connection of `account`; `None` if the client has its share of them.
    pub(crate) fn new(account: Rc<Account>) -> Option<Rc<Self>> {
        let budget = &account.budget;
        let held = account.connections.get();
        if !budget.connections.admits(held, 1) {
            if held == 0 {
                budget.crowd();
            }
            return None;
        }
        budget.connections.take(&account.connections, 1);
        Some(Rc::new(Self {
            account,
            calls: Cell::new(0),
            has_place: Cell::new(true),
        }))
    }

    /// The connection is gone: its place is free, whatever calls made on it are still at the origin.
    pub(crate) fn leave(&self) {
        if self.has_place.replace(false) {
            let account = &self.account;
            account
                .budget
                .connections
                .give_back(&account.connections, 1);
        }
    }

    /// Calls charged and not answered, and replies that are not acknowledged.
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    /// Lets in a call that pins nothing.
    pub(crate) fn charge(this: &Rc<Self>) -> Option<Charge> {
        let account = &this.account;
        let budget = &account.budget;
        let held = account.calls.get();
        if held >= budget.bounds.calls_per_client || !budget.calls.admits(held, 1) {
            if held == 0 {
                budget.press();
            }
            return None;
        }
        budget.calls.take(&account.calls, 1);
        this.calls.set(this.calls.get() + 1);
        Some(Charge {
            holder: Rc::clone(this),
            pinned: 0,
            lane: None,
        })
    }

    /// Lets in a READ that pins up to `wanted` bytes, or less: see [`Charge::bytes`].
    pub(crate) fn charge_read(this: &Rc<Self>, wanted: usize) -> Option<Charge> {
        let granted = this.account.part_to_pin(wanted)?;
        let mut charge = Self::charge(this)?;
        charge.pin(granted);
        Some(charge)
    }

    /// Lets in a WRITE that will pin `total` bytes, block by block ([`Charge::grow`]).
    pub(crate) fn charge_write(this: &Rc<Self>, total: usize) -> Option<Charge> {
        let account = &this.account;
        let fits = account.may_pin(total);
        if !fits && !account.may_enter_lane() {
            if account.pinned.get() == 0 {
                account.budget.press();
            }
            return None;
        }
        let mut charge = Self::charge(this)?;
        if !fits {
            charge.enter_lane();
        }
        Some(charge)
    }

    /// Buffers for a call that begins to arrive.
    pub(crate) fn buffers(this: &Rc<Self>) -> Option<HeldBuffers> {
        let account = &this.account;
        let budget = &account.budget;
        let held = account.heads.get();
        if !budget.heads.admits(held, 1) {
            if held == 0 {
                budget.press();
            }
            return None;
        }
        budget.heads.take(&account.heads, 1);
        Some(HeldBuffers {
            account: Rc::clone(account),
            tails: 0,
        })
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.leave();
    }
}

/// One call's share, from its being let in until its reply is acknowledged.
#[derive(Debug)]
pub struct Charge {
    holder: Rc<Holder>,
    /// Bytes, without those in a lane.
    pinned: usize,
    /// Bytes in the lane it is in.
    lane: Option<usize>,
}

impl Charge {
    /// Bytes it may pin.
    pub(crate) fn bytes(&self) -> usize {
        self.pinned + self.lane.unwrap_or(0)
    }

    /// One call more that pins nothing, on the same connection: the early reply to a call that stays.
    /// Bounds are passed by it, once for each call that was let in.
    pub(crate) fn for_early_reply(&self) -> Self {
        let account = &self.holder.account;
        account.budget.calls.take(&account.calls, 1);
        self.holder.calls.set(self.holder.calls.get() + 1);
        Self {
            holder: Rc::clone(&self.holder),
            pinned: 0,
            lane: None,
        }
    }

    /// One block more for a WRITE; `false` if it has to wait.
    pub(crate) fn grow(&mut self) -> bool {
        let block_size = self.budget().bounds.block_size;
        if self.lane.is_none() {
            if self.holder.account.may_pin(block_size) {
                self.pin(block_size);
                return true;
            }
            if !self.holder.account.may_enter_lane() {
                self.budget().press();
                return false;
            }
            self.enter_lane();
        }
        if let Some(bytes) = &mut self.lane {
            *bytes += block_size;
        }
        let in_lanes = &self.budget().in_lanes;
        in_lanes.set(in_lanes.get() + block_size);
        true
    }

    fn budget(&self) -> &Budget {
        &self.holder.account.budget
    }

    fn pin(&mut self, bytes: usize) {
        let account = &self.holder.account;
        account.budget.pinned.take(&account.pinned, bytes);
        self.pinned += bytes;
    }

    fn enter_lane(&mut self) {
        let account = &self.holder.account;
        account.budget.lanes.take(&account.lanes, 1);
        self.lane = Some(0);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.holder.calls.set(self.holder.calls.get() - 1);
        let account = &self.holder.account;
        let budget = &account.budget;
        budget.calls.give_back(&account.calls, 1);
        budget.pinned.give_back(&account.pinned, self.pinned);
        if let Some(bytes) = self.lane {
            budget.lanes.give_back(&account.lanes, 1);
            budget.in_lanes.set(budget.in_lanes.get() - bytes);
        }
    }
}

/// The buffers of one call that arrives or is at the origin.
#[derive(Debug)]
pub(crate) struct HeldBuffers {
    account: Rc<Account>,
    tails: usize,
}

impl HeldBuffers {
    /// Buffers after the first.
    pub(crate) fn tails(&self) -> usize {
        self.tails
    }

    /// One buffer more; `false` if there is none for this client now.
    pub(crate) fn extend(&mut self) -> bool {
        let account = &self.account;
        let budget = &account.budget;
        let held = account.tails.get();
        // Everybody may have one: half of few is none.
        let fits = budget.tails.admits(held, 1) || (held == 0 && budget.tails.free() > 0);
        if fits {
            budget.tails.take(&account.tails, 1);
            self.tails += 1;
        } else if held == 0 {
            budget.press();
        }
        fits
    }
}

impl Drop for HeldBuffers {
    fn drop(&mut self) {
        let account = &self.account;
        let budget = &account.budget;
        budget.heads.give_back(&account.heads, 1);
        budget.tails.give_back(&account.tails, self.tails);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::budget::Bounds;
    use crate::hash::SeededHash;

    const BLOCK: usize = 10;
    const LANE: usize = 4 * BLOCK;

    /// Room for 96 blocks and eight lanes of four.
    fn budget() -> Rc<Budget> {
        let bounds = Bounds {
            connections: 64,
            calls: 100,
            calls_per_client: 30,
            pinned: 128 * BLOCK,
            pinned_per_client: 128 * BLOCK,
            block_size: BLOCK,
            lane: LANE,
            heads: 8,
            tails: 1,
        };
        Budget::new(bounds, SeededHash::new(&[1; 16]))
    }

    fn connect(budget: &Rc<Budget>, client: u8) -> Option<Rc<Holder>> {
        Holder::new(Budget::account(budget, Ipv4Addr::new(10, 0, 0, client)))
    }

    /// Takes what it can get by `take`.
    fn all<T>(take: impl Fn() -> Option<T>) -> Vec<T> {
        std::iter::from_fn(take).take(1000).collect()
    }

    fn blocks(charges: &[Charge]) -> usize {
        charges.iter().map(Charge::bytes).sum::<usize>() / BLOCK
    }

    #[test]
    fn one_client_gets_half_whatever_connections_it_has() {
        let budget = budget();
        let connections = [(); 3].map(|()| connect(&budget, 1).expect("a place"));
        let reads: Vec<_> = connections
            .iter()
            .flat_map(|holder| all(|| Holder::charge_read(holder, 4 * BLOCK)))
            .collect();
        assert_eq!(blocks(&reads), 48);
        drop(reads);
        assert_eq!((budget.charged(), budget.calls.held()), (0, 0));
    }

    #[test]
    fn whoever_comes_late_finds_something_and_is_cut_short() {
        let budget = budget();
        let mut held = Vec::new();
        let mut shares = Vec::new();
        for client in 0..20 {
            let holder = connect(&budget, client).expect("a place");
            let reads = all(|| Holder::charge_read(&holder, 16 * BLOCK));
            shares.push(blocks(&reads));
            held.push((holder, reads));
        }
        assert_eq!(shares[..8], [48, 32, 8, 4, 2, 1, 1, 0]);
        assert_eq!(shares.iter().sum::<usize>(), 96);
        assert!(budget.take_pressed(), "from the eighth on they wait");
        held.remove(0);
        let late = connect(&budget, 99).expect("a place");
        let read = Holder::charge_read(&late, 16 * BLOCK).expect("room again");
        assert_eq!(read.bytes(), 16 * BLOCK);
        assert!(!budget.is_pressed());
    }

    #[test]
    fn a_call_without_blocks_needs_none() {
        let budget = budget();
        let held: Vec<_> = (0..20)
            .map(|client| {
                let holder = connect(&budget, client).expect("a place");
                all(|| Holder::charge_read(&holder, BLOCK))
            })
            .collect();
        let late = connect(&budget, 99).expect("a place");
        assert!(Holder::charge_read(&late, BLOCK).is_none());
        assert!(Holder::charge_read(&late, 0).is_some());
        drop(held);
    }

    #[test]
    fn half_writes_of_many_cannot_keep_each_other_from_becoming_whole() {
        let budget = budget();
        let mut writes: Vec<_> = (0..60)
            .map(|client| {
                let holder = connect(&budget, client).expect("a place");
                Holder::charge_write(&holder, LANE).expect("nothing is held yet")
            })
            .collect();
        let mut rounds = 0;
        while !writes.is_empty() {
            for write in &mut writes {
                if write.bytes() < LANE {
                    write.grow();
                }
            }
            assert!(budget.charged() <= 128 * BLOCK);
            assert!(rounds < 100, "they wait for each other");
            // What is whole is answered after a while.
            if rounds >= 10 {
                writes.retain(|write| write.bytes() < LANE);
            }
            rounds += 1;
        }
        assert_eq!((budget.charged(), budget.lanes.held()), (0, 0));
    }

    #[test]
    fn a_client_does_not_get_all_lanes() {
        let budget = budget();
        let connections: Vec<_> = all(|| connect(&budget, 1));
        assert_eq!(connections.len(), 32, "half of the places");
        let mut writes: Vec<_> = connections
            .iter()
            .filter_map(|holder| Holder::charge_write(holder, LANE))
            .collect();
        for _ in 0..4 {
            for write in &mut writes {
                write.grow();
            }
        }
        assert_eq!(budget.lanes.held(), 4);
        let late = connect(&budget, 2).expect("a place");
        let mut write = Holder::charge_write(&late, LANE).expect("there is room");
        assert!((0..4).all(|_| write.grow()));
    }

    #[test]
    fn places_calls_and_buffers_are_shared_likewise() {
        let budget = budget();
        let first = connect(&budget, 1).expect("a place");
        let second = connect(&budget, 2).expect("a place");
        assert_eq!(all(|| Holder::charge(&first)).len(), 30, "the fixed bound");
        let heads = all(|| Holder::buffers(&first));
        assert_eq!(heads.len(), 4);
        let mut late = Holder::buffers(&second).expect("one is left");
        assert!(late.extend() && !late.extend(), "one, as everybody");
        drop((heads, late));
        let places = all(|| connect(&budget, 1));
        assert_eq!(places.len() + 1, 32, "as many as are free");
        assert!(!budget.take_crowded());
    }

    #[test]
    fn an_account_lasts_as_long_as_what_it_holds() {
        let budget = budget();
        let holder = connect(&budget, 1).expect("a place");
        let charge = Holder::charge_read(&holder, 48 * BLOCK).expect("room");
        holder.leave();
        assert_eq!(budget.connections.held(), 0, "its place is free");
        let again = connect(&budget, 1).expect("a place");
        drop(holder);
        assert_eq!(budget.connections.held(), 1, "once");
        assert!(
            Holder::charge_read(&again, BLOCK).is_none(),
            "a new connection is not a new client"
        );
        drop(charge);
        assert!(Holder::charge_read(&again, BLOCK).is_some());
    }
}
