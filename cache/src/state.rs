//! Where a block is in its life, and which steps are legal.

/// Where a block is in its life.
///
/// Wire references are not part of it: any state but `Free` and `Filling` may have
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum BlockState {
    /// In the pool; its bytes mean nothing.
    Free,
    /// Writable through its one [`BlockMut`](crate::BlockMut).
    Filling,
    /// Immutable and pinned, not in the index.
    Private,
    /// Immutable and in the index.
    Cached,
    /// Was in the index and is still pinned: its memory waits for the last pin.
    Unlinked,
    /// Without pins and on its way back to the pool.
    Returned,
    /// Without pins, but the wire still reads it.
    Draining,
}

/// What happens to a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockEvent {
    /// The pool hands it out.
    Allocate,
    /// Its writer makes it immutable.
    Freeze,
    /// Its only holder makes it writable again.
    Thaw,
    /// The index takes it in.
    Link,
    /// The index lets go of it.
    Unlink,
    /// The last pin goes while the index does not hold it.
    LastUnpin,
    /// The pool finds it still on the wire.
    Wait,
    /// The pool takes it back.
    Reclaim,
}

impl BlockState {
    /// Every state, in the order of a block's life.
    pub const ALL: [Self; 7] = [
        Self::Free,
        Self::Filling,
        Self::Private,
        Self::Cached,
        Self::Unlinked,
        Self::Returned,
        Self::Draining,
    ];

    /// The state after `event`, or `None` where that event cannot happen.
    #[must_use]
    pub fn after(self, event: BlockEvent) -> Option<Self> {
        match (self, event) {
            (Self::Free, BlockEvent::Allocate) => Some(Self::Filling),
            (Self::Filling, BlockEvent::Freeze) => Some(Self::Private),
            (Self::Private | Self::Unlinked, BlockEvent::Thaw) => Some(Self::Filling),
            (Self::Private | Self::Unlinked, BlockEvent::Link) => Some(Self::Cached),
            (Self::Cached, BlockEvent::Unlink) => Some(Self::Unlinked),
            (Self::Filling | Self::Private | Self::Unlinked, BlockEvent::LastUnpin) => {
                Some(Self::Returned)
            }
            (Self::Returned, BlockEvent::Wait) => Some(Self::Draining),
            (Self::Returned | Self::Draining, BlockEvent::Reclaim) => Some(Self::Free),
            _ => None,
        }
    }

    /// The state whose number is `number`.
    ///
    /// # Panics
    /// If no state has that number.
    pub(crate) fn from_number(number: u8) -> Self {
        Self::ALL[usize::from(number)]
    }
}

impl BlockEvent {
    /// Every event.
    pub const ALL: [Self; 8] = [
        Self::Allocate,
        Self::Freeze,
        Self::Thaw,
        Self::Link,
        Self::Unlink,
        Self::LastUnpin,
        Self::Wait,
        Self::Reclaim,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;

    #[test]
    fn all_steps() {
        let mut table = String::new();
        for state in BlockState::ALL {
            for event in BlockEvent::ALL {
                if let Some(next) = state.after(event) {
                    writeln!(table, "{state:?} --{event:?}--> {next:?}").unwrap();
                }
            }
        }
        insta::assert_snapshot!(table);
    }

    #[test]
    fn a_state_comes_back_from_its_number() {
        for state in BlockState::ALL {
            assert_eq!(BlockState::from_number(state as u8), state);
        }
    }
}
