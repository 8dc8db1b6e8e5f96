//! `[cache]`: how much is cached, in blocks of which size, and in what memory.

use serde::Deserialize;
use toml::Spanned;

use super::findings::{Findings, Section};
use super::problem::Problem;
use crate::limits;

/// The cache of the appliance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cache {
    /// Size of the arena.
    pub size: CacheSize,
    /// What memory the arena is.
    pub arena: ArenaKind,
}

/// A cache of whole blocks: the block size is a power of two from 4 KiB to 1 MiB, and there are at least
/// [`limits::CACHE_BLOCKS_MIN`] of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSize {
    size_mib: u32,
    block_kib: u32,
}

impl CacheSize {
    /// Size of the arena in MiB.
    pub fn mib(self) -> u32 {
        self.size_mib
    }

    /// Size of the arena in bytes, a multiple of [`block_bytes`](Self::block_bytes).
    pub fn bytes(self) -> usize {
        // 2^20 MiB at most, so this stays below 2^41; `usize` has 64 bits wherever DPDK runs.
        (self.size_mib as usize) << 20
    }

    /// Size of a block in bytes, a power of two.
    pub fn block_bytes(self) -> usize {
        (self.block_kib as usize) << 10
    }

    /// How many blocks there are.
    pub fn blocks(self) -> usize {
        self.bytes() / self.block_bytes()
    }
}

/// What memory holds the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArenaKind {
    /// Memory of EAL's. Works with every port.
    Eal,
    /// Hugepages mapped by the appliance and registered for DMA. Not with virtio-user.
    Hugepages,
}

impl ArenaKind {
    /// The word in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Eal => "eal",
            Self::Hugepages => "hugepages",
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCache {
    size_mib: Option<Spanned<i64>>,
    block_kib: Option<Spanned<i64>>,
    pub(super) arena: Option<Spanned<String>>,
}

const DEFAULT_SIZE_MIB: u32 = 256;

/// One READ or WRITE of a common client setting covers a few blocks, and an external buffer a block.
const DEFAULT_BLOCK_KIB: u32 = 64;

pub(super) fn check(raw: RawCache, section: &Section, findings: &mut Findings) -> Option<Cache> {
    let size_span = raw.size_mib.as_ref().map(Spanned::span);
    let block_span = raw.block_kib.as_ref().map(Spanned::span);
    let size_mib = findings.number(
        section,
        "size_mib",
        raw.size_mib,
        DEFAULT_SIZE_MIB,
        limits::SIZE_MIB,
    );
    let block_kib = findings
        .number(
            section,
            "block_kib",
            raw.block_kib,
            DEFAULT_BLOCK_KIB,
            limits::BLOCK_KIB,
        )
        .and_then(|value| {
            if value.is_power_of_two() {
                return Some(value);
            }
            let upper = value.next_power_of_two();
            let problem = Problem::NotPowerOfTwo {
                table: section.name,
                key: "block_kib",
                value,
                lower: upper / 2,
                upper,
            };
            findings.report(block_span.clone(), problem);
            None
        });
    let choices = [ArenaKind::Eal, ArenaKind::Hugepages].map(|kind| (kind.word(), kind));
    let arena = findings.choice(section, "arena", raw.arena, ArenaKind::Eal, &choices);
    let size = CacheSize {
        size_mib: size_mib?,
        block_kib: block_kib?,
    };
    let blocks = size.blocks();
    if blocks < limits::CACHE_BLOCKS_MIN {
        let span = size_span.or(block_span).or_else(|| section.span.clone());
        findings.report(
            span,
            Problem::CacheTooSmall {
                size_mib: size.size_mib,
                block_kib: size.block_kib,
                blocks,
            },
        );
        return None;
    }
    Some(Cache {
        size,
        arena: arena?,
    })
}
