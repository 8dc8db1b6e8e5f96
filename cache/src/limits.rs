//! Every bound of this crate, with its reason.

/// Smallest block: one page of ordinary memory, and the smallest NFS read worth a
/// cache entry.
pub const MIN_BLOCK_SIZE: usize = 4 * 1024;

/// Largest block: the largest READ that Linux clients and servers negotiate.
pub const MAX_BLOCK_SIZE: usize = 1024 * 1024;

/// Blocks are multiples of a cache line, so that two never share one; file blocks are
/// powers of two besides, and transmit slots are as long as what they carry.
pub const BLOCK_ALIGNMENT: usize = 64;

/// Blocks of one arena: block numbers are `u32`, and one value means "none". At the
/// smallest block size this is 4 TiB, more than a core's share of any machine.
pub const MAX_BLOCKS: usize = 1 << 30;

/// Bytes of one loan to the wire: a DPDK external buffer's length is 16 bits.
pub const MAX_LOAN: usize = u16::MAX as usize;

/// References to one block, of either kind. Safe code can forget handles without
/// end; a count that wrapped to zero would hand out memory that is still read, so
/// the process aborts here. It leaves room for every thread to overshoot by one.
pub const MAX_REFERENCES: u32 = 1 << 30;

/// Blocks in limbo that one allocation looks at. The wire lets go of blocks in
/// about the order in which it got them, so the oldest are the likely ones; more
/// than a few cache lines would be felt in an allocation.
pub const LIMBO_LOOK: usize = 8;

/// Victims of one queue that are passed over because they are referenced before
/// the next queue is tried.
pub const VICTIM_LOOK: usize = 16;

/// Blocks of search credit that each allocation earns; see `Cache::allocate`.
pub const CREDIT_PER_ALLOCATION: usize = 16;

/// Highest use count of the eviction policy: two bits, as in the S3-FIFO paper;
/// more only makes a formerly hot block slower to leave.
pub const MAX_USES: u8 = 3;

const _: () = assert!(MIN_BLOCK_SIZE.is_power_of_two());
const _: () = assert!(MAX_BLOCK_SIZE.is_power_of_two());
const _: () = assert!(MAX_BLOCKS < u32::MAX as usize);
