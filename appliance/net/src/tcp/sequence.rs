//! Sequence numbers: arithmetic modulo 2^32 (RFC 9293, 3.4).

/// A sequence number. Comparisons hold for numbers less than 2^31 apart, which
/// windows of at most 2^30 guarantee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Seq(pub u32);

impl Seq {
    /// This number moved on by `count` (windows and frames fit 32 bits).
    #[expect(clippy::cast_possible_truncation, reason = "modulo 2^32 by definition")]
    pub(crate) fn advanced(self, count: usize) -> Self {
        Self(self.0.wrapping_add(count as u32))
    }

    pub(crate) fn preceding(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// Bytes from `earlier` up to this number, 0 when it is not later.
    pub(crate) fn since(self, earlier: Self) -> usize {
        usize::try_from(self.ahead_of(earlier)).unwrap_or(0)
    }

    /// How far this number lies after `other`; negative when it lies before.
    fn ahead_of(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }

    pub(crate) fn is_after(self, other: Self) -> bool {
        self.ahead_of(other) > 0
    }

    pub(crate) fn is_before(self, other: Self) -> bool {
        other.is_after(self)
    }

    pub(crate) fn at_least(self, other: Self) -> bool {
        self.ahead_of(other) >= 0
    }

    pub(crate) fn later_of(self, other: Self) -> Self {
        if other.is_after(self) { other } else { self }
    }

    pub(crate) fn earlier_of(self, other: Self) -> Self {
        if other.is_before(self) { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::Seq;

    #[test]
    fn order_holds_across_the_wrap() {
        let before = Seq(u32::MAX - 1);
        let after = before.advanced(4);
        assert_eq!(after, Seq(2));
        assert!(after.is_after(before) && before.is_before(after));
        assert_eq!(after.since(before), 4);
        assert_eq!(before.since(after), 0);
        assert_eq!(before.later_of(after), after);
        assert_eq!(before.earlier_of(after), before);
    }
}
