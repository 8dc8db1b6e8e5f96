//! Bugs on purpose. A simulator that has never found a bug proves nothing, so each of these stands at the
//! place where somebody might really make it, and the simulator has to find every one.
//!
//! A site is one condition:
//!
//! ```
//! # let (reported, requested) = (1_u32, 1_u32);
//! use mutant::Mutant;
//! let too_much = reported > requested && !mutant::is_on(Mutant::CountUnchecked);
//! ```
//!
//! With the feature `mutants` one is on in the thread that asks for it by `turn_on`, or in all of a process whose
//! environment names it: `MUTANT=NoopFree cargo test -p engine --features mutant/mutants`. Without the feature,
//! and nothing that is shipped has it, [`is_on`] is the constant `false` and the site is compiled to nothing. The
//! binary asserts so of [`COMPILED_IN`] and does not build otherwise.
#![forbid(unsafe_code)]

mod list;

pub use list::Mutant;

/// Whether there are mutants in this build.
pub const COMPILED_IN: bool = cfg!(feature = "mutants");

/// Whether the code at the site of this mutant is to be wrong.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[must_use]
pub const fn is_on(_: Mutant) -> bool {
    false
}

/// The first of all values that came since the mutant was turned on.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
#[must_use]
pub const fn first_seen(value: [u8; 8]) -> [u8; 8] {
    value
}

/// Runs code that shares a crate with what is tested and is to be right itself: a peer's stack.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub fn off_during<T>(run: impl FnOnce() -> T) -> T {
    run()
}

#[cfg(feature = "mutants")]
pub use switch::{Switch, asked, first_seen, is_on, off_during, turn_on};

#[cfg(feature = "mutants")]
mod switch {
    use std::cell::Cell;
    use std::sync::LazyLock;

    use super::Mutant;

    /// The mutant that the environment asks for, for tests that know nothing of mutants.
    static OF_ENVIRONMENT: LazyLock<Option<Mutant>> = LazyLock::new(|| {
        let name = std::env::var("MUTANT").ok()?;
        let mutant = Mutant::ALL.iter().find(|mutant| mutant.to_string() == name);
        Some(*mutant.unwrap_or_else(|| panic!("MUTANT={name}: there is no such mutant")))
    });

    thread_local! {
        static ON: Cell<Option<Mutant>> = Cell::new(*OF_ENVIRONMENT);
        static ASKED: Cell<u64> = const { Cell::new(0) };
        static FIRST: Cell<Option<[u8; 8]>> = const { Cell::new(None) };
    }

    /// Whether the code at the site of this mutant is to be wrong.
    #[must_use]
    pub fn is_on(mutant: Mutant) -> bool {
        let on = ON.get() == Some(mutant);
        if on {
            ASKED.set(ASKED.get() + 1);
        }
        on
    }

    /// The first of all values that came since the mutant was turned on.
    #[must_use]
    pub fn first_seen(value: [u8; 8]) -> [u8; 8] {
        let first = FIRST.get().unwrap_or(value);
        FIRST.set(Some(first));
        first
    }

    /// How often the mutant that is on has been met since it was turned on: 0 means that nothing was tested.
    #[must_use]
    pub fn asked() -> u64 {
        ASKED.get()
    }

    /// A mutant that is on in this thread until this is dropped.
    #[derive(Debug)]
    #[must_use = "it is off again when this is dropped"]
    pub struct Switch(());

    /// Turns a mutant on, for this thread alone and instead of any other.
    pub fn turn_on(mutant: Mutant) -> Switch {
        ON.set(Some(mutant));
        ASKED.set(0);
        FIRST.set(None);
        Switch(())
    }

    impl Drop for Switch {
        fn drop(&mut self) {
            ON.set(None);
        }
    }

    /// Runs code that shares a crate with what is tested and is to be right itself: a peer's stack.
    pub fn off_during<T>(run: impl FnOnce() -> T) -> T {
        let on = ON.replace(None);
        let result = run();
        ON.set(on);
        result
    }
}

#[cfg(all(test, feature = "mutants"))]
mod tests {
    use super::*;

    #[test]
    fn one_is_on_in_one_thread_until_its_switch_goes() {
        let switch = turn_on(Mutant::NoopFree);
        assert!(is_on(Mutant::NoopFree));
        assert!(!is_on(Mutant::FreedTwice));
        assert_eq!(asked(), 1);
        assert!(!off_during(|| is_on(Mutant::NoopFree)));
        let elsewhere = std::thread::spawn(|| is_on(Mutant::NoopFree)).join();
        assert!(!elsewhere.expect("no panic"));
        assert!(is_on(Mutant::NoopFree));
        drop(switch);
        assert!(!is_on(Mutant::NoopFree));
    }
}

#[cfg(all(test, not(feature = "mutants")))]
mod tests {
    use super::*;

    #[test]
    fn none_is_on_in_what_is_shipped() {
        // The compiler knows, too.
        const { assert!(!is_on(Mutant::NoopFree)) };
        assert!(Mutant::ALL.iter().all(|mutant| !is_on(*mutant)));
    }
}
