//! Which mutants there are.

use core::fmt;

macro_rules! mutants {
    ($($(#[doc = $what:literal])+ $name:ident breaks $rule:literal,)+) => {
        /// One bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[doc = $what])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// What it breaks: an invariant (I1 to I12), or a rule beside them.
            #[must_use]
            pub const fn breaks(self) -> &'static str {
                match self {
                    $(Self::$name => $rule,)+
                }
            }

            /// What is wrong, in words.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($what,)+).trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    /// A block goes back to the pool with its last pin, whatever the wire still reads.
    FreeIgnoresWire breaks "I1",
    /// The wire's references are not counted at all: the block "stays wired until the reply" anyway.
    WireUncounted breaks "I1",
    /// What a WRITE to the origin is made of is let go of when TCP has it, not when the reply has come.
    KeptUntilSent breaks "I1",
    /// TCP lets go of a buffer when any byte of it is acknowledged.
    ReleasedWhenTouched breaks "I1",
    /// The free callback does nothing.
    NoopFree breaks "I2",
    /// The free callback runs twice for each attach.
    FreedTwice breaks "I2",
    /// A WRITE is put into the cached block where it lies, though others read it or the wire does.
    RewrittenInPlace breaks "I3",
    /// A record is sealed when the last slot is taken, and sealed again, under the next number, into another.
    SealedAgain breaks "I4",
    /// A full record does not consume the number it was sealed under.
    NumberReused breaks "I4",
    /// The first write verifier of the origin is given to clients for ever.
    VerifierKept breaks "I5",
    /// An UNSTABLE WRITE is confirmed as FILE_SYNC: the cache has it, after all.
    UnstableIsStable breaks "I5",
    /// What was not answered is sent again after a reconnect under a new xid.
    ResentAsNew breaks "I6",
    /// A reply is matched by its xid, whatever connection it comes on.
    ReplyFromAnywhere breaks "I7",
    /// A reply that matches no call is taken for that of the oldest.
    StrayReplySettles breaks "I7",
    /// A WRITE reply that confirms more than was sent is believed.
    CountUnchecked breaks "I8",
    /// After a short WRITE all that was to be written becomes readable.
    ShortWriteReadable breaks "I8",
    /// XDR padding is what the block happens to hold behind the data.
    PaddingFromBlock breaks "I9",
    /// A hit is served from the whole block, not from what of it is valid.
    ValidRangeIgnored breaks "I9",
    /// Any number of bytes may be pinned.
    PinBoundIgnored breaks "I10",
    /// What a client that is gone had pinned stays pinned.
    PinsKeptOnReset breaks "I11",
    /// The memory of an evicted block is used again at once, though it is pinned.
    EvictedBlockReused breaks "I12",
    /// What was read from the origin is published though a change overtook it.
    OvertakenFillPublished breaks "a fill that a change overlapped is not published",
    /// WRITEs that overlap are at the origin together.
    OverlappingWritesTogether breaks "WRITEs that overlap are serialised",
    /// Blocks stay when the origin's attributes say that the file has changed.
    ChangeUnnoticed breaks "strict coherence",
    /// Changes of others among our own are not looked for.
    ForeignChangeUnnoticed breaks "strict coherence",
    /// Blocks stay when the file is cut to another size.
    TruncationUnnoticed breaks "strict coherence",
    /// A hit is served to whoever asks.
    VerdictIgnored breaks "a hit is authorised",
    /// A verdict counts though permissions may have changed since.
    VerdictOutlivesChange breaks "a hit is authorised",
    /// A repeated call is executed again.
    DuplicateExecuted breaks "a repeated call is executed once",
    /// The byte after a block that the peer reported counts as reported.
    SackOffByOne breaks "RFC 2018",
    /// A closed window does not stop data.
    ZeroWindowIgnored breaks "RFC 9293",
    /// A segment that overlaps what has arrived is appended whole.
    OverlapDelivered breaks "RFC 9293",
    /// A record that does not authenticate is data all the same.
    TagUnchecked breaks "nothing of a record is acted on before its tag is verified",
    /// After a KeyUpdate of ours records are sealed with the old key.
    OldKeyKept breaks "RFC 8446, 4.6.3",
    /// Records under a new key go on with the numbers of the old one.
    NumberKept breaks "RFC 8446, 5.3",
    /// A KeyUpdate that answers ours is taken note of, but not its keys.
    AnswerUnheeded breaks "RFC 8446, 4.6.3",
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
