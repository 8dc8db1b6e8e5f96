//! One file and its history.

use std::ops::Range;
use std::time::Duration;

use super::content::Version;
use super::extents::Extents;

/// What a file was from some time on.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) since: Duration,
    pub(crate) change: u32,
    pub(crate) extents: Extents,
    /// Whether everybody may read it.
    pub(crate) public: bool,
}

/// A file: all its states, the last of which is now, and what is stable.
#[derive(Clone, Debug, Default)]
pub(crate) struct File {
    history: Vec<State>,
    stable: Extents,
    /// The change after which the file was what is stable, if it ever was just that.
    stable_change: Option<u32>,
}

impl File {
    pub(crate) fn now(&self) -> &State {
        self.history.last().expect("a file is created with a state")
    }

    pub(crate) fn states(&self) -> usize {
        self.history.len()
    }

    pub(crate) fn history(&self) -> &[State] {
        &self.history
    }

    pub(crate) fn stable(&self) -> &Extents {
        &self.stable
    }

    /// As it is at the start, if it has never been anything.
    fn extents(&self) -> Extents {
        let now = self.history.last();
        now.map(|state| state.extents.clone()).unwrap_or_default()
    }

    fn is_public(&self) -> bool {
        self.history.last().is_some_and(|state| state.public)
    }

    pub(super) fn write(
        &mut self,
        bytes: Range<u64>,
        version: Version,
        stable: bool,
        (change, since): (u32, Duration),
    ) {
        let mut extents = self.extents();
        extents.write(bytes.clone(), version);
        if stable {
            self.stable.write(bytes, version);
            self.stable_change = (self.stable == extents).then_some(change);
        }
        self.history.push(State {
            since,
            change,
            extents,
            public: self.is_public(),
        });
    }

    /// SETATTR, which is stable at once.
    pub(super) fn set(
        &mut self,
        size: Option<u64>,
        public: Option<bool>,
        (change, since): (u32, Duration),
    ) {
        let mut extents = self.extents();
        if let Some(size) = size {
            extents.set_size(size);
            self.stable.set_size(size);
        }
        // What is stable has never been with these attributes, unless it is so now.
        self.stable_change = (self.stable == extents).then_some(change);
        self.history.push(State {
            since,
            change,
            extents,
            public: public.unwrap_or(self.is_public()),
        });
    }

    pub(super) fn commit(&mut self) {
        let now = self.now();
        let (change, extents) = (now.change, now.extents.clone());
        self.stable = extents;
        self.stable_change = Some(change);
    }

    /// Back to what is stable: with the attributes of then, if it has been just so before; with new ones if the
    /// mixture has never been before, as its times would otherwise say what is not so.
    pub(super) fn lose_unstable(&mut self, (change, since): (u32, Duration)) {
        if self.now().extents != self.stable {
            self.history.push(State {
                since,
                change: self.stable_change.unwrap_or(change),
                extents: self.stable.clone(),
                public: self.is_public(),
            });
        }
    }
}
