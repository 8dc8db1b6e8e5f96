//! Who holds how much: calls in flight and pinned bytes, per client and in total (bounds I10).
//!
//! A [`Charge`] is taken when a call is let in and lasts until its reply has left the gateway's and the
//! engine's queues, so a client that does not read its replies stops being read from.

use std::cell::Cell;
use std::rc::Rc;

/// Everything all clients hold together.
#[derive(Debug)]
pub(crate) struct Totals {
    calls: Cell<usize>,
    pinned: Cell<usize>,
    calls_bound: usize,
    pinned_bound: usize,
}

impl Totals {
    pub(crate) fn new(calls_bound: usize, pinned_bound: usize) -> Rc<Self> {
        Rc::new(Self {
            calls: Cell::new(0),
            pinned: Cell::new(0),
            calls_bound,
            pinned_bound,
        })
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    pub(crate) fn pinned(&self) -> usize {
        self.pinned.get()
    }
}

/// What one client holds.
#[derive(Debug)]
pub(crate) struct Account {
    calls: Cell<usize>,
    pinned: Cell<usize>,
    calls_bound: usize,
    pinned_bound: usize,
    totals: Rc<Totals>,
}

impl Account {
    pub(crate) fn new(totals: &Rc<Totals>, calls_bound: usize, pinned_bound: usize) -> Rc<Self> {
        Rc::new(Self {
            calls: Cell::new(0),
            pinned: Cell::new(0),
            calls_bound,
            pinned_bound,
            totals: Rc::clone(totals),
        })
    }

    /// Calls charged and not answered, and replies that have not left.
    pub(crate) fn calls(&self) -> usize {
        self.calls.get()
    }

    /// Charges one call that may pin up to `bytes`, or `None` when a bound would be passed.
    ///
    /// Whoever holds nothing is let in whatever `bytes` are: otherwise a bound set below one call's
    /// size would be a deadlock instead of a bound.
    pub(crate) fn charge(this: &Rc<Self>, bytes: usize) -> Option<Charge> {
        let totals = &this.totals;
        let fits = |held: usize, bound: usize| held == 0 || held.saturating_add(bytes) <= bound;
        if this.calls.get() >= this.calls_bound
            || totals.calls.get() >= totals.calls_bound
            || !fits(this.pinned.get(), this.pinned_bound)
            || !fits(totals.pinned.get(), totals.pinned_bound)
        {
            return None;
        }
        this.calls.set(this.calls.get() + 1);
        this.pinned.set(this.pinned.get().saturating_add(bytes));
        totals.calls.set(totals.calls.get() + 1);
        totals.pinned.set(totals.pinned.get().saturating_add(bytes));
        Some(Charge {
            account: Rc::clone(this),
            bytes,
        })
    }
}

/// One call's share of the bounds; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Charge {
    account: Rc<Account>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        let account = &self.account;
        let totals = &account.totals;
        account.calls.set(account.calls.get() - 1);
        account.pinned.set(account.pinned.get() - self.bytes);
        totals.calls.set(totals.calls.get() - 1);
        totals.pinned.set(totals.pinned.get() - self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_hold_per_client_and_in_total() {
        let totals = Totals::new(3, 100);
        let first = Account::new(&totals, 2, 60);
        let second = Account::new(&totals, 2, 60);
        let a = Account::charge(&first, 40).expect("fits");
        assert!(
            Account::charge(&first, 40).is_none(),
            "over the client's bound"
        );
        let _b = Account::charge(&second, 60).expect("fits exactly");
        assert!(Account::charge(&first, 1).is_none(), "over the total");
        drop(a);
        assert_eq!((totals.calls(), totals.pinned()), (1, 60));
        let _c = Account::charge(&first, 0).expect("fits");
        let _d = Account::charge(&first, 0).expect("fits");
        assert!(
            Account::charge(&second, 0).is_none(),
            "three calls in total"
        );
    }

    #[test]
    fn a_client_that_holds_nothing_is_let_in() {
        let totals = Totals::new(3, 10);
        let account = Account::new(&totals, 2, 5);
        assert!(Account::charge(&account, 1000).is_some());
    }
}
